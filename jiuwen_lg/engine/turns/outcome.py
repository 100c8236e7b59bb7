"""The outcome of a turn."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from typing import Any, NoReturn

from langgraph.errors import GraphRecursionError, NodeCancelledError

from jiuwen_lg.engine.execution.subgraph import RECURSION_LIMIT
from jiuwen_lg.engine.runtime.interrupts import Question
from jiuwen_lg.errors import JiuWenBaseException, StatusCode


@dataclass(slots=True)
class Outcome:
    """The result of a turn, its open questions, or that it stopped at a breakpoint (then `result` means nothing)."""

    result: Any = None
    questions: list[Question] = field(default_factory=list)
    is_stopped: bool = False

    @property
    def is_unfinished(self) -> bool:
        """Whether the run resumes in a later turn."""
        return self.is_stopped or bool(self.questions)

    @property
    def summary(self) -> str:
        """The outcome in words, without its values."""
        if self.questions:
            return f"waits for {[question.id for question in self.questions]}"
        return "stopped at a breakpoint" if self.is_stopped else "finished"


def raise_outer(error: BaseException) -> NoReturn:
    """Raise the error that leaves the engine: ours as they are, others named as inner errors."""
    if isinstance(error, (JiuWenBaseException, sqlite3.Error)) or not isinstance(error, Exception):
        raise error
    if isinstance(error, NodeCancelledError) and error.__cause__ is not None:
        raise error.__cause__  # a component raised CancelledError: it escapes as it is
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, GraphRecursionError):
        limit = f"Recursion limit of {RECURSION_LIMIT} reached at step {RECURSION_LIMIT + 1}"
        text = f"{limit} without an end: do the connections run in a circle?"
    raise StatusCode.WORKFLOW_EXECUTE_INNER_ERROR.error(error=text) from error
