"""A runtime for a component that is called by hand, outside a workflow.

`await LLMExecutable(config).invoke(inputs, WrappedNodeRuntime(NodeRuntime(WorkflowRuntime(), "llm")), None)`
is openJiuwen's way to test one component. Facts: `components.md` 1.8.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from langchain_core.runnables import RunnableConfig
from langgraph.types import Interrupt

from jiuwen_lg.engine.runtime.interrupts import InteractionRequired
from jiuwen_lg.errors import StatusCode
from jiuwen_lg.output import CustomSchema, OutputSchema
from jiuwen_lg.resources import ResourceAccess
from jiuwen_lg.runtime import Runtime, WorkflowRuntime, read_state
from jiuwen_lg.schema.values import deep_copy, patch_global, patch_private


class NodeRuntime:
    """The place of a component in a workflow that is not run.

    Args:
        parent: The workflow's runtime.
        node_id: The component's id.
    """

    def __init__(self, parent: WorkflowRuntime, node_id: str = "") -> None:
        self.parent = parent
        self.node_id = node_id


class WrappedNodeRuntime(ResourceAccess, Runtime):
    """The runtime of a component that is called by hand: its states are this object's own and change at once.

    Args:
        node: Where the component would be.

    Attributes:
        frames: What it has written to streams.
        traced: What it has added to its trace.
    """

    def __init__(self, node: NodeRuntime) -> None:
        self._node = node
        self._resources = node.parent.resources
        self._private: dict[str, Any] = {}
        self._world: dict[str, Any] = {}
        self._key = uuid4().hex
        self.frames: list[Any] = []
        self.traced: list[Any] = []

    def base(self) -> NodeRuntime:
        """As given."""
        return self._node

    def executable_id(self) -> str:
        return self._node.node_id

    def session_id(self) -> str:
        return self._node.parent.session_id()

    @property
    def idempotency_key(self) -> str:
        return self._key

    @property
    def config(self) -> RunnableConfig:
        return self._node.parent.runnable_config

    def get_state(self, key: Any = None) -> Any:
        return read_state(self._private, key) if self._private else None

    def update_state(self, data: dict[str, Any] | None) -> None:
        self._private = patch_private(self._private, deep_copy(data))

    def get_global_state(self, key: Any = None) -> Any:
        return None if key is None else read_state(self._world, key)

    def update_global_state(self, data: dict[str, Any] | None) -> None:
        self._world = patch_global(self._world, deep_copy(data or {}))

    @property
    def has_answer(self) -> bool:
        return False

    async def interact(self, value: Any, schema: Any = None, *, id: str | None = None, strict: bool = False) -> Any:
        raise InteractionRequired(Interrupt({"id": self._node.node_id, "index": 0, "value": value}))

    async def write_stream(self, data: dict[str, Any] | OutputSchema) -> None:
        self.frames.append(data)

    async def write_custom_stream(self, data: dict[str, Any] | CustomSchema) -> None:
        self.frames.append(data)

    def stream_writer(self) -> None:
        """Nobody reads."""

    def custom_writer(self) -> None:
        """Nobody reads."""

    async def trace(self, data: dict[str, Any]) -> None:
        """Keep what would be told."""
        self.traced.append(data)

    async def trace_error(self, error: Exception) -> None:
        """Keep what would be told.

        Raises:
            JiuWenBaseException: 191001, there is no error.
        """
        if error is None:
            raise StatusCode.RUNTIME_TRACE_ERROR_FAILED.error()
        self.traced.append(error)

    def get_env(self, key: str) -> Any:
        return self._node.parent.config().get_env(key)
