"""LangGraph's SQLite saver on our database: usable from every event loop, and fenced.

The file format is `langgraph-checkpoint-sqlite`'s own, so a plain `SqliteSaver` reads it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
)
from langgraph.checkpoint.sqlite import SqliteSaver

from jiuwen_lg.engine.channels import is_trigger, without_spent_triggers
from jiuwen_lg.engine.commits import Commits
from jiuwen_lg.engine.database import Database
from jiuwen_lg.engine.encryption import PrivateSerializer
from jiuwen_lg.engine.scope import SCOPE_KEY

CHECKPOINT_TABLES = """
CREATE TABLE IF NOT EXISTS checkpoints (
    thread_id TEXT NOT NULL, checkpoint_ns TEXT NOT NULL DEFAULT '', checkpoint_id TEXT NOT NULL,
    parent_checkpoint_id TEXT, type TEXT, checkpoint BLOB, metadata BLOB,
    PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id));
CREATE TABLE IF NOT EXISTS writes (
    thread_id TEXT NOT NULL, checkpoint_ns TEXT NOT NULL DEFAULT '', checkpoint_id TEXT NOT NULL,
    task_id TEXT NOT NULL, task_path TEXT NOT NULL DEFAULT '', idx INTEGER NOT NULL,
    channel TEXT NOT NULL, type TEXT, value BLOB,
    PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, idx));
"""
"""As `SqliteSaver.setup` makes them."""


class _Within:
    """Stands in for a `SqliteSaver` that writes with a given cursor."""

    def __init__(self, cursor: sqlite3.Cursor, serde: Any) -> None:
        self._cursor = cursor
        self.serde = serde

    def cursor(self) -> AbstractContextManager[sqlite3.Cursor]:
        """The cursor; its transaction is somebody else's."""
        return nullcontext(self._cursor)


class FencedSaver(SqliteSaver):
    """A checkpoint saver whose asynchronous methods work in any event loop.

    LangGraph's `AsyncSqliteSaver` belongs to the loop that made it; this one calls the
    synchronous methods, in a thread only while another process holds the file. A write
    for a session whose lease was taken over is refused in its own transaction.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.commits = Commits(database)
        self._remembered: dict[str, dict[Any, Any]] = {}
        super().__init__(None, serde=PrivateSerializer())  # type: ignore[arg-type]

    @property
    def conn(self) -> sqlite3.Connection:
        """The connection of this process."""
        return self._database.connection

    @conn.setter
    def conn(self, connection: sqlite3.Connection) -> None:
        """LangGraph's constructor sets it; the database opens its own."""

    def setup(self) -> None:
        """The database makes the tables when it is opened."""

    @contextmanager
    def cursor(self, transaction: bool = True) -> Iterator[sqlite3.Cursor]:
        """A cursor in a transaction of its own (LangGraph's commits half a write on an error)."""
        with self._database.transaction(write=transaction) as cursor:
            yield cursor

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Save a checkpoint.

        Raises:
            JiuWenBaseException: 100905, the session was taken over.
        """
        with self._fenced(config):
            return super().put(config, without_spent_triggers(checkpoint), metadata, new_versions)

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Save what a task wrote.

        Raises:
            JiuWenBaseException: 100905, the session was taken over.
        """
        with self._fenced(config):
            super().put_writes(config, writes, task_id, task_path)

    @contextmanager
    def _fenced(self, config: RunnableConfig) -> Iterator[None]:
        """One transaction that begins by checking the lease of the run that writes."""
        scope = config["configurable"].get(SCOPE_KEY)
        lease = scope.lease if scope is not None else None
        if lease is None:
            yield
            return
        with self._database.transaction() as cursor:
            lease.require(cursor)
            yield

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """A thread's checkpoints, newest first; read at once, so that a slow reader holds nothing."""
        return iter([*super().list(config, filter=filter, before=before, limit=limit)])

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """See `get_tuple`."""
        thread_id = config["configurable"]["thread_id"]
        if self.commits.is_new(thread_id):
            return None
        await self.commits.settle(thread_id)
        return await self._database.call(lambda: self.get_tuple(config))

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """See `list`."""
        if config is not None:
            await self.commits.settle(config["configurable"]["thread_id"])
        for saved in await self._database.call(lambda: self.list(config, filter=filter, before=before, limit=limit)):
            yield saved

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """See `put`."""
        where = config["configurable"]
        if not self.commits.is_gathering(where["thread_id"]):
            return await self._database.call(lambda: self.put(config, checkpoint, metadata, new_versions))

        def work(cursor: sqlite3.Cursor, _: bool) -> None:
            lean = without_spent_triggers(checkpoint)
            SqliteSaver.put(_Within(cursor, self.serde), config, lean, metadata, new_versions)  # type: ignore[arg-type]

        await self.commits.save(where["thread_id"], (where["checkpoint_ns"], where.get("checkpoint_id")), work)
        place = {name: where[name] for name in ("thread_id", "checkpoint_ns")}
        return {"configurable": {**place, "checkpoint_id": checkpoint["id"]}}

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """See `put_writes`."""
        where = config["configurable"]
        if not self.commits.is_gathering(where["thread_id"]):
            await self._database.call(lambda: self.put_writes(config, writes, task_id, task_path))
            return

        def work(cursor: sqlite3.Cursor, is_followed: bool) -> None:
            # The checkpoint that comes with a task's writes says itself which triggers are set.
            is_said = is_followed and bool(task_path)
            lasting = [write for write in writes if not is_trigger(write[0])] if is_said else writes
            SqliteSaver.put_writes(_Within(cursor, self.serde), config, lasting, task_id, task_path)  # type: ignore[arg-type]

        self.commits.hold(where["thread_id"], (where["checkpoint_ns"], where["checkpoint_id"]), work)

    async def adelete_thread(self, thread_id: str) -> None:
        """See `delete_thread`."""
        await self._database.call(lambda: self.delete_thread(thread_id))

    @contextmanager
    def remembering(self, thread_id: str) -> Iterator[None]:
        """Read a thread's history once, though it is looked at before the graph loads it.

        What lies behind a checkpoint never changes; a turn that resumes holds its session alone.
        """
        self._remembered[thread_id] = {}
        try:
            yield
        finally:
            del self._remembered[thread_id]

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """LangGraph's `get_delta_channel_history`."""
        where = config["configurable"]
        remembered = self._remembered.get(where["thread_id"])
        id = where.get("checkpoint_id")
        if remembered is None or id is None:
            return super().get_delta_channel_history(config=config, channels=channels)
        key = (where.get("checkpoint_ns", ""), id, *sorted(channels))
        if key not in remembered:
            remembered[key] = super().get_delta_channel_history(config=config, channels=channels)
        found: Mapping[str, DeltaChannelHistory] = remembered[key]
        return found

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """See `get_delta_channel_history`."""
        await self.commits.settle(config["configurable"]["thread_id"])
        return await self._database.call(lambda: self.get_delta_channel_history(config=config, channels=channels))
