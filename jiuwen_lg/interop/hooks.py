"""Executables that are written as openJiuwen's own parts are: with `on_invoke` instead of `invoke`.

Facts: openJiuwen 0.1.1, `agents.md` 12.2.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from jiuwen_lg.component import ComponentExecutable
from jiuwen_lg.errors import StatusCode

_ABILITIES = ("invoke", "stream", "collect", "transform")


def with_hooks(executable: Any) -> Any:
    """Return what the engine runs for an executable with hooks; any other executable as it is."""
    has_hooks = any(callable(getattr(executable, f"on_{ability}", None)) for ability in _ABILITIES)
    return HookedExecutable(executable) if has_hooks else executable


class HookedExecutable(ComponentExecutable):
    """Calls the hooks of an executable: `on_invoke(inputs, runtime)` and those of the other abilities.

    An executable whose `graph_invoker()` is true gets its inputs as `{"inputs": ..., "config": ...}`, with the
    config of LangChain's that a graph which it runs takes.

    Args:
        executable: The executable.
    """

    def __init__(self, executable: Any) -> None:
        self.executable = executable

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        """`on_invoke`, else the executable's own `invoke`."""
        hook = getattr(self.executable, "on_invoke", None)
        if hook is None:
            return await self._own("invoke", runtime)(inputs, runtime, context)
        return await hook(self._given(inputs, runtime), runtime)

    async def stream(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
        """`on_stream`."""
        async for frame in self._frames("stream", inputs, runtime, context):
            yield frame

    async def collect(self, inputs: Any, runtime: Any, context: Any) -> Any:
        """`on_collect`."""
        hook = getattr(self.executable, "on_collect", None)
        if hook is None:
            return await self._own("collect", runtime)(inputs, runtime, context)
        return await hook(self._given(inputs, runtime), runtime)

    async def transform(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
        """`on_transform`."""
        async for frame in self._frames("transform", inputs, runtime, context):
            yield frame

    def _frames(self, ability: str, inputs: Any, runtime: Any, context: Any) -> Any:
        hook = getattr(self.executable, f"on_{ability}", None)
        if hook is None:
            return self._own(ability, runtime)(inputs, runtime, context)
        return hook(self._given(inputs, runtime), runtime)

    def _own(self, ability: str, runtime: Any) -> Any:
        own = getattr(self.executable, ability, None)
        if own is None:
            id = runtime.executable_id()
            raise StatusCode.RUNTIME_COMPONENT_ABILITY_NOT_IMPLEMENTED.error(node_id=id, ability=ability)
        return own

    def _given(self, inputs: Any, runtime: Any) -> Any:
        invokes_graph = getattr(self.executable, "graph_invoker", None)
        if invokes_graph is not None and invokes_graph():
            return {"inputs": inputs, "config": runtime.config}
        return inputs
