"""What an input means to a conversation of a tool-calling agent: pure rules over the conversation's rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias
from uuid import uuid4

from jiuwen_lg.agents.progress import question_data
from jiuwen_lg.agents.runs import OWN, Run
from jiuwen_lg.context.conversation import said_in
from jiuwen_lg.engine.runtime.interrupts import Question
from jiuwen_lg.errors import StatusCode
from jiuwen_lg.interaction import InteractiveInput
from jiuwen_lg.schema.answer_schema import require_fit

OnQuestion: TypeAlias = Literal["answer", "model"]
"""What a text does while a workflow asks: it answers the question, or goes to the model."""


@dataclass(frozen=True, slots=True)
class TurnPlan:
    """What to do with an input.

    Attributes:
        given: What the agent's own workflow gets: inputs, or an `InteractiveInput` that goes on with its run.
        turn_id: By which the same input is known when it is delivered again.
        result: The result, if nothing is to be run.
    """

    given: Any = None
    turn_id: str | None = None
    result: Any = None


@dataclass(frozen=True, slots=True)
class Situation:
    """Where a conversation stands.

    Attributes:
        session_id: The conversation.
        runs: Its runs, receipts among them, the longest untouched first.
        slots: The short name of each workflow, by its key.
        names: By what a model calls each workflow, by key.
        waits: What was noted of the calls that wait, by the workflow's short name.
        on_question: What a text does while a workflow asks.
    """

    session_id: str
    runs: Sequence[Run]
    slots: Mapping[tuple[str, str], str]
    names: Mapping[tuple[str, str], str]
    waits: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    on_question: OnQuestion = "answer"

    @property
    def own(self) -> Run | None:
        """The agent's own run: of the turn before."""
        return next((run for run in reversed(self.runs) if run.key == OWN), None)

    @property
    def waiting(self) -> list[Run]:
        """The runs of workflows that ask."""
        return [run for run in self.runs if run.key in self.slots and run.is_waiting]


def plan_turn(query: Any, now: Situation, turn_id: str | None = None) -> TurnPlan:
    """Decide what an input does.

    Args:
        query: A text, or an `InteractiveInput`.
        now: Where the conversation stands.
        turn_id: The turn's name, if it was given one.

    Raises:
        JiuWenBaseException: 100900, 100901 or 100902: the answers do not fit what is asked; 100000, one of them is
            of another kind than its question wants.
    """
    own = now.own
    if own is not None and turn_id is not None and own.record.row.turn_id == turn_id:  # it was delivered before
        return _again(own, turn_id)
    if own is not None and not own.record.is_done and (given := _going_on(query, own)) is not None:
        return TurnPlan(given, own.record.row.turn_id)
    if isinstance(query, InteractiveInput):
        return _plan_answers(query, now)
    if now.waiting and now.on_question == "answer":
        question = now.waiting[-1].questions[0]
        return _resumed(now, {now.waiting[-1].key: [(question, query)]}, query)
    return TurnPlan(_begun(now, said=query), turn_id)


def _again(own: Run, turn_id: str) -> TurnPlan:
    if own.record.is_done:
        return TurnPlan(result=own.record.result["output"]["result"])
    return TurnPlan(InteractiveInput(), turn_id)


def _going_on(query: Any, own: Run) -> InteractiveInput | None:
    """What the unfinished run of the agent's own gets, if the input is for that."""
    if not isinstance(query, InteractiveInput):
        if own.is_waiting:
            return InteractiveInput.reply_to(own.questions[0].to_chunk(), query)
        return InteractiveInput() if own.record.inputs.get("given", {}).get("said") == query else None
    if not query.user_inputs and (query.raw_inputs is None or own.is_waiting):
        return query
    if set(query.tokens.values()) & own.tokens or {q.id for q in own.questions} & query.user_inputs.keys():
        return query
    return InteractiveInput() if own.record.row.turn_id == _name_of(query.tokens.values()) else None


