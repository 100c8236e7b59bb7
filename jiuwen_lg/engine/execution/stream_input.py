"""Frames on their way from component to component, while the component that makes them runs.

A component that takes frames starts with the first one, in a task beside its producer's,
and is joined in its own superstep (`ConsumerTask`). Frames are also kept in the state with their
producer's output: a component that starts later, in another process perhaps, gets them
from there. Nothing here is stored.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Container, Coroutine, Iterable, Mapping
from contextvars import Context, copy_context
from typing import Any

from langchain_core.callbacks import BaseCallbackManager
from langchain_core.runnables import RunnableConfig

from jiuwen_lg.engine.concurrency.cancellation import cancel_and_wait
from jiuwen_lg.engine.concurrency.pausable_clock import PausableClock, wait_any
from jiuwen_lg.engine.execution.consumer_state import ConsumerState
from jiuwen_lg.engine.graph.state import TAKEN
from jiuwen_lg.engine.pregel.current_config import current_config, set_config
from jiuwen_lg.schema.path import MISSING
from jiuwen_lg.schema.reference import Fields, Items, Literal, Reader, Reference, Schema, references
from jiuwen_lg.schema.values import deep_copy


class FrameQueue:
    """The frames that one reference of a consumer takes of its producer.

    Args:
        reference: The component whose frames it takes, and what of each; frames without it, or with None there,
            are passed over.
        timeout: The longest wait for a frame once the producer has given one, in seconds; None for no limit.
        pauses: Time that does not count.
    """

    def __init__(self, reference: Reference, timeout: float | None, clock: PausableClock) -> None:
        self.producer: str = reference.name
        self.name: str = ".".join(map(str, reference.path))
        self._reference = reference
        self._timeout = timeout
        self._clock = clock
        self._has_begun = False
        self._items: deque[Any] = deque()
        self._changed = asyncio.Event()
        self._is_closed = False
        self.taken: list[Any] = []
        """What was taken, in order."""

    def put(self, frame: Any) -> None:
        """One more frame."""
        self._has_begun = True
        item = self._reference.find(lambda name: frame if name == self.producer else MISSING)
        if item is not MISSING and item is not None:
            self._items.append(deep_copy(item))
            self.taken.append(item)
            self._changed.set()

    def close(self) -> None:
        """No more frames come."""
        self._is_closed = True
        self._changed.set()

    async def items(self) -> AsyncIterator[Any]:
        """Yield what was taken, in order, until the producer has ended.

        Raises:
            TimeoutError: Nothing came for too long.
        """
        while True:
            while self._items:
                yield self._items.popleft()
            if self._is_closed:
                return
            self._changed.clear()
            await self._wait()

    async def _wait(self) -> None:
        if self._timeout is None or not self._has_begun:
            await self._changed.wait()
            return
        changed = asyncio.ensure_future(self._changed.wait())
        try:
            if not await wait_any([changed], self._timeout, self._clock):
                raise TimeoutError(f"no further frame of [{self.producer}] within {self._timeout:g} s")
        finally:
            changed.cancel()


class ConsumerTask:
    """One execution of what a component does with frames, fed while its producers run.

    Args:
        id: The component.
        feeds: What its inputs are made of.
        work: What it does, by ability; it begins at once.
    """

    def __init__(self, id: str, queues: list[FrameQueue], work: Mapping[Any, Coroutine[Any, Any, Any]]) -> None:
        self._feeds = queues
        self.closed: set[str] = set()
        context = _context_of(id)
        self.tasks: dict[Any, asyncio.Task[Any]] = {
            ability: asyncio.create_task(coroutine, context=context) for ability, coroutine in work.items()
        }

    def put(self, producer: str, frame: Any) -> None:
        """A frame of a producer."""
        for queue in self._feeds:
            if queue.producer == producer:
                queue.put(frame)

    def close(self, producers: Iterable[str]) -> None:
        """These producers have ended."""
        self.closed.update(producers)
        for queue in self._feeds:
            if queue.producer in self.closed:
                queue.close()

    def taken(self) -> list[dict[str, Any]]:
        """Return what was taken, queue by queue: `{reference: item}`."""
        return [{queue.name: item} for queue in self._feeds for item in queue.taken]

    async def cancel(self) -> None:
        """Stop what is still running, and wait until it has wound up."""
        await cancel_and_wait(*self.tasks.values())


def _context_of(id: str) -> Context:
    """The context for a component's work beside its producer: what it runs is its own, for callbacks and streams."""
    context = copy_context()
    config = current_config(context)
    if config is not None:
        metadata = {**config.get("metadata", {}), "langgraph_node": id}
        own: RunnableConfig = {**config, "metadata": metadata}
        if isinstance(callbacks := config.get("callbacks"), BaseCallbackManager):
            own["callbacks"] = callbacks = callbacks.copy()
            callbacks.add_metadata({"langgraph_node": id})
        set_config(context, own)
    return context


