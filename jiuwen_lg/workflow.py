"""The builder: components and connections in, a runnable workflow out.

Signatures as in openJiuwen 0.1.1 (`engine.md` 1.2), plus what durable sessions add:
`pending`, `snapshot` and `discard`.
"""

from __future__ import annotations

import asyncio
import re
import warnings
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import Any, Self

from jiuwen_lg.component import WorkflowComponent
from jiuwen_lg.config import CompIOConfig, ComponentAbility, NodeSpec, WorkflowConfig
from jiuwen_lg.drawing import to_mermaid
from jiuwen_lg.engine.compiler import WorkflowGraph, compile_graph
from jiuwen_lg.engine.definition import ComponentSpec, Connection, Definition
from jiuwen_lg.engine.interaction import Question
from jiuwen_lg.engine.program import Program
from jiuwen_lg.engine.progress import read_progress
from jiuwen_lg.engine.reader import FrameReader
from jiuwen_lg.engine.sessions import Record
from jiuwen_lg.engine.store import Store, current_store
from jiuwen_lg.engine.turn import Outcome, Turn
from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.output import (
    WORKFLOW_FINAL,
    BaseStreamMode,
    InteractionOutput,
    OutputSchema,
    PendingQuestion,
    SessionSnapshot,
    WorkflowChunk,
    WorkflowExecutionState,
    WorkflowOutput,
)
from jiuwen_lg.runtime import WorkflowRuntime
from jiuwen_lg.tool_info import Parameters, ToolInfo

_COMPONENT_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
_OUTPUT_ONLY = frozenset({BaseStreamMode.OUTPUT})
_STREAM_INPUT = {ComponentAbility.TRANSFORM, ComponentAbility.COLLECT}


