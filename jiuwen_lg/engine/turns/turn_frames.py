"""The frames of one turn: passed on to its reader, and kept where they are the result."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from jiuwen_lg.engine.concurrency.frame_timeout import FrameTimeout
from jiuwen_lg.engine.runtime.run_sink import RunSink
from jiuwen_lg.output import BaseStreamMode, OutputSchema, WorkflowChunk


class TurnFrames:
    """The way of frames from a run to the reader of a turn.

    Args:
        emit: Takes a frame for the reader.
        frame_timeout: Measures the time between frames.
        is_result: Whether the workflow's End gives frames; then those of a turn are its result.
    """

    def __init__(
        self, emit: Callable[[WorkflowChunk], Awaitable[None]], frame_timeout: FrameTimeout, *, is_result: bool
    ) -> None:
        self._emit = emit
        self._frame_timeout = frame_timeout
        self._is_result = is_result
        self.collected: list[WorkflowChunk] = []

    async def emit(self, frame: WorkflowChunk) -> None:
        """Pass a frame on."""
        self._frame_timeout.tick()
        if self._is_result and isinstance(frame, OutputSchema):
            self.collected.append(frame)
        await self._emit(frame)

    def sink(self, modes: frozenset[BaseStreamMode]) -> RunSink:
        """Return the sink of the turn's run."""
        is_plain = not self._is_result and not self._frame_timeout.is_needed
        sink = RunSink(self._emit if is_plain else self.emit, modes)
        if self._is_result:
            sink.collect_end_frame = self.collected.append
        return sink
