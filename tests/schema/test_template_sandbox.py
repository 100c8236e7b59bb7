"""The sandbox of templates: nothing small asks for something huge, and `tojson` keeps the text's script."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from jiuwen_lg.schema.template import parse_template

LONG = "a" * 50_000


def rendered(expression: str, **values: Any) -> str:
    return parse_template(f"{{{{ {expression} }}}}").render({"long": LONG, **values})


@pytest.mark.parametrize(
    "expression",
    [
        *("'a'.ljust(10**8)", "'a' | center(10**8)", "'a'.zfill(10**8)", "'a'['rjust'](10**8)"),
        *("('a' | attr('ljust'))(10**8)", "'a'.encode().ljust(10**8)", "(1).to_bytes(10**8)"),
        *("[1, 2] | map('center', 10**8) | list", "'\t'.expandtabs(10**8)", "'a\nb' | indent(10**8)"),
        *("'%100000000d' | format(1)", "'%*d' | format(10**8, 1)", "'{:>100000000}'.format(1)"),
        *("long.replace('a', long)", "long | replace('a', 'aaaaaa')", "long | join(long)", "long.join(long)"),
        *("'{0}{0}{0}{0}'.format(long)", "'%s%s%s%s' | format(long, long, long, long)"),
        *("'{a}{a}{a}{a}'.format_map({'a': long})", "'a'.translate({97: long})", "[long] * 2000"),
        *("[1] | batch(10**8, 'x') | list", "[1] | slice(10**8) | list", "2.5 | round(10**6, 'ceil')"),
        *("long | wordwrap(1, wrapstring=long)", "('a.b ' * 1000) | urlize(target=long)", "[1] | tojson(10**8)"),
    ],
)
def test_nothing_small_makes_something_huge(expression: str) -> None:
    with pytest.raises(ValueError, match=r"allowed|up to|at most|any length|more than"):
        rendered(expression)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("'a'.ljust(3) ~ '|'", "a  |"),
        ("'%.2f' | format(1)", "1.00"),
        ("'%5d|%-5s|' | format(7, 'x')", "    7|x    |"),
        ("'{:.1f} {}'.format(2, 'x')", "2.0 x"),
        ("'{a:>3}'.format_map({'a': 1})", "  1"),
        ("'a-b'.replace('-', '+')", "a+b"),
        ("'aaa' | replace('a', 'b', 2)", "bba"),
        ("['a', 'b'] | join(', ')", "a, b"),
        ("['a', 'b'].__len__", ""),
        ("[1, 2, 3] | batch(2) | list", "[[1, 2], [3]]"),
        ("'a\nb' | indent(2)", "a\n  b"),
        ("2.345 | round(2)", "2.35"),
        ("long | replace('a', 'b') | length", "50000"),
        ("(long ~ long ~ long).upper() | length", "150000"),
        ("missing | join(',')", ""),
    ],
)
def test_what_is_usual_stays_possible(expression: str, text: str) -> None:
    assert rendered(expression) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"城": ["杭州", 1, None, True]}, '{"城": ["杭州", 1, null, true]}'),
        ("<b>'&", '"<b>\'&"'),
        ({"d": dt.date(2026, 1, 2), "n": Decimal("1.50")}, '{"d": "2026-01-02", "n": "1.50"}'),
        (None, ""),
    ],
)
def test_tojson_prints_json_in_the_texts_own_script(value: Any, text: str) -> None:
    assert rendered("value | tojson if value is not none", value=value) == text
    assert rendered("missing | tojson") == ""


def test_a_list_in_a_slot_is_an_expression() -> None:
    """Not a path that begins with a subscript, which once printed every value there is."""
    assert rendered("['a', 'b'] | join('-')", secret="s") == "a-b"
    assert rendered("[1, 2]", secret="s") == "[1, 2]"