class Workflow:
    """A workflow: build it, then run it for any number of sessions, at the same time too.

    Args:
        workflow_config: Metadata and input schema. A workflow whose sessions are resumed
            by another process is best given a `WorkflowMetadata(id=...)`.
        keep_history: Keep the checkpoints of finished runs.
    """

    def __init__(self, workflow_config: WorkflowConfig | None = None, *, keep_history: bool = False) -> None:
        config = workflow_config or WorkflowConfig()
        self._config = config.model_copy(update={"spec": config.spec.model_copy(deep=True)})
        self._definition = Definition()
        self._keep_history = keep_history
        self._program: Program | None = None

    def config(self) -> WorkflowConfig:
        """The configuration given at construction; `spec` tells what was built."""
        return self._config

    def get_tool_info(self) -> ToolInfo:
        """The workflow as a language model is told of it: name, description, schema of its inputs."""
        metadata = self._config.metadata
        parameters = Parameters.of(self._config.workflow_inputs_schema)
        return ToolInfo(name=metadata.name, description=metadata.description, parameters=parameters)

    # --- building ---

    def add_workflow_comp(
        self,
        comp_id: str,
        workflow_comp: Any,
        *,
        wait_for_all: bool | None = None,
        inputs_schema: dict[str, Any] | None = None,
        outputs_schema: dict[str, Any] | None = None,
        inputs_transformer: Callable[..., Any] | None = None,
        outputs_transformer: Callable[..., Any] | None = None,
        stream_inputs_schema: dict[str, Any] | None = None,
        stream_outputs_schema: dict[str, Any] | None = None,
        stream_outputs_transformer: Callable[..., Any] | None = None,
        comp_ability: list[ComponentAbility] | None = None,
    ) -> Self:
        """Add a component.

        Args:
            comp_id: 1 to 100 ASCII letters, digits, `_` or `-`; unique.
            workflow_comp: A `WorkflowComponent`, or any object with an async `invoke`.
            wait_for_all: Run only when all predecessors have run (default: after any).
            inputs_schema: Where the inputs come from: `{"x": "${start.query}"}`.
            outputs_schema: What of the output is kept, under which names.
            inputs_transformer: Makes the inputs instead of `inputs_schema`.
            outputs_transformer: Makes the output instead of `outputs_schema`.

        Raises:
            JiuWenBaseException: -1 for a malformed id, 110003 for a used one, 100002 for an
                object that cannot run.
        """
        node = _node(inputs_schema, outputs_schema, inputs_transformer, outputs_transformer, comp_ability)
        if wait_for_all is False and _STREAM_INPUT & set(node.abilities):
            raise StatusCode.ERROR.error(
                reason=f"[{comp_id}] takes frames, so it waits for all: drop wait_for_all=False"
            )
        _refuse_streams(stream_inputs_schema, stream_outputs_schema, stream_outputs_transformer, node.abilities)
        return self._add(comp_id, workflow_comp, node, wait_for_all=bool(wait_for_all), is_exit=False)

    def set_start_comp(
        self,
        start_comp_id: str,
        component: Any,
        inputs_schema: dict[str, Any] | None = None,
        outputs_schema: dict[str, Any] | None = None,
        inputs_transformer: Callable[..., Any] | None = None,
        outputs_transformer: Callable[..., Any] | None = None,
    ) -> Self:
        """Add the component where runs begin; arguments as in `add_workflow_comp`."""
        node = _node(inputs_schema, outputs_schema, inputs_transformer, outputs_transformer)
        self._add(start_comp_id, component, node, wait_for_all=False, is_exit=False)
        return self.start_comp(start_comp_id)

    def set_end_comp(
        self,
        end_comp_id: str,
        component: Any,
        inputs_schema: dict[str, Any] | None = None,
        outputs_schema: dict[str, Any] | None = None,
        inputs_transformer: Callable[..., Any] | None = None,
        outputs_transformer: Callable[..., Any] | None = None,
        stream_inputs_schema: dict[str, Any] | None = None,
        stream_outputs_schema: dict[str, Any] | None = None,
        stream_outputs_transformer: Callable[..., Any] | None = None,
        response_mode: str | None = None,
    ) -> Self:
        """Add the component whose output is the result; of several, the one set last counts."""
        _refuse_streams(stream_inputs_schema, stream_outputs_schema, stream_outputs_transformer)
        if response_mode == "streaming":
            raise NotImplementedError('response_mode="streaming" comes with the streams of a later release')
        node = _node(inputs_schema, outputs_schema, inputs_transformer, outputs_transformer)
        self._add(end_comp_id, component, node, wait_for_all=False, is_exit=True)
        self._definition.end_at(end_comp_id)
        return self

    def _add(self, comp_id: str, component: Any, node: NodeSpec, *, wait_for_all: bool, is_exit: bool) -> Self:
        self._check_id(comp_id)
        executable = _executable_of(component)
        self._definition.add(
            ComponentSpec.parse(comp_id, executable, node.io_config, wait_for_all=wait_for_all, is_exit=is_exit)
        )
        self._config.spec.comp_configs[comp_id] = node
        return self

    def _check_id(self, comp_id: str) -> None:
        if not isinstance(comp_id, str) or not _COMPONENT_ID.fullmatch(comp_id):
            raise StatusCode.ERROR.error(
                reason=f"a component id has 1 to 100 ASCII letters, digits, '_' or '-', which {comp_id!r} has not"
            )
        if comp_id.startswith("__") and comp_id.endswith("__"):
            raise StatusCode.ERROR.error(reason=f"ids like {comp_id!r} are LangGraph's own: drop the underscores")
        if comp_id in self._definition.components:
            raise StatusCode.GRAPH_ADD_NODE_FAILED.error(node_id=comp_id, reason="the id is used already")

    def start_comp(self, id: str) -> Self:
        """Let runs begin at a component that has been added (low level).

        Raises:
            JiuWenBaseException: 110001, there is no such component.
        """
        if id not in self._definition.components:
            raise StatusCode.GRAPH_SET_START_NODE_FAILED.error(reason=f"{id!r} was not added")
        self._definition.start_at(id)
        return self

    def end_comp(self, id: str) -> Self:
        """Mark a component that has been added as an exit (low level); only `set_end_comp` gives a result.

        Raises:
            JiuWenBaseException: 110002, there is no such component.
        """
        if id not in self._definition.components:
            raise StatusCode.GRAPH_SET_END_NODE_FAILED.error(reason=f"{id!r} was not added")
        return self

    def add_connection(self, src_comp_id: str | list[str], target_comp_id: str) -> Self:
        """Let the target run after the source; after all of them, if a list is given.

        The components may be added later; ids that are missing when the workflow runs are 110006.

        Raises:
            JiuWenBaseException: 110004, an id is missing here.
        """
        sources = tuple(src_comp_id) if isinstance(src_comp_id, (list, tuple)) else (src_comp_id,)
        ids = (*sources, target_comp_id)
        if not sources or not all(isinstance(i, str) and i for i in ids):
            raise StatusCode.GRAPH_ADD_EDGE_FAILED.error(
                source=src_comp_id, target=target_comp_id, reason="both ends need a component id"
            )
        self._definition.connect(Connection(tuple(dict.fromkeys(sources)), target_comp_id))
        for source in sources:
            self._config.spec.edges.setdefault(source, []).append(target_comp_id)
        return self

    def add_conditional_connection(self, src_comp_id: str, router: Callable[..., Any]) -> Self:
        """Let a function choose, after the source has run, which components run next.

        Several routers on one source add up, as do plain connections. A router that raises
        makes its source fail; a retry runs both again.

        Args:
            src_comp_id: The source.
            router: Called as `router()`, or as `router(runtime=...)` if it has a parameter of
                that name; it gives an id, several (all run at once), or none. It may be async.

        Raises:
            JiuWenBaseException: 110005, the source or the router is missing. When it runs,
                100100 for a router that fails or names a component that is not there.
        """
        if not src_comp_id or not isinstance(src_comp_id, str):
            raise StatusCode.GRAPH_ADD_CONDITION_EDGE_FAILED.error(source=src_comp_id, reason="it needs a component id")
        if not callable(router):
            raise StatusCode.GRAPH_ADD_CONDITION_EDGE_FAILED.error(
                source=src_comp_id, reason=f"a router is a function, {router!r} is not"
            )
        self._definition.route(src_comp_id, router)
        return self

    def add_stream_connection(self, src_comp_id: str, target_comp_id: str) -> Self:
        """Let frames flow from one component to another.

        Raises:
            NotImplementedError: Streams between components come with a later release.
        """
        raise NotImplementedError("streams between components come with a later release")

    # --- compiling ---

    def compile(self, checkpointer: Any = None, **options: Any) -> WorkflowGraph:
        """The workflow as a LangGraph graph: input `{"inputs": {...}}`, output `{"result": ...}`.

        Args:
            checkpointer: Any LangGraph saver; without one the graph uses its parent's or its server's.
            options: Those of LangGraph's `StateGraph.compile`.

        Raises:
            JiuWenBaseException: 110006, a connection names a component that was never added.
        """
        if isinstance(checkpointer, WorkflowRuntime):  # openJiuwen's signature
            checkpointer = None
        inputs = self._config.workflow_inputs_schema
        return compile_graph(self._definition, inputs, checkpointer=checkpointer, **options)

    def to_mermaid(self, title: str = "") -> str:
        """The workflow as Mermaid text, made without a network.

        Raises:
            JiuWenBaseException: 110006, a connection names a component that was never added.
        """
        return to_mermaid(self._definition, title)

    def _compiled(self) -> Program:
        """The program of the definition as it is now; compiled again after an edit."""
        program = self._program
        if program is None or program.edits != self._definition.edits:
            program = Program(self._definition, self._config, keep_history=self._keep_history)
            self._program = program
        return program

    # --- running ---

    async def invoke(self, inputs: Any, runtime: WorkflowRuntime | None = None, context: Any = None) -> WorkflowOutput:
        """Run to the end or to the next questions.

        Args:
            inputs: A dict starts a run; an `InteractiveInput` goes on with the session's paused or failed one.
            runtime: Names the session; without it a new one is made (`WorkflowOutput.session_id`).
            context: What components receive as their third argument.

        Returns:
            The End component's output (COMPLETED), or the frames of this turn with the
            questions among them in the order of their components (INPUT_REQUIRED).

        Raises:
            JiuWenBaseException: 100005 for a component that failed; 100006 for a dict while the
                session is unfinished; 100101 after `_execute_timeout` seconds (60); 1009xx for
                answers and sessions that do not fit; 110006 for a workflow that is not complete.
        """
        runtime = runtime or WorkflowRuntime()
        frames: list[WorkflowChunk] = []

        async def collect(frame: WorkflowChunk) -> None:
            frames.append(frame)

        turn = self._turn(runtime, context, _OUTPUT_ONLY, collect, StatusCode.WORKFLOW_INVOKE_TIMEOUT)
        outcome = await turn.run(inputs)
        if outcome.questions:
            listed = _in_order(frames, outcome.questions)
            return _output(listed, WorkflowExecutionState.INPUT_REQUIRED, runtime)
        return _output(outcome.result, WorkflowExecutionState.COMPLETED, runtime)

    async def stream(
        self,
        inputs: Any,
        runtime: WorkflowRuntime | None = None,
        context: Any = None,
        stream_modes: list[BaseStreamMode] | None = None,
    ) -> AsyncIterator[WorkflowChunk]:
        """Run as `invoke` does and yield frames while they are made.

        Questions are frames of type `__interaction__`; the result comes last, as a frame of
        type `workflow_final`. Closing the generator early stops the run and leaves the
        session resumable. A component that writes waits while 1024 frames are unread.

        Args:
            inputs: As in `invoke`.
            runtime: As in `invoke`.
            context: As in `invoke`.
            stream_modes: The kinds of frames to deliver; all by default.

        Raises:
            JiuWenBaseException: As `invoke` does, after the frames made so far; 100102 instead of 100101.
        """
        modes = frozenset(BaseStreamMode if stream_modes is None else map(_mode, stream_modes))
        reader = FrameReader()
        turn = self._turn(runtime or WorkflowRuntime(), context, modes, reader.put, StatusCode.WORKFLOW_STREAM_TIMEOUT)
        task = asyncio.ensure_future(turn.run(inputs))
        task.add_done_callback(lambda _: reader.close())
        try:
            async for frame in reader.frames():
                yield frame
            outcome = await task
            if not outcome.questions and outcome.result:
                yield OutputSchema(type=WORKFLOW_FINAL, index=0, payload=outcome.result)
        finally:
            await _stopped(task)

    def _turn(self, runtime: WorkflowRuntime, context: Any, modes: Any, emit: Any, timeout_code: StatusCode) -> Turn:
        return Turn(self._compiled(), runtime, context, modes=modes, emit=emit, timeout_code=timeout_code)

    # --- sessions ---

    async def pending(self, session_id: str | None = None) -> list[PendingQuestion]:
        """The questions of this workflow that wait for an answer: of one session, or of all, oldest first.

        A session whose row is damaged is left out with a warning.
        """
        store, program = await self._store(), self._compiled()
        records = await store.database.call(lambda: store.sessions.unfinished(program.identity, session_id))
        pending: list[PendingQuestion] = []
        for record in records:
            try:
                questions = await self._open_questions(store, program, record)
            except JiuWenBaseException as error:
                warnings.warn(str(error), RuntimeWarning, stacklevel=2)
                continue
            pending += [
                PendingQuestion(record.row.session_id, record.row.updated_at, question.to_chunk().payload)
                for question in questions
            ]
        return pending

    async def _open_questions(self, store: Store, program: Program, record: Record) -> Sequence[Question]:
        """What a session asks; what a failed or killed run asks is found in its checkpoint only."""
        if record.row.status == "waiting":
            return record.questions
        if store.sessions.is_running(record):
            return ()
        return (await read_progress(program, store, record)).situation.questions

    async def snapshot(self, session_id: str) -> SessionSnapshot | None:
        """Where a session stands; None if it is not on file."""
        store, program = await self._store(), self._compiled()
        record = await store.database.call(lambda: store.sessions.find(session_id, program.identity))
        if record is None:
            return None
        if record.is_done:
            return _snapshot(record, "done", {}, [], [])
        progress = await read_progress(program, store, record)
        status = "failed" if progress.situation.is_broken else "waiting"
        if store.sessions.is_running(record):
            status = "running"
        return _snapshot(record, status, progress.state, progress.next_ids, progress.situation.questions)

    async def discard(self, session_id: str) -> bool:
        """Drop what a session has not finished of this workflow; False if there was nothing.

        Raises:
            JiuWenBaseException: 100904, a run is in progress.
        """
        store, program = await self._store(), self._compiled()
        return bool(await store.database.call(lambda: store.sessions.discard(session_id, program.identity)))

    async def _store(self) -> Store:
        store = await current_store()
        if store is None:
            raise StatusCode.STORE_OFF.error(reason="there are no sessions to look at")
        return store


