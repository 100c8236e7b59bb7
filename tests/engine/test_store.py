"""Where sessions are kept, what is left in the file, and what happens when there is none."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import threading
import warnings
from pathlib import Path
from typing import Any

import ormsgpack
import pytest
from langgraph.checkpoint.sqlite import SqliteSaver

from jiuwen_lg import InteractiveInput, JiuWenBaseException, Runner
from jiuwen_lg.engine import store
from jiuwen_lg.engine.sessions import repository as sessions
from tests.flows import Ask, Call, FailOnce, chain, turn


async def refused(flow: Any, given: Any, code: int) -> JiuWenBaseException:
    with pytest.raises(JiuWenBaseException) as caught:
        await turn(flow, given)
    assert caught.value.error_code == code
    return caught.value


def rows(db: Path, table: str) -> int:
    with contextlib.closing(sqlite3.connect(db)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


async def test_without_a_setting_it_is_a_file_below_the_working_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JIUWEN_LG_DB")
    await turn(chain(("ask", Ask())), {"q": 1})
    assert Path(".jiuwen_lg/sessions.db").exists()
    assert Path(".jiuwen_lg/.gitignore").read_text(encoding="utf-8") == "*\n"


async def test_the_setting_is_read_at_each_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    flow = chain(("ask", Ask()))
    await turn(flow, {"q": 1})
    monkeypatch.setenv("JIUWEN_LG_DB", str(tmp_path / "sub" / "other.db"))
    await refused(flow, InteractiveInput("yes"), 100900)
    await turn(flow, {"q": 2})
    assert (tmp_path / "sub" / "other.db").exists()
    assert not (tmp_path / "sub" / ".gitignore").exists()


async def test_memory_lasts_as_long_as_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIUWEN_LG_DB", ":memory:")
    flow = chain(("ask", Ask()))
    await turn(flow, {"q": 1})
    assert (await turn(flow, InteractiveInput("yes"))).result["output"]["ask"]["answer"] == "yes"
    assert os.listdir() == []


class TestOff:
    @pytest.fixture(autouse=True)
    def off(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("JIUWEN_LG_DB", "off")

    async def test_a_workflow_that_asks_nothing_runs(self) -> None:
        assert (await turn(chain(("a", Call())), {"q": 1})).result["output"] == {"a": {"q": 1}}
        assert os.listdir() == []

    async def test_a_question_is_an_error(self) -> None:
        error = await refused(chain(("ask", Ask())), {"q": 1}, 100909)
        assert "[ask] asked 'ok?'" in error.message

    async def test_there_is_nothing_to_resume_or_look_at(self) -> None:
        flow = chain(("ask", Ask()))
        await refused(flow, InteractiveInput(), 100909)
        for look in (flow.pending(), flow.snapshot("s"), flow.discard("s")):
            with pytest.raises(JiuWenBaseException, match="100909"):
                await look
        await Runner.release("s")

    async def test_failures_and_timeouts_keep_their_codes(self) -> None:
        await refused(chain(("a", FailOnce())), {"q": 1}, 100005)


class TestUnwritable:
    @pytest.fixture(autouse=True)
    def unwritable(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        (tmp_path / "a-file").touch()
        monkeypatch.setenv("JIUWEN_LG_DB", str(tmp_path / "a-file" / "sessions.db"))

    async def test_it_is_a_warning_and_memory(self) -> None:
        flow = chain(("ask", Ask()))
        with pytest.warns(RuntimeWarning, match="JIUWEN_LG_DB"):
            await turn(flow, {"q": 1})
        assert (await turn(flow, InteractiveInput("yes"))).result["output"]["ask"]["answer"] == "yes"

    async def test_an_answer_to_another_processs_question_says_what_is_wrong(self) -> None:
        with pytest.warns(RuntimeWarning):
            error = await refused(chain(("ask", Ask())), InteractiveInput("yes"), 100908)
        assert "a-file" in error.message


async def test_a_file_that_is_no_database_is_refused_and_kept(db: Path) -> None:
    db.write_bytes(b"something of the user's, " * 100)
    await refused(chain(("ask", Ask())), {"q": 1}, 100908)
    assert db.read_bytes().startswith(b"something of the user's")


async def test_a_file_of_a_later_release_is_refused(db: Path) -> None:
    await turn(chain(("ask", Ask())), {"q": 1})
    store._stores.pop(str(db)).database.close()
    with contextlib.closing(sqlite3.connect(db)) as connection, connection:
        connection.execute("UPDATE jiuwen_store SET format = 99")
    error = await refused(chain(("ask", Ask())), InteractiveInput("yes"), 100908)
    assert "format 99" in error.message


async def test_a_file_of_a_later_release_is_left_as_it_is(db: Path) -> None:
    with contextlib.closing(sqlite3.connect(db)) as connection, connection:
        connection.executescript(
            "CREATE TABLE jiuwen_store (format); INSERT INTO jiuwen_store VALUES (2); CREATE TABLE jiuwen_sessions (x);"
        )
    before = db.read_bytes()
    await refused(chain(("ask", Ask())), {"q": 1}, 100908)
    await refused(chain(("ask", Ask())), {"q": 1}, 100908)
    with contextlib.closing(sqlite3.connect(db)) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master")]
    assert tables == ["jiuwen_store", "jiuwen_sessions"]
    assert len(before) == len(db.read_bytes())


async def test_a_file_that_somebody_holds_is_waited_for_and_never_replaced_by_memory(
    db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = sqlite3.connect(db, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with monkeypatch.context() as patch:
        patch.setattr("jiuwen_lg.engine.storage.sqlite_database._PATIENT", 0.05)
        await refused(chain(("a", Call())), {"q": 1}, 100908)
    starting = asyncio.ensure_future(turn(chain(("a", Call())), {"q": 1}))
    for _ in range(20):
        await asyncio.sleep(0)
    other.close()
    assert (await starting).result["output"] == {"a": {"q": 1}}
    assert rows(db, "jiuwen_sessions") == 1
    other.close()


async def test_a_deleted_file_is_made_again(db: Path) -> None:
    flow = chain(("ask", Ask()))
    await turn(flow, {"q": 1})
    for file in db.parent.glob("sessions.db*"):
        file.unlink()
    await refused(flow, InteractiveInput("yes"), 100900)
    await turn(flow, {"q": 2})
    assert rows(db, "jiuwen_sessions") == 1


class TestWhatIsLeftBehind:
    async def test_a_finished_run_leaves_its_receipt_only(self, db: Path) -> None:
        await turn(chain(("a", Call())), {"q": 1})
        assert [rows(db, t) for t in ("checkpoints", "writes", "jiuwen_sessions")] == [0, 0, 1]

    async def test_the_next_run_replaces_the_receipt(self, db: Path) -> None:
        flow = chain(("a", Call()))
        for _ in range(3):
            await turn(flow, {"q": 1})
        assert rows(db, "jiuwen_sessions") == 1

    async def test_receipts_expire(self, db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        flow = chain(("a", Call()))
        await turn(flow, {"q": 1}, "first")
        monkeypatch.setenv("JIUWEN_LG_RECEIPT_SECONDS", "-1")
        await turn(flow, {"q": 1}, "second")
        assert rows(db, "jiuwen_sessions") == 0

    async def test_of_many_receipts_the_newest_are_kept(self, db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sessions, "MOST_RECEIPTS", 3)
        monkeypatch.setattr(sessions, "_PURGE_EVERY", 4)
        flow, kept = chain(("a", Call()), id="w"), chain(("a", Call()), id="v", keep_history=True)
        await turn(kept, {"q": 1}, "kept")
        await turn(chain(("ask", Ask()), id="u"), {"q": 1}, "asks")
        for number in range(7):
            await turn(flow, {"q": 1}, f"s{number}")
        assert [(await flow.snapshot(f"s{number}")) is not None for number in range(7)] == [False] * 4 + [True] * 3
        assert await kept.snapshot("kept") is not None
        assert rows(db, "jiuwen_sessions") == 5

    async def test_history_is_kept_on_request(self, db: Path) -> None:
        flow = chain(("a", Call()), keep_history=True)
        for _ in range(2):
            await turn(flow, {"q": 1})
        assert rows(db, "jiuwen_sessions") == 2
        assert rows(db, "checkpoints") > 0

    async def test_release_drops_every_workflow_of_the_session(self, db: Path) -> None:
        await turn(chain(("ask", Ask())), {"q": 1})
        await turn(chain(("other", Ask())), {"q": 1})
        await turn(chain(("ask", Ask())), {"q": 1}, "kept")
        await Runner.release("s")
        assert rows(db, "jiuwen_sessions") == 1


class TestThePlainSaver:
    async def test_it_sees_the_thread_the_question_and_the_state(self, db: Path) -> None:
        flow = chain(("a", Call()), ("ask", Ask()))
        await turn(flow, {"q": {"nested": [1]}})
        with contextlib.closing(sqlite3.connect(db)) as connection:
            thread = connection.execute("SELECT thread_id FROM jiuwen_sessions").fetchone()[0]
            state = flow.compile(SqliteSaver(connection)).get_state({"configurable": {"thread_id": thread}})
        assert state.values["io"] == {"start": {"q": {"nested": [1]}}, "a": {"q": {"nested": [1]}}}
        assert [i.value for i in state.tasks[0].interrupts] == [{"id": "ask", "index": 0, "value": "ok?"}]
        assert state.next == ("ask",)


@pytest.mark.parametrize(("column", "code"), [("value", 100907), ("inputs", 100908)])
async def test_a_hostile_row_in_the_file_executes_nothing(db: Path, column: str, code: int) -> None:
    flow = chain(("a", Call()), ("ask", Ask()), ("b", Call()))
    await turn(flow, {"q": 1})
    evil = ormsgpack.packb({"a": ormsgpack.Ext(1, ormsgpack.packb(("os", "system", ("touch pwned",))))})
    with contextlib.closing(sqlite3.connect(db)) as connection, connection:
        if column == "value":
            connection.execute("UPDATE writes SET value = ? WHERE channel = 'io'", (evil,))
        else:
            connection.execute("UPDATE jiuwen_sessions SET inputs = ?", (ormsgpack.packb([evil]),))
    await refused(flow, InteractiveInput("yes"), code)
    assert not Path("pwned").exists()


@pytest.mark.parametrize(("column", "value"), [("answers", b"\x81\xa1a\x01"), ("questions", b"x"), ("owner", "{}")])
async def test_a_damaged_row_hides_no_other_and_can_be_discarded(db: Path, column: str, value: Any) -> None:
    flow = chain(("ask", Ask()))
    await turn(flow, {"q": 1})
    await turn(flow, {"q": 1}, "sound")
    with contextlib.closing(sqlite3.connect(db)) as connection, connection:
        connection.execute(f"UPDATE jiuwen_sessions SET {column} = ? WHERE session_id = 's'", (value,))
    if column == "answers":
        await refused(flow, InteractiveInput("yes"), 100908)
    with contextlib.nullcontext() if column != "questions" else pytest.warns(RuntimeWarning, match="questions"):
        assert "sound" in [p.session_id for p in await flow.pending()]
    assert await flow.discard("s")


class TestValuesThatCannotBeStored:
    def flow(self, reader: Any) -> Any:
        return chain(
            ("maker", Call(lambda i, r: {"lock": threading.Lock(), "ok": 1})), ("ask", Ask()), ("reader", reader)
        )

    async def test_they_stay_usable_in_the_same_run(self) -> None:
        flow = chain(
            ("maker", Call(lambda i, r: {"lock": threading.Lock()})),
            ("reader", Call(lambda i, r: r.get_global_state("maker.lock").locked())),
        )
        with pytest.warns(RuntimeWarning, match=r"maker\.lock"):
            output = await turn(flow, {"q": 1})
        assert output.result["output"]["reader"] is False

    async def test_a_resume_that_does_not_need_them_goes_on(self) -> None:
        flow = self.flow(Call(lambda i, r: r.get_global_state("maker.ok")))
        flow = chain(*[(n, flow._definition.components[n].executable) for n in ("maker", "ask", "reader")])
        from jiuwen_lg import End

        lean = chain(*[(n, flow._definition.components[n].executable) for n in ("maker", "ask", "reader")])
        del lean._definition.components["end"]
        lean.set_end_comp("end", End(), inputs_schema={"reader": "${reader}"})
        with pytest.warns(RuntimeWarning):
            await turn(lean, {"q": 1})
        assert (await turn(lean, InteractiveInput("yes"))).result == {"output": {"reader": 1}}

    async def test_a_resume_that_needs_them_says_so(self) -> None:
        with pytest.warns(RuntimeWarning):
            await turn(self.flow(Call(lambda i, r: r.get_global_state("maker"))), {"q": 1})
        error = await refused(
            self.flow(Call(lambda i, r: r.get_global_state("maker"))), InteractiveInput("yes"), 100907
        )
        assert error.details["path"] == "maker.lock"


class TestLooking:
    async def test_the_inbox_lists_all_sessions_oldest_first(self) -> None:
        flow = chain(("ask", Ask()))
        for session in ("one", "two", "three"):
            await turn(flow, {"q": 1}, session)
        await turn(flow, InteractiveInput("yes"), "two")
        await turn(chain(("other", Ask())), {"q": 1}, "elsewhere")
        pending = await flow.pending()
        assert [(p.session_id, p.output.id, p.output.value) for p in pending] == [
            ("one", "ask", "ok?"),
            ("three", "ask", "ok?"),
        ]
        reply = InteractiveInput.reply_to(pending[0].output, "yes")
        assert (await turn(flow, reply, "one")).result["output"]["ask"]["answer"] == "yes"

    async def test_a_snapshot_tells_where_a_session_stands(self) -> None:
        flow = chain(("a", Call()), ("ask", Ask()), ("broken", FailOnce()))
        assert await flow.snapshot("s") is None
        await turn(flow, {"q": 1})
        waiting = await flow.snapshot("s")
        assert waiting is not None
        assert (waiting.status, waiting.node, waiting.next_nodes, waiting.interrupt_value) == (
            "waiting",
            "ask",
            ["ask"],
            "ok?",
        )
        assert waiting.state["io"]["a"] == {"q": 1}
        await refused(flow, InteractiveInput("yes"), 100005)
        failed = await flow.snapshot("s")
        assert failed is not None
        assert (failed.status, failed.node, failed.questions) == ("failed", "broken", [])
        assert "connection timeout" in str(failed.error)
        result = (await turn(flow, InteractiveInput())).result
        done = await flow.snapshot("s")
        assert done is not None
        assert (done.status, done.result, done.next_nodes) == ("done", result, [])

    def test_it_can_be_asked_from_another_event_loop(self) -> None:
        flow = chain(("ask", Ask()))
        asyncio.run(turn(flow, {"q": 1}))
        assert len(asyncio.run(flow.pending("s"))) == 1


def test_opening_a_store_leaves_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        asyncio.run(turn(chain(("a", Call())), {"q": 1}))


async def test_two_names_of_one_file_are_one_store(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flow = chain(("ask", Ask()))
    await turn(flow, {"q": 1})
    link = db.with_name("link.db")
    link.symlink_to(db)
    monkeypatch.setenv("JIUWEN_LG_DB", str(link))
    assert (await turn(flow, InteractiveInput("yes"))).result["output"]["ask"]["answer"] == "yes"
    assert len(store._stores) == 1


async def test_shapes_go_with_their_last_session(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await turn(chain(("old", Call())), {"q": 1}, "one")
    monkeypatch.setenv("JIUWEN_LG_RECEIPT_SECONDS", "-1")
    await turn(chain(("new", Call())), {"q": 1}, "two")
    assert rows(db, "jiuwen_shapes") == 0
