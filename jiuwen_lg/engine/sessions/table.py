"""The table of sessions.

A row is one run of a workflow in a session: which shape started it, where its
checkpoints are (`thread_id`), how far it is (`status`), what it asks, which answers it
has accepted, who runs it, and at the end its result (the receipt).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jiuwen_lg.engine.graph.fingerprint import Identity
from jiuwen_lg.engine.journal.table import delete_entries
from jiuwen_lg.engine.sessions.heartbeat import held_here
from jiuwen_lg.engine.sessions.host_locks import host_locks
from jiuwen_lg.engine.sessions.process_identity import ProcessIdentity
from jiuwen_lg.engine.sessions.row import Record, Row, place_of
from jiuwen_lg.engine.storage.database import Cursor, Database
from jiuwen_lg.engine.storage.fence import Lease
from jiuwen_lg.engine.storage.saver import FencedSaver
from jiuwen_lg.errors import JiuWenBaseException, StatusCode

SESSION_TABLES = """
CREATE TABLE IF NOT EXISTS jiuwen_shapes (fingerprint TEXT PRIMARY KEY, shape TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS jiuwen_sessions (
    thread_id TEXT PRIMARY KEY, session_id TEXT NOT NULL, workflow_id TEXT NOT NULL, fingerprint TEXT NOT NULL,
    status TEXT NOT NULL, turn_id TEXT, inputs BLOB, questions BLOB, answers BLOB, kept BLOB, result BLOB, error BLOB,
    keep INTEGER NOT NULL, owner TEXT, fence INTEGER NOT NULL, lease_until REAL NOT NULL,
    created_at REAL NOT NULL, updated_at REAL NOT NULL, host_lock TEXT);
CREATE INDEX IF NOT EXISTS jiuwen_sessions_by_id ON jiuwen_sessions (session_id, workflow_id);
CREATE INDEX IF NOT EXISTS jiuwen_sessions_by_age ON jiuwen_sessions (status, updated_at);
"""

NEW_COLUMNS = ("host_lock TEXT",)
"""Of `jiuwen_sessions`: what a store of an earlier release lacks."""

NO_HOLDER: dict[str, Any] = {"owner": None, "lease_until": 0.0, "host_lock": None}
"""The columns of a row that nobody runs."""

_COLUMNS = ", ".join(Row.__slots__)


class SessionTable:
    """The rows of one store; its methods are parts of a transaction."""

    def __init__(self, database: Database, saver: FencedSaver) -> None:
        self.database: Database = database
        self.saver: FencedSaver = saver

    def select(self, cursor: Cursor, where: str, *values: Any) -> list[Record]:
        """The rows that meet a condition, oldest first."""
        columns = f"{_COLUMNS}, {self.database.lease_clock}"
        cursor.execute(f"SELECT {columns} FROM jiuwen_sessions WHERE {where} ORDER BY created_at", values)
        return [Record(Row.read(row[:-1]), self.saver.vault, row[-1]) for row in cursor.fetchall()]

    def sealed(self, of: Row | Lease, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of a run's row as they are stored: blobs are sealed for their places."""

        def sealed(column: str, value: Any) -> Any:
            place = place_of(of.thread_id, of.session_id, of.workflow_id, column)
            return self.saver.vault.seal(value, place) if isinstance(value, bytes) else value

        return {column: sealed(column, value) for column, value in values.items()}

    def of_shape(self, cursor: Cursor, session_id: str, identity: Identity) -> list[Record]:
        """The runs that a start would collide with: those of the id, or of an unnamed one's shape."""
        records = self.select(cursor, "session_id = ? AND workflow_id = ?", session_id, identity.workflow_id)
        return [r for r in records if identity.workflow_id or r.row.fingerprint == identity.fingerprint]

    def insert(self, cursor: Cursor, row: Row, lease: float = 0.0) -> None:
        """Add a row; it is created now, by the store's clock.

        Args:
            cursor: The transaction's.
            row: The row; its times are not looked at.
            lease: For how many seconds from now its holder has it.
        """
        times = {
            "created_at": self.database.clock,
            "updated_at": self.database.clock,
            "lease_until": f"{self.database.lease_clock} + {lease}" if lease else "0",
        }
        marks = ", ".join(times.get(column, "?") for column in Row.__slots__)
        values = tuple(getattr(row, column) for column in Row.__slots__ if column not in times)
        cursor.execute(f"INSERT INTO jiuwen_sessions ({_COLUMNS}) VALUES ({marks})", values)

    def delete(self, cursor: Cursor, record: Record) -> None:
        """Delete a row and its checkpoints."""
        cursor.execute("DELETE FROM jiuwen_sessions WHERE thread_id = ?", (record.row.thread_id,))
        self.saver.delete_thread(record.row.thread_id)
        delete_entries(cursor, record.row.thread_id)

    def refuse_running(self, record: Record) -> None:
        """Refuse a row that somebody runs.

        Raises:
            JiuWenBaseException: 100904.
        """
        if self.is_running(record):
            owner = record.owner
            assert owner is not None
            raise busy(record.row.session_id, record.row.thread_id, owner.describe())

    def is_running(self, record: Record) -> bool:
        """Whether a living holder runs this session now.

        On one host the kernel knows: neither a clock, nor another user's process, nor a busy interpreter counts.
        Elsewhere, and where the holder is stopped, a lease counts until it runs out, by the clock of the store.
        """
        row = record.row
        if row.status != "running" or row.owner is None:
            return False
        if held_here(row.thread_id) is not None:
            return True
        owner = record.owner
        if owner is None or owner == ProcessIdentity.current():
            return False
        is_held = host_locks.is_held(_lock_of(row))
        if is_held is not None and not (is_held and owner.is_stopped()):
            return is_held
        return not owner.is_known_dead() and row.lease_until >= record.now


def busy(session_id: str, thread_id: str, owner: str) -> JiuWenBaseException:
    """100904, with the thread that is being run."""
    return StatusCode.SESSION_BUSY.error(session_id=session_id, owner=owner, thread_id=thread_id)


def lock_written(lease: Lease) -> str | None:
    """A lease's lock as its row names it: with the token, since a release that knows no locks leaves it there."""
    return f"{lease.host_lock}#{lease.fence}" if lease.host_lock else None


def _lock_of(row: Row) -> str | None:
    name, _, fence = (row.host_lock or "").partition("#") if isinstance(row.host_lock, str | None) else ("", "", "")
    return name if fence == str(row.fence) else None
