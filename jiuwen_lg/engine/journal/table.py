"""The journal's table, in the same database as the sessions."""

from __future__ import annotations

import time
from contextlib import suppress

from jiuwen_lg.engine.journal.stored_entry import loaded
from jiuwen_lg.engine.storage.database import Cursor, Database
from jiuwen_lg.engine.storage.encryption import Vault
from jiuwen_lg.timeline import JournalEntry

JOURNAL_TABLES = """
CREATE TABLE IF NOT EXISTS jiuwen_journal (
    thread_id TEXT NOT NULL, number BIGINT NOT NULL, keep_until REAL NOT NULL, entry BLOB NOT NULL,
    PRIMARY KEY (thread_id, number)) WITHOUT ROWID;
"""

INSERT_ENTRY = "INSERT INTO jiuwen_journal VALUES (?, ?, ?, ?)"
"""Writes an entry: its thread, a number that grows, until when it is kept, and its bytes."""

KEEP_NEWEST = (
    "DELETE FROM jiuwen_journal WHERE thread_id = ? AND number <= "
    "(SELECT number FROM jiuwen_journal WHERE thread_id = ? ORDER BY number DESC LIMIT 1 OFFSET ?)"
)
"""Deletes the oldest entries of a run: its thread twice, and how many stay."""


def entries_of(database: Database, vault: Vault, thread_id: str) -> list[JournalEntry]:
    """The entries of a run, in the order in which they began; damaged ones are left out."""
    query = "SELECT entry FROM jiuwen_journal WHERE thread_id = ? ORDER BY number"
    with database.transaction(write=False) as cursor:
        rows = cursor.execute(query, (thread_id,)).fetchall()
    found = []
    for row in rows:
        with suppress(ValueError, TypeError, LookupError, AttributeError):
            found.append(loaded(row[0], vault, thread_id))
    return sorted(found, key=lambda entry: entry.began)


def delete_entries(cursor: Cursor, thread_id: str) -> None:
    """Delete the entries of a run."""
    cursor.execute("DELETE FROM jiuwen_journal WHERE thread_id = ?", (thread_id,))


def prune_entries(cursor: Cursor) -> None:
    """Delete entries that are too old, or whose session is gone."""
    if cursor.execute("SELECT 1 FROM jiuwen_journal LIMIT 1").fetchone() is None:
        return
    has_session = "SELECT 1 FROM jiuwen_sessions WHERE jiuwen_sessions.thread_id = jiuwen_journal.thread_id"
    cursor.execute(f"DELETE FROM jiuwen_journal WHERE keep_until < ? OR NOT EXISTS ({has_session})", (time.time(),))
