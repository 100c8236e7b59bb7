"""Routers: functions that choose, after their source has run, where the run goes on.

Facts: openJiuwen 0.1.1, `engine.md` 1.6. A router runs inside its source's task, so that
one that fails makes its source fail, which a retry repeats.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Literal, get_args, get_origin, get_type_hints

from langgraph.constants import END

from jiuwen_lg.engine.node_runtime import NodeRuntime
from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.schema.path import MISSING
from jiuwen_lg.schema.reference import Reference, Schema
from jiuwen_lg.schema.values import awaited, merge


class RouterRuntime:
    """What a router sees: its source's own output laid over the state.

    Writers and updaters do nothing; `executable_id` is not there.
    """

    def __init__(self, runtime: NodeRuntime, output: Any) -> None:
        self._runtime = runtime
        self._output = output
        self.outputs: dict[str, Any] = {}

    @property
    def index(self) -> int | None:
        """How many rounds of the loop have ended; None outside a loop."""
        return None

    def state(self) -> RouterRuntime:
        """OpenJiuwen's way to the state: `runtime.state().get_global("start.query")`."""
        return self

    def get(self, key: Any = None) -> Any:
        """`get_state`."""
        return self.get_state(key)

    def get_global(self, key: Any = None) -> Any:
        """`get_global_state`."""
        return self.get_global_state(key)

    def find(self, reference: Reference) -> Any:
        """What a reference of a condition stands for, as it lies in the state; None if nothing."""
        return self._runtime.find(reference, self._read)

    def resolve(self, schema: Schema) -> Any:
        """A schema resolved against outputs and inputs."""
        return schema.resolve(self._read)

    def look(self, schema: Schema) -> Any:
        """As `resolve`, but a reference gives what lies in the state, which must not be changed."""
        return self.find(schema) if isinstance(schema, Reference) else schema.resolve(self._read)

    def give(self, outputs: dict[str, Any]) -> None:
        """Add to the source's output."""
        self.outputs |= outputs

    def session_id(self) -> str:
        """The session."""
        return self._runtime.session_id()

    def get_state(self, key: Any = None) -> Any:
        """The source's private state, without what it has just queued."""
        return self._runtime.get_state(key)

    def get_global_state(self, key: Any = None) -> Any:
        """Global state at a key; failing that, outputs (the source's latest too) and inputs."""
        return self._runtime.get_global_state(key, self._read)

    def _read(self, name: str) -> Any:
        found = self._runtime.read(name)
        if name != self._runtime.local_id or self._output is None:
            return found
        return self._output if found is MISSING else merge(found, self._output)

    async def trace(self, data: dict[str, Any]) -> None:
        """As the component's own."""
        await self._runtime.trace(data)

    async def trace_error(self, error: Exception) -> None:
        """As the component's own."""
        await self._runtime.trace_error(error)

    def get_env(self, key: str) -> None:
        """Nothing."""

    def update_state(self, data: Any) -> None:
        """Does nothing."""

    def update_global_state(self, data: Any) -> None:
        """Does nothing."""

    def stream_writer(self) -> None:
        """Nothing."""

    def custom_writer(self) -> None:
        """Nothing."""

    async def write_stream(self, data: Any) -> None:
        """Does nothing."""

    async def write_custom_stream(self, data: Any) -> None:
        """Does nothing."""


class BringsRouter:
    """A component that chooses itself where the run goes on after it."""

    def router(self) -> Callable[..., Any]:
        """What chooses."""
        raise NotImplementedError


class Router:
    """A user's routing function: sync or async, any callable, with a parameter `runtime` or without.

    A function that knows where it may lead says so in an attribute `targets`: `{id: label}`.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._takes_runtime = "runtime" in _parameters(function)

    async def targets(self, runtime: RouterRuntime) -> list[str]:
        """Where to go on; the ids are not checked yet."""
        chosen = await awaited(self._function(runtime=runtime) if self._takes_runtime else self._function())
        if isinstance(chosen, str):
            return [chosen]
        if isinstance(chosen, Iterable) and not isinstance(chosen, bytes):
            return list(chosen)
        raise TypeError(f"a router gives an id or several, not {chosen!r}")

    def known_targets(self) -> dict[str, str]:
        """Where it may lead, with what to write on the way there; for drawings.

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


async def route(source: str, routers: Sequence[Router], view: RouterRuntime, ids: Collection[str]) -> list[str]:
    """Where all routers of a source send the run, each target once.

    Raises:
        JiuWenBaseException: 100100, a router failed or named a component that is not there.
    """
    targets: dict[str, None] = {}
    for router in routers:
        try:
            targets |= dict.fromkeys(await router.targets(view))
        except JiuWenBaseException:
            raise
        except Exception as error:
            text = f"the router of component [{source}] failed: {error}"
            raise StatusCode.WORKFLOW_EXECUTE_INNER_ERROR.error(error=text) from error
    if unknown := [target for target in targets if target != END and target not in ids]:
        text = f"the router of component [{source}] chose {unknown}; there are {sorted(ids)}"
        raise StatusCode.WORKFLOW_EXECUTE_INNER_ERROR.error(error=text)
    return [target for target in targets if target != END]
