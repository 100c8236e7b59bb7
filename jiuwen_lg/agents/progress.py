"""How far a turn of a tool-calling agent is: plain data, the output of its steps."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from jiuwen_lg.agents.conversation_log import as_shown, as_typed
from jiuwen_lg.engine.runtime.interrupts import Question

WAITING_TEXT = "[INTERRUPTED - Waiting for user input]"
"""The model's message about a call that waits for the user."""

_STEPS = ("model", "call")
"""The components that have it in their output; the one with more steps is later."""


@dataclass(slots=True)
class Progress:
    """A turn so far.

    Attributes:
        turn: The turn's name.
        steps: How many steps it has taken.
        said: What the user said.
        messages: The turn's messages; a reply stands here with the answers to all its calls, or not at all.
        reply: The model's last reply, if some of its calls are left.
        results: What its calls gave so far: (id, text).
        calls: Those that are left.
        asked: How often the model was asked.
        resumes: What waited and has been answered: replies whose calls are left, as in `waits`.
        answers: The answers for them, by the workflow's short name: (id, token, value) of each question.
        open: The question that a text answers, by the workflow's short name.
        waits: What waits for the user, by the workflow's short name: the reply that called it, and its calls.
        questions: What this turn asks.
        output: What it answers.
    """

    turn: str
    steps: int = 0
    said: str | None = None
    messages: list[dict[str, Any]] = field(default_factory=list)
    reply: dict[str, Any] | None = None
    results: list[list[str]] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0
    resumes: list[dict[str, Any]] = field(default_factory=list)
    answers: dict[str, list[list[Any]]] = field(default_factory=dict)
    open: dict[str, dict[str, Any]] = field(default_factory=dict)
    waits: dict[str, dict[str, Any]] = field(default_factory=dict)
    questions: list[dict[str, Any]] = field(default_factory=list)
    output: dict[str, Any] | None = None

    @classmethod
    def begun(cls, given: dict[str, Any]) -> Self:
        """A turn that begins with what it was given."""
        progress = cls(**given)
        if progress.said is not None:
            progress.messages = [{"role": "user", "content": progress.said}]
        return progress

    @classmethod
    def of(cls, runtime: Any, given: dict[str, Any]) -> Self:
        """The turn that a component works on."""
        found = [runtime.get_global_state(f"{id}.progress") for id in _STEPS]
        kept = max((one[0] for one in found if one), key=lambda one: int(one["steps"]), default=None)
        return cls.begun(given) if kept is None else cls(**kept)

    def told(self, next: str) -> dict[str, Any]:
        """The output of a step: where the run goes on, and the turn so far; a list, so that it is replaced whole."""
        self.steps += 1
        return {"next": next, "progress": [asdict(self)]}

    def wire(self) -> list[dict[str, Any]]:
        """The turn's messages as a model is shown them."""
        return as_shown([as_typed(message) for message in self.messages])

    def take_reply(self, reply: dict[str, Any]) -> None:
        """Take a reply of the model: its calls are to be run, or it is the answer."""
        self.calls = list(reply.get("tool_calls") or ())
        if self.calls:
            self.reply, self.results = reply, []
        else:
            self.messages.append(reply)

    def resume_next(self) -> None:
        """Go on with the calls of a reply that waited."""
        waited = self.resumes.pop(0)
        self.reply, self.results, self.calls = waited["reply"], list(waited["results"]), list(waited["calls"])

    def take_result(self, text: str) -> None:
        """Take what the next call gave."""
        self.results.append([self.calls.pop(0)["id"], text])
        if not self.calls:
            self._close()

    def wait(self, slot: str, questions: list[dict[str, Any]]) -> None:
        """The next call, of a workflow, waits for the user, and with it those after it."""
        assert self.reply is not None
        self.waits[slot] = {"reply": self.reply, "results": list(self.results), "calls": list(self.calls)}
        self.questions += questions
        self.results += [[call["id"], WAITING_TEXT] for call in self.calls]
        self.calls = []
        self._close()

    def _close(self) -> None:
        """The reply and the answers to all its calls become messages."""
        assert self.reply is not None
        answers = [{"role": "tool", "tool_call_id": id, "content": text} for id, text in self.results]
        self.messages += [_readable(self.reply), *answers]
        self.reply, self.results = None, []


def _readable(reply: dict[str, Any]) -> dict[str, Any]:
    """A reply whose calls all have arguments that can be read: what shows it to a model again reads them."""
    calls = [{**call, "arguments": _json_object(call.get("arguments"))} for call in reply["tool_calls"]]
    return {**reply, "tool_calls": calls}


def _json_object(text: str | None) -> str:
    try:
        return text if text and isinstance(json.loads(text), dict) else "{}"
    except ValueError:
        return "{}"


def question_data(question: Question) -> dict[str, Any]:
    """A question as plain data."""
    shown = {"id": question.id, "index": question.index, "value": question.value, "token": question.token}
    return shown if question.schema is None else {**shown, "schema": question.schema}
