"""The way of a component's frames: out of it, to whoever takes them.

Facts: openJiuwen 0.1.1, `engine.md` 7.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from typing import Any

from jiuwen_lg.config import ComponentAbility
from jiuwen_lg.engine.graph.definition import ComponentSpec
from jiuwen_lg.engine.runtime.component_runtime import ComponentRuntime
from jiuwen_lg.errors import StatusCode
from jiuwen_lg.output import CustomSchema, OutputSchema
from jiuwen_lg.schema.reference import of_mapping
from jiuwen_lg.schema.values import deep_copy, maybe_await, normalize

END_FRAME = "end node stream"
"""The type of the frames that an End gives."""


class FrameSink:
    """The sink of the frames of one execution of a component.

    Args:
        spec: The component.
        runtime: Its runtime.
        hand_on: Gives a frame to the components that take it; None if nobody may ask for its frames.

    Attributes:
        frames: Those that are kept, for whoever takes them later.
        given: All of them, where traces tell them.
        count: How many have gone.
    """

    def __init__(
        self, spec: ComponentSpec, runtime: ComponentRuntime, hand_on: Callable[[Any], Awaitable[None]] | None
    ) -> None:
        self.runtime = runtime
        self.frames: list[Any] = []
        self.given: list[Any] = []
        self.count: int = 0
        self._loop = asyncio.get_running_loop()
        self._spec = spec
        self._hand_on = hand_on
        self._is_shaped = spec.stream_io.outputs_transformer is not None or spec.stream_outputs is not None
        self._indices: dict[ComponentAbility, int] = {}

    def of(self, ability: ComponentAbility) -> Callable[[Any], Awaitable[None]]:
        """A function that sends one frame of an ability."""
        context = copy_context()

        async def send(item: Any) -> None:
            if asyncio.get_running_loop() is self._loop:
                await self.send(ability, item)
            else:  # the graph inside runs in a loop of its own, for a synchronous caller
                sending = context.copy().run(asyncio.run_coroutine_threadsafe, self.send(ability, item), self._loop)
                await asyncio.wrap_future(sending)

        return send

    async def send(self, ability: ComponentAbility, item: Any) -> None:
        """Hand one frame to everybody who takes it."""
        if self._is_shaped:
            item = await self._shaped(item)
        self.count += 1
        is_exit, tracer = self._spec.is_exit, self.runtime.run_context.tracer
        has_details = tracer is not None and tracer.has_details
        if is_exit or has_details:  # what is kept is a copy by itself
            item = deep_copy(item)
        if has_details:
            self.given.append(item)
        if is_exit:
            await self.show(ability, item)
        if self._hand_on is not None:
            frame = normalize(item.payload if is_exit and isinstance(item, OutputSchema) else item)
            self.frames.append(frame)
            await self._hand_on(frame)

    async def _shaped(self, item: Any) -> Any:
        """A frame as the component's schema or transformer makes it."""
        if transformer := self._spec.stream_io.outputs_transformer:
            return await maybe_await(transformer(item))
        schema = self._spec.stream_outputs
        return item if schema is None else schema.resolve(of_mapping(item))

    async def show(self, ability: ComponentAbility, item: Any) -> None:
        """A frame of an End: to the reader of the stream, or to the component that is this workflow."""
        index = self._indices[ability] = self._indices.get(ability, -1) + 1
        if isinstance(item, CustomSchema):
            raise StatusCode.STREAM_WRITER_WRITE_SCHEMA_FAILED.error(reason="an End gives no CustomSchema")
        frame = item if isinstance(item, OutputSchema) else OutputSchema(type=END_FRAME, index=index, payload=item)
        parent = self.runtime.parent
        if parent is not None:
            if parent.frame_sink is not None:
                await parent.frame_sink(normalize(frame.payload))
            return
        await self.runtime.run_context.sink.emit_end_frame(self._spec.id, ability.ability_name, index, frame)
