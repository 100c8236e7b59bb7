"""TurnQueue that a client submits and workers run, in processes of their own."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg
import pytest

from jiuwen_lg import InteractiveInput, JiuWenBaseException, WorkflowExecutionState, WorkflowRuntime
from jiuwen_lg.command import main
from jiuwen_lg.workers import Worker, WorkflowClient
from jiuwen_lg.workers.turns import QueuedTurn, TurnQueue
from tests.behaviour.test_processes import steps, wait_for
from tests.flows import Call, chain
from tests.postgres.conftest import Launch
from tests.programs.turns import approval, holds, twice
from tests.project.test_docs import ROOT, run_blocks


def ran() -> list[str]:
    """Which steps ran, without their keys."""
    return [line.rpartition(" ")[0] for line in steps()]


class Thing:
    """What has no place in a database."""


async def test_start_and_answer(launch: Launch) -> None:
    launch()
    client = WorkflowClient()
    asked = await (await client.start("approval", {"n": 1}, session_id="s")).result(60)
    assert asked.state is WorkflowExecutionState.INPUT_REQUIRED
    assert asked.result[0].payload.value == "ask?"
    assert asked.session_id == "s"
    turn = await client.answer("s", "yes")
    done = await turn.result(60)
    assert done.result == {"output": {"n": 1, "answer": "yes"}}
    assert await client.turn(turn.turn_id).poll() == done
    assert ran() == ["s before", "s ask", "s after"]


async def test_an_agent_is_served(launch: Launch) -> None:
    launch()
    client = WorkflowClient()
    for _ in range(2):  # submitted twice, it is one
        asked = await (await client.start("desk", {"query": "a hat"}, session_id="s", turn_id="t")).result(60)
        assert asked.state is WorkflowExecutionState.INPUT_REQUIRED
        assert asked.result[0].payload.value == "Which size?"
    done = await (await client.answer("s", "L", workflow_id="desk")).result(60)
    assert done.result == {"output": '{"output": {"said": "hat/L"}}', "result_type": "answer"}
    assert steps() == ["note x"]


async def test_nobody_serves_it_yet(launch: Launch) -> None:
    client = WorkflowClient()
    turn = await client.start("approval", {"n": 1}, session_id="s")
    assert await turn.poll() is None
    with pytest.raises(TimeoutError):
        await turn.result(0.05)
    launch()
    assert (await turn.result(60)).state is WorkflowExecutionState.INPUT_REQUIRED


async def test_a_start_submitted_twice_is_one(launch: Launch) -> None:
    launch()
    client = WorkflowClient()
    for _ in range(3):
        asked = await (await client.start("approval", {"n": 1}, session_id="s", turn_id="t")).result(60)
        assert asked.result[0].payload.id == "ask"
    assert ran() == ["s before"]
    with pytest.raises(JiuWenBaseException, match=r"100000.*turn \[t\]"):
        await client.start("twice", {"n": 1}, session_id="s", turn_id="t")


async def test_an_answer_delivered_twice_leaves_the_second_question_open(launch: Launch) -> None:
    client, turns = WorkflowClient(), TurnQueue()
    await twice.invoke({"n": 1}, _runtime("s"))
    turn = await client.answer("s", "first")
    turns.submit(QueuedTurn(turn.turn_id, "twice", "s", InteractiveInput()))  # a job more for the same turn
    again = await client.answer("s", "first again")  # another turn, for the question that was open then
    launch()
    for one in (turn, again):
        output = await one.result(60)
        assert [frame.payload.id for frame in output.result] == ["two"]
    assert ran() == ["s one"]
    assert [question.output.id for question in await twice.pending("s")] == ["two"]


async def test_what_cannot_be_answered_is_refused_at_once() -> None:
    client = WorkflowClient()
    with pytest.raises(JiuWenBaseException, match="100900.*no unfinished run"):
        await client.answer("s", "x")
    with pytest.raises(JiuWenBaseException, match=r"100900.*turn \[gone\] is not on file"):
        await client.turn("gone").result(60)
    with pytest.raises(JiuWenBaseException, match="100100"):
        await client.start("approval", [1])
    with (
        pytest.warns(RuntimeWarning, match="cannot be stored"),
        pytest.raises(JiuWenBaseException, match=r"100000.*a\[0\] \(.*Thing\) cannot be handed to a worker"),
    ):
        await client.start("approval", {"a": [Thing()]})
    for flow in (approval, twice):
        await flow.invoke({"n": 1}, _runtime("s"))
    with pytest.raises(JiuWenBaseException, match=r"100902.*approval.*twice"):
        await client.answer("s", "x")
    turn = await client.answer("s", "x", workflow_id="twice")
    assert await turn.poll() is None


async def test_a_failed_turn_tells_and_is_retried(launch: Launch) -> None:
    launch()
    client = WorkflowClient()
    turn = await client.start("fails", {"n": 1}, session_id="s")
    with pytest.raises(JiuWenBaseException, match="not yet"):
        await turn.result(60)
    with pytest.raises(JiuWenBaseException, match="not yet"):
        await turn.poll()
    Path("go").touch()
    assert (await (await client.retry("s")).result(60)).result == {"output": {"n": 1}}
    keys = {line.rpartition(" ")[2] for line in steps()}
    assert (len(steps()), len(keys)) == (2, 1)


async def test_the_turn_of_a_killed_worker_is_taken_over(launch: Launch) -> None:
    first = launch("--takeover", "1s")
    client = WorkflowClient()
    turn = await client.start("holds", {"n": 1}, session_id="s")
    await asyncio.to_thread(wait_for_step, "s hold")
    first.kill()
    Path("go").touch()
    launch("--takeover", "1s")
    assert (await turn.result(60)).result == {"output": {"n": 1}}
    assert Counter(ran()) == {"s before": 1, "s hold": 2}
    assert len({line.rpartition(" ")[2] for line in steps() if " hold " in line}) == 1


async def test_a_worker_that_is_told_to_stop_ends_what_it_runs(launch: Launch) -> None:
    worker = launch()
    turn = await WorkflowClient().start("holds", {"n": 1}, session_id="s")
    await asyncio.to_thread(wait_for_step, "s hold")
    worker.send_signal(signal.SIGTERM)
    Path("go").touch()
    assert await asyncio.to_thread(worker.wait, 60) == 0
    assert (await turn.result(1)).result == {"output": {"n": 1}}


async def test_a_session_that_is_run_elsewhere_is_waited_for(launch: Launch) -> None:
    here = asyncio.create_task(holds.invoke({"n": 1}, _runtime("s")))
    await asyncio.to_thread(wait_for_step, "s hold")
    turns = TurnQueue()
    turns.submit(QueuedTurn("t", "holds", "s", InteractiveInput()))
    launch()
    client = WorkflowClient()
    with psycopg.connect(os.environ["JIUWEN_LG_DB"], autocommit=True) as connection:
        attempts = "SELECT attempts FROM procrastinate_jobs WHERE task_name = 'jiuwen_lg.turn'"
        while connection.execute(attempts).fetchone() in {None, (0,)}:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    Path("go").touch()
    await here
    with pytest.raises(JiuWenBaseException, match="100900.*has finished"):  # not 100904
        await client.turn("t").result(60)


async def test_many_clients_and_sessions_in_one_process(launch: Launch) -> None:
    for _ in range(2):
        launch()
    client = WorkflowClient()

    async def session(n: int) -> Any:
        await (await client.start("approval", {"n": n}, session_id=f"s{n}")).result(100)
        return (await (await client.answer(f"s{n}", f"a{n}")).result(100)).result

    results = await asyncio.gather(*(session(n) for n in range(40)))
    assert results == [{"output": {"n": n, "answer": f"a{n}"}} for n in range(40)]
    assert set(Counter(ran()).values()) == {1}


def test_a_client_outlives_its_event_loop(launch: Launch) -> None:
    launch()
    client = WorkflowClient()

    async def once(session: str) -> Any:
        return (await (await client.start("approval", {"n": 1}, session_id=session)).result(60)).state

    assert [asyncio.run(once(s)) for s in ("a", "b")] == [WorkflowExecutionState.INPUT_REQUIRED] * 2


async def test_ended_turns_are_dropped_after_a_while(launch: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    turns = TurnQueue()
    await twice.invoke({"n": 1}, _runtime("s"))
    for name in ("old", "new"):
        turns.submit(QueuedTurn(name, "twice", "s", InteractiveInput()))
    turns.end("old", JiuWenBaseException(1, "x"))
    monkeypatch.setenv("JIUWEN_LG_RECEIPT_SECONDS", "-10")
    turns.end("new", JiuWenBaseException(1, "x"))
    with pytest.raises(JiuWenBaseException, match="100900"):
        await WorkflowClient().turn("old").poll()


def test_the_documents_program(launch: Launch, child_env: dict[str, str], tmp_path: Path) -> None:
    launch()
    run_blocks(ROOT / "docs" / "postgres.md", child_env, tmp_path)


class TestRefused:
    def test_a_store_in_a_file(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        monkeypatch.setenv("JIUWEN_LG_DB", "file.db")
        with pytest.raises(JiuWenBaseException, match=r"100908.*JIUWEN_LG_DB to postgresql://"):
            WorkflowClient()
        assert main(["worker", "tests.programs.turns"]) == 1
        assert "postgresql://" in capsys.readouterr().err

    def test_without_procrastinate(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "procrastinate", None)
        with pytest.raises(JiuWenBaseException, match=r"100908.*jiuwen-lg\[workers\]"):
            WorkflowClient()

    def test_a_module_without_workflows(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["worker", "json"]) == 2
        assert "'json' holds no workflow" in capsys.readouterr().err
        assert main(["worker", "no.such"]) == 2

    def test_workflows_that_nobody_can_ask_for(self) -> None:
        with pytest.raises(ValueError, match="has no id"):
            Worker([chain(("a", Call()))])
        with pytest.raises(ValueError, match="two workflows have the id 'x'"):
            Worker([chain(("a", Call()), id="x"), chain(("b", Call()), id="x")])
        with pytest.raises(ValueError, match="no workflow"):
            Worker([])


def _runtime(session: str) -> Any:
    return WorkflowRuntime(session_id=session)


def wait_for_step(line: str) -> None:
    """Until a component has logged this."""
    wait_for(line, ran)
