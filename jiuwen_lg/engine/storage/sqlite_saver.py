"""LangGraph's SQLite saver on our database."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar

from langgraph.checkpoint.sqlite import SqliteSaver

from jiuwen_lg.engine.storage.encryption import PrivateSerializer, Vault
from jiuwen_lg.engine.storage.group_commit import GroupCommit
from jiuwen_lg.engine.storage.saver import FencedSaver
from jiuwen_lg.engine.storage.sqlite_database import SqliteDatabase

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


class FencedSqliteSaver(FencedSaver, SqliteSaver):
    """See `FencedSaver`."""

    sizes_of: ClassVar[Mapping[str, str]] = {
        "checkpoints": "length(checkpoint) + length(metadata)",
        "writes": "length(value)",
    }
    writes_table: ClassVar[str] = "writes"

    def __init__(self, database: SqliteDatabase) -> None:
        self.database: SqliteDatabase = database
        self.commits: GroupCommit = GroupCommit(database)
        self._remembered: dict[str, dict[Any, Any]] = {}
        self.vault: Vault = Vault()
        self.private: PrivateSerializer = PrivateSerializer(self.vault)
        SqliteSaver.__init__(self, None, serde=self.private)  # type: ignore[arg-type]

    @staticmethod
    def as_json(value: dict[str, Any]) -> Any:
        """See `FencedSaver`."""
        return json.dumps(value, ensure_ascii=False).encode("utf-8", "ignore")

    @property
    def conn(self) -> sqlite3.Connection:
        """The connection of this process."""
        return self.database.connection

    @conn.setter
    def conn(self, connection: sqlite3.Connection) -> None:
        """LangGraph's constructor sets it; the database opens its own."""

    def setup(self) -> None:
        """The database makes the tables when it is opened."""

    def cursor(self, transaction: bool = True) -> AbstractContextManager[sqlite3.Cursor]:  # type: ignore[override]
        """A cursor in a transaction, that of this thread if it is in one: LangGraph's own commits half a write."""
        current = self.database.current
        return nullcontext(current) if current is not None else self.database.transaction(write=transaction)
