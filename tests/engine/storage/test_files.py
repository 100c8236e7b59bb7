"""A file that is replaced under a living process, and a process that is forked while it writes."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from jiuwen_lg import InteractiveInput, JiuWenBaseException
from jiuwen_lg.engine.storage.boot_clock import boot_clock
from jiuwen_lg.engine.store import close_all, open_store
from tests.flows import Ask, Gate, chain, turn
from tests.forked import in_a_fork


class TestAReplacedFile:
    @pytest.mark.parametrize("how", ["deleted", "replaced"])
    async def test_a_run_that_goes_on_in_it_is_not_started_again(self, how: str, db: Path) -> None:
        other = db.with_name("other.db")
        with sqlite3.connect(other) as connection:
            connection.execute("CREATE TABLE t (a)")
        connection.close()
        gate = Gate()
        flow = chain(("gate", gate), id="w")
        running = asyncio.ensure_future(turn(flow, {"q": 1}))
        await gate.begun.wait()
        for file in db.parent.glob("sessions.db*"):
            file.unlink()
        if how == "replaced":
            other.rename(db)
        with pytest.raises(JiuWenBaseException, match=r"100904.*not there any more"):
            await turn(flow, {"q": 2})
        assert (await turn(chain(("ask", Ask()), id="another"), {"q": 1}, "t")).result[0].payload.value == "ok?"
        gate.open.set()
        assert (await running).result["output"]["gate"] == {"q": 1}
        assert (await turn(flow, {"q": 2})).result["output"]["gate"] == {"q": 2}
        assert gate.executions == 2

    async def test_what_is_in_the_new_file_is_found(self, db: Path) -> None:
        flow = chain(("ask", Ask()), id="w")
        await turn(flow, {"q": 1}, "in the copy")
        close_all()
        copy = db.read_bytes()
        await turn(flow, {"q": 1}, "after it")
        db.with_name("restored.db").write_bytes(copy)
        db.with_name("restored.db").rename(db)
        for side in ("-wal", "-shm"):
            Path(f"{db}{side}").unlink(missing_ok=True)
        assert [waiting.session_id for waiting in await flow.pending()] == ["in the copy"]


class TestAFork:
    async def test_in_the_middle_of_a_transaction_inherits_none(self) -> None:
        flow = chain(("ask", Ask()), id="w")
        await turn(flow, {"q": 1})
        database: Any = open_store().database

        def look() -> None:
            assert database.current is None

        with database.transaction():
            assert database.current is not None
            assert os.waitstatus_to_exitcode(in_a_fork(look)) == 0

    def test_while_another_thread_writes_waits_for_that_write_and_no_longer(self) -> None:
        flow = chain(("ask", Ask()), id="w")
        asyncio.run(turn(flow, {"q": 1}))
        writes, done = threading.Event(), threading.Event()

        def write() -> None:
            with open_store().database.transaction() as cursor:
                cursor.execute("UPDATE jiuwen_sessions SET updated_at = 1")
                writes.set()
                done.wait(60)

        thread = threading.Thread(target=write)
        thread.start()
        writes.wait()
        timer = threading.Timer(0.2, done.set)
        timer.start()

        def answer() -> None:
            asyncio.run(asyncio.wait_for(turn(flow, InteractiveInput("yes")), 30))

        try:
            assert os.waitstatus_to_exitcode(in_a_fork(answer)) == 0
        finally:
            done.set()
            thread.join()
            timer.join()

    def test_with_the_heartbeats_lock_held_hangs_nothing(self) -> None:
        flow = chain(("ask", Ask()), id="w")
        asyncio.run(turn(flow, {"q": 1}))
        held, done = threading.Event(), threading.Event()

        def hold() -> None:
            with open_store().sessions._heartbeat._lock:
                held.set()
                done.wait(60)

        thread = threading.Thread(target=hold)
        thread.start()
        held.wait()

        def answer() -> None:
            asyncio.run(asyncio.wait_for(turn(flow, InteractiveInput("yes")), 30))

        try:
            assert os.waitstatus_to_exitcode(in_a_fork(answer)) == 0
        finally:
            done.set()
            thread.join()

    async def test_the_child_of_a_holder_cannot_take_its_session(self) -> None:
        gate = Gate()
        flow = chain(("gate", gate), id="w")
        running = asyncio.ensure_future(turn(flow, {"q": 1}))
        await gate.begun.wait()

        def take() -> None:
            found = open_store().runs.of_agent("", None)
            assert [open_store().runs.is_running(record) for record in found] == [True]

        assert os.waitstatus_to_exitcode(in_a_fork(take)) == 0
        gate.open.set()
        await running


class TestTheClockOfAFile:
    def test_it_outlasts_a_change_of_the_time_of_day(self, monkeypatch: pytest.MonkeyPatch) -> None:
        connection = sqlite3.connect(":memory:", isolation_level=None)
        first = boot_clock(connection)
        monkeypatch.setattr("time.time", lambda: 0.0)
        assert abs(boot_clock(connection)() - first()) < 60
        connection.close()

    def test_where_there_is_no_such_clock_it_is_the_time_of_day(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("jiuwen_lg.engine.storage.boot_clock.boot_id", lambda: "")
        connection = sqlite3.connect(":memory:")
        assert boot_clock(connection)() > 1e9
        connection.close()
