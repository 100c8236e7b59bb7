"""Text of strangers, as it may be shown."""

from __future__ import annotations

import json

import pytest

from jiuwen_lg.schema.visible import visible, visible_json


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]52;c;cm0=\x07", r"\x1b]52;c;cm0=\x07"),
        ("\x9b2K", r"\x9b2K"),
        ("a\rb\nc\x00\x7f", r"a\rb\nc\x00\x7f"),
        ("\u202egnp.exe\u2066", r"\u202egnp.exe\u2066"),
        ("half \ud800", r"half \ud800"),
        ("你好, é, 👩‍👧 stays", "你好, é, 👩‍👧 stays"),
    ],
)
def test_what_acts_on_a_terminal_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_line_breaks_may_be_kept() -> None:
    assert visible("a\n\tb\x1b", kept="\n\t") == "a\n\tb\\x1b"


def test_json_keeps_its_meaning() -> None:
    value = {"a": "\x1b[1m\x9b\x7f\u202e\n", "b": ["é", 1]}
    written = visible_json(json.dumps(value, ensure_ascii=False, indent=2))
    assert json.loads(written) == value
    assert not {"\x1b", "\x9b", "\x7f", "\u202e"} & set(written)
