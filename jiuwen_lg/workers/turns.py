"""The turns that wait for a worker or have ended: rows beside the sessions, each with a job of Procrastinate's."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from jiuwen_lg.engine import serializer
from jiuwen_lg.engine.serializer import NotSaved
from jiuwen_lg.engine.sessions.repository import RECEIPT_SECONDS
from jiuwen_lg.engine.storage.database import Cursor
from jiuwen_lg.engine.storage.encryption import Place, Vault
from jiuwen_lg.engine.store import Store, open_store
from jiuwen_lg.environment import seconds_from_env
from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.interaction import InteractiveInput
from jiuwen_lg.output import WorkflowOutput
from jiuwen_lg.workers.presence import SERVED

if TYPE_CHECKING:
    from procrastinate import App

    from jiuwen_lg.engine.storage.postgres_database import PostgresDatabase

TASK = "jiuwen_lg.turn"
"""Procrastinate's name of what a worker does."""

_TABLES = """
CREATE TABLE IF NOT EXISTS jiuwen_turns (
    turn_id TEXT PRIMARY KEY, workflow_id TEXT NOT NULL, session_id TEXT NOT NULL, given BLOB NOT NULL,
    output BLOB, error BLOB, updated_at REAL NOT NULL);
ALTER TABLE jiuwen_turns ADD COLUMN IF NOT EXISTS deliveries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jiuwen_turns ADD COLUMN IF NOT EXISTS is_abandoned INTEGER NOT NULL DEFAULT 0;
CREATE INDEX IF NOT EXISTS jiuwen_turns_by_age ON jiuwen_turns (updated_at);
CREATE TABLE IF NOT EXISTS jiuwen_workers (
    worker_id TEXT NOT NULL, workflow_id TEXT NOT NULL, until REAL NOT NULL, PRIMARY KEY (worker_id, workflow_id));
"""

_IS_OPEN = "output IS NULL AND error IS NULL"
_LONGEST_QUEUE = 128
"""Characters of a queue's name, which is the workflow's id, in Procrastinate's table."""

TurnResult: TypeAlias = WorkflowOutput | JiuWenBaseException


@dataclass(frozen=True, slots=True)
class QueuedTurn:
    """An input for a session.

    Attributes:
        turn_id: Its name; a turn of the same name is the same one.
        workflow_id: The workflow that is to run.
        session_id: The session.
        given: A dict of inputs, or an `InteractiveInput`.
    """

    turn_id: str
    workflow_id: str
    session_id: str
    given: Any


@dataclass(frozen=True, slots=True)
class WaitingTurn:
    """A turn that has not ended, or that waits for an operator.

    Attributes:
        turn_id: Its name.
        workflow_id: The workflow.
        session_id: The session.
        deliveries: How often it was begun without an orderly end.
        updated_at: When it was submitted or abandoned, seconds since 1970.
        status: `queued`, `running`, `unserved` (no living worker serves its workflow), `stuck` (its job is gone),
            or `abandoned` (workers died of it too often).
        reason: What the status means, for the last three.
    """

    turn_id: str
    workflow_id: str
    session_id: str
    deliveries: int
    updated_at: float
    status: str
    reason: str


class DamagedTurnError(Exception):
    """A turn whose row cannot be read: it ends with what is wrong with it.

    Args:
        error: What is wrong.
    """

    def __init__(self, error: JiuWenBaseException) -> None:
        super().__init__(str(error))
        self.error = error


