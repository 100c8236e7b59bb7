"""How long a whole turn may take, what it waits for around its graph included."""

from __future__ import annotations

import asyncio

from jiuwen_lg.engine.concurrency.pausable_clock import PausableClock


class TimeLimit:
    """Counts from `begin`, without the time that a run waits for the reader of its frames.

    Args:
        seconds: How long; None for as long as it takes.
        clock: Knows the pauses.
    """

    def __init__(self, seconds: float | None, clock: PausableClock) -> None:
        self.seconds = seconds
        self._clock = clock
        self._began: float | None = None

    def begin(self) -> None:
        """Start to count."""
        self._began = self._now()

    @property
    def left(self) -> float | None:
        """Seconds; None for any number."""
        if self.seconds is None or self._began is None:
            return self.seconds
        return max(self.seconds - (self._now() - self._began), 0.0)

    def _now(self) -> float:
        return asyncio.get_running_loop().time() - self._clock.seconds
