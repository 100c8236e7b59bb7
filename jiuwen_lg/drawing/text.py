"""The drawing as plain text, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from jiuwen_lg.drawing.layout import plain
from jiuwen_lg.drawing.model import NO_MARKS, Arrow, Drawing, Mark, marks_on


def to_text(drawing: Drawing, title: str = "", marks: Mapping[str, Mark] = NO_MARKS) -> str:
    """A line for each component with where it leads: `->`, `=>` for a stream, `-?>` if it is chosen.

    Args:
        drawing: What is listed.
        title: Stands above it.
        marks: Where a session stands, by executable id.
    """
    return "\n".join([*([plain(title)] if title else []), *_listed(drawing, marks_on(drawing, marks), "")])


def _listed(drawing: Drawing, marks: Mapping[str, Mark], indent: str) -> Iterator[str]:
    names = {box.id: plain(box.label) for box in drawing.boxes}
    for box in drawing.boxes:
        arrows = [arrow for arrow in drawing.arrows if arrow.source == box.id]
        mark = f" [{marks[box.id]}]" if box.id in marks else ""
        yield f"{indent}{names[box.id]}{mark}{_sure(arrows, names)}"
        for arrow in arrows:
            if arrow.is_conditional:
                label = f" {plain(arrow.label)}:" if arrow.label else ""
                yield f"{indent}  -?>{label} {names[arrow.target]}"
        if box.contents is not None:
            yield from _listed(box.contents, marks, f"{indent}    ")


def _sure(arrows: list[Arrow], names: Mapping[str, str]) -> str:
    """The ways that are always taken."""
    plainly = [names[arrow.target] for arrow in arrows if not arrow.is_conditional and not arrow.is_stream]
    streams = [names[arrow.target] for arrow in arrows if arrow.is_stream]
    return "".join(f" {sign} {', '.join(ends)}" for sign, ends in (("->", plainly), ("=>", streams)) if ends)
