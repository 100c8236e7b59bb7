"""Where boxes, arrows and labels stand: a layered layout, top to bottom.

Arrows run upright through rows and bend only between them, so that none crosses a box.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from jiuwen_lg.drawing.centres import centres_of
from jiuwen_lg.drawing.model import Arrow, Box, Drawing
from jiuwen_lg.drawing.order import backward_of, inversions, ranks_of

COLUMN = 7.7
LINE = 18
SMALL_LINE = 15
FRAME_TITLE = 36
ROUNDING = 16

_SMALL_COLUMN = 6.6
_BOX_COLUMNS, _LABEL_COLUMNS = 28, 30
_PADDING = 18
_LOOP = 26
_MANY = 20_000
_TOKEN = re.compile(r" ?(?:[\u2e80-\uffff]|[^ \u2e80-\uffff]{1,24})")

Point: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a box stands, in pixels from the top left of its layout.

    Attributes:
        box: The component.
        lines: Its label.
        inside: What is in it, placed from its own top left at (x + `inside_x`, y + `FRAME_TITLE`).
        inside_x: How far the inside stands from the left border.
    """

    box: Box
    x: int
    y: int
    width: int
    height: int
    lines: tuple[str, ...]
    inside: Layout | None = None
    inside_x: int = 0


@dataclass(frozen=True, slots=True)
class Label:
    """Where the text of an arrow stands, from its top left."""

    x: int
    y: int
    width: int
    height: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """The way of an arrow, from its source's border to its target's.

    Between two points of one x it is straight; else it leaves and arrives upright. One
    from a box to itself has two points on the right border and bows out to `reach`.
    """

    arrow: Arrow
    points: tuple[Point, ...]
    label: Label | None
    reach: int = 0


@dataclass(frozen=True, slots=True)
class Layout:
    """A drawing with places."""

    width: int
    height: int
    places: tuple[Place, ...]
    routes: tuple[Route, ...]


def layout_of(drawing: Drawing) -> Layout:
    """Place a drawing and all that is inside it; the same drawing always gives the same layout."""
    graph = Graph(drawing)
    graph.order()
    return graph.placed(centres_of(graph))


def plain(text: str) -> str:
    """A text in one line that is safe to show: what cannot be printed is replaced."""
    return "".join(char if char.isprintable() else "\ufffd" for char in " ".join(text.split()))


def columns(text: str) -> float:
    """About how wide a text is, in Latin letters; a Chinese character is as wide as two."""
    return sum(map(_columns_of, text))


def _columns_of(char: str) -> float:
    if unicodedata.east_asian_width(char) in "WF":
        return 2
    if unicodedata.combining(char):
        return 0
    return 1.3 if char.isupper() or char in "mw@%" else 0.6 if char in "iljtf.,:;|!'()[] " else 1


