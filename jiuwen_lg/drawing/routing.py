"""The third phase of the layout: the y of every row, and the way of each arrow from border to border."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from jiuwen_lg.drawing.geometry import (
    LOOP_REACH,
    ROUNDING,
    Label,
    Layout,
    Place,
    Point,
    Route,
    even,
    label_lines,
)
from jiuwen_lg.drawing.layering import Edge, Layers


def routed(boxes: Sequence[Place], edges: Sequence[Edge], layers: Layers, centres: Sequence[int]) -> Layout:
    """The layout, once every node has its layer and its x.

    Args:
        boxes: The boxes, of their sizes.
        edges: The arrows.
        layers: Their layers.
        centres: The x of every node's middle.
    """
    left = min((x - width // 2 for x, (width, _) in zip(centres, layers.sizes, strict=True)), default=0)
    routing = _Routing(boxes, edges, layers, [x - left for x in centres])
    return routing.layout()


class _Routing:
    """The rows' heights, and the arrows between them."""

    def __init__(self, boxes: Sequence[Place], edges: Sequence[Edge], layers: Layers, xs: list[int]) -> None:
        self._edges = edges
        self._layers = layers
        self._xs = xs
        self._tops = [0] * len(layers.sizes)
        self._spans: dict[int, Point] = {}
        self._height = self._stack()
        self._places = tuple(
            replace(place, x=xs[n] - place.width // 2, y=self._tops[n]) for n, place in enumerate(boxes)
        )

    def layout(self) -> Layout:
        sizes = self._layers.sizes
        width = max((x + size[0] // 2 for x, size in zip(self._xs, sizes, strict=True)), default=0)
        return Layout(width, self._height, self._places, self._routes())

    def _stack(self) -> int:
        """Put the rows under each other, the farther the wider their arrows spread; the height of all."""
        layers, xs, y = self._layers, self._xs, 0
        for n, row in enumerate(layers.rows):
            height = max(layers.sizes[node][1] for node in row)
            for node in row:
                self._tops[node] = y + (height - layers.sizes[node][1]) // 2
                self._spans[node] = (y, y + height)
            widest = max((abs(xs[v] - xs[w]) for v in row for w in layers.below[v]), default=0)
            is_tight = any(layers.is_bend(min(r)) for r in layers.rows[n : n + 2])
            y += height
            if n + 1 < len(layers.rows):
                y += even((22 if is_tight else 36) + min(widest / 8, 36))
        return y

    def _routes(self) -> tuple[Route, ...]:
        outlets, inlets = self._ports(self._layers.below), self._ports(self._layers.above)
        turns = Counter[int]()
        routes = []
        for n, edge in enumerate(self._edges):
            if edge.is_loop:
                turns[edge.source] += 1
                routes.append(self._loop(edge, turns[edge.source]))
                continue
            chain = self._layers.chains[n]
            routes.append(self._route(edge, chain, outlets[chain[0], chain[1]], inlets[chain[-1], chain[-2]]))
        return tuple(routes)

    def _route(self, edge: Edge, chain: Sequence[int], first: int, last: int) -> Route:
        upper, *bends, lower = chain
        places, spans = self._places, self._spans
        points = [(first, places[upper].y + places[upper].height), (first, spans[upper][1])]
        points += [(self._xs[bend], y) for bend in bends for y in spans[bend]]
        points += [(last, spans[lower][0]), (last, places[lower].y)]
        if upper != edge.source:
            points.reverse()
        own = next((bend for bend in bends if self._layers.sizes[bend][0]), None)
        label = None if own is None else _label(edge, self._xs[own], self._tops[own])
        return Route(edge.arrow, _corners(points), label)

    def _ports(self, beside: dict[int, list[int]]) -> dict[tuple[int, int], int]:
        """Return the ports at which arrows touch boxes: side by side where there is room, straight ones central."""
        ports: dict[tuple[int, int], int] = {}
        xs = self._xs
        for box, place in enumerate(self._places):
            order = sorted(beside[box], key=xs.__getitem__)
            middle = next((n for n, node in enumerate(order) if xs[node] == xs[box]), (len(order) - 1) / 2)
            most = max(middle, len(order) - 1 - middle, 0.5)
            border = place.width / 2 - (ROUNDING if place.box.is_rounded else 10)
            space = min(18, border / most) if border >= 8 * most else 0
            ports |= {(box, node): xs[box] + round((n - middle) * space) for n, node in enumerate(order)}
        return ports

    def _loop(self, edge: Edge, turn: int) -> Route:
        place = self._places[edge.source]
        right, middle = place.x + place.width, place.y + 24 * turn - 6
        width, height = edge.label
        label = _label(edge, right + LOOP_REACH + 2 + width // 2, middle - height // 2) if width else None
        return Route(edge.arrow, ((right, middle - 6), (right, middle + 6)), label, right + LOOP_REACH)


def _label(edge: Edge, middle: int, y: int) -> Label:
    width, height = edge.label
    return Label(middle - width // 2, y, width, height, label_lines(edge.arrow))


def _corners(points: list[Point]) -> tuple[Point, ...]:
    """The points without those that lie between two others of the same x."""
    inner = (b for a, b, c in zip(points, points[1:], points[2:], strict=False) if not a[0] == b[0] == c[0])
    return tuple(dict.fromkeys([points[0], *inner, points[-1]]))
