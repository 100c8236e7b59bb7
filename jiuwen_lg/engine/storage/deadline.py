"""How long a call of the store may wait; whoever is cancelled brings that forward while it waits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from typing import TypeVar

from jiuwen_lg.engine.concurrency.cancellation import wait_until_ended

_T = TypeVar("_T")

GRACE = 0.3
"""Seconds that who is cancelled still waits for an exchange with the store."""
LINGER = 5.0
"""Seconds that such an exchange may still take by itself: what it writes is fenced."""


class Deadline:
    """A moment, by this process's monotonic clock, that may be brought forward from any thread.

    Args:
        seconds: From now; None for never.
        others: Deadlines that count, too.
    """

    def __init__(self, seconds: float | None = None, *others: Deadline) -> None:
        self._at = float("inf") if seconds is None else time.monotonic() + seconds
        self._others = others

    @property
    def remaining(self) -> float:
        """Seconds; 0 once it has passed."""
        own = max(self._at - time.monotonic(), 0.0)
        return min([own, *(other.remaining for other in self._others)])

    def hurry(self, seconds: float = GRACE) -> None:
        """Bring it forward to so many seconds from now."""
        self._at = min(self._at, time.monotonic() + seconds)


class LatestDeadline(Deadline):
    """The latest of several: of what is written together."""

    @property
    def remaining(self) -> float:
        """Seconds."""
        return max((other.remaining for other in self._others), default=float("inf"))


_current: ContextVar[Deadline | None] = ContextVar("_current", default=None)


def current_deadline() -> Deadline | None:
    """The deadline of the call that this thread makes; None for a synchronous caller's."""
    return _current.get()


def _claim(free: list[None]) -> bool:
    """Take the only item; one thread succeeds, once."""
    try:
        free.pop()
    except IndexError:
        return False
    return True


async def in_executor(executor: ThreadPoolExecutor, work: Callable[[], _T], deadline: Deadline) -> _T:
    """Run `work` in a thread; a caller that is cancelled brings the deadline forward, and waits for the end.

    What has not begun then never does.
    """
    context, free = copy_context(), [None]
    context.run(_current.set, deadline)

    def run() -> _T:
        if not _claim(free):
            raise RuntimeError("it was cancelled before it began")
        return context.run(work)

    def hurry() -> None:
        if _claim(free):
            future.cancel()
        else:
            deadline.hurry()

    future = asyncio.get_running_loop().run_in_executor(executor, run)

    await wait_until_ended(future, on_cancel=hurry)
    return future.result()
