"""The turns that wait for a worker or have ended: rows beside the sessions, each with a job of Procrastinate's."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from jiuwen_lg.engine.serializer import NotSaved
from jiuwen_lg.engine.sessions.repository import RECEIPT_SECONDS
from jiuwen_lg.engine.storage.encryption import dump, load
from jiuwen_lg.engine.store import Store, open_store
from jiuwen_lg.environment import seconds_from_env
from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.interaction import InteractiveInput
from jiuwen_lg.output import WorkflowOutput

if TYPE_CHECKING:
    from procrastinate import App

    from jiuwen_lg.engine.storage.postgres_database import PostgresDatabase

TASK = "jiuwen_lg.turn"
"""Procrastinate's name of what a worker does."""

_TABLES = """
CREATE TABLE IF NOT EXISTS jiuwen_turns (
    turn_id TEXT PRIMARY KEY, workflow_id TEXT NOT NULL, session_id TEXT NOT NULL, given BLOB NOT NULL,
    output BLOB, error BLOB, updated_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS jiuwen_turns_by_age ON jiuwen_turns (updated_at);
"""

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


class TurnQueue:
    """The rows of one Postgres database; every method is one transaction.

    Raises:
        JiuWenBaseException: 100908, `JIUWEN_LG_DB` names no Postgres database, or one that cannot be used.
    """

    def __init__(self) -> None:
        self.store: Store = open_store()
        self._database = _postgres(self.store)
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
            is_made = "SELECT to_regclass('jiuwen_turns') IS NOT NULL AND to_regclass('procrastinate_jobs') IS NOT NULL"
            if connection.execute(is_made).fetchone() == (True,):
                return
            with setting_up(connection):
                if connection.execute("SELECT to_regclass('procrastinate_jobs')").fetchone() == (None,):
                    connection.execute(self._app.schema_manager.get_schema())
                connection.execute(in_postgres(_TABLES))

    def submit(self, turn: QueuedTurn) -> None:
        """File a turn and a job that delivers it, both or none; one that was filed and has not ended gets a job more.

        Raises:
            JiuWenBaseException: 100000, the input has no place in the database.
        """
        row = (turn.turn_id, turn.workflow_id, turn.session_id, _dumped(turn.given), time.time())
        insert = "INSERT INTO jiuwen_turns (turn_id, workflow_id, session_id, given, updated_at) VALUES (?, ?, ?, ?, ?)"
        with self._database.transaction() as cursor:
            cursor.execute(f"{insert} ON CONFLICT DO NOTHING", row)
            cursor.execute("SELECT workflow_id, session_id FROM jiuwen_turns WHERE turn_id = ?", row[:1])
            if (filed := cursor.fetchone()) != (turn.workflow_id, turn.session_id):
                reason = f"turn [{turn.turn_id}] is already one of (workflow, session) {filed}"
                raise StatusCode.INTERACTIVE_INVALID_INPUT_ERROR.error(reason=reason)
            job = self._app.configure_task(
                TASK, lock=turn.session_id, queue=turn.workflow_id, connection=cursor.connection
            )
            job.defer(turn_id=turn.turn_id)

    def find(self, turn_id: str) -> QueuedTurn | None:
        """A turn; None if there is none, or it has ended."""
        select = "SELECT turn_id, workflow_id, session_id, given FROM jiuwen_turns"
        with self._database.transaction(write=False) as cursor:
            cursor.execute(f"{select} WHERE turn_id = ? AND output IS NULL AND error IS NULL", (turn_id,))
            row = cursor.fetchone()
        return None if row is None else QueuedTurn(row[0], row[1], row[2], load(row[3]))

    def end(self, turn_id: str, ending: TurnResult) -> None:
        """Note how a turn has ended, once; what ended long ago (`JIUWEN_LG_RECEIPT_SECONDS`) is dropped."""
        column, value = "output", cast("Any", ending)
        if isinstance(ending, JiuWenBaseException):
            column, value = "error", [ending.error_code, ending.message]
        is_open = "output IS NULL AND error IS NULL"
        update = f"UPDATE jiuwen_turns SET {column} = ?, updated_at = ? WHERE turn_id = ? AND {is_open}"
        now = time.time()
        oldest = now - seconds_from_env("JIUWEN_LG_RECEIPT_SECONDS", RECEIPT_SECONDS)
        with self._database.transaction() as cursor:
            cursor.execute(update, (dump(value), now, turn_id))
            cursor.execute(f"DELETE FROM jiuwen_turns WHERE updated_at < ? AND NOT ({is_open})", (oldest,))

    def endings(self, turn_ids: Sequence[str]) -> dict[str, TurnResult]:
        """How turns have ended, by id; those that have not are left out, and 100900 stands for one not on file."""
        with self._database.transaction(write=False) as cursor:
            select = "SELECT turn_id, session_id, output, error FROM jiuwen_turns WHERE turn_id = ANY(?)"
            rows = cursor.execute(select, (list(turn_ids),)).fetchall()
        unknown = {id: _unknown(id) for id in turn_ids if id not in {row[0] for row in rows}}
        return unknown | {row[0]: _ending(*row[1:]) for row in rows if row[2] is not None or row[3] is not None}


def _dumped(given: Any) -> bytes:
    blob = dump(given)
    if lost := next(_lost(load(blob)), None):
        reason = f"{lost.path} ({lost.type_name}) cannot be handed to a worker. {lost.reason}"
        raise StatusCode.INTERACTIVE_INVALID_INPUT_ERROR.error(reason=reason)
    return blob


def _lost(value: Any) -> Iterator[NotSaved]:
    """What did not come back."""
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


def _ending(session_id: str, output: bytes | None, error: bytes | None) -> TurnResult:
    if error is not None:
        return JiuWenBaseException(*load(error))
    found: WorkflowOutput = load(output or b"")
    return found.model_copy(update={"session_id": session_id})


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
