"""LangGraph's Postgres saver on our database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, ClassVar

import psycopg
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import Checkpoint
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from jiuwen_lg.engine.storage.encryption import PrivateSerializer, Vault
from jiuwen_lg.engine.storage.group_commit import GroupCommit
from jiuwen_lg.engine.storage.postgres_database import PostgresDatabase
from jiuwen_lg.engine.storage.saver import FencedSaver


class _Boxed:
    """A value that LangGraph would write into the checkpoint's JSON: unencrypted, and without NUL and NaN."""

    def __init__(self, value: str | float) -> None:
        self.value = value


class _Serializer(PrivateSerializer):
    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        return super().dumps_typed(obj.value if isinstance(obj, _Boxed) else obj)


class FencedPostgresSaver(FencedSaver, PostgresSaver):
    """See `FencedSaver`."""

    sizes_of: ClassVar[Mapping[str, str]] = {
        "checkpoints": "pg_column_size(checkpoint) + pg_column_size(metadata)",
        "checkpoint_blobs": "length(blob)",
        "checkpoint_writes": "length(blob)",
    }
    writes_table: ClassVar[str] = "checkpoint_writes"

    def __init__(self, database: PostgresDatabase) -> None:
        self.database: PostgresDatabase = database
        self.commits: GroupCommit = GroupCommit(database)
        self._remembered: dict[str, dict[Any, Any]] = {}
        self.vault: Vault = Vault()
        self.private: PrivateSerializer = _Serializer(self.vault)
        PostgresSaver.__init__(self, None, serde=self.private)  # type: ignore[arg-type]

    @staticmethod
    def as_json(value: dict[str, Any]) -> Any:
        """See `FencedSaver`."""
        return Jsonb(value)

    def setup(self) -> None:
        """The database makes the tables when it is opened."""

    @contextmanager
    def _cursor(self, *, pipeline: bool = False) -> Iterator[psycopg.Cursor[dict[str, Any]]]:
        """A cursor in a transaction of its own, or in the one that this thread is in."""
        with self.database.transaction(write=pipeline) as ours:
            connection = ours.connection
            together = connection.pipeline() if pipeline else nullcontext()
            with together, psycopg.Cursor(connection, row_factory=dict_row) as cursor:
                cursor.format = psycopg.pq.Format.BINARY
                yield cursor

    def _put(self, config: RunnableConfig, checkpoint: Checkpoint, *more: Any) -> RunnableConfig:
        values = {name: _boxed(value) for name, value in checkpoint["channel_values"].items()}
        return super()._put(config, {**checkpoint, "channel_values": values}, *more)


def make_checkpoint_tables(connection: psycopg.Connection[Any], migrations: Sequence[str]) -> None:
    """Do what `PostgresSaver.setup` does, inside a transaction: no index is made `CONCURRENTLY`.

    Behind a pooler in transaction mode only a transaction can hold others off meanwhile.

    Args:
        connection: One in a transaction.
        migrations: LangGraph's.
    """
    connection.execute(migrations[0])
    done = connection.execute("SELECT max(v) FROM checkpoint_migrations").fetchone()
    first = 0 if done is None or done[0] is None else done[0] + 1
    for version, statement in list(enumerate(migrations))[first:]:
        connection.execute(statement.replace(" CONCURRENTLY", ""))
        connection.execute("INSERT INTO checkpoint_migrations (v) VALUES (%s)", (version,))


def _boxed(value: Any) -> Any:
    return _Boxed(value) if isinstance(value, (str, int, float)) else value