class TurnQueue:
    """The rows of one Postgres database; every method is one transaction.

    Raises:
        JiuWenBaseException: 100908, `JIUWEN_LG_DB` names no Postgres database, or one that cannot be used.
    """

    def __init__(self) -> None:
        self.store: Store = open_store()
        self._database = _postgres(self.store)
        self._vault: Vault = self.store.saver.vault
        self._app = _app()
        self._make_tables()

    @property
    def url(self) -> str:
        """The database, for Procrastinate's own connections."""
        return self._database.url

    def _make_tables(self) -> None:
        from psycopg import connect

        from jiuwen_lg.engine.storage.postgres_database import in_postgres, setting_up

        with connect(self.url, autocommit=True) as connection:
            is_made = (
                "SELECT to_regclass('jiuwen_workers') IS NOT NULL AND to_regclass('procrastinate_jobs') IS NOT NULL"
            )
            if connection.execute(is_made).fetchone() == (True,):
                return
            with setting_up(connection):
                if connection.execute("SELECT to_regclass('procrastinate_jobs')").fetchone() == (None,):
                    connection.execute(self._app.schema_manager.get_schema())
                connection.execute(in_postgres(_TABLES))

    def submit(self, turn: QueuedTurn) -> None:
        """File a turn and a job that delivers it, both or none; one that was filed and has not ended gets a job more.

        Raises:
            JiuWenBaseException: 100000, the input has no place in the database, or the workflow's id is too long.
        """
        if len(turn.workflow_id) > _LONGEST_QUEUE:
            reason = f"a workflow's id has at most {_LONGEST_QUEUE} characters here, not {len(turn.workflow_id)}"
            raise StatusCode.INTERACTIVE_INVALID_INPUT_ERROR.error(reason=reason)
        given = self._vault.seal(_dumped(turn.given), _place(turn.turn_id, "given", turn.workflow_id, turn.session_id))
        row = (turn.turn_id, turn.workflow_id, turn.session_id, given, time.time())
        insert = "INSERT INTO jiuwen_turns (turn_id, workflow_id, session_id, given, updated_at) VALUES (?, ?, ?, ?, ?)"
        with self._database.transaction() as cursor:
            cursor.execute(f"{insert} ON CONFLICT DO NOTHING", row)
            cursor.execute("SELECT workflow_id, session_id FROM jiuwen_turns WHERE turn_id = ?", row[:1])
            if (filed := cursor.fetchone()) != (turn.workflow_id, turn.session_id):
                reason = f"turn [{turn.turn_id}] is already one of (workflow, session) {filed}"
                raise StatusCode.INTERACTIVE_INVALID_INPUT_ERROR.error(reason=reason)
            self._defer(cursor, turn.turn_id, turn.workflow_id, turn.session_id)

    def _defer(self, cursor: Cursor, turn_id: str, workflow_id: str, session_id: str) -> None:
        """File a job that delivers a turn."""
        job = self._app.configure_task(TASK, lock=session_id, queue=workflow_id, connection=cursor.connection)
        job.defer(turn_id=turn_id)

    # --- delivering ---

    def begin(self, turn_id: str) -> QueuedTurn | None:
        """Take a turn that was never begun before; None if there is none.

        Raises:
            DamagedTurnError: Its input cannot be read.
        """
        return self._begin(turn_id, "deliveries = 0")

    def begin_again(self, turn_id: str) -> QueuedTurn | None:
        """Take a turn that was begun before; None if it has ended.

        Raises:
            DamagedTurnError: Its input cannot be read.
        """
        return self._begin(turn_id, "deliveries > 0")

    def _begin(self, turn_id: str, condition: str) -> QueuedTurn | None:
        """Count a delivery before anything runs: a worker that dies cannot count it afterwards."""
        update = f"UPDATE jiuwen_turns SET deliveries = deliveries + 1 WHERE turn_id = ? AND {_IS_OPEN} AND {condition}"
        with self._database.transaction() as cursor:
            cursor.execute(f"{update} RETURNING workflow_id, session_id, given", (turn_id,))
            row = cursor.fetchone()
        return None if row is None else QueuedTurn(turn_id, row[0], row[1], self._given(turn_id, *row))

    def _given(self, turn_id: str, workflow_id: str, session_id: str, blob: bytes) -> Any:
        try:
            return self._vault.load(blob, _place(turn_id, "given", workflow_id, session_id))
        except JiuWenBaseException as error:
            raise DamagedTurnError(error) from error
        except _DAMAGE as error:
            raise DamagedTurnError(_damaged(error)) from error

    def deliveries(self, turn_id: str) -> int | None:
        """How often a turn that has not ended was begun without an orderly end; None if it has ended, or is unknown."""
        with self._database.transaction(write=False) as cursor:
            cursor.execute(f"SELECT deliveries FROM jiuwen_turns WHERE turn_id = ? AND {_IS_OPEN}", (turn_id,))
            row = cursor.fetchone()
        return None if row is None else int(row[0])

    def give_back(self, turn_id: str) -> None:
        """Undo the count of a delivery that came to nothing, through no fault of the turn."""
        update = "UPDATE jiuwen_turns SET deliveries = greatest(deliveries - 1, 0) WHERE turn_id = ?"
        with self._database.transaction() as cursor:
            cursor.execute(update, (turn_id,))

    def end(self, turn_id: str, ending: TurnResult, *, is_abandoned: bool = False) -> None:
        """Record how a turn has ended, once; what ended long ago (`JIUWEN_LG_RECEIPT_SECONDS`) is dropped.

        Args:
            turn_id: The turn.
            ending: Its output, or what it failed with.
            is_abandoned: Whether it is not delivered any more and waits for an operator; then it is not dropped.
        """
        column, value = "output", cast("Any", ending)
        if isinstance(ending, JiuWenBaseException):
            column, value = "error", [ending.error_code, ending.message]
        update = (
            f"UPDATE jiuwen_turns SET {column} = ?, updated_at = ?, is_abandoned = ? WHERE turn_id = ? AND {_IS_OPEN}"
        )
        now = time.time()
        oldest = now - seconds_from_env("JIUWEN_LG_RECEIPT_SECONDS", RECEIPT_SECONDS)
        with self._database.transaction() as cursor:
            cursor.execute(update, (self._vault.dump(value, _place(turn_id, column)), now, int(is_abandoned), turn_id))
            is_old = f"updated_at < ? AND is_abandoned = 0 AND NOT ({_IS_OPEN})"
            cursor.execute(f"DELETE FROM jiuwen_turns WHERE {is_old}", (oldest,))

    def redeliver(self, turn_id: str) -> None:
        """Deliver a turn afresh that was abandoned, or that has lost its job.

        Raises:
            JiuWenBaseException: 100900, there is no such turn, or it is on its way, or has ended.
        """
        job = "SELECT 1 FROM procrastinate_jobs WHERE status IN ('todo', 'doing') AND args->>'turn_id' = turn_id"
        waits = f"is_abandoned = 1 OR ({_IS_OPEN} AND NOT EXISTS ({job}))"
        update = (
            f"UPDATE jiuwen_turns SET deliveries = 0, is_abandoned = 0, error = NULL WHERE turn_id = ? AND ({waits})"
        )
        with self._database.transaction() as cursor:
            cursor.execute(f"{update} RETURNING workflow_id, session_id", (turn_id,))
            if (row := cursor.fetchone()) is None:
                reason = f"turn [{turn_id}] is on its way, or has ended, or is not on file"
                raise StatusCode.INTERACTION_NOT_PENDING.error(session_id="?", reason=reason)
            self._defer(cursor, turn_id, *row)

    # --- looking ---

    def endings(self, turn_ids: Sequence[str]) -> dict[str, TurnResult]:
        """Return how turns have ended, by id; 100900 stands for one that is not stored."""
        with self._database.transaction(write=False) as cursor:
            select = "SELECT turn_id, session_id, output, error FROM jiuwen_turns WHERE turn_id = ANY(?)"
            rows = cursor.execute(select, (list(turn_ids),)).fetchall()
        unknown = {id: _unknown(id) for id in turn_ids if id not in {row[0] for row in rows}}
        return unknown | {row[0]: self._ending(*row) for row in rows if row[2] is not None or row[3] is not None}

    def _ending(self, turn_id: str, session_id: str, output: bytes | None, error: bytes | None) -> TurnResult:
        """How one turn ended; a row that cannot be read ends its own turn only."""
        try:
            if error is not None:
                return JiuWenBaseException(*self._vault.load(error, _place(turn_id, "error")))
            found: WorkflowOutput = self._vault.load(output or b"", _place(turn_id, "output"))
            return found.model_copy(update={"session_id": session_id})
        except JiuWenBaseException as unreadable:
            return unreadable
        except _DAMAGE as damage:
            return _damaged(damage)

    def unserved(self, turn_ids: Sequence[str]) -> dict[str, str]:
        """The workflows of those turns that have not ended and that no living worker serves, by turn."""
        select = (
            f"SELECT turn_id, workflow_id FROM jiuwen_turns AS t WHERE turn_id = ANY(?) AND {_IS_OPEN} AND NOT {SERVED}"
        )
        with self._database.transaction(write=False) as cursor:
            return dict(cursor.execute(select, (list(turn_ids),)).fetchall())

    def waiting(self) -> list[WaitingTurn]:
        """The turns that have not ended, and those that were abandoned, the longest untouched first."""
        select = f"""
            SELECT turn_id, workflow_id, session_id, deliveries, updated_at, is_abandoned = 1, {SERVED},
                (SELECT max(status::text) FROM procrastinate_jobs
                 WHERE status IN ('todo', 'doing') AND args->>'turn_id' = turn_id), error
            FROM jiuwen_turns AS t WHERE is_abandoned = 1 OR ({_IS_OPEN}) ORDER BY updated_at"""
        with self._database.transaction(write=False) as cursor:
            rows = cursor.execute(select).fetchall()
        return [self._waiting(*row) for row in rows]

    def _waiting(
        self, turn_id: str, workflow_id: str, session_id: str, deliveries: int, updated_at: float, *state: Any
    ) -> WaitingTurn:
        *seen, error = state
        status, reason = _state(*seen)
        if status == "abandoned":
            reason = str(self._ending(turn_id, session_id, None, error))
        return WaitingTurn(turn_id, workflow_id, session_id, deliveries, updated_at, status, reason)


