"""The model of a component: what its config names, ready to be asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.models.chat import ChatClient
from jiuwen_lg.models.client import BaseModelClient, in_openai_form
from jiuwen_lg.models.config import BaseModelInfo, ModelConfig
from jiuwen_lg.models.factory import ModelFactory
from jiuwen_lg.models.failure import failing
from jiuwen_lg.models.messages import AIMessage, AIMessageChunk, BaseMessage, as_message, text_of_content
from jiuwen_lg.models.thoughts import Separated, ThoughtFilter, separated
from jiuwen_lg.schema.values import maybe_await

Messages = list[dict[str, Any]]


class Model:
    """A client and the name of its model.

    Args:
        client: The client; besides ours, anything with `ainvoke`, `astream` or `invoke` that takes
            `model_name` and `messages` (tests put such objects in place of `ModelFactory.get_model`).
        name: The model.
    """

    def __init__(self, client: Any, name: str = "") -> None:
        self._client = client
        self._name = name

    @classmethod
    def of(cls, model: Any) -> Model:
        """The model that a config names.

        Args:
            model: A `ModelConfig`, a chat model of LangChain's (or another of its runnables that gives a
                message), or a `BaseModelClient`.

        Raises:
            JiuWenBaseException: 181000, there is no such provider, it is none of these, or its client cannot be made.
        """
        try:
            return cls._found(model)
        except JiuWenBaseException:
            raise
        except Exception as error:  # a provider's own constructor may raise anything
            raise StatusCode.MODEL_PROVIDER_INVALID_ERROR.error(error_msg=str(error)) from error

    @classmethod
    def _found(cls, model: Any) -> Model:
        if isinstance(model, BaseModelClient):
            return cls(model)
        if hasattr(model, "model_provider") and hasattr(model, "model_info"):
            return cls(*_configured(model))
        if hasattr(model, "ainvoke"):
            return cls(ChatClient(model))
        raise StatusCode.MODEL_PROVIDER_INVALID_ERROR.error(
            error_msg=f"model is a {type(model).__name__}; it takes a ModelConfig or a chat model of LangChain's"
        )

    async def ask(self, messages: Messages, *, prefers_sync: bool = False) -> str:
        """Return the text of its answer; see `answer`."""
        return text_of_reply(await self._said(messages, prefers_sync=prefers_sync))

    async def answer(self, messages: Messages) -> Separated:
        """Return its answer and its thoughts.

        Raises:
            JiuWenBaseException: 181001, the call failed.
        """
        said = await self._said(messages)
        found = separated(text_of_reply(said))
        told = getattr(said, "reason_content", None)
        return Separated(told, found.answer) if isinstance(told, str) and told else found

    async def ask_for(
        self, messages: Messages, schema: dict[str, Any], *, cap: int | None = None, prefers_sync: bool = False
    ) -> str:
        """Return the text of an answer that is JSON; a service that supports schemas gets one.

        Args:
            messages: What it is asked; the schema should be in it as well.
            schema: The JSON schema of an object.
            cap: The most tokens of the answer, unless the model's configuration has a limit.
            prefers_sync: See `_said`.

        Raises:
            JiuWenBaseException: 181001, the call failed.
        """
        if not isinstance(self._client, ChatClient):
            return await self.ask(messages, prefers_sync=prefers_sync)
        with self._failing():
            return text_of_reply(await self._client.ainvoke_structured(self._name, messages, schema, cap))

    async def stream(self, messages: Messages) -> AsyncIterator[Separated]:
        """The parts of its answer and of its thoughts that are not empty."""
        if not hasattr(self._client, "astream"):
            yield await self.answer(messages)
            return
        parts = ThoughtFilter()
        with self._failing():
            async for chunk in self._client.astream(model_name=self._name, messages=messages):
                told = getattr(chunk, "reason_content", None)
                found = parts.feed(text_of_reply(chunk))
                thoughts = found.thoughts + (told if isinstance(told, str) else "")
                if thoughts or found.answer:
                    yield Separated(thoughts, found.answer)
            if any(rest := parts.end()):
                yield rest

    async def _said(self, messages: Messages, *, prefers_sync: bool = False) -> Any:
        """What it says, as its client gives it.

        Args:
            messages: What it is asked.
            prefers_sync: Which method of an object that is no client of ours is called, if it has both.

        Raises:
            JiuWenBaseException: 181001, the call failed.
        """
        with self._failing():
            if isinstance(self._client, BaseModelClient):
                return await self._client.ainvoke(model_name=self._name, messages=messages)
            return await self._ask_other(messages, prefers_sync=prefers_sync)

    # --- conversations with tools ---

    @property
    def client(self) -> Any:
        """What calls it."""
        return self._client

    @property
    def name(self) -> str:
        """The model."""
        return self._name

    @property
    def class_name(self) -> str:
        """What its client is called in traces."""
        return type(self._client).__name__

    async def reply(self, messages: Messages, tools: Sequence[Any] = ()) -> AIMessage:
        """Its whole answer, calls of tools among it.

        Args:
            messages: The conversation.
            tools: What it may call: `ToolInfo`s, or dicts in OpenAI's form.

        Raises:
            JiuWenBaseException: 181001, the call failed.
        """
        client, given = self._with_tools(tools)
        with self._failing():
            return _as_message(await maybe_await(client.ainvoke(model_name=self._name, messages=messages, **given)))

    async def stream_reply(self, messages: Messages, tools: Sequence[Any] = ()) -> AsyncIterator[AIMessageChunk]:
        """The same in parts; one that cannot stream gives one part."""
        client, given = self._with_tools(tools)
        if not hasattr(client, "astream"):
            yield AIMessageChunk(**dict(await self.reply(messages, tools)))
            return
        with self._failing():
            async for chunk in client.astream(model_name=self._name, messages=messages, **given):
                yield chunk if isinstance(chunk, AIMessageChunk) else AIMessageChunk(**dict(_as_message(chunk)))

    def _with_tools(self, tools: Sequence[Any]) -> tuple[Any, dict[str, Any]]:
        """The client, and what it is given of the tools: chat models of LangChain's are bound to them."""
        chat: Any = getattr(self._client, "_chat", None)
        if not tools or type(self._client) is not ChatClient or not hasattr(chat, "bind_tools"):
            return self._client, {"tools": [*tools]} if tools else {}
        return ChatClient(chat.bind_tools([in_openai_form(tool) for tool in tools])), {}

    def _failing(self) -> AbstractContextManager[None]:
        key = getattr(self._client, "api_key", None)
        return failing(type(self._client).__name__, [key] if isinstance(key, str) else [])

    async def _ask_other(self, messages: Messages, *, prefers_sync: bool) -> Any:
        asynchronous = getattr(self._client, "ainvoke", None)
        synchronous = getattr(self._client, "invoke", None)
        if asynchronous is None or (prefers_sync and synchronous is not None):
            call = synchronous or self._client  # raises what Python raises for something that is no model
            return await maybe_await(await asyncio.to_thread(call, model_name=self._name, messages=messages))
        return await maybe_await(asynchronous(model_name=self._name, messages=messages))


def _configured(config: ModelConfig | Any) -> tuple[Any, str]:
    info = config.model_info
    if isinstance(info, dict):
        info = BaseModelInfo.model_validate(info)
    given: dict[str, Any] = {}
    if isinstance(info, BaseModelInfo):
        given = {"timeout": info.timeout, "temperature": info.temperature, "top_p": info.top_p, **info.extras}
    client = ModelFactory().get_model(
        model_provider=config.model_provider, api_key=info.api_key, api_base=info.api_base, **given
    )
    return client, getattr(info, "model_name", "")


def _as_message(reply: Any) -> AIMessage:
    """An answer of any client as ours."""
    if isinstance(reply, AIMessage):
        return reply
    if isinstance(reply, str):
        return AIMessage(content=reply)
    found = as_message(reply) if isinstance(reply, (dict, BaseMessage)) or hasattr(reply, "response_metadata") else None
    return found if isinstance(found, AIMessage) else AIMessage(content=text_of_reply(found or reply))


def text_of_reply(reply: Any) -> str:
    """The text of what a client gave: a text, or a message."""
    return reply if isinstance(reply, str) else text_of_content(reply.content)
