"""The drawing as Mermaid text, made without a network.

Arrows and the rounding of ends as in openJiuwen 0.1.1 (`engine.md` 1.9); besides, every kind has a shape of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from itertools import count

from jiuwen_lg.drawing.model import FILLS, NO_MARKS, NO_NOTES, STROKES, Box, Drawing, Mark, marks_on, notes_on
from jiuwen_lg.errors import StatusCode
from jiuwen_lg.schema.visible import visible

_PLAIN_TITLE = re.compile(
    r"(?!(?:null|true|false|yes|no|on|off|y|n)\Z)[^\W\d_](?:[\w (),.!?-]*[\w().!?])?", re.IGNORECASE
)


_SHAPES = {"model": '(["', "tool": '[["', "branch": '{"', "question": '{{"'}
_CLOSING = str.maketrans("([{", ")]}")
_TAKEN = "stroke:#16a34a,stroke-width:3px"


def to_mermaid(
    drawing: Drawing,
    title: str = "",
    *,
    enable_animation: bool = False,
    marks: Mapping[str, Mark] = NO_MARKS,
    notes: Mapping[str, str] = NO_NOTES,
    taken: Collection[tuple[str, str]] = (),
) -> str:
    """The drawing as a Mermaid flowchart; the links of streams may move.

    Nodes are numbered in the order in which they were added, since a component's own id
    may be a Mermaid keyword (`end`).

    Args:
        drawing: What is drawn.
        title: Stands above it.
        enable_animation: Whether the links of streams move.
        marks: Where a session stands, by executable id.
        notes: A few words about what a run did, by executable id.
        taken: The arrows that a run took, by their ends.
    """
    numbers = {box.id: f"node_{number}" for box, number in zip(drawing.all_boxes(), count(1), strict=False)}
    lines = [f"---\ntitle: {title if _PLAIN_TITLE.fullmatch(title) else _quoted_title(title)}\n---"] if title else []
    links = count(1) if enable_animation else None
    marked = [f"    class {numbers[id]} {mark}" for id, mark in marks_on(drawing, marks).items()]
    looks = [f"    classDef {mark} {_look(mark)}" for mark in FILLS] if marked else []
    arrows = list(_arrows(drawing))
    ran = [str(n) for n, (source, target) in enumerate(arrows) if (source, target) in taken]
    path = [f"    linkStyle {','.join(ran)} {_TAKEN}"] if ran else []
    body = _body(drawing, numbers, links, notes_on(drawing, notes), "    ")
    return "\n".join([*lines, "flowchart TB", *body, *looks, *marked, *path])


def _arrows(drawing: Drawing) -> Iterator[tuple[str, str]]:
    """The ends of all arrows, in the order in which they are written."""
    for box in drawing.boxes:
        yield from _arrows(box.contents) if box.contents is not None else ()
    yield from ((arrow.source, arrow.target) for arrow in drawing.arrows)


def _look(mark: Mark) -> str:
    is_ahead = mark != "done"
    return f"fill:{FILLS[mark]},stroke:{STROKES[mark]},stroke-width:{3 if is_ahead else 2}px,color:#1e293b"


def _body(
    drawing: Drawing, numbers: dict[str, str], links: Iterator[int] | None, notes: Mapping[str, str], indent: str
) -> Iterator[str]:
    for box in drawing.boxes:
        name, label = numbers[box.id], _quoted(_text_of(box, notes))
        if box.contents is not None:
            yield f"{indent}subgraph {name}[{label}]"
            yield from _body(box.contents, numbers, links, notes, f"{indent}    ")
            yield f"{indent}end"
        else:
            opening = _SHAPES.get(box.kind, '("' if box.is_rounded else '["')[:-1]
            yield f"{indent}{name}{opening}{label}{opening[::-1].translate(_CLOSING)}"
    for arrow in drawing.arrows:
        line = "-.->" if arrow.is_conditional else "==>" if arrow.is_stream else "-->"
        label = f"|{_quoted(arrow.label)}|" if arrow.label else ""
        link = f"link_{next(links)}" if arrow.is_stream and links is not None else ""
        yield f"{indent}{numbers[arrow.source]} {f'{link}@' if link else ''}{line}{label} {numbers[arrow.target]}"
        if link:
            yield f"{indent}{link}@{{animate: true}}"


_SPECIAL = {"#": "#35;", '"': "#quot;", "`": "#96;", "<": "#lt;", ">": "#gt;", "\\": "#92;", "&": "#amp;", "%": "#37;"}
_MEANING = re.compile(r"""[#"`<>\\]|&(?=\#?\w+;)|%(?=[%{])""")
"""What has a meaning in Mermaid's quotes: an entity, or a directive, `%%{init: …}%%`, which may stand anywhere."""


def _text_of(box: Box, notes: Mapping[str, str]) -> str:
    """A label, after the arrow of a loop, before what is to be said of it."""
    note = notes.get(box.id) or (box.note if box.contents is not None else "")
    arrow = "↻ " if box.kind == "loop" else ""
    return f"{arrow}{box.label}{f' ({note})' if note else ''}"


def _quoted(text: str) -> str:
    """A text in Mermaid's quotes; what has a meaning there is written as a number."""
    return f'"{_MEANING.sub(lambda found: _SPECIAL[found[0]], visible(" ".join(text.split())))}"'


def _quoted_title(title: str) -> str:
    """A title in YAML's quotes; what would end the element of a page that the drawing stands in is a number there."""
    return re.sub("[<>&%`]", lambda found: f"\\u{ord(found[0]):04x}", json.dumps(title))


def require_title(title: object) -> None:
    """Check a title.

    Raises:
        JiuWenBaseException: 110024, it is no text of one line.
    """
    if not isinstance(title, str) or "\n" in title:
        raise StatusCode.DRAWABLE_GRAPH_INVALID_TITLE.error(reason=f"it is one line of text, not {title!r}")
