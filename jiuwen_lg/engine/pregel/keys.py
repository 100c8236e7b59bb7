"""LangGraph's keys in a node's `configurable` and in a checkpoint's pending writes; none of them has a public name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

RESUMING = "__pregel_resuming"
"""In a `configurable`: whether the task runs again after an interrupt or a failure."""

CHECKPOINTER = "__pregel_checkpointer"
"""In a `configurable`: the saver of the graph that the node belongs to."""

CHECKPOINT_MAP = "checkpoint_map"
"""In a `configurable`: the checkpoint of each graph around, by namespace."""

INTERRUPT = "__interrupt__"
"""The channel of a task's interrupts; also the key under which chunks of a stream show them."""

RESUME = "__resume__"
"""The channel of the answers that a task was resumed with."""

CONTROL = frozenset((INTERRUPT, RESUME, "__error__", "__error_source_node__"))
"""The channels of pending writes that say something of a task and are no output of it."""

_TASK_ID = "__pregel_task_id"
_RUNTIME = "__pregel_runtime"
_STREAM = "__pregel_stream"


def is_nested(config: Mapping[str, Any] | None) -> bool:
    """Whether another graph runs this one as its node."""
    return _TASK_ID in (config or {}).get("configurable", {})


def attempt_of(config: Mapping[str, Any]) -> int:
    """Which attempt of a node a config belongs to, from 1."""
    runtime = config.get("configurable", {}).get(_RUNTIME)
    info = None if runtime is None else runtime.execution_info
    return 1 if info is None else int(info.node_attempt)


def is_streaming_updates(config: Mapping[str, Any]) -> bool:
    """Whether the caller around reads the updates of the graphs inside, too."""
    stream = config.get("configurable", {}).get(_STREAM)
    return stream is not None and "updates" in stream.modes


def is_internal(key: str) -> bool:
    """Whether a key of a `configurable` says where in a graph a node is; a run of its own is in none."""
    return key.startswith(("__", "checkpoint_"))


def namespace_below(namespace: str, name: str, task_id: str) -> str:
    """The checkpoint namespace of a graph that a task of the graph in `namespace` runs."""
    return f"{namespace}|{name}:{task_id}".removeprefix("|")


def namespace_around(namespace: str) -> str:
    """The checkpoint namespace of the graph that a task's namespace belongs to."""
    return namespace.rpartition("|")[0]


def task_id_of(config: Mapping[str, Any]) -> str:
    """The id of the LangGraph task that a node runs in."""
    namespace: str = config["configurable"].get("checkpoint_ns", "")
    return namespace.rpartition(":")[2]