STREAMS_KEY = "__jlg_streams"


class Streams:
    """The consumers that have started on frames in one run of one graph, until their own superstep.

    It travels in the config of the run, as the scope does.
    """

    def __init__(self) -> None:
        self._started: dict[str, Any] = {}
        self._blocked: set[str] = set()
        self.running: set[str] = set()
        """The producers that run now."""

    def block(self, id: str) -> None:
        """Let a component begin on frames no more, since a producer of its stopped in the middle."""
        self._blocked.add(id)

    def state_of(self, id: str, producer: str | None = None) -> ConsumerState:
        """Return where a consumer stands, for its own turn or for a frame of a producer."""
        if producer is not None and id in self._blocked:
            return ConsumerState.BLOCKED
        started = self._started.get(id)
        if started is None:
            return ConsumerState.ABSENT
        is_outdated = producer is not None and producer in started.distribution.closed
        return ConsumerState.OUTDATED if is_outdated else ConsumerState.STARTED

    def get(self, id: str) -> Any:
        """Return what a consumer has started; None if nothing."""
        return self._started.get(id)

    def begin(self, id: str, started: Any) -> None:
        """Register what a component begins."""
        self._started[id] = started

    def take(self, id: str) -> Any:
        """Take out what a consumer has started, for its own superstep; None if nothing."""
        return self._started.pop(id, None)

    async def cancel(self) -> None:
        """Stop everything whose turn did not come."""
        self._blocked.clear()
        try:
            while self._started:
                await self._started.popitem()[1].cancel()
        except asyncio.CancelledError:
            await self.cancel()  # what is left, too, however often the caller is cancelled
            raise


def streams_of(config: Mapping[str, Any]) -> Streams:
    """The streams of the run that a node belongs to; a run of somebody else's graph shares none."""
    found: Streams | None = config["configurable"].get(STREAMS_KEY)
    return Streams() if found is None else found


def recorded(frames: Mapping[str, Any], consumer: str, producers: Iterable[str]) -> dict[str, list[Any]]:
    """The frames in the state that a consumer has not dealt with yet, by producer."""
    taken = frames.get(f"{TAKEN}{consumer}", {})
    return {
        producer: frames[producer]["items"]
        for producer in producers
        if producer in frames and frames[producer]["number"] > taken.get(producer, 0)
    }


def taken(
    frames: Mapping[str, Any], consumer: str, producers: Iterable[str], early: Container[str] = ()
) -> dict[str, Any]:
    """The write that says that a consumer has dealt with what its producers gave so far.

    Args:
        early: The producers that ran in the same superstep: their frames come into the state with this write.
    """
    numbers = {p: frames.get(p, {}).get("number", 0) + (p in early) for p in producers}
    return {f"{TAKEN}{consumer}": {p: number for p, number in numbers.items() if number}}


def batch_names(schema: Schema | None, producers: Iterable[str]) -> set[str]:
    """The names that a schema of frames refers to and that give no frames."""
    return set() if schema is None else {r.name for r in references(schema)} - set(producers)


def inputs_of(
    schema: Schema | None, producers: set[str], read: Reader, queue: Callable[[Reference], AsyncIterator[Any]]
) -> dict[str, Any]:
    """Return the inputs of `collect` and `transform`: generators in place of references to producers.

    Other references give their value; constants that are false are left out (`engine.md` 7.3).
    """

    def resolve(part: Schema) -> Any:
        if isinstance(part, Fields):
            return {key: value for key, item in part.items if (value := resolve(item)) is not MISSING}
        if isinstance(part, Items):
            return [value for item in part.items if (value := resolve(item)) is not MISSING]
        if isinstance(part, Reference) and part.name in producers:
            return queue(part)
        value = part.resolve(read)
        return MISSING if isinstance(part, Literal) and not value else value

    found: dict[str, Any] = {} if schema is None else resolve(schema)
    return found