def _snapshot(
    record: Record, status: str, state: dict[str, Any], next_nodes: list[str], questions: Sequence[Question]
) -> SessionSnapshot:
    first = questions[0] if questions else None
    return SessionSnapshot(
        session_id=record.row.session_id,
        status=status,
        node=first.id if first else next(iter(next_nodes), None),
        state=state,
        next_nodes=next_nodes,
        interrupt_value=first.value if first else None,
        questions=[question.to_chunk().payload for question in questions],
        result=record.result,
        error=record.row.error,
    )


def _executable_of(component: Any) -> Any:
    """What runs: a component's executable, or the object itself if it has an async `invoke`."""
    if isinstance(component, WorkflowComponent) or hasattr(component, "to_executable"):
        return component.to_executable()
    if callable(getattr(component, "invoke", None)):
        return component
    raise StatusCode.COMPONENT_NOT_EXECUTABLE_ERROR.error(component=repr(component))


def _mode(mode: Any) -> BaseStreamMode:
    """A kind of frames, also by its name; anything else raises ValueError."""
    return BaseStreamMode(mode)


def _refuse_streams(*later: Any) -> None:
    """Stream schemas and abilities are not there yet, and ignoring them would give wrong results."""
    if any(part for part in later if part != [ComponentAbility.INVOKE]):
        raise NotImplementedError("stream schemas and stream abilities come with the streams of a later release")


