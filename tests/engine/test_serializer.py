"""Values come back as themselves; nothing is imported or called on the way."""

from __future__ import annotations

import copy
import dataclasses
import datetime as dt
import decimal
import enum
import ipaddress
import pathlib
import re
import subprocess
import sys
import threading
import uuid
import zoneinfo
from collections import deque
from typing import Any, NamedTuple

import numpy
import ormsgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.serde.types import _DeltaSnapshot
from langgraph.types import Interrupt, Overwrite, Send
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from jiuwen_lg import JiuWenBaseException, register_state_type
from jiuwen_lg.engine.serializer import NotSaved, StrictSerializer

serializer = StrictSerializer()


def there_and_back(value: Any) -> Any:
    return serializer.loads_typed(serializer.dumps_typed(value))


class Inner(BaseModel):
    x: int


class Special(Inner):
    y: int = 2


class Model(BaseModel):
    model_config = ConfigDict(extra="allow", populate_by_name=False)
    name: str = Field(alias="theName")
    inner: Inner | None = None
    _hidden: int = PrivateAttr(default=7)


class Validated(BaseModel):
    model_config = ConfigDict(frozen=True)
    count: int = Field(ge=0)


class Pair(NamedTuple):
    left: int
    right: Any


@dataclasses.dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int = dataclasses.field(init=False, default=5)


@dataclasses.dataclass
class Tree:
    children: list[Tree]
    init_only: dataclasses.InitVar[int] = 0


class Colour(enum.Enum):
    RED = "r"


class Mode(enum.Flag):
    A = 1
    B = 2


class Tupled(enum.Enum):
    PAIR = ("a", 1)


@dataclasses.dataclass(frozen=True)
class Frozen:
    items: tuple[Any, ...]
    wide: int = 2**80


class Outer:
    class Nested(BaseModel):
        v: int


VALUES = [
    None,
    True,
    0,
    -1,
    2**63,
    2**64,
    -(2**70),
    1.5,
    float("inf"),
    "",
    "文",
    b"",
    b"x",
    [],
    {},
    [1, [2]],
    {"a": {"b": None}},
    {1, 2},
    {(1, (2,))},
    frozenset({"a"}),
    deque([1]),
    dt.datetime(2026, 1, 2, 3, 4, 5, 6, dt.UTC),
    dt.date(2026, 1, 2),
    dt.time(1, 2, 3, fold=1),
    dt.timedelta(1, 2, 3),
    dt.timezone(dt.timedelta(hours=8), "CST"),
    zoneinfo.ZoneInfo("Asia/Shanghai"),
    decimal.Decimal("1.10"),
    uuid.UUID(int=5),
    pathlib.Path("/a/b"),
    re.compile("a+", re.IGNORECASE),
    ipaddress.ip_address("10.0.0.1"),
    ipaddress.ip_network("::/8"),
    Colour.RED,
    Mode.A | Mode.B,
    Pair(1, Pair(2, [3])),
    Point(1),
    Tree([Tree([])]),
    Special(x=1),
    Model(theName="n", inner=Special(x=1, y=9), extra="kept"),
    Validated(count=3),
    Outer.Nested(v=1),
    Tupled.PAIR,
    Frozen(((1, 2), (3,))),
    Pair((1,), deque([(2,)])),
    dt.datetime(2026, 3, 28, 12, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
    Interrupt(value={"a": 1}, id="i"),
    Overwrite({"a": 1}),
    Send("n", {"a": 1}),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_comes_back_as_itself(value: Any) -> None:
    found = there_and_back({"at": [value]})["at"][0]
    assert found == value
    assert type(found) is type(value)


def test_a_model_comes_back_whole() -> None:
    found = there_and_back(Model(theName="n", inner=Special(x=1, y=9), extra="kept"))
    assert type(found.inner) is Special
    assert (found.extra, found._hidden, repr(found)) == (
        "kept",
        7,
        repr(Model(theName="n", inner=Special(x=1, y=9), extra="kept")),
    )


def test_what_is_hidden_in_a_model_comes_back() -> None:
    model = Model(theName="n")
    model._hidden = 9
    found = there_and_back(model)
    assert (found._hidden, found.model_fields_set) == (9, {"name"})


def test_a_moment_in_a_named_zone_keeps_its_zone() -> None:
    before = dt.datetime(2026, 3, 28, 12, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))
    assert there_and_back(before) + dt.timedelta(days=2) == before + dt.timedelta(days=2)


def test_records_come_back() -> None:
    records = numpy.array([(1, "ab"), (2, "c")], dtype=[("n", "<i4"), ("t", "<U2")])
    found = there_and_back(records)
    assert found.dtype == records.dtype
    assert (found == records).all()


def test_a_failed_task_is_recorded_by_its_text() -> None:
    assert there_and_back(ValueError("x")) == "ValueError('x')"


@pytest.mark.parametrize(
    "array",
    [numpy.arange(6).reshape(2, 3), numpy.asfortranarray(numpy.ones((2, 3))), numpy.arange(9)[::2], numpy.array(5)],
)
def test_an_array_comes_back_and_can_be_written_to(array: Any) -> None:
    found = there_and_back(array)
    assert (found == array).all()
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    found[...] = 0


def test_a_snapshot_of_a_channel_comes_back() -> None:
    assert there_and_back(_DeltaSnapshot({"a": Colour.RED})).value == {"a": Colour.RED}


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.binary(max_size=5) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
)


