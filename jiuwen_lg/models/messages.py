"""Messages to and from a model, in openJiuwen's shape.

Facts: openJiuwen 0.1.1, `components.md` 1.4 and 1.7.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_serializer, model_validator

from jiuwen_lg.models.thoughts import separated
from jiuwen_lg.schema.values import maybe_await


class ToolCall(BaseModel):
    """A call that a model asks for; OpenAI's nested form is read too.

    Args:
        arguments: The arguments, as JSON.
        index: Which of several, in a chunk.
    """

    id: str | None = None
    type: str = "function"
    name: str = ""
    arguments: str = ""
    index: int | None = None

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and isinstance(function := given.get("function"), Mapping):
            return {**{k: v for k, v in given.items() if k != "function"}, **function}
        return given

    def nested(self) -> dict[str, Any]:
        """OpenAI's form."""
        return {"id": self.id, "type": self.type, "function": {"name": self.name, "arguments": self.arguments}}


class UsageMetadata(BaseModel):
    """The usage of a call.

    Args:
        total_latency: In seconds.
        model_stats: The tokens, as the service counts them.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(protected_namespaces=())

    code: int = 0
    errmsg: str = ""
    prompt: str = ""
    task_id: str = ""
    model_name: str = ""
    finish_reason: str = ""
    total_latency: float = 0.0
    model_stats: dict[str, Any] = Field(default_factory=dict)
    first_token_time: str = ""
    request_start_time: str = ""


class BaseMessage(BaseModel):
    """A message.

    Args:
        role: `"user"`, `"assistant"`, `"system"` or `"tool"`.
        content: A text, or the parts of one.
    """

    role: str
    content: str | list[str | dict[str, Any]] = ""
    name: str | None = None


class HumanMessage(BaseMessage):
    """A message of the user."""

    role: str = "user"


class SystemMessage(BaseMessage):
    """A message of the system."""

    role: str = "system"


class ToolMessage(BaseMessage):
    """The answer of a tool."""

    role: str = "tool"
    tool_call_id: str


class AIMessage(BaseMessage):
    """A message of the model."""

    role: str = "assistant"
    tool_calls: list[ToolCall] | None = None
    usage_metadata: UsageMetadata | None = None
    raw_content: str | None = None
    reason_content: str | None = None

    @property
    def reasoning(self) -> str:
        """The model's thoughts: told by the service apart, or standing in the text in one of the usual forms."""
        return self.reason_content or separated(text_of_content(self.content)).thoughts

    @property
    def answer(self) -> str:
        """The text without thoughts."""
        return separated(text_of_content(self.content)).answer

    @field_serializer("tool_calls")
    def _nested_calls(self, calls: list[ToolCall] | None) -> list[dict[str, Any]] | None:
        return None if calls is None else [call.nested() for call in calls]


class BaseMessageChunk(BaseMessage):
    """A part of a message; `+` joins it to the next one."""

    def __add__(self, other: BaseMessage) -> Self:
        if not isinstance(other, BaseMessage):
            return NotImplemented
        mine, its = dict(self), dict(other)
        joined = {name: its.get(name) or value for name, value in mine.items()}
        joined["content"] = joined_content(self.content, other.content)
        if "tool_calls" in mine:
            joined["tool_calls"] = joined_calls(mine["tool_calls"], its.get("tool_calls"))
            joined["usage_metadata"] = _joined_usage(mine["usage_metadata"], its.get("usage_metadata"))
            joined |= {name: _joined_text(mine[name], its.get(name)) for name in ("raw_content", "reason_content")}
        return type(self)(**joined)


class AIMessageChunk(AIMessage, BaseMessageChunk):
    """A part of what the model says."""


class ToolMessageChunk(ToolMessage, BaseMessageChunk):
    """A part of what a tool answered."""


def joined_content(one: Any, other: Any) -> Any:
    """Join the contents of two chunks: texts to a text, anything else to a list of parts."""
    if isinstance(one, str) and isinstance(other, str):
        return one + other
    return [*([one] if isinstance(one, str) else one), *([other] if isinstance(other, str) else other)]


def _joined_text(one: str | None, other: str | None) -> str | None:
    return other if one is None else one + (other or "")


def _joined_usage(one: UsageMetadata | None, other: UsageMetadata | None) -> UsageMetadata | None:
    """What both parts say of the call; the later word counts, so tokens are not counted twice."""
    if one is None or other is None:
        return other or one
    said = {name: value for name, value in other if value not in ("", 0, 0.0, {}, None)}
    return one.model_copy(update=said)


def joined_calls(calls: list[ToolCall] | None, more: list[ToolCall] | None) -> list[ToolCall] | None:
    """Join the calls of two chunks.

    A fragment belongs to the call of its `index`; without one to the call of its `id`, and without either to the
    last call. Two ids are two calls, whatever their index (some services always send 0).
    """
    joined = list(calls or ())
    for call in more or ():
        at = _call_of(call, joined)
        if at is None:
            joined.append(call)
        else:
            joined[at] = _continued(joined[at], call)
    return joined or None


def _call_of(fragment: ToolCall, calls: list[ToolCall]) -> int | None:
    """Where the call stands that a fragment goes on with; None if it begins one."""
    for at in reversed(range(len(calls))):
        call = calls[at]
        if fragment.id and call.id == fragment.id:
            return at
        if fragment.id and call.id:
            continue
        if fragment.index is None or call.index is None or fragment.index == call.index:
            begins_anew = fragment.name and call.name and not fragment.id and _is_complete(call.arguments)
            return None if begins_anew else at
    return None


