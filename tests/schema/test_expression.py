"""The condition language."""

from __future__ import annotations

import dataclasses
import string
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel

from jiuwen_lg import JiuWenBaseException
from jiuwen_lg.schema.expression import MAX_DEPTH, MAX_LENGTH, Expression, pure_reference, reading
from jiuwen_lg.schema.path import MISSING


class Model(BaseModel):
    name: str = "m"


@dataclasses.dataclass
class Data:
    n: int = 1


STATE: dict[str, Any] = {
    "a": {
        "n": 3,
        "z": 0,
        "s": "ab",
        "l": [1, 2],
        "e": [],
        "d": {"k": 1, "upper": 2},
        "true_flag": 7,
        "in": 5,
        "items": [{"x": "y"}],
        "model": Model(),
        "data": Data(),
        "中": "文",
    }
}


def value(text: str, **more: Any) -> Any:
    """What an expression gives on the state above."""
    return Expression(text).evaluate(reading(lambda name: {**STATE, **more}.get(name, MISSING)))


def refused(text: str) -> JiuWenBaseException:
    with pytest.raises(JiuWenBaseException) as error:
        value(text)
    return error.value


@pytest.mark.parametrize(
    "text",
    [
        "${a.n} > 2",
        "${a.n}>2&&${a.z}==0",
        "${a.n} > 5 || ${a.s} == 'ab'",
        "not ${a.z} and not ${a.missing}",
        "2 < ${a.n} < 9",
        "${a.n} in [1, 3]",
        "9 not_in ${a.l} and 9 not in ${a.l}",
        "length(${a.l}) == 2 and len(${a.s}) == 2 and length (${a.e}) == 0",
        "is_empty(${a.e}) and is_empty(${a.missing}) and is_not_empty(${a.l}) and is_empty ('')",
        "bool(${a.n}) == true and sum(${a.l}) == 3",
        "${a.missing} == null and null is None and ${a.z} is not null",
        "true != false",
        "${a.l}[-1] == 2 and ${a.l[0]} == 1 and ${a.l}[0:1] == [1] and ${a.d}['k'] == 1",
        "${a.d}.k == 1 and ${a.d}.upper == 2 and ${a.model}.name == 'm' and ${a.data}.n == 1 and ${a.n}.real == 3",
        "${a.s}.upper() == 'AB' and ${a.s}.replace('a', 'c') == 'cb' and ${a.d}.get('q') == null",
        "${a.items[0]['x']} == 'y'",
        "(${a.n} + 1) * 2 - 1 == 7 and 7 // 2 == 3 and 7 % 2 == 1 and 2 ** 10 == 1024 and -1 < +1 and ~0 == -1",
        "6 & 3 == 2 or 6 | 1 == 7 and 1 << 3 == 8 and 8 >> 1 == 4 and 6 ^ 2 == 4",
        "{'k': 1} == {'k': ${a.d.k}} and (1, 2) == (1, 2)",
        "'a' 'b' == ${a.s} and 0x10 == 16 and 1_000 == 1000",
        "${a.中} == '文'",
        "  ${a.n}\n  > 2",
        "'%s-%d' % ('x', 1) == 'x-1' and '%(k)s%%' % {'k': 1} == '1%'",
        "'''a\nb''' == 'a' '\\n' 'b' and ${a.n} == 3",
        "",
    ],
)
def test_what_holds(text: str) -> None:
    assert value(text)


