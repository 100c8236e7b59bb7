"""A component's LangGraph task: the component, then its writes.

LangGraph runs a node as a LangChain sequence, which tells callbacks of the node and of each of its
parts. Where nobody listens, the parts are run one after the other, and nothing is reported.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import copy_context
from typing import Any, TypeAlias

from langchain_core.callbacks import BaseCallbackManager
from langchain_core.runnables import Runnable, RunnableConfig

from jiuwen_lg.engine.pregel.current_config import set_config

Wait: TypeAlias = Callable[[asyncio.Task[Any]], Awaitable[Any]]


async def awaited(task: asyncio.Task[Any]) -> Any:
    """Wait for a task as `await` does."""
    return await task


class SilentNodeTask(Runnable[Any, Any]):
    """The runnable that LangGraph runs for a node.

    Args:
        sequence: The sequence that it would run.
        component: The first part of it.
        writer: The other part.
        wait: Waits for a task to its end, and cancels it once, however often the caller is cancelled: LangGraph cancels
            a task again while it winds up, and a graph inside would then leave its own tasks behind.
        next_channel: For a component that does nothing but lead to one other: the channel that starts that.
    """

    def __init__(
        self,
        sequence: Runnable[Any, Any],
        component: Runnable[Any, Any],
        writer: Any,
        wait: Wait,
        next_channel: str | None,
    ) -> None:
        self.wait = wait
        self.component = component
        self.next_channel = next_channel
        self._sequence = sequence
        self._writer = writer

    def write(self, output: Any, config: RunnableConfig) -> Any:
        """Make the writes of an output."""
        return self._writer.invoke(output, config)

    def updates(self, output: dict[str, Any]) -> list[tuple[str, Any]]:
        """Return the writes to the channels of the state that an output makes."""
        found: list[tuple[str, Any]] = self._writer.writes[0].mapper(output)
        return found

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """For synchronous callers of the graph."""
        return self._sequence.invoke(input, config, **kwargs)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Run the component in a context of its own, then its writes."""
        if config is None or _is_heard(config):
            return await self.wait(asyncio.create_task(self._sequence.ainvoke(input, config, **kwargs)))
        own = config.copy()
        own.pop("run_name", None)  # of the node, not of what the component runs
        context = copy_context()
        set_config(context, own)
        output = await self.wait(asyncio.create_task(self.component.ainvoke(input, own), context=context))
        self._writer.invoke(output, config)
        return output

    async def astream(
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any | None
    ) -> AsyncIterator[Any]:
        """For callbacks that want to hear of parts of the output."""
        async for part in self._sequence.astream(input, config, **kwargs):
            yield part


def _is_heard(config: RunnableConfig) -> bool:
    """Return whether a callback listens to the node."""
    callbacks = config.get("callbacks")
    if isinstance(callbacks, BaseCallbackManager):
        return bool(callbacks.handlers or callbacks.inheritable_handlers)
    return callbacks is not None
