"""An SQLite file (or memory) that serves every event loop, thread and process.

A connection belongs to the process that opened it; after a fork the child opens its
own. Transactions are explicit: a write holds the file from its first statement and is
undone whole if anything in it fails.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any, TypeVar

from jiuwen_lg.engine.storage.database import BusyError
from jiuwen_lg.errors import StatusCode

_T = TypeVar("_T")

MEMORY = ":memory:"

_INLINE = 0.05
"""Seconds that an event loop may stand still behind another writer."""
_PATIENT = 60.0
"""Seconds that a thread of its own waits for another writer."""
_LOG_PAGES = 250
"""Pages (of 4 KiB) after which SQLite folds its log into the file: what a kill may leave beside it."""


class SqliteDatabase:
    """One SQLite database.

    Args:
        path: A file, or `:memory:`.
        prepare: Makes the tables in a newly opened connection; safe to run again.
    """

    is_local = True

    def __init__(self, path: str, prepare: Callable[[sqlite3.Connection], None]) -> None:
        self.path = path
        self._prepare = prepare
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._owner_pid = 0
        self._has_been_open = False
        self._busy_timeout: float | None = None
        self._calls = threading.local()
        self._inherited: list[sqlite3.Connection] = []

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection of this process."""
        self._adopt()
        if self._connection is None:
            self._connection = self._open()
        return self._connection

    @property
    def current(self) -> sqlite3.Cursor | None:
        """The cursor of the transaction that this thread is in; to be used where nobody reads rows from it."""
        cursor: sqlite3.Cursor | None = getattr(self._calls, "cursor", None)
        return cursor

    @property
    def _patience(self) -> float:
        """Seconds that the call in progress on this thread can wait for another writer."""
        patience: float = getattr(self._calls, "patience", _PATIENT)
        return patience

    def _adopt(self) -> None:
        """After a fork: start over, and leave alone (not even close) what the parent has open."""
        if self._owner_pid == os.getpid():
            return
        if self._connection is not None:
            self._inherited.append(self._connection)
        self._connection = None
        self._lock = threading.RLock()
        self._owner_pid = os.getpid()

    def _open(self) -> sqlite3.Connection:
        patience = self._busy_timeout = self._patience
        _make_private(self.path)
        connection = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None, timeout=patience)
        try:
            _until_free(lambda: _set_journal(connection), patience)
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute(f"PRAGMA wal_autocheckpoint={_LOG_PAGES}")
            _until_free(lambda: self._prepare(connection), patience)
        except BaseException:
            connection.close()
            raise
        self._has_been_open = True
        return connection

    def close(self) -> None:
        """Close this process's connection; the next use opens it again."""
        self._adopt()
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    @contextmanager
    def transaction(self, *sessions: str, write: bool = True) -> Iterator[sqlite3.Cursor]:
        """See `Database.transaction`; a writer has the whole file for itself.

        Raises:
            JiuWenBaseException: 100908, the file cannot be read or written, or somebody holds it for too long.
            BusyError: The same, while `call` tries it in the event loop.
            sqlite3.Error, UnicodeError: It cannot even be opened, and never has been.
        """
        self._adopt()
        patience = self._patience
        if not self._lock.acquire(timeout=patience):
            raise BusyError("database is locked by another thread")
        try:
            with closing(self.connection.cursor()) as cursor, self._begun(cursor, write, patience):
                yield cursor
        except (sqlite3.Error, UnicodeError) as error:  # what a damaged file says may be no text
            will_wait = isinstance(error, BusyError) and patience == _INLINE
            if will_wait or not self._has_been_open:
                raise
            raise StatusCode.STORE_UNAVAILABLE.error(store=self.path, reason=str(error)) from error
        finally:
            self._lock.release()

    @contextmanager
    def _begun(self, cursor: sqlite3.Cursor, write: bool, patience: float) -> Iterator[None]:
        if cursor.connection.in_transaction:
            yield
            return
        try:
            if patience != self._busy_timeout:
                cursor.execute(f"PRAGMA busy_timeout={int(patience * 1000)}")
                self._busy_timeout = patience
            cursor.execute("BEGIN IMMEDIATE" if write else "BEGIN")
            self._calls.cursor = cursor
            yield
            cursor.execute("COMMIT")
        except BaseException as error:
            if cursor.connection.in_transaction:
                cursor.execute("ROLLBACK")
            if isinstance(error, sqlite3.OperationalError) and _is_busy(error):
                raise BusyError(str(error)) from error
            raise
        finally:
            self._calls.cursor = None

    async def call(self, work: Callable[[], _T]) -> _T:
        """Run `work` here if the file is free, in a thread if it is held by somebody else.

        `work` must be one transaction, so that it can be run again.
        """
        try:
            return self.at_once(work)
        except BusyError:
            pass
        return await self.in_thread(work)

    def at_once(self, work: Callable[[], _T]) -> _T:
        """See `Database.at_once`."""
        self._calls.patience = _INLINE
        try:
            return work()
        finally:
            self._calls.patience = _PATIENT  # of this call only, not of those made while it waits

    async def in_thread(self, work: Callable[[], _T]) -> _T:
        """See `Database.in_thread`."""
        return await asyncio.to_thread(work)


def _is_busy(error: sqlite3.OperationalError) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _until_free(step: Callable[[], Any], patience: float) -> None:
    """Repeat a step that SQLite refuses at once instead of waiting (a change of the journal mode)."""
    deadline = time.monotonic() + patience
    while True:
        try:
            step()
        except sqlite3.OperationalError as error:
            if not _is_busy(error):
                raise
            if time.monotonic() > deadline:
                raise BusyError(str(error)) from error
            time.sleep(0.01)
        else:
            return


def _make_private(path: str) -> None:
    """Make a file that only its user can read; one that is there keeps its mode, and SQLite's log takes it over."""
    if path == MEMORY:
        return
    with suppress(OSError):  # SQLite says itself what is wrong with the place
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _set_journal(connection: sqlite3.Connection) -> None:
    """WAL, where writers do not block readers; TRUNCATE on file systems that cannot do it."""
    mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    if mode not in ("wal", "memory"):
        connection.execute("PRAGMA journal_mode=TRUNCATE")