def _lines(text: str, width: int, most: int) -> tuple[str, ...]:
    tokens, total = _TOKEN.findall(plain(text)), columns(text)
    width = min(width, round(total / max(-(-total // width), 1)) + 4)  # lines about as long as each other
    lines = [""]
    for token in tokens:
        if lines[-1] and columns(lines[-1] + token) > width:
            lines.append("")
        lines[-1] += token if lines[-1] else token.lstrip()
    return tuple(lines) if len(lines) <= most else (*lines[: most - 1], f"{lines[most - 1][:-1]}…")


def _even(length: float) -> int:
    return 2 * round(length / 2)


def _place(box: Box, loops: int) -> Place:
    """A box at no place yet, but of its size."""
    inside = layout_of(box.contents) if box.contents is not None else None
    lines = _lines(box.label, _BOX_COLUMNS, 2 if inside is None else 1)
    width = _even(max(map(columns, lines)) * COLUMN) + 2 * _PADDING
    height = max(_even(LINE * len(lines)) + 18, 24 * loops + 12)
    if inside is None:
        return Place(box, 0, 0, max(width, 64), height, lines)
    width = max(width, inside.width + inside.width % 2 + 2 * _PADDING)
    height = max(height, FRAME_TITLE + inside.height + _PADDING)
    return Place(box, 0, 0, width, height, lines, inside, (width - inside.width) // 2)


class Graph:
    """Boxes and bends in rows; both are numbers, the boxes come first.

    Conditional arrows of one label to one target share their bends: they become one trunk.
    """

    def __init__(self, drawing: Drawing) -> None:
        number = {box.id: n for n, box in enumerate(drawing.boxes)}
        self.arrows: list[Arrow] = [a for a in drawing.arrows if a.source in number and a.target in number]
        self.ends: list[tuple[int, int]] = [(number[a.source], number[a.target]) for a in self.arrows]
        self.loops: list[int] = [n for n, (source, target) in enumerate(self.ends) if source == target]
        self.labels: list[tuple[str, ...] | tuple[()]] = [
            _lines(a.label, _LABEL_COLUMNS, 1 if a.source == a.target else 3) if a.label else () for a in self.arrows
        ]
        turns = Counter(self.ends[n][0] for n in self.loops)
        self.boxes: list[Place] = [_place(box, turns[n]) for n, box in enumerate(drawing.boxes)]
        self.sizes: list[tuple[int, int]] = [(place.width, place.height) for place in self.boxes]
        for n in self.loops:
            box = self.ends[n][0]
            width = self.boxes[box].width + 2 * (_LOOP + self._label_size(n)[0] + 8)
            self.sizes[box] = (max(self.sizes[box][0], width), self.boxes[box].height)
        self.rows: list[list[int]] = []
        self.above: dict[int, list[int]] = defaultdict(list)
        self.below: dict[int, list[int]] = defaultdict(list)
        self.heavy: set[tuple[int, int]] = set()
        self.chains: dict[int, list[int]] = self._chains()

    def is_bend(self, node: int) -> bool:
        return node >= len(self.boxes)

    def gap(self, left: int, right: int) -> float:
        """How far the middles of two neighbours in a row are from each other at least."""
        space = 20 if self.is_bend(left) or self.is_bend(right) else 36
        return (self.sizes[left][0] + self.sizes[right][0]) / 2 + space

    def _label_size(self, arrow: int) -> tuple[int, int]:
        lines = self.labels[arrow]
        width = _even(max(map(columns, lines)) * _SMALL_COLUMN) + 12 if lines else 0
        return width, _even(SMALL_LINE * len(lines)) + 6 if lines else 0

    def _chains(self) -> dict[int, list[int]]:
        """Put boxes into rows and lead arrows from row to row, from their upper end to their lower one."""
        backward = backward_of(len(self.boxes), self.ends)
        down = {n: end[::-1] if n in backward else end for n, end in enumerate(self.ends) if n not in self.loops}
        ranks = ranks_of(len(self.boxes), list(down.values()))
        side_by_side = Counter(down.values())
        label_after = {
            n: ranks[lower] - 1 if n in backward else ranks[upper]
            for n, (upper, lower) in down.items()
            if self.labels[n] or (side_by_side[upper, lower] > 1 and ranks[lower] - ranks[upper] == 1)
        }
        between = sorted(set(label_after.values()))
        at = [rank + bisect_left(between, rank) for rank in ranks]
        self.rows = [[] for _ in range(max(at, default=-1) + 1)]
        for box, row in enumerate(at):
            self.rows[row].append(box)
        is_large = sum(at[lower] - at[upper] for upper, lower in down.values()) > _MANY
        chains, trunks = {}, dict[tuple[object, ...], int]()
        for n, (upper, lower) in down.items():
            arrow, chain = self.arrows[n], [upper]
            own = -1 if n not in label_after else at[lower] - 1 if n in backward else at[upper] + 1
            for row in range(at[upper] + 1, at[lower]):
                line = "" if is_large else arrow.label if arrow.is_conditional else n
                kind = (row, arrow.target, n in backward, arrow.is_conditional, arrow.is_stream, line)
                chain.append(self._bend(row, n) if row == own else trunks.get(kind) or self._bend(row))
                if row != own:
                    trunks[kind] = chain[-1]
            chains[n] = [*chain, lower]
            self._link(chains[n], is_heavy=n not in backward and ranks[lower] - ranks[upper] == 1)
        return chains

    def _bend(self, row: int, arrow: int | None = None) -> int:
        self.rows[row].append(len(self.sizes))
        self.sizes.append((0, 0) if arrow is None else self._label_size(arrow))
        return len(self.sizes) - 1

    def _link(self, chain: list[int], *, is_heavy: bool) -> None:
        for upper, lower in pairwise(chain):
            if lower not in self.below[upper]:
                self.below[upper].append(lower)
                self.above[lower].append(upper)
            if is_heavy:
                self.heavy.add((upper, lower))

    def order(self) -> None:
        """Order the rows so that few arrows cross; rows without crossings stay in the order of adding."""
        best, least = [list(row) for row in self.rows], self._crossings()
        for sweep in range(12):
            if not least:
                break
            down = sweep % 2 == 0
            rows, beside = (self.rows, self.above) if down else (self.rows[::-1], self.below)
            for fixed, row in pairwise(rows):
                at = {node: n for n, node in enumerate(fixed)}
                here = {node: n * len(fixed) / len(row) for n, node in enumerate(row)}
                row.sort(key=lambda v: sum(at[w] for w in beside[v]) / len(beside[v]) if beside[v] else here[v])
            if (crossings := self._crossings()) < least:
                best, least = [list(row) for row in self.rows], crossings
        self.rows = best

    def _crossings(self) -> int:
        return sum(inversions(self._lower_ends(upper, lower)) for upper, lower in pairwise(self.rows))

    def _lower_ends(self, upper: list[int], lower: list[int]) -> list[int]:
        at = {node: n for n, node in enumerate(lower)}
        return [end for node in upper for end in sorted(at[w] for w in self.below[node])]

    def placed(self, centres: list[int]) -> Layout:
        """The layout, once every node has an x."""
        left = min((x - width // 2 for x, (width, _) in zip(centres, self.sizes, strict=True)), default=0)
        xs = [x - left for x in centres]
        tops, y = [0] * len(self.sizes), 0
        spans: dict[int, Point] = {}
        for n, row in enumerate(self.rows):
            height = max(self.sizes[node][1] for node in row)
            for node in row:
                tops[node] = y + (height - self.sizes[node][1]) // 2
                spans[node] = (y, y + height)
            widest = max((abs(xs[v] - xs[w]) for v in row for w in self.below[v]), default=0)
            is_tight = any(self.is_bend(min(r)) for r in self.rows[n : n + 2])
            y += height + (0 if n + 1 == len(self.rows) else _even((22 if is_tight else 36) + min(widest / 8, 36)))
        places = tuple(
            Place(p.box, xs[n] - p.width // 2, tops[n], p.width, p.height, p.lines, p.inside, p.inside_x)
            for n, p in enumerate(self.boxes)
        )
        width = max((x + size[0] // 2 for x, size in zip(xs, self.sizes, strict=True)), default=0)
        return Layout(width, y, places, self._routes(places, xs, tops, spans))

    def _routes(
        self, places: tuple[Place, ...], xs: list[int], tops: list[int], spans: dict[int, Point]
    ) -> tuple[Route, ...]:
        outlets, inlets = self._ports(xs, self.below), self._ports(xs, self.above)
        turns = Counter[int]()
        routes = []
        for n, (arrow, (source, target)) in enumerate(zip(self.arrows, self.ends, strict=True)):
            if source == target:
                turns[source] += 1
                routes.append(self._loop(n, places[source], turns[source]))
                continue
            upper, *bends, lower = self.chains[n]
            first, last = outlets[upper, self.chains[n][1]], inlets[lower, self.chains[n][-2]]
            points = [(first, places[upper].y + places[upper].height), (first, spans[upper][1])]
            points += [(xs[bend], y) for bend in bends for y in spans[bend]]
            points += [(last, spans[lower][0]), (last, places[lower].y)]
            if upper != source:
                points.reverse()
            label = next((self._label(n, xs[b], tops[b]) for b in bends if self.sizes[b][0]), None)
            routes.append(Route(arrow, _corners(points), label))
        return tuple(routes)

    def _ports(self, xs: list[int], beside: dict[int, list[int]]) -> dict[tuple[int, int], int]:
        """Where arrows touch boxes: side by side while there is room, those that come straight in the middle."""
        ports: dict[tuple[int, int], int] = {}
        for box, place in enumerate(self.boxes):
            order = sorted(beside[box], key=xs.__getitem__)
            middle = next((n for n, node in enumerate(order) if xs[node] == xs[box]), (len(order) - 1) / 2)
            most = max(middle, len(order) - 1 - middle, 0.5)
            border = place.width / 2 - (ROUNDING if place.box.is_rounded else 10)
            space = min(18, border / most) if border >= 8 * most else 0
            ports |= {(box, node): xs[box] + round((n - middle) * space) for n, node in enumerate(order)}
        return ports

    def _loop(self, arrow: int, place: Place, turn: int) -> Route:
        right, middle = place.x + place.width, place.y + 24 * turn - 6
        width, height = self._label_size(arrow)
        label = self._label(arrow, right + _LOOP + 2 + width // 2, middle - height // 2) if width else None
        return Route(self.arrows[arrow], ((right, middle - 6), (right, middle + 6)), label, right + _LOOP)

    def _label(self, arrow: int, middle: int, y: int) -> Label:
        width, height = self._label_size(arrow)
        return Label(middle - width // 2, y, width, height, self.labels[arrow])


def _corners(points: list[Point]) -> tuple[Point, ...]:
    """The points without those that lie between two others of the same x."""
    inner = (b for a, b, c in zip(points, points[1:], points[2:], strict=False) if not a[0] == b[0] == c[0])
    return tuple(dict.fromkeys([points[0], *inner, points[-1]]))
