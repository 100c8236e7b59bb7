"""A workflow for callers that do not write `await`: in scripts, and in notebooks, whose event loop runs already."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from typing import TYPE_CHECKING, Any

from jiuwen_lg.engine.concurrency.sync_bridge import run_in_loop_thread
from jiuwen_lg.output import (
    BaseStreamMode,
    HistoryStep,
    PendingQuestion,
    SessionSnapshot,
    WorkflowChunk,
    WorkflowOutput,
)
from jiuwen_lg.runtime import WorkflowRuntime
from jiuwen_lg.timeline import Timeline

if TYPE_CHECKING:
    from jiuwen_lg.workflow import Workflow


class SyncWorkflow:
    """The methods of a `Workflow`, each of which waits for its result.

    The work is done in an event loop of a thread of its own. Interrupting a call (Ctrl-C, a notebook's
    stop button) stops the run as cancelling `Workflow.invoke` does: the session can be gone on with.

    Args:
        flow: The workflow.
    """

    def __init__(self, flow: Workflow) -> None:
        self._flow = flow

    def invoke(self, inputs: Any, runtime: WorkflowRuntime | None = None, context: Any = None) -> WorkflowOutput:
        """`Workflow.invoke`."""
        return run_in_loop_thread(self._flow.invoke(inputs, runtime, context))

    def stream(
        self,
        inputs: Any,
        runtime: WorkflowRuntime | None = None,
        context: Any = None,
        stream_modes: list[BaseStreamMode] | None = None,
    ) -> Iterator[WorkflowChunk]:
        """`Workflow.stream`; leaving the loop early stops the run."""
        frames = self._flow.stream(inputs, runtime, context, stream_modes)
        try:
            while (frame := run_in_loop_thread(_next(frames))) is not None:
                yield frame
        finally:
            run_in_loop_thread(frames.aclose())

    def pending(self, session_id: str | None = None) -> list[PendingQuestion]:
        """`Workflow.pending`."""
        return run_in_loop_thread(self._flow.pending(session_id))

    def snapshot(self, session_id: str) -> SessionSnapshot | None:
        """`Workflow.snapshot`."""
        return run_in_loop_thread(self._flow.snapshot(session_id))

    def history(self, session_id: str) -> list[HistoryStep]:
        """`Workflow.history`."""
        return run_in_loop_thread(self._flow.history(session_id))

    def timeline(self, session_id: str) -> Timeline:
        """`Workflow.timeline`."""
        return run_in_loop_thread(self._flow.timeline(session_id))

    def fork(self, session_id: str, step: HistoryStep | str | int, **options: Any) -> str:
        """`Workflow.fork`."""
        return run_in_loop_thread(self._flow.fork(session_id, step, **options))

    def discard(self, session_id: str) -> bool:
        """`Workflow.discard`."""
        return run_in_loop_thread(self._flow.discard(session_id))


async def _next(frames: AsyncGenerator[WorkflowChunk, None]) -> WorkflowChunk | None:
    return await anext(frames, None)
