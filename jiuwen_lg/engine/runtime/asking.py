"""A call of `interact` that is to be awaited."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine, Generator
from typing import Any


class Asking(Coroutine[Any, Any, Any]):
    """The coroutine of one `interact` call; it is no answer, so it is neither true nor false.

    Args:
        ask: Begins to ask.
        depth: How many calls lie between the component and the one that makes this.
    """

    def __init__(self, ask: Callable[[], Coroutine[Any, Any, Any]], depth: int = 2) -> None:
        frame = sys._getframe(depth)  # noqa: SLF001 - the line of the component that forgot to await
        self.where: str = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        self._ask = ask
        self._coroutine: Coroutine[Any, Any, Any] | None = None
        self._is_closed = False

    @property
    def is_awaited(self) -> bool:
        """Whether anything has begun to await it, or has closed it."""
        return self._coroutine is not None or self._is_closed

    @property
    def reason(self) -> str:
        """Say what is wrong, and where."""
        return f"runtime.interact(...) is not awaited ({self.where}): write `await runtime.interact(...)`"

    def __bool__(self) -> bool:
        raise TypeError(self.reason)

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._begun().__await__()

    def send(self, value: Any) -> Any:
        """Go on, as a task does."""
        return self._begun().send(value)

    def throw(self, *error: Any) -> Any:
        """Raise an error where it waits."""
        return self._begun().throw(*error)

    def close(self) -> None:
        """End it; a question that is closed is not asked."""
        self._is_closed = True
        if self._coroutine is not None:
            self._coroutine.close()

    def _begun(self) -> Coroutine[Any, Any, Any]:
        if self._coroutine is None:
            self._coroutine = self._ask()
        return self._coroutine
