"""A run under a lease: driven to its end, its next questions or an error, and that stored in the session's row."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from jiuwen_lg.engine.compiled_workflow import CompiledWorkflow
from jiuwen_lg.engine.concurrency.time_limit import TimeLimit
from jiuwen_lg.engine.journal.run_journal import run_journal
from jiuwen_lg.engine.runtime.interrupts import Question
from jiuwen_lg.engine.runtime.run_context import RunContext
from jiuwen_lg.engine.sessions.repository import EXACT, SHOWN
from jiuwen_lg.engine.sessions.row import Record
from jiuwen_lg.engine.storage.fence import Lease
from jiuwen_lg.engine.store import Store
from jiuwen_lg.engine.turns.graph_run import GraphRun
from jiuwen_lg.engine.turns.lease_scope import finish_turn
from jiuwen_lg.engine.turns.outcome import Outcome, raise_outer
from jiuwen_lg.engine.turns.turn_frames import TurnFrames

_logger = logging.getLogger(__name__)


class LeasedRun:
    """Drives one run of one session.

    Args:
        compiled: The compiled workflow.
        graph_run: Runs its graph.
        run_context: The run's per-run objects; the lease becomes one of them.
        frames: The turn's frames.
        store: The store.
        record: The run's row.
        lease: The right to run it.
        time_limit: How long the turn may take.
        is_live: Whether frames are read while they are made, or with the outcome only.
        still_open: The questions that have no answer in this turn.
    """

    def __init__(
        self,
        compiled: CompiledWorkflow,
        graph_run: GraphRun,
        run_context: RunContext,
        frames: TurnFrames,
        store: Store,
        record: Record,
        lease: Lease,
        *,
        time_limit: TimeLimit,
        is_live: bool,
        still_open: Sequence[Question] = (),
    ) -> None:
        self._compiled = compiled
        self._graph_run = graph_run
        self._run_context = run_context
        self._frames = frames
        self._store = store
        self._record = record
        self._lease = lease
        self._time_limit = time_limit
        self._is_live = is_live
        self._still_open = still_open

    async def drive(self, graph_input: Any, prepare: Callable[[], Awaitable[None]] | None = None) -> Outcome:
        """Run the graph, and store in the session's row how it ended.

        Args:
            graph_input: LangGraph's input.
            prepare: What is done first, within the run's time.

        Raises:
            JiuWenBaseException: See `Workflow.invoke`.
        """
        self._run_context.lease = self._lease
        self._run_context.journal = run_journal(
            self._compiled, self._run_context.session_id, self._store.saver, self._lease
        )

        async def run() -> Any:
            if prepare is not None:
                await prepare()
            thread_id = self._record.row.thread_id
            return await self._graph_run.execute(self._store.saver, graph_input, thread_id=thread_id)

        work = run()
        try:
            result = await self._graph_run.within_time(work, self._lease)
            found = outcome_of(
                self._compiled, self._run_context, self._frames, result, is_stopped=await self._stopped()
            )
        except BaseException as error:
            if self._lease.is_lost:
                self._store.sessions.let_go(self._lease)
                raise self._lease.lost_error() from error
            failure = error
            await finish_turn(
                self._store, self._lease, lambda: self._settle_failed(failure), self._time_limit, stopped_by=failure
            )
            raise_outer(failure)
        # From here on the run has ended well, and a cancellation changes that no more.
        await finish_turn(self._store, self._lease, lambda: self._settle(found), self._time_limit)
        return found

    async def _stopped(self) -> bool:
        """Whether the run stopped at a breakpoint."""
        if not self._run_context.is_stepwise or self._run_context.questions:
            return False
        graph = self._compiled.graph(self._store.saver)
        state = await graph.aget_state(self._graph_run.config(self._record.row.thread_id))
        return bool(state.next)

    def _settle_failed(self, error: BaseException) -> None:
        asked = {question.token: question for question in (*self._still_open, *self._run_context.questions)}
        self._store.sessions.settle(
            self._lease,
            "failed",
            error=f"{type(error).__name__}: {error}",
            early_answers=self._left_for_later(were_seen=self._is_live),
            questions=list(asked.values()),
        )

    def _settle(self, outcome: Outcome) -> None:
        if outcome.is_unfinished:
            early_answers = self._left_for_later(were_seen=True)
            self._store.sessions.settle(
                self._lease, "waiting", questions=outcome.questions, early_answers=early_answers
            )
        else:
            tokens = self._run_context.answers.tokens
            self._store.sessions.complete(self._lease, self._record, outcome.result, tokens=tokens)

    def _left_for_later(self, *, were_seen: bool) -> dict[str, Any]:
        """The early answers and frame counts that the run's next turn needs; its frames may have been seen."""
        run_context = self._run_context
        counts = self._compiled.shown(run_context.sink.counts, run_context.completed) if were_seen else {}
        early_answers = run_context.answers.early
        if counts:
            early_answers[SHOWN] = counts
        if run_context.answers.exact:
            early_answers[EXACT] = list(run_context.answers.exact)
        return early_answers


def outcome_of(
    compiled: CompiledWorkflow, run_context: RunContext, frames: TurnFrames, result: Any, *, is_stopped: bool = False
) -> Outcome:
    """Return the outcome of a run that has ended without an error; what was skipped is logged."""
    questions = sorted(run_context.questions, key=lambda q: compiled.order_of(q.id))
    if questions or is_stopped:
        return Outcome(questions=questions, is_stopped=is_stopped)
    for skipped in compiled.skipped_joins(run_context.completed):
        _logger.warning("session [%s]: %s", run_context.session_id, skipped)
    if unclaimed := [*run_context.answers.early]:
        _logger.warning("session [%s]: no component asked for the answers to %s", run_context.session_id, unclaimed)
    return Outcome(frames.collected if compiled.is_streaming else result)
