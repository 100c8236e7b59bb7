"""A Postgres database that serves every event loop, thread, process and machine.

Connections come from a pool; the pool belongs to the process that opened it, and after
a fork the child opens its own. What waits for the network waits in threads of the
database's own, never in an event loop.
"""

from __future__ import annotations

import asyncio
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import ConnectionPool, PoolTimeout

from jiuwen_lg.engine.storage.database import BusyError
from jiuwen_lg.engine.storage.deadline import Deadline, current_deadline, in_executor
from jiuwen_lg.engine.storage.postgres_connection import SILENCE, Connection, Cursor, connection_info
from jiuwen_lg.errors import JiuWenBaseException, StatusCode

_T = TypeVar("_T")

_CONNECTIONS = 8
"""At most so many a process; each can be in one transaction."""
_PATIENCE = 10.0
"""Seconds to wait for a connection."""
_LOOK = 0.1
"""Seconds after which a call that waits for one looks whether it still may."""
_RECONNECT = 5.0
"""Seconds of attempts to connect, further and further apart; then the next caller tries afresh."""
_ATTEMPTS = _CONNECTIONS + 1
"""All that are open may have broken."""
_SETUP_SECONDS = 60.0
_SETUP = 7232
"""The number of the lock under which tables are made."""
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(?, 7231))"
"""Until the transaction ends nobody else changes the session (the number keeps clear of others' locks)."""
_SHORTEST, _LONGEST = 0.02, 0.25
"""Seconds between two attempts at a lock."""

_WORDS = {
    "BLOB": "BYTEA",
    "REAL": "DOUBLE PRECISION",
    "INTEGER PRIMARY KEY AUTOINCREMENT": "BIGSERIAL PRIMARY KEY",
    "WITHOUT ROWID": "",
}
"""Postgres's words for SQLite's."""


class _LockedError(BusyError):
    """Somebody else's transaction holds what this one needs."""


class _ReadOnlyError(BusyError):
    """The server takes no writes: it was a primary when the connection was made."""


class PostgresDatabase:
    """One Postgres database.

    Args:
        url: `postgresql://user:password@host:5432/name`, or as libpq writes it.
        prepare: Makes the tables, on a connection that commits each statement; safe to run again.
    """

    is_local = False
    clock = "extract(epoch from clock_timestamp())::float8"
    lease_clock = clock
    skip_locked = "FOR UPDATE SKIP LOCKED"

    def __init__(self, url: str, prepare: Callable[[psycopg.Connection[Any]], None]) -> None:
        self.url = url
        self.path: str = shown(url)
        self._prepare = prepare
        self._begin()

    def _begin(self) -> None:
        self._owner_pid = os.getpid()
        self._lock = threading.Lock()
        self._current = threading.local()
        self._pool: ConnectionPool[Connection] | None = None
        self._threads: ThreadPoolExecutor | None = None

    def _adopt(self) -> None:
        """After a fork: start over, and leave alone (not even close) what the parent has open."""
        if self._owner_pid != os.getpid():
            self._inherited = (self._pool, self._threads)
            self._begin()

    def _opened(self) -> ConnectionPool[Connection]:
        self._adopt()
        with self._lock:
            if self._pool is None:
                info = connection_info(self.url)
                with Connection.connect(info, autocommit=True, prepare_threshold=None) as connection:
                    self._prepare(connection)
                self._pool = ConnectionPool(
                    info,
                    connection_class=Connection,
                    min_size=1,
                    max_size=_CONNECTIONS,
                    timeout=_PATIENCE,
                    reconnect_timeout=_RECONNECT,
                    # A pooler like PgBouncer hands each transaction to another connection: nothing may be prepared.
                    kwargs={"autocommit": True, "cursor_factory": Cursor, "prepare_threshold": None},
                    name="jiuwen_lg",
                    open=True,
                )
            return self._pool

    def close(self) -> None:
        """See `Database.close`."""
        self._adopt()
        with self._lock:
            if self._pool is not None:
                self._pool.close()
            if self._threads is not None:
                self._threads.shutdown(wait=False)
            self._pool = self._threads = None

    @contextmanager
    def transaction(self, *sessions: str, write: bool = True) -> Iterator[psycopg.Cursor[Any]]:
        """See `Database.transaction`; a reader sees one moment of the database.

        Raises:
            JiuWenBaseException: 100908, the database cannot be reached, or refuses a value.
        """
        self._adopt()
        outer: psycopg.Cursor[Any] | None = getattr(self._current, "cursor", None)
        if outer is not None:
            _lock(outer, sessions)
            yield outer
            return
        with self._named_errors(), self._begun(sessions, write) as cursor:
            self._current.cursor = cursor
            try:
                yield cursor
            finally:
                self._current.cursor = None

    @contextmanager
    def _begun(self, sessions: Sequence[str], write: bool) -> Iterator[psycopg.Cursor[Any]]:
        pool = self._opened()
        connection = self._connected(pool, sessions, write)
        try:
            with connection.cursor() as cursor:
                yield cursor
            connection.execute("COMMIT")
        except BaseException:
            _roll_back(connection)
            raise
        finally:
            pool.putconn(connection)

    def _connected(self, pool: ConnectionPool[Connection], sessions: Sequence[str], write: bool) -> Connection:
        """A connection in a fresh transaction; those that broke while nobody used them are replaced."""
        begin = "BEGIN" if write else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        locks = [(_LOCK.replace("?", "%s"), (session_id,)) for session_id in sorted(sessions)]
        for _ in range(_ATTEMPTS):
            connection = _taken(pool)
            try:
                connection.begin(begin, locks)
            except psycopg.OperationalError:
                is_broken = connection.broken
                _roll_back(connection)
                pool.putconn(connection)
                if not is_broken or not _may_wait():
                    raise
            except BaseException:
                _roll_back(connection)
                pool.putconn(connection)
                raise
            else:
                return connection
        raise self._unusable("it closes every connection")

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except errors.LockNotAvailable as error:
            raise self._locked_error(error) from error
        except errors.ReadOnlySqlTransaction as error:
            self._drop_connections()
            if current_deadline() is not None:
                raise _ReadOnlyError(str(error)) from error
            raise self._unusable(_first_line(error)) from error
        except (psycopg.Error, PoolTimeout, UnicodeEncodeError) as error:
            raise self._unusable(_first_line(error)) from error

    def _locked_error(self, error: Exception) -> Exception:
        return self._unusable(_LOCKED) if current_deadline() is None else _LockedError(_first_line(error))

    def _drop_connections(self) -> None:
        """Let the next call connect anew: perhaps to the server that is the primary now."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            threading.Thread(target=pool.close, kwargs={"timeout": 1.0}, daemon=True).start()

    def _unusable(self, reason: str) -> JiuWenBaseException:
        return StatusCode.STORE_UNAVAILABLE.error(store=self.path, reason=reason)

    async def call(self, work: Callable[[], _T]) -> _T:
        """See `Database.call`."""
        return await self.in_thread(work)

    def at_once(self, work: Callable[[], _T]) -> _T:
        """See `Database.at_once`."""
        raise BusyError("a server is waited for in a thread")

    async def in_thread(self, work: Callable[[], _T], limit: Deadline | None = None) -> _T:
        """See `Database.in_thread`.

        What waits for another's lock does so here, most of the time: threads and connections are for those that go on.
        """
        deadline = Deadline(SILENCE, *([] if limit is None else [limit]))
        pause, has_retried = _SHORTEST, False
        while True:
            try:
                return await in_executor(self._executor(), work, deadline)
            except _LockedError as error:
                if deadline.remaining <= pause:
                    raise self._unusable(_LOCKED) from error
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, _LONGEST)
            except _ReadOnlyError as error:
                if has_retried:
                    raise self._unusable(str(error)) from error
                has_retried = True

    def _executor(self) -> ThreadPoolExecutor:
        self._adopt()
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_CONNECTIONS, thread_name_prefix="jiuwen_lg postgres")
        return self._threads


_LOCKED = f"another transaction has held the session, or a row of it, for {SILENCE:g} seconds"


def _taken(pool: ConnectionPool[Connection]) -> Connection:
    """A connection of the pool's, as soon as there is one."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            return pool.getconn(timeout=_LOOK)
        except PoolTimeout:
            if time.monotonic() >= until or not _may_wait():
                raise PoolTimeout("no connection to the server could be had in time") from None