class TestDefectsOf011:
    """Q31 to Q35 of `components.md` 11; Q35 (async callables) is in `test_branches.py`."""

    def test_q31_nothing_is_in_what_holds_nothing(self) -> None:
        assert value("1 not in 5") is True
        assert value("1 in 5") is False

    def test_q32_and_and_or_stop_as_soon_as_they_know(self) -> None:
        assert value("True or 1/0") is True
        assert value("false && 1/0") is False

    @pytest.mark.parametrize(
        "text",
        [
            "'a||b && true not_in length(x) ${a.n} null' == 'a||b &' '& true not_in length(x) ${' 'a.n} null'",
            "${a.true_flag} == 7",
            "'untrue' == \"untrue\"",
            r"'it\'s true' == 'it' '\x27' 's true'",
            "'''true''' == 't' 'rue'",
            "${a.d}.true == 1 or true",
        ],
    )
    def test_q33_texts_and_names_are_not_rewritten(self, text: str) -> None:
        if "d}.true" in text:
            assert refused(text).error_code == 140001  # no such key, but a key it is, not True
        else:
            assert value(text) is True


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("!x", 140000, 0),
        ("${a.n} = 3", 140000, 7),
        ("(${a.n} > 1", 140000, 0),
        ("${a.n} > ${}", 140000, 9),
        ("   ", 140000, None),
        ("'open", 140000, 0),
        ("x${a.n}", 140000, None),
        ("1 <> 2", 140000, None),
        ("1 +", 140000, None),
        ("9" * 4500, 140000, None),
        ("1 \x00", 140000, None),
        ("1 == yes", 140001, 5),
        ("reference == 1", 140001, 0),
        ("abs(1)", 140001, 0),
        ("true && ${a.n} > null", 140001, 8),
        ("${a.n} if 1 else 2", 140001, 0),
        ("[x for x in ${a.l}]", 140001, 0),
        ("lambda: 1", 140001, 0),
        ("f'{1}'", 140001, 0),
        ("b'x'", 140001, 0),
        ("...", 140001, 0),
        ("{**{}}", 140001, 0),
        ("len(*${a.l})", 140001, 0),
        ("(n := 1)", 140001, None),
        ("${a.l} @ 2", 140001, 0),
        ("is_empty(5)", 140001, 0),
        ("${a.l}[7]", 140001, 0),
        ("${a.d}['q']", 140001, 0),
        ("${a.d}.q", 140001, 0),
        ("1 / ${a.z}", 140001, 0),
        ("${a.s}.__class__", 140001, 0),
        ("${a.s}.__len__()", 140001, 0),
        ("'{0.__class__}'.format(1)", 140001, 0),
        ("${a.l}.append(1)", 140001, 0),
        ("${a.model}.model_dump()", 140001, 0),
        ("${a.model}.model_fields", 140001, 0),
        ("9 ** 9 ** 9", 140001, None),
        ("1 << 999999999", 140001, 0),
        ("'x' * 999999999", 140001, 0),
        ("[[0] * 1000] * 1000", 140001, 0),
        ("'%999999999d' % 1", 140001, 0),
        ("'%(k)1000000000s' % {'k': 1}", 140001, 0),
        ("'%(k)s' * 20000 % {'k': 'x' * 50000}", 140001, 0),
        ("'%*d' % (999999999, 1)", 140001, 0),
        ("a " * 2000, 140001, None),
        ("'\ud800' +", 140000, None),
        ("('a' * 9999).replace('a', 'b' * 9999)", 140001, 0),
        ("('a' * 9999).join(['b'] * 9999)", 140001, 0),
        ("-" * 100 + "1", 140001, None),
        ("-" * 4000 + "1", 140001, None),
        ("(" * 4000, 140000, None),
    ],
)
def test_what_is_refused_says_where(text: str, code: int, place: int | None) -> None:
    error = refused(text)
    assert error.error_code == code
    error.message.encode()
    if place is not None:
        _, line, caret = error.message.rsplit("\n", 2)
        assert caret.index("^") == 4 + place, error.message
        assert line.strip() == text


def test_a_length_and_a_depth_are_allowed_and_no_more() -> None:
    assert value("1" + " " * (MAX_LENGTH - 1)) == 1
    assert refused("1" + " " * MAX_LENGTH).error_code == 140001
    assert value("-" * (MAX_DEPTH - 1) + "1") == -1
    assert refused("-" * MAX_DEPTH + "1").error_code == 140001


def test_the_caret_finds_its_place_in_a_long_expression() -> None:
    text = " or ".join(["${a.z} == 1"] * 20) + " or 'x' > ${a.n}"
    _, line, caret = refused(text).message.rsplit("\n", 2)
    assert line[caret.index("^") :].startswith("'x' > ${a.n}")


def test_a_pure_reference_is_told_from_a_comparison_of_two() -> None:
    assert pure_reference("${s.flag}") is not None
    assert pure_reference("${l.index} < ${s.n}") is None
    assert pure_reference("(${s.flag})") is None


_WORDS = [
    *("${a.n}", "${a.l}", "${a.d}", "${a.s}", "${a.missing}", "${", "}", "'", '"', "'x'", "1", "0", "9**9", "()", "[]"),
    *("(", ")", "[", "]", ",", ".", ":", "and", "or", "not", "in", "not_in", "is", "&&", "||", "true", "null", "*"),
    *("==", "<", "+", "-", "%", "/", "**", "<<", "len(", "length(", "is_empty(", "sum(", ".upper()", ".format(", "\\"),
    *(".__class__", "__import__('os')", "lambda", "if", "else", "for", "x", "{", "f'{", "\n", "\t", " ", "文", "\x00"),
]


@given(st.lists(st.sampled_from(_WORDS), max_size=30).map("".join) | st.text(string.printable + "${}文", max_size=60))
@example("${a.s}" * 700)
@example("[" * 300 + "]" * 300)
@example("sum([9**99]*50000)")
def test_no_input_hangs_crashes_or_escapes(text: str) -> None:
    """Whatever stands there, it gives plain data or one of the two errors."""
    try:
        found = value(text)
    except JiuWenBaseException as error:
        assert error.error_code in (140000, 140001)
    else:
        assert isinstance(found, (int, float, complex, str, list, tuple, dict, type(None), Model, Data, *_VIEWS))


_VIEWS = (type({}.keys()), type({}.values()), type({}.items()))
