"""Merging keeps what it is given as it was; storing normalises."""

import copy
import threading
from collections import OrderedDict
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiuwen_lg.engine.graph.state import _keep_outputs
from jiuwen_lg.schema.path import find_in
from jiuwen_lg.schema.values import deep_copy, merge, normalize, patch_global, patch_private

trees = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
)
dicts = st.dictionaries(st.sampled_from("abc"), trees, max_size=3)


@given(dicts, st.lists(dicts, max_size=4))
def test_merging_leaves_its_inputs_untouched(state: Any, writes: list[Any]) -> None:
    before = copy.deepcopy((state, writes))
    _keep_outputs(state, writes)
    assert (state, writes) == before


@given(dicts, st.lists(dicts, max_size=3), st.lists(dicts, max_size=3))
def test_merging_in_one_batch_or_two_is_the_same(state: Any, first: list[Any], second: list[Any]) -> None:
    assert _keep_outputs(_keep_outputs(state, first), second) == _keep_outputs(state, first + second)


def test_dicts_merge_and_everything_else_is_replaced() -> None:
    assert merge({"d": {"a": 1}, "s": "x", "l": [1]}, {"d": {"b": 2}, "l": [2], "s": None}) == {
        "d": {"a": 1, "b": 2},
        "s": None,
        "l": [2],
    }


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ((1, (2, 3)), [1, [2, 3]]),
        (OrderedDict(a=1), {"a": 1}),
        (bytearray(b"x"), b"x"),
        (numpy.int64(3), 3),
        ({1, 2}, {1, 2}),
        ("text", "text"),
    ],
)
def test_a_stored_value_is_normalised(value: Any, stored: Any) -> None:
    result = normalize(value)
    assert result == stored
    assert type(result) is type(stored)


@pytest.mark.parametrize("value", [{1: "a"}, {"a": [{None: 1}]}])
def test_what_has_no_place_in_the_state_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="must be strings"):
        normalize(value)


def test_what_cannot_be_copied_is_passed_on() -> None:
    lock = threading.Lock()
    assert deep_copy({"lock": lock})["lock"] is lock


def test_private_state_merges_stores_none_and_can_be_wiped() -> None:
    state = patch_private({"x": {"y": 1}, "l": [1, 2]}, {"x.z": 2, "l[1]": 5, "n": None})
    assert state == {"x": {"y": 1, "z": 2}, "l": [1, 5], "n": None}
    assert patch_private(state, None) == {}
    assert patch_private({"l": [1]}, {"l[3]": 2}) == {"l": [1, None, None, 2]}


def test_global_state_deletes_on_none_at_the_top_and_stores_it_inside() -> None:
    state = patch_global({"a": {"b": 1, "c": 2}, "d": 3}, {"a.b": None, "d": None, "e": {"f": None}})
    assert state == {"a": {"c": 2}, "e": {"f": None}}
    assert patch_global({"l": [1, 2]}, {"l[0]": None}) == {"l": [1, 2]}


@given(dicts, dicts)
def test_patches_leave_the_old_state_untouched(state: Any, patch: Any) -> None:
    before = copy.deepcopy(state)
    patch_private(state, patch)
    patch_global(state, patch)
    assert state == before


ODD_KEYS = st.text("ab.[]'\" 0", max_size=8)
odd_trees = st.recursive(
    st.none() | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD_KEYS, inner, max_size=4),
)


@given(odd_trees)
def test_keys_of_data_are_never_parsed(data: Any) -> None:
    assert normalize(data) == data


@pytest.mark.parametrize("key", ["Price [USD]", "filter[name]", "tags[]", "a..b", ".", "[0]", "a[b", "a]", "x['y'", ""])
def test_a_key_of_an_update_that_is_no_path_is_a_key(key: str) -> None:
    for patch in (patch_private, patch_global):
        state = patch(patch({}, {key: 1}), {"Price": 2, "filter": {}})
        assert state == {key: 1, "Price": 2, "filter": {}}
        assert find_in(state, key) == 1
    assert patch_global({key: 1, "b": 2}, {key: None}) == {"b": 2}
