"""Components that fail on purpose."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from jiuwen_lg.errors import StatusCode
from jiuwen_lg.workflow import Workflow

_METHODS = ("invoke", "stream", "collect", "transform")


@contextmanager
def failing(flow: Workflow, id: str, times: int = 1, error: Exception | None = None) -> Iterator[None]:
    """A component fails the next `times` times that it runs, before it does anything.

    Args:
        flow: The workflow.
        id: Its executable id: `a`, `loop.a`, `sub.a`.
        times: How often.
        error: What it raises; a RuntimeError if absent.

    Raises:
        JiuWenBaseException: 110006, there is no such component.
    """
    left = times

    def fail() -> None:
        nonlocal left
        left -= 1
        if left >= 0:
            raise error or RuntimeError(f"[{id}] fails because the test wants it to")

    with before(flow, id, fail):
        yield


@contextmanager
def before(flow: Workflow, id: str, act: Callable[[], None]) -> Iterator[None]:
    """Call `act` whenever a component begins to run."""
    executable = _executable(flow, id)

    def watched(method: Callable[..., Any]) -> Callable[..., Any]:
        async def awaited(inputs: Any, runtime: Any, context: Any) -> Any:
            if runtime.executable_id() == id:
                act()
            return await method(inputs, runtime, context)

        return awaited

    def watched_frames(method: Callable[..., AsyncIterator[Any]]) -> Callable[..., AsyncIterator[Any]]:
        async def iterated(inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
            if runtime.executable_id() == id:
                act()
            async for item in method(inputs, runtime, context):
                yield item

        return iterated

    with ExitStack() as patches:
        for name in _METHODS:
            method = getattr(executable, name, None)
            if method is not None:
                wrap = watched if name in ("invoke", "collect") else watched_frames
                patches.enter_context(patch.object(executable, name, wrap(method)))
        yield


def _executable(flow: Workflow, id: str) -> Any:
    components = dict(flow.definition.walk(flow.config().workflow_max_nesting_depth))
    if id not in components or components[id].nested is not None:
        leaves = [name for name, spec in components.items() if spec.nested is None]
        reason = "it is no component that runs by itself"
        raise StatusCode.WORKFLOW_COMPONENT_CONFIG_ERROR.error(missing=[id], reason=reason, node_ids=leaves)
    return components[id].executable
