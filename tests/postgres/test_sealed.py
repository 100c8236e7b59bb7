"""Encryption on Postgres: sessions, their forks, and the turns of workers."""

from __future__ import annotations

import os
from typing import Any

import psycopg
import pytest

from jiuwen_lg import InteractiveInput, JiuWenBaseException, WorkflowRuntime
from jiuwen_lg.engine.storage.encryption import KEY
from jiuwen_lg.engine.store import open_store
from jiuwen_lg.workers import WorkflowClient
from jiuwen_lg.workers.turns import TurnQueue
from tests.flows import Ask, Call, chain, turn

SECRET = "tea-with-milk"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, "0123456789abcdef")


def execute(statement: str) -> list[Any]:
    with psycopg.connect(os.environ["JIUWEN_LG_DB"], autocommit=True) as connection:
        cursor = connection.execute(statement)  # type: ignore[call-overload]
        return cursor.fetchall() if cursor.description else []


def everything() -> str:
    """All that is in the tables, as text, bytes as characters."""
    tables = execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
    rows = [row for (table,) in tables for row in execute(f"SELECT * FROM {table}")]
    cells = [cell.decode("latin-1") if isinstance(cell, bytes) else str(cell) for row in rows for cell in row]
    return "\n".join(cells)


async def test_a_run_with_a_fork_and_its_config() -> None:
    built = chain(("gives", Call(lambda i, r: {"v": SECRET})), ("ask", Ask("?")), id="w", keep_history=True)
    config: Any = {"configurable": {"api_token": SECRET}, "metadata": {"who": SECRET}}
    await built.invoke({"q": SECRET}, WorkflowRuntime(session_id="s", config=config))
    await built.fork("s", (await built.history("s"))[0], new_session_id="f")
    await turn(built, InteractiveInput(), "f")
    for session in ("s", "f"):
        done = await turn(built, InteractiveInput("yes"), session)
        assert done.result["output"]["gives"] == {"v": SECRET}
    assert {found.metadata.get("api_token") for found in open_store().saver.list(None)} == {SECRET, None}
    assert SECRET not in everything()


async def test_checkpoints_of_another_session() -> None:
    flow = chain(("gives", Call(lambda i, r: {"v": SECRET})), ("ask", Ask("?")), id="w")
    for session in ("alice", "mallory"):
        await turn(flow, {"q": session}, session)
    threads = {s: f"(SELECT thread_id FROM jiuwen_sessions WHERE session_id = '{s}')" for s in ("alice", "mallory")}
    for table in ("checkpoint_writes", "checkpoint_blobs"):
        theirs = f"(SELECT blob FROM {table} WHERE thread_id = {threads['alice']} LIMIT 1)"
        execute(f"UPDATE {table} SET blob = {theirs} WHERE thread_id = {threads['mallory']}")
    with pytest.raises(JiuWenBaseException, match="cannot be decrypted"):
        await turn(flow, InteractiveInput("x"), "mallory")
    assert (await turn(flow, InteractiveInput("x"), "alice")).state.name == "COMPLETED"


async def test_turns_of_workers() -> None:
    client, queue = WorkflowClient(), TurnQueue()
    for name in ("mine", "theirs"):
        await client.start("w", {"q": f"{SECRET} {name}"}, session_id=name, turn_id=name)
    assert SECRET not in everything()
    execute("UPDATE jiuwen_turns SET given = (SELECT given FROM jiuwen_turns WHERE turn_id = 'mine')")
    assert queue.begin("mine") is not None
    with pytest.raises(Exception, match="cannot be decrypted"):
        queue.begin("theirs")
    queue.end("mine", JiuWenBaseException(1, SECRET))
    execute("UPDATE jiuwen_turns SET error = (SELECT error FROM jiuwen_turns WHERE turn_id = 'mine')")
    assert SECRET not in everything()
    assert queue.endings(["mine"])["mine"].args == (1, SECRET)  # type: ignore[union-attr]
    assert queue.endings(["theirs"])["theirs"].args[0] == 100908  # type: ignore[union-attr]
