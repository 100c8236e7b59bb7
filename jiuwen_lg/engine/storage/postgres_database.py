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
from contextvars import copy_context
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import ConnectionPool, PoolTimeout

from jiuwen_lg.engine.storage.database import BusyError
from jiuwen_lg.errors import JiuWenBaseException, StatusCode

_T = TypeVar("_T")

_CONNECTIONS = 8
"""At most so many a process; each can be in one transaction."""
_PATIENCE = 10.0
"""Seconds to wait for a connection."""
_RECONNECT = 5.0
"""Seconds of attempts to connect, further and further apart; then the next caller tries afresh."""
_ATTEMPTS = 3
_SETUP = 7232
"""The number of the lock under which tables are made."""
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(?, 7231))"
"""Until the transaction ends nobody else changes the session (the number keeps clear of others' locks)."""

_WORDS = {
    "BLOB": "BYTEA",
    "REAL": "DOUBLE PRECISION",
    "INTEGER PRIMARY KEY AUTOINCREMENT": "BIGSERIAL PRIMARY KEY",
    "WITHOUT ROWID": "",
}
"""Postgres's words for SQLite's."""


class _Cursor(psycopg.Cursor[Any]):
    """Takes values where a statement has `?`."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        return super().execute(query.replace("?", "%s"), params, **options)

    def executemany(self, query: Any, params_seq: Any, **options: Any) -> None:
        super().executemany(query.replace("?", "%s"), params_seq, **options)


class PostgresDatabase:
    """One Postgres database.

    Args:
        url: `postgresql://user:password@host:5432/name`, or as libpq writes it.
        prepare: Makes the tables, on a connection that commits each statement; safe to run again.
    """

    is_local = False

    def __init__(self, url: str, prepare: Callable[[psycopg.Connection[Any]], None]) -> None:
        self.url = url
        self.path: str = shown(url)
        self._prepare = prepare
        self._begin()

    def _begin(self) -> None:
        self._owner_pid = os.getpid()
        self._lock = threading.Lock()
        self._current = threading.local()
        self._pool: ConnectionPool[psycopg.Connection[Any]] | None = None
        self._threads: ThreadPoolExecutor | None = None

    def _adopt(self) -> None:
        """After a fork: start over, and leave alone (not even close) what the parent has open."""
        if self._owner_pid != os.getpid():
            self._inherited = (self._pool, self._threads)
            self._begin()

    def _opened(self) -> ConnectionPool[psycopg.Connection[Any]]:
        self._adopt()
        with self._lock:
            if self._pool is None:
                with psycopg.connect(self.url, autocommit=True) as connection:
                    self._prepare(connection)
                self._pool = ConnectionPool(
                    self.url,
                    min_size=1,
                    max_size=_CONNECTIONS,
                    timeout=_PATIENCE,
                    reconnect_timeout=_RECONNECT,
                    kwargs={"autocommit": True, "cursor_factory": _Cursor},
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
            if not connection.broken:
                connection.rollback()
            raise
        finally:
            pool.putconn(connection)

    def _connected(
        self, pool: ConnectionPool[psycopg.Connection[Any]], sessions: Sequence[str], write: bool
    ) -> psycopg.Connection[Any]:
        """A connection in a fresh transaction; those that broke while nobody used them are replaced."""
        begin = "BEGIN" if write else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        for _ in range(_ATTEMPTS):
            connection = pool.getconn()
            try:
                with connection.pipeline():
                    connection.execute(begin)
                    _lock(connection, sessions)
            except psycopg.OperationalError:
                is_broken = connection.broken
                pool.putconn(connection)
                if not is_broken:
                    raise
                pool.check()
            except BaseException:
                pool.putconn(connection)
                raise
            else:
                return connection
        raise self._unusable("it closes every connection")

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except (psycopg.Error, PoolTimeout) as error:
            raise self._unusable(str(error).strip().partition("\n")[0] or type(error).__name__) from error

    def _unusable(self, reason: str) -> JiuWenBaseException:
        return StatusCode.STORE_UNAVAILABLE.error(store=self.path, reason=reason)

    async def call(self, work: Callable[[], _T]) -> _T:
        """See `Database.call`."""
        return await self.in_thread(work)

    def at_once(self, work: Callable[[], _T]) -> _T:
        """See `Database.at_once`."""
        raise BusyError("a server is waited for in a thread")

    async def in_thread(self, work: Callable[[], _T]) -> _T:
        """See `Database.in_thread`."""
        self._adopt()
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_CONNECTIONS, thread_name_prefix="jiuwen_lg postgres")
        return await asyncio.get_running_loop().run_in_executor(self._threads, copy_context().run, work)


@contextmanager
def setting_up(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """While tables are made; who else wants to make some waits.

    Args:
        connection: One that commits each statement.
    """
    while not _first(connection, "SELECT pg_try_advisory_lock(%s)", _SETUP):
        time.sleep(0.05)  # who waits inside Postgres holds up the other's CREATE INDEX CONCURRENTLY
    try:
        yield
    finally:
        _first(connection, "SELECT pg_advisory_unlock(%s)", _SETUP)


def in_postgres(tables: str) -> str:
    """Statements that make tables, in Postgres's words."""
    return re.sub(rf"\b({'|'.join(_WORDS)})\b", lambda found: _WORDS[found[0]], tables)


def _first(connection: psycopg.Connection[Any], query: LiteralString, *values: Any) -> Any:
    row = connection.execute(query, values).fetchone()
    return row and row[0]


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
        reason = f"JIUWEN_LG_DB is no Postgres URL ({str(error).strip()}): postgresql://user:password@host:5432/name"
        raise StatusCode.STORE_UNAVAILABLE.error(store="postgres", reason=reason) from error
    known = {name: str(value) for name, value in parts.items() if name in ("host", "port", "dbname", "user")}
    return f"postgres ({make_conninfo(**known)})"
