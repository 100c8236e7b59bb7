"""The time limits between frames: until a run's first frame, and from one frame to the next."""

from __future__ import annotations

import asyncio

from jiuwen_lg.engine.concurrency.pausable_clock import PausableClock, wait_any
from jiuwen_lg.errors import StatusCode


class FrameTimeout:
    """Watches that frames keep coming.

    Args:
        first: Seconds until the first frame (or the end of the run), None for any number.
        gap: Seconds from one frame to the next, None for any number.
        pauses: Time that does not count.
    """

    def __init__(self, first: float | None, gap: float | None, clock: PausableClock) -> None:
        self._clock = clock
        self._first = first
        self._gap = gap
        self._came = asyncio.Event()

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to watch."""
        return self._first is not None or self._gap is not None

    def tick(self) -> None:
        """A frame came."""
        self._came.set()

    async def watch(self) -> None:
        """Wait until a frame is late; never returns.

        Raises:
            JiuWenBaseException: 193004 for the first frame, 193003 for a later one.
        """
        await self._wait(self._first, StatusCode.STREAM_FIRST_FRAME_TIMEOUT_FAILED)
        while True:
            await self._wait(self._gap, StatusCode.STREAM_FRAME_TIMEOUT_FAILED)

    async def _wait(self, limit: float | None, code: StatusCode) -> None:
        came = asyncio.ensure_future(self._came.wait())
        try:
            if not await wait_any([came], limit, self._clock):
                raise code.error(timeout=f"{limit:g}")
        finally:
            came.cancel()
        self._came.clear()
