"""A connection to Postgres whose waits end: by the call's deadline, or because the server says nothing for too long."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from jiuwen_lg.engine.storage.deadline import current_deadline

_T = TypeVar("_T")

SILENCE = 20.0
"""Seconds that a server may take for an answer."""
_LOCK_WAIT = 0.3
"""Seconds that a call waits for another's lock inside the server, with a connection and a thread; then outside."""

_NETWORK: dict[str, Any] = {
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""A host that is gone without a word is noticed after half a minute at most."""

_LIMITS = """SELECT set_config('lock_timeout', '{lock:d}ms', true),
    set_config('idle_in_transaction_session_timeout', '{idle:d}ms', true)"""
"""The server's own: what a dead host has locked is free again soon. For one transaction, so that a pooler may
give the connection to others after it."""


class Cursor(psycopg.Cursor[Any]):
    """Takes values where a statement has `?`."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        """Execute a statement."""
        return super().execute(query.replace("?", "%s"), params, **options)

    def executemany(self, query: Any, params_seq: Any, **options: Any) -> None:
        """Execute a statement for each row of values."""
        super().executemany(query.replace("?", "%s"), params_seq, **options)


class Connection(psycopg.Connection[Any]):
    """Waits for the server no longer than the call may."""

    def wait(self, gen: Generator[Any, Any, _T], *options: Any, **named: Any) -> _T:
        """Wait for an exchange with the server.

        Raises:
            psycopg.OperationalError: It took too long; the connection cannot be used any more.
        """
        return super().wait(self._limited(gen), *options, **named)

    def _limited(self, gen: Generator[Any, Any, _T]) -> Generator[Any, Any, _T]:
        deadline, silent_at = current_deadline(), time.monotonic() + SILENCE
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and (time.monotonic() >= silent_at or (deadline is not None and not deadline.remaining)):
                    gen.close()
                    self.pgconn.finish()
                    raise psycopg.OperationalError("the server did not answer in time")
                wanted = gen.send(ready)
        except StopIteration as end:
            result: _T = end.value
            return result

    def begin(self, statement: str, locks: list[tuple[str, tuple[Any, ...]]]) -> None:
        """Begin a transaction in one exchange: its limits, then its locks.

        Args:
            statement: `BEGIN`, with its options.
            locks: Statements that lock something, with their values.
        """
        lock_wait = SILENCE if current_deadline() is None else _LOCK_WAIT
        limits = _LIMITS.format(lock=round(lock_wait * 1000), idle=round(SILENCE * 1000))
        with self.pipeline():
            self.execute(statement)
            self.execute(limits)
            for lock, values in locks:
                self.execute(lock, values)


def connection_info(url: str) -> str:
    """What libpq needs: a URL, with our settings of the network where it has none of its own."""
    given = conninfo_to_dict(url)
    return make_conninfo(**{**_NETWORK, **{name: value for name, value in given.items() if value is not None}})
