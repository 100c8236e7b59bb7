"""The store of sessions: the file or the Postgres database that `JIUWEN_LG_DB` names, read at each run."""

from __future__ import annotations

import asyncio
import atexit
import os
import sqlite3
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jiuwen_lg.engine.journal.table import JOURNAL_TABLES
from jiuwen_lg.engine.sessions.conversations import MESSAGE_TABLES, Messages
from jiuwen_lg.engine.sessions.repository import Sessions
from jiuwen_lg.engine.sessions.runs import Runs
from jiuwen_lg.engine.sessions.table import NEW_COLUMNS, SESSION_TABLES, SessionTable
from jiuwen_lg.engine.storage.database import BusyError, Database
from jiuwen_lg.engine.storage.place import MEMORY, file_of, postgres_url
from jiuwen_lg.engine.storage.saver import FencedSaver
from jiuwen_lg.engine.storage.sqlite_database import SqliteDatabase
from jiuwen_lg.engine.storage.sqlite_saver import CHECKPOINT_TABLES, FencedSqliteSaver
from jiuwen_lg.errors import JiuWenBaseException, StatusCode

OFF = "off"

FORMAT = 1
"""Of the tables; a file with a higher number was written by a later release."""

_TABLES = f"""
CREATE TABLE IF NOT EXISTS jiuwen_store (format INTEGER NOT NULL);
INSERT INTO jiuwen_store SELECT {FORMAT} WHERE NOT EXISTS (SELECT 1 FROM jiuwen_store);
{SESSION_TABLES}{MESSAGE_TABLES}{JOURNAL_TABLES}"""


class Store:
    """A database with what is in it: checkpoints, sessions and the messages of conversations.

    Args:
        saver: LangGraph's, on the database.
        substitute_for: The place that this memory stands in for, with the reason.
        replaced: The store of a file that was at this place before.
    """

    def __init__(self, saver: FencedSaver, substitute_for: str | None = None, replaced: Store | None = None) -> None:
        self.saver: FencedSaver = saver
        self.database: Database = saver.database
        self.path: str = self.database.path
        table = SessionTable(self.database, saver)
        self.sessions: Sessions = Sessions(table, None if replaced is None else replaced.sessions)
        self.runs: Runs = Runs(table)
        self.messages: Messages = Messages(self.database, saver.vault)
        self.identity: Any = None
        """What tells the database from any other, whatever it is called: of a file, its number."""
        self._substitute_for = substitute_for

    def not_found(self, session_id: str, reason: str) -> JiuWenBaseException:
        """Return the error for a session that is not here."""
        if self._substitute_for:
            return StatusCode.STORE_UNAVAILABLE.error(
                store=self._substitute_for, reason=f"session [{session_id}] is not in this process's memory either"
            )
        return StatusCode.INTERACTION_NOT_PENDING.error(session_id=session_id, reason=reason)


_stores: dict[str, Store] = {}
"""By place; a database that has several names is there several times."""
_lock = threading.Lock()


async def current_store() -> Store | None:
    """The store of a run that begins now; None if it is switched off.

    Raises:
        JiuWenBaseException: 100908, there is a file, and it cannot be used: it is damaged, of a later
            release, read-only, or held by somebody else for longer than a minute; or `JIUWEN_LG_DB` names
            no place that there can be.
    """
    setting = _setting()
    if setting.lower() == OFF:
        return None
    place = _place_of(setting)
    return _found(place) or await asyncio.to_thread(_find_or_open, place, is_default=not setting)


async def opened_store() -> Store:
    """Open the store as `open_store` does, without holding up the event loop.

    Raises:
        JiuWenBaseException: 100908, as `current_store`.
    """
    return await current_store() or open_store()


def open_store() -> Store:
    """The same for synchronous callers; where it is switched off, this process's memory.

    Raises:
        JiuWenBaseException: 100908, as `current_store`.
    """
    setting = _setting()
    place = MEMORY if setting.lower() == OFF else _place_of(setting)
    return _found(place) or _find_or_open(place, is_default=not setting)


def close_store(setting: str) -> None:
    """Close a store that nobody uses any more; the next run opens it again."""
    with _lock:
        store = _stores.get(_place_of(setting.strip()))
        for place in [place for place, one in _stores.items() if one is store]:
            del _stores[place]
    if store is not None:
        store.database.close()


def close_all() -> None:
    """Close all stores of this process; the next run opens its own again."""
    with _lock:
        stores = {*_stores.values()}
        _stores.clear()
    for store in stores:
        store.database.close()


def _setting() -> str:
    return (os.environ.get("JIUWEN_LG_DB") or "").strip()


def _place_of(setting: str) -> str:
    return postgres_url(setting) or file_of(setting)


def _found(place: str) -> Store | None:
    store = _stores.get(place)
    return None if store is None or _is_gone(store) or store.saver.vault.needs_mark else store


def _find_or_open(place: str, *, is_default: bool) -> Store:
    with _lock:
        store = _stores.get(place)
        if store is None or _is_gone(store):
            opened = _open(place, _stores.get(place), is_default=is_default)
            same = [one for one in _stores.values() if opened.identity is not None and one.identity == opened.identity]
            if same:
                opened.database.close()
            store = _stores[place] = same[0] if same else opened
        if store.saver.vault.needs_mark:
            store.saver.vault.mark(store.database)
        return store


def _is_gone(store: Store) -> bool:
    """Whether its file was deleted or replaced, so that a connection to it would write to nowhere."""
    return os.path.isabs(store.path) and _number_of(store.path) != store.identity


