"""What a workflow looks like: one model of its boxes and arrows, and Mermaid made of it without a network.

Shapes and edges as in openJiuwen 0.1.1 (`engine.md` 1.9), whether or not
`WORKFLOW_DRAWABLE` is set.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from jiuwen_lg.engine.definition import ComponentSpec, Definition
from jiuwen_lg.engine.router import Router
from jiuwen_lg.errors import StatusCode

_PLAIN_TITLE = re.compile(r"[\w (),.!?-]*")
ALL_LEVELS = 100


@dataclass(frozen=True, slots=True)
class Box:
    """A component.

    Attributes:
        id: Its executable id.
        label: Its own id.
        is_rounded: Whether runs begin or end with it.
        inside: What is in it, if it is drawn opened.
    """

    id: str
    label: str
    is_rounded: bool
    inside: Drawing | None = None


@dataclass(frozen=True, slots=True)
class Arrow:
    """A way from one component to another.

    Attributes:
        source: An executable id.
        target: An executable id.
        is_conditional: Whether a router or a branch chooses it.
        is_stream: Whether frames flow along it.
        label: The branch or the condition; empty if none is known.
    """

    source: str
    target: str
    is_conditional: bool = False
    is_stream: bool = False
    label: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A graph as it is drawn: every renderer begins with this."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]

    def all_boxes(self) -> Iterator[Box]:
        """Every box, those inside another after it."""
        for box in self.boxes:
            yield box
            if box.inside is not None:
                yield from box.inside.all_boxes()


def drawing_of(
    definition: Definition, levels: int = ALL_LEVELS, prefix: str = "", around: tuple[Definition, ...] = ()
) -> Drawing:
    """What a definition looks like.

    Args:
        definition: What was built.
        levels: How many levels of loops and sub-workflows are opened.
        prefix: What stands before the ids, inside another component.
        around: The definitions that it is inside of; one that contains itself is not opened again.

    Raises:
        JiuWenBaseException: 110006, a connection names a component that was never added.
    """
    rounded = {*definition.starts, *definition.ends}
    boxes = tuple(
        Box(f"{prefix}{id}", id, id in rounded, _inside(spec, levels, prefix, (*around, definition)))
        for id, spec in definition.components.items()
    )
    definition.joins()  # refuses connections that lead nowhere
    drawn = dict.fromkeys((source, c.target, c.is_stream) for c in definition.connections for source in c.sources)
    arrows = [Arrow(f"{prefix}{source}", f"{prefix}{target}", is_stream=stream) for source, target, stream in drawn]
    for source, functions in definition.routers.items():
        for function in functions:
            known = Router(function).known_targets().items()
            arrows += [
                Arrow(f"{prefix}{source}", f"{prefix}{target}", is_conditional=True, label=label)
                for target, label in known
                if target in definition.components
            ]
    for source, targets in definition.detours.items():
        ends = [(f"{prefix}{source}", f"{prefix}{target}") for target in targets]
        arrows += [Arrow(*end, is_conditional=True, label="on failure") for end in ends]
    return Drawing(boxes, tuple(arrows))


def _inside(spec: ComponentSpec, levels: int, prefix: str, around: tuple[Definition, ...]) -> Drawing | None:
    nested = spec.nested
    if nested is None or levels <= 0 or any(nested.inside is definition for definition in around):
        return None
    return drawing_of(nested.inside, levels - 1, f"{prefix}{spec.id}.", around)


def to_mermaid(drawing: Drawing, title: str = "", *, enable_animation: bool = False) -> str:
    """The drawing as a Mermaid flowchart; the links of streams may move.

    Nodes are numbered in the order in which they were added, since a component's own id
    may be a Mermaid keyword (`end`).
    """
    numbers = {box.id: f"node_{number}" for box, number in zip(drawing.all_boxes(), count(1), strict=False)}
    lines = [f"---\ntitle: {title if _PLAIN_TITLE.fullmatch(title) else json.dumps(title)}\n---"] if title else []
    links = count(1) if enable_animation else None
    return "\n".join([*lines, "flowchart TB", *_body(drawing, numbers, links, "    ")])


def _body(drawing: Drawing, numbers: dict[str, str], links: Iterator[int] | None, indent: str) -> Iterator[str]:
    for box in drawing.boxes:
        name, label = numbers[box.id], _quoted(box.label)
        if box.inside is not None:
            yield f"{indent}subgraph {name}[{label}]"
            yield from _body(box.inside, numbers, links, f"{indent}    ")
            yield f"{indent}end"
        else:
            yield f"{indent}{name}({label})" if box.is_rounded else f"{indent}{name}[{label}]"
    for arrow in drawing.arrows:
        line = "-.->" if arrow.is_conditional else "==>" if arrow.is_stream else "-->"
        label = f"|{_quoted(arrow.label)}|" if arrow.label else ""
        link = f"link_{next(links)}" if arrow.is_stream and links is not None else ""
        yield f"{indent}{numbers[arrow.source]} {f'{link}@' if link else ''}{line}{label} {numbers[arrow.target]}"
        if link:
            yield f"{indent}{link}@{{animate: true}}"


def _quoted(text: str) -> str:
    """A text in Mermaid's quotes; what has a meaning there is written as a number."""
    special = {"#": "#35;", '"': "#quot;", "`": "#96;", "<": "#lt;", ">": "#gt;", "\\": "#92;"}
    return f'"{"".join(special.get(char, char) for char in " ".join(text.split()))}"'


def levels_of(expand_subgraph: object) -> int:
    """How many levels `expand_subgraph` opens: all, none, or so many.

    Raises:
        JiuWenBaseException: 110025, it is neither a bool nor a whole number from 0.
    """
    if isinstance(expand_subgraph, bool):
        return ALL_LEVELS if expand_subgraph else 0
    if isinstance(expand_subgraph, int) and expand_subgraph >= 0:
        return expand_subgraph
    reason = f"it is True, False or a number of levels, not {expand_subgraph!r}"
    raise StatusCode.DRAWABLE_GRAPH_INVALID_EXPAND_SUBGRAPH.error(reason=reason)


def require_title(title: object) -> None:
    """Check a title.

    Raises:
        JiuWenBaseException: 110024, it is no text of one line.
    """
    if not isinstance(title, str) or "\n" in title:
        raise StatusCode.DRAWABLE_GRAPH_INVALID_TITLE.error(reason=f"it is one line of text, not {title!r}")
