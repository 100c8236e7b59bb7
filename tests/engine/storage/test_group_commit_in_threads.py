"""What runs write goes on file together, in order, or not at all."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from jiuwen_lg.engine.graph.fingerprint import Identity
from jiuwen_lg.engine.storage.fence import Lease
from jiuwen_lg.engine.storage.group_commit import GroupCommit
from jiuwen_lg.engine.store import Store, open_store

PLACE = ("", "c1")


@pytest.fixture
def store(db: Path) -> Store:
    return open_store()


@pytest.fixture
def lease(store: Store) -> Lease:
    _, lease = store.sessions.start("s", Identity("w", "f", {}), {}, turn_id=None, force=False, keep=False)
    assert lease is not None
    return lease


@contextmanager
def held(db: Path) -> Iterator[None]:
    """Somebody else writes."""
    with closing(sqlite3.connect(db, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def writes(store: Store, name: str) -> Callable[[bool], None]:
    def work(_: bool) -> None:
        with store.database.transaction() as cursor:
            cursor.execute("INSERT INTO jiuwen_shapes VALUES (?, '')", (name,))

    return work


def fails(_: bool) -> None:
    raise RuntimeError("cannot be written")


def on_file(store: Store) -> list[str]:
    with store.database.transaction(write=False) as cursor:
        names = cursor.execute(
            "SELECT fingerprint FROM jiuwen_shapes WHERE fingerprint != 'f' ORDER BY rowid"
        ).fetchall()
    return [name for (name,) in names]


async def test_what_is_held_back_is_on_file_when_the_run_ends(store: Store, lease: Lease) -> None:
    commits = store.saver.commits
    async with commits.batch(lease, is_new=True):
        commits.defer(lease.thread_id, PLACE, writes(store, "held"))
        assert on_file(store) == []
    assert on_file(store) == ["held"]


async def test_a_checkpoint_waits_for_what_led_to_it(store: Store, lease: Lease, db: Path) -> None:
    """Though somebody holds the file when the first is due, and has let it go when the second is."""
    commits = store.saver.commits
    async with commits.batch(lease, is_new=True):
        with held(db):
            commits.defer(lease.thread_id, PLACE, writes(store, "task"))
            await until_it_is_written_in_a_thread(commits)
            saving = asyncio.ensure_future(commits.save(lease.thread_id, PLACE, writes(store, "checkpoint")))
            await asyncio.sleep(0)
        await saving
    assert on_file(store) == ["task", "checkpoint"]


async def test_the_run_ends_after_what_is_written_in_a_thread(store: Store, lease: Lease, db: Path) -> None:
    commits = store.saver.commits

    async def run() -> None:
        async with commits.batch(lease, is_new=True):
            commits.defer(lease.thread_id, PLACE, writes(store, "task"))
            await until_it_is_written_in_a_thread(commits)

    with held(db):
        running = asyncio.create_task(run())
        await until_it_is_written_in_a_thread(commits)
        assert not running.done()
    await running
    assert on_file(store) == ["task"]


async def test_no_checkpoint_without_what_led_to_it(store: Store, lease: Lease) -> None:
    commits = store.saver.commits

    async with commits.batch(lease, is_new=True):
        commits.defer(lease.thread_id, PLACE, fails)
        for name in ("checkpoint", "next"):
            with pytest.raises(RuntimeError):
                await commits.save(lease.thread_id, PLACE, writes(store, name))
    assert on_file(store) == []


async def test_what_fails_for_one_run_is_on_file_for_the_others(store: Store, lease: Lease) -> None:
    _, other = store.sessions.start("t", Identity("w", "f", {}), {}, turn_id=None, force=False, keep=False)
    assert other is not None
    commits = store.saver.commits
    async with commits.batch(other, is_new=True):
        saving: Any = asyncio.gather(
            commits.save(other.thread_id, PLACE, writes(store, "good")),
            commits.submit(lambda: fails(True)),
            return_exceptions=True,
        )
        assert [type(outcome) for outcome in await saving] == [type(None), RuntimeError]
    assert on_file(store) == ["good"]


async def until_it_is_written_in_a_thread(commits: GroupCommit) -> None:
    while not commits._writing:  # noqa: ASYNC110
        await asyncio.sleep(0)
