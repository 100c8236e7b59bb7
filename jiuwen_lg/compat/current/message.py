"""Messages to and from a model, in today's shape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, Field

from jiuwen_lg.models.messages import AIMessage, joined_calls, joined_content
from jiuwen_lg.models.messages import BaseMessage as OurMessage
from jiuwen_lg.models.messages import ToolCall as ToolCall  # noqa: PLC0414 - given on
from jiuwen_lg.models.messages import as_dicts as our_dicts


class UsageMetadata(BaseModel):
    """The tokens and the time that a call took."""

    code: int = 0
    err_msg: str = ""
    prompt: str = ""
    task_id: str = ""
    model_name: str = ""
    total_latency: float = 0.0
    first_token_time: str = ""
    request_start_time: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    cache_tokens: int = 0


class BaseMessage(OurMessage):
    """A message: a role, and a text or the parts of one."""

    metadata: dict[str, Any] = Field(default_factory=dict)


class UserMessage(BaseMessage):
    """A message of the user."""

    role: str = "user"


class SystemMessage(BaseMessage):
    """A message that tells the model its task."""

    role: str = "system"


class ToolMessage(BaseMessage):
    """A tool's answer."""

    role: str = "tool"
    tool_call_id: str


class AssistantMessage(BaseMessage):
    """A message of the model."""

    role: str = "assistant"
    tool_calls: list[ToolCall] | None = None
    usage_metadata: UsageMetadata | None = None
    finish_reason: str = "null"
    parser_content: Any = None
    reasoning_content: str | None = None

    def model_dump(self, **kwargs: Any) -> dict[str, Any]:
        """The message as a dict, without what is not set."""
        dumped = super().model_dump(**kwargs)
        return {name: value for name, value in dumped.items() if value is not None and value != {}}


class AssistantMessageChunk(AssistantMessage):
    """A part of a model's message; `+` joins it to the next one."""

    def __add__(self, other: AssistantMessage) -> AssistantMessageChunk:
        if not isinstance(other, AssistantMessage):
            return NotImplemented
        update = {name: value for name, value in dict(other).items() if value not in (None, "", {}, "null")}
        content = joined_content(self.content, other.content)
        calls = joined_calls(self.tool_calls, other.tool_calls)
        return self.model_copy(update={**update, "content": content, "tool_calls": calls})


_SENT = ("role", "content", "name", "tool_calls", "tool_call_id")


def as_dicts(messages: Any) -> list[dict[str, Any]]:
    """Messages as our models take them: a text, messages of either layout, or dicts."""
    if isinstance(messages, str):
        return [{"role": "user", "content": messages}]
    given: Iterable[Any] = [messages] if isinstance(messages, (OurMessage, Mapping)) else messages
    return [_sent(one) for one in given]


def _sent(message: Any) -> dict[str, Any]:
    dumped = our_dicts([message])[0]
    return (
        {key: dumped[key] for key in _SENT if dumped.get(key) is not None}
        if isinstance(message, BaseMessage)
        else dumped
    )


def reply_of(reply: AIMessage, cls: type[AssistantMessage] = AssistantMessage) -> AssistantMessage:
    """A model's message of ours as today's."""
    usage, made = reply.usage_metadata, None
    if usage is not None:
        stats = usage.model_stats
        counts = {name: stats.get(name) or 0 for name in ("input_tokens", "output_tokens", "total_tokens")}
        made = UsageMetadata(model_name=usage.model_name, total_latency=usage.total_latency, **counts)
    return cls(
        content=reply.content,
        tool_calls=reply.tool_calls,
        usage_metadata=made,
        finish_reason=(usage.finish_reason if usage is not None else "") or "null",
        reasoning_content=reply.reason_content or None,
    )
