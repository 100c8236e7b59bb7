"""A workflow: built as in `builder`, then run, looked at and compiled.

Signatures as in openJiuwen 0.1.1 (`engine.md` 1.2), plus what durable sessions add:
`pending`, `snapshot`, `history`, `fork` and `discard`.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from jiuwen_lg.builder import BaseWorkFlow
from jiuwen_lg.config import WorkflowConfig
from jiuwen_lg.context.conversation import record_turn
from jiuwen_lg.drawing.drawable import Drawable
from jiuwen_lg.drawing.live_picture import SessionPicture
from jiuwen_lg.drawing.model import Mark
from jiuwen_lg.drawing.picture import Picture
from jiuwen_lg.engine.compiled_workflow import CompiledWorkflow
from jiuwen_lg.engine.compiler import compile_graph
from jiuwen_lg.engine.concurrency.cancellation import cancel_and_wait
from jiuwen_lg.engine.concurrency.frame_buffer import FrameBuffer
from jiuwen_lg.engine.concurrency.pausable_clock import PausableClock
from jiuwen_lg.engine.graph.fingerprint import Identity
from jiuwen_lg.engine.journal.table import entries_of
from jiuwen_lg.engine.runtime.interrupts import Question
from jiuwen_lg.engine.sessions.row import Record
from jiuwen_lg.engine.store import Store, current_store
from jiuwen_lg.engine.turns.breakpoints import Breakpoints, Ids
from jiuwen_lg.engine.turns.history import fork_of, read_history, step_named
from jiuwen_lg.engine.turns.pending import pending_of
from jiuwen_lg.engine.turns.run_state import RunState, read_run_state
from jiuwen_lg.engine.turns.turn import Turn
from jiuwen_lg.engine.workflow_graph import WorkflowGraph
from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.nested_runs import NestedRuns
from jiuwen_lg.output import (
    WORKFLOW_FINAL,
    BaseStreamMode,
    HistoryStep,
    OutputSchema,
    PendingQuestion,
    SessionSnapshot,
    WorkflowChunk,
    WorkflowExecutionState,
    WorkflowOutput,
    is_question,
)
from jiuwen_lg.runtime import WorkflowRuntime
from jiuwen_lg.synchronous import SyncWorkflow
from jiuwen_lg.timeline import Journal, Timeline
from jiuwen_lg.tools.tool_info import Parameters, ToolInfo

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable
    from langchain_core.tools import BaseTool
    from langgraph.cache.base import BaseCache

    from jiuwen_lg.interop.exports import Inputs, Result

_OUTPUT_ONLY = frozenset({BaseStreamMode.OUTPUT})


class Workflow(NestedRuns, Drawable, BaseWorkFlow):
    """A workflow: build it, then run it for any number of sessions, at the same time too.

    Args:
        workflow_config: Metadata and input schema. A workflow whose sessions are resumed
            by another process is best given a `WorkflowMetadata(id=...)`.
        keep_history: Keep the checkpoints of finished runs.
        interrupt_before: Components before which its runs stop, `"*"` for all, unless a runtime says otherwise.
        interrupt_after: The same after them.
        cache: Where outputs of components are kept that say so (`cache=`): any cache of LangGraph's, by
            default one in this process's memory.
        journal: Whether each execution of a component is recorded for `timeline`, or how; by default as
            `JIUWEN_LG_JOURNAL` says (`1`, or `values` to keep inputs and outputs too).
    """

    def __init__(
        self,
        workflow_config: WorkflowConfig | None = None,
        *,
        keep_history: bool = False,
        interrupt_before: Ids = None,
        interrupt_after: Ids = None,
        cache: BaseCache[Any] | None = None,
        journal: Journal | bool | None = None,
    ) -> None:
        super().__init__(workflow_config)
        self._cache = cache
        self._journal = journal
        Journal.of(journal)  # refuses what is none
        self._breakpoints = Breakpoints(interrupt_before, interrupt_after)
        self._keep_history = keep_history
        self._compiled_workflow: CompiledWorkflow | None = None

    def get_tool_info(self) -> ToolInfo:
        """Return the workflow's description for a language model: name, description, schema of its inputs."""
        metadata = self._config.metadata
        parameters = Parameters.of(self._config.workflow_inputs_schema)
        return ToolInfo(name=metadata.name, description=metadata.description, parameters=parameters)

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
        return compile_graph(self._definition, self._config, checkpointer=checkpointer, **options)

    def as_runnable(self, checkpointer: Any = None, **options: Any) -> Runnable[Any, Any]:
        """The workflow as a runnable of LangChain's: its inputs go in, its End's result comes out.

        Inside another graph its questions pause that graph. By itself it needs a `checkpointer` to
        ask: it then gives `{"__interrupt__": [...]}`, and takes a `Command(resume=...)`.

        Args:
            checkpointer: As in `compile`.
            options: As in `compile`.
        """
        from jiuwen_lg.interop.exports import runnable_of

        return runnable_of(self.compile(checkpointer, **options), self._as_told(None, None))

    def as_node(self, inputs: Inputs = None, result: Result = None, **options: Any) -> Runnable[Any, Any]:
        """The workflow as a node of somebody's `StateGraph`, whose checkpointer it uses.

        Args:
            inputs: Where its inputs come from: `{"query": "question"}` takes the state's `question` for
                `query` (dotted paths lead inside), a list takes keys of the same names, a function of
                the state gives them all. None: the whole state.
            result: Where its result goes: a key of the state, `{"answer": "output.text"}` for parts of it,
                or a function of it. None: the End's outputs are the update.
            options: As in `compile`.
        """
        from jiuwen_lg.interop.exports import node_of

        return node_of(self.compile(**options), inputs, result)

    def as_tool(self, name: str | None = None, description: str | None = None, **options: Any) -> BaseTool:
        """The workflow as a tool for an agent: a question in it pauses the agent.

        Args:
            name: What a model calls it; the metadata's name or id if absent.
            description: Its description for a model; the metadata's if absent.
            options: As in `compile`.

        Raises:
            JiuWenBaseException: -1, no model may call a tool by this name.
        """
        from jiuwen_lg.interop.exports import tool_of

        return tool_of(self.compile(**options), self._as_told(name, description))

    def _as_told(self, name: str | None, description: str | None) -> ToolInfo:
        """The tool info; where no inputs are declared, those that the components refer to."""
        info, metadata = self.get_tool_info(), self._config.metadata
        if not info.parameters.properties:
            info.parameters = Parameters(properties={key: {} for key in self._definition.inputs()})
        named = name or info.name or (metadata.id if metadata.is_named else "workflow")
        return info.model_copy(update={"name": named, "description": description or info.description})

    def _picture_of(self, picture: Picture, session_id: str) -> Picture:
        return SessionPicture(picture, lambda: self.snapshot(session_id), self.sync.snapshot(session_id))

    @property
    def sync(self) -> SyncWorkflow:
        """The same for callers that do not write `await`: `flow.sync.invoke(...)`."""
        return SyncWorkflow(self)

    def identity(self) -> Identity:
        """The workflow's id, and the shape that its sessions begin with.

        Raises:
            JiuWenBaseException: 110006, it is not complete.
        """
        return self._compiled().identity

    def _compiled(self) -> CompiledWorkflow:
        """The program of the definition as it is now; compiled again after an edit."""
        compiled = self._compiled_workflow
        if compiled is None or compiled.version != self._definition.version():
            compiled = CompiledWorkflow(
                self._definition, self._config, keep_history=self._keep_history, cache=self._cache
            )
            self._compiled_workflow = compiled
        compiled.journal = Journal.of(self._journal)
        return compiled

    # --- running ---

    async def invoke(self, inputs: Any, runtime: WorkflowRuntime | None = None, context: Any = None) -> WorkflowOutput:
        """Run to the end or to the next questions.

        Args:
            inputs: A dict starts a run; an `InteractiveInput` goes on with the session's paused or failed one.
            runtime: Names the session; without it a new one is made (`WorkflowOutput.session_id`).
            context: What components receive as their third argument; a conversation (`Context`)
                gets what was said and answered.

        Returns:
            The End component's output (COMPLETED; of an End that gives frames, all frames of
            this turn), or the frames of this turn with the questions among them in the order of
            their components (INPUT_REQUIRED).

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
        await record_turn(context, inputs, outcome)
        if outcome.is_unfinished:
            listed = _in_order(frames, outcome.questions)
            paused = _output(listed, WorkflowExecutionState.INPUT_REQUIRED, runtime)
            paused.snapshot = await self.snapshot(runtime.session_id()) if outcome.is_stopped else None
            return paused
        return _output(outcome.result, WorkflowExecutionState.COMPLETED, runtime)

    async def stream(
        self,
        inputs: Any,
        runtime: WorkflowRuntime | None = None,
        context: Any = None,
        stream_modes: list[BaseStreamMode] | None = None,
    ) -> AsyncGenerator[WorkflowChunk, None]:
        """Run as `invoke` does and yield frames while they are made.

        Questions are frames of type `__interaction__`; the result comes last, as a frame of
        type `workflow_final`. Closing the generator early stops the run and leaves the
        session resumable. A component that writes waits while 1024 frames are unread; that
        time counts for no timeout.

        Args:
            inputs: As in `invoke`.
            runtime: As in `invoke`.
            context: As in `invoke`.
            stream_modes: The kinds of frames to deliver; all by default.

        Raises:
            JiuWenBaseException: As `invoke` does, after the frames made so far; 100102 instead of 100101.
        """
        modes = frozenset(BaseStreamMode if stream_modes is None else map(_mode, stream_modes))
        reader = FrameBuffer()
        timeout_code = StatusCode.WORKFLOW_STREAM_TIMEOUT
        turn = self._turn(runtime or WorkflowRuntime(), context, modes, reader.put, timeout_code, reader.clock)
        task = asyncio.ensure_future(turn.run(inputs))
        task.add_done_callback(lambda _: reader.close())
        try:
            async for frame in reader.frames():
                yield frame
            outcome = await task
            await record_turn(context, inputs, outcome)
            if not outcome.is_unfinished and outcome.result and not self._compiled().is_streaming:
                yield OutputSchema(type=WORKFLOW_FINAL, index=0, payload=outcome.result)
        finally:
            await cancel_and_wait(task)  # its error, if nobody has seen it, went to nobody

    def _turn(
        self,
        runtime: WorkflowRuntime,
        context: Any,
        modes: Any,
        emit: Any,
        timeout_code: StatusCode,
        clock: PausableClock | None = None,
    ) -> Turn:
        compiled = self._compiled()
        return Turn(
            compiled,
            runtime,
            context,
            modes=modes,
            emit=emit,
            timeout_code=timeout_code,
            clock=clock,
            is_live=clock is not None,
            breakpoints=_breakpoints_of(runtime, self._breakpoints),
        )

    # --- sessions ---

    async def pending(self, session_id: str | None = None) -> list[PendingQuestion]:
        """The questions of this workflow that wait for an answer: of one session, or of all, oldest first.

        A session whose row is damaged is left out with a warning.
        """
        store, compiled = await self._store(), self._compiled()
        records = await store.database.call(lambda: store.runs.unfinished(compiled.identity, session_id))
        pending: list[PendingQuestion] = []
        for record in records:
            try:
                questions = await self._open_questions(store, compiled, record)
            except JiuWenBaseException as error:
                warnings.warn(str(error), RuntimeWarning, stacklevel=2)
                continue
            pending += [pending_of(record, question) for question in questions]
        return pending

    async def _open_questions(self, store: Store, compiled: CompiledWorkflow, record: Record) -> Sequence[Question]:
        """Return the open questions of a session; those of a failed or killed run are in its checkpoint only."""
        if record.row.status == "waiting":
            return record.questions
        if store.runs.is_running(record):
            return ()
        return (await read_run_state(compiled, store, record)).run_status.questions

    async def snapshot(self, session_id: str) -> SessionSnapshot | None:
        """Return the state of a session; None if it is not stored."""
        store, compiled = await self._store(), self._compiled()
        record = await store.database.call(lambda: store.runs.find(session_id, compiled.identity))
        if record is None:
            return None
        picture = self._picture()
        picture.timeline = await self._timeline_of(store, session_id, record)
        if record.is_done:
            return _snapshot(record, "done", {}, [], [], picture)
        run_state = await read_run_state(compiled, store, record)
        status = "failed" if run_state.run_status.is_broken and record.row.status != "waiting" else "waiting"
        if store.runs.is_running(record):
            status = "running"
        picture.marks = _marks(run_state, has_failed=bool(record.row.error) and status == "failed")
        return _snapshot(record, status, run_state.state, run_state.next_ids, run_state.run_status.questions, picture)

    async def history(self, session_id: str) -> list[HistoryStep]:
        """The steps of a session's newest run of this workflow, newest first; of a finished one with `keep_history`."""
        store, compiled = await self._store(), self._compiled()
        record = await store.database.call(lambda: store.runs.find(session_id, compiled.identity))
        return [] if record is None else await read_history(compiled, store, record)

    async def timeline(self, session_id: str) -> Timeline:
        """What a session's newest run of this workflow did: one entry for each execution of a component.

        Runs are recorded where the workflow's `journal` or `JIUWEN_LG_JOURNAL` says so, and their entries
        stay as long as the session; without entries the timeline is empty.
        """
        store, compiled = await self._store(), self._compiled()
        record = await store.database.call(lambda: store.runs.find(session_id, compiled.identity))
        return await self._timeline_of(store, session_id, record)

    async def _timeline_of(self, store: Store, session_id: str, record: Record | None) -> Timeline:
        loops = tuple(id for id in self._compiled().ids if self._compiled().is_loop(id))
        if record is None:
            return Timeline(session_id, loops=loops)
        thread_id = record.row.thread_id
        await store.saver.commits.flush(thread_id)
        entries = await store.database.call(lambda: entries_of(store.database, store.saver.vault, thread_id))
        return Timeline(session_id, tuple(entries), loops)

    async def fork(
        self,
        session_id: str,
        step: HistoryStep | str | int,
        *,
        outputs: Mapping[str, Any] | None = None,
        new_session_id: str | None = None,
    ) -> str:
        """Go back to a step in a session of its own; the old one stays as it is.

        The fork waits there: `InteractiveInput()` goes on with what was next.

        Args:
            session_id: The session to go back in.
            step: A step of its `history`, its checkpoint's id or its number.
            outputs: Other outputs of components, by id, for what comes next.
            new_session_id: The fork's session; a new one if absent.

        Returns:
            The fork's session.

        Raises:
            JiuWenBaseException: 100900, there is no such session or step. 100006, the new session has an
                unfinished run. 110006, `outputs` names a component that is not there.
        """
        store, compiled = await self._store(), self._compiled()
        compiled.require(outputs or (), "outputs names them")
        record = await store.database.call(lambda: store.runs.find(session_id, compiled.identity))
        history = [] if record is None else await read_history(compiled, store, record)
        found = step_named(history, step)
        if record is None or found is None:
            reason = f"it has no step {step!r}; its steps are {[one.step for one in history]}"
            raise StatusCode.INTERACTION_NOT_PENDING.error(session_id=session_id, reason=reason)
        fork = new_session_id or uuid4().hex
        await store.database.call(lambda: fork_of(store, record, found, fork, outputs))
        return fork

    async def discard(self, session_id: str) -> bool:
        """Drop what a session has not finished of this workflow; False if there was nothing.

        Raises:
            JiuWenBaseException: 100904, a run is in progress.
        """
        store, compiled = await self._store(), self._compiled()
        return bool(await store.database.call(lambda: store.runs.discard(session_id, compiled.identity)))

    async def _store(self) -> Store:
        store = await current_store()
        if store is None:
            raise StatusCode.STORE_OFF.error(reason="there are no sessions to look at")
        return store