def _plan_answers(query: InteractiveInput, now: Situation) -> TurnPlan:
    if not query.user_inputs and query.raw_inputs is None:
        if not now.waiting:
            raise StatusCode.INTERACTION_NOT_PENDING.error(session_id=now.session_id, reason="nothing is asked there")
        asked = [question_data(question) for run in now.waiting for question in run.questions]
        return TurnPlan(result={"questions": asked})
    if answers := _addressed(query, now):
        return _resumed(now, answers, said_in(query))
    if query.tokens:
        return _delivered_before(query, now)
    if query.raw_inputs is not None and now.waiting and now.on_question == "answer":
        raise StatusCode.INTERACTION_AMBIGUOUS.error(
            session_id=now.session_id, node_ids=[q.id for run in now.waiting for q in run.questions]
        )
    return TurnPlan(_begun(now, said=said_in(query)))


_Answers: TypeAlias = dict[tuple[str, str], list[tuple[Question, Any]]]


def _addressed(query: InteractiveInput, now: Situation) -> _Answers:
    """The questions that answers are for: by token, else the oldest of that id; a raw one is for the only one."""
    asked = [(run.key, question) for run in now.waiting for question in run.questions]
    if query.raw_inputs is not None:
        is_one = len(asked) == 1 and now.on_question == "answer"
        return {asked[0][0]: [(asked[0][1], query.raw_inputs)]} if is_one else {}
    found: _Answers = {}
    for id, value in query.user_inputs.items():
        token = query.tokens.get(id)
        key, question = next(((k, q) for k, q in asked if (q.token == token if token else q.id == id)), (None, None))
        if key is not None and question is not None:
            found.setdefault(key, []).append((question, value))
    return found


def _delivered_before(query: InteractiveInput, now: Situation) -> TurnPlan:
    """Answers to what is not asked any more: the conversation's last result, since they were taken."""
    tokens = set(query.tokens.values())
    if any(tokens & run.tokens for run in now.runs) and now.own is not None and now.own.record.is_done:
        return TurnPlan(result=now.own.record.result["output"]["result"])
    raise StatusCode.INTERACTION_UNKNOWN_ID.error(
        node_id=", ".join(query.tokens), session_id=now.session_id, reason="the question is not asked there (any more)"
    )


def _resumed(now: Situation, answers: _Answers, said: str) -> TurnPlan:
    """A turn that begins with the calls which waited."""
    for given in answers.values():
        for question, value in given:
            require_fit(value, question.schema, question.id)
    runs = {run.key: run for run in now.waiting}
    begun = _begun(
        now,
        said=said,
        resumes=[_waited(now, runs[key]) for key in answers],
        answers={
            now.slots[key]: [[question.id, question.token, value] for question, value in of_run]
            for key, of_run in answers.items()
        },
    )
    return TurnPlan(begun, _name_of(question.token for of_run in answers.values() for question, _ in of_run))


def _waited(now: Situation, run: Run) -> dict[str, Any]:
    """What was noted of a call that waits; without a note, what its run says of it."""
    noted = now.waits.get(now.slots[run.key])
    if noted is not None:
        return noted
    arguments = json.dumps(run.record.inputs, ensure_ascii=False, default=str)
    call = {"id": f"call_{uuid4().hex[:8]}", "type": "function", "name": now.names[run.key], "arguments": arguments}
    return {"reply": {"role": "assistant", "content": "", "tool_calls": [call]}, "results": [], "calls": [call]}


def _begun(now: Situation, **given: Any) -> dict[str, Any]:
    """The inputs of a new turn."""
    asked = {now.slots[run.key]: question_data(run.questions[0]) for run in now.waiting}
    turn = {"turn": uuid4().hex, **given, "open": asked, "waits": dict(now.waits)}
    return {"given": {name: value for name, value in turn.items() if value or name in ("turn", "said")}}


def _name_of(tokens: Any) -> str | None:
    """The name of a turn that delivers answers."""
    return "answers " + " ".join(sorted(tokens)) if tokens else None
