"""The journal's table, in the same database as the sessions."""

from __future__ import annotations

import time
from contextlib import suppress

from jiuwen_lg.engine.journal.stored_entry import dumped, loaded
from jiuwen_lg.engine.storage.database import Cursor, Database
from jiuwen_lg.timeline import JournalEntry

JOURNAL_TABLES = """
CREATE TABLE IF NOT EXISTS jiuwen_journal (
    thread_id TEXT NOT NULL, began REAL NOT NULL, number INTEGER NOT NULL, keep_until REAL NOT NULL,
    entry BLOB NOT NULL, PRIMARY KEY (thread_id, began, number)) WITHOUT ROWID;
"""

_INSERT = "INSERT INTO jiuwen_journal VALUES (?, ?, ?, ?, ?)"


def add_entry(cursor: Cursor, thread_id: str, number: int, entry: JournalEntry, seconds: float) -> None:
    """Write an entry, inside a transaction.

    Args:
        cursor: The transaction's.
        thread_id: The run's thread.
        number: Tells entries that began at the same time apart.
        entry: The entry.
        seconds: How long it is kept.
    """
    cursor.execute(_INSERT, (thread_id, entry.began, number, entry.ended + seconds, dumped(entry)))


def entries_of(database: Database, thread_id: str) -> list[JournalEntry]:
    """The entries of a run, in the order in which they began; damaged ones are left out."""
    query = "SELECT entry FROM jiuwen_journal WHERE thread_id = ? ORDER BY began, number"
    with database.transaction(write=False) as cursor:
        rows = cursor.execute(query, (thread_id,)).fetchall()
    found = []
    for row in rows:
        with suppress(ValueError, TypeError, LookupError, AttributeError):
            found.append(loaded(row[0]))
    return found


def delete_entries(cursor: Cursor, thread_id: str) -> None:
    """Delete the entries of a run."""
    cursor.execute("DELETE FROM jiuwen_journal WHERE thread_id = ?", (thread_id,))


def drop_oldest(cursor: Cursor, thread_id: str, most: int) -> None:
    """Keep so many entries of a run, the newest."""
    newest = "SELECT began FROM jiuwen_journal WHERE thread_id = ? ORDER BY began DESC LIMIT 1 OFFSET ?"
    cursor.execute(
        f"DELETE FROM jiuwen_journal WHERE thread_id = ? AND began <= ({newest})", (thread_id, thread_id, most)
    )


def prune_entries(cursor: Cursor) -> None:
    """Delete entries that are too old, or whose session is gone."""
    if cursor.execute("SELECT 1 FROM jiuwen_journal LIMIT 1").fetchone() is None:
        return
    has_session = "SELECT 1 FROM jiuwen_sessions WHERE jiuwen_sessions.thread_id = jiuwen_journal.thread_id"
    cursor.execute(f"DELETE FROM jiuwen_journal WHERE keep_until < ? OR NOT EXISTS ({has_session})", (time.time(),))
