"""Conversations that outlive the process: kept in the file of the sessions.

Facts: openJiuwen 0.1.1, `components.md` 9.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter

from jiuwen_lg.context.context import Context, ContextEngineConfig, ContextOwner
from jiuwen_lg.engine.sessions.conversations import ConversationKey
from jiuwen_lg.engine.sessions.row import reading
from jiuwen_lg.engine.store import open_store, opened_store
from jiuwen_lg.models.messages import CLASSES, BaseMessage, as_message

_MOST = 100
"""How many messages "all" means."""

_tags = TypeAdapter(dict[str, str])


class ContextEngine:
    """The conversations of an agent, by session and workflow.

    They lie in the file that `JIUWEN_LG_DB` names; where that is off, in this process's memory.

    Args:
        agent_id: The agent; another one's conversations are not seen.
        config: How long they are.
        model: Kept for openJiuwen's signature.
    """

    def __init__(self, agent_id: str, config: ContextEngineConfig | None = None, model: Any = None) -> None:
        self._agent_id = agent_id
        self._config = config or ContextEngineConfig()

    def get_agent_context(self, session_id: str) -> Context:
        """The agent's own conversation in a session."""
        return StoredContext(ContextOwner(agent_id=self._agent_id, session_id=session_id), self._config)

    def get_workflow_context(self, workflow_id: str, session_id: str) -> Context:
        """Return the messages of a workflow in a session."""
        owner = ContextOwner(agent_id=self._agent_id, workflow_id=workflow_id, session_id=session_id)
        return StoredContext(owner, self._config)

    def clear_context(self, session_id: str) -> None:
        """Drop everything that was said in a session, to the agent and over its workflows."""
        open_store().messages.clear(self._agent_id, session_id)


class StoredContext(Context):
    """One conversation. Its messages are copies: changing one changes nothing here."""

    def __init__(self, owner: ContextOwner, config: ContextEngineConfig) -> None:
        self.owner = owner
        self._keep = config.conversation_history_length
        self._key: ConversationKey = (owner.agent_id, owner.workflow_id, owner.session_id)

    def add_message(self, message: Any, tags: dict[str, str] | None = None) -> None:
        """Append a message.

        Args:
            message: A message of ours or LangChain's, or a dict with `role` and `content`.
            tags: Names and values by which it can be found.

        Raises:
            pydantic.ValidationError: It is no message, or the tags are no texts.
        """
        self.batch_add_messages([message], tags)

    def batch_add_messages(self, messages: Sequence[Any], tags: dict[str, str] | None = None) -> None:
        """Append several, all or none; see `add_message`."""
        told = _tags.validate_python(tags or {})
        rows = [_as_row(as_message(message), told) for message in messages]
        open_store().messages.append(self._key, rows, self._keep)

    async def abatch_add_messages(self, messages: Sequence[Any], tags: dict[str, str] | None = None) -> None:
        """The same, without holding up the event loop while another process writes."""
        store = await opened_store()
        await store.database.call(lambda: self.batch_add_messages(messages, tags))

    async def aget_messages(self, num: int = -1, tags: dict[str, str] | None = None) -> list[BaseMessage]:
        """`get_messages`, without holding up the event loop."""
        store = await opened_store()
        return await store.database.call(lambda: self.get_messages(num, tags))

    async def aread(self) -> list[tuple[BaseMessage, dict[str, str]]]:
        """All messages with their tags, oldest first."""
        rows = await (store := open_store()).database.call(lambda: store.messages.read(self._key))
        with reading("a message", self._key[-1]):
            return [(_as_message(row), row["tags"]) for row in rows]

    def get_messages(self, num: int = -1, tags: dict[str, str] | None = None) -> list[BaseMessage]:
        """The newest `num` messages, oldest first; the newest 100 for a negative number.

        Args:
            num: How many at most.
            tags: Only those that have all of these.

        Raises:
            JiuWenBaseException: 100908, the store cannot be used, or a stored message is damaged.
        """
        wanted = (tags or {}).items()
        with reading("a message", self._key[-1]):
            rows = [row for row in open_store().messages.read(self._key) if wanted <= row["tags"].items()]
            newest = rows[-num:] if num > 0 else rows[-_MOST:] if num < 0 else []
            return [_as_message(row) for row in newest]

    def get_latest_message(self, role: str | None = None) -> BaseMessage | None:
        """The newest message (of a role), None if there is none."""
        messages = [one for one in self.get_messages() if role is None or one.role == role]
        return messages[-1] if messages else None


def _as_row(message: BaseMessage, tags: dict[str, str]) -> dict[str, Any]:
    kind = next(cls.__name__ for cls in type(message).__mro__ if cls.__name__ in CLASSES)
    stored = message.model_dump(mode="json", exclude_none=True)
    if calls := getattr(message, "tool_calls", None):  # a dump has them in OpenAI's form, which has no index
        stored["tool_calls"] = [call.model_dump(mode="json", exclude_none=True) for call in calls]
    return {"kind": kind, "message": stored, "tags": tags}


def _as_message(row: dict[str, Any]) -> BaseMessage:
    return CLASSES[row["kind"]](**row["message"])
