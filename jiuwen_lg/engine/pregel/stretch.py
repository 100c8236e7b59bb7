"""Straight stretches: plain components that follow each other run in a row, each with its own task id and checkpoint.

LangGraph spends most of a superstep on preparing it (`tick`) and on finishing it (`after_tick`), both for graphs of
any shape. Where exactly one plain task ran and leads to exactly one node, both are known beforehand, and `Stretch`
does the same with less: the same task ids, namespaces, configs, channels, checkpoints and writes. Whatever is not
plain is left to LangGraph as it was before that component, with its outcome, so that nothing runs twice: an exception,
a question, a `Command`, a snapshot that is due, a call of a LangGraph `@task`.

Relies on `AsyncPregelLoop`, on `prepare_single_task` for how a task is made, and on `create_checkpoint` and
`_put_checkpoint` for how a superstep is stored.
"""

from __future__ import annotations

import asyncio
import binascii
import time
import weakref
from collections import deque
from collections.abc import Mapping
from contextvars import copy_context
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from langchain_core.runnables import Runnable, RunnableConfig
from langgraph._internal._config import DELTA_MAX_SUPERSTEPS_SINCE_SNAPSHOT, patch_configurable
from langgraph._internal._constants import (
    CONF,
    CONFIG_KEY_CALL,
    CONFIG_KEY_CHECKPOINT_ID,
    CONFIG_KEY_CHECKPOINT_MAP,
    CONFIG_KEY_CHECKPOINT_NS,
    CONFIG_KEY_READ,
    CONFIG_KEY_RESUMING,
    CONFIG_KEY_RUNTIME,
    CONFIG_KEY_SCRATCHPAD,
    CONFIG_KEY_SEND,
    CONFIG_KEY_TASK_ID,
    NS_END,
    NS_SEP,
    PULL,
)
from langgraph.channels.delta import DeltaChannel
from langgraph.channels.ephemeral_value import EphemeralValue
from langgraph.checkpoint.base.id import uuid6
from langgraph.pregel._algo import PregelTaskWrites, _proc_input, _scratchpad, _xxhash_str, local_read, task_path_str
from langgraph.pregel._checkpoint import copy_checkpoint
from langgraph.pregel._loop import AsyncPregelLoop
from langgraph.pregel._runner import FuturesDict, PregelRunner, _acall, _should_stop_others
from langgraph.runtime import ExecutionInfo, Runtime
from langgraph.types import PregelExecutableTask

from jiuwen_lg.engine.pregel.current_config import set_config
from jiuwen_lg.engine.pregel.silent_task import SilentNodeTask
from jiuwen_lg.engine.pregel.triggers import without_spent_triggers


class Outcome(NamedTuple):
    """The outcome of a component: its output, or the exception that it raised."""

    output: Any = None
    error: BaseException | None = None


