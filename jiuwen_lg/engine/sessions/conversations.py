"""The messages of conversations, in the same file as the sessions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeAlias

from jiuwen_lg.engine.storage.database import Database
from jiuwen_lg.engine.storage.encryption import Place, Vault

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
    """The messages of all conversations; every method is one transaction.

    Args:
        database: Where they are.
        vault: Seals them.
    """

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    def append(self, owner: ConversationKey, messages: Sequence[dict[str, Any]], keep: int) -> None:
        """Append messages; a conversation that has twice `keep` of them is cut to the newest `keep`."""
        rows = [(*owner, self._written(owner, message)) for message in messages]
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
        select = f"SELECT number, message FROM jiuwen_messages WHERE {_OF_OWNER} ORDER BY number"
        with self._database.transaction(write=False) as cursor:
            rows = cursor.execute(select, owner).fetchall()
        return [self._read(owner, *row) for row in rows]

    def clear(self, agent_id: str, session_id: str) -> None:
        """Drop an agent's conversations of a session, those over workflows too."""
        with self._database.transaction() as cursor:
            cursor.execute("DELETE FROM jiuwen_messages WHERE agent_id = ? AND session_id = ?", (agent_id, session_id))

    def _written(self, owner: ConversationKey, message: dict[str, Any]) -> bytes:
        return self._vault.seal(
            json.dumps(message, ensure_ascii=False).encode("utf-8", "surrogatepass"), Place("messages", 0, owner)
        )

    def _read(self, owner: ConversationKey, number: int, blob: bytes | str) -> dict[str, Any]:
        data = blob if isinstance(blob, bytes) else blob.encode()
        message: dict[str, Any] = json.loads(self._vault.unseal(data, Place("messages", number, owner)))
        return message
