"""Sessions in Postgres: the same as in a file, from many machines."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.conformance.report import ProgressCallbacks
from langgraph.checkpoint.postgres import PostgresSaver

from jiuwen_lg import (
    End,
    InteractiveInput,
    JiuWenBaseException,
    SimpleComponent,
    Start,
    Workflow,
    WorkflowExecutionState,
    WorkflowRuntime,
)
from jiuwen_lg.command import main
from jiuwen_lg.context.context_engine import ContextEngine, ContextEngineConfig
from jiuwen_lg.engine import store
from jiuwen_lg.engine.store import Store, _postgres, close_store, open_store
from tests.behaviour.test_processes import Child, race, step, steps
from tests.flows import workflow
from tests.forked import in_a_fork
from tests.postgres_server import PostgresServer, serving


class Ask(SimpleComponent):
    """Asks, and gives the answer."""

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        return {"answer": await runtime.interact("name?"), **(inputs or {})}


class Gate(SimpleComponent):
    """Fails while it is told to."""

    fails = True

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        if Gate.fails:
            raise RuntimeError("not yet")
        return inputs


def asking(**start: Any) -> Workflow:
    flow = workflow("asking")
    flow.set_start_comp("start", Start(), inputs_schema=start or {"n": "${n}"})
    flow.add_workflow_comp("ask", Ask(), inputs_schema={"n": "${start.n}"})
    flow.set_end_comp("end", End(), inputs_schema={"who": "${ask.answer}", "n": "${ask.n}"})
    return flow.add_connection("start", "ask").add_connection("ask", "end")


def rows(url: str, query: str) -> list[Any]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query).fetchall()  # type: ignore[arg-type]


async def test_it_passes_langgraphs_conformance_suite(server: PostgresServer) -> None:
    @checkpointer_test(name="FencedPostgresSaver")
    async def make() -> AsyncIterator[Any]:
        with server.database() as url:
            made = Store(_postgres(url))
            yield made.saver
            made.database.close()

    report = await validate(make, progress=ProgressCallbacks.quiet())
    assert report.passed_all_base(), report.to_dict()


@pytest.mark.parametrize("n", [1, "text", "a\x00b", 1.5, float("inf"), None, [1, {"x": "\x00"}], "语言"])
async def test_ask_and_answer(n: Any) -> None:
    flow = asking()
    asked = await flow.invoke({"n": n}, WorkflowRuntime(session_id="s"))
    assert asked.result[0].payload.value == "name?"
    done = await flow.invoke(InteractiveInput("L\x00i"), WorkflowRuntime(session_id="s"))
    assert done.result == {"output": {"who": "L\x00i", "n": n} if n is not None else {"who": "L\x00i"}}


async def test_a_failed_run_goes_on_and_what_had_finished_is_kept() -> None:
    flow = workflow("gate")
    flow.set_start_comp("start", Start(), inputs_schema={"n": "${n}"})
    flow.add_workflow_comp("gate", Gate(), inputs_schema={"n": "${start.n}"})
    flow.set_end_comp("end", End(), inputs_schema={"n": "${gate.n}"})
    flow.add_connection("start", "gate").add_connection("gate", "end")
    Gate.fails = True
    with pytest.raises(JiuWenBaseException, match="not yet"):
        await flow.invoke({"n": 1}, WorkflowRuntime(session_id="s"))
    snapshot = await flow.snapshot("s")
    assert snapshot is not None
    assert snapshot.status == "failed"
    assert "not yet" in (snapshot.error or "")
    Gate.fails = False
    done = await flow.invoke(InteractiveInput(), WorkflowRuntime(session_id="s"))
    assert done.result == {"output": {"n": 1}}


def test_another_process_answers(child_env: dict[str, str]) -> None:
    assert step(child_env, "approval", "start", "s", "hello")["state"] == "INPUT_REQUIRED"
    assert step(child_env, "approval", "answer", "s", "yes")["result"]["output"]["q"] == "hello"
    assert steps() == ["s before", "s ask got yes", "s after"]


def test_a_conversation_killed_at_some_commits(child_env: dict[str, str]) -> None:
    """All of them are in the soak."""
    assert Child(child_env, "tests.programs.matrix", "13").result() >= 6


def test_of_those_who_answer_at_once_one_is_taken(child_env: dict[str, str]) -> None:
    race(child_env, 20)


def test_many_may_open_an_empty_database_at_once(child_env: dict[str, str], url: str) -> None:
    code = "from jiuwen_lg.engine.store import open_store; open_store(); print(1)"
    made = [subprocess.Popen([sys.executable, "-c", code], env=child_env, stderr=subprocess.PIPE) for _ in range(6)]
    assert [(child.communicate(timeout=60)[1], child.returncode) for child in made] == [(b"", 0)] * 6
    assert rows(url, "SELECT format FROM jiuwen_store") == [(1,)]


async def test_many_sessions_on_one_object() -> None:
    flow = asking()

    async def session(n: int) -> Any:
        runtime = WorkflowRuntime(session_id=f"s{n}")
        await flow.invoke({"n": n}, runtime)
        return (await flow.invoke(InteractiveInput(f"a{n}"), runtime)).result

    results = await asyncio.gather(*(session(n) for n in range(60)))
    assert results == [{"output": {"who": f"a{n}", "n": n}} for n in range(60)]


async def test_langgraphs_own_saver_reads_it(url: str) -> None:
    await asking().invoke({"n": 1}, WorkflowRuntime(session_id="s"))
    thread = rows(url, "SELECT thread_id FROM jiuwen_sessions")[0][0]
    with PostgresSaver.from_conn_string(url) as saver:
        config: Any = {"configurable": {"thread_id": thread}}
        assert [saved.metadata["source"] for saved in saver.list(config)][-1] == "input"


async def test_what_is_finished_leaves_its_result_only(url: str) -> None:
    flow = asking()
    await flow.invoke({"n": 1}, WorkflowRuntime(session_id="s"))
    await flow.invoke(InteractiveInput("x"), WorkflowRuntime(session_id="s"))
    for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes"):
        assert rows(url, f"SELECT count(*) FROM {table}") == [(0,)]
    snapshot = await flow.snapshot("s")
    assert snapshot is not None
    assert snapshot.result == {"output": {"who": "x", "n": 1}}


async def test_history_and_fork() -> None:
    flow = asking()
    await flow.invoke({"n": 1}, WorkflowRuntime(session_id="s"))
    history = await flow.history("s")
    await flow.fork("s", history[0], new_session_id="t")
    await flow.invoke(InteractiveInput(), WorkflowRuntime(session_id="t"))
    for session, answer in (("t", "fork"), ("s", "origin")):
        done = await flow.invoke(InteractiveInput(answer), WorkflowRuntime(session_id=session))
        assert done.result["output"]["who"] == answer


async def test_encrypted(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGGRAPH_AES_KEY", "0123456789abcdef")
    flow = asking()
    await flow.invoke({"n": "top secret"}, WorkflowRuntime(session_id="s"))
    for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes", "jiuwen_sessions"):
        assert all("secret" not in str(row) for row in rows(url, f"SELECT t::text FROM {table} t"))
        assert all(b"top secret".hex() not in str(row) for row in rows(url, f"SELECT t::text FROM {table} t"))
    done = await flow.invoke(InteractiveInput("x"), WorkflowRuntime(session_id="s"))
    assert done.result["output"]["n"] == "top secret"


async def test_the_command_line_and_sizes(capsys: pytest.CaptureFixture[str]) -> None:
    await asking().invoke({"n": "x" * 10_000}, WorkflowRuntime(session_id="s"))
    store_ = open_store()
    assert sum(store_.saver.sizes("s").values()) > 1000
    assert store_.saver.sizes("none") == {}
    assert await asyncio.to_thread(main, ["sessions", "list"]) == 0
    assert "[ask] name?" in capsys.readouterr().out


def test_conversations() -> None:
    context = ContextEngine("agent", ContextEngineConfig()).get_agent_context("s")
    context.add_message({"role": "user", "content": "a\x00 语"})
    again = ContextEngine("agent", ContextEngineConfig()).get_agent_context("s")
    assert [message.content for message in again.get_messages()] == ["a\x00 语"]


async def test_a_cancelled_answer_leaves_the_session_to_be_answered(url: str) -> None:
    flow = asking()
    await flow.invoke({"n": 1}, WorkflowRuntime(session_id="s"))
    with psycopg.connect(url) as other:
        other.execute("SELECT pg_advisory_xact_lock(hashtextextended('s', 7231))")
        answering = asyncio.create_task(flow.invoke(InteractiveInput("x"), WorkflowRuntime(session_id="s")))
        while not rows(url, "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        answering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await answering
    assert [question.session_id for question in await flow.pending()] == ["s"]
    done = await flow.invoke(InteractiveInput("y"), WorkflowRuntime(session_id="s"))
    assert done.result["output"]["who"] == "y"


class TestNamedErrors:
    async def test_a_session_id_with_nul(self) -> None:
        with pytest.raises(JiuWenBaseException, match="100908.*NUL"):
            await asking().invoke({"n": 1}, WorkflowRuntime(session_id="a\x00"))

    def test_nobody_listens(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("JIUWEN_LG_DB", "postgresql://me:secret@127.0.0.1:1/x")
        with pytest.raises(JiuWenBaseException, match="100908.*127.0.0.1") as caught:
            open_store()
        assert "secret" not in str(caught.value)

    def test_no_url(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("JIUWEN_LG_DB", "postgresql://me@host:port/x?what=1")
        with pytest.raises(JiuWenBaseException, match=r"100908.*postgresql://user:password@host:5432/name"):
            open_store()

    def test_without_its_driver(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in [*sys.modules]:
            if name.startswith("jiuwen_lg.engine.storage.postgres"):
                monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, "psycopg_pool", None)
        with pytest.raises(JiuWenBaseException, match=r"100908.*jiuwen-lg\[postgres\]"):
            open_store()

    def test_tables_of_a_later_release(self, url: str) -> None:
        open_store().database.close()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("UPDATE jiuwen_store SET format = 99")
        close_store(url)
        with pytest.raises(JiuWenBaseException, match="100908.*format 99"):
            open_store()
        assert rows(url, "SELECT format FROM jiuwen_store") == [(99,)]

    async def test_a_damaged_row_hides_no_other(self, url: str) -> None:
        flow = asking()
        for session in ("s", "t"):
            await flow.invoke({"n": 1}, WorkflowRuntime(session_id=session))
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("UPDATE jiuwen_sessions SET questions = '\\x00ff' WHERE session_id = 's'")
        with pytest.warns(RuntimeWarning, match="damaged"):
            assert [question.session_id for question in await flow.pending()] == ["t"]


class TestLostConnections:
    async def test_idle_ones_are_replaced(self, url: str) -> None:
        flow = asking()
        await asyncio.gather(*(flow.invoke({"n": n}, WorkflowRuntime(session_id=f"s{n}")) for n in range(8)))
        mine = "pid <> pg_backend_pid() AND datname = current_database()"
        assert rows(url, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {mine}")
        done = await flow.invoke(InteractiveInput("x"), WorkflowRuntime(session_id="s1"))
        assert done.result == {"output": {"who": "x", "n": 1}}

    async def test_the_server_goes_and_comes_back(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What was on its way fails by name; afterwards the session goes on where it was."""
        with serving() as server, server.database() as url:
            monkeypatch.setenv("JIUWEN_LG_DB", url)

            class Stops(SimpleComponent):
                is_first = True

                async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
                    if Stops.is_first:
                        Stops.is_first = False
                        await asyncio.to_thread(server.stop)
                    return {"n": 1}

            flow = workflow("stops")
            flow.set_start_comp("start", Start(), inputs_schema={"n": "${n}"})
            flow.add_workflow_comp("stops", Stops(), inputs_schema={"n": "${start.n}"})
            flow.set_end_comp("end", End(), inputs_schema={"n": "${start.n}"})
            flow.add_connection("start", "stops").add_connection("stops", "end")
            with pytest.raises(JiuWenBaseException, match="100908"):
                await flow.invoke({"n": 7}, WorkflowRuntime(session_id="s"))
            await asyncio.to_thread(server.start)
            done = await flow.invoke(InteractiveInput(), WorkflowRuntime(session_id="s"))
            assert done.state is WorkflowExecutionState.COMPLETED
            assert done.result == {"output": {"n": 7}}
            close_store(url)


def test_a_forked_child_opens_its_own(url: str) -> None:
    asyncio.run(asking().invoke({"n": 1}, WorkflowRuntime(session_id="s")))

    def answer() -> None:
        done = asyncio.run(asking().invoke(InteractiveInput("child"), WorkflowRuntime(session_id="s")))
        assert done.result["output"]["who"] == "child"

    assert os.waitstatus_to_exitcode(in_a_fork(answer)) == 0
    snapshot = asyncio.run(asking().snapshot("s"))
    assert snapshot is not None
    assert snapshot.status == "done"
    assert len(store._stores) == 1
