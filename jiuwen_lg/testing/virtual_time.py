"""An event loop in which waiting takes no time."""

from __future__ import annotations

import asyncio
import selectors
from typing import Any


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A loop whose clock jumps to the next timer whenever everything waits for the clock alone.

    While `asyncio.to_thread` or `run_in_executor` works for it, a process that it started runs, or a connection
    is open, it waits for that as long as it takes, and the clock runs as usual. Of other threads it knows
    nothing.
    """

    def __init__(self) -> None:
        self._ahead = 0.0
        self._working = 0
        self._processes: list[asyncio.SubprocessTransport] = []
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        """Seconds, those that were jumped over included."""
        return super().time() + self._ahead

    def jump(self, seconds: float) -> None:
        """Put the clock forward."""
        self._ahead += seconds

    @property
    def waits_for_the_clock_alone(self) -> bool:
        """Whether nothing from outside can happen: the selector watches the loop's own wake-up call only."""
        self._processes = [process for process in self._processes if process.get_returncode() is None]
        is_watching = len(self._selector.get_map()) > 1  # type: ignore[attr-defined]
        return not (self._working or self._processes or is_watching)

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """As ever; the clock does not jump until it is done."""
        future = super().run_in_executor(executor, func, *args)
        self._working += 1
        future.add_done_callback(self._is_done)
        return future

    async def shutdown_default_executor(self, *args: Any, **options: Any) -> None:
        """As ever; the clock does not jump over the time that its threads are given to end (Python 3.12)."""
        self._working += 1
        try:
            await super().shutdown_default_executor(*args, **options)
        finally:
            self._working -= 1

    async def subprocess_exec(self, *args: Any, **options: Any) -> Any:
        """As ever; the clock does not jump until the process has ended."""
        return await self._started(super().subprocess_exec(*args, **options))

    async def subprocess_shell(self, *args: Any, **options: Any) -> Any:
        """As ever; the clock does not jump until the process has ended."""
        return await self._started(super().subprocess_shell(*args, **options))

    async def _started(self, starting: Any) -> Any:
        self._working += 1
        try:
            transport, protocol = await starting
        finally:
            self._working -= 1
        self._processes.append(transport)
        return transport, protocol

    def _is_done(self, _: asyncio.Future[Any]) -> None:
        self._working -= 1


class _JumpingSelector(selectors.DefaultSelector):
    """Instead of waiting for a timer it puts the loop's clock forward."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None or not self._loop.waits_for_the_clock_alone:
            return super().select(timeout)
        self._loop.jump(timeout)
        return ready
