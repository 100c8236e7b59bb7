"""A process that runs turns which clients submit."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from jiuwen_lg.agents.agent import BaseAgent
from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.interaction import InteractiveInput
from jiuwen_lg.output import WorkflowExecutionState, WorkflowOutput, is_question
from jiuwen_lg.runtime import WorkflowRuntime
from jiuwen_lg.schema.input_schema import require_inputs
from jiuwen_lg.workers.containment import contained
from jiuwen_lg.workers.presence import Presence
from jiuwen_lg.workers.turns import TASK, DamagedTurnError, QueuedTurn, TurnQueue, TurnResult
from jiuwen_lg.workflow import Workflow

if TYPE_CHECKING:
    from procrastinate import App

CONCURRENCY = 16
TAKEOVER_SECONDS = 10.0
MAX_DELIVERIES = 3

_AGAIN = 1.0
"""Seconds until a turn is delivered again that could not be begun, or not be ended, now."""
_LONGEST_BACKOFF = 60.0

_logger = logging.getLogger(__name__)


class _NotNowError(Exception):
    """The turn cannot run here now; it is delivered again soon, and this delivery does not count."""


class Worker:
    """Runs the turns of some workflows and agents.

    A turn whose worker has died is delivered again to another one: what had finished is not run again, and an
    answer that was taken is not taken twice. A turn during which workers die again and again is abandoned.

    Args:
        flows: The workflows and agents, each with an id of its own. Turns of others are left to other workers. The
            inputs of an agent's turn are its message without the conversation, which is the session.
        concurrency: How many turns run at once.
        takeover: A worker that shows no sign of life for so many seconds is held to be dead.
        max_deliveries: How often a turn is begun at most whose workers die; then it ends with 100920 and waits for
            an operator.

    Raises:
        JiuWenBaseException: 100908, `JIUWEN_LG_DB` names no Postgres database, or one that cannot be used.
        ValueError: There are no workflows, or one without an id, or two with the same, or `max_deliveries` is below 1.
    """

    def __init__(
        self,
        flows: Iterable[Workflow | BaseAgent],
        *,
        concurrency: int = CONCURRENCY,
        takeover: float = TAKEOVER_SECONDS,
        max_deliveries: int = MAX_DELIVERIES,
    ) -> None:
        if max_deliveries < 1:
            raise ValueError(f"max_deliveries is at least 1, not {max_deliveries}")
        self._flows = by_id(flows)
        self._concurrency = concurrency
        self._takeover = takeover
        self._max_deliveries = max_deliveries
        self._turns = TurnQueue()
        self._presence = Presence(self._turns.store.database, self._flows, takeover)
        self._is_suspecting = False
        self._uncounted: set[str] = set()

    async def run(self) -> None:
        """Run turns until SIGINT or SIGTERM, then end those that are running."""
        from procrastinate import App, PsycopgConnector

        app = App(connector=PsycopgConnector(conninfo=self._turns.url))
        app.task(name=TASK, retry=self._retry())(self._deliver)
        with contained(), self._presence:
            async with app.open_async(), self._taking_over(app):
                await app.run_worker_async(
                    queues=list(self._flows),
                    concurrency=self._concurrency,
                    fetch_job_polling_interval=_AGAIN,
                    delete_jobs="successful",
                    update_heartbeat_interval=self._takeover / 4,
                    stalled_worker_timeout=self._takeover,
                )

    # --- one turn ---

    async def _deliver(self, turn_id: str) -> None:
        """Run a turn to its end, whatever that is; what is raised here means that it is delivered again."""
        await self._settle_count(turn_id)
        try:
            if turn := await self._call(self._turns.begin, turn_id):
                await self._run(turn)
            elif deliveries := await self._call(self._turns.deliveries, turn_id):
                await self._deliver_again(turn_id, deliveries)
        except DamagedTurnError as damaged:
            await self._end(turn_id, damaged.error)

    async def _deliver_again(self, turn_id: str, deliveries: int) -> None:
        """Run a turn whose worker has died.

        The turns that one worker takes with it are all suspects, so a worker runs one of them at a time: when it
        dies again, the delivery of no other one is counted.
        """
        if deliveries >= self._max_deliveries:
            error = StatusCode.TURN_ABANDONED.error(turn_id=turn_id, deliveries=deliveries)
            _logger.error("%s", error)
            await self._call(lambda: self._turns.end(turn_id, error, is_abandoned=True))
            return
        if self._is_suspecting:
            raise _NotNowError(f"turn {turn_id} waits for another one whose worker has died")
        self._is_suspecting = True
        try:
            if turn := await self._call(self._turns.begin_again, turn_id):
                await self._run(turn)
        finally:
            self._is_suspecting = False

    async def _run(self, turn: QueuedTurn) -> None:
        try:
            ending = await self._ending(turn)
            await self._end(turn.turn_id, ending)
        except (JiuWenBaseException, asyncio.CancelledError):
            self._uncounted.add(turn.turn_id)
            with suppress(JiuWenBaseException):  # the database is away: before the next delivery, then
                await self._settle_count(turn.turn_id)
            raise

    async def _settle_count(self, turn_id: str) -> None:
        """Take back the count of a delivery that came to nothing."""
        if turn_id in self._uncounted:
            await self._call(self._turns.give_back, turn_id)
            self._uncounted.discard(turn_id)

    async def _ending(self, turn: QueuedTurn) -> TurnResult:
        """How a turn ends; anything at all that a component raises is an ending.

        The run has a task of its own, so that a cancellation that a component raised differs from one of this worker.
        """
        run = asyncio.ensure_future(_turn_of(self._flows[turn.workflow_id], turn))
        try:
            await asyncio.wait({run})
        except asyncio.CancelledError:
            run.cancel()
            await asyncio.wait({run})
            raise
        if run.cancelled():
            return _inner(asyncio.CancelledError("raised inside the workflow"))
        error = run.exception()
        if error is None:
            return run.result()
        if not isinstance(error, JiuWenBaseException):
            return _inner(error)
        if _is_transient(error):
            raise error
        return error

    async def _end(self, turn_id: str, ending: TurnResult) -> None:
        await self._call(self._turns.end, turn_id, ending)

    async def _call(self, work: Any, *arguments: Any) -> Any:
        return await self._turns.store.database.call(lambda: work(*arguments))

    # --- turns of others ---

    @asynccontextmanager
    async def _taking_over(self, app: App) -> AsyncIterator[None]:
        task = asyncio.create_task(self._take_over(app))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _take_over(self, app: App) -> None:
        """Deliver again what dead workers had begun."""
        while True:
            await asyncio.sleep(self._takeover / 4)
            try:
                for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=self._takeover):
                    turn_id = job.task_kwargs.get("turn_id")
                    deliveries = await self._call(self._turns.deliveries, turn_id) or 0
                    await app.job_manager.retry_job(job, retry_at=self._after(_backoff(deliveries)))
                    _logger.warning("turn %s of a dead worker is delivered again (%d)", turn_id, deliveries + 1)
            except Exception as error:  # noqa: BLE001 (another worker was first, or the database is away: again, soon)
                _logger.info("taking over: %r", error)

    def _after(self, seconds: float) -> datetime:
        """A moment by the database's clock, which Procrastinate compares it with."""
        return datetime.fromtimestamp(time.time() + self._presence.ahead + seconds, UTC)

    def _retry(self) -> Any:
        from procrastinate import BaseRetryStrategy, RetryDecision

        again = self._after

        class Again(BaseRetryStrategy):
            """What could not be begun or ended now is delivered again; only what kills workers is counted."""

            def get_retry_decision(self, *, exception: BaseException, job: Any) -> RetryDecision:
                return RetryDecision(retry_at=again(_AGAIN))

        return Again()


