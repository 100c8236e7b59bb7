"""Paths such as `a.b[0]['k-1']`: parse, read along, write along.

Facts: openJiuwen 0.1.1, `engine.md` 2.2 and 2.3.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final, TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""Keys (str) and list positions (int), outermost first."""

_SUBSCRIPT = re.compile(r"\[([^\]]*)\]")
_POSITION = re.compile(r"-?\d+\Z")


class _Missing:
    """The value of a path that leads nowhere; `None` is a value of its own."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()


@lru_cache(maxsize=4096)
def parse_path(text: str) -> Path:
    """Split a dotted path into its keys and positions.

    `'...'` in a subscript is a key, an integer a position; any other subscript
    (double quotes among them) is passed over, as 0.1.1 does.
    """
    keys: list[str | int] = []
    for segment in _split_on_dots(text):
        name, bracket, rest = segment.partition("[")
        if name or not bracket:
            keys.append(name)
        keys.extend(_subscripts(bracket + rest))
    return tuple(keys)


def _split_on_dots(text: str) -> list[str]:
    """Split at the dots that stand outside brackets."""
    segments, depth, start = [], 0, 0
    for position, char in enumerate(text):
        if char == "[":
            depth += 1
        elif char == "]":
            depth = max(0, depth - 1)
        elif char == "." and not depth:
            segments.append(text[start:position])
            start = position + 1
    return [*segments, text[start:]]


def _subscripts(text: str) -> list[str | int]:
    keys: list[str | int] = []
    for inner in _SUBSCRIPT.findall(text):
        if _POSITION.match(inner):
            keys.append(int(inner))
        elif len(inner) >= 2 and inner[0] == inner[-1] == "'":
            keys.append(inner[1:-1])
        elif "." in inner or "[" in inner:
            keys.append(f"[{inner}]")  # leads nowhere
    return keys


def walk(value: Any, path: Path) -> Any:
    """Follow `path` into nested dicts and lists; `MISSING` where it leads nowhere."""
    for key in path:
        if isinstance(key, int):
            if not isinstance(value, (list, tuple)) or not -len(value) <= key < len(value):
                return MISSING
            value = value[key]
        elif isinstance(value, dict) and key in value:
            value = value[key]
        else:
            return MISSING
    return value


def is_plain_key(key: str) -> bool:
    """Whether a dict key stands for itself (no dots, no subscripts to expand)."""
    return "." not in key and "[" not in key
