"""The reader's end of a stream: frames wait here until they are read."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from jiuwen_lg.engine.concurrency.pausable_clock import PausableClock
from jiuwen_lg.output import WorkflowChunk

CAPACITY = 1024
"""Unread frames at which a component that writes one more waits for the reader."""


class FrameBuffer:
    """A bounded buffer between the components that write frames and the one who reads them."""

    def __init__(self) -> None:
        self._frames: deque[WorkflowChunk] = deque()
        self._changed = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._is_closed = False
        self.clock: PausableClock = PausableClock()

    async def put(self, frame: WorkflowChunk) -> None:
        """Add a frame; waits while the buffer is full."""
        if not self._has_room.is_set():
            with self.clock.paused():
                await self._has_room.wait()
        self._frames.append(frame)
        if len(self._frames) >= CAPACITY:
            self._has_room.clear()
        self._changed.set()

    def close(self) -> None:
        """No more frames will come."""
        self._is_closed = True
        self._changed.set()

    async def frames(self) -> AsyncIterator[WorkflowChunk]:
        """The frames in order, until the buffer is closed and empty."""
        while True:
            while self._frames:
                frame = self._frames.popleft()
                self._has_room.set()
                yield frame
            if self._is_closed:
                return
            self._changed.clear()
            await self._changed.wait()
