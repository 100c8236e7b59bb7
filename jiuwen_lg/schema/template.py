"""`{{slot}}` templates: one dialect, rendered in Jinja2's immutable sandbox.

A slot is a path (`{{c.y[0]}}`, `{{ 输出 }}`, `{{k-1}}`) or a Jinja2 expression
(`{{ items | join(", ") }}`). All other text, lone braces included, is literal; a value
is never rendered again. Facts: openJiuwen 0.1.1, `components.md` 7.2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

from jiuwen_lg.schema.path import MISSING, Path, find_in, parse_path

_PLAIN_PATH = re.compile(r"(?:[\w-]+(?:\.[\w-]+|\[[^\]]*\])*)?")


@dataclass(frozen=True, slots=True)
class Slot:
    """One `{{…}}`: its path, and the expression to evaluate where the path leads nowhere."""

    path: Path
    expression: Callable[..., Any] | None
    source: str

    def find(self, values: Any) -> Any:
        """What the path leads to; `MISSING` if nothing."""
        return find_in(values, self.source[2:-2].strip())

    def value(self, values: Mapping[str, Any]) -> Any:
        """The slot's value with its type kept; None where there is none."""
        found = self.find(values)
        if found is MISSING and self.expression is not None:
            found = _evaluated(self.expression, values)
        return None if found is MISSING else found


@dataclass(frozen=True, slots=True)
class Template:
    """A template's parts in order: text and slots."""

    parts: tuple[str | Slot, ...]

    def render(self, values: Mapping[str, Any]) -> str:
        """The text with every slot filled: `str(value)`, nothing for a missing value or None."""
        return "".join(part if isinstance(part, str) else text_of(part.value(values)) for part in self.parts)

    def fill(self, values: Mapping[str, Any]) -> str:
        """As `render`, but a slot without a value stays as it is written."""
        return "".join(part if isinstance(part, str) else _filled(part, values) for part in self.parts)


def _evaluated(expression: Callable[..., Any], values: Mapping[str, Any]) -> Any:
    from jinja2 import UndefinedError

    try:
        return expression(values)
    except UndefinedError:  # it does something with what is not there
        return None


def _filled(slot: Slot, values: Mapping[str, Any]) -> str:
    value = None
    with suppress(Exception):  # what an author of prompts put in braces need not be meant as an expression
        value = slot.value(values)
    return slot.source if value is None else str(value)


def text_of(value: Any) -> str:
    """A value as a template shows it."""
    return "" if value is None else str(value)


def parse_template(text: str, *, innermost: bool = False) -> Template:
    """Split a template into its texts and slots; empty texts are left out.

    Args:
        text: The template.
        innermost: Whether of three braces in a row the last two begin a slot.
    """
    parts: list[str | Slot] = []
    end = 0
    for start, after in _slots(text, innermost=innermost):
        parts.append(text[end:start])
        parts.append(_slot(text[start + 2 : after - 2].strip(), text[start:after]))
        end = after
    parts.append(text[end:])
    return Template(tuple(part for part in parts if part != ""))


def _slots(text: str, *, innermost: bool) -> Iterator[tuple[int, int]]:
    """Where the slots begin and end; a regular expression would look for each one's end anew."""
    start = text.find("{{")
    while start >= 0:
        while innermost and text.startswith("{", start + 2):
            start += 1
        end = text.find("}}", start + 2)
        if end < 0:
            return
        yield start, end + 2
        start = text.find("{{", end + 2)


def _slot(inner: str, source: str) -> Slot:
    is_plain = _PLAIN_PATH.fullmatch(inner) is not None
    return Slot(parse_path(inner), _expression(inner), f"{{{{{inner}}}}}" if is_plain else source)


def _expression(inner: str) -> Callable[..., Any] | None:
    """The compiled expression, or None for a plain path and for what is no expression."""
    from jinja2 import TemplateSyntaxError

    if _PLAIN_PATH.fullmatch(inner):
        return None
    try:
        compiled: Callable[..., Any] = _sandbox().compile_expression(inner)
    except (TemplateSyntaxError, RecursionError, ValueError):  # nested too deeply; a number of thousands of digits
        return None
    return compiled


@cache
def _sandbox() -> Any:
    from jiuwen_lg.schema.template_sandbox import BoundedSandbox

    return BoundedSandbox()