def _inner(error: BaseException) -> JiuWenBaseException:
    failure = StatusCode.WORKFLOW_EXECUTE_INNER_ERROR.error(error=f"{type(error).__name__}: {error}")
    failure.__cause__ = error
    return failure


def _is_transient(error: JiuWenBaseException) -> bool:
    """Whether an error is no ending of the turn: the session is held elsewhere, or the database is away.

    A value that cannot be read, or that the database refuses, is 100908 too, and stays that way.
    """
    from psycopg import DataError, IntegrityError, ProgrammingError

    if error.error_code in (StatusCode.SESSION_BUSY.code, StatusCode.SESSION_LOST.code):
        return True
    stays = isinstance(
        error.__cause__, (DataError, IntegrityError, ProgrammingError, ValueError, TypeError, LookupError)
    )
    is_value = error.details.get("store") == "file"
    return error.error_code == StatusCode.STORE_UNAVAILABLE.code and not (stays or is_value)


def _backoff(deliveries: int) -> float:
    """Seconds before a turn that was begun so often is delivered again."""
    return min(2.0 ** (deliveries - 1), _LONGEST_BACKOFF) if deliveries else 0.0


async def _turn_of(served: Workflow | BaseAgent, turn: QueuedTurn) -> WorkflowOutput:
    if isinstance(served, BaseAgent):
        return await _turn_of_agent(served, turn)
    if not isinstance(turn.given, InteractiveInput):
        require_inputs(turn.given, served.get_tool_info().parameters.json_schema)
    return await served.invoke(turn.given, WorkflowRuntime(session_id=turn.session_id, turn_id=turn.turn_id))


async def _turn_of_agent(agent: BaseAgent, turn: QueuedTurn) -> WorkflowOutput:
    """One turn of an agent, whose conversation is the session."""
    message = turn.given if isinstance(turn.given, dict) else {"query": turn.given}
    result = await agent.run_turn({**message, "conversation_id": turn.session_id}, turn.turn_id)
    is_asking = isinstance(result, list) and any(map(is_question, result))
    state = WorkflowExecutionState.INPUT_REQUIRED if is_asking else WorkflowExecutionState.COMPLETED
    return WorkflowOutput(result=result, state=state, session_id=turn.session_id)


def by_id(flows: Iterable[Workflow | BaseAgent]) -> dict[str, Workflow | BaseAgent]:
    """Workflows and agents by their ids.

    Raises:
        JiuWenBaseException: 110006, one is not complete.
        ValueError: There are none, or one has no id, or two have the same.
    """
    found: dict[str, Workflow | BaseAgent] = {}
    for flow in flows:
        id = served_id(flow)
        if not id:
            raise ValueError("a workflow has no id, so nobody can ask for it: WorkflowMetadata(id=…)")
        if id in found and found[id] is not flow:
            raise ValueError(f"two workflows have the id {id!r}")
        found[id] = flow
    if not found:
        raise ValueError("there is no workflow to run")
    return found


def served_id(served: Workflow | BaseAgent) -> str:
    """By what clients ask for a workflow or an agent."""
    return str(served.agent_config.id) if isinstance(served, BaseAgent) else served.identity().workflow_id
