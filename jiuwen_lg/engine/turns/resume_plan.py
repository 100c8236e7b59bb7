"""The plan for an `InteractiveInput` to a paused or failed session: pure rules, no I/O.

The table is in the specification's README ("What each input does"); whatever is refused
here has changed nothing.
"""

from __future__ import annotations

import reprlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from jiuwen_lg.engine.runtime.interrupts import Question
from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.interaction import InteractiveInput
from jiuwen_lg.schema.answer_schema import require_fit
from jiuwen_lg.schema.values import normalize


@dataclass(frozen=True, slots=True)
class RunStatus:
    """The status of an unfinished run.

    Attributes:
        questions: The open ones, in the order in which their components were added.
        is_broken: Whether some component failed, was stopped or never started.
        component_ids: All ids that may be addressed.
        completed_ids: Those that have finished.
        answered_tokens: The tokens of questions that were answered before.
        is_stopped: Whether it stopped where it was told to, and nothing is asked.
    """

    session_id: str
    questions: Sequence[Question]
    is_broken: bool
    component_ids: Collection[str]
    completed_ids: Collection[str]
    answered_tokens: Collection[str]
    is_stopped: bool = False

    def after_jump(self, again: Collection[str]) -> RunStatus:
        """The same, if the run goes on elsewhere: what was asked is not asked any more, and these run again."""
        completed = [id for id in self.completed_ids if id.partition(".")[0] not in again]
        return replace(self, questions=(), is_broken=True, completed_ids=completed)


@dataclass(slots=True)
class ResumePlan:
    """The plan of a turn: answers by token, early answers by id, and whether to run at all."""

    answers: dict[str, Any] = field(default_factory=dict)
    early_answers: dict[str, Any] = field(default_factory=dict)
    runs: bool = False
    exact: set[str] = field(default_factory=set)
    """The tokens of the questions whose answers are for them alone."""


def plan_resume(given: InteractiveInput, run_status: RunStatus, targets: Sequence[str] = ()) -> ResumePlan:
    """Decide what `given` does in `situation`.

    Args:
        given: The input.
        situation: Where the run stands.
        targets: The components that it was told to go on from; a raw answer is for the only one.

    Raises:
        JiuWenBaseException: 100900, 100901 or 100902 (see the table); 100000 for an answer
            that has no place in the state.
    """
    if given.raw_inputs is not None and len(targets) == 1 and not run_status.questions:
        return ResumePlan(early_answers={targets[0]: _checked(targets[0], given.raw_inputs)}, runs=True)
    if given.raw_inputs is not None:
        question = _only_question(run_status)
        return ResumePlan(answers={question.token: _fitting(question, given.raw_inputs)}, runs=True)
    plan = ResumePlan()
    for node_id, value in given.user_inputs.items():
        _place(plan, run_status, node_id, value, given.tokens.get(node_id))
    is_old = bool(given.user_inputs) and run_status.is_stopped  # what it brings was delivered before
    plan.runs = bool(plan.answers or plan.early_answers or (run_status.is_broken and not is_old))
    return plan


def _checked(node_id: str, value: Any) -> Any:
    try:
        return normalize(value)
    except ValueError as error:
        raise StatusCode.INTERACTIVE_INVALID_INPUT_ERROR.error(
            reason=f"{reprlib.repr(value)} for [{node_id}]: {error}"
        ) from error


def _fitting(question: Question, value: Any) -> Any:
    require_fit(value, question.schema, question.id)
    return _checked(question.id, value)


def _only_question(run_status: RunStatus) -> Question:
    if not run_status.questions:
        raise StatusCode.INTERACTION_NOT_PENDING.error(
            session_id=run_status.session_id, reason="its last run failed or was stopped; InteractiveInput() goes on"
        )
    if len(run_status.questions) > 1:
        ids = [question.id for question in run_status.questions]
        raise StatusCode.INTERACTION_AMBIGUOUS.error(session_id=run_status.session_id, node_ids=ids)
    return run_status.questions[0]


def _place(plan: ResumePlan, run_status: RunStatus, node_id: str, value: Any, token: str | None) -> None:
    if token is not None and token in run_status.answered_tokens:
        return
    for question in run_status.questions:
        if question.id == node_id and token in (None, question.token):
            plan.answers[question.token] = _fitting(question, value)
            plan.exact.update(() if token is None else (token,))
            return
    if token is not None:
        raise StatusCode.INTERACTION_UNKNOWN_ID.error(
            node_id=node_id,
            session_id=run_status.session_id,
            reason="this answer belongs to a question of another session or of an earlier run",
        )
    is_ahead = node_id in run_status.component_ids and node_id not in run_status.completed_ids
    if not is_ahead:
        raise _unknown(run_status, node_id)
    plan.early_answers[node_id] = _checked(node_id, value)


def _unknown(run_status: RunStatus, node_id: str) -> JiuWenBaseException:
    open_ids = [question.id for question in run_status.questions]
    ahead = [i for i in run_status.component_ids if i not in run_status.completed_ids and i not in open_ids]
    reason = f"waiting for an answer: {open_ids}; not reached yet: {ahead}"
    if node_id in run_status.completed_ids:
        reason = f"it has finished already; {reason}"
    return StatusCode.INTERACTION_UNKNOWN_ID.error(node_id=node_id, session_id=run_status.session_id, reason=reason)
