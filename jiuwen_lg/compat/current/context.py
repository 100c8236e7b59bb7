"""Conversations: an engine that keeps them in memory, and the one that components receive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, Field

from jiuwen_lg.compat.current.codes import StatusCode
from jiuwen_lg.compat.current.errors import build_error
from jiuwen_lg.compat.current.message import AssistantMessage, BaseMessage, SystemMessage, ToolMessage, UserMessage
from jiuwen_lg.models.messages import BaseMessage as OurMessage

DEFAULT_CONTEXT = "default_context_id"
DEFAULT_SESSION = "default_session_id"

_BY_ROLE: dict[str, type[BaseMessage]] = {
    "user": UserMessage,
    "assistant": AssistantMessage,
    "system": SystemMessage,
    "tool": ToolMessage,
}


class ContextEngineConfig(BaseModel):
    """How long conversations and their windows are.

    Args:
        max_context_message_num: How many messages are kept; all without it.
        default_window_message_num: How many messages a window has.
        default_window_round_num: How many rounds (from a question of the user's on) a window has.
        enable_reload: Kept for openJiuwen's signature.
    """

    max_context_message_num: int | None = Field(default=None, gt=0)
    default_window_message_num: int | None = Field(default=None, gt=0)
    default_window_round_num: int | None = Field(default=None, gt=0)
    enable_reload: bool = False


class ContextStats(BaseModel):
    """Counts of a conversation's messages; tokens are not counted."""

    total_messages: int = 0
    total_dialogues: int = 0
    system_messages: int = 0
    user_messages: int = 0
    assistant_messages: int = 0
    tool_messages: int = 0
    tools: int = 0


class ContextWindow(BaseModel):
    """The part of a conversation that a model is shown."""

    system_messages: list[Any] = Field(default_factory=list)
    context_messages: list[Any] = Field(default_factory=list)
    tools: list[Any] = Field(default_factory=list)
    statistic: ContextStats = Field(default_factory=ContextStats)

    def get_messages(self) -> list[Any]:
        """The system messages and the others."""
        return [*self.system_messages, *self.context_messages]

    def get_tools(self) -> list[Any]:
        """The tools."""
        return self.tools


class ModelContext:
    """One conversation.

    Args:
        context_id: Its id.
        session_id: The session that it belongs to.
        config: How long it is.
        messages: The messages that it begins with.
    """

    def __init__(
        self,
        context_id: str = DEFAULT_CONTEXT,
        session_id: str = DEFAULT_SESSION,
        config: ContextEngineConfig | None = None,
        messages: Sequence[Any] = (),
    ) -> None:
        self._context_id = context_id
        self._session_id = session_id
        self._config = config or ContextEngineConfig()
        self._messages: list[Any] = []
        self._append(messages)

    def __len__(self) -> int:
        return len(self._messages)

    def __bool__(self) -> bool:
        return True

    def session_id(self) -> str:
        """The session that it belongs to."""
        return self._session_id

    def context_id(self) -> str:
        """Its id."""
        return self._context_id

    def get_messages(self, size: int | None = None, with_history: bool = True) -> list[Any]:
        """The newest `size` messages, oldest first; all of them without a number."""
        if size is None or size < 0:
            return list(self._messages)
        return self._messages[-size:] if size else []

    async def add_messages(self, message: Any, **kwargs: Any) -> list[Any]:
        """Append a message, or several, and return them."""
        given = [message] if isinstance(message, (OurMessage, dict)) else list(message)
        return self._append(given)

    def set_messages(self, messages: Sequence[Any], with_history: bool = True) -> None:
        """Put these messages in place of all."""
        self._messages = []
        self._append(messages)

    def pop_messages(self, size: int = 1, with_history: bool = True) -> list[Any]:
        """Take out the newest `size` messages."""
        if size <= 0:
            return []
        popped, self._messages = self._messages[-size:], self._messages[:-size]
        return popped

    async def clear_messages(self, with_history: bool = True) -> None:
        """Drop all messages."""
        self._messages = []

    async def get_context_window(
        self,
        system_messages: Sequence[Any] | None = None,
        tools: Sequence[Any] | None = None,
        window_size: int | None = None,
        dialogue_round: int | None = None,
        **kwargs: Any,
    ) -> ContextWindow:
        """The part of the conversation that a model is shown.

        Args:
            system_messages: Put before it.
            tools: Handed on.
            window_size: How many messages, without the system's.
            dialogue_round: How many rounds.
            kwargs: Nothing else is used.
        """
        messages = self.get_messages(window_size or self._config.default_window_message_num)
        if rounds := dialogue_round or self._config.default_window_round_num:
            begins = [index for index, one in enumerate(messages) if one.role == "user"]
            messages = messages[begins[-rounds] :] if len(begins) > rounds else messages
        window = ContextWindow(
            system_messages=list(system_messages or ()), context_messages=messages, tools=list(tools or ())
        )
        window.statistic = _counted(window.get_messages(), len(window.tools))
        return window

    def statistic(self) -> ContextStats:
        """Counts of its messages."""
        return _counted(self._messages, 0)

    def _append(self, messages: Sequence[Any]) -> list[Any]:
        added = [_message(one) for one in messages]
        self._messages += added
        if (most := self._config.max_context_message_num) is not None:
            self._messages = self._messages[-most:]
        return added


def _message(given: Any) -> Any:
    if isinstance(given, OurMessage):
        return given
    if isinstance(given, dict) and "role" in given:
        return _BY_ROLE.get(given["role"], BaseMessage)(**given)
    raise build_error(StatusCode.CONTEXT_MESSAGE_INVALID, reason=f"{given!r} is no message")


def _counted(messages: Sequence[Any], tools: int) -> ContextStats:
    counts = {f"{role}_messages": sum(one.role == role for one in messages) for role in _BY_ROLE}
    rounds = sum(a.role == "user" and (not i or messages[i - 1].role != "user") for i, a in enumerate(messages))
    return ContextStats(total_messages=len(messages), total_dialogues=rounds, tools=tools, **counts)


class ContextEngine:
    """Conversations, by session and id, in this process's memory.

    Args:
        config: How long they are.
        workspace: Kept for openJiuwen's signature.
        sys_operation: Kept for openJiuwen's signature.
    """

    def __init__(
        self, config: ContextEngineConfig | None = None, workspace: Any = None, sys_operation: Any = None
    ) -> None:
        self._config = config or ContextEngineConfig()
        self._contexts: dict[tuple[str, str], ModelContext] = {}

    async def create_context(
        self,
        context_id: str = DEFAULT_CONTEXT,
        session: Any = None,
        *,
        processors: Any = None,
        history_messages: Sequence[Any] | None = None,
        **kwargs: Any,
    ) -> ModelContext:
        """The conversation of this id in a session, made if there is none.

        Args:
            context_id: Its id.
            session: The session, or nothing for the default one.
            processors: Not provided.
            history_messages: The messages that a new one begins with.
            kwargs: Nothing else is used.

        Raises:
            NotImplementedError: Processors are given.
        """
        if processors:
            raise NotImplementedError("processors of contexts are not provided by jiuwen_lg")
        key = (_session_id(session), context_id)
        if key not in self._contexts:
            self._contexts[key] = ModelContext(context_id, key[0], self._config, history_messages or ())
        return self._contexts[key]

    def get_context(self, context_id: str = DEFAULT_CONTEXT, session_id: str = DEFAULT_SESSION) -> ModelContext | None:
        """The conversation of this id in a session; None if there is none."""
        return self._contexts.get((session_id, context_id))

    async def clear_context(self, context_id: str | None = None, session_id: str | None = None) -> None:
        """Drop conversations: one, all of a session, or all."""
        for key in list(self._contexts):
            if session_id in (None, key[0]) and context_id in (None, key[1]):
                del self._contexts[key]

    async def save_contexts(self, session: Any, context_ids: Sequence[str] | None = None) -> None:
        """Does nothing: conversations live in memory."""


def _session_id(session: Any) -> str:
    if session is None:
        return DEFAULT_SESSION
    return session if isinstance(session, str) else str(session.get_session_id())
