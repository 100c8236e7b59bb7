"""LangChain's chat models as clients: those that a user brings, and `ChatOpenAI` for the built-in providers.

Facts: openJiuwen 0.1.1, `components.md` 1.5 and 1.6.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from jiuwen_lg.address import address_of
from jiuwen_lg.models.client import BaseModelClient
from jiuwen_lg.models.connections import Connections, connections, http_options
from jiuwen_lg.models.failure import failing
from jiuwen_lg.models.messages import AIMessage, AIMessageChunk, of_langchain_reply

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable
    from langchain_openai import ChatOpenAI

_OF_CLIENT = frozenset(
    (
        *("default_headers", "default_query", "organization", "extra_body", "model_kwargs", "rate_limiter", "cache"),
        *("callbacks", "tags", "metadata", "verbose", "stream_usage", "profile"),
    )
)
"""Fields of a `BaseModelInfo` that `ChatOpenAI` takes; all others are fields of the request."""

_OF_CALL = frozenset(("tools", "tool_choice", "temperature", "top_p"))
"""The same for one call."""


class ChatClient(BaseModelClient):
    """A chat model of LangChain's (or anything that takes messages and gives one) as a client.

    Callbacks, tags and tracing of the run around reach it.

    Args:
        chat: The model.
    """

    def __init__(self, chat: Runnable[Any, Any] | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._chat = chat

    def model_provider(self) -> str:
        return type(self._chat).__name__

    async def has_structured_output(self, model_name: str) -> bool:
        """Whether the model keeps to a JSON schema, as far as LangChain's profiles know."""
        profile = getattr(await self._chat_here(model_name), "profile", None) or {}
        return bool(profile.get("structured_output"))

    async def ainvoke_structured(
        self, model_name: str, messages: list[dict[str, Any]], schema: dict[str, Any]
    ) -> AIMessage:
        """Ask for an answer that keeps to a JSON schema; its content is the JSON."""
        chat: Any = await self._chat_here(model_name)
        asked = chat.with_structured_output(schema, include_raw=True)
        with self._failing():
            answer = await asked.ainvoke(messages)
        reply = of_langchain_reply(answer["raw"], AIMessage)
        if answer["parsed"] is not None:
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
        with self._failing():
            for chunk in self._chat_anywhere(model_name).stream(messages, **self._arguments(call)):
                yield of_langchain_reply(chunk, AIMessageChunk)

    async def _astream(
        self, model_name: str, messages: list[dict[str, Any]], **call: Any
    ) -> AsyncIterator[AIMessageChunk]:
        chat = await self._chat_here(model_name)
        with self._failing():
            async for chunk in chat.astream(messages, **self._arguments(call)):
                yield of_langchain_reply(chunk, AIMessageChunk)

    def _failing(self) -> AbstractContextManager[None]:
        return failing(self.model_provider(), self._secrets)

    def _arguments(self, call: dict[str, Any]) -> dict[str, Any]:
        """The arguments of a call without those that were not given."""
        tools = {"tools": call["tools"], "tool_choice": "auto"} if call.get("tools") else {}
        return {**{name: value for name, value in call.items() if name != "tools" and value is not None}, **tools}

    @property
    def _secrets(self) -> list[str]:
        """What must not be told when a call fails."""
        from pydantic import SecretStr

        fields = getattr(type(self._chat), "model_fields", {})
        values = (getattr(self._chat, name, None) for name in fields)
        return [value.get_secret_value() for value in values if isinstance(value, SecretStr)]

    async def _chat_here(self, model_name: str) -> Runnable[Any, Any]:
        """The model, for the running event loop."""
        return self._chat_anywhere(model_name)

    def _chat_anywhere(self, model_name: str) -> Runnable[Any, Any]:
        """The model, for callers without an event loop."""
        assert self._chat is not None
        return self._chat


class OpenAIClient(ChatClient):
    """An OpenAI-compatible service, through `ChatOpenAI`.

    Nothing is tried again unless `max_retries` says so.
    """

    default_retries = 0
    follows_redirects = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        options = dict(self.options)
        self._of_client = {name: options.pop(name) for name in list(options) if name in _OF_CLIENT}
        self._sampling = {name: options.pop(name, None) for name in ("temperature", "top_p")}
        self._body = {**options, **(self._of_client.pop("extra_body", None) or {})}
        self._base = self.api_base.rstrip("/").removesuffix("/chat/completions")
        self._chats: WeakKeyDictionary[Connections, dict[str, ChatOpenAI]] = WeakKeyDictionary()
        self._sync_chats: dict[str, ChatOpenAI] = {}

    def model_provider(self) -> str:
        return "openai"

    @property
    def _secrets(self) -> list[str]:
        return [self.api_key]

    def _arguments(self, call: dict[str, Any]) -> dict[str, Any]:
        arguments = super()._arguments(call)
        body = {name: arguments.pop(name) for name in list(arguments) if name not in _OF_CALL}
        return {**arguments, "extra_body": {**self._body, **body}} if body else arguments

    async def _chat_here(self, model_name: str) -> ChatOpenAI:
        opened = await connections(follows_redirects=self.follows_redirects)
        chats = self._chats.setdefault(opened, {})
        if model_name not in chats:
            chats[model_name] = self._make(model_name, http_async_client=opened.http)
        return chats[model_name]

    def _chat_anywhere(self, model_name: str) -> ChatOpenAI:
        chats = self._sync_chats
        if model_name not in chats:
            chats[model_name] = self._make(model_name, http_client=self._sync_http)
        return chats[model_name]

    @cached_property
    def _sync_http(self) -> Any:
        from openai import DefaultHttpxClient

        return DefaultHttpxClient(**http_options(follows_redirects=self.follows_redirects))

    def _make(self, model_name: str, **http: Any) -> ChatOpenAI:
        from langchain_openai import ChatOpenAI

        return ChatOpenAI(
            model=model_name,
            api_key=self.api_key,
            base_url=self._base,
            timeout=self.timeout,
            max_retries=self.max_retries,
            extra_body=self._body or None,
            use_responses_api=False,
            **self._sampling,
            **self._of_client,
            **http,
        )


class SiliconFlowClient(OpenAIClient):
    """The same for SiliconFlow: an address that is not public is refused, and no redirect followed."""

    follows_redirects = False

    def model_provider(self) -> str:
        return "siliconflow"

    async def _chat_here(self, model_name: str) -> ChatOpenAI:
        url = urlsplit(self._base)
        await address_of(url.hostname or "", url.port or {"http": 80, "https": 443}.get(url.scheme, 0))
        return await super()._chat_here(model_name)
