"""The questions that one task has asked, and which of them a call of `interact` asks again.

A component runs again from its top for each answer. Its questions may come in another order then, fewer or more of
them, or with another text; so a question is recognized by what was asked, or by the name that the component gave it.
Every question of a task has a slot, from 0; a new one gets the next slot, and keeps it.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from langgraph.types import Interrupt

from jiuwen_lg.engine.graph.digest import IndistinctError, digest_of
from jiuwen_lg.schema.values import normalize

KEY = "key"
"""In the value of an interrupt: what the question is recognized by."""

KNOWN = "known"
"""In the value of an interrupt: the keys of the task's questions by slot, each followed by whether its answer is exact.

They are bytes, since they are stored with every question of a component that asks many.
"""

RESUMED = "resumed"
"""In the value of an interrupt: the slots of the answers that LangGraph held for the task, in their order."""

_KEY_BYTES = 8


@dataclass(slots=True)
class AskedQuestion:
    """A question of an earlier execution of the task.

    Attributes:
        slot: Its number.
        key: What it is recognized by; None if that is not stored.
        text: What was asked, shortened; empty for a question of an execution before the last one.
        is_exact: Whether its answer was given to this question and no other.
        is_latest: Whether it was open when the last execution ended.
    """

    slot: int
    key: str | None
    text: str
    is_exact: bool = False
    is_latest: bool = False


class AskedQuestions:
    """The questions of a task, matched with the calls of one execution.

    Args:
        asked: Those of the executions before.
        unknown: The slots of answers whose questions are not stored, as in sessions of older releases.
    """

    def __init__(self, asked: Iterable[AskedQuestion], unknown: Iterable[int] = ()) -> None:
        self._all = {question.slot: question for question in asked}
        for slot in unknown:
            self._all.setdefault(slot, AskedQuestion(slot, None, ""))
        self._left = sorted(self._all.values(), key=lambda question: question.slot)

    def again(self, key: str) -> AskedQuestion | None:
        """Take the first question of this key that this execution has not asked yet."""
        found = next((question for question in self._left if question.key == key), None)
        return self._taken(found)

    def instead_of(self, call: int) -> AskedQuestion | None:
        """Take the question in whose place a call may ask another one: of its number, or the only one left.

        Those whose answers are meant for them alone stay.
        """
        free = [question for question in self._left if not question.is_exact]
        latest = [question for question in free if question.is_latest]
        of_number = [question for question in free if question.slot == call]
        return self._taken(next(iter(of_number), latest[0] if len(latest) == 1 else None))

    def refused(self) -> AskedQuestion | None:
        """Return the question that was answered last and is not asked, whose answer is for it alone."""
        return next((question for question in self._left if question.is_exact and question.is_latest), None)

    def add(self, key: str, text: str) -> AskedQuestion:
        """Add a new question."""
        slot = max(self._all, default=-1) + 1
        self._all[slot] = AskedQuestion(slot, key, text)
        return self._all[slot]

    def _taken(self, question: AskedQuestion | None) -> AskedQuestion | None:
        if question is not None:
            self._left.remove(question)
        return question

    def known(self) -> bytes:
        """Return the questions for the next execution."""
        asked = [self._all.get(slot) for slot in range(max(self._all, default=-1) + 1)]
        return b"".join(
            bytes.fromhex(q.key) + bytes([q.is_exact]) if q is not None and q.key else bytes(_KEY_BYTES + 1)
            for q in asked
        )


def asked_in(interrupts: Iterable[Interrupt], slot_of: Any) -> list[AskedQuestion]:
    """Return the questions that the interrupts of a task tell of."""
    found: dict[int, AskedQuestion] = {}
    for interrupt in interrupts:
        value: Mapping[str, Any] = interrupt.value
        for slot, key, is_exact in _entries(value.get(KNOWN, b"")):
            found.setdefault(slot, AskedQuestion(slot, key, "", is_exact))
        slot = slot_of(interrupt)
        key = value.get(KEY) or key_of(value["value"])
        found[slot] = AskedQuestion(slot, key, short(value["value"]), is_latest=True)
    return list(found.values())


def _entries(known: bytes) -> Iterable[tuple[int, str | None, bool]]:
    for slot in range(len(known) // (_KEY_BYTES + 1)):
        start = slot * (_KEY_BYTES + 1)
        key = known[start : start + _KEY_BYTES]
        yield slot, key.hex() if any(key) else None, bool(known[start + _KEY_BYTES])


def key_of(value: Any, name: str | None = None) -> str:
    """Return what a question is recognized by: the name that it has, else its content."""
    return digest_of(("name", name) if name is not None else _content(value))[: 2 * _KEY_BYTES]


def _content(value: Any) -> Any:
    """What of a question's value can be compared in another process."""
    try:
        plain = normalize(value)
        digest_of(plain)
    except IndistinctError:
        return f"{type(value).__module__}.{type(value).__qualname__}"
    except ValueError:  # it cannot be normalized
        return short(value)
    return plain


def short(value: Any) -> str:
    """Return what a question asks, shortened for a message."""
    return value if isinstance(value, str) and len(value) <= _LONGEST else _shortener.repr(value)


_LONGEST = 200
_shortener = reprlib.Repr()
_shortener.maxstring = _shortener.maxother = _LONGEST
