"""The sink of a run's frames: the reader of `stream()`, or the result."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from jiuwen_lg.output import INTERACTION, BaseStreamMode, OutputSchema, WorkflowChunk


@dataclass(slots=True)
class RunSink:
    """The frames of one run.

    Attributes:
        emit: Takes a frame for the reader.
        modes: The kinds of frames that are read.
        collect_end_frame: Takes a frame of an End that is not read, for the result.
        counts: How many frames each unfinished End has given, by ability.
        delivered: The counts when the run stopped last; these frames are not emitted again.
    """

    emit: Callable[[WorkflowChunk], Awaitable[None]]
    modes: frozenset[BaseStreamMode] = frozenset(BaseStreamMode)
    collect_end_frame: Callable[[WorkflowChunk], None] = lambda _: None
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    delivered: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    async def emit_end_frame(self, id: str, ability: str, index: int, frame: WorkflowChunk) -> None:
        """Emit a frame of an End, unless the reader got it in an earlier turn."""
        if BaseStreamMode.OUTPUT not in self.modes:
            self.collect_end_frame(frame)
            return
        self.counts.setdefault(id, {})[ability] = index + 1
        if index >= self.delivered.get(id, {}).get(ability, 0):
            await self.emit(frame)

    def without_questions(self) -> RunSink:
        """Return the sink of a run inside a component: its questions are the component's to ask."""

        async def emit(chunk: WorkflowChunk) -> None:
            if not (isinstance(chunk, OutputSchema) and chunk.type == INTERACTION):
                await self.emit(chunk)

        return RunSink(emit, self.modes)
