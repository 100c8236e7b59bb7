"""Two ways of doing the same, timed turn about.

The machine's moods then hit both alike; the ratio of the medians is what counts.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any


async def seconds(work: Awaitable[Any], expected: Any) -> float:
    """How long some work takes; its result is checked."""
    began = time.perf_counter()
    found = await work
    elapsed = time.perf_counter() - began
    assert found == expected, found
    return elapsed


async def compare(
    name: str,
    ours: Callable[[], Awaitable[float]],
    theirs: Callable[[], Awaitable[float]],
    repeats: int,
    other: str = "LangGraph by hand",
) -> None:
    """Print the medians of both sides and their ratio."""
    times = [(await ours(), await theirs()) for _ in range(repeats + 1)][1:]  # the first warms both up
    a, b = (statistics.median(side) for side in zip(*times, strict=True))
    print(f"{name:<34} {a * 1e3:8.1f} ms   {other} {b * 1e3:8.1f} ms   ratio {a / b:.2f}")
