"""Components that fail on purpose."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

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
    if isinstance(times, bool) or not isinstance(times, int):
        raise TypeError(f"times is a number, not {times!r}")
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
    watch = (id, act)
    watching = _watch(executable)
    watching.append(watch)
    try:
        yield
    finally:
        watching.remove(watch)
        if not watching:
            _unwatch(executable)


Watching: TypeAlias = list[tuple[str, Callable[[], None]]]
_MARK = "_jiuwen_watching"


def _watch(executable: Any) -> Watching:
    """Return the hooks that are called before an object's methods; they ask this list from now on."""
    known: Watching | None = vars(executable).get(_MARK) if hasattr(executable, "__dict__") else None
    if known is not None:
        return known
    watching: Watching = []
    methods = {name: getattr(executable, name) for name in _METHODS if hasattr(executable, name)}
    try:
        object.__setattr__(executable, _MARK, watching)
    except AttributeError as error:
        raise TypeError(f"a {type(executable).__name__} has __slots__, so nothing can be put before it") from error
    for name, method in methods.items():
        wrap = _awaited if name in ("invoke", "collect") else _iterated
        object.__setattr__(executable, name, wrap(method, watching))
    return watching


def _unwatch(executable: Any) -> None:
    for name in (_MARK, *_METHODS):
        vars(executable).pop(name, None)


def _awaited(method: Callable[..., Any], watching: Watching) -> Callable[..., Any]:
    async def run(inputs: Any, runtime: Any, context: Any) -> Any:
        _call(watching, runtime)
        return await method(inputs, runtime, context)

    return run


def _iterated(method: Callable[..., AsyncIterator[Any]], watching: Watching) -> Callable[..., AsyncIterator[Any]]:
    async def run(inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
        _call(watching, runtime)
        async for item in method(inputs, runtime, context):
            yield item

    return run


def _call(watching: Watching, runtime: Any) -> None:
    for id, act in [*watching]:
        if runtime.executable_id() == id:
            act()


def _executable(flow: Workflow, id: str) -> Any:
    components = dict(flow.definition.walk(flow.config().workflow_max_nesting_depth))
    if id not in components or components[id].nested is not None:
        leaves = [name for name, spec in components.items() if spec.nested is None]
        reason = "it is no component that runs by itself"
        raise StatusCode.WORKFLOW_COMPONENT_CONFIG_ERROR.error(missing=[id], reason=reason, node_ids=leaves)
    return components[id].executable
