"""Digests: equal only where nothing tells two values apart."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import functools
import itertools
import pathlib
import re
import subprocess
import sys
import threading
import uuid
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from jiuwen_lg.engine.graph.digest import IndistinctError, digest_of


class Secret(BaseModel):
    """A model that shows nothing of itself."""

    key: SecretStr

    def __repr__(self) -> str:
        return "Secret"


@dataclasses.dataclass
class Hidden:
    """A field that `repr` leaves out."""

    x: int = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True)
class Slotted:
    """Slots instead of a dict."""

    __slots__ = ("x",)
    x: int


class Point(NamedTuple):
    """A tuple with names."""

    x: int


class Colour(enum.Enum):
    """Two members of one class."""

    RED = 1
    BLUE = 2


class Sly:
    """Leaves its content out when it is copied."""

    def __init__(self, x: int) -> None:
        self.x = x

    def __getstate__(self) -> dict[str, Any]:
        return {}


class Words(list):  # type: ignore[type-arg]
    """A list of another kind."""


def adder(n: Any) -> Any:
    return lambda x: x + n


def made(n: int, method: Any = None) -> Any:
    class Made:
        number = n

        def plus(self) -> Any:
            return method

    return Made()


BIG = np.arange(5000)
CHANGED = BIG.copy()
CHANGED[2500] = -1
NOW = dt.datetime(2026, 10, 25, 2, 30, tzinfo=dt.UTC)

VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 2**64, 1.0, -0.0, 0.0, float("inf"), 1j, "", "1", "null", "None", b"", b"1", ...),
    *(
        [],
        (),
        {},
        set(),
        frozenset(),
        [1],
        (1,),
        {1},
        frozenset({1}),
        [[1], 2],
        [1, [2]],
        [1, 2],
        [2, 1],
        ["ab"],
        ["a", "b"],
    ),
    *({"a": 1}, {"a": "1"}, {"a": {"b": 1}}, {"a.b": 1}, {"a": None}, {1: "a"}, {"1": "a"}),
    *(bytearray(b"1"), Words([1]), collections.OrderedDict(a=1), collections.Counter("a"), collections.deque([1])),
    *(BIG, CHANGED, BIG.astype("int32"), BIG.reshape(2, 2500), np.array([1.000000001]), np.array([1.000000002])),
    *(np.array([1, "x"], dtype=object), np.array([1, "y"], dtype=object), {"a": BIG}, {"a": CHANGED}),
    *(dt.date(2026, 1, 1), "datetime.date(2026, 1, 1)", NOW, NOW.replace(fold=1), NOW.replace(tzinfo=None)),
    *(
        decimal.Decimal(1),
        decimal.Decimal("1.0"),
        "Decimal('1')",
        fractions.Fraction(1),
        uuid.UUID(int=1),
        uuid.UUID(int=2),
    ),
    *(Secret(key=SecretStr("a")), Secret(key=SecretStr("b")), SecretStr("a"), SecretStr("b")),
    *(Hidden(1), Hidden(2), Slotted(1), Slotted(2), Point(1), Point(2), Sly(1), Sly(2), *Colour),
    *(
        re.compile("a"),
        re.compile("a", re.IGNORECASE),
        pathlib.PurePosixPath("a"),
        pathlib.PurePosixPath("b"),
        range(3),
        range(4),
    ),
    *(
        adder(1),
        adder(2),
        adder([1]),
        adder([2]),
        lambda x: x,
        lambda x: -x,
        functools.partial(max, 1),
        functools.partial(max, 2),
    ),
    *(len, sys, dict, Hidden, Hidden(1).__init__, "x".join, "y".join),  # type: ignore[misc]
    *(made(1), made(2), made(1, len), made(1, [2]), made(1, adder(1))),
]
"""Values no two of which are the same."""


def test_no_two_of_many_values_have_one_digest() -> None:
    digests = [digest_of(value) for value in VALUES]
    same = [
        (one, other) for (one, a), (other, b) in itertools.combinations(zip(VALUES, digests, strict=True), 2) if a == b
    ]
    assert same == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: {"a": 1, "b": [2, {"c", "d"}]},
        lambda: BIG.copy(),
        lambda: Secret(key=SecretStr("a")),
        lambda: Hidden(1),
        lambda: made(1, adder(2)),
        lambda: adder({"deep": [1]}),
        lambda: functools.partial(adder(1), 2),
        lambda: collections.deque([NOW]),
    ],
)
def test_what_is_made_twice_has_one_digest(make: Any) -> None:
    assert digest_of(make()) == digest_of(make())


def test_the_order_of_a_dict_does_not_count() -> None:
    assert digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def typed(value: Any) -> Any:
    """A value with the types of its parts, so that 1, 1.0 and True are different."""
    if isinstance(value, dict):
        return {key: typed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [typed(item) for item in value]
    return (type(value), repr(value))


@given(JSON, JSON)
def test_data_is_equal_exactly_where_its_digests_are(one: Any, other: Any) -> None:
    assert (typed(one) == typed(other)) == (digest_of(one) == digest_of(other))


@pytest.mark.parametrize(
    "value",
    [
        threading.Lock(),
        object(),
        (n for n in "ab"),
        {"deep": [threading.Lock()]},
        adder(threading.Lock()),
        functools.reduce(lambda inner, _: [inner], range(400), []),
    ],
)
def test_what_cannot_be_taken_apart_has_no_digest(value: Any) -> None:
    with pytest.raises(IndistinctError):
        digest_of(value)


def test_a_value_may_hold_itself() -> None:
    one: list[Any] = [1]
    one.append(one)
    other: list[Any] = [2]
    other.append(other)
    assert digest_of(one) != digest_of(other)


def test_a_function_is_what_it_reads_beside_it() -> None:
    def function_of(text: str) -> Any:
        module: dict[str, Any] = {"__name__": "cell"}
        exec(text, module)  # as a notebook's cells do
        return module["work"]

    one, other = (function_of(f"P = {p!r}\ndef work(i): return P") for p in "ab")
    inner, changed = (function_of(f"def help(): return {p!r}\ndef work(i): return help()") for p in "ab")
    assert digest_of(one) != digest_of(other)
    assert digest_of(inner) != digest_of(changed)
    assert digest_of(one) == digest_of(function_of("\n\nP = 'a'\ndef work(i): return P"))


def test_another_process_has_the_same_digests() -> None:
    code = (
        "from jiuwen_lg.engine.graph.digest import digest_of\n"
        "import datetime\n"
        "print(digest_of([{'a': {'x', 'y', 'z'}}, datetime.date(2026, 1, 1), 1.5]))"
    )
    printed = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout for _ in "ab"
    }
    assert printed == {digest_of([{"a": {"x", "y", "z"}}, dt.date(2026, 1, 1), 1.5]) + "\n"}
