"""`python -m parity [--examples N] [--seed S]`: the generated workflows on both engines."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable

from hypothesis import HealthCheck, Phase, given, seed, settings

from parity.compare import DIFFERENT, SAME, verdict
from parity.engines import Engines
from parity.generate import cases, constructs
from parity.shrink import shrink


def main() -> None:
    """Play, count, and show the first unexplained difference in its smallest form."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    engines, tally = Engines(), Tally()
    try:
        search(engines.play, tally, options.examples, options.seed)
    except Difference as difference:
        print(difference)
        sys.exit(1)
    finally:
        engines.close()
        print(tally)


def search(play: Callable[[dict], tuple[dict, list[dict]]], tally: Tally, examples: int, first_seed: int) -> None:
    """Play generated cases, a thousand to a seed.

    Raises:
        Difference: At the first one that is not explained, made small.
    """

    def check(case: dict) -> None:
        ours, theirs = play(case)
        if tally.add(case, verdict(ours, theirs)) == DIFFERENT:
            raise Difference(case, ours, theirs[0])

    def differs(case: dict) -> bool:
        ours, theirs = play(case)
        return verdict(ours, theirs) == DIFFERENT

    for begun in range(0, examples, 1000):
        options = settings(
            max_examples=min(1000, examples - begun),
            deadline=None,
            database=None,
            report_multiple_bugs=False,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        try:
            seed(first_seed * 1000 + begun // 1000)(options(given(cases())(check)))()
        except Difference as difference:
            case = shrink(difference.args[0], differs)
            ours, theirs = play(case)
            raise Difference(case, ours, theirs[0]) from None


class Tally:
    """How many cases came out how, and which constructs those used that came out the same."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.verdicts: Counter[str] = Counter()
        self.used: Counter[str] = Counter()

    def add(self, case: dict, found: str) -> str:
        """Count a case, and give the verdict back."""
        self.verdicts[found] += 1
        if found == SAME:
            self.used.update(constructs(case))
        return found

    def __str__(self) -> str:
        seconds = time.monotonic() - self.began
        return (
            f"{self.verdicts.total()} workflows in {seconds:.0f} s: {dict(self.verdicts)}\n"
            f"compared, by construct: {dict(sorted(self.used.items()))}"
        )


class Difference(Exception):
    """A case that gives one thing here and another there."""

    def __str__(self) -> str:
        case, ours, theirs = self.args
        parts = {"case": case, "here": ours, "there": theirs}
        return "\n".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in parts.items())


if __name__ == "__main__":
    main()
