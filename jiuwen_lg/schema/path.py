"""Paths such as `a.b[0]['k-1']`: parse, read along, write along.

Only references and the keys of state updates are paths; the keys of data are texts. Facts: openJiuwen 0.1.1,
`engine.md` 2.2 and 2.3.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final, TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""Keys (str) and list positions (int), outermost first."""

_POSITION = re.compile(r"-?\d+\Z")
_QUOTED = re.compile(r"\['((?:\\.|[^'\\])*)'\]", re.DOTALL)
_NAME = re.compile(r"[^.\[]*")


class _Missing:
    """The value of a path that leads nowhere; `None` is a value of its own."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()


def parse_path(text: str) -> Path:
    """Split a dotted path into its keys and positions.

    `'...'` in a subscript is a key, with any dots and brackets in it, and an integer a position; any other
    subscript (double quotes among them) is passed over, as 0.1.1 does.
    """
    return _parsed(text)[0]


def is_exact(text: str) -> bool:
    """Whether every part of a path means something: a name, a position, a quoted key."""
    return not _parsed(text)[1]


def parse_key(text: str) -> Path:
    """The place that a key of a state update names: a path, or, if it is no exact one, a key of that name."""
    path, odd = _parsed(text)
    is_path = path and not odd and isinstance(path[0], str) and (len(path) == 1 or "" not in path)
    return path if is_path else (text,)


@lru_cache(maxsize=4096)
def _parsed(text: str) -> tuple[Path, tuple[str, ...]]:
    """The keys and positions of a path, and the parts of it that are neither."""
    keys: list[str | int] = []
    odd: list[str] = []
    position, is_segment = 0, True
    while position < len(text) or is_segment:
        name = _NAME.match(text, position)
        assert name is not None
        position = name.end()
        is_before_subscript = text[position : position + 1] == "["
        if is_segment and (name.group() or not is_before_subscript):
            keys.append(name.group())
        elif name.group():
            odd.append(name.group())  # between a subscript and the next one
        is_segment = False
        if is_before_subscript:
            end, key = _subscript(text, position)
            odd.extend([text[position:end]] if key is None else ())
            keys.extend([] if key is None else [key])
            position = end
        elif position < len(text):
            position, is_segment = position + 1, True
    return tuple(keys), tuple(odd)


def _subscript(text: str, start: int) -> tuple[int, str | int | None]:
    """Where a subscript ends, and its key or position; None for what is neither."""
    if quoted := _QUOTED.match(text, start):
        return quoted.end(), quoted.group(1).replace("\\'", "'")
    end = _end_of(text, start)
    inner = text[start + 1 : end - 1]
    if end > len(text):  # it is not closed
        return end, None
    if _POSITION.match(inner):
        return end, int(inner)
    if len(inner) >= 2 and inner[0] == inner[-1] == "'":
        return end, inner[1:-1]
    return end, f"[{inner}]" if "." in inner or "[" in inner else None  # a text leads nowhere


def _end_of(text: str, start: int) -> int:
    """The position after the bracket that closes the one at `start`; the end of the text if none does."""
    depth = 0
    for position in range(start, len(text)):
        depth += (text[position] == "[") - (text[position] == "]")
        if not depth:
            return position + 1
    return len(text) + 1


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


def find(read: Callable[[str], Any], text: str) -> Any:
    """What a path leads to; `MISSING` if nothing.

    Keys of data may have dots and brackets of their own. So where the path leads nowhere, or a part of it would be
    passed over, its text is looked for as it stands: `c.Price [USD]` finds the key `Price [USD]` of `c`.

    Args:
        read: Gives what the first name of a path stands for, or `MISSING`.
        text: The path.
    """
    path, odd = _parsed(text)
    if not path:
        return MISSING
    is_plain = not odd and isinstance(path[0], str)
    if not is_plain and (found := _find_as_written(read, text)) is not MISSING:
        return found
    found = walk(read(str(path[0])), path[1:])
    if found is MISSING and is_plain and len(path) > 1:
        return _find_as_written(read, text)
    return found


def find_in(value: Any, text: str) -> Any:
    """What a path leads to inside a dict; see `find`."""
    return find(lambda name: value.get(name, MISSING), text) if isinstance(value, dict) else MISSING


def _find_as_written(read: Callable[[str], Any], text: str) -> Any:
    for end in _boundaries(text):
        value = read(text[:end])
        if value is not MISSING and (found := _walk_text(value, text[end:])) is not MISSING:
            return found
    return MISSING


def _walk_text(value: Any, text: str) -> Any:
    if not text:
        return value
    if text[0] == "[":
        end, key = _subscript(text, 0)
        found = MISSING if key is None else walk(value, (key,))
        return MISSING if found is MISSING else _walk_text(found, text[end:])
    rest = text.removeprefix(".")
    return _find_as_written(lambda name: value.get(name, MISSING), rest) if isinstance(value, dict) else MISSING


def _boundaries(text: str) -> Iterator[int]:
    """Where a key at the beginning of a text may end, the longest first."""
    yield len(text)
    for position in range(len(text) - 1, 0, -1):
        if text[position] in ".[":
            yield position
