"""The fields that a schema asks for, and what becomes of what is typed into them."""

from __future__ import annotations

import json
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, TypeAdapter

from jiuwen_lg.forms.checking import problems
from jiuwen_lg.forms.fields import Field as FormField
from jiuwen_lg.forms.fields import field_of
from jiuwen_lg.forms.reading import UnfitError, read
from jiuwen_lg.schema.answer_schema import fitted, json_schema_of
from jiuwen_lg.schema.path import MISSING


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


class Stop(BaseModel):
    city: str
    nights: int = Field(ge=1, le=30)


class Trip(BaseModel):
    """A journey."""

    traveller: str = Field(min_length=1, description="as in the passport")
    begins: date
    size: Size = Size.SMALL
    class_: Literal["economy", "business"] = Field(alias="class")
    stops: list[Stop] = Field(min_length=1)
    home: Stop | None = None
    budget: Decimal | None = None
    tags: set[Literal["a", "b"]] = set()


class Node(BaseModel):
    name: str
    next: Node | None = None


def of(kind: Any) -> FormField:
    return field_of(json_schema_of(kind))


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        *((str, "text"), (int, "integer"), (float, "number"), (bool, "boolean"), (Decimal, "any")),
        *((date, "date"), (time, "time"), (datetime, "datetime"), (Any, "any"), (None, "any")),
        *(
            (Literal["a", "b"], "choice"),
            (Literal["a"], "constant"),
            (Size, "choice"),
            (Literal["a"] | None, "choice"),
            (Size | None, "choice"),
        ),
        *((list[int], "list"), (set[Size], "choices"), (tuple[int, str], "tuple"), (Trip, "object")),
        *(
            (int | str, "any"),
            (int | Stop, "variant"),
            (Stop | Node, "variant"),
            (int | None, "integer"),
            (dict[str, int], "json"),
        ),
        *((Annotated[str, Field(max_length=500)], "long_text"), (Annotated[str, Field(max_length=50)], "text")),
    ],
)
def test_kinds(type_: Any, kind: str) -> None:
    assert of(type_).kind == kind


def test_a_model_has_its_fields() -> None:
    trip = of(Trip)
    assert trip.title == "Trip" and trip.description == "A journey."
    assert [field.name for field in trip.fields] == [
        *("traveller", "begins", "size", "class", "stops", "home", "budget", "tags")
    ]
    by_name = {field.name: field for field in trip.fields}
    assert by_name["traveller"].description == "as in the passport"
    assert by_name["traveller"].hint == "at least 1 characters"
    assert [choice.value for choice in by_name["class"].choices] == ["economy", "business"]
    assert (by_name["size"].kind, by_name["size"].default, by_name["size"].is_required) == ("choice", "s", False)
    item = by_name["stops"].item
    assert item is not None and [field.hint for field in item.fields] == ["", "at least 1, at most 30"]
    assert (by_name["home"].kind, by_name["home"].is_nullable) == ("object", True)
    assert by_name["tags"].kind == "choices"


def test_fields_are_plain_data_for_a_page() -> None:
    data = of(Trip).as_data()
    assert json.loads(json.dumps(data)) == data
    assert data["fields"][3] == {
        "kind": "choice",
        "required": True,
        "nullable": False,
        "name": "class",
        "title": "Class",
        "choices": [{"value": "economy", "label": "economy"}, {"value": "business", "label": "business"}],
    }


def test_what_contains_itself_ends() -> None:
    node = of(Node)
    inner = next(field for field in node.fields if field.name == "next")
    assert inner.kind == "json" and inner.is_nullable
    assert field_of({"type": "object", "properties": {"again": {"$ref": "#"}}}).fields[0].fields[0].kind == "json"


def test_choices_may_have_labels() -> None:
    labelled = field_of({"oneOf": [{"const": 1, "title": "同意"}, {"const": 2, "title": "驳回"}]})
    assert [(choice.value, choice.label) for choice in labelled.choices] == [(1, "同意"), (2, "驳回")]
    assert read(labelled, "驳回") == 2


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        *((int, " 5 ", 5), (float, "2.5", 2.5), (float, "3", 3), (Decimal, "1.10", 1.1), (str, " x ", " x ")),
        *((bool, "Yes", True), (bool, "否", False), (bool, "0", False), (Any, "x", "x"), (Any, "5", "5")),
        *(
            (Size, "L", "l"),
            (Literal["yes", "no"], "2", "no"),
            (Literal[3, 1], "1", 1),
            (set[Size], "s，l", ["s", "l"]),
        ),
        *((date, "2026-03-01", "2026-03-01"), (time, "14:30", "14:30:00"), (dict[str, int], '{"a": 1}', {"a": 1})),
        *((int | None, "", None), (Size | None, " ", None)),
    ],
)
def test_reading(type_: Any, text: str, value: Any) -> None:
    found = read(of(type_), text)
    assert found == value and type(found) is type(value)


def test_a_moment_without_a_zone_is_local() -> None:
    found = read(of(datetime), "2026-03-01 14:30")
    assert TypeAdapter(datetime).validate_python(found).astimezone() == datetime(2026, 3, 1, 14, 30).astimezone()


@pytest.mark.parametrize(
    ("type_", "text", "reason"),
    [
        (int, "five", "'five' is not of type 'integer'"),
        (int, "5.5", "whole number"),
        (float, "nan", "not of type 'number'"),
        (bool, "maybe", "write yes or no"),
        (Literal["a", "b"], "c", r"not one of \['a', 'b'\]"),
        (Literal[5, 7], "1", "not one of"),
        (date, "2026-02-30", "write it like 2026-03-01"),
        (Annotated[int, Field(ge=1)], "0", "0 is less than the minimum of 1"),
        (Annotated[str, Field(pattern="^a")], "b", "does not match"),
        (dict[str, int], "{", "is no JSON"),
        (int, "", "not of type 'integer'"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(type_: Any, text: str, reason: str) -> None:
    with pytest.raises(UnfitError, match=reason):
        read(of(type_), text)


def test_an_optional_field_that_is_left_empty_is_left_out_or_its_default() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer", "default": 3}}}
    a, b = field_of(schema).fields
    assert read(a, "") is MISSING
    assert read(b, "") == 3


def test_every_wrong_field_is_named() -> None:
    given = {"traveller": "", "class": "first", "stops": [{"city": "杭州", "nights": 0}, {"nights": 2}]}
    found = problems(given, json_schema_of(Trip))
    assert {problem.path for problem in found} == {
        *(("traveller",), ("class",), ("begins",), ("stops", 0, "nights"), ("stops", 1, "city"))
    }
    assert str(next(p for p in found if p.path == ("begins",))) == "begins: it is required"
    assert problems({"name": "a", "next": {"name": 5}}, json_schema_of(Node))[0].path == ("next", "name")


def test_what_is_read_is_what_the_component_gets() -> None:
    """The values of the fields fit the type itself, not only its JSON schema."""
    assert fitted(read(of(date), "2026-03-01"), date) == date(2026, 3, 1)
    assert fitted(read(of(set[Size]), "l"), set[Size]) == {Size.LARGE}
    for amount in ("0.5", "12345678901234567.89", "7"):
        assert fitted(read(of(Decimal), amount), Decimal) == Decimal(amount)
