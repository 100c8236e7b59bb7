"""The second phase of the layout: the x of every node, after Brandes and Köpf (2001)."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import pairwise

from jiuwen_lg.drawing.layering import Layers, topological


def centres_of(layers: Layers) -> list[int]:
    """The x of every node's middle: the mean of four leanings (Brandes and Köpf 2001)."""
    crossed = _crossed(layers)
    above, below = _straight(layers)
    leanings = []
    for rows, beside in ((layers.rows, above), (layers.rows[::-1], below)):
        leanings.append(_packed(layers, rows, beside, crossed))
        mirrored = _packed(layers, [row[::-1] for row in rows], beside, crossed)
        leanings.append([-x for x in mirrored])
    if not layers.sizes:
        return []
    narrowest = min(leanings, key=lambda xs: max(xs) - min(xs))
    for n, xs in enumerate(leanings):
        edge = max if n % 2 else min
        shift = edge(narrowest) - edge(xs)
        leanings[n] = [x + shift for x in xs]
    centres = [round(sum(sorted(xs)[1:3]) / 2) for xs in zip(*leanings, strict=True)]
    _tighten(layers, centres)
    return centres


def _tighten(layers: Layers, xs: list[int]) -> None:
    """Draw the arrows that run outside of their two boxes as near to these as there is room."""
    left = {w: v for row in layers.rows for v, w in pairwise(row)}
    right = {v: w for w, v in left.items()}
    moves = []
    for first, *bends, last in layers.chains.values():
        if bends and all(len(layers.above[b]) == 1 == len(layers.below[b]) for b in bends):
            low, high = sorted((xs[first], xs[last]))
            wish = min(max(xs[bends[-1]], low), high)
            moves.append((abs(xs[bends[-1]] - wish), wish, bends))
    for _, wish, bends in sorted(moves):
        low = max((xs[left[b]] + math.ceil(layers.gap(left[b], b)) for b in bends if b in left), default=wish)
        high = min((xs[right[b]] - math.ceil(layers.gap(b, right[b])) for b in bends if b in right), default=wish)
        if low <= high:
            for bend in bends:
                xs[bend] = min(max(wish, low), high)


def _straight(layers: Layers) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    """The neighbours above and below that a node may stand in line with: far ones only if there is no near one."""
    from_near = {upper for upper, _ in layers.heavy}
    to_near = {lower for _, lower in layers.heavy}
    above: dict[int, list[int]] = defaultdict(list)
    below: dict[int, list[int]] = defaultdict(list)
    for upper in list(layers.below):
        for lower in layers.below[upper]:
            is_inner = layers.is_bend(upper) and layers.is_bend(lower)
            if is_inner or (upper, lower) in layers.heavy or not (upper in from_near or lower in to_near):
                above[lower].append(upper)
                below[upper].append(lower)
    for beside in (above, below):
        for node in filter(layers.is_bend, beside):
            del beside[node][1:]  # a trunk goes straight on past what joins it
    return above, below


def _crossed(layers: Layers) -> set[tuple[int, int]]:
    """The pairs that do not stand in line, since a long arrow runs between them."""
    crossed = set()
    for upper, lower in pairwise(layers.rows):
        at = {node: n for n, node in enumerate(upper)}
        left = begin = 0
        for n, node in enumerate(lower):
            inner = [at[w] for w in layers.above[node] if layers.is_bend(w) and layers.is_bend(node)]
            if not inner and n + 1 < len(lower):
                continue
            right = inner[0] if inner else len(upper)
            for v in lower[begin : n + 1]:
                for w in layers.above[v]:
                    if not left <= at[w] <= right and not (layers.is_bend(v) and layers.is_bend(w)):
                        crossed |= {(v, w), (w, v)}
            left, begin = right, n + 1
    return crossed


def _packed(
    layers: Layers, rows: list[list[int]], beside: dict[int, list[int]], crossed: set[tuple[int, int]]
) -> list[float]:
    """One leaning: columns of nodes in line, each as far left as those beside it allow."""
    head = _heads(len(layers.sizes), rows, beside, crossed)
    gaps: dict[tuple[int, int], float] = {}
    for row in rows:
        for v, w in pairwise(row):
            pair = (head[v], head[w])
            gaps[pair] = max(layers.gap(v, w), gaps.get(pair, 0))
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
