"""`python -m parity [--examples N] [--seed S]`: the generated workflows on both engines."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter

from hypothesis import HealthCheck, Phase, given, seed, settings

from parity.compare import DIFFERENT, verdict
from parity.engines import Engines
from parity.generate import cases, constructs


def main() -> None:
    """Play, count, and show the first unexplained difference in its smallest form."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    engines, verdicts, used = Engines(), Counter(), Counter()

    def check(case: dict) -> None:
        ours, theirs = engines.play(case)
        found = verdict(ours, theirs)
        verdicts[found] += 1
        if found == "same":
            used.update(constructs(case))
        if found == DIFFERENT:
            raise Difference(case, ours, theirs[0])

    began = time.monotonic()
    try:
        for round in range(max(1, options.examples // 1000)):
            run = seed(options.seed * 1000 + round)(
                settings(
                    max_examples=min(1000, options.examples),
                    deadline=None,
                    database=None,
                    report_multiple_bugs=False,
                    phases=[Phase.generate, Phase.shrink],
                    suppress_health_check=list(HealthCheck),
                )(given(cases())(check))
            )
            run()
    except Difference as difference:
        print(difference)
        sys.exit(1)
    finally:
        engines.close()
        print(f"{sum(verdicts.values())} workflows in {time.monotonic() - began:.0f} s: {dict(verdicts)}")
        print("compared, by construct:", dict(sorted(used.items())))


class Difference(Exception):
    """A case that gives one thing here and another there."""

    def __str__(self) -> str:
        case, ours, theirs = self.args
        parts = {"case": case, "here": ours, "there": theirs}
        return "\n".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in parts.items())


if __name__ == "__main__":
    main()
