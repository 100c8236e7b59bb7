"""Real second processes: pausing, killing, stalling and racing them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.forked import Forked, run
from tests.programs.steps import build

ROUNDS = 100


class Child:
    """A second process running a module of `tests.programs`."""

    def __init__(self, env: dict[str, str], *arguments: str) -> None:
        self.process: Any = self.start(arguments, env)

    @staticmethod
    def start(arguments: tuple[str, ...], env: dict[str, str]) -> Any:
        """The process."""
        return Forked("-m", *arguments, env=env)

    def result(self, seconds: float = 100) -> Any:
        """What it printed, once it has ended well."""
        out, err = self.process.communicate(timeout=seconds)
        assert self.process.returncode == 0, err
        return json.loads(out)

    def kill(self) -> None:
        """`kill -9`."""
        self.process.kill()
        self.process.communicate()


def step(env: dict[str, str], *arguments: str) -> Any:
    """One turn in a process of its own."""
    return Child(env, "tests.programs.steps", *arguments).result()


def steps() -> list[str]:
    """What the components of all processes have logged."""
    return Path("steps.log").read_text(encoding="utf-8").splitlines() if Path("steps.log").exists() else []


def wait_for(line: str, logged: Callable[[], list[str]] = steps) -> None:
    """Until a component has logged this."""
    deadline = time.monotonic() + 60
    while line not in logged():
        assert time.monotonic() < deadline, f"{line!r} never came: {logged()}"
        time.sleep(0.01)


def test_another_interpreter_answers(child_env: dict[str, str]) -> None:
    """Not a forked one: imports, the order of sets and all are its own."""
    for arguments, state in ((("start", "s", "hello"), "INPUT_REQUIRED"), (("answer", "s", "yes"), "COMPLETED")):
        command = [sys.executable, "-m", "tests.programs.steps", "approval", *arguments]
        done = subprocess.run(command, env=child_env, capture_output=True, text=True, check=True)
        assert json.loads(done.stdout)["state"] == state


def test_another_process_answers(child_env: dict[str, str]) -> None:
    assert step(child_env, "approval", "start", "s", "hello") == {"state": "INPUT_REQUIRED", "result": ["ask?"]}
    done = step(child_env, "approval", "answer", "s", "yes")
    assert done["result"]["output"]["q"] == "hello"
    assert steps() == ["s before", "s ask got yes", "s after"]


def test_what_finished_before_a_kill_is_not_run_again(child_env: dict[str, str]) -> None:
    child = Child(child_env, "tests.programs.steps", "hold", "start", "s", "hello")
    wait_for("s hold")
    child.kill()
    Path("go").touch()
    assert step(child_env, "hold", "start", "s")["code"] == 100006
    assert step(child_env, "hold", "go", "s")["result"]["output"]["q"] == "hello"
    assert steps() == ["s before", "s hold", "s hold", "s after"]


def test_a_kill_at_component_fifty_repeats_none_of_the_first_forty_nine(child_env: dict[str, str]) -> None:
    child = Child(child_env, "tests.programs.steps", "long", "start", "s")
    wait_for("s hold")
    child.kill()
    Path("go").touch()
    assert step(child_env, "long", "go", "s")["state"] == "COMPLETED"
    assert [steps().count(f"s n{n}") for n in range(49)] == [1] * 49


def test_an_answer_survives_a_kill_while_it_is_handled(child_env: dict[str, str]) -> None:
    step(child_env, "die", "start", "s")
    child = Child(child_env, "tests.programs.steps", "die", "answer", "s", "yes")
    child.process.communicate()
    assert child.process.returncode == -signal.SIGKILL
    Path("go").touch()
    assert step(child_env, "die", "go", "s")["state"] == "COMPLETED"
    assert steps() == ["s before", "s die got yes", "s after"]


def test_the_result_is_to_be_had_after_a_kill_that_followed_the_last_commit(
    child_env: dict[str, str], db: Path
) -> None:
    step(child_env, "approval", "start", "s", "hello")
    step(child_env, "approval", "answer", "s", "yes")
    import asyncio

    snapshot = asyncio.run(build("approval").snapshot("s"))
    assert snapshot is not None
    assert (snapshot.status, snapshot.result["output"]["q"]) == ("done", "hello")


def test_the_result_is_to_be_had_if_the_receipt_was_not_written(child_env: dict[str, str], db: Path) -> None:
    """Killed between the last checkpoint and the receipt: the row still says "running"."""
    crash = (
        "import os, asyncio, sys; from jiuwen_lg.engine.sessions.repository import Sessions; "
        "Sessions.complete = lambda *a, **k: os.kill(os.getpid(), 9); "
        "from tests.programs import steps; asyncio.run(steps.main('approval', 'answer', 's', 'yes'))"
    )
    step(child_env, "approval", "start", "s", "hello")
    assert run("-c", crash, env=child_env).returncode == -signal.SIGKILL
    assert step(child_env, "approval", "go", "s")["result"]["output"]["q"] == "hello"
    assert steps().count("s after") == 1


def test_a_kill_before_the_first_checkpoint_loses_no_inputs(child_env: dict[str, str]) -> None:
    crash = (
        "import os, asyncio; from jiuwen_lg.engine.storage.saver import FencedSaver; "
        "FencedSaver.aput = lambda *a: os.kill(os.getpid(), 9); "
        "from tests.programs import steps; asyncio.run(steps.main('approval', 'start', 's', 'hello'))"
    )
    assert run("-c", crash, env=child_env).returncode == -signal.SIGKILL
    assert step(child_env, "approval", "go", "s")["result"] == ["ask?"]
    assert step(child_env, "approval", "answer", "s", "yes")["result"]["output"]["q"] == "hello"


def test_four_processes_share_one_file(child_env: dict[str, str]) -> None:
    children = [Child(child_env, "tests.programs.many", f"p{n}", "50") for n in range(4)]
    assert [child.result() for child in children] == [0, 0, 0, 0]
    assert sorted(steps()) == sorted(
        line
        for p in range(4)
        for n in range(50)
        for line in (f"p{p}-{n} before", f"p{p}-{n} ask got answer to p{p}-{n}", f"p{p}-{n} after")
    )


def race(env: dict[str, str], rounds: int) -> None:
    """So many sessions, each answered by three processes at the same moment: one of them goes on."""
    import asyncio

    from jiuwen_lg import WorkflowRuntime

    flow = build("approval")
    for number in range(rounds):
        asyncio.run(flow.invoke({"q": number}, WorkflowRuntime(session_id=str(number))))
    racers = [Child(env, "tests.programs.race") for _ in range(3)]
    outcomes = []
    for racer in racers:
        assert racer.process.stdout.readline() == "ready\n"
    for number in range(rounds):
        for racer in racers:
            racer.process.stdin.write(f"{number}\n")
            racer.process.stdin.flush()
        outcomes.append(sorted(racer.process.stdout.readline().strip() for racer in racers))
    for racer in racers:
        racer.process.communicate()
    went_on = sorted(line for line in steps() if line.endswith("after"))
    assert went_on == sorted(f"{n} after" for n in range(rounds)), outcomes
    assert all(outcome[2] == "COMPLETED" and set(outcome[:2]) <= {"100900", "100904"} for outcome in outcomes)


def test_of_three_processes_that_answer_at_once_one_goes_on(child_env: dict[str, str]) -> None:
    race(child_env, ROUNDS)


def test_a_stalled_owner_comes_back_and_is_stopped(child_env: dict[str, str]) -> None:
    child_env["JIUWEN_LG_LEASE_SECONDS"] = "1"
    child = Child(child_env, "tests.programs.steps", "hold", "start", "s", "hello")
    wait_for("s hold")
    assert step(child_env, "hold", "go", "s")["code"] == 100904
    os.kill(child.process.pid, signal.SIGSTOP)
    deadline = time.monotonic() + 30
    Path("go").touch()
    while (outcome := step(child_env, "hold", "go", "s")).get("code") == 100904:
        assert time.monotonic() < deadline
    assert outcome["result"]["output"]["q"] == "hello"
    os.kill(child.process.pid, signal.SIGCONT)
    assert child.result()["code"] == 100905
    assert steps() == ["s before", "s hold", "s hold", "s after"]


def test_a_hundred_big_outputs_leave_four_megabytes_at_most(child_env: dict[str, str], db: Path) -> None:
    assert step(child_env, "big", "start", "s")["result"] == ["ask?"]
    left = sum(file.stat().st_size for file in db.parent.glob("sessions.db*"))
    assert left <= 4 * 1024 * 1024


def test_a_forked_child_opens_its_own_connection(db: Path) -> None:
    code = (
        "import asyncio, os\n"
        "from jiuwen_lg import WorkflowRuntime, InteractiveInput\n"
        "from tests.programs.steps import build\n"
        "flow = build('approval')\n"
        "run = lambda given, s: asyncio.run(flow.invoke(given, WorkflowRuntime(session_id=s)))\n"
        "run({'q': 1}, 'parent')\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    run(InteractiveInput('from the child'), 'parent'); run({'q': 2}, 'child'); os._exit(0)\n"
        "assert os.waitpid(pid, 0)[1] == 0\n"
        "run(InteractiveInput('from the parent'), 'child')\n"
    )
    root = str(Path(__file__).parents[2])
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": root}, check=True)
    assert [line for line in steps() if "got" in line] == [
        "parent ask got from the child",
        "child ask got from the parent",
    ]


async def test_sqlite_is_durable_at_every_commit(db: Path) -> None:
    from jiuwen_lg.engine.store import current_store

    store = await current_store()
    assert store is not None
    connection = store.database.connection
    assert connection.execute("PRAGMA synchronous").fetchone()[0] >= 1  # NORMAL
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    with contextlib.closing(sqlite3.connect(db)) as other:
        assert other.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


@pytest.mark.parametrize("verb", ["answer", "go"])
def test_a_session_that_never_was_is_not_pending(child_env: dict[str, str], verb: str) -> None:
    assert step(child_env, "approval", verb, "s")["code"] == 100900


class TestLoops:
    """Loops that are left in one process and go on in another."""

    def play(self, env: dict[str, str], *arguments: str) -> Any:
        return Child(env, "tests.programs.rounds", *arguments).result()

    def ran(self, component: str) -> list[int]:
        """The rounds in which a component ran, in order."""
        return [int(line.split()[2]) for line in steps() if line.split()[1] == component]

    def test_a_question_in_round_60_of_100_is_answered_elsewhere(self, child_env: dict[str, str]) -> None:
        assert self.play(child_env, "asks", "start", "s")["result"] == ["go on?"]
        done = self.play(child_env, "asks", "answer", "s", "yes")
        answers = [None] * 60 + ["yes"] + [None] * 39
        assert done["result"] == {"output": {"i": [*range(100)], "answers": answers}}
        assert self.ran("loop.first") == self.ran("loop.last") == [*range(100)]
        assert self.ran("loop.middle") == [*range(61), *range(60, 100)]  # only what asked ran again

    def test_a_kill_in_round_700_of_1000_repeats_no_finished_round(self, child_env: dict[str, str]) -> None:
        child = Child(child_env, "tests.programs.rounds", "holds", "start", "s")
        wait_for("s loop.middle 700")
        child.kill()
        Path("go").touch()
        done = self.play(child_env, "holds", "go", "s")
        assert done["result"]["output"]["i"] == [*range(1000)]
        assert self.ran("loop.first") == self.ran("loop.last") == [*range(1000)]
        assert self.ran("loop.middle") == [*range(701), *range(700, 1000)]

    def test_a_kill_inside_a_loop_inside_a_sub_workflow(self, child_env: dict[str, str]) -> None:
        child = Child(child_env, "tests.programs.rounds", "deep", "start", "s")
        wait_for("s sub.loop.middle 3")
        child.kill()
        Path("go").touch()
        assert self.play(child_env, "deep", "go", "s")["result"] == {"output": {"i": [0, 1, 2, 3, 4]}}
        assert self.ran("sub.loop.first") == [0, 1, 2, 3, 4]
        assert self.ran("sub.loop.middle") == [0, 1, 2, 3, 3, 4]

    def test_1000_rounds_of_1_kb_leave_at_most_15_mb(self, child_env: dict[str, str], db: Path) -> None:
        """Asked in the last round, so that everything the run wrote is still there."""
        assert self.play(child_env, "big", "start", "s")["state"] == "INPUT_REQUIRED"
        assert db.stat().st_size <= 15_000_000
        assert self.play(child_env, "big", "answer", "s")["result"]["output"]["i"] == [*range(1000)]


class TestFrames:
    """A process killed while frames flow: nothing is lost, and nothing is twice in the result."""

    @pytest.mark.parametrize(("where", "producer_runs"), [("producer", 2), ("consumer", 1), ("between", 1)])
    def test_a_kill(self, where: str, producer_runs: int, child_env: dict[str, str]) -> None:
        child = Child(child_env, "tests.programs.frames", where, "start", "s")
        wait_for(f"hold {where}")
        child.kill()
        Path("go").touch()
        done = Child(child_env, "tests.programs.frames", where, "go", "s").result()
        assert done["result"] == {"output": {"v": [0, 1, 2, 3]}}
        assert steps().count("gives") == producer_runs


def test_a_conversation_killed_at_every_commit(child_env: dict[str, str]) -> None:
    """Its result is that of an undisturbed one, and nothing that was committed runs twice; see the program."""
    assert Child(child_env, "tests.programs.matrix").result() > 60
