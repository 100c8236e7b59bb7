"""What is written at the same time goes on file in one transaction.

LangGraph saves a superstep in two parts: what its tasks wrote, then the checkpoint. The first part may
wait for the second, a few turns of the event loop at most, and what many runs write in one turn of the
loop shares a transaction. Nobody is told that a checkpoint is saved before it is.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from jiuwen_lg.engine.database import BusyError, Database
from jiuwen_lg.engine.lease import Lease

Place: TypeAlias = tuple[str, str | None]
"""A checkpoint: its namespace and id."""

Work: TypeAlias = Callable[[sqlite3.Cursor, bool], None]
"""Writes with a cursor, told whether the checkpoint that it led to is written with it; may be run again."""

_TURNS = 4
"""Turns of the event loop that a task's writes wait for their checkpoint: LangGraph needs three."""


@dataclass(frozen=True, slots=True)
class _Write:
    """Something to put on file.

    Attributes:
        place: The checkpoint that it belongs to, or for one that it comes after.
        done: Whom to tell; None for what is held back.
    """

    work: Work
    place: Place
    done: asyncio.Future[None] | None


@dataclass(slots=True, eq=False)
class _Run:
    """What a run has yet to put on file, in order; an error that nobody has been told of."""

    lease: Lease
    writes: list[_Write] = field(default_factory=list)
    is_waiting: bool = False
    error: BaseException | None = None


_Batch: TypeAlias = list[tuple[_Run, list[_Write]]]


class Commits:
    """The way of the runs' writes into a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._runs: dict[str, _Run] = {}
        self._due: dict[asyncio.AbstractEventLoop, list[_Run]] = {}
        self._patient: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def gathering(self, lease: Lease) -> AsyncIterator[None]:
        """Let the writes of a run wait for each other; at the end all of them are on file.

        Raises:
            Exception: What a write failed with that nobody has been told of.
        """
        run = self._runs[lease.thread_id] = _Run(lease)
        try:
            yield
        finally:
            del self._runs[lease.thread_id]
            if run.writes:
                await self._saved(run, lambda *_: None, ("", None))
        if run.error is not None:
            raise run.error

    def is_gathering(self, thread_id: str) -> bool:
        """Whether the writes of a thread may wait for each other."""
        return thread_id in self._runs

    async def save(self, thread_id: str, place: Place, work: Work) -> None:
        """Put something on file, with what was held back of the same run before it.

        Args:
            thread_id: A run whose writes are gathered.
            place: The checkpoint before this one.
            work: What writes it.

        Raises:
            Exception: What it failed with, or something held back before it.
        """
        run = self._runs[thread_id]
        if run.error is not None:
            raise run.error
        await self._saved(run, work, place)

    def hold(self, thread_id: str, place: Place, work: Work) -> None:
        """Put something on file with the run's next checkpoint, or a few turns of the event loop later."""
        run = self._runs[thread_id]
        run.writes.append(_Write(work, place, None))
        if not run.is_waiting:
            run.is_waiting = True
            loop = asyncio.get_running_loop()
            loop.call_soon(self._wait, loop, run, _TURNS)

    def _wait(self, loop: asyncio.AbstractEventLoop, run: _Run, turns: int) -> None:
        if turns and run.writes:
            loop.call_soon(self._wait, loop, run, turns - 1)
            return
        run.is_waiting = False
        if run.writes:
            self._add(loop, run)

    async def _saved(self, run: _Run, work: Work, place: Place) -> None:
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        run.writes.append(_Write(work, place, done))
        self._add(loop, run)
        await done

    def _add(self, loop: asyncio.AbstractEventLoop, run: _Run) -> None:
        """Let a run's writes be part of this loop's next transaction."""
        due = self._due.get(loop)
        if due is None:
            due = self._due[loop] = []
            loop.call_soon(self._commit, loop)
        due.append(run)

    def _commit(self, loop: asyncio.AbstractEventLoop) -> None:
        batch: _Batch = []
        for run in self._due.pop(loop):
            if run.writes:
                batch.append((run, run.writes))
                run.writes = []
        if not batch:
            return
        try:
            outcomes = self._database.at_once(lambda: self._written(batch))
        except BusyError:
            task = loop.create_task(self._commit_patiently(batch))
            self._patient.add(task)
            task.add_done_callback(self._patient.discard)
        except Exception as error:
            _tell(batch, [error] * len(batch))
        else:
            _tell(batch, outcomes)

    async def _commit_patiently(self, batch: _Batch) -> None:
        """In a thread, while another process holds the file."""
        try:
            outcomes = await asyncio.to_thread(self._written, batch)
        except BaseException as error:
            _tell(batch, [error] * len(batch))
            if not isinstance(error, Exception):
                raise
        else:
            _tell(batch, outcomes)

    def _written(self, batch: _Batch) -> list[Exception | None]:
        """Write in one transaction; what a run fails with by itself undoes that run's part only."""
        with self._database.transaction() as cursor:
            if len(batch) == 1:
                _write(cursor, *batch[0])
                return [None]
            return [_written_alone(cursor, run, writes) for run, writes in batch]


def _written_alone(cursor: sqlite3.Cursor, run: _Run, writes: list[_Write]) -> Exception | None:
    cursor.execute("SAVEPOINT run")
    try:
        _write(cursor, run, writes)
    except sqlite3.Error:
        raise
    except Exception as error:
        cursor.execute("ROLLBACK TO run")
        return error
    finally:
        if cursor.connection.in_transaction:
            cursor.execute("RELEASE run")
    return None


def _write(cursor: sqlite3.Cursor, run: _Run, writes: list[_Write]) -> None:
    run.lease.require(cursor)
    followed = {write.place for write in writes if write.done is not None}
    for write in writes:
        write.work(cursor, write.place in followed)


def _tell(batch: _Batch, outcomes: Sequence[BaseException | None]) -> None:
    for (run, writes), error in zip(batch, outcomes, strict=True):
        waiting = [write.done for write in writes if write.done is not None and not write.done.done()]
        for done in waiting:
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)
        if error is not None and not waiting:
            run.error = error
