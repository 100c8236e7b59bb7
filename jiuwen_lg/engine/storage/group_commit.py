"""Group commit: what is written at the same time is stored in one transaction.

LangGraph saves a superstep in two parts: what its tasks wrote, then the checkpoint. The first part may
wait for the second, a few turns of the event loop at most, and what many runs write in one turn of the
loop shares a transaction. A checkpoint is not reported as saved before it is.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, TypeVar
from weakref import WeakValueDictionary

from jiuwen_lg.engine.concurrency.cancellation import wait_until_ended
from jiuwen_lg.engine.storage.database import BusyError, Cursor, Database
from jiuwen_lg.engine.storage.deadline import GRACE, LINGER, Deadline, LatestDeadline
from jiuwen_lg.engine.storage.fence import Lease
from jiuwen_lg.errors import StatusCode

_T = TypeVar("_T")

Place: TypeAlias = tuple[str, str | None]
"""A checkpoint: its namespace and id."""

Work: TypeAlias = Callable[[bool], None]
"""Writes in its thread's transaction, told whether the checkpoint that it led to goes with it; may be run again."""

_MARGIN = 0.1
"""Seconds after the grace in which a thread ends by itself."""
Note: TypeAlias = tuple[str, Sequence[Any]]
"""A statement that writes something beside a run's own writes, and its values."""

_TURNS = 4
"""Turns of the event loop that a task's writes wait for their checkpoint: LangGraph needs three."""


def _nothing(_: bool) -> None:
    """Write nothing: ask only that the rest is stored."""


@dataclass(frozen=True, slots=True)
class _Write:
    """A write of a run that is not stored yet.

    Attributes:
        place: The checkpoint that it belongs to, or for one that it comes after.
        done: Whom to tell; None for what is held back.
    """

    work: Work
    place: Place
    done: asyncio.Future[None] | None


@dataclass(slots=True, eq=False)
class _Run:
    """The writes of a run that are not stored yet, in order; after an error nothing more is written."""

    lease: Lease
    is_new: bool
    writes: list[_Write] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    is_waiting: bool = False
    error: BaseException | None = None
    is_told: bool = False
    awaited: set[asyncio.Future[None]] = field(default_factory=set)
    given_up: asyncio.Event = field(default_factory=asyncio.Event)

    def give_up(self, error: Exception, awaited: Iterable[asyncio.Future[None]]) -> None:
        """Wait no longer for what is being written; it may still be."""
        self.given_up.set()
        for done in awaited:
            if not done.done():
                _resolve(done, None, error)
                self.error, self.is_told = self.error or error, True


class _Part(Protocol):
    """A part of a transaction: stored whole or not at all."""

    @property
    def sessions(self) -> tuple[str, ...]:
        """The sessions that must not change meanwhile."""

    @property
    def turn(self) -> Any:
        """The key of parts that are written in order: those of one run."""

    @property
    def deadline(self) -> Deadline:
        """Until when it may wait."""

    def write(self, cursor: Cursor) -> None:
        """Write it."""

    def tell(self, error: BaseException | None) -> None:
        """Report that it is stored, or why not."""


@dataclass(frozen=True, slots=True)
class _Step:
    """The writes of a run that one transaction stores."""

    run: _Run
    writes: list[_Write]
    notes: list[Note]

    @property
    def sessions(self) -> tuple[str, ...]:
        return (self.run.lease.session_id,)

    @property
    def turn(self) -> Any:
        return self.run

    @property
    def deadline(self) -> Deadline:
        lease = self.run.lease
        return Deadline(LINGER, lease.limit) if lease.is_hurried else lease.limit

    def write(self, cursor: Cursor) -> None:
        if self.run.error is not None:
            raise self.run.error  # what led to this is not stored
        self.run.lease.require(cursor)
        followed = {write.place for write in self.writes if write.done is not None}
        for write in self.writes:
            write.work(write.place in followed)
        for statement, values in self.notes:
            cursor.execute(statement, values)

    def tell(self, error: BaseException | None) -> None:
        self.run.error = self.run.error or error
        for write in self.writes:
            if write.done is not None:
                _resolve(write.done, None, error)
                self.run.is_told = self.run.error is not None


