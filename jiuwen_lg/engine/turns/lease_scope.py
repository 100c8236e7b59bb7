"""Holding a session for a turn, and letting it go, whatever becomes of the caller meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias

from jiuwen_lg.engine.sessions.row import Record, Status
from jiuwen_lg.engine.storage.fence import Lease
from jiuwen_lg.engine.store import Store

Leased: TypeAlias = tuple[Record | None, Lease | None]


async def acquire(store: Store, acquire: Callable[[], Leased]) -> Leased:
    """Acquire a lease; if the caller is cancelled meanwhile, what was acquired is let go."""
    loop = asyncio.get_running_loop()

    def acquire_here() -> Leased:
        record, lease = acquire()
        if lease is not None:
            lease.loop = loop
        return record, lease

    acquiring = asyncio.ensure_future(store.saver.commits.call(acquire_here))
    try:
        return await asyncio.shield(acquiring)
    except asyncio.CancelledError:
        with suppress(Exception):  # what was refused needs no undoing
            record, lease = await acquiring
            if record is not None and lease is not None:
                await finish_turn(store, lease, lambda: store.sessions.release(lease, record, status_at_rest(record)))
        raise


def status_at_rest(record: Record) -> Status:
    """The status of a row to which nothing has happened since it was read; a killed run counts as failed."""
    return "failed" if record.row.status == "running" else record.row.status


async def finish_turn(store: Store, lease: Lease, write: Callable[[], None]) -> None:
    """The last write of a turn: done whether or not the caller is cancelled, and then the lease is let go."""
    writing = asyncio.ensure_future(store.saver.commits.call(write))
    try:
        await asyncio.shield(writing)
    finally:
        await asyncio.wait({writing})
        store.sessions.let_go(lease)
