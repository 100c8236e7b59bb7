"""A chat model that says what a test tells it to say."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import PrivateAttr


class ScriptEndedError(AssertionError):
    """A scripted model was asked once more than it has replies."""


class ScriptedChatModel(BaseChatModel):
    """Plays a script: each call gets the next reply, and is recorded.

    Args:
        replies: In turn: a text; a list of texts, the parts of a streamed one; a dict, which answers in the
            form that is asked for (a call of the bound tool of structured output, else JSON); an `AIMessage`,
            for tool calls among others; an exception, which is raised; or a function of the messages that
            gives one of these. More may be appended while it plays.

    Attributes:
        requests: What it was asked: the messages of each call.
        tools: What was bound in each call, as OpenAI's tool schemas.

    Examples:
        >>> model = ScriptedChatModel("Hello.", {"city": "杭州"})
        >>> model.invoke("Hi").text
        'Hello.'
        >>> model.invoke("Where?").text
        '{"city": "杭州"}'
        >>> [messages[0].text for messages in model.requests]
        ['Hi', 'Where?']
    """

    replies: list[Any]
    _lock: Any = PrivateAttr(default_factory=threading.Lock)
    _requests: list[list[BaseMessage]] = PrivateAttr(default_factory=list)
    _tools: list[list[dict[str, Any]]] = PrivateAttr(default_factory=list)

    def __init__(self, *replies: Any, **options: Any) -> None:
        super().__init__(**{"replies": [*replies], **options})

    @property
    def requests(self) -> list[list[BaseMessage]]:
        """The messages of each call."""
        return self._requests

    @property
    def tools(self) -> list[list[dict[str, Any]]]:
        """The tools that were bound in each call."""
        return self._tools

    def require_end(self) -> None:
        """Check that the script was played exactly.

        Raises:
            AssertionError: There are replies left.
            ScriptEndedError: It was asked more often than it has replies, whatever became of that error.
        """
        asked, replies = len(self._requests), len(self.replies)
        if asked < replies:
            raise AssertionError(f"the model was asked {asked} times; left of its script: {self.replies[asked:]}")
        self.require_enough()

    def require_enough(self) -> None:
        """Check that it was not asked more often than it has replies; see `require_end`."""
        if len(self._requests) > len(self.replies):
            raise self._ended(len(self.replies))

    def bind_tools(self, tools: Sequence[Any], **options: Any) -> Runnable[Any, AIMessage]:
        """The model with tools; a reply may call them."""
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **options)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> Any:
        return {**super()._get_ls_params(stop, **kwargs), "ls_model_name": kwargs.get("model", "scripted")}

    def _generate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Any = None, **options: Any
    ) -> ChatResult:
        reply = self._next(messages, options)
        message = AIMessage("".join(reply)) if isinstance(reply, list) else reply
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Any = None, **options: Any
    ) -> Iterator[ChatGenerationChunk]:
        reply = self._next(messages, options)
        parts = [AIMessageChunk(content=part) for part in reply] if isinstance(reply, list) else [_chunk_of(reply)]
        for number, part in enumerate(parts):
            part.chunk_position = "last" if number == len(parts) - 1 else None
            if run_manager is not None:
                run_manager.on_llm_new_token(part.text, chunk=ChatGenerationChunk(message=part))
            yield ChatGenerationChunk(message=part)

    async def _astream(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Any = None, **options: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in self._stream(messages, stop, None, **options):
            if run_manager is not None:
                await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk

    async def _agenerate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Any = None, **options: Any
    ) -> ChatResult:
        return self._generate(messages, stop, **options)

    def _next(self, messages: list[BaseMessage], options: dict[str, Any]) -> AIMessage | list[str]:
        tools = options.get("tools", [])
        with self._lock:
            number = len(self._requests)
            self._requests.append(messages)
            self._tools.append(tools)
        if number >= len(self.replies):
            raise self._ended(number)
        reply = self.replies[number]
        if callable(reply):
            reply = reply(messages)
        if isinstance(reply, BaseException):
            raise reply
        if isinstance(reply, dict):
            is_told = options.get("tool_choice") not in (None, False, "none", "auto")
            return _structured(reply, tools if is_told else [], number)
        if isinstance(reply, list) and reply and all(isinstance(part, str) for part in reply):
            return reply
        if not isinstance(reply, (str, AIMessage)):
            raise TypeError(f"reply {number} of the script is {reply!r}, which no model says: see ScriptedChatModel")
        return AIMessage(reply) if isinstance(reply, str) else reply

    def _ended(self, number: int) -> ScriptEndedError:
        asked = self._requests[number]
        last = asked[-1].text if asked else ""
        return ScriptEndedError(f"the script has {number} replies, and the model was asked once more: {last!r}")


def _structured(reply: dict[str, Any], tools: list[dict[str, Any]], number: int) -> AIMessage:
    """A dict in the form that is asked for."""
    if not tools:
        return AIMessage(json.dumps(reply, ensure_ascii=False))
    call = {"name": tools[0]["function"]["name"], "args": reply, "id": f"call_{number}", "type": "tool_call"}
    return AIMessage("", tool_calls=[call])


def _chunk_of(message: AIMessage) -> AIMessageChunk:
    if isinstance(message, AIMessageChunk):
        return message.model_copy()
    calls = [
        {"name": call["name"], "args": json.dumps(call["args"]), "id": call["id"], "index": index}
        for index, call in enumerate(message.tool_calls)
    ]
    kept = ("additional_kwargs", "response_metadata", "usage_metadata", "id", "name")
    return AIMessageChunk(
        content=message.content, tool_call_chunks=calls, **{field: getattr(message, field) for field in kept}
    )
