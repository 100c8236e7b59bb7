"""The checkpoints of an unfinished run, read once: the graph's state and those of the graphs inside its tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langgraph.types import StateSnapshot

from jiuwen_lg.engine.compiled_workflow import CompiledWorkflow
from jiuwen_lg.engine.pregel.keys import namespace_below
from jiuwen_lg.engine.runtime.interrupts import PausedTask, is_finished, paused_tasks
from jiuwen_lg.engine.storage.saver import FencedSaver


@dataclass(frozen=True, slots=True)
class ReadTask:
    """A task of the superstep at which a graph stopped.

    Attributes:
        id: LangGraph's task id.
        name: The node.
        is_finished: Whether its writes are stored.
        paused: The questions that it asked; None if it asked none.
        inside: The graph that it runs; None if it runs none, or has not begun it.
    """

    id: str
    name: str
    is_finished: bool
    paused: PausedTask | None = None
    inside: ReadGraph | None = None


@dataclass(frozen=True, slots=True)
class ReadGraph:
    """A graph as its latest checkpoint has it.

    Attributes:
        values: The state, by channel.
        tasks: The tasks of the superstep at which it stopped.
        has_next: Whether anything of it is left to run.
        has_begun: Whether there is a checkpoint at all.
        checkpoint_ids: The latest checkpoint and the one before it.
    """

    values: Mapping[str, Any]
    tasks: Sequence[ReadTask] = ()
    has_next: bool = False
    has_begun: bool = True
    checkpoint_ids: tuple[str, str] = ("", "")


async def read_graph(compiled: CompiledWorkflow, saver: FencedSaver, thread_id: str) -> ReadGraph:
    """Read the latest checkpoint of a thread, and those of the graphs inside its open tasks."""
    config: Any = {"configurable": {"thread_id": thread_id}}
    snapshot = await compiled.graph(saver).aget_state(config, subgraphs=compiled.has_subgraphs)
    return await _read(saver, snapshot, thread_id, "")


async def _read(saver: FencedSaver, snapshot: StateSnapshot, thread_id: str, namespace: str) -> ReadGraph:
    saved = await saver.aget_tuple({"configurable": {"thread_id": thread_id, "checkpoint_ns": namespace}})
    writes = (saved.pending_writes if saved else None) or []
    paused = paused_tasks(writes)
    tasks = []
    for task in snapshot.tasks:
        if is_finished(task.id, writes):
            tasks.append(ReadTask(task.id, task.name, is_finished=True))
            continue
        inside = None
        if isinstance(task.state, StateSnapshot):
            inside = await _read(saver, task.state, thread_id, namespace_below(namespace, task.name, task.id))
        tasks.append(ReadTask(task.id, task.name, is_finished=False, paused=paused.get(task.id), inside=inside))
    ids = (_checkpoint_id(snapshot.config), _checkpoint_id(snapshot.parent_config))
    return ReadGraph(snapshot.values, tasks, bool(snapshot.next), snapshot.created_at is not None, ids)


def _checkpoint_id(config: Any) -> str:
    return str((config or {}).get("configurable", {}).get("checkpoint_id", ""))
