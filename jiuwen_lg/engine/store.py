"""Where sessions are kept: the file or the Postgres database that `JIUWEN_LG_DB` names, read at each run."""

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
from jiuwen_lg.engine.sessions.repository import SESSION_TABLES, Sessions
from jiuwen_lg.engine.storage.database import BusyError, Database
from jiuwen_lg.engine.storage.saver import FencedSaver
from jiuwen_lg.engine.storage.sqlite_database import MEMORY, SqliteDatabase
from jiuwen_lg.engine.storage.sqlite_saver import CHECKPOINT_TABLES, FencedSqliteSaver
from jiuwen_lg.errors import JiuWenBaseException, StatusCode

DEFAULT_FOLDER = ".jiuwen_lg"
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
    """

    def __init__(self, saver: FencedSaver, substitute_for: str | None = None) -> None:
        self.saver: FencedSaver = saver
        self.database: Database = saver.database
        self.path: str = self.database.path
        self.sessions: Sessions = Sessions(self.database, saver)
        self.messages: Messages = Messages(self.database)
        self._substitute_for = substitute_for

    def not_found(self, session_id: str, reason: str) -> JiuWenBaseException:
        """What to tell somebody whose session is not here."""
        if self._substitute_for:
            return StatusCode.STORE_UNAVAILABLE.error(
                store=self._substitute_for, reason=f"session [{session_id}] is not in this process's memory either"
            )
        return StatusCode.INTERACTION_NOT_PENDING.error(session_id=session_id, reason=reason)


_stores: dict[str, Store] = {}
_lock = threading.Lock()


async def current_store() -> Store | None:
    """The store of a run that begins now; None if it is switched off.

    Raises:
        JiuWenBaseException: 100908, there is a file, and it cannot be used: it is damaged, of a later
            release, read-only, or held by somebody else for longer than a minute.
    """
    setting = os.environ.get("JIUWEN_LG_DB") or ""
    if setting.lower() == OFF:
        return None
    path = _path_of(setting)
    return _found(path) or await asyncio.to_thread(_find_or_open, path, is_default=not setting)


def open_store() -> Store:
    """The same for synchronous callers; where it is switched off, this process's memory.

    Raises:
        JiuWenBaseException: 100908, as `current_store`.
    """
    setting = os.environ.get("JIUWEN_LG_DB") or ""
    path = MEMORY if setting.lower() == OFF else _path_of(setting)
    return _found(path) or _find_or_open(path, is_default=not setting)


def close_store(path: str) -> None:
    """Close a store that nobody uses any more; the next run opens it again."""
    with _lock:
        store = _stores.pop(_path_of(path), None)
    if store is not None:
        store.database.close()


def _path_of(setting: str) -> str:
    if setting == MEMORY or _is_postgres(setting):
        return setting
    return os.path.realpath(setting or os.path.join(DEFAULT_FOLDER, "sessions.db"))


def _is_postgres(path: str) -> bool:
    return path.startswith(("postgresql://", "postgres://"))


def _found(path: str) -> Store | None:
    store = _stores.get(path)
    return None if store is None or _was_deleted(store) else store


def _find_or_open(path: str, *, is_default: bool) -> Store:
    with _lock:
        store = _found(path)
        if store is None:
            store = _stores[path] = _open(path, is_default=is_default)
        return store


def _was_deleted(store: Store) -> bool:
    """Whether the file is gone, so that a connection to it would write to nowhere."""
    return os.path.isabs(store.path) and not os.path.exists(store.path)


def _open(path: str, *, is_default: bool) -> Store:
    if _is_postgres(path):
        return _opened(Store(_postgres(path)))
    try:
        if path != MEMORY:
            _make_folder(Path(path).parent, is_default=is_default)
        return _opened(Store(_sqlite(path)))
    except BusyError as error:
        raise StatusCode.STORE_UNAVAILABLE.error(store=path, reason=str(error)) from error
    except (OSError, sqlite3.OperationalError) as error:
        if _holds_something(path):
            raise StatusCode.STORE_UNAVAILABLE.error(store=path, reason=str(error)) from error
        warnings.warn(
            f"sessions cannot be kept in {path} ({error}), so they live in this process's memory only; "
            "set JIUWEN_LG_DB to a file that can be written",
            RuntimeWarning,
            stacklevel=3,
        )
        return _opened(Store(_sqlite(MEMORY), substitute_for=f"{path} ({error})"))
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # what a damaged file says may be no text
        raise StatusCode.STORE_UNAVAILABLE.error(store=path, reason=str(error)) from error


def _holds_something(path: str) -> bool:
    """Whether sessions may be on file there, so that no memory can stand in for it."""
    try:
        return os.path.getsize(path) > 0
    except OSError:
        return False


def _opened(store: Store) -> Store:
    with store.database.transaction(write=False):
        """Opening is what may fail."""
    return store


def _sqlite(path: str) -> FencedSaver:
    def prepare(connection: sqlite3.Connection) -> None:
        known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'jiuwen_store'").fetchone()
        if known:
            _require_format(connection.execute)
        connection.executescript(f"BEGIN IMMEDIATE;{CHECKPOINT_TABLES}{_TABLES}COMMIT;")

    return FencedSqliteSaver(SqliteDatabase(path, prepare))


def _postgres(url: str) -> FencedSaver:
    try:
        from langgraph.checkpoint.postgres import PostgresSaver

        from jiuwen_lg.engine.storage.postgres_database import PostgresDatabase, in_postgres, setting_up
        from jiuwen_lg.engine.storage.postgres_saver import FencedPostgresSaver
    except ImportError as error:
        reason = f"its driver is not installed ({error}): pip install 'jiuwen-lg[postgres]'"
        raise StatusCode.STORE_UNAVAILABLE.error(store="postgres", reason=reason) from error

    def prepare(connection: Any) -> None:
        known = connection.execute("SELECT to_regclass('jiuwen_store')").fetchone()[0]
        if known:
            _require_format(connection.execute)
            newest = connection.execute("SELECT max(v) FROM checkpoint_migrations").fetchone()[0]
        journal = connection.execute("SELECT to_regclass('jiuwen_journal')").fetchone()[0]  # stores of 0.1 have none
        if not known or newest != len(PostgresSaver.MIGRATIONS) - 1 or journal is None:
            with setting_up(connection):
                PostgresSaver(connection).setup()
                connection.execute(in_postgres(_TABLES))

    return FencedPostgresSaver(PostgresDatabase(url, prepare))


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
    for store in _stores.values():
        store.database.close()


def _renew_lock() -> None:
    """In a forked child the lock may be held for ever."""
    global _lock  # noqa: PLW0603
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_renew_lock)
