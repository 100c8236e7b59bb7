"""Turns a second through one, two and four workers, and how long a dead worker's turn waits for another.

    python benchmarks/workers.py [--sessions 200] [--repeats 3]

Postgres is the one that `JIUWEN_LG_DB` names, or one started for the measurement.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.postgres_server import is_installed, serving

ROOT = Path(__file__).parents[1]


@contextmanager
def workers(count: int, *options: str) -> Iterator[list[subprocess.Popen[str]]]:
    """So many, until the block ends."""
    command = [sys.executable, "-m", "jiuwen_lg.command", "worker", "tests.programs.turns", *options]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    try:
        for worker in started:
            assert worker.stdout is not None
            assert worker.stdout.readline()
        yield started
    finally:
        for worker in started:
            worker.kill()
            worker.communicate()


async def rate(count: int, name: str) -> float:
    """Turns a second of sessions that are started and answered, fifty at once."""
    from jiuwen_lg.workers import WorkflowClient

    client, many = WorkflowClient(), asyncio.Semaphore(50)

    async def session(n: int) -> Any:
        async with many:
            await (await client.start("approval", {"n": n}, session_id=f"{name}{n}")).result()
            return (await (await client.answer(f"{name}{n}", f"a{n}")).result()).result

    began = time.perf_counter()
    results = await asyncio.gather(*(session(n) for n in range(count)))
    elapsed = time.perf_counter() - began
    assert results == [{"output": {"n": n, "answer": f"a{n}"}} for n in range(count)]
    return 2 * count / elapsed


async def takeover(name: str) -> float:
    """Seconds from the death of a worker to the end of the turn that it ran, by another one that waits."""
    from jiuwen_lg.workers import WorkflowClient

    Path("go").unlink(missing_ok=True)
    with workers(1, "--takeover", "2s") as (first,):
        turn = await WorkflowClient().start("holds", {"n": 1}, session_id=name)
        while f"{name} hold" not in Path("steps.log").read_text(encoding="utf-8"):
            await asyncio.sleep(0.01)
        with workers(1, "--takeover", "2s"):
            first.kill()
            began = time.perf_counter()
            Path("go").touch()
            await turn.result()
            return time.perf_counter() - began


def measure(sessions: int, repeats: int) -> None:
    """Print both."""
    rates: dict[int, list[float]] = {1: [], 2: [], 4: []}
    for repeat in range(repeats):
        for count, found in rates.items():
            with workers(count):
                found.append(asyncio.run(rate(sessions, f"r{repeat}-{count}-")))
    one = statistics.median(rates[1])
    for count, found in rates.items():
        print(f"{count} workers: {statistics.median(found):6.0f} turns/s   ratio {statistics.median(found) / one:.2f}")
    waits = [asyncio.run(takeover(f"t{repeat}")) for repeat in range(repeats)]
    print(f"takeover: {statistics.median(waits):.1f} s with --takeover 2s, ratio {statistics.median(waits) / 2:.2f}")


def main() -> None:
    """Measure in a folder of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    os.environ["PYTHONPATH"] = str(ROOT)
    with ExitStack() as stack:
        if not os.environ.get("JIUWEN_LG_DB", "").startswith("postgres"):
            if not is_installed():
                print("left out: Postgres is not installed (make postgres)")
                return
            os.environ["JIUWEN_LG_DB"] = stack.enter_context(stack.enter_context(serving()).database())
        os.chdir(stack.enter_context(tempfile.TemporaryDirectory()))
        measure(given.sessions, given.repeats)


if __name__ == "__main__":
    main()