def _is_complete(arguments: str) -> bool:
    """Whether the arguments of a call are whole."""
    try:
        return isinstance(json.loads(arguments), dict)
    except (ValueError, RecursionError):
        return False


def _continued(call: ToolCall, fragment: ToolCall) -> ToolCall:
    is_repeated = fragment.name == call.name
    return call.model_copy(
        update={
            "id": call.id or fragment.id,
            "name": call.name if is_repeated else call.name + fragment.name,
            "arguments": call.arguments + fragment.arguments,
            "index": fragment.index if call.index is None else call.index,
        }
    )


CLASSES: dict[str, type[BaseMessage]] = {
    cls.__name__: cls for cls in (BaseMessage, HumanMessage, SystemMessage, ToolMessage, AIMessage)
}
"""By name; chunks are stored as the message that they are a part of."""


def as_message(thing: Any) -> BaseMessage:
    """A message of ours, a dict, or a message of LangChain's, as ours.

    Raises:
        pydantic.ValidationError: It is none of these.
    """
    if isinstance(thing, BaseMessage):
        return thing
    if (converted := _of_langchain(thing)) is not None:
        return _BY_ROLE.get(converted["role"], BaseMessage).model_validate(converted)
    if _has(thing, "tool_calls"):
        return AIMessage.model_validate(thing)
    return (ToolMessage if _has(thing, "tool_call_id") else BaseMessage).model_validate(thing)


_BY_ROLE: dict[str, type[BaseMessage]] = {
    "user": HumanMessage,
    "assistant": AIMessage,
    "system": SystemMessage,
    "tool": ToolMessage,
}


def _has(thing: Any, key: str) -> bool:
    return isinstance(thing, Mapping) and bool(thing.get(key))


def _of_langchain(thing: Any) -> dict[str, Any] | None:
    from langchain_core.messages import BaseMessage as LangChainMessage
    from langchain_core.messages import convert_to_openai_messages

    return dict(convert_to_openai_messages(thing)) if isinstance(thing, LangChainMessage) else None


def on_wire(messages: Any) -> list[dict[str, Any]]:
    """Messages as a service receives them.

    Args:
        messages: One text, or several messages of ours or LangChain's, or dicts, which go as they are.
    """
    if not messages or isinstance(messages, str):
        return [{"role": "user", "content": messages or ""}]
    return as_dicts(messages)


def as_dicts(messages: Iterable[Any]) -> list[dict[str, Any]]:
    """Messages of ours or LangChain's as dicts; dicts stay what they are."""
    return [dict(one) if isinstance(one, Mapping) else _dumped(as_message(one)) for one in messages]


def _dumped(message: BaseMessage) -> dict[str, Any]:
    dumped = {
        name: value
        for name, value in message.model_dump(exclude={"tool_calls", "usage_metadata"}).items()
        if value is not None
    }
    if calls := getattr(message, "tool_calls", None):
        dumped["tool_calls"] = [call.nested() for call in calls]
    return dumped


_OF_HISTORY = ("role", "content", "tool_calls", "tool_call_id")


async def history_of(context: Any, newest: int = -1) -> list[dict[str, Any]]:
    """The newest messages of a conversation (all for a negative number) as a model is shown them; none without one."""
    if context is None:
        return []
    read = getattr(context, "aget_messages", context.get_messages)
    messages = as_dicts(map(as_message, await maybe_await(read(newest))))
    return [{key: one[key] for key in _OF_HISTORY if key in one} for one in messages]


def text_of_content(content: Any) -> str:
    """The text of a message's content; the text parts of one that has several."""
    if content is None:
        return ""
    if isinstance(content, Iterable) and not isinstance(content, str):
        return "".join(part if isinstance(part, str) else str(part.get("text", "")) for part in content)
    return str(content)


_Said = TypeVar("_Said", bound=AIMessage)


def of_langchain_reply(reply: Any, cls: type[_Said], seconds: float = 0.0) -> _Said:
    """Convert the reply of a LangChain model."""
    told = reply.response_metadata
    calls = getattr(reply, "tool_call_chunks", None) or [*reply.tool_calls, *reply.invalid_tool_calls]
    return cls(
        content=text_of_content(reply.content),
        tool_calls=[_tool_call(call, number) for number, call in enumerate(calls)],
        reason_content=_thoughts_of(reply),
        usage_metadata=UsageMetadata(
            model_name=str(told.get("model_name") or ""),
            finish_reason=str(told.get("finish_reason") or ""),
            total_latency=seconds,
            model_stats=dict(reply.usage_metadata or {}),
        ),
    )


def _thoughts_of(reply: Any) -> str:
    """What the service told as thoughts: a field of its own, or parts of the content (LangChain's standard blocks)."""
    if told := reply.additional_kwargs.get("reasoning_content"):
        return str(told)
    parts = [part for part in reply.content if isinstance(part, Mapping)] if isinstance(reply.content, list) else []
    found = [part.get("reasoning") or part.get("thinking") for part in parts if part.get("type") in _THINKING_PARTS]
    return "".join(text for text in found if isinstance(text, str))


_THINKING_PARTS = ("reasoning", "thinking")


def _tool_call(call: Mapping[str, Any], number: int) -> ToolCall:
    given = call["args"]
    arguments = given if isinstance(given, str) else json.dumps(given or {}, ensure_ascii=False)
    return ToolCall(id=call["id"], name=call["name"] or "", arguments=arguments, index=call.get("index", number))
