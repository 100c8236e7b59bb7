"""A user's answers, as they are handed to `Workflow.invoke` and `Workflow.stream`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field, PrivateAttr

from jiuwen_lg.errors import StatusCode
from jiuwen_lg.output import InteractionOutput, OutputSchema, WorkflowOutput, questions_in

_UNSET: Any = object()


class InteractiveInput(BaseModel):
    """Answers to what a paused session asked, or (empty) the wish to go on with a failed one.

    `InteractiveInput("Yes")` answers the only open question;
    `InteractiveInput().update("ask", "Yes")` answers the one of component `ask`.
    The object may be used for several resumes. Source: seeds 000 and 001, `engine.md` 5.1.

    Examples:
        >>> InteractiveInput().update("manager", "yes").update("finance", 500).user_inputs
        {'manager': 'yes', 'finance': 500}
    """

    user_inputs: dict[str, Any] = Field(default_factory=dict)
    raw_inputs: Any = None
    _tokens: dict[str, str] = PrivateAttr(default_factory=dict)

    def __init__(self, raw_inputs: Any = _UNSET) -> None:
        if raw_inputs is None:
            raise StatusCode.INTERACTIVE_INVALID_INPUT_ERROR.error(
                reason="None; InteractiveInput() goes on without one"
            )
        super().__init__(**({} if raw_inputs is _UNSET else {"raw_inputs": raw_inputs}))

    @classmethod
    def reply_to(cls, output: WorkflowOutput | OutputSchema | InteractionOutput, value: Any) -> InteractiveInput:
        """The answer to exactly this question.

        Delivered twice, it counts once: the second time nothing is delivered, and the
        session's current state is returned.

        Args:
            output: The question, the frame that shows it, or a paused output that holds one question.
            value: The answer.

        Raises:
            JiuWenBaseException: 100900, the output holds no question; 100902, it holds several.
        """
        if isinstance(output, WorkflowOutput):
            output = _only_question(output)
        question = output.payload if isinstance(output, OutputSchema) else output
        answer = cls()
        answer.update(question.id, value)
        if question.token:
            answer._tokens[question.id] = question.token
        return answer

    @property
    def tokens(self) -> dict[str, str]:
        """The tokens of the questions that are answered, by node id."""
        return self._tokens

    def update(self, node_id: str, value: Any) -> InteractiveInput:
        """Answer the question of one component; a later answer to the same id replaces it.

        Raises:
            JiuWenBaseException: 100001 after a raw answer, 100000 if an argument is None.
        """
        if self.raw_inputs is not None:
            raise StatusCode.INTERACTIVE_UPDATE_FAILED.error()
        if node_id is None or value is None:
            raise StatusCode.INTERACTIVE_INVALID_INPUT_ERROR.error(
                reason=f"update({node_id!r}, {value!r}): both need a value other than None"
            )
        self.user_inputs[node_id] = value
        return self


def _only_question(output: WorkflowOutput) -> InteractionOutput:
    questions = questions_in(output)
    if not questions:
        reason = "the output holds no question"
        raise StatusCode.INTERACTION_NOT_PENDING.error(session_id=output.session_id, reason=reason)
    if len(questions) > 1:
        ids = [question.id for question in questions]
        raise StatusCode.INTERACTION_AMBIGUOUS.error(session_id=output.session_id, node_ids=ids)
    return questions[0]
