"""One superstep of a component with streams: its abilities, the frames that it takes and gives.

Facts: openJiuwen 0.1.1, `engine.md` 7.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from langgraph.errors import GraphInterrupt

from jiuwen_lg.config import ComponentAbility
from jiuwen_lg.constants import COMP_STREAM_CALL_TIMEOUT_KEY, STREAM_INPUT_GEN_TIMEOUT_KEY
from jiuwen_lg.engine.concurrency.pausable_clock import wait_any
from jiuwen_lg.engine.execution.consumer_state import ConsumerState, OnFrame, OnTurn, on_frame, on_turn
from jiuwen_lg.engine.execution.stream_input import (
    ConsumerTask,
    FrameQueue,
    Streams,
    batch_names,
    inputs_of,
    recorded,
    taken,
)
from jiuwen_lg.engine.execution.stream_output import FrameSink
from jiuwen_lg.engine.graph.abilities import GIVES_FRAMES, TAKES_FRAMES, streaming_end
from jiuwen_lg.engine.graph.definition import ComponentSpec
from jiuwen_lg.engine.runtime.component_runtime import ComponentRuntime
from jiuwen_lg.environment import seconds
from jiuwen_lg.errors import StatusCode
from jiuwen_lg.schema.reference import Reference
from jiuwen_lg.schema.values import merge, normalize

Batch: TypeAlias = Callable[[Any], Awaitable[Any]]
"""Runs a component's `invoke`, or the graph that it is, on its inputs."""


@dataclass(slots=True)
class NodeResult:
    """The result of a superstep: the output, if there is one, and the frames in order.

    Attributes:
        early: The producers that ran at the same time.
        is_idle: Whether there was nothing to do.
    """

    output: Any = None
    frames: list[Any] = field(default_factory=list)
    has_output: bool = True
    early: frozenset[str] | set[str] = frozenset()
    is_idle: bool = False


