"""One event loop in a thread of its own, for synchronous callers of asynchronous components."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")
_lock = threading.Lock()
_loops: dict[int, asyncio.AbstractEventLoop] = {}


def run_in_loop_thread(work: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine to its end and return its result; safe inside a running event loop.

    The caller's context variables are visible to the coroutine.
    """
    return asyncio.run_coroutine_threadsafe(work, _loop()).result()


def _loop() -> asyncio.AbstractEventLoop:
    """The loop of this process (a forked child gets one of its own)."""
    with _lock:
        loop = _loops.get(os.getpid())
        if loop is None:
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="jiuwen_lg", daemon=True).start()
            _loops[os.getpid()] = loop
        return loop
