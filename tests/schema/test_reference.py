"""`${…}` schemas resolve as `engine.md` 2.2 lists it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiuwen_lg.schema.reference import MAX_PATH, Reference, of_mapping, parse_schema, references

STATE = {"a": {"b": [1, {"z": 2}]}, "q": "hello", "x": "there", "flag": False, "zero": 0}


def resolve(schema: Any) -> Any:
    return parse_schema(schema).resolve(of_mapping(STATE))


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ("${a.b[1].z}", 2),
        ("${a.b}", [1, {"z": 2}]),
        ("${flag}", False),
        ("${zero}", 0),
        ("${nothing.here}", None),
        ("${a.b[7]}", None),
        ("${ q }", "hello"),
        (" ${q}\n", "hello"),
        ("${ nothing }", None),
        ("${a.b}[0]", "${a.b}[0]"),
        ("hi ${q}", "hi ${q}"),
        ("${q} bye", "${q} bye"),
        (["hi ${q}"], ["hi ${q}"]),
        ("${q}${x}", "hello"),
        ("${${q}}", "hello"),
        ("${}", "${}"),
        ("$q", "$q"),
        ("${q", "${q"),
        ({"k": {"n": ["${q}", 1]}}, {"k": {"n": ["hello", 1]}}),
        ({"missing": "${nope}"}, {"missing": None}),
        (("${q}",), ("${q}",)),
        (5, 5),
        (None, None),
    ],
)
def test_a_schema_resolves_to_its_value(schema: Any, value: Any) -> None:
    assert resolve(schema) == value


def test_a_path_that_is_too_long_is_a_literal() -> None:
    text = "${" + "a" * (MAX_PATH + 1) + "}"
    assert resolve(text) == text


def test_a_resolved_value_shares_nothing_with_the_state() -> None:
    resolve("${a.b}")[1]["z"] = "changed"
    assert STATE["a"] == {"b": [1, {"z": 2}]}


def test_a_literal_cannot_be_changed_through_its_value() -> None:
    schema = parse_schema({"list": [1, 2]})
    schema.resolve(of_mapping({}))["list"].append(3)
    assert schema.resolve(of_mapping({})) == {"list": [1, 2]}


def test_the_references_of_a_schema_come_in_order() -> None:
    found = references(parse_schema({"a": "${x.y}", "b": ["${z[0]}", "text"]}))
    assert [reference.path for reference in found] == [("x", "y"), ("z", 0)]
    assert all(isinstance(r, Reference) for r in references(parse_schema("${a}")))


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.text(max_size=20).map(lambda t: f"${{{t}}}"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
)


@given(json_like)
def test_any_schema_resolves_without_an_error(schema: Any) -> None:
    resolve(schema)
