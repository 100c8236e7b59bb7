"""What is compared with what, and how good it has to be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sides import Side

OURS, OURS_ON_FILE = Side("jiuwen"), Side("jiuwen", store=True)
HAND, HAND_ON_FILE = Side("by_hand"), Side("by_hand", store=True)
FIRST, LATEST = Side("jiuwen", "0.1.1"), Side("jiuwen", "0.1.19")


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison.

    Attributes:
        name: The workload in words.
        work: A method of `Workloads`.
        arguments: What it is called with.
        theirs: The other side.
        limit: The ratio that is asked for, None where it is only shown.
        stretch: The ratio that we want.
        ours: Our side.
        unit: What is measured: `seconds` or `bytes`.
        is_rate: Whether the ratio is one of speeds, so that more is better.
        turns: How often each side runs in a repeat.
        warm: How often before that.
    """

    name: str
    work: str
    arguments: dict[str, Any]
    theirs: Side
    limit: float | None = None
    stretch: float | None = None
    ours: Side = OURS
    unit: str = "seconds"
    is_rate: bool = False
    turns: int = 5
    warm: int = 1

    def small(self) -> Row:
        """The same without any size."""

        def least(arguments: dict[str, Any]) -> dict[str, Any]:
            return {name: min(value, 3) if isinstance(value, int) else value for name, value in arguments.items()}

        ours, theirs = (replace(side, arguments=least(side.arguments)) for side in (self.ours, self.theirs))
        return replace(self, arguments=least(self.arguments), ours=ours, theirs=theirs, turns=1)

    def ratio(self, ours: float, theirs: float) -> float:
        """Ours over theirs, or the other way round for speeds."""
        return theirs / ours if self.is_rate else ours / theirs

    def verdict(self, ratio: float) -> str:
        """How good it is."""
        if self.limit is None or self.stretch is None:
            return ""
        if self._is_within(ratio, self.stretch):
            return "stretch"
        return "yes" if self._is_within(ratio, self.limit) else "NO"

    def _is_within(self, ratio: float, limit: float) -> bool:
        return round(ratio, 2) >= limit if self.is_rate else round(ratio, 2) <= limit


def _durable(name: str, work: str, arguments: dict[str, Any], *limits: float | None, **more: Any) -> Row:
    """A row with SQLite on both sides, every step durable."""
    return Row(name, work, arguments, HAND_ON_FILE, *limits, ours=OURS_ON_FILE, **more)


ROWS = [
    Row("chain of 10", "chain", {"length": 10}, HAND, 1.35, 1.2, turns=30),
    Row("chain of 100", "chain", {"length": 100}, HAND, 1.25, 1.12, turns=10),
    Row("chain of 1000", "chain", {"length": 1000}, HAND, 1.1, 1.0, turns=3),
    _durable("chain of 100, SQLite, every step durable", "chain", {"length": 100}, 0.4, 0.25),
    Row("chain of 100, in memory", "chain", {"length": 100}, LATEST, 1.1, 0.9, turns=10),
    Row("chain of 100, in memory", "chain", {"length": 100}, FIRST, 2.4, 1.6, turns=10),
    Row("fan-out of 10", "fan", {"width": 10}, HAND, 1.3, 1.15, turns=30),
    Row("fan-out of 100", "fan", {"width": 100}, HAND, 1.3, 1.15, turns=10),
    Row("fan-out of 300", "fan", {"width": 300}, HAND, 1.3, 1.15),
    Row("loop of 1000 x 3", "loop", {"rounds": 1000}, FIRST, 0.4, 0.33, turns=1, warm=0),
    Row("loop of 1000 x 3", "loop", {"rounds": 1000}, HAND, 1.25, 1.1, turns=2),
    _durable("question and answer after 100, SQLite, every step durable", "question", {"before": 100}, 0.45, 0.3),
    _durable("the answer alone, after 100", "answer", {"before": 100}),
    _durable("the answer alone, after 300", "answer", {"before": 300}, turns=3),
    _durable(
        "1000 sessions, 50 at once, SQLite, every step durable (sessions per second)",
        "sessions",
        {"total": 1000, "lanes": 50},
        3.0,
        5.0,
        is_rate=True,
        turns=1,
        warm=0,
    ),
    _durable(
        "bytes per superstep of a suspended session",
        "disk",
        {"total": 50, "length": 4},
        1.3,
        1.0,
        unit="bytes",
        turns=1,
        warm=0,
    ),
    _durable("the same after 100 components", "disk", {"total": 5, "length": 100}, unit="bytes", turns=1, warm=0),
    _durable(
        "the same after 100 of 10 KB",
        "disk",
        {"total": 2, "length": 100, "size": 10_000},
        0.08,
        0.05,
        unit="bytes",
        turns=1,
        warm=0,
    ),
    Row("1000 frames through a connection (per second)", "frames", {"count": 1000}, FIRST, 1.5, 3.0, is_rate=True),
    Row("the same beside LangGraph's custom stream", "frames", {"count": 1000}, HAND, is_rate=True),
    Row("a component of 2000 minus one of 20", "growth", {"short": 20, "long": 2000}, HAND, 1.1, 0.5, turns=1),
    Row(
        "import",
        "imported",
        {},
        Side("cold", arguments={"module": "langgraph.graph"}),
        1.1,
        0.5,
        ours=Side("cold", arguments={"module": "jiuwen_lg"}),
    ),
    Row(
        "a late round of a loop beside an early one, 1 KB collected",
        "rounds",
        {"size": 1000, "components": 1},
        Side("jiuwen", store=True, arguments={"early": 10, "late": 110}),
        ours=Side("jiuwen", store=True, arguments={"early": 100, "late": 1000}),
        turns=1,
    ),
]
