"""One turn of a session: an input goes in, the graph runs, a result or questions come out."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from langgraph.errors import GraphRecursionError, NodeCancelledError
from langgraph.types import Command

from jiuwen_lg.constants import (
    FORCE_DEL_WORKFLOW_STATE_KEY,
    TRACE_DETAILS_KEY,
    WORKFLOW_EXECUTE_TIMEOUT,
    WORKFLOW_STREAM_FIRST_FRAME_TIMEOUT,
    WORKFLOW_STREAM_FRAME_TIMEOUT,
)
from jiuwen_lg.engine.answers import plan_for
from jiuwen_lg.engine.channels import NEW, WORLD
from jiuwen_lg.engine.frame_clock import FrameClock
from jiuwen_lg.engine.interaction import Question
from jiuwen_lg.engine.lease import Lease
from jiuwen_lg.engine.pauses import Pauses, first_done
from jiuwen_lg.engine.program import Program
from jiuwen_lg.engine.progress import Progress, read_progress
from jiuwen_lg.engine.record import Record, checked_inputs, what_waits
from jiuwen_lg.engine.scope import SCOPE_KEY, Scope
from jiuwen_lg.engine.sessions import SHOWN
from jiuwen_lg.engine.stops import JUMP, Stops, jump_of
from jiuwen_lg.engine.store import Store, current_store
from jiuwen_lg.engine.subgraph import RECURSION_LIMIT
from jiuwen_lg.engine.tenure import ended, leased, resting
from jiuwen_lg.engine.trace import Tracer, WorkflowSpan
from jiuwen_lg.environment import seconds
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
        program: Program,
        runtime: WorkflowRuntime,
        context: Any,
        *,
        modes: frozenset[BaseStreamMode],
        emit: Callable[[WorkflowChunk], Awaitable[None]],
        timeout_code: StatusCode,
        pauses: Pauses | None = None,
        is_live: bool = False,
        stops: Stops | None = None,
    ) -> None:
        self._program = program
        self._stops = stops or Stops()
        self._runtime = runtime
        self._session_id = runtime.session_id()
        identity = program.identity
        self._identity = replace(identity, workflow_id=runtime.belongs_to) if runtime.belongs_to else identity
        self._timeout_code = timeout_code
        self._emit = self._kept if program.is_streaming else emit
        self._show = emit
        self._frames: list[WorkflowChunk] = []
        self._still_open: list[Question] = []
        self._envs = runtime.config().envs()
        self._pauses = pauses or Pauses()
        self._is_live = is_live
        self._clock = _frame_clock(self._envs, self._pauses)
        self._scope = Scope(
            session_id=self._session_id,
            emit=self._pass_on if self._clock.is_needed else self._emit,
            modes=modes,
            envs=self._envs,
            context=context if context is not None else runtime.context(),
            resources=runtime.resources,
            workflow_config=program.config,
            insists=runtime.on_change == "continue",
            pauses=self._pauses,
            is_stepwise=bool(self._stops.options),
        )
        if program.is_streaming:
            self._scope.unread = self._frames.append
        if BaseStreamMode.TRACE in modes:
            has_details = bool(self._envs.get(TRACE_DETAILS_KEY))
            self._scope.tracer = Tracer(self._scope.emit, has_details=has_details)
        if runtime.task is not None:
            self._scope.share = runtime.task.update_global_state

    async def _kept(self, frame: WorkflowChunk) -> None:
        """Where the End gives frames, those of a turn are its result."""
        if isinstance(frame, OutputSchema):
            self._frames.append(frame)
        await self._show(frame)

    async def _pass_on(self, frame: WorkflowChunk) -> None:
        self._clock.tick()
        await self._emit(frame)

    async def run(self, inputs: Any) -> Outcome:
        """Run to the end, the next questions, or an error.

        Raises:
            JiuWenBaseException: See `Workflow.invoke`.
        """
        self._stops.require(self._program)
        self._program.require(self._runtime.resume_from, "resume_from names them")
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
        tracer = self._scope.tracer
        if tracer is None or not tracer.has_details:
            return await self._run(store, inputs)
        span = WorkflowSpan(tracer, self._program.config.metadata)
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
        self._scope.can_pause = False
        if self._stops.options:
            raise StatusCode.STORE_OFF.error(reason=f"the run was told to stop: {self._stops.options}")
        graph_input = self._beginning(checked_inputs(inputs))
        try:
            result = await self._within_time(self._execute(None, graph_input, thread_id=self._session_id))
            return self._outcome(result)
        except BaseException as error:
            _raise_outer(error)

    # --- with a store ---

    async def _start(self, store: Store, inputs: dict[str, Any]) -> Outcome:
        turn_id = self._runtime.turn_id
        record, lease = await leased(
            store,
            lambda: store.sessions.start(
                self._session_id,
                self._identity,
                inputs,
                turn_id=turn_id,
                force=bool(self._runtime.config().get_env(FORCE_DEL_WORKFLOW_STATE_KEY)),
                keep=self._program.keep_history,
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
        progress = await read_progress(self._program, store, record)
        reason = what_waits(record, list(progress.situation.questions), progress.next_ids)
        return StatusCode.WORKFLOW_STATE_EXISTS_ERROR.error(session_id=self._session_id, reason=reason)

    async def _resume(self, store: Store, given: InteractiveInput, *, is_redelivered: bool = False) -> Outcome:
        insist = self._runtime.on_change == "continue"
        record, lease = await leased(
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
        status = resting(record)
        try:
            progress = await read_progress(self._program, store, record)
            status = "failed" if progress.situation.is_broken and record.row.status != "waiting" else "waiting"
            situation, jump = progress.situation, jump_of(tuple(self._runtime.resume_from), progress)
            if jump is not None:
                situation = situation.after_jump(self._program.after(jump.ids))
            plan = plan_for(given, situation, self._runtime.resume_from)
            plan.runs = plan.runs and not (is_redelivered and situation.is_stopped)
            answers = {**record.answers, **plan.answers}
            kept = {**progress.kept, **plan.kept, **(jump.kept if jump is not None else {})}
            graph_input = self._continuation(progress, record, answers)
            if plan.runs:
                self._still_open = [q for q in situation.questions if q.token not in plan.answers]
                await self._accept(store, lease, answers, kept)
        except BaseException as error:
            await ended(store, lease, lambda: store.sessions.release(lease, record, status))
            _raise_outer(error)
        if not plan.runs:
            return await self._ask_again(store, record, lease, progress)
        self._scope.completed.update(situation.completed_ids)
        if record.row.status != "waiting":  # a turn that ended with a question has given its frames
            self._frames += self._program.frames_of_end(progress.state, situation.completed_ids)
        if jump is None:
            return await self._drive(store, record, lease, graph_input)
        self._scope.shown_before, changes = {}, self._scope.changes  # what is shown again is new
        graph_input = Command(update={"world": list(changes)}) if changes else None
        graph, config = self._program.graph(store), self._config(record.row.thread_id)
        return await self._drive(store, record, lease, graph_input, lambda: jump.make(graph, config, progress))

    def _continuation(self, progress: Progress, record: Record, answers: dict[str, Any]) -> Any:
        """The graph's input for a run that goes on; what its conversation has changed meanwhile goes in."""
        if not progress.has_begun:
            return self._beginning(record.inputs)
        if self._runtime.task is None:
            return progress.command(answers)
        self._scope.changes = self._runtime.task.changes_since(progress.state.get("world", {}))
        return progress.command(answers, self._scope.changes)

    async def _accept(self, store: Store, lease: Lease, answers: dict[str, Any], kept: dict[str, Any]) -> None:
        """Put the answers on file, then hand them to the run."""
        identity, still_open = self._identity, self._still_open

        def file() -> None:
            store.sessions.accept(lease, identity, answers=answers, kept=kept, questions=still_open)

        await store.database.call(file)
        self._scope.answers, self._scope.kept = answers, kept
        self._scope.shown_before = kept.pop(SHOWN, {})
        kept.pop(JUMP, None)

        async def claim(id: str, token: str) -> Any:
            answers[token] = kept.pop(id)
            await store.database.call(file)
            return answers[token]

        self._scope.claim = claim

    def _from_receipt(self, store: Store, record: Record | None, given: InteractiveInput) -> Outcome:
        """An answer that was delivered before gets the result; anything else finds nothing to answer."""
        if record is None:
            raise store.not_found(self._session_id, "no run of this workflow is on file")
        answered = record.answers
        if given.tokens and all(token in answered for token in given.tokens.values()):
            return Outcome(record.result)
        reason = "its last run has finished; (await flow.snapshot(session_id)).result is what it gave"
        raise store.not_found(self._session_id, reason)

    async def _ask_again(self, store: Store, record: Record, lease: Lease, progress: Progress) -> Outcome:
        """Show the open questions once more; nothing runs."""
        questions = list(progress.situation.questions)
        if record.row.status == "waiting":
            await ended(store, lease, lambda: store.sessions.release(lease, record, "waiting"))
        else:
            await ended(
                store, lease, lambda: store.sessions.settle(lease, "waiting", questions=questions, kept=record.kept)
            )
        for question in questions:
            await self._scope.emit(question.to_chunk())
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
        self._scope.lease = lease

        async def run() -> Any:
            if prepare is not None:
                await prepare()
            return await self._execute(store, graph_input, thread_id=record.row.thread_id)

        work = run()
        try:
            result = await self._within_time(work, lease)
            outcome = self._outcome(result, is_stopped=await self._is_stopped(store, record))
        except BaseException as error:
            if lease.is_lost:
                store.sessions.let_go(lease)
                raise lease.lost_error() from error
            text, kept = f"{type(error).__name__}: {error}", self._kept_then(were_seen=self._is_live)
            asked = list(
                {question.token: question for question in (*self._still_open, *self._scope.questions)}.values()
            )
            await ended(
                store, lease, lambda: store.sessions.settle(lease, "failed", error=text, kept=kept, questions=asked)
            )
            _raise_outer(error)
        # From here on the run has ended well, and a cancellation changes that no more.
        await ended(store, lease, lambda: self._record(store, record, lease, outcome))
        return outcome

    async def _is_stopped(self, store: Store, record: Record) -> bool:
        """Whether the run stopped where it was told to."""
        if not self._stops.options or self._scope.questions:
            return False
        state = await self._program.graph(store).aget_state(self._config(record.row.thread_id))
        return bool(state.next)

    def _outcome(self, result: Any, *, is_stopped: bool = False) -> Outcome:
        questions = sorted(self._scope.questions, key=lambda q: self._program.order_of(q.id))
        if questions or is_stopped:
            return Outcome(questions=questions, is_stopped=is_stopped)
        for skipped in self._program.skipped_joins(self._scope.completed):
            _logger.warning("session [%s]: %s", self._session_id, skipped)
        if self._scope.kept:
            _logger.warning("session [%s]: nobody asked for the answers to %s", self._session_id, [*self._scope.kept])
        return Outcome(self._frames if self._program.is_streaming else result)

    def _kept_then(self, *, were_seen: bool) -> dict[str, Any]:
        """What a run that has not finished leaves on file for its next turn; its frames may have been seen."""
        scope = self._scope
        shown = self._program.shown(scope.shown, scope.completed) if were_seen else {}
        return {**scope.kept, SHOWN: shown} if shown else scope.kept

    def _record(self, store: Store, record: Record, lease: Lease, outcome: Outcome) -> None:
        if outcome.is_unfinished:
            store.sessions.settle(lease, "waiting", questions=outcome.questions, kept=self._kept_then(were_seen=True))
        else:
            store.sessions.complete(lease, record, outcome.result, tokens=list(self._scope.answers))

    # --- the graph ---

    async def _within_time(self, work: Any, lease: Lease | None = None) -> Any:
        """Run the graph in a task of its own, which a timeout or the loss of the lease cancels."""
        limit = seconds(self._runtime.config().get_env(WORKFLOW_EXECUTE_TIMEOUT))
        task = asyncio.ensure_future(work)
        if lease is not None:
            loop = asyncio.get_running_loop()
            lease.on_lost = lambda: _cancel_from_anywhere(loop, task)
        watch = asyncio.ensure_future(self._clock.watch()) if self._clock.is_needed else None
        try:
            done = await first_done({task, watch or task}, limit, self._pauses)
        finally:
            for pending in (task, watch):
                if pending is not None and not pending.done():
                    await _cancelled(pending)
        if task in done:
            return _result_of(task)
        if watch is not None and not watch.cancelled():
            await watch
        raise self._timeout_code.error(timeout=f"{limit:g}")

    def _config(self, thread_id: str) -> Any:
        given = self._runtime.runnable_config
        configurable = {k: v for k, v in given.get("configurable", {}).items() if not _is_langgraphs(k)}
        own = {"thread_id": thread_id, SCOPE_KEY: self._scope}
        return {**given, "configurable": {**configurable, **own}, "recursion_limit": RECURSION_LIMIT}

    async def _execute(self, store: Store | None, graph_input: Any, *, thread_id: str) -> Any:
        config = self._config(thread_id)
        result = None
        graph = self._program.graph(store)
        options: Any = {"stream_mode": "values", "output_keys": "result", **self._stops.options}
        async with self._together(store, graph_input):
            async for values in graph.astream(graph_input, config, **options):
                if not (isinstance(values, dict) and "__interrupt__" in values):
                    result = values
        return result

    def _together(self, store: Store | None, graph_input: Any) -> AbstractAsyncContextManager[None]:
        """In what the run writes: what belongs together goes on file together."""
        if store is None or self._scope.lease is None:
            return nullcontext()
        is_new = isinstance(graph_input, dict) and NEW in graph_input
        return store.saver.commits.gathering(self._scope.lease, is_new=is_new)