class Stretch:
    """Runs plain components in a row.

    Args:
        loop: LangGraph's loop.
        runner: Runs what is not plain.
        is_durable: Whether the next component waits until the checkpoint is stored.
    """

    def __init__(self, loop: AsyncPregelLoop, runner: PregelRunner, *, is_durable: bool) -> None:
        self._loop = loop
        self._runner = runner
        self._is_durable = is_durable
        self._saves = loop.checkpointer is not None
        self._prunes = bool(getattr(loop.checkpointer, "prunes_triggers", False))
        read = {loop.output_keys} if isinstance(loop.output_keys, str) else set(loop.output_keys)
        deltas = {name for name, channel in loop.channels.items() if isinstance(channel, DeltaChannel)}
        self._deltas = deltas
        self._silent = deltas - read
        self._base: _TaskBase | None = None

    async def run(self) -> bool:
        """Run plain tasks in a row, from the one that LangGraph has prepared.

        Returns:
            False if a superstep is left to LangGraph: its tasks are in `loop.tasks`.
        """
        loop, cancelled_before = self._loop, _cancellations()
        task = self._first()
        while task is not None:
            hook = _CallHook(loop, self._runner, task)
            outcome = await _executed(task, hook)
            is_whole = not await hook.is_used() and self._stored(task, outcome)
            if _cancellations() > cancelled_before:  # its component wound up, and gave something all the same
                raise asyncio.CancelledError
            if not is_whole:
                loop.tasks = {
                    **loop.tasks,
                    task.id: replace(task, proc=_Replay(outcome, _silent_task(loop.nodes[task.name]))),
                }
                return False
            if self._is_durable and self._saves:
                await self._saved()
            following = self._following(task)
            if following is None:
                return True
            loop.tasks = {following.id: following}
            task = following
        return False

    async def _saved(self) -> None:
        saving: Any = self._loop._put_checkpoint_fut
        await saving

    def _first(self) -> PregelExecutableTask | None:
        """The task that LangGraph has prepared, if it is plain and the only thing to do."""
        loop = self._loop
        if len(loop.tasks) != 1 or loop.checkpoint_pending_writes or loop.is_replaying or loop.checkpoint["v"] <= 1:
            return None
        if CONFIG_KEY_RESUMING in loop.config[CONF] or loop._resume_loaded_writes:
            return None
        if self._saves and (loop.durability == "exit" or loop._delta_channels_forced_snapshot):
            return None
        (task,) = loop.tasks.values()
        if task.writes or not _is_plain(loop, loop.nodes[task.name]):
            return None
        silent = self._deltas | {task.triggers[0]}
        if any(channel.is_available() for name, channel in loop.channels.items() if name not in silent):
            return None
        self._base = _TaskBase.of(task)
        if self._prunes:
            loop.checkpoint = without_spent_triggers(loop.checkpoint)
        return task

    # --- the next task ---

    def _following(self, task: PregelExecutableTask) -> PregelExecutableTask | None:
        """The task of the component that comes next, as `prepare_single_task` makes it; None if it is not plain."""
        loop = self._loop
        channel = _silent_task(loop.nodes[task.name]).next_channel
        assert channel is not None
        (name,) = loop.trigger_to_nodes[channel]
        node = loop.nodes[name]
        if not _is_plain(loop, node) or loop.step > loop.stop:
            return None
        if loop.control is not None and loop.control.drain_requested:
            return None
        assert self._base is not None
        return self._base.task(loop, name, node)

    # --- the end of a superstep ---

    def _stored(self, task: PregelExecutableTask, outcome: Outcome) -> bool:
        """Finish a superstep as LangGraph's `after_tick` does; False if the outcome is not plain (then nothing is)."""
        loop = self._loop
        if outcome.error is not None or type(outcome.output) is not dict:
            return False
        node = loop.nodes[task.name]
        silent = _silent_task(node)
        writes = silent.updates(outcome.output)
        written = {channel for channel, _ in writes}
        if len(written) != len(outcome.output) or not written <= self._silent:
            return False
        counters = self._counters(written)
        if self._saves and self._is_snapshot_due(counters):
            return False
        assert silent.next_channel is not None
        writes.append((silent.next_channel, None))
        task.writes.extend(writes)
        if self._saves:
            self._save_writes(task, writes)
        self._apply(task, writes)
        self._save_checkpoint(counters)
        return True

    def _counters(self, written: set[str]) -> dict[str, tuple[int, int]]:
        """LangGraph's counters of updates and supersteps since a delta channel's last snapshot."""
        before = self._loop.checkpoint_metadata.get("counters_since_delta_snapshot") or {}
        found = {}
        for name in self._deltas:
            updates, steps = before.get(name, (0, 0))
            found[name] = (updates + (name in written), steps + 1)
        return found

    def _is_snapshot_due(self, counters: dict[str, tuple[int, int]]) -> bool:
        channels: Mapping[str, Any] = self._loop.channels
        versions = self._loop.checkpoint["channel_versions"]
        return any(
            updates >= channels[name].snapshot_frequency or steps >= DELTA_MAX_SUPERSTEPS_SINCE_SNAPSHOT
            for name, (updates, steps) in counters.items()
            if name in versions or updates
        )

    def _save_writes(self, task: PregelExecutableTask, writes: list[tuple[str, Any]]) -> None:
        loop = self._loop
        place = {
            CONFIG_KEY_CHECKPOINT_NS: loop.config[CONF].get(CONFIG_KEY_CHECKPOINT_NS, ""),
            CONFIG_KEY_CHECKPOINT_ID: loop.checkpoint["id"],
        }
        config = patch_configurable(loop.checkpoint_config, place)
        path = (task_path_str(task.path),) if loop.checkpointer_put_writes_accepts_task_path else ()
        save: Any = loop.checkpointer_put_writes
        saving: Any = loop.submit(save, config, writes, task.id, *path)
        if loop._delta_write_futs is not None:
            loop._delta_write_futs.append(saving)

    def _apply(self, task: PregelExecutableTask, writes: list[tuple[str, Any]]) -> None:
        """Update the channels and their versions, as `apply_writes` does for one task."""
        loop, (trigger,) = self._loop, task.triggers
        versions, seen = loop.checkpoint["channel_versions"], loop.checkpoint["versions_seen"]
        seen.setdefault(task.name, {})[trigger] = versions[trigger]
        version = loop.checkpointer_get_next_version(max(versions.values()), None)
        values: dict[str, list[Any]] = {}
        for name, value in writes:
            values.setdefault(name, []).append(value)
        updated = set()
        for name, given in values.items():
            channel: Any = loop.channels[name]
            if channel.update(given):
                versions[name] = version
                if channel.is_available():
                    updated.add(name)
        if loop.channels[trigger].update(()):
            versions[trigger] = version
        loop.updated_channels = updated
        loop.is_replaying = False

    def _save_checkpoint(self, counters: dict[str, tuple[int, int]]) -> None:
        """Make the next checkpoint, as `create_checkpoint` and `_put_checkpoint` do, and have it stored."""
        loop = self._loop
        parents = loop.config[CONF].get(CONFIG_KEY_CHECKPOINT_MAP, {})
        loop.checkpoint_metadata = {
            "source": "loop",
            "step": loop.step,
            "parents": parents,
            "counters_since_delta_snapshot": {name: found for name, found in counters.items() if found != (0, 0)},
        }
        old = loop.checkpoint
        updated = loop.updated_channels or set()
        values, versions = old["channel_values"], old["channel_versions"]
        if self._saves:
            values = {
                name: channel.checkpoint()
                for name in (*(n for n in values if n not in self._deltas), *updated)
                if name not in self._deltas and (channel := loop.channels[name]).is_available()
            }
            versions = dict(versions)
        loop.checkpoint = {
            "v": old["v"],
            "ts": datetime.now(UTC).isoformat(),
            "id": str(uuid6(clock_seq=loop.step)),
            "channel_values": values,
            "channel_versions": versions,
            "versions_seen": old["versions_seen"],
            "updated_channels": sorted(updated),
        }
        if self._saves:
            if self._prunes:
                loop.checkpoint = without_spent_triggers(loop.checkpoint)
            self._put()
        loop.step += 1

    def _put(self) -> None:
        loop = self._loop
        conf = loop.checkpoint_config[CONF]
        loop.prev_checkpoint_config = loop.checkpoint_config if conf.get(CONFIG_KEY_CHECKPOINT_ID) else None
        namespace = loop.config[CONF].get(CONFIG_KEY_CHECKPOINT_NS, "")
        config: Any = {**loop.checkpoint_config, CONF: {**conf, CONFIG_KEY_CHECKPOINT_NS: namespace}}
        versions, before = loop.checkpoint["channel_versions"], loop.checkpoint_previous_versions
        new_versions = {name: version for name, version in versions.items() if version != before.get(name)}
        loop.checkpoint_previous_versions = dict(versions)
        written, loop._delta_write_futs = loop._delta_write_futs, []
        loop._put_checkpoint_fut = loop.submit(
            loop._checkpointer_put_after_previous,
            getattr(loop, "_put_checkpoint_fut", None),
            written,
            config,
            copy_checkpoint(loop.checkpoint),
            loop.checkpoint_metadata,
            new_versions,
        )
        loop.checkpoint_config = patch_configurable(config, {CONFIG_KEY_CHECKPOINT_ID: loop.checkpoint["id"]})


