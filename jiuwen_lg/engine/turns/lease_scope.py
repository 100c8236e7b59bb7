"""Holding a session for a turn, and letting it go, whatever becomes of the caller meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeAlias, TypeVar

from jiuwen_lg.engine.concurrency.cancellation import wait_until_ended
from jiuwen_lg.engine.concurrency.time_limit import TimeLimit
from jiuwen_lg.engine.sessions.row import Record, Status
from jiuwen_lg.engine.storage.deadline import GRACE
from jiuwen_lg.engine.storage.fence import Lease
from jiuwen_lg.engine.store import Store
from jiuwen_lg.errors import JiuWenBaseException, StatusCode

_logger = logging.getLogger(__name__)

_T = TypeVar("_T")
Leased: TypeAlias = tuple[Record | None, Lease | None]

_TICKS = 16
"""Turns of the event loop until it is known that a reader has left `async for`: the interpreter closes it later."""
_EXCHANGE = 1.0
"""Seconds that an exchange with the store may take at least, whatever the turn's time limit."""
_LAST_WRITE = GRACE + 0.1
"""Seconds that the last write may take at least, whatever the turn's time limit, and after a cancellation."""
_PATIENCE = 30.0
"""Seconds to wait for a turn of this event loop that winds up."""


async def acquire(store: Store, acquire: Callable[[], Leased], time_limit: TimeLimit) -> Leased:
    """Acquire a lease; if the caller is cancelled meanwhile, what was acquired is released.

    A turn of the same event loop that is winding up is waited for.

    Raises:
        JiuWenBaseException: 100904, another run is in progress. 100908, the store does not answer in time.
    """
    try:
        return await within(store, time_limit, _acquire(store, acquire))
    except JiuWenBaseException as error:
        if error.error_code != StatusCode.SESSION_BUSY.code:
            raise
        ending = await _ending(store, error.details.get("thread_id", ""))
        if ending is None or not await _has_ended(ending, time_limit):
            raise
    return await within(store, time_limit, _acquire(store, acquire))


async def within(store: Store, time_limit: TimeLimit, work: Awaitable[_T]) -> _T:
    """Wait for an exchange with the store, no longer than the turn may take.

    Raises:
        JiuWenBaseException: 100908, it takes longer.
    """
    try:
        left = time_limit.left
        async with asyncio.timeout(None if left is None else max(left, _EXCHANGE)) as clock:
            return await work
    except TimeoutError as error:
        if not clock.expired():
            raise
        raise _late(store, time_limit) from error


def _late(store: Store, time_limit: TimeLimit) -> JiuWenBaseException:
    reason = f"it has not answered within the {time_limit.seconds:g} seconds that the turn may take"
    return StatusCode.STORE_UNAVAILABLE.error(store=store.path, reason=reason)


async def _acquire(store: Store, acquire: Callable[[], Leased]) -> Leased:
    loop, made = asyncio.get_running_loop(), list[tuple[Record, Lease]]()

    def acquire_here() -> Leased:
        _let_go(store, made)  # it is run again: what was made before was rolled back
        record, lease = acquire()
        if record is not None and lease is not None:
            lease.loop = loop
            made.append((record, lease))
        return record, lease

    acquiring = store.saver.commits.submit(acquire_here)
    try:
        await wait_until_ended(acquiring, on_cancel=lambda: _withdraw_later(store, acquiring))
    except asyncio.CancelledError:
        await _undo(store, acquiring, made)
        raise
    leased = await _outcome(store, acquiring, made)
    if leased[1] is not None:
        leased[1].is_stored = True
    return leased


def _withdraw_later(store: Store, acquiring: asyncio.Future[Leased]) -> None:
    asyncio.get_running_loop().call_later(GRACE, store.saver.commits.withdraw, acquiring)


async def _undo(store: Store, acquiring: asyncio.Future[Leased], made: list[tuple[Record, Lease]]) -> None:
    """Release what a caller that was cancelled has acquired; if that cannot be, the row has no living holder."""
    if acquiring.cancelled() or acquiring.exception() is not None:
        _let_go(store, made)
        return
    record, lease = acquiring.result()
    if record is not None and lease is not None:
        with suppress(Exception):
            await finish_turn(store, lease, lambda: store.sessions.release(lease, record, status_at_rest(record)))