def _number_of(path: str) -> tuple[int, int] | None:
    """What tells a file from any other; None if there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _open(place: str, replaced: Store | None, *, is_default: bool) -> Store:
    if postgres_url(place):
        return _opened(Store(_postgres(place)))
    try:
        if place != MEMORY:
            _make_folder(Path(place).parent, is_default=is_default)
        return _opened(Store(_sqlite(place), replaced=replaced))
    except BusyError as error:
        raise StatusCode.STORE_UNAVAILABLE.error(store=place, reason=str(error)) from error
    except (OSError, sqlite3.OperationalError) as error:
        if _holds_something(place):
            raise StatusCode.STORE_UNAVAILABLE.error(store=place, reason=str(error)) from error
        warnings.warn(
            f"sessions cannot be kept in {place} ({error}), so they live in this process's memory only; "
            "set JIUWEN_LG_DB to a file that can be written",
            RuntimeWarning,
            stacklevel=3,
        )
        return _opened(Store(_sqlite(MEMORY), substitute_for=f"{place} ({error})"))
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # what a damaged file says may be no text
        raise StatusCode.STORE_UNAVAILABLE.error(store=place, reason=str(error)) from error


def _holds_something(path: str) -> bool:
    """Return whether sessions may be stored there, so that memory must not replace it."""
    try:
        return os.path.getsize(path) > 0
    except OSError:
        return False


def _opened(store: Store) -> Store:
    """Opening is what may fail."""
    with store.database.transaction(write=False) as cursor:
        if not store.database.is_local:
            cursor.execute(_SAME_TABLES)
            store.identity = tuple(cursor.fetchone())
    if os.path.isabs(store.path):
        store.identity = _number_of(store.path)
    return store


_SAME_TABLES = """
SELECT pg_postmaster_start_time()::text, current_setting('port'),
    (SELECT oid::text FROM pg_database WHERE datname = current_database()), to_regclass('jiuwen_store')::oid::text"""
"""What tells the tables of one server's one database from any others, whoever connects, by whichever address."""


def _sqlite(path: str) -> FencedSaver:
    def prepare(connection: sqlite3.Connection) -> None:
        known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'jiuwen_store'").fetchone()
        if known:
            _require_format(connection.execute)
        connection.executescript(f"BEGIN IMMEDIATE;{CHECKPOINT_TABLES}{_TABLES}COMMIT;")
        _add_columns(connection)

    return FencedSqliteSaver(SqliteDatabase(path, prepare))


def _add_columns(connection: sqlite3.Connection) -> None:
    """Add what the tables of an earlier release lack; they stay readable for it."""
    if {column.split()[0] for column in NEW_COLUMNS} <= _columns(connection):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for column in NEW_COLUMNS:
            if column.split()[0] not in _columns(connection):
                connection.execute(f"ALTER TABLE jiuwen_sessions ADD COLUMN {column}")
    finally:
        connection.execute("COMMIT")


def _columns(connection: sqlite3.Connection) -> set[str]:
    return {row[1] for row in connection.execute("PRAGMA table_info(jiuwen_sessions)")}


def _postgres(url: str) -> FencedSaver:
    try:
        from langgraph.checkpoint.postgres import PostgresSaver

        from jiuwen_lg.engine.storage.postgres_database import PostgresDatabase, in_postgres, setting_up
        from jiuwen_lg.engine.storage.postgres_saver import FencedPostgresSaver, make_checkpoint_tables
    except ImportError as error:
        reason = f"its driver is not installed ({error}): pip install 'jiuwen-lg[postgres]'"
        raise StatusCode.STORE_UNAVAILABLE.error(store="postgres", reason=reason) from error

    newest = len(PostgresSaver.MIGRATIONS) - 1

    def prepare(connection: Any) -> None:
        known = connection.execute("SELECT to_regclass('jiuwen_store')").fetchone()[0]
        if known:
            _require_format(connection.execute)
            version = connection.execute("SELECT max(v) FROM checkpoint_migrations").fetchone()[0]
            if version == newest and not _missing_in_postgres(connection) and _has_journal(connection):
                return
        with setting_up(connection):
            make_checkpoint_tables(connection, PostgresSaver.MIGRATIONS)
            connection.execute(in_postgres(_TABLES))
            for column in _missing_in_postgres(connection):
                connection.execute(f"ALTER TABLE jiuwen_sessions ADD COLUMN {column}")

    return FencedPostgresSaver(PostgresDatabase(url, prepare))


def _has_journal(connection: Any) -> bool:
    """Whether the journal's table is there; stores of 0.1 have none."""
    return connection.execute("SELECT to_regclass('jiuwen_journal')").fetchone()[0] is not None


def _missing_in_postgres(connection: Any) -> list[str]:
    query = "SELECT attname FROM pg_attribute WHERE attrelid = 'jiuwen_sessions'::regclass AND NOT attisdropped"
    found = {row[0] for row in connection.execute(query).fetchall()}
    return [column for column in NEW_COLUMNS if column.split()[0] not in found]


def _require_format(execute: Callable[[str], Any]) -> None:
    """Refuse tables that a later release made; nothing is changed then."""
    found = execute("SELECT max(format) FROM jiuwen_store").fetchone()[0]
    if found is not None and found > FORMAT:
        reason = f"it has format {found}, this release reads up to {FORMAT}: use a newer jiuwen_lg"
        raise StatusCode.STORE_UNAVAILABLE.error(store="file", reason=reason)


def _make_folder(folder: Path, *, is_default: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if is_default and not (ignore := folder / ".gitignore").exists():
        ignore.write_text("*\n", encoding="utf-8")


@atexit.register
def _close_stores() -> None:
    """Leave one file behind: closing folds SQLite's log into it."""
    close_all()


def _renew_lock() -> None:
    """In a forked child the lock may be held for ever."""
    global _lock  # noqa: PLW0603
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_renew_lock)