def _node(
    inputs_schema: Any, outputs_schema: Any, inputs_transformer: Any, outputs_transformer: Any, abilities: Any = None
) -> NodeSpec:
    """The configuration of a component; pydantic refuses schemas that are no dicts and the like."""
    io = CompIOConfig(
        inputs_schema=inputs_schema,
        outputs_schema=outputs_schema,
        inputs_transformer=inputs_transformer,
        outputs_transformer=outputs_transformer,
    )
    return NodeSpec(io_config=io, abilities=abilities or [])


def _in_order(frames: list[WorkflowChunk], questions: list[Question]) -> list[WorkflowChunk]:
    """The frames as they came, with the questions in the order of their components."""
    ordered = iter([question.to_chunk() for question in questions])
    return [next(ordered, frame) if _is_question(frame) else frame for frame in frames]


def _is_question(frame: WorkflowChunk) -> bool:
    """Whether a frame is a question of the engine's (a component may write one that looks like it)."""
    return (
        isinstance(frame, OutputSchema) and isinstance(frame.payload, InteractionOutput) and bool(frame.payload.token)
    )


def _output(result: Any, state: WorkflowExecutionState, runtime: WorkflowRuntime) -> WorkflowOutput:
    return WorkflowOutput(result=result, state=state, session_id=runtime.session_id())


async def _stopped(task: asyncio.Future[Outcome]) -> None:
    """Make sure that a run has ended; its error, if nobody has seen it, went to nobody."""
    if not task.done():
        task.cancel()
        with suppress(BaseException):
            await task
