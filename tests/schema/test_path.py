"""Paths are split as 0.1.1 splits them, whatever they look like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiuwen_lg.schema.path import MISSING, parse_path, walk

TREE = {"a": {"b": [1, {"z": "deep"}], "k-1": 7, "0": "digit"}, "n": None, "输入": {"城市": "杭州"}, "k 2": {"x": 1}}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a.b[0]", 1),
        ("a.b[1].z", "deep"),
        ("a.b[-1].z", "deep"),
        ("a['k-1']", 7),
        ("a.k-1", 7),
        ("a.0", "digit"),
        ("['k 2'].x", 1),
        ("输入.城市", "杭州"),
        ("n", None),
        ("a.missing", MISSING),
        ("a.b[2]", MISSING),
        ("a.b[-3]", MISSING),
        ("a.b.c", MISSING),
        ("n.x", MISSING),
        ("", MISSING),
    ],
)
def test_a_path_leads_to_its_value(path: str, value: object) -> None:
    assert walk(TREE, parse_path(path)) == value


def test_a_subscript_that_is_neither_position_nor_key_is_passed_over() -> None:
    assert parse_path('a["b"].c') == ("a", "c")


@given(st.text(max_size=60))
def test_no_text_is_too_odd_to_be_a_path(text: str) -> None:
    walk(TREE, parse_path(text))