class StreamingNode:
    """A component among others, with whom it exchanges frames.

    Args:
        spec: The component.
        abilities: What it runs, in order.
        producers: The components whose frames it takes.
        ids: All components of its graph.
        repeating: Those that may run more than once (in a round, if it is a loop's).
    """

    def __init__(
        self,
        spec: ComponentSpec,
        abilities: tuple[ComponentAbility, ...],
        producers: tuple[str, ...],
        ids: frozenset[str],
        repeating: frozenset[str],
    ) -> None:
        self.id: str = spec.id
        self.spec = spec
        self.producers: set[str] = set(producers)
        self.consumers: list[StreamingNode] = []
        self._ids = ids
        self._repeating = repeating
        self._is_workflow = spec.nested is not None and spec.nested.rounds is None
        self._gives_inner_frames = spec.nested is not None and streaming_end(spec.nested.definition) is not None
        self._fed = [ability for ability in abilities if ability in TAKES_FRAMES]
        self._batch = [ability for ability in abilities if ability not in TAKES_FRAMES]
        if self._fed and getattr(spec.executable, "joins_halves", False):
            self._batch = []  # one template over both: the half that takes frames reads the batch inputs itself
        self._gives_frames = not GIVES_FRAMES.isdisjoint(abilities)
        self._has_output = not {ComponentAbility.INVOKE, ComponentAbility.COLLECT}.isdisjoint(abilities)

    @property
    def is_plain(self) -> bool:
        """Whether it does nothing but `invoke`."""
        return self._batch == [ComponentAbility.INVOKE] and not self._fed

    # --- its turn ---

    async def perform(
        self, runtime: ComponentRuntime, streams: Streams, inputs: Callable[[], Awaitable[Any]], invoke: Batch
    ) -> NodeResult:
        """Run what it runs on batch inputs, and join what it does with frames.

        Raises:
            JiuWenBaseException: 193005, it got no frames; 193003, it took too long.
        """
        streams.running.add(self.id)
        early = self.producers & streams.running  # a router may lead here while producers run
        try:
            given = await inputs()
            if not self._batch and self._has_taken_all(runtime, early):
                return NodeResult(has_output=False, is_idle=True)
            done = await self._run(runtime, streams, given, invoke, early)
        except BaseException:
            await self.abandon(streams)
            raise
        finally:
            streams.running.discard(self.id)
        for consumer in self.consumers:
            if (following := streams.get(consumer.id)) is not None:
                following.distribution.close({self.id})
        if runtime.parent is None:
            runtime.run_context.sink.counts.pop(self.id, None)
        return done

    async def _run(
        self, runtime: ComponentRuntime, streams: Streams, given: Any, invoke: Batch, early: set[str]
    ) -> NodeResult:
        """Run all abilities, with or without frames that come."""
        consumer_task = self._consumer_of_turn(runtime, streams, early)
        if consumer_task is None:
            frame_sink = self._frame_sink(runtime, streams)
            output = await self._run_batch(runtime, frame_sink, given, invoke)
            self._trace(runtime, [], frame_sink.given)
            return NodeResult(output, frame_sink.frames, self._has_output)
        frame_sink = consumer_task.frame_sink
        try:
            await consumer_task.join(runtime, given, self.producers - streams.running)
            output = await self._run_batch(runtime, frame_sink, given, invoke)
            output = _both(await self._joined(runtime, consumer_task), output)
        finally:
            streams.take(self.id)
            self._trace(runtime, consumer_task.distribution.taken(), frame_sink.given)
            await consumer_task.cancel()
        return NodeResult(output, frame_sink.frames, self._has_output, early=early)

    def _trace(self, runtime: ComponentRuntime, taken_in: list[Any], given: list[Any]) -> None:
        if runtime.span is not None:
            runtime.span.exchanged(taken_in, given)

    async def abandon(self, streams: Streams) -> None:
        """Discard frames of an execution that did not finish: consumers that started on them start anew, later."""
        for consumer in self.consumers:
            streams.block(consumer.id)
            started: _Started | None = streams.take(consumer.id)
            if started is not None:
                await started.cancel()
                await consumer.abandon(streams)

    async def fall_back(self, runtime: ComponentRuntime, output: Any) -> NodeResult:
        """Give a fallback as the only frame: to the reader, if it is an End's, and to those who take frames.

        What they began on earlier frames was abandoned with the failure.
        """
        if not self._gives_frames or output is None:
            return NodeResult(output)
        frame_sink = FrameSink(self.spec, runtime, None)
        if self.spec.is_exit:
            await frame_sink.show(ComponentAbility.STREAM, output)
        if runtime.parent is None:
            runtime.run_context.sink.counts.pop(self.id, None)
        return NodeResult(output, [normalize(output)])

    def update(self, done: NodeResult, runtime: ComponentRuntime) -> dict[str, Any]:
        """Return what a superstep adds to the frames in the state."""
        if done.is_idle:
            return {}
        frames: dict[str, Any] = {}
        if self.keeps_frames:
            frames[self.id] = done.frames
        if self._fed:
            frames |= taken(runtime.view.frames, self.id, self.producers, done.early)
        return {"frames": frames} if frames else {}

    @property
    def keeps_frames(self) -> bool:
        """Whether somebody may ask for its frames later."""
        return self._gives_frames and (bool(self.consumers) or self.spec.is_exit)

    async def _run_batch(self, runtime: ComponentRuntime, frame_sink: FrameSink, given: Any, invoke: Batch) -> Any:
        if self._batch and self._is_workflow:
            return await self._run_inside(runtime, frame_sink, given, invoke)
        output = None
        for ability in self._batch:
            runtime.ability = ability.ability_name
            if ability is ComponentAbility.INVOKE:
                output = await invoke(given)
            else:
                async for item in self.spec.executable.stream(given, runtime, runtime.run_context.context):
                    await frame_sink.send(ability, item)
        return output

    async def _run_inside(self, runtime: ComponentRuntime, frame_sink: FrameSink, given: Any, invoke: Batch) -> Any:
        """Run a sub-workflow once, for all that is asked of it."""
        if ComponentAbility.STREAM not in self._batch:
            return await invoke(given)
        runtime.ability = ComponentAbility.STREAM.ability_name
        runtime.frame_sink = frame_sink.of(ComponentAbility.STREAM)
        output = await invoke(given)
        if not frame_sink.count:  # nothing came while it ran: its End is a batch one, or ended in an earlier turn
            for item in output["stream"] if self._gives_inner_frames else [output]:
                await frame_sink.send(ComponentAbility.STREAM, item)
        return output

    async def _joined(self, runtime: ComponentRuntime, consumer_task: _Started) -> Any:
        """Return the output of the abilities that take frames; their changes of state become the superstep's."""
        limit = seconds(runtime.run_context.envs.get(COMP_STREAM_CALL_TIMEOUT_KEY))
        output = None
        for ability, task in consumer_task.distribution.tasks.items():
            runtime.ability = ability.ability_name
            if not await wait_any([task], limit, runtime.run_context.clock):
                raise StatusCode.STREAM_FRAME_TIMEOUT_FAILED.error(timeout=f"{limit:g}")
            output = _both(output, task.result())
        runtime.merge_updates(consumer_task.runtime)
        return output

    # --- frames that come ---

    def _has_taken_all(self, runtime: ComponentRuntime, early: set[str]) -> bool:
        """Whether it has dealt, in an earlier turn, with all that its producers have given."""
        frames = runtime.view.frames
        given = [p for p in self.producers if p in frames]
        return bool(given) and not early and not recorded(frames, self.id, self.producers)

    def _consumer_of_turn(self, runtime: ComponentRuntime, streams: Streams, early: set[str]) -> _Started | None:
        """Return what has started on frames, or starts now with the recorded ones; None if it takes none."""
        if not self._fed:
            return None
        unread = recorded(runtime.view.frames, self.id, self._of_this_round(runtime))
        needs_frames = not getattr(self.spec.executable, "runs_without_frames", False)
        todo = on_turn(
            streams.state_of(self.id),
            has_running_producers=bool(early),
            has_frames=any(unread.values()),
            needs_frames=needs_frames,
        )
        if todo is OnTurn.REFUSE:
            raise StatusCode.STREAM_NO_INPUT_FAILED.error(node_id=self.id)
        started: _Started | None
        if todo in (OnTurn.SHARE, OnTurn.JOIN):
            started = streams.get(self.id) if todo is OnTurn.SHARE else streams.take(self.id)
            return started
        started = self._begin(runtime, streams, unread)
        if todo is OnTurn.BEGIN_SHARED:
            streams.begin(self.id, started)
        return started

    async def following(self, runtime: ComponentRuntime, streams: Streams, producer: str) -> ConsumerTask | None:
        """Return what takes a frame of a producer that runs now; None if the frame is only recorded."""
        if not self._fed:
            return None
        state = streams.state_of(self.id, producer)
        todo = on_frame(state, is_ready=self._is_ready(runtime, state), is_stepwise=runtime.run_context.is_stepwise)
        if todo is OnFrame.RECORD:
            return None
        if todo is OnFrame.RESTART and (outdated := streams.take(self.id)) is not None:
            await outdated.cancel()
        if todo is not OnFrame.DELIVER:
            unread = recorded(runtime.view.frames, self.id, self._of_this_round(runtime) - {producer})
            streams.begin(self.id, self._begin(runtime, streams, unread))
        started: _Started | None = streams.get(self.id)
        return started.distribution if started is not None else None

    def _is_ready(self, runtime: ComponentRuntime, state: ConsumerState) -> bool:
        """Whether the batch values that it refers to are there, for a consumer that would begin now."""
        if state is ConsumerState.STARTED:
            return True
        names = batch_names(self.spec.stream_inputs, self.producers)
        return all(self._is_there(name, runtime) for name in names if name in self._ids)

    def _of_this_round(self, runtime: ComponentRuntime) -> set[str]:
        """The producers whose frames in the state count: in a loop, those that have run in this round."""
        return self.producers if runtime.view.ran is None else self.producers & runtime.view.ran

    def _is_there(self, name: str, runtime: ComponentRuntime) -> bool:
        """Whether a component's output is there and will stay what it is until the consumer's turn."""
        return name in runtime.view.finished and name not in self._repeating

    def _begin(self, for_consumer: ComponentRuntime, streams: Streams, kept: Mapping[str, list[Any]]) -> _Started:
        """Start on frames, beside the execution of a producer (or in the own turn)."""
        runtime = for_consumer.for_consumer(self.id)
        wait = seconds(runtime.run_context.envs.get(STREAM_INPUT_GEN_TIMEOUT_KEY))
        queues: list[FrameQueue] = []

        def queue(reference: Reference) -> AsyncIterator[Any]:
            queues.append(FrameQueue(reference, wait, runtime.run_context.clock))
            return queues[-1].items()

        frame_sink = self._frame_sink(runtime, streams)
        work = {
            ability: self._work(
                ability, frame_sink, inputs_of(self.spec.stream_inputs, self.producers, runtime.view.read, queue)
            )
            for ability in self._fed
        }
        started = _Started(ConsumerTask(self.id, queues, work), frame_sink, runtime)
        runtime.batch_inputs = started.batch
        for producer, frames in kept.items():
            for frame in frames:
                started.distribution.put(producer, frame)
        started.distribution.close(kept)
        return started

    def _frame_sink(self, runtime: ComponentRuntime, streams: Streams) -> FrameSink:
        """The way for the frames of one execution, to its consumers and into the state."""

        async def hand_on(frame: Any) -> None:
            for consumer in self.consumers:
                if (consumer_task := await consumer.following(runtime, streams, self.id)) is not None:
                    consumer_task.put(self.id, frame)

        return FrameSink(self.spec, runtime, hand_on if self.keeps_frames else None)

    async def _work(self, ability: ComponentAbility, frame_sink: FrameSink, inputs: Any) -> Any:
        runtime, executable = frame_sink.runtime, self.spec.executable
        context = runtime.run_context.context
        try:
            if ability is ComponentAbility.COLLECT:
                return await executable.collect(inputs, runtime, context)
            async for item in executable.transform(inputs, runtime, context):
                await frame_sink.send(ability, item)
        except GraphInterrupt as error:  # LangGraph's own interrupt() would be taken for the producer's
            raise StatusCode.INTERACTIVE_NOT_SUPPORT_STREAM_ERROR.error() from error
        return None


@dataclass(slots=True)
class _Started:
    """The work of a consumer on frames, once started.

    Attributes:
        feeding: The way for frames into it.
        outlet: The way for its own.
        runtime: Its runtime; what it changes counts from its turn on.
        batch: Its batch inputs, known in its turn.
    """

    distribution: ConsumerTask
    frame_sink: FrameSink
    runtime: ComponentRuntime
    batch: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    async def join(self, turn: ComponentRuntime, given: Any, ended: set[str]) -> None:
        """The component's own turn has come, with its batch inputs; these producers have ended."""
        if self.runtime.late_span is not None and turn.span is not None:
            await self.runtime.late_span.tell(turn.span)
        self.batch.set_result(given)
        self.distribution.close(ended)

    async def cancel(self) -> None:
        """Stop it."""
        await self.distribution.cancel()


def _both(one: Any, other: Any) -> Any:
    """The outputs of two abilities as one."""
    if one is None or other is None:
        return one if other is None else other
    return merge(one, other)