def _state(is_abandoned: bool, is_served: bool, job: str | None) -> tuple[str, str]:
    """The status of a turn, and what it means."""
    if is_abandoned:
        return "abandoned", ""
    if job is None:
        return "stuck", "its job is gone from the queue: `jiuwen-lg turns retry` files another"
    if job == "todo" and not is_served:
        return "unserved", "no worker that serves its workflow is alive"
    return ("queued", "") if job == "todo" else ("running", "")


_DAMAGE = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
"""What reading a blob of another form raises."""


def _place(turn_id: str, column: str, *more: str) -> Place:
    return Place("turns", turn_id, (turn_id, column, *more))


def _damaged(error: Exception) -> JiuWenBaseException:
    return StatusCode.STORE_UNAVAILABLE.error(store="postgres", reason=f"the row of the turn is damaged ({error})")


def _dumped(given: Any) -> bytes:
    blob = serializer.dump(given)
    if lost := next(_lost(serializer.load(blob)), None):
        reason = f"{lost.path} ({lost.type_name}) cannot be handed to a worker. {lost.reason}"
        raise StatusCode.INTERACTIVE_INVALID_INPUT_ERROR.error(reason=reason)
    return blob


def _lost(value: Any) -> Iterator[NotSaved]:
    """Return the error of a turn that did not come back."""
    if isinstance(value, NotSaved):
        yield value
    elif isinstance(value, InteractiveInput):
        yield from _lost([value.raw_inputs, value.user_inputs])
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _lost(item)


def _unknown(turn_id: str) -> JiuWenBaseException:
    reason = f"turn [{turn_id}] is not on file; ended ones are kept for JIUWEN_LG_RECEIPT_SECONDS"
    return StatusCode.INTERACTION_NOT_PENDING.error(session_id="?", reason=reason)


def _postgres(store: Store) -> PostgresDatabase:
    if store.database.is_local:
        reason = "workers share a Postgres database: set JIUWEN_LG_DB to postgresql://user:password@host:5432/name"
        raise StatusCode.STORE_UNAVAILABLE.error(store=store.path, reason=reason)
    return cast("PostgresDatabase", store.database)


def _app() -> App:
    """Procrastinate, to file jobs through our own connections."""
    try:
        from procrastinate import App, SyncPsycopgConnector
    except ImportError as error:
        reason = f"Procrastinate is not installed ({error}): pip install 'jiuwen-lg[workers]'"
        raise StatusCode.STORE_UNAVAILABLE.error(store="postgres", reason=reason) from error
    return App(connector=SyncPsycopgConnector())
