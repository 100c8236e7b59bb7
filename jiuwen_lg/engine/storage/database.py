"""The protocol of a store's database: transactions, from every event loop, thread and process.

`sqlite_database` and `postgres_database` are the two there are.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from jiuwen_lg.engine.storage.deadline import Deadline

_T = TypeVar("_T")


class BusyError(sqlite3.OperationalError):
    """Another connection or thread holds the database for longer than this caller can wait."""


class Cursor(Protocol):
    """A cursor in a transaction; values stand in a statement as `?`."""

    @property
    def connection(self) -> Any:
        """The connection that the transaction is of."""

    @property
    def rowcount(self) -> int:
        """The number of rows that the last statement changed."""

    def execute(self, statement: str, values: Sequence[Any] = ..., /) -> Any:
        """Execute a statement; the result has its rows, too."""

    def executemany(self, statement: str, rows: Sequence[Sequence[Any]], /) -> Any:
        """Execute a statement for each row of values."""

    def fetchone(self) -> Any:
        """The next row; None if there is no more."""

    def fetchall(self) -> list[Any]:
        """All rows that are left."""


class Database(Protocol):
    """One database."""

    path: str
    """A file, `:memory:`, or a Postgres database without its password."""
    is_local: bool
    """Whether it is a part of this process, so that a transaction takes microseconds, one after the other."""
    clock: str
    """The time now, seconds since 1970, as an SQL expression: of the server, if there is one."""
    lease_clock: str
    """The same for leases: a clock that all their judges share, and that never jumps on some of them only."""
    skip_locked: str
    """What ends a `SELECT` of rows that are to be written, so that those which others are writing are left out."""

    def transaction(self, *sessions: str, write: bool = True) -> AbstractContextManager[Any]:
        """A transaction: committed at the end, undone on any exception.

        Inside another one of the same thread it is a part of that one.

        Args:
            sessions: Those of which nothing may change until it ends.
            write: Whether it writes.

        Returns:
            A `Cursor`.
        """

    async def call(self, work: Callable[[], _T]) -> _T:
        """Run `work`, which must be one transaction, without holding up the event loop."""
        raise NotImplementedError

    def at_once(self, work: Callable[[], _T]) -> _T:
        """Run `work` here, in the event loop; of a local database only.

        Raises:
            BusyError: It would have to wait. Nothing is changed.
        """
        raise NotImplementedError

    async def in_thread(self, work: Callable[[], _T], limit: Deadline | None = None) -> _T:
        """Run `work`, which must be one transaction, in a thread.

        Args:
            work: What to run; it may be run again, if it was undone.
            limit: Until when it may wait, if that is shorter than the database's own patience.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Close what this process has open; the next use opens it again."""