class _TaskBase(NamedTuple):
    """The common part of the tasks of a run.

    Attributes:
        config: The config of a task, without what is a task's own.
        runtime: The arguments of its `Runtime`, without the execution's own.
        thread_id: The thread.
        run_id: The run, if the caller named it.
    """

    config: RunnableConfig
    runtime: dict[str, Any]
    thread_id: str | None
    run_id: str | None

    @classmethod
    def of(cls, task: PregelExecutableTask) -> _TaskBase:
        """Take a task that LangGraph has prepared for a pattern."""
        runtime: Runtime[Any] = task.config[CONF][CONFIG_KEY_RUNTIME]
        info = runtime.execution_info
        names = ("context", "store", "stream_writer", "heartbeat", "previous", "server_info", "control")
        given = {name: getattr(runtime, name) for name in names}
        assert info is not None
        return cls(task.config, given, info.thread_id, info.run_id)

    def task(self, loop: AsyncPregelLoop, name: str, node: Any) -> PregelExecutableTask:
        """Make the task of a node in the next superstep."""
        parent = loop.config[CONF].get(CONFIG_KEY_CHECKPOINT_NS, "")
        around = f"{parent}{NS_SEP}{name}" if parent else name
        triggers, path = tuple(node.triggers), (PULL, name)
        checkpoint_id = loop.checkpoint["id"]
        namespace_of_ids = binascii.unhexlify(checkpoint_id.replace("-", ""))
        id = _xxhash_str(namespace_of_ids, around, str(loop.step), name, PULL, *triggers)
        namespace = f"{around}{NS_END}{id}"
        scratchpad = _scratchpad(None, [], id, namespace, None, loop.step, loop.stop)
        input = _proc_input(
            node, loop.managed, loop.channels, for_execution=True, scratchpad=scratchpad, input_cache=None
        )
        writes: deque[tuple[str, Any]] = deque()
        info = ExecutionInfo(checkpoint_id, namespace, id, self.thread_id, self.run_id)
        outer = self.config[CONF]
        own = {
            CONFIG_KEY_TASK_ID: id,
            CONFIG_KEY_SEND: writes.extend,
            CONFIG_KEY_READ: partial(
                local_read, scratchpad, loop.channels, loop.managed, PregelTaskWrites(path, name, writes, triggers)
            ),
            CONFIG_KEY_CHECKPOINT_MAP: {
                **loop.config[CONF].get(CONFIG_KEY_CHECKPOINT_MAP, {}),
                parent: checkpoint_id,
            },
            CONFIG_KEY_CHECKPOINT_NS: namespace,
            CONFIG_KEY_SCRATCHPAD: scratchpad,
            CONFIG_KEY_RUNTIME: Runtime(**self.runtime, execution_info=info),
        }
        metadata: dict[str, Any] = {
            "langgraph_step": loop.step,
            "langgraph_node": name,
            "langgraph_triggers": triggers,
            "langgraph_path": path,
            "langgraph_checkpoint_ns": namespace,
        }
        config: Any = {
            **self.config,
            "metadata": self.config["metadata"] | metadata,
            "run_name": name,
            "callbacks": loop.manager.get_child(f"graph:step:{loop.step}") if loop.manager is not None else None,
            "configurable": {**outer, **own},
        }
        return PregelExecutableTask(
            name, input, node.node, writes, config, triggers, (), None, id, path, writers=node.flat_writers
        )


