"""The drawing as an SVG document: no scripts, no fonts, no references, legible on light and dark pages.

Several may stand in one page: there are no ids and no styles that could meet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise

from jiuwen_lg.drawing.layout import (
    COLUMN,
    FRAME_TITLE,
    LINE,
    ROUNDING,
    SMALL_LINE,
    Label,
    Layout,
    Place,
    Point,
    Route,
    columns,
    layout_of,
    plain,
)
from jiuwen_lg.drawing.model import FILLS, NO_MARKS, STROKES, Drawing, Mark, marks_on

_MARGIN, _TITLE, _HEAD = 16, 34, 8
_FONT = "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'PingFang SC', 'Microsoft YaHei', sans-serif"
_INK, _LINE, _BORDER = "#1e293b", "#76859b", "#94a3b8"
_STREAM = "#3b82f6"
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


def to_svg(drawing: Drawing, title: str = "", marks: Mapping[str, Mark] = NO_MARKS) -> str:
    """The drawing as an SVG document.

    Args:
        drawing: What is drawn.
        title: Stands above it.
        marks: Where a session stands, by executable id.
    """
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
            *_drawn(layout, marks_on(drawing, marks)),
            "</g>",
            "</svg>",
        ]
    )


def _drawn(layout: Layout, marks: Mapping[str, Mark]) -> Iterator[str]:
    """Arrows, then boxes, then the labels of arrows."""
    for route in layout.routes:
        yield _arrow(route)
    for place in layout.places:
        yield from _box(place, marks)
    for route in layout.routes:
        if route.label is not None:
            yield _label(route.label, route.arrow.label)


def _box(place: Place, marks: Mapping[str, Mark]) -> Iterator[str]:
    box, mark = place.box, marks.get(place.box.id)
    id = _escaped(box.id)
    fill = FILLS[mark] if mark else "#f1f5f9" if place.inside or box.is_rounded else "#ffffff"
    radius = 8 if place.inside else ROUNDING if box.is_rounded else 3
    yield f'<g data-id="{id}"{f""" data-mark="{mark}" """.rstrip() if mark else ""}><title>{id}</title>'
    yield (
        f'<rect x="{place.x}" y="{place.y}" width="{place.width}" height="{place.height}" rx="{radius}"'
        f' fill="{fill}" stroke="{STROKES[mark] if mark else _BORDER}" stroke-width="{2 if mark else 1.25}"/>'
    )
    middle = place.y + (FRAME_TITLE if place.inside else place.height) / 2
    weight = ' font-weight="600"' if place.inside else ""
    yield _text(place.lines, place.x + place.width / 2, middle, LINE, f'fill="{_INK}"{weight}')
    if place.inside is not None:
        yield f'<g transform="translate({place.x + place.inside_x} {place.y + FRAME_TITLE})">'
        yield from _drawn(place.inside, marks)
        yield "</g>"
    if mark:
        yield (
            f'<g transform="translate({place.x + place.width - 4} {place.y + 4})"><title>{mark}</title>'
            f'<circle r="8" fill="{STROKES[mark]}"/><path d="{_SYMBOLS[mark]}" fill="none" stroke="#ffffff"'
            ' stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"/></g>'
        )
    yield "</g>"


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


def _arrow(route: Route) -> str:
    """A line and its head; the line is written from its target, so that the dashes of a shared trunk agree."""
    arrow = route.arrow
    colour = _STREAM if arrow.is_stream else _LINE
    (x, y), before = route.points[-1], route.points[-2]
    if route.reach:
        way = f"M{x + _HEAD} {y} C{route.reach + 6} {y} {route.reach + 6} {before[1]} {before[0]} {before[1]}"
        head = f"M{x} {y} l{_HEAD + 1} -4 v8 Z"
    else:
        up = -1 if before[1] < y else 1
        way = _way([*route.points[:-1], (x, y + up * _HEAD)][::-1])
        head = f"M{x} {y} l-4.5 {up * (_HEAD + 1)} h9 Z"
    dashes = ' stroke-dasharray="5 4"' if arrow.is_conditional else ""
    return (
        f'<g data-source="{_escaped(arrow.source)}" data-target="{_escaped(arrow.target)}" fill="none">'
        f'<path d="{way}" stroke="{colour}" stroke-width="{3 if arrow.is_stream else 1.5}"{dashes}/>'
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
