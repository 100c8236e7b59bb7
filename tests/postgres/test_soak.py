"""Long runs on Postgres (`make soak`); SOAK scales them: 1 is the whole, 0.1 a tenth."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from collections import Counter, defaultdict
from contextlib import suppress
from typing import Any

import pytest

from jiuwen_lg.workers import WorkflowClient
from tests.behaviour.test_processes import Child, race, steps
from tests.behaviour.test_soak import SCALE, scaled
from tests.postgres.conftest import Launch
from tests.project.test_docs import ROOT

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]

WORKERS = 8


def test_a_conversation_killed_at_every_commit(child_env: dict[str, str]) -> None:
    every = max(1, round(1 / SCALE))
    assert Child(child_env, "tests.programs.matrix", str(every)).result(3000) >= 60 // every


def test_three_processes_answer_at_the_same_moment(child_env: dict[str, str]) -> None:
    race(child_env, scaled(500))


async def test_workers_killed_at_random(launch: Launch) -> None:
    """Every session ends right, whoever dies; what is repeated carries the key that it had."""
    dice = random.Random(int(os.environ.get("SOAK_SEED", "1")))
    count, kills = scaled(2000), 0
    workers = [launch("--takeover", "2s", "--concurrency", "8") for _ in range(WORKERS)]
    client, many = WorkflowClient(), asyncio.Semaphore(100)

    async def session(n: int) -> Any:
        async with many:
            await (await client.start("approval", {"n": n}, session_id=f"s{n}")).result(600)
            return (await (await client.answer(f"s{n}", f"a{n}")).result(600)).result

    async def kill() -> None:
        nonlocal kills
        while True:
            await asyncio.sleep(dice.uniform(1, 4))  # the moment of the kill is the experiment
            place = dice.randrange(WORKERS)
            workers[place].kill()
            kills += 1
            workers[place] = await asyncio.to_thread(launch, "--takeover", "2s", "--concurrency", "8")

    killing = asyncio.create_task(kill())
    results = await asyncio.gather(*(session(n) for n in range(count)))
    killing.cancel()
    with suppress(asyncio.CancelledError):
        await killing
    assert results == [{"output": {"n": n, "answer": f"a{n}"}} for n in range(count)]
    assert kills > 2 * SCALE
    keys, ran = defaultdict(set), Counter[str]()
    for line in steps():
        step, _, key = line.rpartition(" ")
        keys[step].add(key)
        ran[step] += 1
    assert ran.keys() == {f"s{n} {step}" for n in range(count) for step in ("before", "ask", "after")}
    assert {len(of_step) for of_step in keys.values()} == {1}
    assert ran.total() <= 3 * count + 8 * kills, (ran.total(), kills)


def test_the_benchmark_of_workers_runs(child_env: dict[str, str]) -> None:
    command = [sys.executable, ROOT / "benchmarks" / "workers.py", "--sessions", "3", "--repeats", "1"]
    done = subprocess.run(command, env=child_env, capture_output=True, text=True, check=True)
    assert done.stdout.count("ratio") == 4
