"""Foreign objects as components: LangChain's runnables, compiled LangGraph graphs, plain functions."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from typing import Any

from langgraph.pregel.protocol import PregelProtocol
from pydantic import BaseModel

from jiuwen_lg.component import ComponentExecutable
from jiuwen_lg.errors import StatusCode
from jiuwen_lg.interop.threads import Threads
from jiuwen_lg.schema.values import maybe_await

_NAMED = ("runtime", "context", "config")
"""What a function may ask for besides its inputs, by the name of a parameter."""


def adapted(thing: Any) -> ComponentExecutable | None:
    """A runnable or a function as something that the engine runs; None if it is neither.

    Raises:
        JiuWenBaseException: 100002, a function has parameters that nothing is known of.
    """
    from langchain_core.runnables import Runnable

    if isinstance(thing, Runnable):
        return RunnableExecutable(thing)
    if inspect.isclass(thing) or not callable(thing) or hasattr(thing, "invoke"):
        return None
    kinds = (thing, getattr(thing, "__call__", thing))  # noqa: B004 - which kind it is, not whether it can be called
    is_generator = any(inspect.isasyncgenfunction(one) or inspect.isgeneratorfunction(one) for one in kinds)
    return GeneratorExecutable(thing) if is_generator else FunctionExecutable(thing)


class RunnableExecutable(ComponentExecutable):
    """A runnable of LangChain's: a chain, a tool, a chat model, a compiled graph.

    It gets the component's inputs, and the run's config: callbacks and tags reach it, and a graph
    inside it can ask. Messages and pydantic models that it gives become dicts, so that schemas
    can lead into them.

    Args:
        runnable: The runnable.
    """

    def __init__(self, runnable: Any) -> None:
        self.runnable = runnable
        self.drawn_as: str = self._kind()

    def _kind(self) -> str:
        """What drawings show it as."""
        from langchain_core.language_models import BaseLanguageModel
        from langchain_core.tools import BaseTool

        inner = _innermost(self.runnable)
        return (
            "model" if isinstance(inner, BaseLanguageModel) else "tool" if isinstance(inner, BaseTool) else "component"
        )

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        """`ainvoke`; of a graph whose caller is synchronous `invoke`, since its saver may be synchronous, too."""
        given, config = self._given(inputs), runtime.config
        if getattr(runtime, "is_sync", False) and isinstance(self.runnable, PregelProtocol):
            return _plain(await asyncio.to_thread(self.runnable.invoke, given, config))
        return _plain(await self.runnable.ainvoke(given, config))

    async def stream(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
        """`astream`."""
        async for part in self.runnable.astream(self._given(inputs), runtime.config):
            yield _plain(part)

    def _given(self, inputs: Any) -> Any:
        """Return its input: a language model takes the messages, anything else all inputs."""
        from langchain_core.language_models import BaseLanguageModel

        is_model = isinstance(_innermost(self.runnable), BaseLanguageModel) and isinstance(inputs, dict)
        return inputs.get("messages", inputs) if is_model else inputs


def _innermost(runnable: Any) -> Any:
    """What is bound, retried or has fallbacks."""
    while (within := getattr(runnable, "bound", getattr(runnable, "runnable", None))) is not None:
        runnable = within
    return runnable


class FunctionExecutable(ComponentExecutable):
    """A function of a component's inputs, sync or async; a sync one runs in a thread.

    Args:
        function: Takes the inputs, and by name what it needs of `runtime`, `context` and `config`.

    Raises:
        JiuWenBaseException: 100002, it takes anything else.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self._takes_inputs, self._wants = _parameters(function)
        self._threads = Threads()

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        """Call it."""
        given, named = self._arguments(inputs, runtime, context)
        if _is_async(self.function):
            return await self.function(*given, **named)
        return await maybe_await(await self._threads.run(_key(runtime), _called, self.function, given, named))

    def _arguments(self, inputs: Any, runtime: Any, context: Any) -> tuple[list[Any], dict[str, Any]]:
        known = {"runtime": runtime, "context": context, "config": runtime.config}
        return [inputs] if self._takes_inputs else [], {name: known[name] for name in self._wants}


class GeneratorExecutable(FunctionExecutable):
    """A generator function, sync or async: each item is a frame; where no frames are asked for, the last one counts."""

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        """Its last item."""
        last = None
        async for item in self.stream(inputs, runtime, context):
            last = item
        return last

    async def stream(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
        """Its items."""
        given, named = self._arguments(inputs, runtime, context)
        items = self.function(*given, **named)
        if inspect.isasyncgen(items):
            async for item in items:
                yield item
            return
        end = object()
        while (item := await self._threads.run(_key(runtime), next, items, end)) is not end:
            yield item


def _key(runtime: Any) -> str:
    """What the attempts of one execution have in common."""
    return str(getattr(runtime, "idempotency_key", id(runtime)))


def _called(function: Callable[..., Any], given: list[Any], named: dict[str, Any]) -> Any:
    try:
        return function(*given, **named)
    except StopIteration as error:  # no future can hold it
        raise RuntimeError("the function raised StopIteration") from error


def _is_async(function: Any) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(function.__call__)


def _parameters(function: Callable[..., Any]) -> tuple[bool, list[str]]:
    """Whether it takes inputs, and what else by name."""
    try:
        parameters = [*inspect.signature(function).parameters.values()]
    except ValueError:  # a built-in function that tells nothing of itself
        return True, []
    wants = [p.name for p in parameters if p.name in _NAMED]
    required = [p for p in parameters if p.name not in _NAMED and p.default is p.empty and p.kind < p.VAR_POSITIONAL]
    needs_names = [p for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty and p.name not in _NAMED]
    unreachable = [p for p in parameters if p.name in _NAMED and p.kind is p.POSITIONAL_ONLY]
    takes_inputs = any(p.name not in _NAMED and p.kind <= p.VAR_POSITIONAL for p in parameters)
    catch_all = [p for p in parameters if p.kind is p.VAR_KEYWORD and not takes_inputs]
    if len(required) > 1 or needs_names or unreachable or catch_all:
        names = [p.name for p in (*required, *needs_names, *unreachable, *catch_all)]
        raise StatusCode.COMPONENT_NOT_EXECUTABLE_ERROR.error(
            component=f"{getattr(function, '__qualname__', function)}{inspect.signature(function)} takes {names}: a "
            f"function takes its inputs, one dict, and by these names {', '.join(_NAMED)}; it"
        )
    return takes_inputs, wants


def _plain(value: Any) -> Any:
    """A pydantic model (a message is one) as a dict, and those in a dict or list."""
    if isinstance(value, BaseModel):
        return value.model_dump()
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, (list, tuple)) else value
