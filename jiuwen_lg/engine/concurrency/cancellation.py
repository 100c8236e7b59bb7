"""Winding up under cancellation: once, however often a caller is cancelled.

`task.cancel()` may be called again while a task winds up, and anyio's cancel scopes (so Starlette's and FastAPI's) do
so at every await. Whoever only awaits what winds up leaves it behind then.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any, TypeVar

_T = TypeVar("_T")


async def wait_until_ended(
    *futures: asyncio.Future[Any], on_cancel: Callable[[], None] | None = None, grace: float | None = None
) -> None:
    """Wait until all futures have ended, however often the caller is cancelled meanwhile.

    Args:
        futures: What to wait for.
        on_cancel: Called at the first cancellation: it may make them end sooner.
        grace: Seconds to wait after the first cancellation; None for as long as it takes.

    Raises:
        asyncio.CancelledError: The caller was cancelled; raised when the futures have ended.
    """
    cancellation = await _until_ended(futures, on_cancel, grace)
    if cancellation is not None:
        raise cancellation


async def cancel_and_wait(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks, each once, and wait until they have wound up; what they end with counts for nothing.

    Raises:
        asyncio.CancelledError: The caller was cancelled; raised when the tasks have ended.
    """
    for task in tasks:
        if not task.done() and not task.cancelling():
            task.cancel()
    try:
        await wait_until_ended(*tasks)
    finally:
        for task in tasks:
            if task.done() and not task.cancelled():
                task.exception()  # retrieved, so that asyncio reports no unseen error


async def result_of(task: asyncio.Task[_T]) -> _T:
    """Return a task's result; a caller that is cancelled cancels the task, once, and still waits for its end."""
    if not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            if task.done():  # in this very tick: as where the task is awaited, the cancellation counts
                raise
            if not task.cancelling():
                task.cancel()
            await _until_ended((task,))
    return task.result()


async def _until_ended(
    futures: tuple[asyncio.Future[Any], ...],
    on_cancel: Callable[[], None] | None = None,
    grace: float | None = None,
) -> asyncio.CancelledError | None:
    """Wait, and return the first cancellation that came meanwhile."""
    try:
        if pending := {future for future in futures if not future.done()}:
            await asyncio.wait(pending)
    except asyncio.CancelledError as error:
        if on_cancel is not None:
            on_cancel()
        now = asyncio.get_running_loop().time
        until = None if grace is None else now() + grace
        with _shielded():
            while pending := {future for future in futures if not future.done()}:
                if until is not None and now() >= until:
                    break
                with suppress(asyncio.CancelledError):
                    await asyncio.wait(pending, timeout=None if until is None else until - now())
        return error
    return None


def _shielded() -> AbstractContextManager[Any]:
    """Keep anyio, where it is in use, from waking the task in every turn of the event loop."""
    scope = getattr(sys.modules.get("anyio"), "CancelScope", None)
    return nullcontext() if scope is None else scope(shield=True)
