"""The drawing as an SVG document: no scripts, no fonts, no references, legible on light and dark pages.

Several may stand in one page: there are no ids and no styles that could meet.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from jiuwen_lg.drawing.geometry import (
    COLUMN,
    FRAME_TITLE,
    LINE,
    SMALL_LINE,
    Label,
    Layout,
    Place,
    Point,
    Route,
    columns,
    plain,
)
from jiuwen_lg.drawing.layout import layout_of
from jiuwen_lg.drawing.model import FILLS, NO_MARKS, NO_NOTES, STROKES, Drawing, Mark, marks_on, notes_on
from jiuwen_lg.drawing.shapes import BORDER, fill_of, icon, inset, outline, returning, shift

_MARGIN, _TITLE, _HEAD = 16, 34, 8
_FONT = "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'PingFang SC', 'Microsoft YaHei', sans-serif"
_INK, _LINE, _FAINT = "#1e293b", "#76859b", "#64748b"
_STREAM, _TAKEN = "#3b82f6", "#16a34a"
_SYMBOLS = {
    "done": "M-3.5 0.5 L-1 3 L3.5 -2.5",
    "waiting": "M-2.3 -1.8 C-2.3 -5 2.3 -5 2.3 -1.8 C2.3 0 0 0 0 1.6 M0 4 V4.2",
    "failed": "M-2.8 -2.8 L2.8 2.8 M2.8 -2.8 L-2.8 2.8",
    "next": "M-1.8 -3.2 L3 0 L-1.8 3.2 Z",
}
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
)


@dataclass(frozen=True, slots=True)
class _Run:
    """What a run adds to a drawing: marks, notes, and the arrows that it took."""

    marks: Mapping[str, Mark]
    notes: Mapping[str, str]
    taken: Collection[tuple[str, str]]


def to_svg(
    drawing: Drawing,
    title: str = "",
    marks: Mapping[str, Mark] = NO_MARKS,
    *,
    notes: Mapping[str, str] = NO_NOTES,
    taken: Collection[tuple[str, str]] = (),
) -> str:
    """The drawing as an SVG document.

    Args:
        drawing: What is drawn.
        title: Stands above it.
        marks: Where a session stands, by executable id.
        notes: A few words about what a run did, by executable id.
        taken: The arrows that a run took, by their ends; the others are drawn faintly then.
    """
    run = _Run(marks_on(drawing, marks), notes_on(drawing, notes), taken)
    layout = layout_of(drawing)
    top = _MARGIN + (_TITLE if title else 0)
    width = max(layout.width, round(columns(plain(title)) * COLUMN * 1.2)) + 2 * _MARGIN
    height = layout.height + top + _MARGIN
    heading = f'<text x="{width / 2:g}" y="30" font-size="16" font-weight="600" fill="{_LINE}">{_shown(title)}</text>'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
            f' role="img" style="max-width:100%;height:auto" font-family="{_FONT}" font-size="13"'
            ' text-anchor="middle">',
            f"<title>{_escaped(title or 'Workflow')}</title>",
            *([heading] if title else []),
            f'<g transform="translate({(width - layout.width) // 2} {top})">',
            *_drawn(layout, run),
            "</g>",
            "</svg>",
        ]
    )


def _drawn(layout: Layout, run: _Run) -> Iterator[str]:
    """Arrows, then boxes, then the labels of arrows."""
    places = {place.box.id: place for place in layout.places}
    for route in layout.routes:
        yield _arrow(route, places[route.arrow.source], places[route.arrow.target], run.taken)
    for place in layout.places:
        yield from _box(place, run)
    for route in layout.routes:
        if route.label is not None:
            yield _label(route.label, route.arrow.label)


def _box(place: Place, run: _Run) -> Iterator[str]:
    box, mark = place.box, run.marks.get(place.box.id)
    id = _escaped(box.id)
    told = f' data-mark="{mark}"' if mark else ""
    hint = "\n".join(dict.fromkeys(part for part in (box.id, box.description) if part))
    yield f'<g data-id="{id}" data-kind="{box.kind}"{told}><title>{_escaped(hint)}</title>'
    fill, stroke, width = (FILLS[mark], STROKES[mark], 2) if mark else (fill_of(place), BORDER, 1.25)
    yield outline(place, f'fill="{fill}" stroke="{stroke}" stroke-width="{width:g}"')
    yield icon(place, max(map(columns, place.lines)) * COLUMN * 0.88)
    middle = place.y + (FRAME_TITLE if place.inside else place.height) / 2
    weight = ' font-weight="600"' if place.inside else ""
    yield _text(place.lines, place.x + place.width / 2 + shift(place), middle, LINE, f'fill="{_INK}"{weight}')
    if place.inside is not None:
        yield returning(place)
        yield f'<g transform="translate({place.x + place.inside_x} {place.y + FRAME_TITLE})">'
        yield from _drawn(place.inside, run)
        yield "</g>"
    if note := run.notes.get(box.id) or (box.note if place.inside else ""):
        yield _note(place, note)
    if mark:
        yield (
            f'<g transform="translate({place.x + place.width - 4} {place.y + 4})"><title>{mark}</title>'
            f'<circle r="8" fill="{STROKES[mark]}"/><path d="{_SYMBOLS[mark]}" fill="none" stroke="#ffffff"'
            ' stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"/></g>'
        )
    yield "</g>"


def _note(place: Place, note: str) -> str:
    """A few words in small letters: in a frame's head on the right, else under the box."""
    if place.inside:
        where = f'x="{place.x + place.width - 14}" y="{place.y + FRAME_TITLE / 2 + 4:g}" text-anchor="end"'
    else:
        where = f'x="{place.x + place.width / 2:g}" y="{place.y + place.height - 3}"'
    return f'<text {where} data-note="" fill="{_FAINT}" font-size="{10 if place.inside else 8.5}">{_shown(note)}</text>'


