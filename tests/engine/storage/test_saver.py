"""The saver passes LangGraph's own suite and works in every event loop."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.conformance.report import ProgressCallbacks

from jiuwen_lg import JiuWenBaseException
from jiuwen_lg.engine.storage.fence import LEASE_KEY, Lease
from jiuwen_lg.engine.storage.saver import FencedSaver
from jiuwen_lg.engine.storage.sqlite_database import BusyError, SqliteDatabase
from jiuwen_lg.engine.store import Store, _sqlite


@pytest.fixture
def store(db: Path) -> Iterator[Store]:
    store = Store(_sqlite(str(db)))
    yield store
    store.database.close()


async def test_it_passes_langgraphs_conformance_suite(tmp_path: Path) -> None:
    @checkpointer_test(name="FencedSaver")
    async def make() -> AsyncIterator[FencedSaver]:
        store = Store(_sqlite(":memory:"))
        yield store.saver
        store.database.close()

    report = await validate(make, progress=ProgressCallbacks.quiet())
    assert report.passed_all_base(), report.to_dict()


async def test_a_write_with_a_lost_lease_is_refused_and_writes_nothing(store: Store) -> None:
    record, lease = store.sessions.start("s", _identity(), {}, turn_id=None, force=False, keep=False)
    assert lease is not None
    stale = Lease("s", record.row.thread_id, fence=lease.fence - 1)
    config: Any = {
        "configurable": {
            "thread_id": record.row.thread_id,
            "checkpoint_ns": "",
            "checkpoint_id": "c",
            LEASE_KEY: stale,
        }
    }
    with pytest.raises(JiuWenBaseException, match="100905"):
        await store.saver.aput_writes(config, [("io", 1)], "task")
    assert store.database.connection.execute("SELECT count(*) FROM writes").fetchone()[0] == 0
    assert stale.is_lost


def _identity() -> Any:
    from jiuwen_lg.engine.graph.fingerprint import Identity

    return Identity("flow", "f", {"components": {}})


class TestDatabase:
    def test_a_failed_transaction_leaves_nothing(self, store: Store) -> None:
        with pytest.raises(RuntimeError), store.database.transaction() as cursor:
            cursor.execute("INSERT INTO jiuwen_shapes VALUES ('f', '{}')")
            raise RuntimeError
        assert store.database.connection.execute("SELECT count(*) FROM jiuwen_shapes").fetchone()[0] == 0

    async def test_a_file_held_by_somebody_else_does_not_hold_up_the_event_loop(self, store: Store, db: Path) -> None:
        other = sqlite3.connect(db, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")

        def write() -> int:
            with store.database.transaction() as cursor:
                cursor.execute("INSERT INTO jiuwen_shapes VALUES ('f', '{}')")
            return threading.get_ident()

        writing = asyncio.ensure_future(store.database.call(write))
        ticks = 0
        for _ in range(20):
            await asyncio.sleep(0.001)
            ticks += 1
        assert (ticks, writing.done()) == (20, False)
        other.execute("ROLLBACK")
        other.close()
        assert await writing != threading.get_ident()

    def test_a_caller_that_cannot_wait_is_told(self, store: Store, db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("jiuwen_lg.engine.storage.sqlite_database._PATIENT", 0.01)
        other = sqlite3.connect(db, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(BusyError), store.database.transaction():  # whoever opens a store decides what follows
            pass
        other.execute("ROLLBACK")
        with store.database.transaction():
            pass
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JiuWenBaseException, match="100908"), store.database.transaction():
            pass
        other.close()

    def test_it_opens_again_after_it_was_closed(self, db: Path) -> None:
        database = SqliteDatabase(str(db), lambda c: c.executescript("CREATE TABLE IF NOT EXISTS t (x);"))
        database.close()
        with database.transaction() as cursor:
            cursor.execute("INSERT INTO t VALUES (1)")
        database.close()
