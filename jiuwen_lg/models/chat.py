"""LangChain's chat models as clients."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from jiuwen_lg.errors import JiuWenBaseException
from jiuwen_lg.models.client import BaseModelClient
from jiuwen_lg.models.connections import Connections, Kind, connections
from jiuwen_lg.models.failure import failing, require_no_refusal
from jiuwen_lg.models.messages import AIMessage, AIMessageChunk, of_langchain_reply
from jiuwen_lg.models.structured import AUTO, Form, fields_of, negotiated

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable


class ChatClient(BaseModelClient):
    """A chat model of LangChain's (or anything that takes messages and gives one) as a client.

    Callbacks, tags and tracing of the run around reach it.

    Args:
        chat: The model.
    """

    def __init__(self, chat: Runnable[Any, Any] | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._chat = chat
        self._copies: WeakKeyDictionary[Connections, Any] = WeakKeyDictionary()

    def model_provider(self) -> str:
        return type(self._chat).__name__

    async def ainvoke_structured(
        self, model_name: str, messages: list[dict[str, Any]], schema: dict[str, Any], cap: int | None = None
    ) -> AIMessage:
        """Ask for JSON that keeps to a schema, in the strictest form that the service takes; the content is the JSON.

        Args:
            model_name: The model.
            messages: What it is asked; the prompt has to ask for JSON too, some services take no other form.
            schema: The JSON schema of an object.
            cap: The most tokens of the answer, unless the client has a limit of its own.

        Raises:
            JiuWenBaseException: 181001, the call failed.
        """
        from langchain_core.language_models import BaseChatModel
        from langchain_openai.chat_models.base import BaseChatOpenAI

        chat = await self._chat_here(model_name)
        if isinstance(chat, BaseChatOpenAI):
            limit = None if self._has_cap else cap

            async def ask(more: dict[str, Any], form: Form) -> AIMessage:
                call = {**more, **fields_of(form, schema)}
                reply = await self._ainvoke(model_name, messages, **self._beside(chat, call))
                return _from_call(reply) if form == "tool_call" else reply

            return await negotiated(self._endpoint(model_name), self._form, limit, ask)
        if isinstance(chat, BaseChatModel) and (chat.profile or {}).get("structured_output"):
            try:
                return await self._by_langchain(chat, messages, schema)
            except JiuWenBaseException as error:
                if not isinstance(error.__cause__, NotImplementedError):  # the profile promised too much
                    raise
        return await self._ainvoke(model_name, messages)

    _form = AUTO

    @property
    def _has_cap(self) -> bool:
        """Whether the model's own configuration bounds its answers."""
        return getattr(self._chat, "max_tokens", None) is not None

    def _endpoint(self, model_name: str) -> tuple[str, str]:
        """Where the model is and what it is called there."""
        chat: Any = self._chat
        return str(getattr(chat, "openai_api_base", None)), str(getattr(chat, "model_name", ""))

    def _beside(self, chat: Any, call: dict[str, Any]) -> dict[str, Any]:
        """Further fields of a request, past LangChain: it has plans of its own for some of them."""
        own = getattr(chat, "extra_body", None) or {}
        tools: dict[str, Any] = {name: call.pop(name) for name in ("tools", "tool_choice") if name in call}
        return {**tools, **({"extra_body": {**own, **call}} if call else {})}

    async def _by_langchain(self, chat: Any, messages: list[dict[str, Any]], schema: dict[str, Any]) -> AIMessage:
        """The form that LangChain knows for a model that is none of OpenAI's kind."""
        with self._failing():
            answer = await chat.with_structured_output({"title": "answer", **schema}, include_raw=True).ainvoke(
                messages
            )
        reply = of_langchain_reply(answer["raw"], AIMessage)
        if not reply.content and answer["parsed"] is not None:  # it answered by calling a tool
            reply.content = json.dumps(answer["parsed"], ensure_ascii=False)
        return reply

    def _invoke(self, model_name: str, messages: list[dict[str, Any]], **call: Any) -> AIMessage:
        began = time.monotonic()
        with self._failing():
            reply = self._chat_anywhere(model_name).invoke(messages, **self._arguments(call))
        return of_langchain_reply(reply, AIMessage, time.monotonic() - began)

    async def _ainvoke(self, model_name: str, messages: list[dict[str, Any]], **call: Any) -> AIMessage:
        chat = await self._chat_here(model_name)
        began = time.monotonic()
        with self._failing():
            reply = await chat.ainvoke(messages, **self._arguments(call))
        return of_langchain_reply(reply, AIMessage, time.monotonic() - began)

    def _stream(self, model_name: str, messages: list[dict[str, Any]], **call: Any) -> Iterator[AIMessageChunk]:
        refusal = ""
        with self._failing():
            for chunk in self._chat_anywhere(model_name).stream(messages, **self._arguments(call)):
                refusal += chunk.additional_kwargs.get("refusal") or ""
                if not _is_end_mark(chunk):
                    yield of_langchain_reply(chunk, AIMessageChunk)
            require_no_refusal(refusal)

    async def _astream(
        self, model_name: str, messages: list[dict[str, Any]], **call: Any
    ) -> AsyncIterator[AIMessageChunk]:
        chat = await self._chat_here(model_name)
        refusal = ""
        with self._failing():
            async for chunk in chat.astream(messages, **self._arguments(call)):
                refusal += chunk.additional_kwargs.get("refusal") or ""
                if not _is_end_mark(chunk):
                    yield of_langchain_reply(chunk, AIMessageChunk)
            require_no_refusal(refusal)

    def _failing(self) -> AbstractContextManager[None]:
        return failing(self.model_provider(), self._secrets)

    def _arguments(self, call: dict[str, Any]) -> dict[str, Any]:
        """The arguments of a call without those that were not given."""
        given = {name: value for name, value in call.items() if name != "tools" and value is not None}
        return {"tools": call["tools"], "tool_choice": "auto", **given} if call.get("tools") else given

    @property
    def _secrets(self) -> list[str]:
        """Return the secrets that no error may show."""
        return [*_secrets_in(self._chat, depth=6)]

    async def _chat_here(self, model_name: str) -> Runnable[Any, Any]:
        """The model, for the running event loop.

        The connections of a `ChatOpenAI` belong to the event loop that used it first, so each one gets a copy
        with connections of its own.
        """
        opened = await connections(Kind(is_public=False, tls=()))
        if opened not in self._copies:
            self._copies[opened] = _connected(self._chat, opened.http)
        copy: Runnable[Any, Any] = self._copies[opened]
        return copy

    def _chat_anywhere(self, model_name: str) -> Runnable[Any, Any]:
        """The model, for callers without an event loop."""
        assert self._chat is not None
        return self._chat


