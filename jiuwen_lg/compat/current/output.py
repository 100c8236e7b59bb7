"""Results of runs."""

from __future__ import annotations

from enum import Enum
from typing import Any

from pydantic import Field

from jiuwen_lg.output import WorkflowOutput as OurOutput


class WorkflowExecutionState(str, Enum):  # noqa: UP042 - `str()` of a member shows its name, as openJiuwen's does
    """Whether a run finished, waits for an answer, or failed."""

    COMPLETED = "COMPLETED"
    INPUT_REQUIRED = "INPUT_REQUIRED"
    ERROR = "ERROR"


class WorkflowOutput(OurOutput):
    """The outcome of `Workflow.invoke`: the End's output, or the frames of this turn with its questions."""

    state: WorkflowExecutionState = Field()  # type: ignore[assignment]


def of_today(output: Any) -> Any:
    """An output of ours as today's; anything else stays as it is."""
    if not isinstance(output, OurOutput) or isinstance(output, WorkflowOutput):
        return output
    return WorkflowOutput(
        result=output.result,
        state=WorkflowExecutionState(output.state.value),
        session_id=output.session_id,
        snapshot=output.snapshot,
    )
