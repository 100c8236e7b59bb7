"""Where sessions are kept: the file that `JIUWEN_LG_DB` names, read at each run."""

from __future__ import annotations

import asyncio
import atexit
import os
import sqlite3
import threading
import warnings
from pathlib import Path

from jiuwen_lg.engine.database import MEMORY, BusyError, Database
from jiuwen_lg.engine.messages import MESSAGE_TABLES, Messages
from jiuwen_lg.engine.saver import CHECKPOINT_TABLES, FencedSaver
from jiuwen_lg.engine.sessions import SESSION_TABLES, Sessions
from jiuwen_lg.errors import JiuWenBaseException, StatusCode

DEFAULT_FOLDER = ".jiuwen_lg"
OFF = "off"

FORMAT = 1
"""Of the tables; a file with a higher number was written by a later release."""

_STORE_TABLE = f"""
CREATE TABLE IF NOT EXISTS jiuwen_store (format INTEGER NOT NULL);
INSERT INTO jiuwen_store SELECT {FORMAT} WHERE NOT EXISTS (SELECT 1 FROM jiuwen_store);
"""


def _prepare(connection: sqlite3.Connection) -> None:
    """Make the tables in a file that is new or ours.

    Raises:
        JiuWenBaseException: 100908, a later release wrote it; nothing is changed then.
    """
    known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'jiuwen_store'").fetchone()
    found = connection.execute("SELECT max(format) FROM jiuwen_store").fetchone()[0] if known else FORMAT
    if found > FORMAT:
        reason = f"it has format {found}, this release reads up to {FORMAT}: use a newer jiuwen_lg"
        raise StatusCode.STORE_UNAVAILABLE.error(store="file", reason=reason)
    connection.executescript(
        f"BEGIN IMMEDIATE;{_STORE_TABLE}{CHECKPOINT_TABLES}{SESSION_TABLES}{MESSAGE_TABLES}COMMIT;"
    )


class Store:
    """A database with what is in it: checkpoints, sessions and the messages of conversations.

    Args:
        path: A file, or `:memory:`.
        substitute_for: The place that this memory stands in for, with the reason.
    """

    def __init__(self, path: str, substitute_for: str | None = None) -> None:
        self.path = path
        self.database: Database = Database(path, _prepare)
        self.saver: FencedSaver = FencedSaver(self.database)
        self.sessions: Sessions = Sessions(self.database)
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
        JiuWenBaseException: 100908, the file is damaged, of a later release, or held by somebody
            else for longer than a minute.
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
    return setting if setting == MEMORY else os.path.realpath(setting or os.path.join(DEFAULT_FOLDER, "sessions.db"))


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
    return store.path != MEMORY and not os.path.exists(store.path)


def _open(path: str, *, is_default: bool) -> Store:
    try:
        if path != MEMORY:
            _make_folder(Path(path).parent, is_default=is_default)
        return _opened(path)
    except BusyError as error:
        raise StatusCode.STORE_UNAVAILABLE.error(store=path, reason=str(error)) from error
    except (OSError, sqlite3.OperationalError) as error:
        warnings.warn(
            f"sessions cannot be kept in {path} ({error}), so they live in this process's memory only; "
            "set JIUWEN_LG_DB to a file that can be written",
            RuntimeWarning,
            stacklevel=3,
        )
        return _opened(MEMORY, substitute_for=f"{path} ({error})")
    except sqlite3.DatabaseError as error:
        raise StatusCode.STORE_UNAVAILABLE.error(store=path, reason=str(error)) from error


def _opened(path: str, substitute_for: str | None = None) -> Store:
    store = Store(path, substitute_for)
    with store.database.transaction(write=False):
        """Opening is what may fail."""
    return store


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
