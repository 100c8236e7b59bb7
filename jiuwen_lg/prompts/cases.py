"""Cases that a prompt is to work for. Facts: openJiuwen 0.1.1, `agents.md` 17.2."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from pydantic import BaseModel, Field

from jiuwen_lg.tools.tool_info import ToolInfo


class Case(BaseModel):
    """What goes in, and what should come out.

    Args:
        inputs: The inputs.
        label: The right answer.
        tools: What the model may call.
        case_id: A name.
    """

    inputs: dict[str, Any] = Field(min_length=1)
    label: dict[str, Any] = Field(min_length=1)
    tools: list[ToolInfo] | None = None
    case_id: str = Field(default_factory=lambda: str(uuid4()))


class EvaluatedCase(BaseModel):
    """A case with what came out.

    Args:
        case: The case.
        answer: What came out.
        score: How good it was, from 0 to 1.
        reason: Why.
    """

    case: Case
    answer: dict[str, Any] | None = None
    score: float = Field(default=0.0, ge=0.0, le=1.0)
    reason: str = ""

    @property
    def inputs(self) -> dict[str, Any]:
        """The inputs of the case."""
        return self.case.inputs

    @property
    def label(self) -> dict[str, Any]:
        """The right answer."""
        return self.case.label

    @property
    def tools(self) -> list[ToolInfo] | None:
        """What the model may call."""
        return self.case.tools

    @property
    def case_id(self) -> str:
        """The name of the case."""
        return self.case.case_id
