"""One table of ratios: each workload here, beside what people would use instead.

    python benchmarks/table.py [--rows chain] [--repeats 5] [--json FILE] [--small]

First it is checked that every step is durable (`durability`). A row is run by both sides turn about, in
new processes for each repeat (`sides`), and the ratio is that of the medians. `cpu` is the ratio of the
processor time, which a busy machine blurs less. A wrong result ends the run. Rows of peers that are not
installed are named (`make peers` installs them).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import time
from pathlib import Path
from typing import Any

from durability import check
from rows import ROWS, Row
from sides import measured

HEAD = "| workload | against | ratio | asked for | stretch | reached | ours | theirs | cpu |"


async def measure(row: Row, repeats: int) -> dict[str, Any]:
    """One row's medians and ratios."""
    found = await measured(
        [row.ours, row.theirs], row.work, row.arguments, repeats=repeats, turns=row.turns, warm=row.warm
    )
    ours, theirs = (statistics.median(turn[row.unit] for turn in side) for side in found)
    values = {"name": row.name, "against": row.theirs.name, "ours": ours, "theirs": theirs}
    values["ratio"] = row.ratio(ours, theirs)
    if row.unit == "seconds":
        values["cpu"] = row.ratio(*(statistics.median(turn["cpu"] for turn in side) for side in found))
    return values


def line(row: Row, values: dict[str, Any]) -> str:
    """A row of the table."""
    ratio, sign = values["ratio"], "≥ " if row.is_rate else "≤ "
    limits = [f"{sign}{limit:g}" if limit is not None else "" for limit in (row.limit, row.stretch)]
    shown = [_shown(values[side], row.unit) for side in ("ours", "theirs")]
    cpu = f"{values['cpu']:.2f}" if "cpu" in values else ""
    cells = [row.name, values["against"], f"{ratio:.2f}", *limits, row.verdict(ratio), *shown, cpu]
    return f"| {' | '.join(cells)} |"


def _shown(value: float, unit: str) -> str:
    if unit == "bytes":
        return f"{value:,.0f} B"
    return f"{value * 1e3:.3g} ms" if abs(value) >= 1e-3 else f"{value * 1e6:.3g} µs"


async def main() -> None:
    """Measure what was asked for and print it, a row at a time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="", help="only those whose name or peer contains this")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, help="append each row's values to this file")
    parser.add_argument("--small", action="store_true", help="with workloads of no size, to see that they run")
    options = parser.parse_args()
    began = time.monotonic()
    if not options.small:
        print(f"every step durable: {check(100, 50)}\n", flush=True)
    print(f"{HEAD}\n|{'---|' * HEAD.count(' | ')}---|")
    missing = []
    for row in map(Row.small, ROWS) if options.small else ROWS:
        if options.rows not in f"{row.name}, {row.theirs.name}":
            continue
        if not row.theirs.is_installed:
            missing.append(f"{row.name} against {row.theirs.name}")
            continue
        values = await measure(row, options.repeats)
        print(line(row, values), flush=True)
        if options.json:
            with options.json.open("a", encoding="utf-8") as file:
                file.write(json.dumps(values) + "\n")
    for left_out in missing:
        print(f"\nleft out, not installed: {left_out}")
    where = f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    took = f"{time.monotonic() - began:.0f} s"
    print(f"\n{options.repeats} repeats on {where}, Python {platform.python_version()}, {took}")


if __name__ == "__main__":
    asyncio.run(main())
