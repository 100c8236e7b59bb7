"""The runtime that a component receives for one execution."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from hashlib import sha256
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import Interrupt

from jiuwen_lg.engine.graph.state import SET, TAKEN, patched_loop, with_values
from jiuwen_lg.engine.pregel.keys import namespace_around
from jiuwen_lg.engine.runtime.asking import Asking
from jiuwen_lg.engine.runtime.interrupt_replay import InterruptReplay
from jiuwen_lg.engine.runtime.interrupts import NOTHING_CARRIED, Carried
from jiuwen_lg.engine.runtime.parent import ParentComponent
from jiuwen_lg.engine.runtime.run_context import RunContext
from jiuwen_lg.engine.runtime.state_view import StateView
from jiuwen_lg.engine.runtime.tracing import BufferedSpan, Span
from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.output import BaseStreamMode, CustomSchema, OutputSchema, output_frame
from jiuwen_lg.resources import ResourceAccess
from jiuwen_lg.runtime import Runtime, read_state
from jiuwen_lg.schema.answer_schema import fitted, json_schema_of
from jiuwen_lg.schema.path import MISSING, Path
from jiuwen_lg.schema.values import (
    assign,
    deep_copy,
    normalize,
    patch_global,
    patch_private,
    require_depth,
    storable_at,
)


class ComponentRuntime(ResourceAccess, Runtime):
    """One execution of one component.

    Reads come from the state as it was when the execution began; writes are queued and
    leave with the component's output (`private_patches`, `global_patches`).

    Args:
        id: The id by which the component's own graph knows it.
        task_id: The LangGraph task.
        run_context: The run.
        state: The graph's state.
        carried: What an interrupted execution of the same task left.
        parent: The component inside which the graph runs.
        config: The config of the component's node.
    """

    def __init__(
        self,
        id: str,
        task_id: str,
        run_context: RunContext,
        state: Mapping[str, Any],
        carried: Carried = NOTHING_CARRIED,
        parent: ParentComponent | None = None,
        config: RunnableConfig | None = None,
    ) -> None:
        self._config: RunnableConfig = config or {}
        self.local_id = id
        self.parent = parent
        self._id = parent.executable_id(id) if parent is not None else id
        self._task_id = task_id
        self._execution = task_id
        self._run_context = run_context
        self._resources = run_context.resources
        self.view: StateView = StateView(state, id, parent)
        self.replay: InterruptReplay = InterruptReplay(self._id, task_id, run_context.answers, carried)
        self._private: dict[str, Any] = state["own"].get(self._id) or {} if carried.state is None else carried.state
        self._private_then = self._private
        self._world_then: dict[str, Any] = state["world"]
        self.private_patches: list[Any] = [] if carried.state is None else [None, carried.state]
        self.global_patches: list[dict[str, Any]] = []
        self.loop_patches: list[dict[str, Any]] = []
        self.value_patches: list[Any] = []
        self.inner_states: dict[str, Any] = {}
        self.inner_patches: list[dict[str, Any]] = []
        self.label = ""
        self.inputs: Any = None
        self.fell_back = False
        self.ability = "invoke"
        self.is_sync = False
        self.attempt = 1
        self.span: Span | None = None
        self.late_span: BufferedSpan | None = None
        self.frame_sink: Callable[[Any], Awaitable[None]] | None = None
        self.batch_inputs: Awaitable[Any] | None = None
        self._is_fed = False
        self._askings: list[Asking] = []

    def executable_id(self) -> str:
        return self._id

    def session_id(self) -> str:
        return self._run_context.session_id

    @property
    def idempotency_key(self) -> str:
        where = self._config.get("configurable", {})
        graph = namespace_around(str(where.get("checkpoint_ns", "")))
        names = (str(where.get("thread_id")), graph, self._execution, self._id)
        return sha256("\0".join(names).encode()).hexdigest()[:32]

    @property
    def config(self) -> RunnableConfig:
        return self._config

    def base(self) -> ComponentRuntime:
        """The inner runtime, which is this one."""
        return self

    # --- state ---

    @property
    def run_context(self) -> RunContext:
        """The run."""
        return self._run_context

    def get_state(self, key: Any = None) -> Any:
        return read_state(self._private, key) if self._private else None

    def update_state(self, data: dict[str, Any] | None) -> None:
        patch = None if data is None else _patch(data, "update_state")
        self._private_then = patch_private(self._private_then, patch)  # refuses what cannot be applied
        self.private_patches.append(patch)

    def get_global_state(self, key: Any = None) -> Any:
        return self.view.get_global(key)

    def update_global_state(self, data: dict[str, Any] | None) -> None:
        if data is not None:
            patch = _patch(data, "update_global_state")
            self._world_then = patch_global(self._world_then, patch)
            self.global_patches.append(patch)

    # --- the loop around ---

    @property
    def iteration(self) -> tuple[int, ...]:
        """The indexes of the loops around, outermost first."""
        if self.parent is None:
            return ()
        own = (int(self.view.channels["loop"].get("index") or 0),) if self.parent.is_loop else ()
        return (*self.parent.iteration, *own)

    def set_variable(self, path: Path, value: Any) -> None:
        """Set what `${…}` stands for: a variable of the loop around, else a value of the workflow or the body.

        Components that run later see it.

        Raises:
            ValueError: The path leads beyond the end of a list.
        """
        name, rest = str(path[0]), path[1:]
        if self.parent is not None and self.parent.is_loop and name == self.parent.local_id:
            self._set_loop_variable(rest, value)
            return
        found = self.view.read(name)
        base = {} if found is MISSING or not isinstance(found, dict | list) else deep_copy(found)
        if rest:
            assign(base, rest, value, lambda _, new: new)  # refuses what cannot be set
        self.value_patches.append([name, list(rest), normalize(value), base])

    def values_set(self) -> dict[str, Any]:
        """Return the values by name that `${…}` finds although no component gave them, with this execution's own."""
        return with_values(self.view.channels["io"].get(SET, {}), self.value_patches)

    # --- the loop around ---

    def _set_loop_variable(self, path: Path, value: Any) -> None:
        loop = patched_loop(self.view.channels["loop"], self.loop_patches)
        assign(loop.get("vars", {}), path, value, lambda _, new: new)  # refuses what cannot be set
        self.loop_patches.append({"vars": [[list(path), normalize(value)]]})

    def break_loop(self) -> None:
        """Let this round be the loop's last.

        Raises:
            JiuWenBaseException: 101180, there is no loop around.
        """
        if self.parent is None or not self.parent.is_loop:
            raise StatusCode.BREAK_COMPONENT_INIT_ERROR.error(
                error_msg=f"component [{self._id}] is not in a loop: put it into a LoopGroup"
            )
        self.loop_patches.append({"broken": True})

    # --- frames ---

    def for_consumer(self, id: str) -> ComponentRuntime:
        """The runtime of a component that works on frames beside this execution."""
        runtime = ComponentRuntime(
            id, self._task_id, self._run_context, self.view.channels, parent=self.parent, config=self._config
        )
        # It may be repeated in its own turn, so the producer's task does not name it; what it has dealt with does.
        taken = self.view.frames.get(f"{TAKEN}{id}", {})
        runtime._execution = f"{self.view.channels.get('loop', {}).get('index')} {sorted(taken.items())}"
        runtime._is_fed = True
        runtime.late_span = BufferedSpan() if self._run_context.tracer is not None else None
        return runtime

    def merge_updates(self, for_consumer: ComponentRuntime) -> None:
        """Make the changes of state that the component queued beside its producer its turn's own."""
        self.private_patches += for_consumer.private_patches
        self.global_patches += for_consumer.global_patches
        self.loop_patches += for_consumer.loop_patches
        self.value_patches += for_consumer.value_patches
        self._askings += for_consumer._askings

    # --- the run inside ---

    def apply_subgraph(self, states: Mapping[str, Any], patches: list[dict[str, Any]]) -> None:
        """Take over what the run inside changed: private states by executable id, global updates."""
        then = self.view.channels["own"]
        self.inner_states = {id: state for id, state in states.items() if then.get(id) is not state}
        self.inner_patches = patches

    # --- questions ---

    def interact(
        self, value: Any, schema: Any = None, *, id: str | None = None, strict: bool = False
    ) -> Coroutine[Any, Any, Any]:
        asking = Asking(lambda: self._interact(value, schema, id, strict))
        self._askings.append(asking)
        return asking

    def unawaited(self) -> Asking | None:
        """Return the first call of `interact` that nothing awaits."""
        return next((asking for asking in self._askings if not asking.is_awaited), None)

    async def _interact(self, value: Any, schema: Any, name: str | None, is_strict: bool) -> Any:
        require_depth(value)
        question: dict[str, Any] = {"value": value}
        if (wanted := json_schema_of(schema)) is not None:
            question["schema"] = wanted
        if self.label:
            question["label"] = self.label
        while True:
            answer = await self._answered_question(question, name, is_strict)
            try:
                return fitted(answer, schema)
            except ValueError as error:  # of a caller that hands answers over unseen
                question = {**question, "error": str(error)}
            except JiuWenBaseException as error:
                question = {**question, "error": error.message}

    async def _answered_question(self, question: dict[str, Any], name: str | None, is_strict: bool) -> Any:
        value = question["value"]
        if self._is_fed:
            raise StatusCode.INTERACTIVE_NOT_SUPPORT_STREAM_ERROR.error()
        if not self._run_context.can_pause:
            raise StatusCode.STORE_OFF.error(reason=f"component [{self._id}] asked {value!r}")
        return normalize(await self.replay.answer(question, name, is_strict=is_strict))

    @property
    def has_answer(self) -> bool:
        return self._run_context.answers.has_early(self._id)

    def pause(self) -> list[Interrupt]:
        """Return the open questions as interrupts, made to carry what the next execution must know."""
        return self.replay.interrupts(self._private_then if self.private_patches else None)

    def discard_updates(self) -> None:
        """The component has failed and something else counts: what it queued and asked is dropped."""
        self.private_patches, self.global_patches, self.loop_patches = [], [], []
        self.value_patches = []
        self.inner_states, self.inner_patches, self._askings = {}, [], []
        self.replay.discard()
        inside = f"{self._id}."
        self._run_context.questions[:] = [q for q in self._run_context.questions if not q.id.startswith(inside)]

    def finish(self) -> None:
        """The component has completed: its global updates are shared."""
        self._run_context.completed.add(self._id)
        for patch in self.global_patches:
            self._run_context.on_global_update(patch)

    # --- frames and settings ---

    async def write_stream(self, data: dict[str, Any] | OutputSchema) -> None:
        if BaseStreamMode.OUTPUT in self._run_context.sink.modes:
            await self._run_context.sink.emit(output_frame(data))

    async def write_custom_stream(self, data: dict[str, Any] | CustomSchema) -> None:
        if BaseStreamMode.CUSTOM in self._run_context.sink.modes:
            await self._run_context.sink.emit(data if isinstance(data, CustomSchema) else CustomSchema(**data))

    def stream_writer(self) -> Any:
        """Return a writer with an async `write(frame)` for output frames; None if they are not read."""
        return FrameWriter(self.write_stream) if BaseStreamMode.OUTPUT in self._run_context.sink.modes else None

    def custom_writer(self) -> Any:
        """Return a writer with an async `write(frame)` for custom frames; None if they are not read."""
        return FrameWriter(self.write_custom_stream) if BaseStreamMode.CUSTOM in self._run_context.sink.modes else None

    async def trace(self, data: dict[str, Any]) -> None:
        """Add to the component's trace; nothing if nobody reads it."""
        if (span := self.span or self.late_span) is not None:
            await span.running(data)

    async def trace_error(self, error: Exception) -> None:
        if error is None:
            raise StatusCode.RUNTIME_TRACE_ERROR_FAILED.error()
        if (span := self.span or self.late_span) is not None:
            await span.failed(error)

    def get_env(self, key: str) -> Any:
        return self._run_context.envs.get(key)

    def get_current_workflow_config(self) -> Any:
        """The configuration of the workflow that the component belongs to; None in a graph of others."""
        return self.parent.workflow_config if self.parent is not None else self._run_context.workflow_config

    def get_agent_config(self) -> Any:
        """The agent's configuration; None outside an agent."""
        return self._resources.agent_config

    def get_workflow_config(self, workflow_id: str) -> Any:
        """The configuration of the component's workflow, or of one that was added; None for any other."""
        current = self.get_current_workflow_config()
        is_current = current is not None and current.metadata.id == workflow_id
        return current if is_current else super().get_workflow_config(workflow_id)

    async def pre_run(self, **kwargs: Any) -> None:
        """Does nothing."""

    async def post_run(self) -> None:
        """Does nothing."""

    async def release(self, session_id: str) -> None:
        """Does nothing."""


class FrameWriter:
    """openJiuwen's writer objects, for components that ask for one."""

    def __init__(self, write: Callable[[Any], Awaitable[None]]) -> None:
        self.write = write


def _patch(data: Any, method: str) -> dict[str, Any]:
    """A detached, normalised patch; its top-level keys stay paths."""
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        raise ValueError(f"{method} takes a dict with strings as keys, not {data!r}")
    return {key: storable_at(key, value) for key, value in data.items()}
