"""One turn of a session: an input goes in, the graph runs, a result or questions come out."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from langgraph.types import Command

from jiuwen_lg.constants import (
    FORCE_DEL_WORKFLOW_STATE_KEY,
    TRACE_DETAILS_KEY,
    TRACE_FORMAT_KEY,
    WORKFLOW_EXECUTE_TIMEOUT,
)
from jiuwen_lg.engine.compiled_workflow import CompiledWorkflow
from jiuwen_lg.engine.concurrency.pausable_clock import PausableClock
from jiuwen_lg.engine.concurrency.time_limit import TimeLimit
from jiuwen_lg.engine.graph.state import NEW, WORLD, shielded
from jiuwen_lg.engine.journal.run_journal import run_journal
from jiuwen_lg.engine.runtime.answer_book import AnswerBook
from jiuwen_lg.engine.runtime.interrupts import Question
from jiuwen_lg.engine.runtime.run_context import RunContext
from jiuwen_lg.engine.runtime.trace_format import ORIGINAL
from jiuwen_lg.engine.runtime.tracing import Tracer, WorkflowSpan
from jiuwen_lg.engine.sessions.repository import EXACT, SHOWN
from jiuwen_lg.engine.sessions.row import Record, checked_inputs, what_waits
from jiuwen_lg.engine.storage.fence import Lease
from jiuwen_lg.engine.store import Store, current_store
from jiuwen_lg.engine.turns.breakpoints import JUMP, Breakpoints
from jiuwen_lg.engine.turns.graph_run import GraphRun, frame_timeout_of
from jiuwen_lg.engine.turns.lease_scope import acquire, finish_turn, status_at_rest, within
from jiuwen_lg.engine.turns.leased_run import LeasedRun, outcome_of
from jiuwen_lg.engine.turns.outcome import Outcome, raise_outer
from jiuwen_lg.engine.turns.resumption import Resumption, plan_resumption
from jiuwen_lg.engine.turns.run_state import RunState, read_run_state
from jiuwen_lg.engine.turns.turn_frames import TurnFrames
from jiuwen_lg.environment import seconds
from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.interaction import InteractiveInput
from jiuwen_lg.output import BaseStreamMode, WorkflowChunk
from jiuwen_lg.runtime import WorkflowRuntime
from jiuwen_lg.schema.input_schema import require_inputs
from jiuwen_lg.tools.tool_info import Parameters

_logger = logging.getLogger(__name__)


class Turn:
    """Runs one input of one session.

    Args:
        compiled: The compiled workflow.
        runtime: The session and its settings.
        context: What components receive as their third argument.
        modes: The kinds of frames that are read.
        emit: Takes frames, questions among them, while they are made.
        timeout_code: The code of the error that a run raises that takes too long.
        clock: Measures the run without the time that it waits for the reader of its frames.
        is_live: Whether frames are read while they are made, or with the outcome only.
        breakpoints: Where the run stops by itself.
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
        self._compiled = compiled
        self._breakpoints = breakpoints or Breakpoints()
        self._runtime = runtime
        self._session_id = runtime.session_id()
        identity = compiled.identity
        self._identity = replace(identity, workflow_id=runtime.belongs_to) if runtime.belongs_to else identity
        self._is_live = is_live
        clock = clock or PausableClock()
        frame_timeout = frame_timeout_of(runtime.config().envs(), clock)
        self._frames = TurnFrames(emit, frame_timeout, is_result=compiled.is_streaming)
        self._run_context = self._new_run_context(context, modes, clock)
        self._time_limit = TimeLimit(seconds(runtime.config().get_env(WORKFLOW_EXECUTE_TIMEOUT)), clock)
        self._graph_run = GraphRun(
            compiled, runtime, self._run_context, self._breakpoints, frame_timeout, self._time_limit, timeout_code
        )

    def _new_run_context(self, context: Any, modes: frozenset[BaseStreamMode], clock: PausableClock) -> RunContext:
        runtime, envs = self._runtime, self._runtime.config().envs()
        run_context = RunContext(
            session_id=self._session_id,
            sink=self._frames.sink(modes),
            envs=envs,
            context=context if context is not None else runtime.context(),
            resources=runtime.resources,
            workflow_config=self._compiled.config,
            allow_changed=runtime.on_change == "continue",
            clock=clock,
            is_stepwise=bool(self._breakpoints.options),
        )
        if BaseStreamMode.TRACE in modes:
            run_context.tracer = Tracer(
                run_context.sink.emit,
                has_details=bool(envs.get(TRACE_DETAILS_KEY)),
                is_original=envs.get(TRACE_FORMAT_KEY) == ORIGINAL,
            )
        run_context.on_global_update = runtime.state().note
        return run_context

    async def run(self, inputs: Any) -> Outcome:
        """Run to the end, the next questions, or an error.

        Raises:
            JiuWenBaseException: See `Workflow.invoke`.
        """
        self._breakpoints.require(self._compiled)
        if self._compiled.config.validate_inputs and not isinstance(inputs, InteractiveInput):
            require_inputs(inputs, Parameters.of(self._compiled.config.workflow_inputs_schema).json_schema)
        self._compiled.require(self._runtime.resume_from, "resume_from names them")
        self._time_limit.begin()
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
        """Run inside a span of the whole turn, if traces are detailed."""
        tracer = self._run_context.tracer
        if tracer is None or not tracer.has_details:
            return await self._run(store, inputs)
        span = WorkflowSpan(tracer, self._compiled.config.metadata)
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
                reason="resume_from resumes an unfinished run, so it takes an InteractiveInput"
            )
        return await self._start(store, checked_inputs(inputs))

    async def _run_without_store(self, inputs: Any) -> Outcome:
        if isinstance(inputs, InteractiveInput):
            raise StatusCode.STORE_OFF.error(reason=f"session [{self._session_id}] cannot be resumed")
        self._run_context.can_pause = False
        self._run_context.journal = run_journal(self._compiled, self._session_id)
        if self._breakpoints.options:
            raise StatusCode.STORE_OFF.error(reason=f"the run has breakpoints: {self._breakpoints.options}")
        graph_input = self._fresh_input(checked_inputs(inputs))
        try:
            work = self._graph_run.execute(None, graph_input, thread_id=self._session_id)
            result = await self._graph_run.within_time(work)
            return outcome_of(self._compiled, self._run_context, self._frames, result)
        except BaseException as error:
            raise_outer(error)

    # --- a fresh run ---

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
                keep=self._compiled.keep_history,
            ),
            self._time_limit,
        )
        assert record is not None
        if lease is not None:
            return await self._leased_run(store, record, lease).drive(self._fresh_input(inputs))
        if turn_id is None or record.row.turn_id != turn_id:
            raise await self._exists(store, record)
        # The same turn was delivered before: its result, or what is left of it to do.
        if record.is_done:
            return Outcome(record.result)
        return await self._resume(store, InteractiveInput(), is_redelivered=True)

    def _fresh_input(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """The graph's input for a fresh run, with the global state that its runtime or its conversation brings."""
        self._compiled.warn_once(inputs)
        given = {"inputs": inputs, NEW: True}
        world = self._runtime.state().begin(inputs)
        return {**given, WORLD: world} if world else given

    async def _exists(self, store: Store, record: Record) -> JiuWenBaseException:
        """100006, naming what the unfinished run waits for or failed with."""
        state = await read_run_state(self._compiled, store, record)
        reason = what_waits(record, list(state.run_status.questions), state.next_ids)
        return StatusCode.WORKFLOW_STATE_EXISTS_ERROR.error(session_id=self._session_id, reason=reason)

    # --- an unfinished run ---

    async def _resume(self, store: Store, given: InteractiveInput, *, is_redelivered: bool = False) -> Outcome:
        insist = self._runtime.on_change == "continue"
        record, lease = await acquire(
            store, lambda: store.sessions.resume(self._session_id, self._identity, insist=insist), self._time_limit
        )
        if record is None or lease is None:
            return self._from_receipt(store, record, given)
        with store.saver.remembering(record.row.thread_id):
            return await self._resume_leased(store, record, lease, given, is_redelivered=is_redelivered)

    def _from_receipt(self, store: Store, record: Record | None, given: InteractiveInput) -> Outcome:
        """Return the result for an answer that was delivered before; there is no question for any other."""
        if record is None:
            raise store.not_found(self._session_id, "no run of this workflow is stored")
        answered = record.answers
        if given.tokens and all(token in answered for token in given.tokens.values()):
            return Outcome(record.result)
        reason = "its last run has finished; (await flow.snapshot(session_id)).result is its result"
        raise store.not_found(self._session_id, reason)

    async def _resume_leased(
        self, store: Store, record: Record, lease: Lease, given: InteractiveInput, *, is_redelivered: bool
    ) -> Outcome:
        """Resume an unfinished run: deliver answers, retry, or show its questions again."""
        status = status_at_rest(record)
        try:
            state = await within(store, self._time_limit, read_run_state(self._compiled, store, record))
            status = "failed" if state.run_status.is_broken and record.row.status != "waiting" else "waiting"
            todo = plan_resumption(
                given,
                state,
                record.answers,
                self._runtime.resume_from,
                self._compiled.after,
                is_redelivered=is_redelivered,
            )
            graph_input = self._continuation(state, record, todo.answers)
            if todo.runs:
                status = "failed"  # what it waited for is answered, even if it is cancelled before it goes on
                await within(store, self._time_limit, self._accept(store, lease, todo))
        except BaseException as error:
            await finish_turn(
                store,
                lease,
                lambda: store.sessions.release(lease, record, status),
                self._time_limit,
                stopped_by=error,
            )
            raise_outer(error)
        if not todo.runs:
            return await self._ask_again(store, record, lease, list(state.run_status.questions))
        self._run_context.completed.update(todo.status.completed_ids)
        if record.row.status != "waiting":  # a turn that ended with a question has given its frames
            self._frames.collected += self._compiled.frames_of_end(state.state, todo.status.completed_ids)
        run = self._leased_run(store, record, lease, todo.still_open)
        if todo.jump is None:
            return await run.drive(graph_input)
        jump, delta = todo.jump, list(self._run_context.global_delta)
        self._run_context.sink.delivered = {}  # what is shown again is new
        graph, config = self._compiled.graph(store.saver), self._graph_run.config(record.row.thread_id)
        update: Any = Command(update={"world": shielded(delta)}) if delta else None
        return await run.drive(update, lambda: jump.make(graph, config, state))

    def _continuation(self, state: RunState, record: Record, answers: dict[str, Any]) -> Any:
        """The graph's input for a resumed run, with what its conversation has changed meanwhile."""
        if not state.has_begun:
            return self._fresh_input(record.inputs)
        self._run_context.global_delta = self._runtime.state().resume(record.inputs, state.state.get("world", {}))
        return state.command(answers, self._run_context.global_delta)

    async def _accept(self, store: Store, lease: Lease, todo: Resumption) -> None:
        """Store the answers, then hand them to the run."""
        answers, early_answers = todo.answers, todo.early_answers
        of_all = {EXACT: early_answers[EXACT]} if EXACT in early_answers else {}

        def write() -> None:
            early = {**early_answers, **of_all}
            store.sessions.accept(
                lease, self._identity, answers=answers, early_answers=early, questions=todo.still_open
            )

        await store.database.call(write)
        self._run_context.sink.delivered = early_answers.pop(SHOWN, {})
        early_answers.pop(JUMP, None)
        exact = early_answers.pop(EXACT, [])

        async def claim(id: str, token: str) -> Any:
            answers[token] = early_answers.pop(id)
            await store.database.call(write)
            return answers[token]

        self._run_context.answers = AnswerBook(answers, early_answers, claim, exact)

    async def _ask_again(self, store: Store, record: Record, lease: Lease, questions: list[Question]) -> Outcome:
        """Show the open questions once more; nothing runs."""

        def write() -> None:
            if record.row.status == "waiting":
                store.sessions.release(lease, record, "waiting")
            else:
                store.sessions.settle(lease, "waiting", questions=questions, early_answers=record.early_answers)

        await finish_turn(store, lease, write, self._time_limit)
        for question in questions:
            await self._run_context.sink.emit(question.to_chunk())
        return Outcome(questions=questions, is_stopped=not questions)

    def _leased_run(
        self, store: Store, record: Record, lease: Lease, still_open: list[Question] | None = None
    ) -> LeasedRun:
        return LeasedRun(
            self._compiled,
            self._graph_run,
            self._run_context,
            self._frames,
            store,
            record,
            lease,
            time_limit=self._time_limit,
            is_live=self._is_live,
            still_open=still_open or [],
        )