def _may_wait() -> bool:
    deadline = current_deadline()
    return deadline is None or deadline.remaining > 0


def _roll_back(connection: Connection) -> None:
    """Undo what is open; a connection that cannot even do that is closed."""
    if connection.broken or connection.closed:
        return
    if not _may_wait():
        connection.close()
        return
    try:
        connection.rollback()
    except psycopg.Error:
        connection.close()


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


@contextmanager
def setting_up(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """One transaction in which tables are made; who else wants to make some waits.

    Args:
        connection: One that commits each statement.
    """
    until = time.monotonic() + _SETUP_SECONDS
    while True:
        connection.execute("BEGIN")
        # Who waits does so outside of the server: behind a pooler its connection may be the one that the other needs.
        if connection.execute("SELECT pg_try_advisory_xact_lock(%s)", (_SETUP,)).fetchone() == (True,):
            break
        connection.execute("ROLLBACK")
        if time.monotonic() > until:
            raise psycopg.OperationalError("another process has been making its tables for a minute")
        time.sleep(0.05)
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.execute("COMMIT")


def in_postgres(tables: str) -> str:
    """Statements that make tables, in Postgres's words."""
    return re.sub(rf"\b({'|'.join(_WORDS)})\b", lambda found: _WORDS[found[0]], tables)


def _lock(connection: Any, sessions: Sequence[str]) -> None:
    for session_id in sorted(sessions):  # always in one order, so that no two wait for each other
        connection.execute(_LOCK, (session_id,))


def shown(url: str) -> str:
    """A URL as it may be shown: without its password.

    Raises:
        JiuWenBaseException: 100908, it is no URL of a database.
    """
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        said = re.sub(r"\"[^\"]*\"", "…", str(error).strip())  # it may quote a part of the password
        reason = f"JIUWEN_LG_DB is no Postgres URL ({said}): postgresql://user:password@host:5432/name"
        raise StatusCode.STORE_UNAVAILABLE.error(store="postgres", reason=reason) from error
    known = {name: str(value) for name, value in parts.items() if name in ("host", "port", "dbname", "user")}
    return f"postgres ({make_conninfo(**known)})"
