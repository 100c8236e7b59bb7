"""Every form in which LangGraph shows interrupts to the caller of a graph.

Chunks of streams (versions v1 and v2, with namespaces or without), debug and task payloads, results and state
snapshots. Only what has exactly LangGraph's shape is changed: the values of users are passed through.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from langgraph.types import GraphOutput, Interrupt, PregelTask, StateSnapshot

from jiuwen_lg.engine.pregel.keys import INTERRUPT

Change: TypeAlias = Callable[[Interrupt], Interrupt]
"""Returns an interrupt as the caller may see it."""

_PART = {"type", "ns", "data"}
_DEBUG = {"step", "timestamp", "type", "payload"}
_TASK_RESULT = {"id", "name", "error", "interrupts", "result"}
_CHECKPOINT = {"config", "metadata", "values", "next", "tasks"}


def map_chunk(chunk: Any, change: Change) -> Any:
    """Return a chunk of `stream` with its interrupts changed, or a result of `invoke`."""
    if isinstance(chunk, GraphOutput):
        return GraphOutput(chunk.value, _map_all(chunk.interrupts, change))
    if isinstance(chunk, tuple) and chunk:  # v1: a namespace, a mode or both stand before the payload
        return (*chunk[:-1], map_chunk(chunk[-1], change))
    if not isinstance(chunk, dict):
        return chunk
    if chunk.keys() >= _PART and chunk.keys() <= _PART | {"interrupts"}:
        changed = {**chunk, "data": _map_payload(chunk["data"], change)}
        return {**changed, "interrupts": _map_all(chunk["interrupts"], change)} if "interrupts" in chunk else changed
    return _map_payload(chunk, change)


def map_snapshot(snapshot: StateSnapshot, change: Change) -> StateSnapshot:
    """Return a state with its interrupts changed, those of the graphs inside it too."""
    tasks = tuple(_map_task(task, change) for task in snapshot.tasks)
    return snapshot._replace(tasks=tasks, interrupts=_map_all(snapshot.interrupts, change))


def _map_task(task: PregelTask, change: Change) -> PregelTask:
    state = map_snapshot(task.state, change) if isinstance(task.state, StateSnapshot) else task.state
    return task._replace(interrupts=_map_all(task.interrupts, change), state=state)


def _map_payload(payload: Any, change: Change) -> Any:
    if not isinstance(payload, dict):
        return payload
    keys = payload.keys()
    if INTERRUPT in keys:
        return {**payload, INTERRUPT: _map_all(payload[INTERRUPT], change)}
    if keys == _DEBUG:
        return {**payload, "payload": _map_payload(payload["payload"], change)}
    if keys == _TASK_RESULT:
        return {**payload, "interrupts": _map_all(payload["interrupts"], change)}
    if keys >= _CHECKPOINT:
        return {**payload, "tasks": [_map_checkpoint_task(task, change) for task in payload["tasks"]]}
    return payload


def _map_checkpoint_task(task: Any, change: Change) -> Any:
    if not isinstance(task, dict) or "interrupts" not in task:
        return task
    changed = {**task, "interrupts": _map_all(task["interrupts"], change)}
    if isinstance(state := task.get("state"), StateSnapshot):
        changed["state"] = map_snapshot(state, change)
    elif isinstance(state, dict):
        changed["state"] = _map_payload(state, change)
    return changed


def _map_all(interrupts: Any, change: Change) -> Any:
    if not isinstance(interrupts, (tuple, list)):
        return interrupts
    changed: Sequence[Any] = [_map_one(interrupt, change) for interrupt in interrupts]
    return type(interrupts)(changed)


def _map_one(interrupt: Any, change: Change) -> Any:
    if isinstance(interrupt, Interrupt):
        return change(interrupt)
    if isinstance(interrupt, Mapping) and interrupt.keys() >= {"value", "id"}:  # in debug payloads, as a dict
        return {**interrupt, "value": change(Interrupt(interrupt["value"], interrupt["id"])).value}
    return interrupt
