"""Where the nodes of a layout stand in their rows."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

from jiuwen_lg.drawing.order import topological

if TYPE_CHECKING:
    from jiuwen_lg.drawing.layout import Graph


def centres_of(graph: Graph) -> list[int]:
    """The x of every node's middle: the mean of four leanings (Brandes and Köpf 2001)."""
    crossed = _crossed(graph)
    above, below = _straight(graph)
    leanings = []
    for rows, beside in ((graph.rows, above), (graph.rows[::-1], below)):
        leanings.append(_packed(graph, rows, beside, crossed))
        mirrored = _packed(graph, [row[::-1] for row in rows], beside, crossed)
        leanings.append([-x for x in mirrored])
    if not graph.sizes:
        return []
    narrowest = min(leanings, key=lambda xs: max(xs) - min(xs))
    for n, xs in enumerate(leanings):
        edge = max if n % 2 else min
        shift = edge(narrowest) - edge(xs)
        leanings[n] = [x + shift for x in xs]
    centres = [round(sum(sorted(xs)[1:3]) / 2) for xs in zip(*leanings, strict=True)]
    _tighten(graph, centres)
    return centres


def _tighten(graph: Graph, xs: list[int]) -> None:
    """Draw the arrows that run outside of their two boxes as near to these as there is room."""
    left = {w: v for row in graph.rows for v, w in pairwise(row)}
    right = {v: w for w, v in left.items()}
    moves = []
    for first, *bends, last in graph.chains.values():
        if bends and all(len(graph.above[b]) == 1 == len(graph.below[b]) for b in bends):
            low, high = sorted((xs[first], xs[last]))
            wish = min(max(xs[bends[-1]], low), high)
            moves.append((abs(xs[bends[-1]] - wish), wish, bends))
    for _, wish, bends in sorted(moves):
        low = max((xs[left[b]] + math.ceil(graph.gap(left[b], b)) for b in bends if b in left), default=wish)
        high = min((xs[right[b]] - math.ceil(graph.gap(b, right[b])) for b in bends if b in right), default=wish)
        if low <= high:
            for bend in bends:
                xs[bend] = min(max(wish, low), high)


def _straight(graph: Graph) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    """The neighbours above and below that a node may stand in line with: far ones only if there is no near one."""
    from_near = {upper for upper, _ in graph.heavy}
    to_near = {lower for _, lower in graph.heavy}
    above: dict[int, list[int]] = defaultdict(list)
    below: dict[int, list[int]] = defaultdict(list)
    for upper in list(graph.below):
        for lower in graph.below[upper]:
            is_inner = graph.is_bend(upper) and graph.is_bend(lower)
            if is_inner or (upper, lower) in graph.heavy or not (upper in from_near or lower in to_near):
                above[lower].append(upper)
                below[upper].append(lower)
    for beside in (above, below):
        for node in filter(graph.is_bend, beside):
            del beside[node][1:]  # a trunk goes straight on past what joins it
    return above, below


def _crossed(graph: Graph) -> set[tuple[int, int]]:
    """The pairs that do not stand in line, since a long arrow runs between them."""
    crossed = set()
    for upper, lower in pairwise(graph.rows):
        at = {node: n for n, node in enumerate(upper)}
        left = begin = 0
        for n, node in enumerate(lower):
            inner = [at[w] for w in graph.above[node] if graph.is_bend(w) and graph.is_bend(node)]
            if not inner and n + 1 < len(lower):
                continue
            right = inner[0] if inner else len(upper)
            for v in lower[begin : n + 1]:
                for w in graph.above[v]:
                    if not left <= at[w] <= right and not (graph.is_bend(v) and graph.is_bend(w)):
                        crossed |= {(v, w), (w, v)}
            left, begin = right, n + 1
    return crossed


def _packed(
    graph: Graph, rows: list[list[int]], beside: dict[int, list[int]], crossed: set[tuple[int, int]]
) -> list[float]:
    """One leaning: columns of nodes in line, each as far left as those beside it allow."""
    head = _heads(len(graph.sizes), rows, beside, crossed)
    gaps: dict[tuple[int, int], float] = {}
    for row in rows:
        for v, w in pairwise(row):
            pair = (head[v], head[w])
            gaps[pair] = max(graph.gap(v, w), gaps.get(pair, 0))
    order, after = topological(len(head), list(gaps))
    xs = [0.0] * len(head)
    for v in order:
        for w in after[v]:
            xs[w] = max(xs[w], xs[v] + gaps[v, w])
    for v in reversed(order):
        if after[v]:
            xs[v] = max(xs[v], min(xs[w] - gaps[v, w] for w in after[v]))
    return [xs[v] for v in head]


def _heads(count: int, rows: list[list[int]], beside: dict[int, list[int]], crossed: set[tuple[int, int]]) -> list[int]:
    """For each node the first one of its column: it stands in line with its middle neighbour."""
    at = {node: n for row in rows for n, node in enumerate(row)}
    heads = list(range(count))
    for row in rows:
        last = -1
        for v in row:
            near = sorted(beside[v], key=at.__getitem__)
            for w in near[(len(near) - 1) // 2 : len(near) // 2 + 1] if near else ():
                if heads[v] == v and last < at[w] and (v, w) not in crossed:
                    heads[v], last = heads[w], at[w]
    return heads
