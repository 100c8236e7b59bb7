"""The channels that start nodes: replaced by faster ones, emptied by a new run, dropped when spent.

Relies on LangGraph's names of these channels and on the attributes `typ`, `guard`, `names` and `seen` of its classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self, TypeVar

from langgraph.channels.ephemeral_value import EphemeralValue
from langgraph.channels.named_barrier_value import NamedBarrierValue
from langgraph.checkpoint.base import Checkpoint

_TRIGGER = "branch:to:"
"""How LangGraph names the channel that starts a node."""

_JOIN = "join:"
"""How it names the channel that starts one when several others have finished."""

_Trigger = TypeVar("_Trigger", bound="Trigger")


class Trigger(EphemeralValue[Any]):
    """A channel that starts a node. Each superstep asks each trigger of the graph whether it is set.

    So that question is answered without running Python: by a built-in function that says no or yes.
    """

    __slots__ = ("is_available",)

    is_available: Callable[[], bool]

    def __init__(self, typ: Any, guard: bool = True) -> None:
        super().__init__(typ, guard)
        self.is_available = bool

    def copy(self) -> Self:
        """LangGraph's `copy`."""
        return self._asked(super().copy())

    def from_checkpoint(self, checkpoint: Any) -> Self:
        """LangGraph's `from_checkpoint`."""
        return self._asked(super().from_checkpoint(checkpoint))

    def update(self, values: Sequence[Any]) -> bool:
        """LangGraph's `update`."""
        has_changed = super().update(values)
        self._asked(self)
        return has_changed

    @staticmethod
    def _asked(trigger: _Trigger) -> _Trigger:
        trigger.is_available = True.__bool__ if EphemeralValue.is_available(trigger) else bool
        return trigger


RESET = "__reset__"


class Join(NamedBarrierValue[str]):
    """A barrier that a new run empties (LangGraph's own keeps what the last run left)."""

    __slots__ = ()

    def update(self, values: Sequence[str]) -> bool:
        """Forget what was seen on `RESET`, then count the sources that finished."""
        if RESET not in values:
            return super().update(values)
        had_seen = bool(self.seen)
        self.seen: set[str] = set()
        return super().update([value for value in values if value != RESET]) or had_seen


def is_trigger(channel: str) -> bool:
    """Whether a channel does nothing but start nodes."""
    return channel.startswith((_TRIGGER, _JOIN))


def is_join(channel: str) -> bool:
    """Whether a channel starts a node when several others have finished."""
    return channel.startswith(_JOIN)


def replace_triggers(channels: dict[str, Any]) -> list[str]:
    """Replace the channels that start nodes by ours; the names of the joins."""
    for name, channel in channels.items():
        if name.startswith(_TRIGGER) and type(channel) is EphemeralValue:
            channels[name] = Trigger(channel.typ, channel.guard)
        elif name.startswith(_JOIN):
            channels[name] = Join(channel.typ, channel.names)
        channels[name].key = channel.key
    return [name for name in channels if name.startswith(_JOIN)]


def without_spent_triggers(checkpoint: Checkpoint) -> Checkpoint:
    """A checkpoint without what it says of triggers that have done their work before the last superstep.

    LangGraph keeps the version of each node's trigger, and which one the node has seen, for ever: 140
    bytes a node in every checkpoint. A trigger without a value starts nothing, and the next value gets
    a version of its own. Those of the last superstep stay: `update_state` reads from them who ran.
    """
    values, versions = checkpoint["channel_values"], checkpoint["channel_versions"]
    newest = max(versions.values(), default=None)
    kept = {
        name: version
        for name, version in versions.items()
        if version == newest or name in values or not name.startswith(_TRIGGER)
    }
    if len(kept) == len(versions):
        return checkpoint
    seen = {
        node: {name: version for name, version in of_node.items() if name in kept}
        for node, of_node in checkpoint["versions_seen"].items()
        if not kept.keys().isdisjoint(of_node)
    }
    return {**checkpoint, "channel_versions": kept, "versions_seen": seen}