def _silent_task(node: Any) -> SilentNodeTask:
    found: SilentNodeTask = node.node
    return found


def _is_plain(loop: AsyncPregelLoop, node: Any) -> bool:
    """Whether a node is a component that leads to exactly one other, and has nothing else to it."""
    if not isinstance(node.node, SilentNodeTask) or node.node.next_channel is None:
        return False
    if not isinstance(loop.channels[node.node.next_channel], EphemeralValue):
        return False  # of a node that LangGraph defers until nothing else is left to run
    if len(node.triggers) != 1 or node.mapper is not None or node.metadata or node.tags:
        return False
    return not (node.retry_policy or node.cache_policy or node.timeout or node.error_handler_node or node.subgraphs)


async def _executed(task: PregelExecutableTask, hook: _CallHook) -> Outcome:
    """Run the component of a task, as `arun_with_retry` and `SilentNodeTask` do; its exception is an outcome too."""
    runtime: Runtime[Any] = task.config[CONF][CONFIG_KEY_RUNTIME]
    info = runtime.execution_info
    assert info is not None
    began = ExecutionInfo(
        info.checkpoint_id, info.checkpoint_ns, info.task_id, info.thread_id, info.run_id, 1, time.time()
    )
    attempt = Runtime(
        context=runtime.context,
        store=runtime.store,
        stream_writer=runtime.stream_writer,
        heartbeat=runtime.heartbeat,
        previous=runtime.previous,
        execution_info=began,
        server_info=runtime.server_info,
        control=runtime.control,
    )
    own: RunnableConfig = task.config.copy()
    own["configurable"] = {**own["configurable"], CONFIG_KEY_CALL: hook, CONFIG_KEY_RUNTIME: attempt}
    own.pop("run_name", None)
    context = copy_context()
    set_config(context, own)
    silent = _silent_of(task)
    work = asyncio.create_task(silent.component.ainvoke(task.input, own), context=context)
    try:
        return Outcome(await silent.wait(work))
    except asyncio.CancelledError as error:
        if _cancellations():
            raise
        return Outcome(error=error)
    except Exception as error:
        return Outcome(error=error)


