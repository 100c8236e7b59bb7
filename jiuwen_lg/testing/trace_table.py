"""A trace as a table, the same in every run: no times, no session, no tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jiuwen_lg.timeline import text_of

if TYPE_CHECKING:
    from jiuwen_lg.testing.trace import Execution, Trace

_HEAD = ("STEP", "STATUS", "INPUTS", "OUTPUTS")


def table_of(trace: Trace) -> str:
    """The executions, one a line, then what was asked, streamed and given.

    Args:
        trace: The trace.
    """
    rows = [_HEAD, *(_row(trace, execution) for execution in trace.executions)]
    widths = [max(_width(row[n]) for row in rows) for n in range(len(_HEAD))]
    lines = [_line(row, widths) for row in rows] if trace.executions else ["nothing ran"]
    lines += [f"asked {id}: {text_of(value, 80)}" for id, value in trace.asked]
    if trace.pending:
        lines.append(f"open: {', '.join(question.id for question in trace.pending)}")
    if trace.frames:
        lines.append(f"frames: {len(trace.frames)}")
    if trace.error is not None:
        lines.append(f"error: {trace.error.message}")
    elif not trace.pending:
        lines.append(f"result: {text_of(trace.result, 200)}")
    return "\n".join(lines)


def _row(trace: Trace, execution: Execution) -> tuple[str, ...]:
    label = f" {execution.label}" if execution.label else ""
    status = execution.status + (f", attempt {execution.attempt}" if execution.attempt > 1 else "")
    given = text_of(execution.outputs) if execution.status == "finished" else ""
    if execution.targets:
        given = f"-> {', '.join(execution.targets)}"
    elif execution.error is not None:
        given = text_of(execution.error["message"], 80)
    return f"{trace.step(execution)}{label}", status, _value(execution.inputs), given


def _value(value: Any) -> str:
    return "" if value is None else text_of(value)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = (cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True))
    return "  ".join(cells).rstrip()


def _width(text: str) -> int:
    from unicodedata import east_asian_width

    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)
