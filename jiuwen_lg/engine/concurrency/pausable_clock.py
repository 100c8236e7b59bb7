"""While a reader is slow, a run waits for it; its timeouts do not count that time."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any


def _now() -> float:
    """By the running loop's clock, which a test may put forward."""
    return asyncio.get_running_loop().time()


_NAP = 0.25
"""Seconds. A kernel's stop button is noticed when its event loop wakes, and the signal itself does not wake it."""


def _is_in_kernel() -> bool:
    return "ipykernel.kernelapp" in sys.modules


class PausableClock:
    """The time that a run has waited for its reader."""

    def __init__(self) -> None:
        self._waiting = 0
        self._since = 0.0
        self._before = 0.0

    @property
    def seconds(self) -> float:
        """All of it, a pause that lasts included; pauses at the same time count once."""
        return self._before + (_now() - self._since if self._waiting else 0.0)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Pause the clock while a component waits for the reader."""
        if not self._waiting:
            self._since = _now()
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._before += _now() - self._since


async def wait_any(
    futures: Collection[asyncio.Future[Any]], limit: float | None, clock: PausableClock
) -> set[asyncio.Future[Any]]:
    """Wait for the first of several futures; none if that takes longer than `limit` seconds without pauses."""
    began = _now() - clock.seconds
    while True:
        left = None if limit is None else limit - (_now() - clock.seconds - began)
        nap = left if not _is_in_kernel() else _NAP if left is None else min(left, _NAP)
        done, _ = await asyncio.wait(futures, timeout=nap, return_when=asyncio.FIRST_COMPLETED)
        if done or (limit is not None and _now() - clock.seconds - began >= limit):
            return done
