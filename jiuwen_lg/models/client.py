"""The protocol of model clients, which providers fulfil.

Facts: openJiuwen 0.1.1, `components.md` 1.4.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from jiuwen_lg.models.messages import AIMessage, AIMessageChunk, on_wire


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

    @property
    def extra_params_config(self) -> dict[str, Any]:
        """The `options` under the name that openJiuwen gives them."""
        return self.options

    def model_provider(self) -> str:
        """The provider's name."""
        return type(self).__name__

    async def close(self) -> None:
        """Close what is this client's own: nothing, unless a provider says so."""

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
        call = _request(model_name, messages, tools, temperature, top_p, kwargs)
        with self._other_than("_invoke", "_ainvoke"):
            return self._invoke(**call)
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
        call = _request(model_name, messages, tools, temperature, top_p, kwargs)
        with self._other_than("_ainvoke", "_invoke"):
            return await self._ainvoke(**call)
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
        call = _request(model_name, messages, tools, temperature, top_p, kwargs)
        if self._overrides("_stream"):
            yield from self._stream(**call)
        else:
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
        call = _request(model_name, messages, tools, temperature, top_p, kwargs)
        if self._overrides("_astream"):
            async for chunk in self._astream(**call):
                yield chunk
        elif self._overrides("_stream"):
            chunks = self._stream(**call)
            while (part := await asyncio.to_thread(_next, chunks)) is not None:
                yield part
        else:
            yield _as_chunk(await self.ainvoke(**call))

    @contextmanager
    def _other_than(self, name: str, other: str) -> Iterator[None]:
        """Try a method; if it is not there (a class may have to say so itself) and the other one is, go on."""
        try:
            yield
        except NotImplementedError:
            if not self._overrides(other):
                raise

    def _overrides(self, name: str) -> bool:
        """Whether a provider wrote a method of its own."""
        return getattr(type(self), name) is not getattr(BaseModelClient, name)

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


def _request(
    model_name: str, messages: Any, tools: Any, temperature: float | None, top_p: float | None, more: dict[str, Any]
) -> dict[str, Any]:
    return {
        "model_name": model_name,
        "messages": on_wire(messages),
        "tools": [in_openai_form(tool) for tool in tools or ()],
        "temperature": temperature,
        "top_p": top_p,
        **{name: value for name, value in more.items() if value is not None},
    }


def in_openai_form(tool: Any) -> dict[str, Any]:
    """A `ToolInfo` in OpenAI's form; a dict is in it."""
    if isinstance(tool, dict):
        return tool
    function = {"name": tool.name, "description": tool.description, "parameters": _schema(tool)}
    return {"type": "function", "function": function}


def _schema(tool: Any) -> Any:
    parameters = getattr(tool, "input_schema", None) or tool.parameters
    return parameters if isinstance(parameters, dict) else parameters.model_dump()


def _as_chunk(message: AIMessage) -> AIMessageChunk:
    return AIMessageChunk(**dict(message))


def _next(chunks: Iterator[AIMessageChunk]) -> AIMessageChunk | None:
    return next(iter(chunks), None)
