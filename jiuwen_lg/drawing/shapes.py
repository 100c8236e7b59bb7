"""The shapes of boxes in SVG: outlines, icons and colours by kind."""

from __future__ import annotations

from jiuwen_lg.drawing.geometry import FRAME_TITLE, ICON, ROUNDING, Place
from jiuwen_lg.drawing.model import Kind

BORDER = "#94a3b8"
_PLAIN, _ROUNDED = "#ffffff", "#f1f5f9"
_TINTS: dict[Kind, tuple[str, str]] = {
    "model": ("#f5f3ff", "#7c3aed"),
    "question": ("#fff7ed", "#c2410c"),
    "tool": ("#f0fdfa", "#0f766e"),
    "branch": ("#f8fafc", "#64748b"),
    "loop": ("#eef2ff", "#4338ca"),
    "workflow": ("#f1f5f9", "#475569"),
}
_ICONS: dict[Kind, str] = {
    "model": "M0 -7 C1 -2 2 -1 7 0 C2 1 1 2 0 7 C-1 2 -2 1 -7 0 C-2 -1 -1 -2 0 -7 Z",
    "question": "M-6.5 -5.5 H6.5 V3 H-0.5 L-3.5 6 V3 H-6.5 Z M-3 -1.3 H-2.9 M0 -1.3 H0.1 M3 -1.3 H3.1",
    "tool": "M-6.5 0 L-3.3 -5.6 H3.3 L6.5 0 L3.3 5.6 H-3.3 Z M2.3 0 A2.3 2.3 0 1 1 -2.3 0 A2.3 2.3 0 1 1 2.3 0",
    "loop": "M4.6 -3.4 A5.6 5.6 0 1 0 5.6 1 M5.4 -6.6 L4.8 -3.2 L1.4 -3.8",
    "workflow": "M-6 -5.5 H1 V-1 H-6 Z M-1 1.5 H6 V6 H-1 Z M-3.5 -1 V3.8 H-1",
}
_HEAD = 5


def fill_of(place: Place) -> str:
    """The colour inside a box without a mark."""
    if place.box.kind in _TINTS:
        return _TINTS[place.box.kind][0]
    return _ROUNDED if place.inside or place.box.is_rounded else _PLAIN


def outline(place: Place, style: str) -> str:
    """The border of a box: a diamond for a branch, else a rectangle, doubled for a sub-workflow.

    Args:
        place: The box.
        style: Its fill and stroke, as attributes.
    """
    if place.box.kind == "branch" and place.inside is None:
        half, middle = place.width // 2, place.height // 2
        return (
            f'<path d="M{place.x + half} {place.y} l{half} {middle} l{-half} {middle} l{-half} {-middle} Z" {style}/>'
        )
    radius = 8 if place.inside else ROUNDING if place.box.is_rounded else 3
    place_of = f'x="{place.x}" y="{place.y}" width="{place.width}" height="{place.height}"'
    return f'<rect {place_of} rx="{radius}" {style}/>{_sides(place)}'


def _sides(place: Place) -> str:
    """Lines inside the border, which tell tools and sub-workflows without colours."""
    colour = _TINTS.get(place.box.kind, ("", BORDER))[1]
    line = f'fill="none" stroke="{colour}" stroke-width="1" stroke-opacity="0.6"'
    if place.box.kind == "tool":
        left, right = place.x + 5, place.x + place.width - 5
        return f'<path d="M{left} {place.y} v{place.height} M{right} {place.y} v{place.height}" {line}/>'
    if place.box.kind == "workflow":
        top = f"M{place.x + 6} {place.y + 3} h{place.width - 12}"
        return f'<path d="{top} M{place.x + 6} {place.y + place.height - 3} h{place.width - 12}" {line}/>'
    return ""


def icon(place: Place, text_width: float) -> str:
    """The icon before a box's label; nothing for a kind without one.

    Args:
        place: The box.
        text_width: How wide its label is about.
    """
    if not place.box.has_icon:
        return ""
    x = place.x + (place.width - text_width) / 2 + shift(place) - ICON / 2 - 1
    y = place.y + (FRAME_TITLE if place.inside else place.height) / 2
    colour = _TINTS[place.box.kind][1]
    fill = colour if place.box.kind == "model" else "none"
    return (
        f'<path data-icon="{place.box.kind}" transform="translate({x:g} {y:g})" d="{_ICONS[place.box.kind]}"'
        f' fill="{fill}" stroke="{colour}" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round"/>'
    )


def shift(place: Place) -> float:
    """How far a box's label stands to the right of its middle, for its icon."""
    return ICON / 2 if place.box.has_icon else 0


def returning(place: Place) -> str:
    """The arrow of an opened loop from its last component back to its first, along the right border."""
    if place.box.kind != "loop" or place.inside is None:
        return ""
    colour = _TINTS["loop"][1]
    right, inner = place.x + place.width - 11, place.x + place.width - 24
    top, bottom = place.y + FRAME_TITLE + 12, place.y + place.height - 12
    up = f"H{right - 6} Q{right} {bottom} {right} {bottom - 6} V{top + 6} Q{right} {top} {right - 6} {top}"
    way = f"M{inner} {bottom} {up}"
    head = f"M{inner} {top} l{_HEAD + 1} {-_HEAD + 1} v{2 * _HEAD - 2} Z"
    line = f'fill="none" stroke="{colour}" stroke-width="1.5" stroke-opacity="0.7"'
    return (
        f'<g data-loop=""><path d="{way} H{inner + _HEAD}" {line}/>'
        f'<path d="{head}" fill="{colour}" fill-opacity="0.8"/></g>'
    )


def inset(place: Place, x: float, y: float) -> float:
    """How far an arrow that touches a box's bounds at a point goes on to reach its outline: down or to the right."""
    if place.box.kind != "branch" or place.inside is not None:
        return 0
    across, down = place.width / 2, place.height / 2
    if x == place.x + place.width:  # an arrow to itself, on the right
        return -across * min(abs(y - place.y - down) / down, 1)
    depth = down * min(abs(x - place.x - across) / across, 1)
    return depth if y == place.y else -depth
