"""Forms in a notebook: what is filled in, and what is refused at its field."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from jiuwen_lg.output import InteractionOutput
from jiuwen_lg.schema.answer_schema import json_schema_of
from tests.forms.test_fields import Stop, Trip

ipywidgets = pytest.importorskip("ipywidgets")


class Person:
    """Fills a form in; `answers` is what came of it."""

    def __init__(self, *schemas: Any, **more: Any) -> None:
        from jiuwen_lg.forms.widgets import QuestionForm

        self.answers: list[Any] | None = None
        self.questions = [
            InteractionOutput.asked(f"ask{n}", "?", f"t{n}", json_schema_of(schema), **more)
            for n, schema in enumerate(schemas)
        ]
        self.form = QuestionForm(self.questions, self._take)

    def _take(self, answers: list[Any]) -> None:
        self.answers = answers

    def inputs(self, number: int = 0) -> dict[tuple[str | int, ...], Any]:
        return {part.path: part for part in self.form._inputs[number].all()}

    def fill(self, *path: str | int, value: Any, number: int = 0) -> None:
        body = self.inputs(number)[path].body
        body.value = value

    def submit(self, number: int = 0) -> dict[tuple[str | int, ...], str]:
        """The refusals, by path."""
        self.form.button.click()
        shown = {
            path: part.reason for path, part in self.inputs(number).items() if part.reason.layout.display != "none"
        }
        return {path: reason.value.partition(">")[2].removesuffix("</span>") for path, reason in shown.items()}


def test_a_text_needs_one_line_and_one_button() -> None:
    person = Person(None)
    person.fill(value="ann")
    assert person.submit() == {}
    assert person.answers == ["ann"]


@pytest.mark.parametrize(
    ("schema", "empty"), [(int, "not of type"), (bool, "required"), (Literal["a", "b"], "required")]
)
def test_nothing_is_sent_that_nobody_filled_in(schema: Any, empty: str) -> None:
    person = Person(schema)
    assert empty in person.submit()[()]
    assert person.answers is None


def test_a_model_is_refused_at_its_fields_and_then_taken() -> None:
    import datetime

    person = Person(Trip)
    person.fill("traveller", value="ann")
    person.fill("class", value=1)
    person.fill("stops", 0, "nights", value="many")
    refused = person.submit()
    assert refused == {
        ("begins",): "it is required",
        ("stops", 0, "nights"): "&#x27;many&#x27; is not of type &#x27;integer&#x27;: write a whole number, such as 5",
    }
    person.fill("begins", value=datetime.date(2026, 3, 1))
    person.fill("stops", 0, "city", value="杭州")
    person.fill("stops", 0, "nights", value="31")
    assert person.submit() == {("stops", 0, "nights"): "31 is greater than the maximum of 30"}
    person.fill("stops", 0, "nights", value="3")
    assert person.submit() == {}
    assert person.answers == [
        {
            "traveller": "ann",
            "begins": "2026-03-01",
            "size": "s",
            "class": "business",
            "stops": [{"city": "杭州", "nights": 3}],
            "home": None,
            "budget": None,
            "tags": [],
        }
    ]


def test_items_are_added_and_removed() -> None:
    person = Person(list[Stop])
    items = person.inputs()[()]
    rows, (more, less) = items.body.children[0], items.body.children[1].children
    more.click()
    more.click()
    less.click()
    assert len(rows.children) == 2
    for number in range(2):
        person.fill(number, "city", value="杭州")
        person.fill(number, "nights", value="1")
    person.submit()
    assert person.answers == [[{"city": "杭州", "nights": 1}] * 2]


def test_an_object_that_may_be_absent_is_until_it_is_ticked() -> None:
    person = Person(Trip)
    home = person.inputs()["home",]
    assert ("home", "city") not in person.inputs()
    home.body.children[0].value = True
    person.fill("home", "city", value="x")
    assert person.submit()["home", "nights"].startswith("&#x27;&#x27; is not of type")


def test_a_variant_shows_its_own_fields() -> None:
    class Mail(BaseModel):
        to: str = Field(min_length=3)

    person = Person(Mail | Stop)
    assert person.submit() == {(): "it is required"}
    person.inputs()[()].body.children[0].value = 0
    person.fill("to", value="ab")
    assert "too short" in person.submit()["to",]
    person.fill("to", value="abc")
    assert person.submit() == {}
    assert person.answers == [{"to": "abc"}]


def test_several_questions_are_one_form() -> None:
    person = Person(int, str)
    person.fill(value="5")
    person.fill(value="x", number=1)
    person.submit()
    assert person.answers == [5, "x"]
    person.form.disable()
    assert person.form.button.disabled and person.inputs()[()].body.disabled


def test_why_the_last_answer_did_not_fit_stands_at_once() -> None:
    (reason,) = (part.reason.value for part in Person(str, error="no such <town>").inputs().values())
    assert "no such &lt;town&gt;" in reason
