"""Annotations of tools' functions: values arrive as they say, a model is told the same, a misfit is named."""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal, Optional
from uuid import UUID

import pytest
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from jiuwen_lg import JiuWenBaseException, LocalFunction, tool
from tests.components.test_tool import codes, output


class Unit(enum.Enum):
    CELSIUS = "c"
    FAHRENHEIT = "f"


class Place(BaseModel):
    city: str
    km: Annotated[float, Field(gt=0)] = 1.0


@dataclass
class Point:
    x: int
    y: int


class Range(TypedDict):
    low: int


def takes(annotation: Any, *default: Any) -> LocalFunction:
    """A tool with one parameter of a type, which gives what arrived."""

    namespace: dict[str, Any] = {"T": annotation, "default": default[0] if default else None}
    exec(f"def given(x: T{' = default' if default else ''}):\n    'Gives it.'\n    return x", namespace)
    return tool(namespace["given"])


VALUES = [
    (Unit, "c", Unit.CELSIUS),
    (Literal["c", "f"], "f", "f"),
    (dt.date, "2026-01-02", dt.date(2026, 1, 2)),
    (dt.datetime, "2026-01-02T03:04:05Z", dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)),
    (UUID, str(UUID(int=1)), UUID(int=1)),
    (Decimal, "1.50", Decimal("1.50")),
    (Place, {"city": "杭州"}, Place(city="杭州")),
    (list[Place], [{"city": "a", "km": 2}], [Place(city="a", km=2)]),
    (dict[str, Place], {"p": {"city": "a"}}, {"p": Place(city="a")}),
    (Place | None, None, None),
    (Optional[list[Unit]], ["c"], [Unit.CELSIUS]),  # noqa: UP045 - how many write it
    (Point, {"x": 1, "y": "2"}, Point(1, 2)),
    (Range, {"low": "3"}, {"low": 3}),
    (int | str, "five", "five"),
    (Any, {"k": [1]}, {"k": [1]}),
    (list[list[int]], [[1], ["2"]], [[1], [2]]),
    (tuple[int, str], [1, "a"], (1, "a")),
    (set[int], [1, 1], {1}),
    (Annotated[int, Field(ge=1, le=7)], 7, 7),
    (int, 2**70, 2**70),
    (str, 5, "5"),
    (bool, "false", False),
]


@pytest.mark.parametrize(("annotation", "given", "expected"), VALUES, ids=lambda v: str(v)[:40])
async def test_a_value_arrives_as_what_its_annotation_says(annotation: Any, given: Any, expected: Any) -> None:
    found = await takes(annotation).ainvoke({"x": given})
    assert found == expected
    assert type(found) is type(expected)
    assert takes(annotation).invoke({"x": given}) == expected
    assert (await output(takes(annotation), {"x": "${s.q}"}, q=given))["error_code"] == 0


@pytest.mark.parametrize(
    ("annotation", "given", "words"),
    [
        (Unit, "zzz", "[x]: Input should be 'c' or 'f'; it is 'zzz'"),
        (Literal["c", "f"], "zzz", "'c' or 'f'"),
        (Annotated[int, Field(ge=1, le=7)], 30, "less than or equal to 7; it is 30"),
        (dt.date, "tomorrow", "[x]"),
        (Place, {"city": "a", "km": 0}, "[x.km]: Input should be greater than 0"),
        (list[Place], [{"city": "a"}, {}], "[x[1].city]: Field required"),
        (int, 3.7, "fractional part"),
        (int, [1], "[x]: Input should be a valid integer"),
    ],
)
async def test_what_does_not_fit_is_named_for_the_model_to_read(annotation: Any, given: Any, words: str) -> None:
    with pytest.raises(JiuWenBaseException) as error:
        await takes(annotation).ainvoke({"x": given})
    assert error.value.error_code == 182005
    assert words in error.value.message
    found, message = await codes(takes(annotation), {"x": given})
    assert found[:2] == (100005, 102002)
    assert words in message


@pytest.mark.parametrize(
    ("annotation", "told"),
    [
        (Unit, {"enum": ["c", "f"], "type": "string"}),
        (Literal["c", "f"], {"enum": ["c", "f"], "type": "string"}),
        (Annotated[int, Field(ge=1, le=7, description="days")], {"minimum": 1, "maximum": 7, "type": "integer"}),
        (dt.date, {"type": "string", "format": "date"}),
        (str | None, {"type": "string"}),
        (dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
        (int | str, {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
        (Any, {}),
    ],
)
def test_the_model_is_told_choices_and_bounds(annotation: Any, told: dict[str, Any]) -> None:
    property_ = takes(annotation).get_tool_info().parameters.properties["x"]
    assert {key: value for key, value in property_.items() if key != "description"} == told


def test_nested_models_are_told_without_references() -> None:
    told = takes(list[Place]).get_tool_info().parameters.model_dump_json()
    assert "$ref" not in told
    assert '"city"' in told
    assert takes(list[Place]).params[0].schema[0].name == "city"


@pytest.mark.parametrize(
    ("function", "given", "expected"),
    [
        (takes(str | None), {}, None),
        (takes(str | None, "a"), {}, "a"),
        (takes(Annotated[int, Field(default=3)]), {}, 3),
        (takes(int, Field(5, ge=1)), {}, 5),
        (takes(list[str], []), {}, []),
        (takes(int, "auto"), {}, "auto"),
        (takes(Unit, Unit.CELSIUS), {}, Unit.CELSIUS),
        (takes(int, 5), {"x": 0}, 0),
    ],
)
async def test_what_may_be_missing(function: LocalFunction, given: dict[str, Any], expected: Any) -> None:
    assert not function.params[0].required
    assert await function.ainvoke(given) == expected
    assert function.invoke(given) == expected
    assert (await output(function, {"x": "${s.q}"}, q=given.get("x")))["data"] == expected


async def test_a_default_is_not_shared_between_calls() -> None:
    @tool
    def collect(x: list[str] = []) -> list[str]:  # noqa: B006 - what is tested
        """Collects."""
        x.append("seen")
        return x

    assert [await collect.ainvoke({}) for _ in range(2)] == [["seen"], ["seen"]]
