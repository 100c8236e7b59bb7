"""Drawings in today's form of Mermaid text, and pictures."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from jiuwen_lg.compat.current.building import Building, Link
from jiuwen_lg.components.loop_break import BreakComponent
from jiuwen_lg.drawing.mermaid import require_title
from jiuwen_lg.drawing.model import levels_of
from jiuwen_lg.errors import StatusCode


def drawn(
    flow: Building, title: str, output_format: str, expand_subgraph: int | bool, *, enable_animation: bool
) -> str | bytes:
    """A workflow as Mermaid text, or as a picture.

    Args:
        flow: The workflow.
        title: A line above it.
        output_format: `"mermaid"` or `"svg"`; anything else but `"png"` is Mermaid.
        expand_subgraph: Whether loops and sub-workflows are opened; a number opens so many levels.
        enable_animation: Whether the links of streams move.

    Raises:
        JiuWenBaseException: 110024 to 110026, an argument cannot be used, or a PNG is asked for.
    """
    require_title(title)
    if not isinstance(enable_animation, bool):
        raise StatusCode.DRAWABLE_GRAPH_INVALID_ENABLE_ANIMATION.error(
            reason=f"it is True or False, not {enable_animation!r}"
        )
    levels = levels_of(expand_subgraph)
    if output_format == "svg":
        return bytes(flow.engine.to_mermaid_svg(title, expand_subgraph))  # type: ignore[attr-defined]
    if output_format == "png":
        raise StatusCode.DRAWABLE_GRAPH_INVALID_TITLE.error(
            reason="PNG is not provided by jiuwen_lg; output_format='svg' makes a picture without a network"
        )
    lines = _Chart(flow, levels).lines(count(1) if enable_animation else None)
    return "\n".join([f"---\ntitle: {title}\n---", "flowchart TB", *lines, ""])


class _Chart:
    """A flowchart of a thing that was built.

    Args:
        building: The thing.
        levels: How many levels of it are opened.
        prefix: What stands before the ids, inside another component.
    """

    def __init__(self, building: Building, levels: int, prefix: str = "") -> None:
        self.building = building
        self._prefix = prefix
        definition = building.engine.definition
        self._ids = list(definition.components)
        self._rounded = {*definition.starts, *definition.ends}
        opened = building.inside if levels > 0 else {}
        self._opened = {id: _Chart(inside, levels - 1, f"{prefix}{id}.") for id, inside in opened.items()}

    def lines(self, links: Iterator[int] | None) -> Iterator[str]:
        """All lines; with numbers for links, those of streams move."""
        numbers: dict[str, int] = {}
        self.number(numbers)
        yield from self.boxes(numbers)
        yield from self.arrows(numbers, links)

    def number(self, numbers: dict[str, int]) -> None:
        """Number boxes in the order in which they were added; an opened one comes after what is in it."""
        for id in self._ids:
            if id in self._opened:
                self._opened[id].number(numbers)
            numbers[f"{self._prefix}{id}"] = len(numbers) + 1

    def boxes(self, numbers: dict[str, int]) -> Iterator[str]:
        """The boxes; opened ones come last."""
        for id in self._ids:
            if id not in self._opened:
                shape = f'("{id}")' if id in self._rounded else f'["{id}"]'
                yield f"\tnode_{numbers[self._prefix + id]}{shape}"
        for id, chart in self._opened.items():
            yield f'\tsubgraph node_{numbers[self._prefix + id]} ["{id}"]'
            yield "\tdirection TB"
            yield from chart.boxes(numbers)
            yield "end"

    def arrows(self, numbers: dict[str, int], links: Iterator[int] | None) -> Iterator[str]:
        """The arrows, in the order in which they were added; those inside opened boxes come last."""
        for link in self.building.links:
            if link.target not in self._ids or link.source not in self._ids:
                continue
            for source in self.exits(link.source):
                for target in self.entries(link.target):
                    yield from self._arrow(link, numbers[source], numbers[target], links)
        for chart in self._opened.values():
            yield from chart.arrows(numbers, links)

    def _arrow(self, link: Link, source: int, target: int, links: Iterator[int] | None) -> Iterator[str]:
        label = f'|"{link.label}"|' if link.label else ""
        if link.is_stream and links is not None:
            name = f"link_{next(links)}"
            yield f"\tnode_{source} {name}@==> node_{target}"
            yield f"{name}@{{animate: true}}"
            return
        inside = self.building.inside.get(link.source)
        is_conditional = link.is_conditional or (inside is not None and not hasattr(inside, "card"))
        line = "-.->" if is_conditional else "==>" if link.is_stream else "-->"
        yield f"\tnode_{source} {line}{label} node_{target}"

    def entries(self, id: str) -> list[str]:
        """The boxes at which a way to a component ends."""
        if id not in self._opened:
            return [f"{self._prefix}{id}"]
        chart = self._opened[id]
        starts = chart.building.engine.definition.starts
        return [box for start in starts for box in chart.entries(start)]

    def exits(self, id: str) -> list[str]:
        """The boxes from which a way out of a component begins."""
        if id not in self._opened:
            return [f"{self._prefix}{id}"]
        chart = self._opened[id]
        definition = chart.building.engine.definition
        breaks = [
            spec.id
            for spec in definition.components.values()
            if isinstance(getattr(spec.executable, "executable", spec.executable), BreakComponent)
        ]
        return list(dict.fromkeys(box for end in [*definition.ends, *breaks] for box in chart.exits(end)))
