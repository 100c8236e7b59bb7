"""What goes on file together, and that nothing is said to be there before it is."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import empty_checkpoint

from jiuwen_lg import InteractiveInput, JiuWenBaseException, WorkflowRuntime
from jiuwen_lg.engine.graph.fingerprint import Identity
from jiuwen_lg.engine.storage.fence import Lease
from jiuwen_lg.engine.store import Store, _sqlite
from jiuwen_lg.testing import crashes
from tests.flows import Ask, Call, Gate, asked, chain, parallel, turn


@pytest.fixture
def store(db: Path) -> Iterator[Store]:
    store = Store(_sqlite(str(db)))
    yield store
    store.database.close()


def begun(store: Store, session: str) -> Lease:
    identity = Identity("flow", "f", {"components": {}})
    _, lease = store.sessions.start(session, identity, {}, turn_id=None, force=False, keep=False)
    assert lease is not None
    return lease


def noted(store: Store, name: str) -> Any:
    """Something to write: a row in the table of shapes."""

    def work(_: bool) -> None:
        with store.database.transaction() as cursor:
            cursor.execute("INSERT INTO jiuwen_shapes VALUES (?, '{}')", (name,))

    return work


def on_file(db: Path) -> set[str]:
    """What another connection sees."""
    with closing(sqlite3.connect(db)) as file:
        return {row[0] for row in file.execute("SELECT fingerprint FROM jiuwen_shapes")} - {"f"}


async def turns(number: int) -> None:
    """Let the event loop go round."""
    for _ in range(number):
        await asyncio.sleep(0)


class TestCommits:
    async def test_what_is_held_back_goes_with_the_next_checkpoint(self, store: Store, db: Path) -> None:
        lease = begun(store, "s")
        commits = store.saver.commits
        followed: list[bool] = []
        async with commits.batch(lease, is_new=True):
            commits.defer(lease.thread_id, ("", "1"), followed.append)
            commits.defer(lease.thread_id, ("", "1"), noted(store, "held"))
            assert on_file(db) == set()
            await commits.save(lease.thread_id, ("", "1"), noted(store, "saved"))
            assert on_file(db) == {"held", "saved"}
        assert followed == [True]

    async def test_it_waits_for_no_more_than_a_few_turns_of_the_event_loop(self, store: Store, db: Path) -> None:
        lease = begun(store, "s")
        async with store.saver.commits.batch(lease, is_new=True):
            store.saver.commits.defer(lease.thread_id, ("", "1"), noted(store, "held"))
            await turns(10)
            assert on_file(db) == {"held"}

    async def test_it_is_on_file_when_the_run_has_ended(self, store: Store, db: Path) -> None:
        lease = begun(store, "s")
        async with store.saver.commits.batch(lease, is_new=True):
            store.saver.commits.defer(lease.thread_id, ("", "1"), noted(store, "held"))
        assert on_file(db) == {"held"}

    async def test_a_reader_finds_what_was_held_back(self, store: Store) -> None:
        lease = begun(store, "s")
        where = {"thread_id": lease.thread_id, "checkpoint_ns": ""}
        config: Any = {"configurable": where}
        checkpoint: Any = {**empty_checkpoint(), "id": "1"}
        async with store.saver.commits.batch(lease, is_new=True):
            assert await store.saver.aget_tuple(config) is None
            at = await store.saver.aput(config, checkpoint, {}, {})
            await store.saver.aput_writes(at, [("io", 1), ("branch:to:a", None)], "task", "~a")
            found = await store.saver.aget_tuple(config)
        assert found is not None
        assert found.pending_writes == [("task", "io", 1), ("task", "branch:to:a", None)]

    async def test_of_two_runs_that_write_at_once_one_may_fail(self, store: Store, db: Path) -> None:
        good, lost = begun(store, "good"), begun(store, "lost")
        lost.fence -= 1
        commits = store.saver.commits
        async with commits.batch(good, is_new=True), commits.batch(lost, is_new=True):
            done = await asyncio.gather(
                commits.save(lost.thread_id, ("", None), noted(store, "lost")),
                commits.save(good.thread_id, ("", None), noted(store, "good")),
                commits.submit(lambda: "called"),
                return_exceptions=True,
            )
        assert isinstance(done[0], JiuWenBaseException)
        assert done[0].error_code == 100905
        assert done[1:] == [None, "called"]
        assert on_file(db) == {"good"}

    async def test_a_failure_that_nobody_waits_for_is_told_at_the_next_write(self, store: Store) -> None:
        lease = begun(store, "s")
        lease.fence -= 1
        commits = store.saver.commits
        with pytest.raises(JiuWenBaseException, match="100905"):
            async with commits.batch(lease, is_new=True):
                commits.defer(lease.thread_id, ("", "1"), noted(store, "held"))
                await turns(10)
                with pytest.raises(JiuWenBaseException, match="100905"):
                    await commits.save(lease.thread_id, ("", "1"), noted(store, "saved"))

    async def test_a_caller_that_is_cancelled_meanwhile_loses_nothing(self, store: Store, db: Path) -> None:
        lease = begun(store, "s")
        commits = store.saver.commits
        async with commits.batch(lease, is_new=True):
            saving = asyncio.ensure_future(commits.save(lease.thread_id, ("", None), noted(store, "saved")))
            await asyncio.sleep(0)
            saving.cancel()
            await turns(3)
            assert on_file(db) == {"saved"}
        assert saving.cancelled()

    async def test_a_file_held_by_somebody_else_is_waited_for_in_a_thread(self, store: Store, db: Path) -> None:
        lease = begun(store, "s")
        with closing(sqlite3.connect(db, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            async with store.saver.commits.batch(lease, is_new=True):
                saving = asyncio.ensure_future(
                    store.saver.commits.save(lease.thread_id, ("", None), noted(store, "saved"))
                )
                await turns(20)
                assert not saving.done()
                other.execute("ROLLBACK")
                await saving
        assert on_file(db) == {"saved"}


async def test_a_finished_sibling_is_on_file_while_the_other_still_runs(db: Path) -> None:
    gate = Gate()
    flow = parallel(("quick", Call()), ("slow", gate))
    run = asyncio.ensure_future(flow.invoke({"q": 1}, WorkflowRuntime(session_id="s")))
    await gate.begun.wait()
    await turns(20)
    with closing(sqlite3.connect(db)) as file:
        tasks = file.execute("SELECT task_path FROM writes WHERE channel = 'io'").fetchall()
    assert any("quick" in path for (path,) in tasks)
    gate.open.set()
    await run


def test_a_sibling_that_finished_before_a_kill_is_not_repeated(tmp_path: Path) -> None:
    ran = tmp_path / "ran"

    async def slow(inputs: Any, runtime: Any) -> Any:
        await turns(20)
        return inputs

    async def dies(inputs: Any, runtime: Any) -> Any:
        await turns(20)
        if not ran.with_name("died").exists():
            ran.with_name("died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return inputs

    def quick(inputs: Any, runtime: Any) -> Any:
        with ran.open("a", encoding="utf-8") as file:
            file.write("quick\n")
        return inputs

    def build() -> Any:
        return parallel(("quick", Call(quick)), ("slow", Call(slow)), ("dies", Call(dies)), id="f")

    crashes.killed(build(), {"q": 1}, at="end", session_id="s")  # it does not get there
    done = asyncio.run(turn(build(), InteractiveInput()))
    assert done.result["output"].keys() == {"quick", "slow", "dies"}
    assert ran.read_text(encoding="utf-8") == "quick\n"


async def test_checkpoints_do_not_grow_with_the_components_that_have_run(db: Path) -> None:
    flow = chain(*((f"n{number}", Call()) for number in range(60)), ("ask", Ask()))
    assert asked(await turn(flow, {"q": 1}))
    with closing(sqlite3.connect(db)) as file:
        sizes = [row[0] for row in file.execute("SELECT length(checkpoint) FROM checkpoints ORDER BY checkpoint_id")]
    assert sizes[-1] < sizes[5] + 20
    assert (await turn(flow, InteractiveInput("yes"))).result["output"]["ask"]["answer"] == "yes"
