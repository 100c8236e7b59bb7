"""One turn of a session: an input goes in, the graph runs, a result or questions come out."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from langgraph.errors import GraphRecursionError, NodeCancelledError
from langgraph.types import Command

from jiuwen_lg.constants import (
    FORCE_DEL_WORKFLOW_STATE_KEY,
    TRACE_DETAILS_KEY,
)
from jiuwen_lg.engine.compiled_workflow import CompiledWorkflow
from jiuwen_lg.engine.concurrency.pausable_clock import PausableClock
from jiuwen_lg.engine.execution.interrupts import Question
from jiuwen_lg.engine.execution.run_context import RunContext
from jiuwen_lg.engine.execution.subgraph import RECURSION_LIMIT
from jiuwen_lg.engine.execution.tracing import Tracer, WorkflowSpan
from jiuwen_lg.engine.graph.state import NEW, WORLD
from jiuwen_lg.engine.sessions.repository import SHOWN
from jiuwen_lg.engine.sessions.row import Record, checked_inputs, what_waits
from jiuwen_lg.engine.storage.fence import Lease
from jiuwen_lg.engine.store import Store, current_store
from jiuwen_lg.engine.turns.breakpoints import JUMP, Breakpoints, jump_of
from jiuwen_lg.engine.turns.graph_run import GraphRun, frame_timeout_of
from jiuwen_lg.engine.turns.lease_scope import acquire, finish_turn, status_at_rest
from jiuwen_lg.engine.turns.resume_plan import plan_resume
from jiuwen_lg.engine.turns.run_state import RunState, read_run_state
from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.interaction import InteractiveInput
from jiuwen_lg.output import BaseStreamMode, OutputSchema, WorkflowChunk
from jiuwen_lg.runtime import WorkflowRuntime

_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Outcome:
    """How a turn ended: with a result, with questions, or where it was told to stop (then `result` means nothing)."""

    result: Any = None
    questions: list[Question] = field(default_factory=list)
    is_stopped: bool = False

    @property
    def is_unfinished(self) -> bool:
        """Whether the run goes on later."""
        return self.is_stopped or bool(self.questions)

    @property
    def summary(self) -> str:
        """The outcome in words, without its values."""
        if self.questions:
            return f"waits for {[question.id for question in self.questions]}"
        return "stopped where it was told to" if self.is_stopped else "finished"


class Turn:
    """Runs one input of one session.

    Args:
        program: The compiled workflow.
        runtime: The session and its settings.
        context: What components receive as their third argument.
        modes: The kinds of frames that somebody reads.
        emit: Takes frames, questions among them, while they are made.
        timeout_code: What a run that takes too long raises.
        pauses: The time that it waits for the reader of its frames.
        is_live: Whether frames are read while they are made, or with the outcome only.
        stops: Where the run stops by itself.
    """

    def __init__(
        self,
        compiled: CompiledWorkflow,
        runtime: WorkflowRuntime,
        context: Any,
        *,
        modes: frozenset[BaseStreamMode],
        emit: Callable[[WorkflowChunk], Awaitable[None]],
        timeout_code: StatusCode,
        clock: PausableClock | None = None,
        is_live: bool = False,
        breakpoints: Breakpoints | None = None,
    ) -> None:
        self._compiled_workflow = compiled
        self._breakpoints = breakpoints or Breakpoints()
        self._runtime = runtime
        self._session_id = runtime.session_id()
        identity = compiled.identity
        self._identity = replace(identity, workflow_id=runtime.belongs_to) if runtime.belongs_to else identity
        self._emit = self._kept if compiled.is_streaming else emit
        self._show = emit
        self._frames: list[WorkflowChunk] = []
        self._still_open: list[Question] = []
        self._envs = runtime.config().envs()
        clock = clock or PausableClock()
        self._is_live = is_live
        self._frame_timeout = frame_timeout_of(self._envs, clock)
        self._run_context = RunContext(
            session_id=self._session_id,
            emit=self._pass_on if self._frame_timeout.is_needed else self._emit,
            modes=modes,
            envs=self._envs,
            context=context if context is not None else runtime.context(),
            resources=runtime.resources,
            workflow_config=compiled.config,
            allow_changed=runtime.on_change == "continue",
            clock=clock,
            is_stepwise=bool(self._breakpoints.options),
        )
        if compiled.is_streaming:
            self._run_context.collect_end_frame = self._frames.append
        if BaseStreamMode.TRACE in modes:
            has_details = bool(self._envs.get(TRACE_DETAILS_KEY))
            self._run_context.tracer = Tracer(self._run_context.emit, has_details=has_details)
        if runtime.task is not None:
            self._run_context.on_global_update = runtime.task.update_global_state
        self._graph_run = GraphRun(
            compiled, runtime, self._run_context, self._breakpoints, self._frame_timeout, timeout_code
        )

    async def _kept(self, frame: WorkflowChunk) -> None:
        """Where the End gives frames, those of a turn are its result."""
        if isinstance(frame, OutputSchema):
            self._frames.append(frame)
        await self._show(frame)

    async def _pass_on(self, frame: WorkflowChunk) -> None:
        self._frame_timeout.tick()
        await self._emit(frame)

    async def run(self, inputs: Any) -> Outcome:
        """Run to the end, the next questions, or an error.

        Raises:
            JiuWenBaseException: See `Workflow.invoke`.
        """
        self._breakpoints.require(self._compiled_workflow)
        self._compiled_workflow.require(self._runtime.resume_from, "resume_from names them")
        store = await current_store()
        _logger.debug("session [%s]: turn with %s", self._session_id, type(inputs).__name__)
        try:
            outcome = await self._traced(store, inputs)
        except sqlite3.Error as error:
            where = store.path if store else "off"
            raise StatusCode.STORE_UNAVAILABLE.error(store=where, reason=str(error)) from error
        _logger.debug("session [%s]: %s", self._session_id, outcome.summary)
        return outcome

    async def _traced(self, store: Store | None, inputs: Any) -> Outcome:
        """Run, and let the traces tell of the turn as a whole, if they are detailed."""
        tracer = self._run_context.tracer
        if tracer is None or not tracer.has_details:
            return await self._run(store, inputs)
        span = WorkflowSpan(tracer, self._compiled_workflow.config.metadata)
        await span.start(inputs)
        try:
            outcome = await self._run(store, inputs)
        except Exception as error:
            await span.end("error", error=error)
            raise
        await span.end("interrupted" if outcome.is_unfinished else "finish", outputs=outcome.result)
        return outcome

    async def _run(self, store: Store | None, inputs: Any) -> Outcome:
        if store is None:
            return await self._run_without_store(inputs)
        if isinstance(inputs, InteractiveInput):
            return await self._resume(store, inputs)
        if self._runtime.resume_from:
            raise StatusCode.INTERACTIVE_INVALID_INPUT_ERROR.error(
                reason="resume_from goes on with an unfinished run, so it takes an InteractiveInput"
            )
        return await self._start(store, checked_inputs(inputs))

    # --- without a store ---

    async def _run_without_store(self, inputs: Any) -> Outcome:
        if isinstance(inputs, InteractiveInput):
            raise StatusCode.STORE_OFF.error(reason=f"session [{self._session_id}] cannot be resumed")
        self._run_context.can_pause = False
        if self._breakpoints.options:
            raise StatusCode.STORE_OFF.error(reason=f"the run was told to stop: {self._breakpoints.options}")
        graph_input = self._beginning(checked_inputs(inputs))
        try:
            result = await self._graph_run.within_time(
                self._graph_run.execute(None, graph_input, thread_id=self._session_id)
            )
            return self._outcome(result)
        except BaseException as error:
            _raise_outer(error)

    # --- with a store ---

    async def _start(self, store: Store, inputs: dict[str, Any]) -> Outcome:
        turn_id = self._runtime.turn_id
        record, lease = await acquire(
            store,
            lambda: store.sessions.start(
                self._session_id,
                self._identity,
                inputs,
                turn_id=turn_id,
                force=bool(self._runtime.config().get_env(FORCE_DEL_WORKFLOW_STATE_KEY)),
                keep=self._compiled_workflow.keep_history,
            ),
        )
        assert record is not None
        if lease is not None:
            return await self._drive(store, record, lease, self._beginning(inputs))
        if turn_id is None or record.row.turn_id != turn_id:
            raise await self._exists(store, record)
        # The same turn was delivered before: its result, or what is left of it to do.
        if record.is_done:
            return Outcome(record.result)
        return await self._resume(store, InteractiveInput(), is_redelivered=True)

    def _beginning(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """The graph's input for a fresh run; one that belongs to a conversation begins with its global state."""
        given = {"inputs": inputs, NEW: True}
        if self._runtime.task is None:
            return given
        self._runtime.task.update_global_state(inputs)
        return {**given, WORLD: self._runtime.task.world()}

    async def _exists(self, store: Store, record: Record) -> JiuWenBaseException:
        """100006, naming what the unfinished run waits for or failed with."""
        run_state = await read_run_state(self._compiled_workflow, store, record)
        reason = what_waits(record, list(run_state.run_status.questions), run_state.next_ids)
        return StatusCode.WORKFLOW_STATE_EXISTS_ERROR.error(session_id=self._session_id, reason=reason)

    async def _resume(self, store: Store, given: InteractiveInput, *, is_redelivered: bool = False) -> Outcome:
        insist = self._runtime.on_change == "continue"
        record, lease = await acquire(
            store, lambda: store.sessions.resume(self._session_id, self._identity, insist=insist)
        )
        if record is None or lease is None:
            return self._from_receipt(store, record, given)
        with store.saver.remembering(record.row.thread_id):
            return await self._go_on(store, record, lease, given, is_redelivered=is_redelivered)

    async def _go_on(
        self, store: Store, record: Record, lease: Lease, given: InteractiveInput, *, is_redelivered: bool
    ) -> Outcome:
        """Do with an unfinished run what its input asks for."""
        status = status_at_rest(record)
        try:
            run_state = await read_run_state(self._compiled_workflow, store, record)
            status = "failed" if run_state.run_status.is_broken and record.row.status != "waiting" else "waiting"
            run_status, jump = run_state.run_status, jump_of(tuple(self._runtime.resume_from), run_state)
            if jump is not None:
                run_status = run_status.after_jump(self._compiled_workflow.after(jump.ids))
            plan = plan_resume(given, run_status, self._runtime.resume_from)
            plan.runs = plan.runs and not (is_redelivered and run_status.is_stopped)
            answers = {**record.answers, **plan.answers}
            early_answers = {
                **run_state.early_answers,
                **plan.early_answers,
                **(jump.early_answers if jump is not None else {}),
            }
            graph_input = self._continuation(run_state, record, answers)
            if plan.runs:
                self._still_open = [q for q in run_status.questions if q.token not in plan.answers]
                await self._accept(store, lease, answers, early_answers)
        except BaseException as error:
            await finish_turn(store, lease, lambda: store.sessions.release(lease, record, status))
            _raise_outer(error)
        if not plan.runs:
            return await self._ask_again(store, record, lease, run_state)
        self._run_context.completed.update(run_status.completed_ids)
        if record.row.status != "waiting":  # a turn that ended with a question has given its frames
            self._frames += self._compiled_workflow.frames_of_end(run_state.state, run_status.completed_ids)
        if jump is None:
            return await self._drive(store, record, lease, graph_input)
        self._run_context.delivered_frames, global_delta = (
            {},
            self._run_context.global_delta,
        )  # what is shown again is new
        graph_input = Command(update={"world": list(global_delta)}) if global_delta else None
        graph, config = self._compiled_workflow.graph(store.saver), self._graph_run.config(record.row.thread_id)
        return await self._drive(store, record, lease, graph_input, lambda: jump.make(graph, config, run_state))

    def _continuation(self, run_state: RunState, record: Record, answers: dict[str, Any]) -> Any:
        """The graph's input for a run that goes on; what its conversation has changed meanwhile goes in."""
        if not run_state.has_begun:
            return self._beginning(record.inputs)
        if self._runtime.task is None:
            return run_state.command(answers)
        self._run_context.global_delta = self._runtime.task.changes_since(run_state.state.get("world", {}))
        return run_state.command(answers, self._run_context.global_delta)

    async def _accept(self, store: Store, lease: Lease, answers: dict[str, Any], early_answers: dict[str, Any]) -> None:
        """Put the answers on file, then hand them to the run."""
        identity, still_open = self._identity, self._still_open

        def file() -> None:
            store.sessions.accept(lease, identity, answers=answers, early_answers=early_answers, questions=still_open)

        await store.database.call(file)
        self._run_context.answers, self._run_context.early_answers = answers, early_answers
        self._run_context.delivered_frames = early_answers.pop(SHOWN, {})
        early_answers.pop(JUMP, None)

        async def claim_early_answer(id: str, token: str) -> Any:
            answers[token] = early_answers.pop(id)
            await store.database.call(file)
            return answers[token]

        self._run_context.claim_early_answer = claim_early_answer

    def _from_receipt(self, store: Store, record: Record | None, given: InteractiveInput) -> Outcome:
        """An answer that was delivered before gets the result; anything else finds nothing to answer."""
        if record is None:
            raise store.not_found(self._session_id, "no run of this workflow is on file")
        answered = record.answers
        if given.tokens and all(token in answered for token in given.tokens.values()):
            return Outcome(record.result)
        reason = "its last run has finished; (await flow.snapshot(session_id)).result is what it gave"
        raise store.not_found(self._session_id, reason)

    async def _ask_again(self, store: Store, record: Record, lease: Lease, run_state: RunState) -> Outcome:
        """Show the open questions once more; nothing runs."""
        questions = list(run_state.run_status.questions)
        if record.row.status == "waiting":
            await finish_turn(store, lease, lambda: store.sessions.release(lease, record, "waiting"))
        else:
            await finish_turn(
                store,
                lease,
                lambda: store.sessions.settle(
                    lease, "waiting", questions=questions, early_answers=record.early_answers
                ),
            )
        for question in questions:
            await self._run_context.emit(question.to_chunk())
        return Outcome(questions=questions, is_stopped=not questions)

    async def _drive(
        self,
        store: Store,
        record: Record,
        lease: Lease,
        graph_input: Any,
        prepare: Callable[[], Awaitable[None]] | None = None,
    ) -> Outcome:
        """Run the graph under a lease, and record in the session's row how it ended."""
        self._run_context.lease = lease

        async def run() -> Any:
            if prepare is not None:
                await prepare()
            return await self._graph_run.execute(store.saver, graph_input, thread_id=record.row.thread_id)

        work = run()
        try:
            result = await self._graph_run.within_time(work, lease)
            outcome = self._outcome(result, is_stopped=await self._is_stopped(store, record))
        except BaseException as error:
            if lease.is_lost:
                store.sessions.let_go(lease)
                raise lease.lost_error() from error
            text, early_answers = f"{type(error).__name__}: {error}", self._kept_then(were_seen=self._is_live)
            asked = list(
                {question.token: question for question in (*self._still_open, *self._run_context.questions)}.values()
            )
            await finish_turn(
                store,
                lease,
                lambda: store.sessions.settle(
                    lease, "failed", error=text, early_answers=early_answers, questions=asked
                ),
            )
            _raise_outer(error)
        # From here on the run has ended well, and a cancellation changes that no more.
        await finish_turn(store, lease, lambda: self._record(store, record, lease, outcome))
        return outcome

    async def _is_stopped(self, store: Store, record: Record) -> bool:
        """Whether the run stopped where it was told to."""
        if not self._breakpoints.options or self._run_context.questions:
            return False
        state = await self._compiled_workflow.graph(store.saver).aget_state(
            self._graph_run.config(record.row.thread_id)
        )
        return bool(state.next)

    def _outcome(self, result: Any, *, is_stopped: bool = False) -> Outcome:
        questions = sorted(self._run_context.questions, key=lambda q: self._compiled_workflow.order_of(q.id))
        if questions or is_stopped:
            return Outcome(questions=questions, is_stopped=is_stopped)
        for skipped in self._compiled_workflow.skipped_joins(self._run_context.completed):
            _logger.warning("session [%s]: %s", self._session_id, skipped)
        if self._run_context.early_answers:
            _logger.warning(
                "session [%s]: nobody asked for the answers to %s", self._session_id, [*self._run_context.early_answers]
            )
        return Outcome(self._frames if self._compiled_workflow.is_streaming else result)

    def _kept_then(self, *, were_seen: bool) -> dict[str, Any]:
        """What a run that has not finished leaves on file for its next turn; its frames may have been seen."""
        run_context = self._run_context
        shown = self._compiled_workflow.shown(run_context.shown, run_context.completed) if were_seen else {}
        return {**run_context.early_answers, SHOWN: shown} if shown else run_context.early_answers

    def _record(self, store: Store, record: Record, lease: Lease, outcome: Outcome) -> None:
        if outcome.is_unfinished:
            store.sessions.settle(
                lease, "waiting", questions=outcome.questions, early_answers=self._kept_then(were_seen=True)
            )
        else:
            store.sessions.complete(lease, record, outcome.result, tokens=list(self._run_context.answers))


def _raise_outer(error: BaseException) -> NoReturn:
    """Raise the error that leaves the engine: ours as they are, others named as inner errors."""
    if isinstance(error, (JiuWenBaseException, sqlite3.Error)) or not isinstance(error, Exception):
        raise error
    if isinstance(error, NodeCancelledError) and error.__cause__ is not None:
        raise error.__cause__  # a component raised CancelledError: it escapes as it is
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, GraphRecursionError):
        limit = f"Recursion limit of {RECURSION_LIMIT} reached at step {RECURSION_LIMIT + 1}"
        text = f"{limit} without an end: do the connections run in a circle?"
    raise StatusCode.WORKFLOW_EXECUTE_INNER_ERROR.error(error=text) from error