def _is_langgraphs(key: str) -> bool:
    """Whether a key of a `configurable` tells where in a graph a node is; a run of its own is in none."""
    return key.startswith(("__", "checkpoint_"))


def _frame_clock(envs: dict[str, Any], pauses: Pauses) -> FrameClock:
    """The frame timeouts of a run; none is longer than the run may be."""
    whole = seconds(envs.get(WORKFLOW_EXECUTE_TIMEOUT))

    def limit(key: str) -> float | None:
        found = seconds(envs.get(key))
        return found if found is None or whole is None else min(found, whole)

    return FrameClock(limit(WORKFLOW_STREAM_FIRST_FRAME_TIMEOUT), limit(WORKFLOW_STREAM_FRAME_TIMEOUT), pauses)


def _cancel_from_anywhere(loop: asyncio.AbstractEventLoop, task: asyncio.Future[Any]) -> None:
    with suppress(RuntimeError):  # the loop is closed, so the task has ended anyway
        loop.call_soon_threadsafe(task.cancel)


async def _cancelled(task: asyncio.Future[Any]) -> None:
    """Cancel a task and wait until it has wound up, its last writes included."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()  # it failed while it wound up; the cancellation is what counts


def _result_of(task: asyncio.Future[Any]) -> Any:
    """A task's result; a cancellation from within becomes an ordinary error."""
    if task.cancelled():
        raise StatusCode.WORKFLOW_EXECUTE_INNER_ERROR.error(error="the run was cancelled from within")
    return task.result()


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
