"""An SQLite file (or memory) that serves every event loop, thread and process.

A connection belongs to the process that opened it; after a fork the child opens its
own. Transactions are explicit: a write holds the file from its first statement and is
undone whole if anything in it fails.
"""

from __future__ import annotations

import ctypes
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from typing import Any, TypeVar
from weakref import WeakSet

from jiuwen_lg.engine.storage.boot_clock import boot_clock
from jiuwen_lg.engine.storage.database import BusyError
from jiuwen_lg.engine.storage.deadline import Deadline, current_deadline, in_executor
from jiuwen_lg.engine.storage.place import MEMORY
from jiuwen_lg.errors import StatusCode

_T = TypeVar("_T")

_INLINE = 0.05
"""Seconds that an event loop may stand still behind another writer."""
_PATIENT = 60.0
"""Seconds that a thread of its own waits for another writer."""
_LOOK = 0.25
"""Seconds after which a thread that waits looks whether it still may."""
_THREADS = 4
_FORK_PATIENCE = 5.0
"""Seconds that a fork waits for the transactions of other threads."""
_LOG_PAGES = 250
"""Pages (of 4 KiB) after which SQLite folds its log into the file: what a kill may leave beside it."""


class SqliteDatabase:
    """One SQLite database.

    Args:
        path: A file, or `:memory:`.
        prepare: Makes the tables in a newly opened connection; safe to run again.
    """

    is_local = True
    clock = "jiuwen_time()"
    lease_clock = "jiuwen_boot_time()"
    skip_locked = ""  # a writer has the whole file

    def __init__(self, path: str, prepare: Callable[[sqlite3.Connection], None]) -> None:
        self.path = path
        self._prepare = prepare
        self.lock: Any = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._owner_pid = 0
        self._has_been_open = False
        self._busy_timeout: float | None = None
        self._calls = threading.local()
        self._threads: ThreadPoolExecutor | None = None
        _open_here.add(self)

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
        self._adopt()
        cursor: sqlite3.Cursor | None = getattr(self._calls, "cursor", None)
        return cursor

    @property
    def _patience(self) -> float:
        """Seconds that the call in progress on this thread can wait for another writer."""
        patience: float = getattr(self._calls, "patience", _PATIENT)
        deadline = current_deadline()
        return patience if deadline is None else min(patience, deadline.remaining)

    def _adopt(self) -> None:
        """After a fork: start over, and leave alone (not even close) what the parent has open."""
        if self._owner_pid == os.getpid():
            return
        if self._connection is not None:
            _leave_open(self._connection)
        self._connection = None
        self.lock = threading.RLock()
        self._threads = None
        self._calls = threading.local()  # the parent's transaction is not ours
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
            _until_free(lambda: _add_clocks(connection), patience)
        except BaseException:
            connection.close()
            raise
        self._has_been_open = True
        return connection

    def close(self) -> None:
        """Close this process's connection; the next use opens it again."""
        self._adopt()
        with self.lock:
            if self._connection is not None:
                self._connection.close()
            if self._threads is not None:
                self._threads.shutdown(wait=False)
            self._connection = self._threads = None

    @contextmanager
    def transaction(self, *sessions: str, write: bool = True) -> Iterator[sqlite3.Cursor]:
        """See `Database.transaction`; a writer has the whole file for itself.

        Raises:
            JiuWenBaseException: 100908, the file cannot be read or written, or somebody holds it for too long.
            BusyError: The same, while `call` tries it in the event loop.
            sqlite3.Error, UnicodeError: It cannot even be opened, and never has been.
        """
        self._adopt()
        is_inline = getattr(self._calls, "patience", _PATIENT) == _INLINE
        self._take_lock()
        try:
            with closing(self.connection.cursor()) as cursor, self._begun(cursor, write, self._patience):
                yield cursor
        except (sqlite3.Error, UnicodeError) as error:  # what a damaged file says may be no text
            will_wait = isinstance(error, BusyError) and is_inline
            if will_wait or not self._has_been_open:
                raise
            raise StatusCode.STORE_UNAVAILABLE.error(store=self.path, reason=str(error)) from error
        finally:
            self.lock.release()

    def _take_lock(self) -> None:
        """Wait for the threads of this process, as long as the call may; that may be brought forward meanwhile."""
        began = time.monotonic()
        while not self.lock.acquire(timeout=max(min(self._patience, _LOOK), 0.0)):
            if time.monotonic() - began >= self._patience:
                raise BusyError("database is locked by another thread")

    def _begin(self, cursor: sqlite3.Cursor, statement: str, patience: float) -> None:
        """Wait for other processes, in the same way."""
        began = time.monotonic()
        while True:
            timeout = min(self._patience, _LOOK)
            if timeout != self._busy_timeout:
                cursor.execute(f"PRAGMA busy_timeout={int(timeout * 1000)}")
                self._busy_timeout = timeout
            try:
                cursor.execute(statement)
            except sqlite3.OperationalError as error:
                if not _is_busy(error) or time.monotonic() - began >= min(patience, self._patience):
                    raise
            else:
                return

    @contextmanager
    def _begun(self, cursor: sqlite3.Cursor, write: bool, patience: float) -> Iterator[None]:
        if cursor.connection.in_transaction:
            yield
            return
        try:
            self._begin(cursor, "BEGIN IMMEDIATE" if write else "BEGIN", patience)
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
        self._adopt()
        self._calls.patience = _INLINE
        try:
            return work()
        finally:
            self._calls.patience = _PATIENT  # of this call only, not of those made while it waits

    async def in_thread(self, work: Callable[[], _T], limit: Deadline | None = None) -> _T:
        """See `Database.in_thread`."""
        self._adopt()
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="jiuwen_lg sqlite")
        return await in_executor(self._threads, work, Deadline(None, *([] if limit is None else [limit])))


def _leave_open(connection: sqlite3.Connection) -> None:
    """Never close a connection, not even at exit: SQLite would fold or delete the log that its owner writes."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))


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


def _add_clocks(connection: sqlite3.Connection) -> None:
    connection.create_function("jiuwen_time", 0, time.time)
    connection.create_function("jiuwen_boot_time", 0, boot_clock(connection))


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


_open_here: WeakSet[SqliteDatabase] = WeakSet()
_held_for_fork: list[Any] = []


def _before_fork() -> None:
    """Wait until no thread is in a transaction: SQLite would take the parent's locks for the child's own, for ever."""
    until = time.monotonic() + _FORK_PATIENCE
    for database in [*_open_here]:
        if database.lock.acquire(timeout=max(until - time.monotonic(), 0.0)):
            _held_for_fork.append(database.lock)  # noqa: PERF401 - one by one, as they are locked


def _after_fork() -> None:
    while _held_for_fork:
        _held_for_fork.pop().release()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_held_for_fork.clear)
