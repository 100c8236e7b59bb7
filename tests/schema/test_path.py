"""Paths are split as 0.1.1 splits them, whatever they look like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiuwen_lg.schema.path import MISSING, find_in, is_exact, parse_key, parse_path, walk

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


KEYS = ["Price [USD]", "filter[name]", "tags[]", "Test 2.0", "a.b", "it's", "a]b", "a[0]", "c}d", "['x']", "汇率 [元]"]


@pytest.mark.parametrize("key", KEYS)
def test_a_quoted_key_is_any_text(key: str) -> None:
    quoted = "['" + key.replace("'", "\\'") + "']"
    assert parse_path(f"c{quoted}.d[0]") == ("c", key, "d", 0)
    assert find_in({"c": {key: {"d": [5]}, "other": 1}}, f"c{quoted}.d[0]") == 5
    assert is_exact(f"c{quoted}")


@pytest.mark.parametrize("key", [key for key in KEYS if key != "['x']"])
@pytest.mark.parametrize("place", ["{}", "c.{}", "c.{}.d[0]", "l[0].{}", "{}.x y"])
def test_a_key_of_data_is_found_as_it_is_written(key: str, place: str) -> None:
    leaf = {"d": [5], "x y": 6}
    tree = {"c": {key: leaf}, "l": [{key: leaf}], key: leaf}
    expected = 5 if place.endswith("[0]") else 6 if place.endswith("y") else leaf
    assert find_in(tree, place.format(key)) == expected


def test_a_path_comes_before_a_key_with_dots() -> None:
    assert find_in({"a": {"b": 1}, "a.b": 2}, "a.b") == 1
    assert find_in({"a": {"b": 1}, "a.b": 2}, "['a.b']") == 2


def test_a_key_with_brackets_comes_before_a_path_that_passes_over_them() -> None:
    assert find_in({"f": {"x": 1}, "f[name]": 2}, "f[name]") == 2
    assert find_in({"f": {"x": 1}}, "f[name]") == {"x": 1}


@given(st.text("ab.[]'0 -", max_size=12))
def test_a_key_of_an_update_is_read_back_under_its_name(text: str) -> None:
    path = parse_key(text)
    assert path == (text,) or (path == parse_path(text) and is_exact(text))


@given(st.dictionaries(st.text("ab.[]'0", min_size=1, max_size=6), st.integers(), max_size=5))
def test_every_key_of_data_can_be_reached_with_quotes(data: dict[str, int]) -> None:
    for key, value in data.items():
        if not key.endswith("\\"):
            assert find_in({"c": data}, "c['" + key.replace("'", "\\'") + "']") == value