def _from_call(reply: AIMessage) -> AIMessage:
    """The arguments of the call that was asked for, as the content."""
    if reply.tool_calls:
        reply.content = reply.tool_calls[0].arguments
    return reply


def _is_end_mark(chunk: Any) -> bool:
    """Return whether a chunk is the one that LangChain adds after the service's last, to mark the end."""
    has_more = chunk.content or chunk.response_metadata or chunk.usage_metadata or chunk.additional_kwargs
    return getattr(chunk, "chunk_position", None) == "last" and not has_more and not chunk.tool_call_chunks


_PARTS = ("bound", "runnable", "fallbacks", "first", "middle", "last")
"""Where LangChain's bindings, retries, fallbacks and sequences keep what they are made of."""


def _connected(thing: Any, http: Any) -> Any:
    """A runnable whose `ChatOpenAI`s use these connections, unless they have some of their own."""
    from langchain_core.language_models import BaseChatModel

    if isinstance(thing, list):
        return [_connected(part, http) for part in thing]
    if isinstance(thing, BaseChatModel):
        if getattr(thing, "http_async_client", http) is not None:
            return thing
        fresh = {"http_async_client": http, "root_async_client": None, "async_client": None}
        return thing.model_copy(update=fresh).validate_environment()  # type: ignore[attr-defined]
    parts = {name: getattr(thing, name) for name in getattr(type(thing), "model_fields", ()) if name in _PARTS}
    copies = {name: _connected(part, http) for name, part in parts.items()}
    is_same = all(copies[name] is part or copies[name] == part for name, part in parts.items())
    return thing if is_same else thing.model_copy(update=copies)


def _secrets_in(thing: Any, depth: int) -> Iterator[str]:
    """The secrets of a runnable, and of those that it is made of."""
    from pydantic import BaseModel, SecretStr

    if isinstance(thing, SecretStr):
        yield thing.get_secret_value()
    elif depth and isinstance(thing, (BaseModel, dict, list, tuple)):
        parts = thing.values() if isinstance(thing, dict) else thing
        for part in (value for _, value in thing) if isinstance(thing, BaseModel) else parts:
            yield from _secrets_in(part, depth - 1)
