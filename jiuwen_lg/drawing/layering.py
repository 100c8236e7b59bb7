"""The first phase of the layout: boxes into layers, arrows into chains from layer to layer, few crossings.

After Sugiyama, Tagawa and Toda (1981): break cycles, rank, put a bend into every layer that an arrow
passes, and order the layers by barycentres. Boxes and bends are numbers; the boxes come first.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from jiuwen_lg.drawing.geometry import LOOP_REACH
from jiuwen_lg.drawing.model import Arrow

_MANY = 20_000
_SWEEPS = 12


@dataclass(frozen=True, slots=True)
class Edge:
    """An arrow between numbered boxes.

    Attributes:
        arrow: The arrow.
        source: The number of its source.
        target: The number of its target.
        label: The width and height of its text.
    """

    arrow: Arrow
    source: int
    target: int
    label: tuple[int, int]

    @property
    def is_loop(self) -> bool:
        """Whether it leads from a box to itself."""
        return self.source == self.target


class Layers:
    """Boxes and bends in rows.

    Conditional arrows of one label to one target share their bends: they become one trunk.

    Args:
        boxes: The width and height of each box.
        edges: The arrows.

    Attributes:
        sizes: The width and height of each node, the arrows to itself of a box included.
        rows: The nodes of each layer, from left to right.
        chains: The nodes that each arrow passes, from its upper end to its lower one, by the arrow's number.
        above: The nodes that lead to a node from the layer above.
        below: Those that it leads to in the layer below.
        heavy: The pairs that belong together more than others: neighbours by an arrow that needs no bend.
    """

    def __init__(self, boxes: Sequence[tuple[int, int]], edges: Sequence[Edge]) -> None:
        self._boxes = len(boxes)
        self._edges = edges
        self.sizes: list[tuple[int, int]] = [*boxes]
        for edge in edges:
            if edge.is_loop:
                width = boxes[edge.source][0] + 2 * (LOOP_REACH + edge.label[0] + 8)
                self.sizes[edge.source] = (max(self.sizes[edge.source][0], width), boxes[edge.source][1])
        self.rows: list[list[int]] = []
        self.above: dict[int, list[int]] = defaultdict(list)
        self.below: dict[int, list[int]] = defaultdict(list)
        self.heavy: set[tuple[int, int]] = set()
        self.chains: dict[int, list[int]] = self._chains()
        self._reduce_crossings()

    def is_bend(self, node: int) -> bool:
        """Whether a node is a bend of an arrow rather than a box."""
        return node >= self._boxes

    def gap(self, left: int, right: int) -> float:
        """The least distance between the middles of two neighbours in a row."""
        space = 20 if self.is_bend(left) or self.is_bend(right) else 36
        return (self.sizes[left][0] + self.sizes[right][0]) / 2 + space

    def _chains(self) -> dict[int, list[int]]:
        """Put boxes into rows and lead arrows from row to row."""
        ends = [(edge.source, edge.target) for edge in self._edges]
        backward = backward_of(self._boxes, ends)
        down = {n: ends[n][::-1] if n in backward else ends[n] for n, e in enumerate(self._edges) if not e.is_loop}
        ranks = ranks_of(self._boxes, list(down.values()))
        label_after = self._label_ranks(down, ranks, backward)
        between = sorted(set(label_after.values()))
        at = [rank + bisect_left(between, rank) for rank in ranks]
        self.rows = [[] for _ in range(max(at, default=-1) + 1)]
        for box, row in enumerate(at):
            self.rows[row].append(box)
        is_large = sum(at[lower] - at[upper] for upper, lower in down.values()) > _MANY
        chains, trunks = dict[int, list[int]](), dict[tuple[object, ...], int]()
        for n, (upper, lower) in down.items():
            own = -1 if n not in label_after else at[lower] - 1 if n in backward else at[upper] + 1
            rows = range(at[upper] + 1, at[lower])
            kind = self._trunk_kind(n, is_backward=n in backward, is_large=is_large)
            chains[n] = [upper, *(self._bend_in(row, n, own, trunks, (row, *kind)) for row in rows), lower]
            self._link(chains[n], is_heavy=n not in backward and ranks[lower] - ranks[upper] == 1)
        return chains

    def _label_ranks(self, down: dict[int, tuple[int, int]], ranks: list[int], backward: set[int]) -> dict[int, int]:
        """The rank after which an arrow needs a row of its own: for its text, or beside another arrow."""
        side_by_side = Counter(down.values())
        return {
            n: ranks[lower] - 1 if n in backward else ranks[upper]
            for n, (upper, lower) in down.items()
            if self._edges[n].label[0] or (side_by_side[upper, lower] > 1 and ranks[lower] - ranks[upper] == 1)
        }

    def _trunk_kind(self, number: int, *, is_backward: bool, is_large: bool) -> tuple[object, ...]:
        """What arrows that share their bends have in common."""
        arrow = self._edges[number].arrow
        line = "" if is_large else arrow.label if arrow.is_conditional else number
        return arrow.target, is_backward, arrow.is_conditional, arrow.is_stream, line

    def _bend_in(
        self, row: int, number: int, own: int, trunks: dict[tuple[object, ...], int], kind: tuple[object, ...]
    ) -> int:
        if row == own:
            return self._bend(row, self._edges[number].label)
        if kind not in trunks:
            trunks[kind] = self._bend(row, (0, 0))
        return trunks[kind]

    def _bend(self, row: int, size: tuple[int, int]) -> int:
        self.rows[row].append(len(self.sizes))
        self.sizes.append(size)
        return len(self.sizes) - 1

    def _link(self, chain: list[int], *, is_heavy: bool) -> None:
        for upper, lower in pairwise(chain):
            if lower not in self.below[upper]:
                self.below[upper].append(lower)
                self.above[lower].append(upper)
            if is_heavy:
                self.heavy.add((upper, lower))

    def _reduce_crossings(self) -> None:
        """Order the rows so that few arrows cross; rows without crossings stay in the order of adding."""
        best, least = [list(row) for row in self.rows], self._crossings()
        for sweep in range(_SWEEPS):
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


def backward_of(count: int, ends: list[tuple[int, int]]) -> set[int]:
    """The arrows that close cycles: those to a box from which the search has not yet come back."""
    ways: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    for n, (source, target) in enumerate(ends):
        ways[source].append((n, target))
    entered = {target for source, target in ends if source != target}
    is_open: dict[int, bool] = {}
    found = set()
    for root in sorted(range(count), key=lambda box: box in entered):
        stack = [] if root in is_open else [(root, iter(ways[root]))]
        is_open.setdefault(root, True)
        while stack:
            box, further = stack[-1]
            for n, target in further:
                if target not in is_open:
                    is_open[target] = True
                    stack.append((target, iter(ways[target])))
                    break
                if is_open[target]:
                    found.add(n)
            else:
                is_open[box] = False
                stack.pop()
        is_open[root] = False
    return found


def topological(count: int, ends: list[tuple[int, int]]) -> tuple[list[int], list[list[int]]]:
    """The nodes, each after those that lead to it, and where each leads."""
    waits, below = [0] * count, [list[int]() for _ in range(count)]
    for upper, lower in ends:
        waits[lower] += 1
        below[upper].append(lower)
    ready = [node for node in range(count) if not waits[node]]
    for node in ready:
        for lower in below[node]:
            waits[lower] -= 1
            if not waits[lower]:
                ready.append(lower)
    return ready, below


def ranks_of(count: int, ends: list[tuple[int, int]]) -> list[int]:
    """Each box as high as those above it allow; one with none above stands right over those below."""
    order, below = topological(count, ends)
    found = [0] * count
    for box in order:
        for lower in below[box]:
            found[lower] = max(found[lower], found[box] + 1)
    entered = {lower for _, lower in ends}
    return [
        rank if box in entered or not below[box] else min(found[lower] for lower in below[box]) - 1
        for box, rank in enumerate(found)
    ]


def inversions(numbers: list[int]) -> int:
    """Count the pairs that are in the wrong order."""
    seen: list[int] = []
    total = 0
    for number in numbers:
        total += len(seen) - bisect_right(seen, number)
        insort(seen, number)
    return total
