"""A running workflow in a terminal: its components, rounds, frames and open questions.

It needs the extra `terminal` (rich), and `watch` is called instead of `invoke`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jiuwen_lg.constants import TRACE_DETAILS_KEY, TRACE_FORMAT_KEY
from jiuwen_lg.engine.graph.abilities import streaming_end
from jiuwen_lg.output import (
    WORKFLOW_FINAL,
    OutputSchema,
    TraceSchema,
    WorkflowChunk,
    WorkflowExecutionState,
    WorkflowOutput,
    is_question,
)
from jiuwen_lg.runtime import WorkflowRuntime
from jiuwen_lg.schema.visible import visible
from jiuwen_lg.workflow import Workflow

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_LOOK = {"start": ("…", "yellow"), "running": ("…", "yellow"), "finish": ("done", "green"), "error": ("failed", "red")}
_ASKS = ("asks", "cyan")


async def watch(
    flow: Workflow,
    inputs: Any,
    runtime: WorkflowRuntime | None = None,
    context: Any = None,
    *,
    console: Console | None = None,
) -> WorkflowOutput:
    """Run a workflow as `Workflow.invoke` does, and show meanwhile where it stands.

    Args:
        flow: The workflow.
        inputs: As in `Workflow.invoke`.
        runtime: As in `Workflow.invoke`; its traces are switched to detailed.
        context: As in `Workflow.invoke`.
        console: Where to show it; the standard output by default.

    Raises:
        ImportError: The extra is not installed.
        JiuWenBaseException: As `Workflow.stream` does; the picture stays.
    """
    try:
        from rich.live import Live
    except ImportError as error:
        raise ImportError("the terminal view needs rich: pip install 'jiuwen-lg[terminal]'") from error
    runtime = runtime or WorkflowRuntime()
    runtime.config().set_envs({TRACE_DETAILS_KEY: True, TRACE_FORMAT_KEY: "seeds"})
    view = ProgressView(gives_frames=streaming_end(flow.definition) is not None)
    with Live(view, console=console, refresh_per_second=8):
        async for frame in flow.stream(inputs, runtime, context):
            view.take(frame)
    return view.output(runtime.session_id())


@dataclass(slots=True)
class _Row:
    """One component as far as it has come."""

    status: str = "start"
    runs: int = 0
    frames: int = 0
    began: float = field(default_factory=time.monotonic)
    seconds: float | None = None
    note: str = ""
    label: str = ""

    def name(self, id: str) -> str:
        """How a person reads the component: its label with its id, within those around it."""
        own = id.rpartition(".")[2]
        return "  " * id.count(".") + (id if self.label in ("", own) else f"{self.label} ({id})")


class ProgressView:
    """The view that `watch` shows, made of the frames of a stream; rich draws it.

    Args:
        gives_frames: Whether the workflow's result is frames.
    """

    def __init__(self, *, gives_frames: bool) -> None:
        self._gives_frames = gives_frames
        self._rows: dict[str, _Row] = {}
        self._frames: list[OutputSchema] = []
        self._final: Any = None

    def take(self, frame: WorkflowChunk) -> None:
        """One more frame."""
        if isinstance(frame, TraceSchema):
            self._trace(frame.payload)
        elif isinstance(frame, OutputSchema) and frame.type == WORKFLOW_FINAL:
            self._final = frame.payload
        elif isinstance(frame, OutputSchema):
            self._frames.append(frame)
            if is_question(frame):
                row = self._rows.setdefault(frame.payload.id, _Row())
                row.status, row.note = "asks", str(frame.payload.value)

    def output(self, session_id: str) -> WorkflowOutput:
        """The output that `Workflow.invoke` would have returned."""
        asks = any(map(is_question, self._frames))
        result = self._frames if asks or self._gives_frames else self._final
        state = WorkflowExecutionState.INPUT_REQUIRED if asks else WorkflowExecutionState.COMPLETED
        return WorkflowOutput(result=result, state=state, session_id=session_id)

    def _trace(self, payload: dict[str, Any]) -> None:
        if "workflowName" in payload:
            return
        row = self._rows.setdefault(payload["invokeId"], _Row())
        row.status, row.label = payload["status"], payload["componentName"]
        if row.status == "start":
            row.runs += 1
            row.began, row.seconds = time.monotonic(), None
        elif payload["endTime"] is not None:
            row.seconds = time.monotonic() - row.began
        row.frames += len(payload["streamOutputs"]) if row.status == "finish" else 0
        row.note = payload["error"]["message"] if payload["error"] else row.note

    def __rich__(self) -> Table:
        from rich.table import Table
        from rich.text import Text

        table = Table("component", "", "runs", "seconds", "frames", "", title=f"{len(self._frames)} frames")
        for id, row in self._rows.items():
            text, colour = _ASKS if row.status == "asks" else _LOOK[row.status]
            took = time.monotonic() - row.began if row.seconds is None else row.seconds
            frames = str(row.frames or "")
            table.add_row(
                Text(visible(row.name(id))),
                Text(text, colour),
                str(row.runs),
                f"{took:.1f}",
                frames,
                Text(visible(row.note)),
            )
        return table
