"""Drawings in today's form of Mermaid text, and pictures."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

from jiuwen_lg.drawing.mermaid import require_title
from jiuwen_lg.drawing.model import Arrow, Box, Drawing, drawing_of, levels_of
from jiuwen_lg.errors import StatusCode


def drawn(
    flow: Any, title: str, output_format: str, expand_subgraph: int | bool, *, enable_animation: bool
) -> str | bytes:
    """A workflow as Mermaid text, or as a picture.

    Args:
        flow: A workflow of ours.
        title: A line above it.
        output_format: `"mermaid"`, `"svg"` or `"png"`; anything else is Mermaid.
        expand_subgraph: Whether loops and sub-workflows are opened; a number opens so many levels.
        enable_animation: Whether the links of streams move.
    """
    require_title(title)
    if not isinstance(enable_animation, bool):
        raise StatusCode.DRAWABLE_GRAPH_INVALID_ENABLE_ANIMATION.error(
            reason=f"it is True or False, not {enable_animation!r}"
        )
    levels = levels_of(expand_subgraph)
    if output_format == "svg":
        return bytes(flow.to_mermaid_svg(title, expand_subgraph))
    if output_format == "png":
        raise StatusCode.DRAWABLE_GRAPH_INVALID_TITLE.error(
            reason="PNG is not provided by jiuwen_lg; output_format='svg' makes a picture without a network"
        )
    drawing = drawing_of(flow.definition, levels)
    return "\n".join([f"---\ntitle: {title}\n---", "flowchart TB", *_body(drawing, enable_animation), ""])


def _body(drawing: Drawing, is_animated: bool) -> Iterator[str]:
    numbers = _numbered(drawing)
    yield from _boxes(drawing, numbers)
    links = count(1) if is_animated else None
    for arrow in _arrows(drawing):
        yield from _link(arrow, drawing, numbers, links)


def _numbered(drawing: Drawing) -> dict[str, int]:
    """Numbers in the order in which boxes were added; an opened box comes after what is in it."""
    numbers: dict[str, int] = {}

    def number(boxes: tuple[Box, ...]) -> None:
        for box in boxes:
            if box.contents is not None:
                number(box.contents.boxes)
            numbers[box.id] = len(numbers) + 1

    number(drawing.boxes)
    return numbers


def _boxes(drawing: Drawing, numbers: dict[str, int]) -> Iterator[str]:
    for box in drawing.boxes:
        if box.contents is None:
            shape = f'("{box.label}")' if box.is_rounded else f'["{box.label}"]'
            yield f"\tnode_{numbers[box.id]}{shape}"
    for box in drawing.boxes:
        if box.contents is not None:
            yield f'\tsubgraph node_{numbers[box.id]} ["{box.label}"]'
            yield "\tdirection TB"
            yield from _boxes(box.contents, numbers)
            yield "end"


def _arrows(drawing: Drawing) -> Iterator[Arrow]:
    """Conditional ones first, from where a source was added; those inside opened boxes last."""
    ids = [box.id for box in drawing.boxes]
    yield from sorted(drawing.arrows, key=lambda arrow: (not arrow.is_conditional, ids.index(arrow.source)))
    for box in drawing.boxes:
        if box.contents is not None:
            yield from _arrows(box.contents)


def _link(arrow: Arrow, drawing: Drawing, numbers: dict[str, int], links: Iterator[int] | None) -> Iterator[str]:
    source, target = numbers[_edge(drawing, arrow.source, last=True)], numbers[_edge(drawing, arrow.target, last=False)]
    label = f'|"{arrow.label}"|' if arrow.label else ""
    if arrow.is_stream and links is not None:
        name = f"link_{next(links)}"
        yield f"\tnode_{source} {name}@==> node_{target}"
        yield f"{name}@{{animate: true}}"
        return
    line = "-.->" if arrow.is_conditional else "==>" if arrow.is_stream else "-->"
    yield f"\tnode_{source} {line}{label} node_{target}"


def _edge(drawing: Drawing, id: str, *, last: bool) -> str:
    """Where an arrow meets a box: at the last, or the first, of what is in an opened one."""
    for box in drawing.all_boxes():
        if box.id == id and box.contents is not None:
            rounded = [inner.id for inner in box.contents.boxes if inner.is_rounded] or [box.contents.boxes[0].id]
            return _edge(drawing, rounded[-1] if last else rounded[0], last=last)
    return id
