"""The `interact` calls of one execution: each gets its stored answer, or becomes an open question."""

from __future__ import annotations

from typing import Any

from langgraph.errors import GraphInterrupt
from langgraph.types import Interrupt, interrupt

from jiuwen_lg.engine.runtime.answer_book import AnswerBook
from jiuwen_lg.engine.runtime.interrupts import Carried, InteractionRequired, slot_of, token_of
from jiuwen_lg.schema.path import MISSING


class InterruptReplay:
    """Matches the calls of `interact`, numbered by slot, to answers.

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
        self._skip = set(carried.skip)
        self._resumed_before = carried.resumes
        self._resumes: dict[int, Any] | None = None
        self._interrupt_id = ""
        self._calls = 0
        self._answered = 0
        self._asked: list[InteractionRequired] = []

    @property
    def has_asked(self) -> bool:
        """Whether the component has called `interact`, answered or not."""
        return self._calls > 0

    async def answer(self, question: dict[str, Any]) -> Any:
        """Return the answer to the next call of `interact`.

        Args:
            question: Its `value`, and where there are any its `schema` and the `error` of the last answer.

        Raises:
            InteractionRequired: There is none yet.
        """
        slot = self._calls
        self._calls += 1
        found = await self._answer_to(slot)
        if found is MISSING:
            raise self._asking(slot, question)
        self._answered += 1
        return found

    async def _answer_to(self, slot: int) -> Any:
        """An answer from LangGraph's resumes, from the session's row, or an early one for this component."""
        if self._resumes is None:
            self._resumes = self._replay()
        if slot in self._resumes:
            return self._resumes[slot]
        token = token_of(self._task_id, slot)
        if (stored := self._answers.answer_to(token)) is not MISSING:
            self._skip.add(slot)
            return stored
        if self._answers.has_early(self._id):
            self._skip.add(slot)
            return await self._answers.claim(self._id, token)
        return MISSING

    def _replay(self) -> dict[int, Any]:
        """The answers that LangGraph holds for this task, each at the slot that it belongs to."""
        resumes: dict[int, Any] = {}
        slot = 0
        while True:
            try:
                answer = interrupt(None)
            except GraphInterrupt as raised:
                self._interrupt_id = raised.args[0][0].id
                self._refuse_mixture(len(resumes))
                return resumes
            while slot in self._skip:
                slot += 1
            resumes[slot] = answer
            slot += 1

    def _refuse_mixture(self, found: int) -> None:
        """LangGraph numbers the answers of a task; a component that asks in both ways would mix them up."""
        if self._resumed_before > found:
            raise ValueError("it uses LangGraph's interrupt() and interact(): ask in one way only")

    def _asking(self, slot: int, question: dict[str, Any]) -> InteractionRequired:
        question = {"id": self._id, "index": self._answered, **question}
        if slot != self._answered:
            question["slot"] = slot
        required = InteractionRequired(Interrupt(question, self._interrupt_id))
        self._asked.append(required)
        self._skip.discard(slot)
        return required

    def open_questions(self) -> list[InteractionRequired]:
        """Return the questions of this execution that have no answer and were not withdrawn."""
        return [required for required in self._asked if not required.is_handled]

    def interrupts(self, private_state: dict[str, Any] | None) -> list[Interrupt]:
        """Return the open questions as interrupts that carry what the next execution must know.

        Args:
            private_state: The component's private state; None if this execution has not changed it.
        """
        withdrawn = {slot_of(required.interrupt) for required in self._asked if required.is_handled}
        carried: dict[str, Any] = {}
        if skip := sorted(self._skip | withdrawn):
            carried["skip"] = skip
        if private_state is not None:
            carried["state"] = private_state
        return [Interrupt({**r.interrupt.value, **carried}, r.interrupt.id) for r in self.open_questions()]

    def discard(self) -> None:
        """Withdraw all questions: the component has failed and something else counts."""
        self._asked = []
