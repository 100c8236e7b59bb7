"""Sizes and places: what the phases of the layout exchange, and how wide texts are."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TypeAlias

from jiuwen_lg.drawing.model import Arrow, Box

COLUMN = 7.7
LINE = 18
SMALL_LINE = 15
FRAME_TITLE = 36
ROUNDING = 16
LOOP_REACH = 26
"""How far an arrow from a box to itself bows out."""
ICON = 22
"""What the icon of a kind takes of its box's width."""

_SMALL_COLUMN = 6.6
_BOX_COLUMNS, _LABEL_COLUMNS = 28, 30
_PADDING = 18
_RETURN = 22
"""What the returning arrow of a loop takes of its frame's width."""
_TOKEN = re.compile(r" ?(?:[\u2e80-\uffff]|[^ \u2e80-\uffff]{1,24})")

Point: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a box, in pixels from the top left of its layout.

    Attributes:
        box: The component.
        lines: Its label.
        inside: What is in it, placed from its own top left at (x + `inside_x`, y + `FRAME_TITLE`).
        inside_x: How far the inside stands from the left border.
    """

    box: Box
    x: int
    y: int
    width: int
    height: int
    lines: tuple[str, ...]
    inside: Layout | None = None
    inside_x: int = 0


@dataclass(frozen=True, slots=True)
class Label:
    """The place of an arrow's text, by its top left."""

    x: int
    y: int
    width: int
    height: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """The way of an arrow, from its source's border to its target's.

    Between two points of one x it is straight; else it leaves and arrives upright. One
    from a box to itself has two points on the right border and bows out to `reach`.
    """

    arrow: Arrow
    points: tuple[Point, ...]
    label: Label | None
    reach: int = 0


@dataclass(frozen=True, slots=True)
class Layout:
    """A drawing with places."""

    width: int
    height: int
    places: tuple[Place, ...]
    routes: tuple[Route, ...]


def plain(text: str) -> str:
    """A text in one line that is safe to show: what cannot be printed is replaced."""
    return "".join(char if char.isprintable() else "\ufffd" for char in " ".join(text.split()))


def columns(text: str) -> float:
    """About how wide a text is, in Latin letters; a Chinese character is as wide as two."""
    return sum(map(_columns_of, text))


def _columns_of(char: str) -> float:
    if unicodedata.east_asian_width(char) in "WF":
        return 2
    if unicodedata.combining(char):
        return 0
    return 1.3 if char.isupper() or char in "mw@%" else 0.6 if char in "iljtf.,:;|!'()[] " else 1


def even(length: float) -> int:
    """The nearest even length, so that halves are whole pixels."""
    return 2 * round(length / 2)


def _lines(text: str, width: int, most: int) -> tuple[str, ...]:
    tokens, total = _TOKEN.findall(plain(text)), columns(text)
    width = min(width, round(total / max(-(-total // width), 1)) + 4)  # lines about as long as each other
    lines = [""]
    for token in tokens:
        if lines[-1] and columns(lines[-1] + token) > width:
            lines.append("")
        lines[-1] += token if lines[-1] else token.lstrip()
    return tuple(lines) if len(lines) <= most else (*lines[: most - 1], f"{lines[most - 1][:-1]}…")


def sized(box: Box, inside: Layout | None, loops: int) -> Place:
    """A box at no place yet, but of its size.

    Args:
        box: The component.
        inside: What is in it, if it is drawn opened.
        loops: How many arrows lead from it to itself.
    """
    lines = _lines(box.label, _BOX_COLUMNS, 2 if inside is None else 1)
    text = even(max(map(columns, lines)) * COLUMN)
    if inside is None and box.kind == "branch":
        height = even(3 * LINE * len(lines))
        return Place(box, 0, 0, even(max(text + 12, 40) * 1.5), max(height, 24 * loops + 12), lines)
    width = text + 2 * _PADDING + (ICON if box.has_icon else 0)
    height = max(even(LINE * len(lines)) + 18, 24 * loops + 12)
    if inside is None:
        return Place(box, 0, 0, max(width, 64), height, lines)
    note = even(columns(box.note) * _SMALL_COLUMN) + 12 if box.note else 0
    beside = _RETURN if box.kind == "loop" else 0
    width = max(width + note, inside.width + inside.width % 2 + 2 * (_PADDING + beside))
    height = max(height, FRAME_TITLE + inside.height + _PADDING)
    return Place(box, 0, 0, width, height, lines, inside, (width - inside.width) // 2)


def label_lines(arrow: Arrow) -> tuple[str, ...]:
    """The text of an arrow in lines; none without one."""
    if not arrow.label:
        return ()
    return _lines(arrow.label, _LABEL_COLUMNS, 1 if arrow.source == arrow.target else 3)


def label_size(lines: tuple[str, ...]) -> tuple[int, int]:
    """The width and height of an arrow's text."""
    width = even(max(map(columns, lines)) * _SMALL_COLUMN) + 12 if lines else 0
    return width, even(SMALL_LINE * len(lines)) + 6 if lines else 0
