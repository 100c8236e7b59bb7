"""One run of the compiled graph, within its time limits."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from typing import Any

from jiuwen_lg.constants import (
    WORKFLOW_EXECUTE_TIMEOUT,
    WORKFLOW_STREAM_FIRST_FRAME_TIMEOUT,
    WORKFLOW_STREAM_FRAME_TIMEOUT,
)
from jiuwen_lg.engine.compiled_workflow import CompiledWorkflow
from jiuwen_lg.engine.concurrency.cancellation import cancel_and_wait
from jiuwen_lg.engine.concurrency.frame_timeout import FrameTimeout
from jiuwen_lg.engine.concurrency.pausable_clock import PausableClock, wait_any
from jiuwen_lg.engine.concurrency.time_limit import TimeLimit
from jiuwen_lg.engine.execution.subgraph import RECURSION_LIMIT
from jiuwen_lg.engine.graph.state import NEW
from jiuwen_lg.engine.pregel.keys import INTERRUPT, is_internal
from jiuwen_lg.engine.runtime.run_context import RUN_CONTEXT_KEY, RunContext
from jiuwen_lg.engine.storage.fence import LEASE_KEY, Lease
from jiuwen_lg.engine.storage.saver import FencedSaver
from jiuwen_lg.engine.turns.breakpoints import Breakpoints
from jiuwen_lg.environment import seconds
from jiuwen_lg.errors import StatusCode
from jiuwen_lg.runtime import WorkflowRuntime


class GraphRun:
    """Runs the graph of a workflow for one turn.

    Args:
        compiled: The compiled workflow.
        runtime: The session and its settings.
        run_context: What belongs to the run and is not stored.
        breakpoints: Where the run stops by itself.
        frame_timeout: How long the reader of its frames waits for one.
        time_limit: How long the turn may take.
        timeout_code: The code of the error that a run raises that takes too long.
    """

    def __init__(
        self,
        compiled: CompiledWorkflow,
        runtime: WorkflowRuntime,
        run_context: RunContext,
        breakpoints: Breakpoints,
        frame_timeout: FrameTimeout,
        time_limit: TimeLimit,
        timeout_code: StatusCode,
    ) -> None:
        self._compiled = compiled
        self._runtime = runtime
        self._run_context = run_context
        self._breakpoints = breakpoints
        self._frame_timeout = frame_timeout
        self._time_limit = time_limit
        self._timeout_code = timeout_code
        self._saver: FencedSaver | None = None
        metadata = compiled.config.metadata
        self._name = metadata.name or (metadata.id if metadata.is_named else "")

    async def within_time(self, work: Any, lease: Lease | None = None) -> Any:
        """Run the graph in a task of its own, which a timeout or the loss of the lease cancels."""
        task: asyncio.Task[Any] = asyncio.ensure_future(work)
        if lease is not None:
            loop = asyncio.get_running_loop()
            lease.on_lost = lambda: _cancel_from_anywhere(loop, task)
        watch = asyncio.ensure_future(self._frame_timeout.watch()) if self._frame_timeout.is_needed else None
        try:
            done = await wait_any({task, watch or task}, self._time_limit.seconds, self._run_context.clock)
        finally:
            if lease is not None and not task.done():
                lease.is_ending = True
                if self._saver is not None:
                    self._saver.commits.hurry(lease)
            await cancel_and_wait(task, *([watch] if watch is not None else []))
        if task in done:
            return _result_of(task)
        if watch is not None and not watch.cancelled():
            await watch
        raise self._timeout_code.error(timeout=f"{self._time_limit.seconds:g}")

    def config(self, thread_id: str) -> Any:
        """Return the config of the run on a thread, with the caller's own callbacks, tags and metadata."""
        given = self._runtime.runnable_config
        configurable = {k: v for k, v in given.get("configurable", {}).items() if not is_internal(k)}
        own = {"thread_id": thread_id, RUN_CONTEXT_KEY: self._run_context, LEASE_KEY: self._run_context.lease}
        named = {"run_name": self._name, **given} if self._name else given
        if given.get("callbacks"):  # metadata goes into every checkpoint, so only where somebody reads it
            named = {**named, "metadata": {"session_id": self._run_context.session_id, **given.get("metadata", {})}}
        return {**named, "configurable": {**configurable, **own}, "recursion_limit": RECURSION_LIMIT}

    async def execute(self, saver: FencedSaver | None, graph_input: Any, *, thread_id: str) -> Any:
        """Run the graph and return its result."""
        self._saver = saver
        config = self.config(thread_id)
        result = None
        graph = self._compiled.graph(saver)
        options: Any = {"stream_mode": "values", "output_keys": "result", **self._breakpoints.options}
        async with self._together(saver, graph_input):
            async for values in graph.astream(graph_input, config, **options):
                if not (isinstance(values, dict) and INTERRUPT in values):
                    result = values
        return result

    def _together(self, saver: FencedSaver | None, graph_input: Any) -> AbstractAsyncContextManager[None]:
        """Write what belongs together in one transaction."""
        if saver is None or self._run_context.lease is None:
            return nullcontext()
        is_new = isinstance(graph_input, dict) and NEW in graph_input
        return saver.commits.batch(self._run_context.lease, is_new=is_new)


def frame_timeout_of(envs: dict[str, Any], clock: PausableClock) -> FrameTimeout:
    """The frame timeouts of a run; none is longer than the run may be."""
    whole = seconds(envs.get(WORKFLOW_EXECUTE_TIMEOUT))

    def limit(key: str) -> float | None:
        found = seconds(envs.get(key))
        return found if found is None or whole is None else min(found, whole)

    return FrameTimeout(limit(WORKFLOW_STREAM_FIRST_FRAME_TIMEOUT), limit(WORKFLOW_STREAM_FRAME_TIMEOUT), clock)


def _cancel_from_anywhere(loop: asyncio.AbstractEventLoop, task: asyncio.Future[Any]) -> None:
    with suppress(RuntimeError):  # the loop is closed, so the task has ended anyway
        loop.call_soon_threadsafe(task.cancel)


def _result_of(task: asyncio.Future[Any]) -> Any:
    """A task's result; a cancellation from within becomes an ordinary error."""
    if task.cancelled():
        raise StatusCode.WORKFLOW_EXECUTE_INNER_ERROR.error(error="the run was cancelled from within")
    return task.result()
