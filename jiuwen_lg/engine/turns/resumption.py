"""The step from an unfinished run and an input to what the turn does: a pure decision."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jiuwen_lg.engine.runtime.interrupts import Question
from jiuwen_lg.engine.sessions.repository import EXACT
from jiuwen_lg.engine.turns.breakpoints import ResumeTarget, jump_of
from jiuwen_lg.engine.turns.resume_plan import RunStatus, plan_resume
from jiuwen_lg.engine.turns.run_state import RunState
from jiuwen_lg.interaction import InteractiveInput


@dataclass(frozen=True, slots=True)
class Resumption:
    """The decision on what a turn does with an unfinished run.

    Attributes:
        status: Where the run stands, after a jump if there is one.
        jump: The components from which it resumes instead of the next ones.
        runs: Whether anything runs; otherwise the open questions are shown again.
        answers: All stored answers by token, the new ones included.
        early_answers: All early answers by component, the new ones included.
        still_open: The questions that have no answer yet.
    """

    status: RunStatus
    jump: ResumeTarget | None
    runs: bool
    answers: dict[str, Any]
    early_answers: dict[str, Any]
    still_open: list[Question]


def plan_resumption(
    given: InteractiveInput,
    state: RunState,
    stored_answers: Mapping[str, Any],
    resume_from: Sequence[str],
    after: Callable[[Iterable[str]], Collection[str]],
    *,
    is_redelivered: bool,
) -> Resumption:
    """Decide what an input does with an unfinished run.

    Args:
        given: The input.
        state: Where the run stands.
        stored_answers: The answers stored in earlier turns, by token.
        resume_from: The components from which the caller wants to resume.
        after: Returns components and those that may run after them.
        is_redelivered: Whether the same turn was delivered before; then a run that stopped stays stopped.

    Raises:
        JiuWenBaseException: 100900, 100901, 100902 or 100000, the input does not fit; nothing has changed.
    """
    status, jump = state.run_status, jump_of(tuple(resume_from), state)
    if jump is not None:
        status = status.after_jump(after(jump.ids))
    plan = plan_resume(given, status, resume_from)
    exact = sorted({*state.early_answers.get(EXACT, ()), *plan.exact})
    early_of_jump = jump.early_answers if jump is not None else {}
    return Resumption(
        status=status,
        jump=jump,
        runs=plan.runs and not (is_redelivered and status.is_stopped),
        answers={**stored_answers, **plan.answers},
        early_answers={
            **state.early_answers,
            **plan.early_answers,
            **early_of_jump,
            **({EXACT: exact} if exact else {}),
        },
        still_open=[question for question in status.questions if question.token not in plan.answers],
    )
