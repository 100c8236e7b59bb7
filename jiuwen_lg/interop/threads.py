"""Synchronous functions of users, in threads: a thread cannot be stopped, so its own next attempt waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from threading import Lock
from typing import Any


class _Call:
    """One call, which may have been given up."""

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self._function = function
        self._arguments = arguments
        self._lock = Lock()
        self._has_begun = False
        self._is_given_up = False
        self.ended: Future[None] = Future()

    def __call__(self) -> Any:
        with self._lock:
            if self._is_given_up:
                return None
            self._has_begun = True
        try:
            return self._function(*self._arguments)
        finally:
            self.ended.set_result(None)

    def give_up(self) -> None:
        """Nobody waits for it any more: it does not begin, if it has not."""
        with self._lock:
            self._is_given_up = True
            if not self._has_begun:
                self.ended.set_result(None)


class Threads:
    """Calls in threads, of which no two with the same key run at once."""

    def __init__(self) -> None:
        self._running: dict[str, _Call] = {}

    async def run(self, key: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function in a thread, once the thread of an earlier call with the key has ended.

        Args:
            key: What an execution of a component and its other attempts have in common.
            function: The function.
            arguments: Its arguments.
        """
        while (before := self._running.get(key)) is not None:
            await asyncio.shield(asyncio.wrap_future(before.ended))
            if self._running.get(key) is before:
                del self._running[key]
        call = self._running[key] = _Call(function, arguments)
        try:
            return await asyncio.to_thread(call)
        except asyncio.CancelledError:
            call.give_up()
            raise
        finally:
            if call.ended.done():
                with suppress(KeyError):
                    del self._running[key]
            else:
                call.ended.add_done_callback(lambda _: self._running.pop(key, None))
