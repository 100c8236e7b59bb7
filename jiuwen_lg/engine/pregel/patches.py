"""Changes of a compiled graph that LangGraph offers no option for.

Relies on `writers`, `flat_writers`, `bound`, `subgraphs` and `node` of LangGraph's `PregelNode`, and on the entries of
its `ChannelWrite`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from langgraph.constants import START
from langgraph.pregel._write import ChannelWrite, ChannelWriteEntry, ChannelWriteTupleEntry

from jiuwen_lg.engine.pregel.silent_task import SilentNodeTask, Wait, awaited
from jiuwen_lg.engine.pregel.triggers import is_join, is_trigger

Writes: TypeAlias = Callable[[Any], Sequence[tuple[str, Any]] | None]
"""Makes the writes, by channel, of what a node gives; None for none."""


def write_at_start(graph: Any, writes: Writes) -> None:
    """Add writes to those of a new input: LangGraph's START node runs once for each."""
    graph.nodes[START].writers.append(ChannelWrite((ChannelWriteTupleEntry(mapper=writes),)))


def write_after(node: Any, writes: Writes) -> None:
    """Add writes to those of a node."""
    node.writers.append(ChannelWrite((ChannelWriteTupleEntry(mapper=writes),)))


def change_writes(node: Any, change: Callable[[Any], Any]) -> None:
    """Change the values that a node writes to the channels of the state."""
    writer = node.writers[0]
    updates = writer.writes[0]

    def changed(given: Any) -> Sequence[tuple[str, Any]] | None:
        found = updates.mapper(given)
        return None if found is None else [(channel, change(value)) for channel, value in found]

    writer.writes = (updates._replace(mapper=changed), *writer.writes[1:])


def drop_connections(node: Any, given: type) -> None:
    """Let a node leave its connections alone when it gives an instance of a class."""
    for writer in node.writers:
        if isinstance(writer, ChannelWrite):
            writer.writes = [_unless(given, entry) for entry in writer.writes]


def _unless(given: type, entry: Any) -> Any:
    if not isinstance(entry, ChannelWriteEntry) or not is_trigger(entry.channel):
        return entry
    writes = [(entry.channel, entry.value)]
    return ChannelWriteTupleEntry(mapper=lambda output: None if isinstance(output, given) else writes)


def show_subgraph(node: Any, subgraph: Any) -> None:
    """Put the graph that a node runs where LangGraph looks for it: states, drawings, streams."""
    if subgraph is not None:
        node.subgraphs = [subgraph]


def skip_unobserved_callbacks(node: Any, wait: Wait = awaited, *, is_plain: bool) -> None:
    """Have a node run without callbacks where no handler observes it.

    Args:
        node: The node.
        wait: Waits for a task to its end.
        is_plain: Whether its component only gives an update of the state, unless it fails or asks.
    """
    if len(node.flat_writers) == 1:
        next_channel = _only_connection(node.flat_writers[0]) if is_plain else None
        node.node = SilentNodeTask(node.node, node.bound, node.flat_writers[0], wait, next_channel)


def _only_connection(writer: Any) -> str | None:
    """The channel of a node's only connection, if the rest of its writes are LangGraph's own two."""
    if not isinstance(writer, ChannelWrite) or len(writer.writes) != 3:
        return None
    last: Any = writer.writes[-1]
    if not isinstance(last, ChannelWriteEntry) or last.value is not None or last.mapper is not None:
        return None
    return last.channel if is_trigger(last.channel) and not is_join(last.channel) else None