def _text(lines: tuple[str, ...], x: float, middle: float, height: int, style: str) -> str:
    first = middle - height * (len(lines) - 1) / 2 + height * 0.26
    spans = (f'<tspan x="{x:g}" y="{first + n * height:g}">{_shown(line)}</tspan>' for n, line in enumerate(lines))
    return f"<text {style}>{''.join(spans)}</text>"


def _label(label: Label, full: str) -> str:
    text = _text(
        label.lines, label.x + label.width / 2, label.y + label.height / 2, SMALL_LINE, f'fill="{_INK}" font-size="11"'
    )
    return (
        f'<g><title>{_escaped(full)}</title><rect x="{label.x}" y="{label.y}" width="{label.width}"'
        f' height="{label.height}" rx="4" fill="#e9eef5"/>{text}</g>'
    )


def _arrow(route: Route, source: Place, target: Place, taken: Collection[tuple[str, str]]) -> str:
    """A line and its head; the line is written from its target, so that the dashes of a shared trunk agree."""
    arrow = route.arrow
    is_taken = (arrow.source, arrow.target) in taken
    colour = _TAKEN if is_taken else _STREAM if arrow.is_stream else _LINE
    first, (x, y), before = route.points[0], route.points[-1], route.points[-2]
    if route.reach:
        away, from_x = inset(target, x, y), before[0] + inset(source, *before)
        x += round(away)
        way = f"M{x + _HEAD} {y} C{route.reach + 6} {y} {route.reach + 6} {before[1]} {from_x:g} {before[1]}"
        head = f"M{x} {y} l{_HEAD + 1} -4 v8 Z"
    else:
        up = -1 if before[1] < y else 1
        tip = y + round(inset(target, x, y))
        begin = [first] if not (more := round(inset(source, *first))) else [(first[0], first[1] + more), first]
        way = _way([*begin, *route.points[1:-1], (x, tip + up * _HEAD)][::-1])
        head = f"M{x} {tip} l-4.5 {up * (_HEAD + 1)} h9 Z"
    dashes = ' stroke-dasharray="5 4"' if arrow.is_conditional else ""
    width = 3 if arrow.is_stream else 2.5 if is_taken else 1.5
    faint = ' opacity="0.45"' if taken and not is_taken else ""
    return (
        f'<g data-source="{_escaped(arrow.source)}" data-target="{_escaped(arrow.target)}" fill="none"'
        f"{' data-taken=' + chr(34) * 2 if is_taken else ''}{faint}>"
        f'<path d="{way}" stroke="{colour}" stroke-width="{width:g}"{dashes}/>'
        f'<path d="{head}" fill="{colour}"/></g>'
    )


def _way(points: list[Point]) -> str:
    parts = [f"M{points[0][0]} {points[0][1]}"]
    for (x, y), (to_x, to_y) in pairwise(points):
        middle = (y + to_y) / 2
        parts.append(f"V{to_y}" if x == to_x else f"C{x} {middle:g} {to_x} {middle:g} {to_x} {to_y}")
    return " ".join(parts)


def _shown(text: str) -> str:
    return _escaped(plain(text))


def _escaped(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text).translate(_ESCAPES)
