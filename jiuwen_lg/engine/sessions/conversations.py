"""The messages of conversations, in the same file as the sessions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeAlias

from jiuwen_lg.engine.storage.database import Database
from jiuwen_lg.engine.storage.encryption import seal, unseal

ConversationKey: TypeAlias = tuple[str, str, str]
"""Agent id, workflow id (empty for the agent's own conversation) and session id."""

MESSAGE_TABLES = """
CREATE TABLE IF NOT EXISTS jiuwen_messages (
    number INTEGER PRIMARY KEY AUTOINCREMENT, agent_id TEXT NOT NULL, workflow_id TEXT NOT NULL,
    session_id TEXT NOT NULL, message BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS jiuwen_messages_by_owner ON jiuwen_messages (agent_id, session_id, workflow_id, number);
"""

_OF_OWNER = "agent_id = ? AND workflow_id = ? AND session_id = ?"


class Messages:
    """The messages of all conversations; every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, owner: ConversationKey, messages: Sequence[dict[str, Any]], keep: int) -> None:
        """Append messages; a conversation that has twice `keep` of them is cut to the newest `keep`."""
        rows = [(*owner, _written(message)) for message in messages]
        insert = "INSERT INTO jiuwen_messages (agent_id, workflow_id, session_id, message) VALUES (?, ?, ?, ?)"
        with self._database.transaction() as cursor:
            cursor.executemany(insert, rows)
            count = cursor.execute(f"SELECT count(*) FROM jiuwen_messages WHERE {_OF_OWNER}", owner).fetchone()[0]
            if count >= 2 * keep:
                newest = f"SELECT number FROM jiuwen_messages WHERE {_OF_OWNER} ORDER BY number DESC LIMIT ?"
                delete = f"DELETE FROM jiuwen_messages WHERE {_OF_OWNER} AND number NOT IN ({newest})"
                cursor.execute(delete, (*owner, *owner, keep))

    def read(self, owner: ConversationKey) -> list[dict[str, Any]]:
        """The messages of a conversation, oldest first."""
        select = f"SELECT message FROM jiuwen_messages WHERE {_OF_OWNER} ORDER BY number"
        with self._database.transaction(write=False) as cursor:
            return [_read(row[0]) for row in cursor.execute(select, owner)]

    def clear(self, agent_id: str, session_id: str) -> None:
        """Drop an agent's conversations of a session, those over workflows too."""
        with self._database.transaction() as cursor:
            cursor.execute("DELETE FROM jiuwen_messages WHERE agent_id = ? AND session_id = ?", (agent_id, session_id))


def _written(message: dict[str, Any]) -> bytes:
    return seal(json.dumps(message, ensure_ascii=False).encode())


def _read(blob: bytes | str) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(unseal(blob) if isinstance(blob, bytes) else blob)
    return message