@given(json_like)
def test_plain_data_comes_back(value: Any) -> None:
    assert there_and_back(value) == value


@given(json_like)
def test_langgraphs_own_serializer_reads_what_is_written_of_plain_data(value: Any) -> None:
    assert JsonPlusSerializer().loads_typed(serializer.dumps_typed(value)) == value


@given(st.binary(max_size=60))
def test_no_bytes_do_more_than_an_error(blob: bytes) -> None:
    try:
        serializer.loads_typed(("msgpack", blob))
    except JiuWenBaseException as error:
        assert error.error_code == 100908


class TestNotSaved:
    def save(self, value: Any) -> Any:
        with pytest.warns(RuntimeWarning, match="cannot be stored"):
            return there_and_back(value)

    def test_the_rest_is_saved_and_a_read_names_component_and_path(self) -> None:
        found = self.save({"node": {"ok": 1, "deep": [{"lock": threading.Lock()}]}})
        assert found["node"]["ok"] == 1
        with pytest.raises(JiuWenBaseException) as caught:
            copy.deepcopy(found["node"]["deep"])
        assert caught.value.error_code == 100907
        assert caught.value.details["path"] == "node.deep[0].lock"
        assert "lock" in caught.value.details["type_name"]

    @pytest.mark.parametrize(
        "value",
        [
            lambda: 1,
            object(),
            threading.Lock(),
            numpy.array([object()]),
            {(1,): object()},
            numpy.ma.masked_array([1, 2], [True, False]),
            ValueError("in an output"),
            Frozen(({uuid.UUID(int=1): 1},)),
            type("Local", (BaseModel,), {})(),
        ],
    )
    def test_anything_else_becomes_a_placeholder(self, value: Any) -> None:
        assert isinstance(self.save([value])[0], NotSaved)

    def test_only_the_part_of_an_instance_that_cannot_be_stored_is_replaced(self) -> None:
        found = self.save({"node": Pair(1, threading.Lock())})["node"]
        assert found.left == 1
        with pytest.raises(JiuWenBaseException) as caught:
            copy.deepcopy(found)
        assert caught.value.details["path"] == "node.right"

    def test_a_class_that_has_changed_costs_one_value(self) -> None:
        blob = ormsgpack.packb({"a": ormsgpack.Ext(0, ormsgpack.packb((__name__, "Colour", "gone"))), "b": 1})
        found = serializer.loads_typed(("msgpack", blob))
        assert found["b"] == 1
        assert isinstance(found["a"], NotSaved)

    def test_a_number_that_python_will_not_print_becomes_a_placeholder(self) -> None:
        assert isinstance(self.save({"n": 10**5000})["n"], NotSaved)

    def test_a_circle_becomes_a_placeholder(self) -> None:
        circle: list[Any] = []
        circle.append(circle)
        assert "NotSaved" in repr(self.save({"node": circle}))

    def test_a_class_that_is_not_imported_is_kept_for_a_process_that_has_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        blob = serializer.dumps_typed(Special(x=1))
        with monkeypatch.context() as patch:
            patch.delitem(sys.modules, __name__)
            foreign = serializer.loads_typed(blob)
            assert isinstance(foreign, NotSaved)
            again = serializer.dumps_typed({"n": foreign})
        assert serializer.loads_typed(again) == {"n": Special(x=1)}


class Unusual:
    def __init__(self, secret: str) -> None:
        self.secret = secret


def test_a_registered_type_comes_back() -> None:
    register_state_type(Unusual, lambda u: u.secret, Unusual)
    assert there_and_back({"u": Unusual("s")})["u"].secret == "s"


HOSTILE = [
    (0, ("os", "system", "touch pwned")),
    (1, ("os", "system", ("touch pwned",))),
    (1, ("subprocess", "Popen", ("touch pwned",))),
    (2, ("subprocess", "run", {"args": ["touch", "pwned"]})),
    (3, ("os", "path", "x", "exists")),
    (4, ("jiuwen_lg.engine.store", "Store", {"path": "pwned"})),
    (5, ("antigravity", "x", {})),
    (0, ("builtins", "eval", "open('pwned','w')")),
    (0, ("builtins", "object", 1)),
    (64, ("subprocess", "Popen", ["touch", "pwned"])),
]


@pytest.mark.parametrize(("code", "content"), HOSTILE)
def test_a_hostile_value_is_neither_imported_nor_called(code: int, content: Any) -> None:
    blob = ormsgpack.packb([ormsgpack.Ext(code, ormsgpack.packb(content))])
    found = serializer.loads_typed(("msgpack", blob))[0]
    assert isinstance(found, NotSaved)
    assert not pathlib.Path("pwned").exists()
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize("kind", ["pickle", "json", "other"])
def test_a_value_of_another_kind_is_refused(kind: str) -> None:
    with pytest.raises(JiuWenBaseException, match="100908"):
        serializer.loads_typed((kind, b"cos\nsystem\n(S'touch pwned'\ntR."))


def test_reading_needs_no_numpy() -> None:
    code = (
        "import sys; from jiuwen_lg.engine.serializer import StrictSerializer\n"
        f"found = StrictSerializer().loads_typed(('msgpack', {serializer.dumps_typed(numpy.ones(2))[1]!r}))\n"
        "assert type(found).__name__ == 'NotSaved' and 'numpy' not in sys.modules"
    )
    root = str(pathlib.Path(__file__).parents[2])
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)
