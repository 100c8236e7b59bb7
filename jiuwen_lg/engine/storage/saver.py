"""LangGraph's savers on a database of ours: usable from every event loop, and fenced.

Their tables are LangGraph's own, so a plain `SqliteSaver` or `PostgresSaver` reads them.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
    get_checkpoint_metadata,
)

from jiuwen_lg.engine.pregel.triggers import is_trigger, without_spent_triggers
from jiuwen_lg.engine.storage.database import Cursor, Database
from jiuwen_lg.engine.storage.encryption import PrivateSerializer, Vault, of_checkpoints
from jiuwen_lg.engine.storage.fence import LEASE_KEY, Lease
from jiuwen_lg.engine.storage.group_commit import GroupCommit
from jiuwen_lg.errors import StatusCode

SEALED = "jiuwen_sealed"
"""Key of a checkpoint's metadata for what is encrypted of them."""


class FencedSaver(BaseCheckpointSaver[str]):
    """The part that our savers add to LangGraph's, which comes behind it in the order of classes.

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
    vault: Vault
    private: PrivateSerializer
    """Both seal what is written; the serializer is LangGraph's `serde`."""

    @staticmethod
    def as_json(value: dict[str, Any]) -> Any:
        """A dict as a column of LangGraph's tables takes it."""
        raise NotImplementedError

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
            of_writes = (thread_id, checkpoint_id, thread_id, checkpoint_id, no_task)
            self._copy(cursor, self.writes_table, thread_id, fork, written, *of_writes)
            for table in rest:
                self._copy(cursor, table, thread_id, fork, "thread_id = ?", thread_id)
            return bool(self._copy(cursor, "checkpoints", thread_id, fork, f"{until} <= ?", thread_id, checkpoint_id))

    def _copy(self, cursor: Cursor, table: str, thread_id: str, fork: str, where: str, *values: Any) -> int:
        """Copy rows of a thread to another one, for which their values are sealed anew; returns how many."""
        columns = [column[0] for column in cursor.execute(f"SELECT * FROM {table} LIMIT 0").description]
        rest = [column for column in columns if column != "thread_id"]
        names = ", ".join(rest)
        if not self.vault.is_sealing:
            select = f"SELECT ?, {names} FROM {table} WHERE {where}"
            cursor.execute(f"INSERT INTO {table} (thread_id, {names}) {select}", (fork, *values))
            return cursor.rowcount
        rows = cursor.execute(f"SELECT {names} FROM {table} WHERE {where}", values).fetchall()
        moved = [self._moved(dict(zip(rest, row, strict=True)), thread_id, fork) for row in rows]
        marks = ", ".join("?" * len(columns))
        insert = f"INSERT INTO {table} (thread_id, {names}) VALUES ({marks})"
        cursor.executemany(insert, [(fork, *row.values()) for row in moved])
        return len(moved)

    def _moved(self, row: dict[str, Any], thread_id: str, fork: str) -> dict[str, Any]:
        """A row of LangGraph's tables as it is to be in another thread."""
        blob = next((name for name in ("checkpoint", "value", "blob") if isinstance(row.get(name), bytes)), None)
        if blob is not None and row["type"] is not None:
            value = self.vault.load_typed(row["type"], row[blob], of_checkpoints(thread_id))
            row["type"], row[blob] = self.vault.dump_typed(value, of_checkpoints(fork))
        if "metadata" in row:
            metadata = row["metadata"] if isinstance(row["metadata"], dict) else json.loads(row["metadata"] or b"{}")
            if SEALED in metadata:
                hidden = self._unsealed(metadata[SEALED], thread_id)
                metadata[SEALED] = self.vault.dump(hidden, of_checkpoints(fork)).hex()
            row["metadata"] = self.as_json(metadata)
        return {name: self.as_json(value) if isinstance(value, dict) else value for name, value in row.items()}

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
            self._put_writes(config, writes, task_id, task_path)

    def _put(
        self, config: RunnableConfig, checkpoint: Checkpoint, metadata: CheckpointMetadata, *more: Any
    ) -> RunnableConfig:
        config, metadata = self._with_sealed_metadata(config, metadata)
        with self.private.of(config["configurable"]["thread_id"]):
            return super().put(config, without_spent_triggers(checkpoint), metadata, *more)

    def _put_writes(self, config: RunnableConfig, *writes: Any) -> None:
        with self.private.of(config["configurable"]["thread_id"]):
            super().put_writes(config, *writes)

    def _with_sealed_metadata(
        self, config: RunnableConfig, metadata: CheckpointMetadata
    ) -> tuple[RunnableConfig, CheckpointMetadata]:
        """Seal what LangGraph would copy from the run's config in clear: `configurable` and `metadata`."""
        if not self.vault.is_sealing:
            return config, metadata
        where = config["configurable"]
        whole: dict[str, Any] = dict(get_checkpoint_metadata(config, metadata))
        clear = {name: whole.pop(name) for name in CheckpointMetadata.__annotations__ if name in whole}
        if whole:
            clear[SEALED] = self.vault.dump(whole, of_checkpoints(where["thread_id"])).hex()
        own: dict[str, Any] = {
            name: where[name] for name in ("thread_id", "checkpoint_ns", "checkpoint_id") if name in where
        }
        return {"configurable": own}, cast("CheckpointMetadata", clear)

    def _read(self, found: CheckpointTuple) -> CheckpointTuple:
        """A checkpoint as it was saved; one that stands in another's row is refused.

        Raises:
            JiuWenBaseException: 100908, it is another row's.
        """
        where = found.config["configurable"]
        if found.checkpoint["id"] != where["checkpoint_id"]:
            reason = f"checkpoint [{where['checkpoint_id']}] holds another one"
            raise StatusCode.STORE_UNAVAILABLE.error(store="file", reason=reason)
        metadata: dict[str, Any] = dict(found.metadata)
        if SEALED in metadata:
            metadata |= self._unsealed(metadata.pop(SEALED), where["thread_id"])
        return found._replace(metadata=cast("CheckpointMetadata", metadata))

    def _unsealed(self, hidden: str, thread_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.vault.load(bytes.fromhex(hidden), of_checkpoints(thread_id))
        return found

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
        """A thread's checkpoints, newest first; read at once, so that a slow reader holds nothing.

        With encryption, a filter sees only LangGraph's own metadata.
        """
        thread_id = (config or {}).get("configurable", {}).get("thread_id")
        if thread_id is None:
            return self._list_all(config, filter=filter, before=before, limit=limit)
        with self.private.of(thread_id):
            return iter([*map(self._read, super().list(config, filter=filter, before=before, limit=limit))])

    def _list_all(
        self, config: RunnableConfig | None, *, limit: int | None, **options: Any
    ) -> Iterator[CheckpointTuple]:
        """The checkpoints of all threads, newest first."""
        with self.database.transaction(write=False) as cursor:
            threads = cursor.execute("SELECT DISTINCT thread_id FROM checkpoints").fetchall()
        where = (config or {}).get("configurable", {})
        configs: Any = [{"configurable": {**where, "thread_id": thread_id}} for (thread_id,) in threads]
        found = [one for config in configs for one in self.list(config, limit=limit, **options)]
        return iter(sorted(found, key=lambda one: one.checkpoint["id"], reverse=True)[:limit])

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """LangGraph's `get_tuple`."""
        with self.private.of(config["configurable"]["thread_id"]):
            found = super().get_tuple(config)
        return found and self._read(found)

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
        thread_id = (config or {}).get("configurable", {}).get("thread_id")
        if thread_id is not None:
            await self.commits.flush(thread_id)
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
            self._put_writes(config, lasting, task_id, task_path)

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
            return self._history(config, channels)
        key = (where.get("checkpoint_ns", ""), id, *sorted(channels))
        if key not in remembered:
            remembered[key] = self._history(config, channels)
        found: Mapping[str, DeltaChannelHistory] = remembered[key]
        return found

    def _history(self, config: RunnableConfig, channels: Sequence[str]) -> Mapping[str, DeltaChannelHistory]:
        with self.private.of(config["configurable"]["thread_id"]):
            return super().get_delta_channel_history(config=config, channels=channels)

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """See `get_delta_channel_history`."""
        await self.commits.flush(config["configurable"]["thread_id"])
        return await self.database.call(lambda: self.get_delta_channel_history(config=config, channels=channels))
