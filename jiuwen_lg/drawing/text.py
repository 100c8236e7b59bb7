"""The drawing as plain text, for a terminal."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from jiuwen_lg.drawing.geometry import plain
from jiuwen_lg.drawing.model import NO_MARKS, NO_NOTES, Arrow, Box, Drawing, Mark, marks_on, notes_on


def to_text(
    drawing: Drawing,
    title: str = "",
    marks: Mapping[str, Mark] = NO_MARKS,
    *,
    notes: Mapping[str, str] = NO_NOTES,
    taken: Collection[tuple[str, str]] = (),
) -> str:
    """A line for each component with where it leads: `->`, `=>` for a stream, `-?>` if it is chosen.

    Args:
        drawing: What is listed.
        title: Stands above it.
        marks: Where a session stands, by executable id.
        notes: A few words about what a run did, by executable id.
        taken: The choices that a run made, by their ends: `-!>`.
    """
    said = {id: plain(note) for id, note in notes_on(drawing, notes).items()}
    for id, mark in marks_on(drawing, marks).items():
        said[id] = f"{mark}, {said[id]}" if id in said else mark
    return "\n".join([*([plain(title)] if title else []), *_listed(drawing, said, taken, "")])


def _listed(
    drawing: Drawing, said: Mapping[str, str], taken: Collection[tuple[str, str]], indent: str
) -> Iterator[str]:
    names = {box.id: _name(box) for box in drawing.boxes}
    for box in drawing.boxes:
        arrows = [arrow for arrow in drawing.arrows if arrow.source == box.id]
        mark = f" [{said[box.id]}]" if box.id in said else ""
        yield f"{indent}{names[box.id]}{mark}{_sure(arrows, names)}"
        for arrow in arrows:
            if arrow.is_conditional:
                label = f" {plain(arrow.label)}:" if arrow.label else ""
                sign = "-!>" if (arrow.source, arrow.target) in taken else "-?>"
                yield f"{indent}  {sign}{label} {names[arrow.target]}"
        if box.contents is not None:
            yield from _listed(box.contents, said, taken, f"{indent}    ")


def _name(box: Box) -> str:
    """A component's label, with its id where that is another."""
    label, id = plain(box.label), plain(box.id.rpartition(".")[2])
    return label if not box.has_label else f"{label} ({id})"


def _sure(arrows: list[Arrow], names: Mapping[str, str]) -> str:
    """The ways that are always taken."""
    plainly = [names[arrow.target] for arrow in arrows if not arrow.is_conditional and not arrow.is_stream]
    streams = [names[arrow.target] for arrow in arrows if arrow.is_stream]
    return "".join(f" {sign} {', '.join(ends)}" for sign, ends in (("->", plainly), ("=>", streams)) if ends)
