"""LangGraph's savers on a database of ours: usable from every event loop, and fenced.

Their tables are LangGraph's own, so a plain `SqliteSaver` or `PostgresSaver` reads them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
)

from jiuwen_lg.engine.pregel.triggers import is_trigger, without_spent_triggers
from jiuwen_lg.engine.storage.database import Cursor, Database
from jiuwen_lg.engine.storage.fence import LEASE_KEY, Lease
from jiuwen_lg.engine.storage.group_commit import GroupCommit


class FencedSaver(BaseCheckpointSaver[str]):
    """What a saver of ours adds to LangGraph's, which comes behind it in the order of classes.

    LangGraph's asynchronous savers belong to the loop that made them; these call the
    synchronous methods through the database. A write for a session whose lease was
    taken over is refused in its own transaction.
    """

    database: Database
    commits: GroupCommit
    prunes_triggers: ClassVar[bool] = True
    """Whether checkpoints are stored without the triggers that have done their work."""
    _remembered: dict[str, dict[Any, Any]]

    sizes_of: ClassVar[Mapping[str, str]]
    """LangGraph's tables: how many bytes a row of each takes, in SQL."""
    writes_table: ClassVar[str]

    # --- what LangGraph's savers lack ---

    def fork_thread(self, thread_id: str, checkpoint_id: str, fork: str, no_task: str) -> bool:
        """Copy a thread as it was at a checkpoint.

        Args:
            thread_id: The thread.
            checkpoint_id: The last checkpoint to be copied.
            fork: The new thread.
            no_task: What marks the writes to a checkpoint that no task made: they are part of it.

        Returns:
            Whether there was such a checkpoint.
        """
        until, rest = "thread_id = ? AND checkpoint_id", self.sizes_of.keys() - {"checkpoints", self.writes_table}
        written = f"{until} < ? OR ({until} = ? AND task_id = ?)"
        with self.database.transaction() as cursor:
            _copy(cursor, self.writes_table, fork, written, thread_id, checkpoint_id, thread_id, checkpoint_id, no_task)
            for table in rest:
                _copy(cursor, table, fork, "thread_id = ?", thread_id)
            _copy(cursor, "checkpoints", fork, f"{until} <= ?", thread_id, checkpoint_id)
            return bool(cursor.rowcount)

    def sizes(self, session_id: str | None) -> dict[str, int]:
        """The bytes that the checkpoints of a session's runs take (or of all), by thread."""
        of_session = " WHERE thread_id IN (SELECT thread_id FROM jiuwen_sessions WHERE session_id = ?)"
        where, one = ("", ()) if session_id is None else (of_session, (session_id,))
        each = [f"SELECT thread_id, {size} AS size FROM {table}{where}" for table, size in self.sizes_of.items()]
        query = f"SELECT thread_id, sum(size) FROM ({' UNION ALL '.join(each)}) AS sizes GROUP BY thread_id"
        with self.database.transaction(write=False) as cursor:
            rows = cursor.execute(query, one * len(each)).fetchall()
        return {thread: int(size or 0) for thread, size in rows}

    # --- fencing ---

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
            return self._put(config, checkpoint, metadata, new_versions)

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Save what a task wrote.

        Raises:
            JiuWenBaseException: 100905, the session was taken over.
        """
        with self._fenced(config):
            super().put_writes(config, writes, task_id, task_path)

    def _put(self, config: RunnableConfig, checkpoint: Checkpoint, *more: Any) -> RunnableConfig:
        return super().put(config, without_spent_triggers(checkpoint), *more)

    @contextmanager
    def _fenced(self, config: RunnableConfig) -> Iterator[None]:
        """One transaction that begins by checking the lease of the run that writes."""
        lease: Lease | None = config["configurable"].get(LEASE_KEY)
        if lease is None:
            yield
            return
        with self.database.transaction(lease.session_id) as cursor:
            lease.require(cursor)
            yield

    # --- any event loop ---

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
        await self.commits.flush(thread_id)
        return await self.database.call(lambda: self.get_tuple(config))

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
            await self.commits.flush(config["configurable"]["thread_id"])
        for saved in await self.database.call(lambda: self.list(config, filter=filter, before=before, limit=limit)):
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
            return await self.database.call(lambda: self.put(config, checkpoint, metadata, new_versions))

        def work(_: bool) -> None:
            self._put(config, checkpoint, metadata, new_versions)

        await self.commits.save(where["thread_id"], (where["checkpoint_ns"], where.get("checkpoint_id")), work)
        place = {name: where[name] for name in ("thread_id", "checkpoint_ns")}
        return {"configurable": {**place, "checkpoint_id": checkpoint["id"]}}

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """See `put_writes`."""
        where = config["configurable"]
        if not self.commits.is_gathering(where["thread_id"]):
            await self.database.call(lambda: self.put_writes(config, writes, task_id, task_path))
            return

        def work(is_followed: bool) -> None:
            # The checkpoint that comes with a task's writes says itself which triggers are set.
            is_said = is_followed and bool(task_path)
            lasting = [write for write in writes if not is_trigger(write[0])] if is_said else writes
            super(FencedSaver, self).put_writes(config, lasting, task_id, task_path)

        self.commits.defer(where["thread_id"], (where["checkpoint_ns"], where["checkpoint_id"]), work)

    async def adelete_thread(self, thread_id: str) -> None:
        """See `delete_thread`."""
        await self.database.call(lambda: self.delete_thread(thread_id))

    # --- the history of a run that goes on ---

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
        await self.commits.flush(config["configurable"]["thread_id"])
        return await self.database.call(lambda: self.get_delta_channel_history(config=config, channels=channels))


def _copy(cursor: Cursor, table: str, thread_id: str, where: str, *values: Any) -> None:
    columns = [column[0] for column in cursor.execute(f"SELECT * FROM {table} LIMIT 0").description]
    rest = ", ".join(column for column in columns if column != "thread_id")
    query = f"INSERT INTO {table} (thread_id, {rest}) SELECT ?, {rest} FROM {table} WHERE {where}"
    cursor.execute(query, (thread_id, *values))