def _silent_of(task: PregelExecutableTask) -> SilentNodeTask:
    assert isinstance(task.proc, SilentNodeTask)
    return task.proc


def _cancellations() -> int:
    """How often the running task has been cancelled."""
    current = asyncio.current_task()
    return 0 if current is None else current.cancelling()


class _Replay(Runnable[Any, Any]):
    """Stands for a component that has run: gives what it gave, or raises what it raised.

    Args:
        outcome: What it gave.
        node: What LangGraph would have run.
    """

    def __init__(self, outcome: Outcome, node: SilentNodeTask) -> None:
        self._outcome = outcome
        self._node = node

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Give it again; a run that this stands in is asynchronous."""
        if self._outcome.error is not None:
            raise self._outcome.error
        assert config is not None
        return self._node.write(self._outcome.output, config)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Give it again."""
        return self.invoke(input, config)


class _CallHook:
    """The hook under LangGraph's key for calls of a `@task`: those make a component not plain.

    Args:
        loop: LangGraph's loop.
        runner: Its runner.
        task: The component's task.
    """

    def __init__(self, loop: AsyncPregelLoop, runner: PregelRunner, task: PregelExecutableTask) -> None:
        self._loop = loop
        self._runner = runner
        self._task = task
        self._event_loop = asyncio.get_running_loop()
        self._futures: FuturesDict[Any, Any] | None = None

    def __call__(self, func: Any, input: Any, **options: Any) -> Any:
        """Call a `@task` as the runner does."""
        if self._futures is None:
            handled = self._runner._handled_exception_ids
            self._futures = FuturesDict(
                callback=weakref.WeakMethod(self._runner.commit),
                event=asyncio.Event(),
                should_stop=partial(_should_stop_others, handled_exception_ids=handled),
                future_type=asyncio.Future,
            )
        given: dict[str, Any] = {
            "retry_policy": None,
            "futures": weakref.ref(self._futures),
            "schedule_task": self._loop.aaccept_push,
            "submit": self._runner.submit,
            "loop": self._event_loop,
        }
        return _acall(weakref.ref(self._task), func, input, **{**given, **options})

    async def is_used(self) -> bool:
        """Whether there was a call; then all of them have ended."""
        if self._futures is None:
            return False
        while self._futures:
            done, _ = await asyncio.wait(self._futures, return_when=asyncio.FIRST_COMPLETED)
            for future in done:
                self._futures.pop(future)
        return True