def _marks(run_state: RunState, *, has_failed: bool) -> dict[str, Mark]:
    """Return the marks of a session, by executable id."""
    done: dict[str, Mark] = dict.fromkeys(run_state.run_status.completed_ids, "done")
    ahead: dict[str, Mark] = dict.fromkeys(run_state.next_ids, "failed" if has_failed else "next")
    asking: dict[str, Mark] = {question.id: "waiting" for question in run_state.run_status.questions}
    return {**done, **ahead, **asking}


def _snapshot(
    record: Record,
    status: str,
    state: dict[str, Any],
    next_nodes: list[str],
    questions: Sequence[Question],
    picture: Picture,
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
        error=record.error,
        picture=picture,
    )


def _breakpoints_of(runtime: WorkflowRuntime, otherwise: Breakpoints) -> Breakpoints:
    """Return the breakpoints of a run: those of its runtime, else of its workflow."""
    before, after = runtime.interrupt_before, runtime.interrupt_after
    return Breakpoints(otherwise.before if before is None else before, otherwise.after if after is None else after)


def _mode(mode: Any) -> BaseStreamMode:
    """A kind of frames, also by its name; anything else raises ValueError."""
    return BaseStreamMode(mode)


def _in_order(frames: list[WorkflowChunk], questions: list[Question]) -> list[WorkflowChunk]:
    """The frames as they came, with the questions in the order of their components."""
    ordered = iter([question.to_chunk() for question in questions])
    return [next(ordered, frame) if is_question(frame) else frame for frame in frames]


def _output(result: Any, state: WorkflowExecutionState, runtime: WorkflowRuntime) -> WorkflowOutput:
    return WorkflowOutput(result=result, state=state, session_id=runtime.session_id())
