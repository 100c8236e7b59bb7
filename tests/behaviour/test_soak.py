"""Long runs (`make soak`); SOAK scales them: 1 is the whole, 0.1 a tenth."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.behaviour.test_processes import Child, race, step, steps


class Started(Child):
    """A new interpreter, which may be killed while it starts."""

    @staticmethod
    def start(arguments: tuple[str, ...], env: dict[str, str]) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        command = [sys.executable, "-m", *arguments]
        return subprocess.Popen(command, env=env, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


SCALE = float(os.environ.get("SOAK", "1"))
pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]


def scaled(count: int) -> int:
    return max(1, round(count * SCALE))


def test_sessions_survive_processes_killed_at_random(child_env: dict[str, str]) -> None:
    """Each kill costs at most one repetition of the component in flight, and loses nothing."""
    seed = int(os.environ.get("SOAK_SEED", "1"))
    dice = random.Random(seed)
    Path("go").touch()
    for number in range(scaled(150)):
        session, kills = f"s{number}", dice.randrange(1, 4)
        for kill in range(kills):
            child = Started(child_env, "tests.programs.steps", "hold", "go" if kill else "start", session)
            time.sleep(dice.uniform(0.2, 0.9))  # the moment of the kill is the experiment
            child.kill()
        outcome = step(child_env, "hold", "go", session)
        ran = Counter(line for line in steps() if line.startswith(f"{session} "))
        story = (seed, number, kills, outcome, ran)
        if outcome.get("code") == 100900:  # it had finished before a kill, or was killed before it began
            assert len(ran) in {0, 3}, story
        else:
            assert outcome["state"] == "COMPLETED", story
            assert len(ran) == 3, story
        assert ran.total() <= 3 + kills, story


def test_a_loop_inside_a_sub_workflow_survives_processes_killed_at_random(child_env: dict[str, str]) -> None:
    """Each kill repeats at most the component in flight; no finished round runs again."""
    dice = random.Random(int(os.environ.get("SOAK_SEED", "1")))
    Path("go").touch()
    for number in range(scaled(40)):
        session, kills = f"s{number}", dice.randrange(1, 4)
        for kill in range(kills):
            child = Started(child_env, "tests.programs.rounds", "deep100", "go" if kill else "start", session)
            time.sleep(dice.uniform(0.6, 1.1))  # the moment of the kill is the experiment
            child.kill()
        outcome = Child(child_env, "tests.programs.rounds", "deep100", "go", session).result()
        ran = Counter(line for line in steps() if line.startswith(f"{session} "))
        story = (number, kills, outcome, ran)
        if outcome.get("code") == 100900:  # it had finished before a kill, or was killed before it began
            assert len(ran) in {0, 300}, story
        else:
            assert outcome["result"] == {"output": {"i": [*range(100)]}}, story
        assert ran.total() <= 300 + kills, story


def test_many_processes_share_one_file(child_env: dict[str, str]) -> None:
    children = [Child(child_env, "tests.programs.many", f"p{n}", str(scaled(500))) for n in range(4)]
    assert [child.result() for child in children] == [0, 0, 0, 0]
    assert max(Counter(steps()).values()) == 1


def test_a_long_chain_pauses_and_resumes(child_env: dict[str, str]) -> None:
    code = (
        "import asyncio, sys\n"
        "from tests.flows import Ask, Call, chain, turn\n"
        "from jiuwen_lg import InteractiveInput\n"
        "n = int(sys.argv[1])\n"
        "flow = chain(*((f'n{i}', Ask() if i % 100 == 99 else Call()) for i in range(n)))\n"
        "async def main():\n"
        "    output = await turn(flow, {'q': 1})\n"
        "    while output.state.value == 'INPUT_REQUIRED':\n"
        "        output = await turn(flow, InteractiveInput('yes'))\n"
        "    assert len(output.result['output']) == n\n"
        "asyncio.run(main())\n"
    )
    env = {**child_env, "WORKFLOW_EXECUTE_TIMEOUT": "-1"}
    subprocess.run([sys.executable, "-c", code, str(scaled(2000))], env=env, check=True)


def test_three_processes_answer_at_the_same_moment(child_env: dict[str, str]) -> None:
    race(child_env, scaled(500))


def test_sessions_one_after_the_other_leave_nothing(child_env: dict[str, str]) -> None:
    """Memory at the end is at most 10 MB above that after a tenth, and the files take at most 5 MB."""
    count = scaled(100_000)
    told = Started(child_env, "tests.programs.sequence", str(count), str(count // 10)).result(3000)
    assert told["end"] <= told["early"] + 10_000_000, told
    assert told["files"] <= 5_000_000, told


def test_hostile_values_answers_and_stores_at_length(child_env: dict[str, str]) -> None:
    """The fuzzing of every run, with more examples."""
    tests = Path(__file__).parents[1]
    names = ("behaviour/test_hostile_values.py", "behaviour/test_hostile_store.py", "tools/test_restful.py")
    files = [tests / name for name in names]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout=3600", *map(str, files)]
    subprocess.run(command, env={**child_env, "FUZZ": str(scaled(3000))}, cwd=tests.parent, check=True)
