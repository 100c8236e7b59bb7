"""A process that runs turns which clients submit."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.interaction import InteractiveInput
from jiuwen_lg.runtime import WorkflowRuntime
from jiuwen_lg.schema.input_schema import require_inputs
from jiuwen_lg.workers.turns import TASK, QueuedTurn, TurnQueue, TurnResult
from jiuwen_lg.workflow import Workflow

if TYPE_CHECKING:
    from procrastinate import App

CONCURRENCY = 16
TAKEOVER_SECONDS = 10.0

_TRANSIENT = (StatusCode.SESSION_BUSY, StatusCode.SESSION_LOST, StatusCode.STORE_UNAVAILABLE)
"""What is not the turn's ending: it is delivered again."""
_AGAIN = 1.0
"""Seconds until then."""

_logger = logging.getLogger(__name__)


class Worker:
    """Runs the turns of some workflows.

    A turn whose worker has died is delivered again to another one: what had finished is not run again, and an
    answer that was taken is not taken twice.

    Args:
        flows: The workflows, each with an id of its own. TurnQueue of others are left to other workers.
        concurrency: How many turns run at once.
        takeover: A worker that shows no sign of life for so many seconds is held to be dead.

    Raises:
        JiuWenBaseException: 100908, `JIUWEN_LG_DB` names no Postgres database, or one that cannot be used.
        ValueError: There are no workflows, or one without an id, or two with the same.
    """

    def __init__(
        self, flows: Iterable[Workflow], *, concurrency: int = CONCURRENCY, takeover: float = TAKEOVER_SECONDS
    ) -> None:
        self._flows = by_id(flows)
        self._concurrency = concurrency
        self._takeover = takeover
        self._turns = TurnQueue()

    async def run(self) -> None:
        """Run turns until SIGINT or SIGTERM, then end those that are running."""
        from procrastinate import App, PsycopgConnector

        app = App(connector=PsycopgConnector(conninfo=self._turns.url))
        app.task(name=TASK, retry=_retry())(self._deliver)
        async with app.open_async(), self._taking_over(app):
            await app.run_worker_async(
                queues=list(self._flows),
                concurrency=self._concurrency,
                fetch_job_polling_interval=_AGAIN,
                delete_jobs="successful",
                update_heartbeat_interval=self._takeover / 4,
                stalled_worker_timeout=self._takeover,
            )

    async def _deliver(self, turn_id: str) -> None:
        turn = await self._turns.store.database.call(lambda: self._turns.find(turn_id))
        if turn is None:
            return  # it was delivered before
        ending = await self._ending(turn)
        await self._turns.store.database.call(lambda: self._turns.end(turn_id, ending))

    async def _ending(self, turn: QueuedTurn) -> TurnResult:
        runtime = WorkflowRuntime(session_id=turn.session_id, turn_id=turn.turn_id)
        flow = self._flows[turn.workflow_id]
        try:
            if not isinstance(turn.given, InteractiveInput):
                require_inputs(turn.given, flow.get_tool_info().parameters.json_schema)
            return await flow.invoke(turn.given, runtime)
        except JiuWenBaseException as error:
            if any(error.error_code == status.code for status in _TRANSIENT):
                raise
            return error
        except Exception as error:  # noqa: BLE001 (whoever waits for the turn is told)
            return StatusCode.WORKFLOW_EXECUTE_INNER_ERROR.error(error=f"{type(error).__name__}: {error}")

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
                    await app.job_manager.retry_job(job)
                    _logger.warning("turn %s of a dead worker is delivered again", job.task_kwargs.get("turn_id"))
            except Exception as error:  # noqa: BLE001 (another worker was first, or the database is away: again, soon)
                _logger.info("taking over: %r", error)


def by_id(flows: Iterable[Workflow]) -> dict[str, Workflow]:
    """Workflows by their ids.

    Raises:
        JiuWenBaseException: 110006, one is not complete.
        ValueError: There are none, or one has no id, or two have the same.
    """
    found: dict[str, Workflow] = {}
    for flow in flows:
        id = flow.identity().workflow_id
        if not id:
            raise ValueError("a workflow has no id, so nobody can ask for it: WorkflowMetadata(id=…)")
        if id in found and found[id] is not flow:
            raise ValueError(f"two workflows have the id {id!r}")
        found[id] = flow
    if not found:
        raise ValueError("there is no workflow to run")
    return found


def _retry() -> Any:
    from procrastinate import BaseRetryStrategy, RetryDecision

    class Again(BaseRetryStrategy):
        """What could not be begun or ended now is delivered again, however often."""

        def get_retry_decision(self, *, exception: BaseException, job: Any) -> RetryDecision | None:
            is_ours = isinstance(exception, JiuWenBaseException)
            return RetryDecision(retry_in={"seconds": int(_AGAIN)}) if is_ours else None

    return Again()
