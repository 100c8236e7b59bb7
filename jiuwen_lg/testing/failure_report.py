"""What pytest shows of a test that failed: the workflow's own story first, then the traceback."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from _pytest._code.code import ExceptionChainRepr, ReprEntryNative

from jiuwen_lg.testing.trace import Trace

_MOST = 3
"""Traces that are shown, the last ones."""


def show_traces(report: Any, traces: Sequence[Trace]) -> None:
    """Put traces before a report's traceback; xdist carries them along with it.

    Args:
        report: Of a test that failed.
        traces: The traces of the test.
    """
    text = "\n\n".join(_shown(trace) for trace in traces[-_MOST:])
    if isinstance(report.longrepr, ExceptionChainRepr):
        first = report.longrepr.chain[0][0]
        first.reprentries = [ReprEntryNative([f"The workflow:\n\n{text}\n\n"]), *first.reprentries]
    else:
        report.sections.append(("workflow", text))


def _shown(trace: Trace) -> str:
    try:
        return repr(trace)
    except Exception as error:  # noqa: BLE001 - what a value's own repr raises must not hide the failure
        return f"(a trace that cannot be shown: {type(error).__name__})"
