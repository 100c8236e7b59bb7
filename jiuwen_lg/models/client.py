"""What calls a model: the contract that providers fulfil.

Facts: openJiuwen 0.1.1, `components.md` 1.4.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from jiuwen_lg.models.messages import AIMessage, AIMessageChunk, on_wire

_END = object()


class BaseModelClient:
    """A provider's client. Override `_ainvoke` (or `_invoke`), and `_astream` (or `_stream`) to stream.

    A client that only works synchronously is called in a thread; one that cannot stream gives its whole
    answer as one chunk.

    Args:
        api_key: The key.
        api_base: Where the service is.
        max_retries: How often to try again.
        timeout: For one request, in seconds.
        kwargs: Kept as `options`: `temperature`, `top_p` and the further fields of a `BaseModelInfo`.
    """

    def __init__(
        self, api_key: str = "", api_base: str = "", max_retries: int = 3, timeout: float = 60, **kwargs: Any
    ) -> None:
        self.api_key = api_key
        self.api_base = api_base
        self.max_retries = max_retries
        self.timeout = timeout
        self.options = kwargs

    def model_provider(self) -> str:
        """The provider's name."""
        return type(self).__name__

    def invoke(
        self,
        model_name: str,
        messages: Any,
        tools: Any = None,
        temperature: float | None = None,
        top_p: float | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """Ask, and wait.

        Args:
            model_name: The model.
            messages: A text, or messages: of ours, of LangChain's, or dicts.
            tools: What it may call: `ToolInfo`s, or dicts in OpenAI's form.
            temperature: Instead of the client's own.
            top_p: Instead of the client's own.
            kwargs: Further fields of the request.
        """
        call = _call(model_name, messages, tools, temperature, top_p, kwargs)
        try:
            return self._invoke(**call)
        except NotImplementedError:
            with ThreadPoolExecutor(1) as pool:  # a loop may be running in this thread
                return pool.submit(asyncio.run, self._ainvoke(**call)).result()

    async def ainvoke(
        self,
        model_name: str,
        messages: Any,
        tools: Any = None,
        temperature: float | None = None,
        top_p: float | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """Ask; see `invoke`."""
        call = _call(model_name, messages, tools, temperature, top_p, kwargs)
        try:
            return await self._ainvoke(**call)
        except NotImplementedError:
            return await asyncio.to_thread(self._invoke, **call)

    def stream(
        self,
        model_name: str,
        messages: Any,
        tools: Any = None,
        temperature: float | None = None,
        top_p: float | None = None,
        **kwargs: Any,
    ) -> Iterator[AIMessageChunk]:
        """Ask, and give the answer in parts; see `invoke`."""
        call = _call(model_name, messages, tools, temperature, top_p, kwargs)
        try:
            yield from self._stream(**call)
        except NotImplementedError:
            yield _as_chunk(self.invoke(**call))

    async def astream(
        self,
        model_name: str,
        messages: Any,
        tools: Any = None,
        temperature: float | None = None,
        top_p: float | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[AIMessageChunk]:
        """Ask, and give the answer in parts; see `invoke`."""
        call = _call(model_name, messages, tools, temperature, top_p, kwargs)
        try:
            async for chunk in self._astream(**call):
                yield chunk
        except NotImplementedError:
            async for chunk in self._streamed_in_thread(call):
                yield chunk

    async def _streamed_in_thread(self, call: dict[str, Any]) -> AsyncIterator[AIMessageChunk]:
        try:
            chunks = iter(self._stream(**call))
            while (chunk := await asyncio.to_thread(next, chunks, _END)) is not _END:
                yield chunk  # type: ignore[misc]
        except NotImplementedError:
            yield _as_chunk(await self.ainvoke(**call))

    # --- what a provider overrides ---

    def _invoke(self, model_name: str, messages: list[dict[str, Any]], **kwargs: Any) -> AIMessage:
        raise NotImplementedError(f"{type(self).__name__} overrides neither _ainvoke nor _invoke")

    async def _ainvoke(self, model_name: str, messages: list[dict[str, Any]], **kwargs: Any) -> AIMessage:
        raise NotImplementedError(f"{type(self).__name__} overrides neither _ainvoke nor _invoke")

    def _stream(self, model_name: str, messages: list[dict[str, Any]], **kwargs: Any) -> Iterator[AIMessageChunk]:
        raise NotImplementedError(f"{type(self).__name__} does not stream")

    async def _astream(
        self, model_name: str, messages: list[dict[str, Any]], **kwargs: Any
    ) -> AsyncIterator[AIMessageChunk]:
        raise NotImplementedError(f"{type(self).__name__} does not stream")
        yield


def _call(
    model_name: str, messages: Any, tools: Any, temperature: float | None, top_p: float | None, more: dict[str, Any]
) -> dict[str, Any]:
    return {
        "model_name": model_name,
        "messages": on_wire(messages),
        "tools": [tool if isinstance(tool, dict) else _told(tool) for tool in tools or ()],
        "temperature": temperature,
        "top_p": top_p,
        **{name: value for name, value in more.items() if value is not None},
    }


def _told(tool: Any) -> dict[str, Any]:
    """A `ToolInfo` in OpenAI's form."""
    function = {"name": tool.name, "description": tool.description, "parameters": _model_dump(tool.parameters)}
    return {"type": "function", "function": function}


def _model_dump(parameters: Any) -> Any:
    return parameters if isinstance(parameters, dict) else parameters.model_dump()


def _as_chunk(message: AIMessage) -> AIMessageChunk:
    return AIMessageChunk(**dict(message))
