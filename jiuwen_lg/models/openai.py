"""The built-in providers: OpenAI-compatible services, through LangChain's `ChatOpenAI`.

Facts: openJiuwen 0.1.1, `components.md` 1.5 and 1.6.
"""

from __future__ import annotations

import weakref
from functools import cached_property
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from jiuwen_lg.models.bounds import MAX_RESPONSE_BYTES
from jiuwen_lg.models.chat import ChatClient
from jiuwen_lg.models.connections import Connections, Kind, connections, sync_http
from jiuwen_lg.models.structured import AUTO

if TYPE_CHECKING:
    from langchain_openai import ChatOpenAI

_OF_CLIENT = frozenset(
    (
        *("default_headers", "default_query", "organization", "model_kwargs", "rate_limiter", "cache"),
        *("callbacks", "tags", "metadata", "verbose", "stream_usage", "profile"),
    )
)
"""Fields of a `BaseModelInfo` that `ChatOpenAI` takes; all others are fields of the request."""

_OF_CALL = frozenset(("tools", "tool_choice", "temperature", "top_p", "extra_headers", "extra_query", "timeout"))
"""The same for one call."""

_SDKS_NAMES = {"extra_headers": "default_headers", "extra_query": "default_query"}
"""What OpenAI's SDK calls them in a call, and what for all calls."""


class OpenAIClient(ChatClient):
    """An OpenAI-compatible service. Nothing is tried again unless `max_retries` says so."""

    default_retries = 0
    is_public = False

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        given = {_SDKS_NAMES.get(name, name): value for name, value in self.options.items()}
        self._max_bytes = int(given.pop("max_response_bytes", MAX_RESPONSE_BYTES))
        self._form = str(given.pop("structured_output", AUTO))
        self._of_client = {name: given.pop(name) for name in list(given) if name in _OF_CLIENT}
        self._sampling = {name: given.pop(name, None) for name in ("temperature", "top_p")}
        self._body = {**(given.pop("extra_body", None) or {}), **given}
        self._base = self.api_base.rstrip("/").removesuffix("/chat/completions")
        self._chats: WeakKeyDictionary[Connections, dict[str, ChatOpenAI]] = WeakKeyDictionary()
        self._sync_chats: dict[str, ChatOpenAI] = {}

    def model_provider(self) -> str:
        return "openai"

    async def close(self) -> None:
        """Close the connections that are this client's own; a later call opens new ones."""
        if (http := self.__dict__.pop("_sync_http", None)) is not None:
            http.close()
        self._sync_chats.clear()
        self._chats.clear()

    @property
    def _secrets(self) -> list[str]:
        return [self.api_key, *map(str, (self._of_client.get("default_headers") or {}).values())]

    @property
    def _kind(self) -> Kind:
        return Kind.of(self._base, is_public=self.is_public, max_bytes=self._max_bytes)

    @property
    def _has_cap(self) -> bool:
        return any(self._body.get(name) is not None for name in ("max_tokens", "max_completion_tokens"))

    def _endpoint(self, model_name: str) -> tuple[str, str]:
        return self._base, model_name

    def _arguments(self, call: dict[str, Any]) -> dict[str, Any]:
        arguments = super()._arguments(call)
        more = arguments.pop("extra_body", None) or {}
        more |= {name: arguments.pop(name) for name in list(arguments) if name not in _OF_CALL}
        return {**arguments, "extra_body": {**self._body, **more}} if more else arguments

    async def _chat_here(self, model_name: str) -> ChatOpenAI:
        with self._failing():
            opened = await connections(self._kind)
        chats = self._chats.setdefault(opened, {})
        if model_name not in chats:
            chats[model_name] = self._make(model_name, http_async_client=opened.http, http_client=opened.sync_http)
        return chats[model_name]

    def _chat_anywhere(self, model_name: str) -> ChatOpenAI:
        chats = self._sync_chats
        if model_name not in chats:
            chats[model_name] = self._make(model_name, http_client=self._sync_http)
        return chats[model_name]

    @cached_property
    def _sync_http(self) -> Any:
        http = sync_http(self._kind)
        weakref.finalize(self, http.close)
        return http

    def _make(self, model_name: str, **http: Any) -> ChatOpenAI:
        from jiuwen_lg.models.openai_chat import CompatibleChat

        return CompatibleChat(
            model=model_name,
            api_key=self.api_key,
            base_url=self._base,
            timeout=self.timeout,
            max_retries=self.max_retries,
            extra_body=self._body or None,
            use_responses_api=False,
            openai_proxy=None,
            **self._sampling,
            **self._of_client,
            **http,
        )


class SiliconFlowClient(OpenAIClient):
    """The same for SiliconFlow: it goes to public addresses only, and follows no redirect."""

    is_public = True

    def model_provider(self) -> str:
        return "siliconflow"
