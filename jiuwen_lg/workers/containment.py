"""Keeps `sys.exit` and `KeyboardInterrupt` of a component from ending the process that runs it.

Asyncio lets both leave the event loop from whichever task raises them, so no `except` around a turn would do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from typing import Any


class ProcessExitError(Exception):
    """A component wanted to end the process."""


class _Contained(Coroutine[Any, Any, Any]):
    """A coroutine each step of which raises `ProcessExitError` instead of what would end the event loop."""

    def __init__(self, inner: Coroutine[Any, Any, Any]) -> None:
        self._inner = inner
        self.__name__ = getattr(inner, "__name__", type(inner).__name__)
        self.__qualname__ = getattr(inner, "__qualname__", self.__name__)

    def __await__(self) -> Generator[Any, Any, Any]:  # a task drives it by `send` and `throw`
        return (yield from self._inner.__await__())

    def send(self, value: Any) -> Any:
        return _stepped(self._inner.send, value)

    def throw(self, *error: Any) -> Any:
        return _stepped(self._inner.throw, *error)

    def close(self) -> None:
        self._inner.close()


def _stepped(step: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return step(*arguments)
    except (SystemExit, KeyboardInterrupt) as error:
        code = f"({error.code!r})" if isinstance(error, SystemExit) else ""
        raise ProcessExitError(f"{type(error).__name__}{code} was raised inside the workflow") from error


@contextmanager
def contained() -> Iterator[None]:
    """Contain the tasks that the running event loop begins while the block runs."""
    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()

    def make(loop: asyncio.AbstractEventLoop, inner: Any, **options: Any) -> Any:
        wrapped = _Contained(inner)
        return asyncio.Task(wrapped, loop=loop, **options) if before is None else before(loop, wrapped, **options)

    loop.set_task_factory(make)
    try:
        yield
    finally:
        loop.set_task_factory(before)
