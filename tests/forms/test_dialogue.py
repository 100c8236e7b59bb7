"""Questions in a terminal: field by field, and wrong input refused at its field."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from jiuwen_lg.forms.dialogue import Terminal, ask_question
from jiuwen_lg.output import InteractionOutput
from jiuwen_lg.schema.answer_schema import fitted, json_schema_of
from tests.forms.test_fields import Stop, Trip


class Person:
    """Types what a test says, and keeps what it is shown."""

    def __init__(self, *typed: str) -> None:
        self.typed: Iterator[str] = iter(typed)
        self.prompts: list[str] = []
        self.shown: list[tuple[str, str]] = []

    def ask(self, prompt: str) -> str:
        self.prompts.append(prompt)
        try:
            return next(self.typed)
        except StopIteration:
            raise EOFError from None

    def answers(self, schema: Any, value: Any = "?", **more: Any) -> Any:
        question = InteractionOutput.asked("ask", value, "token", json_schema_of(schema), **more)
        return ask_question(Terminal(lambda text, tone: self.shown.append((tone, text)), self.ask), question)

    @property
    def refused(self) -> list[str]:
        return [text.strip() for tone, text in self.shown if tone == "wrong"]


def test_a_simple_question_is_one_line() -> None:
    person = Person("many", "0", "3")
    assert person.answers(Annotated[int, Field(ge=1)], "how many?", label="采购") == 3
    assert person.prompts == ["[ask] 采购 how many? (integer; at least 1) "] * 3
    assert [reason.split(":")[0] for reason in person.refused] == [
        *("'many' is not of type 'integer'", "0 is less than the minimum of 1")
    ]
    assert Person("3").answers(None) == "3"


def test_a_model_is_filled_in_field_by_field() -> None:
    person = Person(
        *("ann", "tomorrow", "2026-03-01", "", "first", "business"),
        *("y", "杭州", "0", "2", "n"),
        *("n", "", "a"),
    )
    answer = person.answers(Trip)
    assert answer == {
        "traveller": "ann",
        "begins": "2026-03-01",
        "size": "s",
        "class": "business",
        "stops": [{"city": "杭州", "nights": 2}],
        "home": None,
        "budget": None,
        "tags": ["a"],
    }
    assert fitted(answer, Trip).begins == date(2026, 3, 1)
    assert [reason.split(":")[0] for reason in person.refused] == [
        *(
            "'tomorrow' is not a date",
            "'first' is not one of ['economy', 'business']",
            "0 is less than the minimum of 1",
        )
    ]


def test_a_list_ends_with_an_empty_line_and_not_before_there_are_enough() -> None:
    class Two(BaseModel):
        names: list[str] = Field(min_length=2)

    person = Person("a", "", "b", "")
    assert person.answers(Two) == {"names": ["a", "b"]}
    assert "too short" in person.refused[0]


def test_variants_are_chosen_first() -> None:
    class Call(BaseModel):
        number: str

    assert Person("call", "110").answers(Call | Stop) == {"number": "110"}
    assert Person("2", "杭州", "1").answers(Call | Stop) == {"city": "杭州", "nights": 1}


def test_many_choices_are_listed() -> None:
    person = Person("9", "5")
    days = Literal["mon", "tue", "wed", "thu", "fri"]
    assert person.answers(days) == "fri"
    assert ("plain", "  5. fri") in person.shown
    assert len(person.refused) == 1


def test_why_the_last_answer_did_not_fit_is_shown_first() -> None:
    person = Person("x")
    person.answers(str, error="no such town")
    assert person.refused == ["no such town"]


def test_nobody_there() -> None:
    with pytest.raises(EOFError):
        Person().answers(Trip)


def test_what_only_the_whole_shows_is_asked_again() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
    }
    person = Person("", "", "", "2")
    assert person.answers(schema) == {"b": 2}
    assert person.refused
