"""Event loops in threads of their own, for synchronous callers of asynchronous components."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from contextvars import ContextVar
from typing import Any, TypeVar

_T = TypeVar("_T")
_lock = threading.Lock()
_loops: dict[int, asyncio.AbstractEventLoop] = {}
_depth: ContextVar[int] = ContextVar("_depth", default=0)


def run_in_loop_thread(work: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine to its end and return its result; safe inside a running event loop.

    All calls share one loop, except those made by a coroutine that runs in it: a component
    that calls another graph synchronously blocks its loop, so what it calls gets the next one.
    The caller's context variables are visible to the coroutine. A caller that is interrupted
    (Ctrl-C, a notebook's stop button, a signal's handler that raises) cancels it, and waits until it has wound up.
    """
    depth = _depth.get()
    ended = threading.Event()

    async def deeper() -> _T:
        _depth.set(depth + 1)
        try:
            return await work
        finally:
            ended.set()

    running = asyncio.run_coroutine_threadsafe(deeper(), _loop(depth))
    try:
        return running.result()
    except BaseException:
        if running.cancel():
            ended.wait()
        raise


def _loop(depth: int) -> asyncio.AbstractEventLoop:
    """The loop for one depth of nesting."""
    with _lock:
        loop = _loops.get(depth)
        if loop is None:
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name=f"jiuwen_lg {depth}", daemon=True).start()
            _loops[depth] = loop
        return loop


def _forget() -> None:
    """In a forked child: the parent's loops do not run here, and its lock may be held for ever."""
    global _lock  # noqa: PLW0603
    _lock = threading.Lock()
    _loops.clear()


os.register_at_fork(after_in_child=_forget)
