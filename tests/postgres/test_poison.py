"""Turns that harm their workers, or that nobody can run: each ends, its client is told, and those beside it go on."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg
import pytest

from jiuwen_lg import InteractiveInput, JiuWenBaseException, WorkflowRuntime
from jiuwen_lg.command import main
from jiuwen_lg.workers import Worker, WorkflowClient
from jiuwen_lg.workers.turns import QueuedTurn, TurnQueue
from tests.behaviour.test_processes import steps
from tests.postgres.conftest import Launch
from tests.postgres.test_workers import ran, wait_for_step
from tests.programs.turns import approval, poison


def execute(statement: str, *values: Any) -> None:
    with psycopg.connect(os.environ["JIUWEN_LG_DB"], autocommit=True) as connection:
        connection.execute(statement, values)  # type: ignore[call-overload]


async def test_whatever_a_component_raises_ends_its_turn_only(launch: Launch) -> None:
    worker, client = launch(), WorkflowClient()
    expected = {
        "cancelled": "CancelledError",
        "group": "BaseExceptionGroup: g",
        "key": "KeyboardInterrupt",
        "exit": r"SystemExit\(3\)",
        "exit in a thread": r"SystemExit\(4\)",
    }
    for kind, text in expected.items():
        turn = await client.start("poison", {"n": kind}, session_id=kind)
        with pytest.raises(JiuWenBaseException, match=f"100100.*{text}"):
            await turn.result(60)
    assert worker.poll() is None
    assert (await (await client.start("approval", {"n": 1})).result(60)).state.name == "INPUT_REQUIRED"
    Path("go").touch()
    assert (await (await client.retry("exit")).result(60)).result == {"output": {"n": "exit"}}


async def test_a_turn_that_kills_its_workers_is_abandoned_and_those_beside_it_end(
    launch: Launch, capsys: pytest.CaptureFixture[str]
) -> None:
    client = WorkflowClient()
    deadly = await client.start("poison", {"n": "crash"}, session_id="deadly")
    beside = [await client.start("approval", {"n": n}, session_id=f"s{n}") for n in range(3)]
    held = await client.start("holds", {"n": 1}, session_id="held")

    async def supervise() -> None:
        while True:
            worker = await asyncio.to_thread(launch, "--takeover", "1s", "--max-deliveries", "2")
            while worker.poll() is None:  # noqa: ASYNC110 (a thread that waits could not be cancelled)
                await asyncio.sleep(0.05)

    supervising = asyncio.create_task(supervise())
    with pytest.raises(JiuWenBaseException, match=r"100920.*begun 2 times.*jiuwen-lg turns retry"):
        await deadly.result(100)
    for turn in beside:
        assert (await turn.result(60)).state.name == "INPUT_REQUIRED"
    assert Counter(ran())["deadly crash"] == 2
    capsys.readouterr()
    assert main(["turns", "list"]) == 0
    rows = [line.split()[:6] for line in capsys.readouterr().out.splitlines()]
    assert [deadly.turn_id, "poison", "deadly", "abandoned"] in [row[:4] for row in rows]
    await asyncio.to_thread(wait_for_step, "held hold")
    Path("go").touch()
    assert (await held.result(60)).result == {"output": {"n": 1}}
    assert main(["turns", "retry", deadly.turn_id]) == 0
    assert (await deadly.result(60)).result == {"output": {"n": "crash"}}
    assert len({line.rpartition(" ")[2] for line in steps() if line.startswith("deadly ")}) == 1
    assert main(["turns", "retry", deadly.turn_id]) == 1
    assert "is on its way, or has ended" in capsys.readouterr().err
    supervising.cancel()


def test_turns_that_died_together_are_suspected_one_by_one() -> None:
    """Only the delivery of the turn that a worker was testing is counted."""
    turns, client = TurnQueue(), WorkflowClient()

    async def submitted(*names: str) -> None:
        for name in names:
            await client.start("poison", {"n": name}, turn_id=name)

    asyncio.run(submitted("a", "b"))
    for name in ("a", "b"):
        assert turns.begin(name) is not None
        assert turns.begin(name) is None
    assert [turns.deliveries(name) for name in ("a", "b")] == [1, 1]
    worker = Worker([poison])
    worker._is_suspecting = True
    with pytest.raises(Exception, match="turn b waits for another one"):
        asyncio.run(worker._deliver("b"))
    assert turns.deliveries("b") == 1
    turns.give_back("b")
    turns.give_back("b")
    assert turns.deliveries("b") == 0


async def test_who_waits_for_a_workflow_that_nobody_serves_is_told(
    launch: Launch, capsys: pytest.CaptureFixture[str]
) -> None:
    client = WorkflowClient(unserved=0.2)
    turn = await client.start("approvall", {"n": 1}, session_id="s", turn_id="t")
    with pytest.raises(JiuWenBaseException, match=r"100921.*\[t\].*\[approvall\]"):
        await turn.result(60)
    assert await turn.poll() is None
    launch()
    served = await client.start("approval", {"n": 1}, session_id="other")
    assert (await served.result(60)).state.name == "INPUT_REQUIRED"
    assert main(["turns", "list", "--json"]) == 0
    told = capsys.readouterr().out
    assert '"status": "unserved"' in told
    assert '"turn_id": "t"' in told
    assert "other" not in told


async def test_a_damaged_session_row_fails_its_turn(launch: Launch) -> None:
    client, turns = WorkflowClient(), TurnQueue()
    await approval.invoke({"n": 1}, WorkflowRuntime(session_id="s"))
    execute("UPDATE jiuwen_sessions SET answers = '\\x00'")
    turns.submit(QueuedTurn("t", "approval", "s", InteractiveInput()))
    launch()
    with pytest.raises(JiuWenBaseException, match="100908.*column answers of session"):
        await client.turn("t").result(60)


async def test_a_damaged_turn_fails_alone(launch: Launch) -> None:
    client = WorkflowClient()
    for name in ("bad input", "bad output", "good"):
        await client.start("approval", {"n": 1}, session_id=name, turn_id=name)
    execute("UPDATE jiuwen_turns SET given = '\\xc1' WHERE turn_id = 'bad input'")
    execute("UPDATE jiuwen_turns SET output = '\\xc1' WHERE turn_id = 'bad output'")
    launch()
    results = await asyncio.gather(
        *(client.turn(name).result(60) for name in ("bad input", "bad output", "good")), return_exceptions=True
    )
    assert [getattr(result, "error_code", None) for result in results] == [100908, 100908, None]


async def test_a_turn_without_a_job_is_stuck_until_it_is_filed_again(
    launch: Launch, capsys: pytest.CaptureFixture[str]
) -> None:
    client = WorkflowClient()
    turn = await client.start("approval", {"n": 1}, session_id="s")
    execute("DELETE FROM procrastinate_jobs")
    main(["turns", "list"])
    assert " stuck " in capsys.readouterr().out
    launch()
    main(["turns", "retry", turn.turn_id])
    assert (await turn.result(60)).state.name == "INPUT_REQUIRED"


async def test_an_id_that_is_too_long_for_the_queue_is_refused() -> None:
    with pytest.raises(JiuWenBaseException, match="100000.*at most 128 characters here, not 129"):
        await WorkflowClient().start("x" * 129, {})


def test_no_deliveries_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["worker", "tests.programs.turns", "--max-deliveries", "0"]) == 2
    assert "max_deliveries is at least 1" in capsys.readouterr().err
