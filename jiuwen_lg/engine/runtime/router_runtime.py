"""The runtime of routers, and the targets that the routers of a component choose."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from langgraph.constants import END

from jiuwen_lg.engine.graph.router import Router
from jiuwen_lg.engine.runtime.component_runtime import ComponentRuntime
from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.schema.reference import Reference, Schema


class RouterRuntime:
    """The runtime of a router: its source's own output laid over the state.

    Writers and updaters do nothing; `executable_id` is not there.
    """

    def __init__(self, runtime: ComponentRuntime, output: Any) -> None:
        self._runtime = runtime
        self._output = output
        self.outputs: dict[str, Any] = {}

    @property
    def index(self) -> int | None:
        """The number of iterations of the loop that have ended; None outside a loop."""
        return None

    def state(self) -> RouterRuntime:
        """OpenJiuwen's way to the state: `runtime.view.channels().get_global("start.query")`."""
        return self

    def get(self, key: Any = None) -> Any:
        """`get_state`."""
        return self.get_state(key)

    def get_global(self, key: Any = None) -> Any:
        """`get_global_state`."""
        return self.get_global_state(key)

    def find(self, reference: Reference) -> Any:
        """Return what a reference of a condition stands for, as it lies in the state; None if nothing."""
        return self._runtime.view.find(reference, self._read)

    def resolve(self, schema: Schema) -> Any:
        """A schema resolved against outputs and inputs."""
        return schema.resolve(self._read)

    def look(self, schema: Schema) -> Any:
        """As `resolve`, but a reference gives what lies in the state, which must not be changed."""
        return self.find(schema) if isinstance(schema, Reference) else schema.resolve(self._read)

    def give(self, outputs: dict[str, Any]) -> None:
        """Add to the source's output."""
        self.outputs |= outputs

    def session_id(self) -> str:
        """The session."""
        return self._runtime.session_id()

    def get_state(self, key: Any = None) -> Any:
        """The source's private state, without what it has just queued."""
        return self._runtime.get_state(key)

    def get_global_state(self, key: Any = None) -> Any:
        """Global state at a key; failing that, outputs (the source's latest too) and inputs."""
        return self._runtime.view.get_global(key, self._read)

    def _read(self, name: str) -> Any:
        return self._output if name == self._runtime.local_id else self._runtime.view.read(name)

    async def trace(self, data: dict[str, Any]) -> None:
        """As the component's own."""
        await self._runtime.trace(data)

    async def trace_error(self, error: Exception) -> None:
        """As the component's own."""
        await self._runtime.trace_error(error)

    def get_env(self, key: str) -> None:
        """Nothing."""

    def update_state(self, data: Any) -> None:
        """Does nothing."""

    def update_global_state(self, data: Any) -> None:
        """Does nothing."""

    def stream_writer(self) -> None:
        """Nothing."""

    def custom_writer(self) -> None:
        """Nothing."""

    async def write_stream(self, data: Any) -> None:
        """Does nothing."""

    async def write_custom_stream(self, data: Any) -> None:
        """Does nothing."""


async def route(source: str, routers: Sequence[Router], view: RouterRuntime, ids: Collection[str]) -> list[str]:
    """Return the targets that all routers of a source choose, each once.

    Raises:
        JiuWenBaseException: 100100, a router failed or named a component that is not there.
    """
    targets: dict[str, None] = {}
    for router in routers:
        try:
            targets |= dict.fromkeys(await router.targets(view))
        except JiuWenBaseException:
            raise
        except Exception as error:
            text = f"the router of component [{source}] failed: {error}"
            raise StatusCode.WORKFLOW_EXECUTE_INNER_ERROR.error(error=text) from error
    if unknown := [target for target in targets if target != END and target not in ids]:
        text = f"the router of component [{source}] chose {unknown}; there are {sorted(ids)}"
        raise StatusCode.WORKFLOW_EXECUTE_INNER_ERROR.error(error=text)
    return [target for target in targets if target != END]
