"""Templates: one dialect, sandboxed, values never rendered again."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiuwen_lg.schema.template import parse_template

VALUES = {
    "q": {"k": 5, "l": [1, {"z": 2}], "items": "a key"},
    "zero": 0,
    "no": False,
    "none": None,
    "list": ["c", "d"],
    "输出": "月亮",
    "k-1": "dashed",
    "tricky": "{{zero}}",
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("A{{zero}}B{{no}}", "A0BFalse"),
        ("{{q.k}} {{q.l[0]}} {{q.l[1].z}}", "5 1 2"),
        ("{{ zero }}", "0"),
        ("{{输出}}", "月亮"),
        ("{{k-1}}", "dashed"),
        ("{{none}}{{missing}}{{q.missing.deeper}}", ""),
        ("{{list}}", "['c', 'd']"),
        ("{{q.items}}", "a key"),
        ("{{tricky}}", "{{zero}}"),
        ("{zero} $zero {{ }} }}", "{zero} $zero  }}"),
        ("{{{zero}}}", "}"),
        ("{{}}", ""),
        ("{{zero}}{{zero}}", "00"),
        ('{{ list | join("+") }}', "c+d"),
        ("{{ zero + 1 }}", "1"),
        ("{% for x in list %}", "{% for x in list %}"),
        ("plain", "plain"),
        ("", ""),
    ],
)
def test_a_template_renders(template: str, text: str) -> None:
    assert parse_template(template).render(VALUES) == text


@pytest.mark.parametrize(
    "template", ["{{ ''.__class__ }}", "{{ q.__class__.__mro__ }}", "{{ list.append(1) }}", "{{ range(9) }}"]
)
def test_a_template_cannot_reach_python(template: str) -> None:
    values: dict[str, Any] = {"list": [], "q": {}}
    try:
        assert parse_template(template).render(values) == ""
    except Exception as error:  # Jinja2's SecurityError or UndefinedError
        assert type(error).__name__ in {"SecurityError", "UndefinedError"}
    assert values["list"] == []


@pytest.mark.parametrize(
    "expression", ["9 ** (9 ** 9)", "'x' * 10 ** 9", "q * 10 ** 9", "'%1000000000d' % 1", "9 ** nine"]
)
def test_a_template_makes_nothing_of_any_size(expression: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        parse_template(f"{{{{ {expression} }}}}").render({"q": [1], "nine": 9**9})


@pytest.mark.parametrize("inner", ["(" * 100_000, "9" * 100_000, "[" * 5000 + "]" * 5000])
def test_what_no_parser_can_read_is_no_expression(inner: str) -> None:
    assert parse_template(f"{{{{ {inner} }}}}").render({}) == ""


@given(st.text(alphabet="{} aq.[0]%|'-", max_size=40))
def test_any_text_can_be_parsed(text: str) -> None:
    parse_template(text)
