"""What an agent notes of a session: one value, stored beside the session's messages."""

from __future__ import annotations

import base64
from typing import Any

from jiuwen_lg.context.context import ContextEngineConfig, ContextOwner
from jiuwen_lg.context.context_engine import StoredContext
from jiuwen_lg.engine.serializer import dump, load
from jiuwen_lg.engine.store import open_store


class StateNote:
    """A value of a session; `ContextEngine.clear_context` drops it with the conversation.

    Args:
        agent_id: The agent.
        name: What is noted; no workflow of the agent's has this id, since it begins with `@`.
        session_id: The session.
    """

    def __init__(self, agent_id: str, name: str, session_id: str) -> None:
        owner = ContextOwner(agent_id=agent_id, workflow_id=f"@{name}", session_id=session_id)
        self._context = StoredContext(owner, ContextEngineConfig(conversation_history_length=1))

    async def read(self) -> Any:
        """The value; None if nothing was noted."""
        found = await open_store().database.call(lambda: self._context.get_messages(1))
        return load(base64.b64decode(str(found[-1].content))) if found else None

    async def write(self, value: Any) -> None:
        """Note a value instead of the last one."""
        text = base64.b64encode(dump(value)).decode()
        await self._context.abatch_add_messages([{"role": "system", "content": text}])