@dataclass(slots=True, eq=False, weakref_slot=True)
class _Call:
    """A transaction of somebody's that shares one."""

    work: Callable[[], Any]
    done: asyncio.Future[Any]
    result: Any = None
    sessions: tuple[str, ...] = ()
    deadline: Deadline = field(default_factory=Deadline)
    _is_begun: bool = False
    _free: list[None] = field(default_factory=lambda: [None])

    @property
    def turn(self) -> Any:
        return self

    def write(self, _: Cursor) -> None:
        if not self._is_begun:
            self._claim()
            self._is_begun = True
        self.result = self.work()

    def withdraw(self) -> bool:
        """Let it never begin; False if it has begun."""
        try:
            self._claim()
        except asyncio.InvalidStateError:
            return False
        self.done.cancel()
        return True

    def _claim(self) -> None:
        try:
            self._free.pop()  # one thread only succeeds
        except IndexError:
            raise asyncio.InvalidStateError("it was withdrawn, or has begun") from None

    def tell(self, error: BaseException | None) -> None:
        _resolve(self.done, self.result, error)


def _resolve(done: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if done.done():
        return  # whoever asked has been cancelled meanwhile
    if error is None:
        done.set_result(result)
    elif isinstance(error, Exception):
        done.set_exception(error)
        done.exception()  # who awaits it may be cancelled in this very tick; that is no error of its own
    else:
        done.cancel()  # somebody stops the program; the error itself goes on its own way


class GroupCommit:
    """The way of the runs' writes into a database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._runs: dict[str, _Run] = {}
        self._due: dict[asyncio.AbstractEventLoop, list[_Run | _Call]] = {}
        self._writing: dict[Any, asyncio.Task[None]] = {}
        self._calls: WeakValueDictionary[int, _Call] = WeakValueDictionary()

    @asynccontextmanager
    async def batch(self, lease: Lease, *, is_new: bool) -> AsyncIterator[None]:
        """Let the writes of a run wait for each other; at the end all of them are stored.

        Args:
            lease: The right to write them.
            is_new: Whether nothing is stored of the run yet.

        Raises:
            Exception: The error of a failed write that has not been reported yet.
        """
        run = self._runs[lease.thread_id] = _Run(lease, is_new)
        try:
            yield
        finally:
            del self._runs[lease.thread_id]
            settling = asyncio.ensure_future(self._settled(run))
            try:
                await wait_until_ended(settling)
            finally:
                error = settling.exception()
            if error is not None:
                raise error
        if run.error is not None and not run.is_told:
            raise run.error

    def is_gathering(self, thread_id: str) -> bool:
        """Whether the writes of a thread may wait for each other."""
        return thread_id in self._runs

    def is_new(self, thread_id: str) -> bool:
        """Return whether nothing is stored of a thread whose writes are gathered."""
        run = self._runs.get(thread_id)
        return run is not None and run.is_new

    def submit(self, work: Callable[[], _T]) -> asyncio.Future[_T]:
        """Run `work` as `Database.call` does, in a transaction with what others write at the same time.

        Returns:
            A future of its result. It is no task, so that nobody cancels it by cancelling all tasks.
        """
        loop = asyncio.get_running_loop()
        call = _Call(work, loop.create_future())
        self._calls[id(call.done)] = call
        self._add(loop, call)
        return call.done

    def withdraw(self, done: asyncio.Future[Any]) -> None:
        """Let what was submitted never be done; what has begun ends soon."""
        call = self._calls.get(id(done))
        if call is not None and call.done is done and not call.withdraw():
            call.deadline.hurry()

    def hurry(self, lease: Lease) -> None:
        """Let what a run writes end soon, or be given up: it is being stopped."""
        lease.hurry()
        run = self._runs.get(lease.thread_id)
        if run is not None:
            self._give_up_later(run)

    def _give_up_later(self, run: _Run) -> None:
        reason = f"session [{run.lease.session_id}] was stopped while its last write waited"
        error = StatusCode.STORE_UNAVAILABLE.error(store=self._database.path, reason=reason)
        asyncio.get_running_loop().call_later(GRACE + _MARGIN, run.give_up, error, [*run.awaited])

    async def save(self, thread_id: str, place: Place, work: Work) -> None:
        """Store something, after what was held back of the same run.

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

    async def flush(self, thread_id: str) -> None:
        """Store what is held back of a thread, so that it can be read."""
        run = self._runs.get(thread_id)
        if run is not None:
            await self._settled(run)

    async def _settled(self, run: _Run) -> None:
        if run.writes or run.notes:
            await self._saved(run, _nothing, ("", None))
        if writing := self._writing_of(run):
            if run.lease.is_hurried:
                await asyncio.wait({writing}, timeout=GRACE + _MARGIN)
                return
            giving_up = asyncio.ensure_future(run.given_up.wait())
            try:
                await asyncio.wait({writing, giving_up}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                giving_up.cancel()

    def defer(self, thread_id: str, place: Place, work: Work) -> None:
        """Store something with the run's next checkpoint, or a few turns of the event loop later."""
        run = self._runs[thread_id]
        run.is_new = False
        run.writes.append(_Write(work, place, None))
        if not run.is_waiting:
            run.is_waiting = True
            loop = asyncio.get_running_loop()
            loop.call_soon(self._wait, loop, run, _TURNS)

    def attach(self, thread_id: str, note: Note) -> None:
        """Store something in the run's next transaction, at its end at the latest; it causes none itself."""
        if (run := self._runs.get(thread_id)) is not None:
            run.notes.append(note)

    def _wait(self, loop: asyncio.AbstractEventLoop, run: _Run, turns: int) -> None:
        if turns and run.writes:
            loop.call_soon(self._wait, loop, run, turns - 1)
            return
        run.is_waiting = False
        if run.writes:
            self._add(loop, run)

    async def _saved(self, run: _Run, work: Work, place: Place) -> None:
        run.is_new = False
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        run.writes.append(_Write(work, place, done))
        self._add(loop, run)
        run.awaited.add(done)
        done.add_done_callback(run.awaited.discard)
        if run.lease.is_hurried:
            self._give_up_later(run)
        await done

    def _add(self, loop: asyncio.AbstractEventLoop, due: _Run | _Call) -> None:
        """Let something be part of this loop's next transaction."""
        others = self._due.get(loop)
        if others is None:
            others = self._due[loop] = []
            loop.call_soon(self._commit, loop)
        others.append(due)

    def _commit(self, loop: asyncio.AbstractEventLoop) -> None:
        parts: list[_Part] = []
        for due in self._due.pop(loop):
            if isinstance(due, _Call):
                parts.append(due)
            elif due.writes:
                parts.append(_Step(due, due.writes, due.notes))
                due.writes, due.notes = [], []
        if not self._database.is_local:
            for part in parts:
                self._write_later(loop, part.turn, [part])
        elif parts and loop in self._writing:
            self._write_later(loop, loop, parts)
        elif parts:
            self._write_now(loop, parts)

    def _writing_of(self, run: _Run) -> asyncio.Task[None] | None:
        """Return the write that is under way in a thread, perhaps of this run."""
        return self._writing.get(asyncio.get_running_loop() if self._database.is_local else run)

    def _write_now(self, loop: asyncio.AbstractEventLoop, parts: list[_Part]) -> None:
        try:
            outcomes = self._database.at_once(lambda: self._written(parts))
        except BusyError:
            self._write_later(loop, loop, parts)
        except BaseException as error:
            _tell_of(error, parts)
        else:
            _tell_all(parts, outcomes)

    def _write_later(self, loop: asyncio.AbstractEventLoop, turn: Any, parts: list[_Part]) -> None:
        """In a thread, behind what is being written of the same turn: a checkpoint never before what led to it."""
        task = self._writing[turn] = loop.create_task(self._write_behind(self._writing.get(turn), parts))

        def forget(done: asyncio.Task[None]) -> None:
            if self._writing.get(turn) is done:
                del self._writing[turn]

        task.add_done_callback(forget)

    async def _write_behind(self, before: asyncio.Task[None] | None, parts: list[_Part]) -> None:
        try:
            if before is not None:
                await wait_until_ended(before)
            limit = LatestDeadline(None, *(part.deadline for part in parts))
            outcomes = await self._database.in_thread(lambda: self._written(parts), limit)
        except BaseException as error:
            _tell_of(error, parts)
        else:
            _tell_all(parts, outcomes)

    def _written(self, parts: list[_Part]) -> list[Exception | None]:
        """Write in one transaction; what a part fails with by itself undoes that part only."""
        with self._database.transaction(*(id for part in parts for id in part.sessions)) as cursor:
            if len(parts) == 1:
                parts[0].write(cursor)
                return [None]
            return [_written_alone(cursor, part) for part in parts]


def _written_alone(cursor: Cursor, part: _Part) -> Exception | None:
    cursor.execute("SAVEPOINT part")
    try:
        part.write(cursor)
    except sqlite3.Error:
        raise
    except Exception as error:
        cursor.execute("ROLLBACK TO part")
        return error
    finally:
        if cursor.connection.in_transaction:
            cursor.execute("RELEASE part")
    return None


def _tell_of(error: BaseException, parts: list[_Part]) -> None:
    """Report to all waiting writers that nothing of theirs is stored; re-raise what stops the program."""
    _tell_all(parts, [error] * len(parts))
    if not isinstance(error, Exception):
        raise error


def _tell_all(parts: list[_Part], outcomes: Sequence[BaseException | None]) -> None:
    for part, error in zip(parts, outcomes, strict=True):
        part.tell(error)
