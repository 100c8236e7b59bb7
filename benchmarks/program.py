"""What every measured program has in common: it runs workloads, one a line, and says what each took.

Only the standard library is used here: programs run in the environments of the peers, too. A line
of the input is `{"work": ..., ...arguments}`; the answer is a line of JSON: `{"seconds": ..., "cpu":
...}` for what is timed, or whatever the workload gives. A wrong result ends the program.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any


@contextmanager
def timed(measured: dict[str, float]) -> Iterator[None]:
    """Add what a block takes to `seconds` and `cpu`."""
    gc.collect()
    cpu, began = time.process_time(), time.perf_counter()
    yield
    measured["seconds"] = measured.get("seconds", 0.0) + time.perf_counter() - began
    measured["cpu"] = measured.get("cpu", 0.0) + time.process_time() - cpu


async def in_lanes(total: int, lanes: int, one: Callable[[int], Awaitable[None]]) -> None:
    """Run `one(number)` for so many numbers, some of them at the same time."""
    numbers = iter(range(total))

    async def lane() -> None:
        for number in numbers:
            await one(number)

    await asyncio.gather(*(lane() for _ in range(lanes)))


def used_bytes(path: str) -> int:
    """The bytes of an SQLite file that are in use, its log folded into it."""
    with closing(sqlite3.connect(path, timeout=30)) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        pages, free, size = (
            file.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size


def checkpoints(path: str) -> int:
    """How many checkpoints a file holds."""
    with closing(sqlite3.connect(path, timeout=30)) as file:
        return int(file.execute("SELECT count(*) FROM checkpoints").fetchone()[0])


def serve(workloads: Any) -> None:
    """Answer the lines of the input until it ends; what peers print goes nowhere."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.environ["WORKFLOW_EXECUTE_TIMEOUT"] = "-1"

    async def play() -> None:
        await workloads.open()
        answers.write("ready\n")
        while line := await asyncio.to_thread(sys.stdin.readline):
            asked = json.loads(line)
            answers.write(json.dumps(await getattr(workloads, asked.pop("work"))(**asked)) + "\n")

    asyncio.run(play())
    os._exit(0)  # peers leave threads behind
