"""The `interact` calls of one execution: each gets its stored answer, or becomes an open question."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from langgraph.errors import GraphInterrupt
from langgraph.types import Interrupt, interrupt

from jiuwen_lg.engine.runtime.answer_book import AnswerBook
from jiuwen_lg.engine.runtime.asked_questions import KEY, KNOWN, RESUMED, AskedQuestion, AskedQuestions, key_of, short
from jiuwen_lg.engine.runtime.interrupts import Carried, InteractionRequired, token_of
from jiuwen_lg.schema.path import MISSING

_logger = logging.getLogger(__name__)


class InterruptReplay:
    """Matches the calls of `interact` to the questions of the executions before, and those to their answers.

    Args:
        id: The executable id of the component.
        task_id: Its LangGraph task.
        answers: The answers that the session has stored.
        carried: What an interrupted execution of the same task left.
    """

    def __init__(self, id: str, task_id: str, answers: AnswerBook, carried: Carried) -> None:
        self._id = id
        self._task_id = task_id
        self._answers = answers
        self._carried = carried
        self._resumes: dict[int, Any] = {}
        self._questions: AskedQuestions | None = None
        self._interrupt_id = ""
        self._calls = 0
        self._answered = 0
        self._asked: list[InteractionRequired] = []

    @property
    def has_asked(self) -> bool:
        """Whether the component has called `interact`, answered or not."""
        return self._calls > 0

    async def answer(self, question: dict[str, Any], name: str | None = None, *, is_strict: bool = False) -> Any:
        """Return the answer to the next call of `interact`.

        Args:
            question: Its `value`, and where there are any its `schema` and the `error` of the last answer.
            name: What it is recognized by; None for its value.
            is_strict: Whether an answer that was given to another text counts for nothing.

        Raises:
            InteractionRequired: There is none yet.
        """
        call = self._calls
        self._calls += 1
        questions = self._begin()
        value = question["value"]
        key = key_of([name, value]) if is_strict and name is not None else key_of(value, name)
        asked = questions.again(key) or (None if is_strict else self._instead(questions, call, key, question))
        if asked is None:
            refused = questions.refused()
            asked = questions.add(key, short(question["value"]))
            if refused is not None and "error" not in question:
                question = {**question, "error": f"the question has changed: the answer was given to {refused.text!r}"}
        found = await self._answer_to(asked)
        if found is MISSING:
            raise self._asking(asked, question)
        self._answered += 1
        return found

    def _begin(self) -> AskedQuestions:
        if self._questions is None:
            self._resumes = self._replay()
            known = [self._with_exactness(question) for question in self._carried.asked]
            self._questions = AskedQuestions(known, self._resumes)
        return self._questions

    def _with_exactness(self, question: AskedQuestion) -> AskedQuestion:
        question.is_exact = question.is_exact or self._answers.is_exact(token_of(self._task_id, question.slot))
        return question

    def _instead(
        self, questions: AskedQuestions, call: int, key: str, question: Mapping[str, Any]
    ) -> AskedQuestion | None:
        """The question in whose place this one is asked: its answer counts, as in openJiuwen, with a warning."""
        found = questions.instead_of(call)
        if found is None:
            return None
        text = short(question["value"])
        if found.key is not None and self._has_answer(found):
            _logger.warning(
                "component [%s] asked %r and now asks %r in its place: the answer that it got counts for this one. "
                "InteractiveInput.reply_to(output, answer) answers only the question that was shown; "
                "interact(value, id=...) names a question whose text may vary",
                self._id,
                found.text or "another question",
                text,
            )
        found.key, found.text = key, text
        return found

    def _has_answer(self, asked: AskedQuestion) -> bool:
        token = token_of(self._task_id, asked.slot)
        return asked.slot in self._resumes or self._answers.answer_to(token) is not MISSING

    async def _answer_to(self, asked: AskedQuestion) -> Any:
        """An answer from LangGraph's resumes, from the session's row, or an early one for this component."""
        slot, token = asked.slot, token_of(self._task_id, asked.slot)
        if slot in self._resumes:
            return self._resumes[slot]
        if (stored := self._answers.answer_to(token)) is not MISSING:
            return stored
        if self._answers.has_early(self._id):
            return await self._answers.claim(self._id, token)
        return MISSING

    def _replay(self) -> dict[int, Any]:
        """The answers that LangGraph holds for this task, each at the slot that it belongs to."""
        resumes: dict[int, Any] = {}
        slots = self._carried.slots_of_resumes()
        while True:
            try:
                answer = interrupt(None)
            except GraphInterrupt as raised:
                self._interrupt_id = raised.args[0][0].id
                self._refuse_mixture(len(resumes))
                return resumes
            resumes[next(slots)] = answer

    def _refuse_mixture(self, found: int) -> None:
        """LangGraph numbers the answers of a task; a component that asks in both ways would mix them up."""
        if self._carried.resumes > found:
            raise ValueError("it uses LangGraph's interrupt() and interact(): ask in one way only")

    def _asking(self, asked: AskedQuestion, question: dict[str, Any]) -> InteractionRequired:
        question = {"id": self._id, "index": self._answered, **question, KEY: asked.key}
        if asked.slot != self._answered:
            question["slot"] = asked.slot
        required = InteractionRequired(Interrupt(question, self._interrupt_id))
        self._asked.append(required)
        return required

    def open_questions(self) -> list[InteractionRequired]:
        """Return the questions of this execution that have no answer and were not withdrawn."""
        return [required for required in self._asked if not required.is_handled]

    def interrupts(self, private_state: dict[str, Any] | None) -> list[Interrupt]:
        """Return the open questions as interrupts that carry what the next execution must know.

        Args:
            private_state: The component's private state; None if this execution has not changed it.
        """
        carried: dict[str, Any] = {RESUMED: list(self._resumes)}
        if private_state is not None:
            carried["state"] = private_state
        if self._questions is not None:
            carried[KNOWN] = self._questions.known()
        return [Interrupt({**r.interrupt.value, **carried}, r.interrupt.id) for r in self.open_questions()]

    def discard(self) -> None:
        """Withdraw all questions: the component has failed and something else counts."""
        self._asked = []
