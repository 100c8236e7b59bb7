"""Orders in directed graphs whose nodes are numbers."""

from __future__ import annotations

from bisect import bisect_right, insort


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
    """How many pairs are in the wrong order."""
    seen: list[int] = []
    total = 0
    for number in numbers:
        total += len(seen) - bisect_right(seen, number)
        insort(seen, number)
    return total
