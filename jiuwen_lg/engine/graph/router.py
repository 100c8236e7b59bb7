"""Routers: functions that choose, after their source has run, where the run goes on.

Facts: openJiuwen 0.1.1, `engine.md` 1.6. A router runs inside its source's task, so that
one that fails makes its source fail, which a retry repeats.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

from jiuwen_lg.schema.values import maybe_await


class BringsRouter:
    """A component that chooses itself where the run goes on after it."""

    def router(self) -> Callable[..., Any]:
        """Return the routing function."""
        raise NotImplementedError


class Router:
    """A user's routing function: sync or async, any callable, with a parameter `runtime` or without.

    A function that knows where it may lead says so in an attribute `targets`: `{id: label}`.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._takes_runtime = "runtime" in _parameters(function)

    async def targets(self, runtime: Any) -> list[str]:
        """Return the components that run next; their ids are not checked yet."""
        chosen = await maybe_await(self._function(runtime=runtime) if self._takes_runtime else self._function())
        if isinstance(chosen, str):
            return [chosen]
        if isinstance(chosen, Iterable) and not isinstance(chosen, bytes):
            return list(chosen)
        raise TypeError(f"a router gives an id or several, not {chosen!r}")

    def known_targets(self) -> dict[str, str]:
        """Return the components that it may lead to, with the text beside each arrow; for drawings.

        Known of a branch, and of a function whose annotation is `-> Literal[...]`.
        """
        if isinstance(known := getattr(self._function, "targets", None), Mapping):
            return {str(target): str(label) for target, label in known.items()}
        return dict.fromkeys(self._annotated_targets(), "")

    def _annotated_targets(self) -> tuple[str, ...]:
        try:
            hint = get_type_hints(_annotated(self._function)).get("return")
        except (NameError, TypeError):
            return ()
        return tuple(str(i) for i in get_args(hint)) if get_origin(hint) is Literal else ()


def _parameters(function: Callable[..., Any]) -> Collection[str]:
    try:
        return inspect.signature(function).parameters
    except ValueError:  # some built-in functions tell nothing of themselves
        return ()


def _annotated(function: Any) -> Any:
    return function if inspect.isroutine(function) else type(function).__call__