async def _outcome(store: Store, acquiring: asyncio.Future[Leased], made: list[tuple[Record, Lease]]) -> Leased:
    """What was acquired; where it was committed and the server's answer was lost, that is found out and undone."""
    try:
        return acquiring.result()
    except JiuWenBaseException as error:
        if made and error.error_code == StatusCode.STORE_UNAVAILABLE.code:
            record, lease = made[-1]
            with suppress(JiuWenBaseException):
                if await store.database.call(lambda: store.sessions.is_stored(lease)):
                    await finish_turn(
                        store, lease, lambda: store.sessions.release(lease, record, status_at_rest(record))
                    )
        raise
    finally:
        if acquiring.cancelled() or acquiring.exception() is not None:
            _let_go(store, made)


def _let_go(store: Store, made: list[tuple[Record, Lease]]) -> None:
    while made:
        store.sessions.let_go(made.pop()[1])


async def _ending(store: Store, thread_id: str) -> Lease | None:
    """The lease of a turn in this event loop that winds up, or is about to; None if it goes on."""
    lease = store.sessions.held_here(thread_id)
    if lease is None or lease.loop is not asyncio.get_running_loop():
        return None
    for _ in range(_TICKS):
        if lease.is_ending:
            return lease
        await asyncio.sleep(0)
    return None


async def _has_ended(lease: Lease, time_limit: TimeLimit) -> bool:
    """Wait for the end of a turn that winds up; False if it takes too long."""
    ended = asyncio.get_running_loop().create_future()
    lease.on_ended(lambda: None if ended.done() else ended.set_result(None))
    left = time_limit.left
    done, _ = await asyncio.wait({ended}, timeout=_PATIENCE if left is None else min(left, _PATIENCE))
    return bool(done)


def status_at_rest(record: Record) -> Status:
    """The status of a row to which nothing has happened since it was read; a killed run counts as failed."""
    return "failed" if record.row.status == "running" else record.row.status


async def finish_turn(
    store: Store, lease: Lease, write: Callable[[], None], time_limit: TimeLimit | None = None
) -> None:
    """Make the last write of a turn, however often the caller is cancelled; then the lease is let go.

    A store that does not answer is waited for in the background, once the caller has been cancelled or the turn's
    time is up.

    Raises:
        JiuWenBaseException: 100908, it cannot be written, or not in time.
    """
    lease.is_ending = True
    writing = asyncio.ensure_future(_write(store, write))
    writing.add_done_callback(lambda _: _let_go_after(store, lease, writing))
    left = None if time_limit is None else time_limit.left
    waiting = asyncio.ensure_future(asyncio.wait({writing}, timeout=None if left is None else max(left, _LAST_WRITE)))
    await wait_until_ended(waiting, grace=_LAST_WRITE)
    if not writing.done():
        assert time_limit is not None
        raise _late(store, time_limit)
    writing.result()


async def _write(store: Store, write: Callable[[], None]) -> None:
    """Write, and once more where the server's answer was lost: what was committed is not changed by that."""
    for is_last in (False, True):
        writing = store.saver.commits.submit(write)
        with suppress(asyncio.CancelledError):  # all tasks are being cancelled: the write is none
            await wait_until_ended(writing)
        if is_last or not _is_lost(writing):
            return writing.result()
    return None


def _is_lost(writing: asyncio.Future[None]) -> bool:
    error = None if writing.cancelled() else writing.exception()
    return isinstance(error, JiuWenBaseException) and error.error_code == StatusCode.STORE_UNAVAILABLE.code


def _let_go_after(store: Store, lease: Lease, writing: asyncio.Future[None]) -> None:
    store.sessions.let_go(lease)
    if not writing.cancelled() and (error := writing.exception()) is not None:
        _logger.warning("session [%s]: how its turn ended is not on file: %s", lease.session_id, error)
