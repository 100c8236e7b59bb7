"""Models: which one, where, and how it is called."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, ClassVar
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field

from jiuwen_lg.compat.current.codes import StatusCode
from jiuwen_lg.compat.current.errors import build_error
from jiuwen_lg.compat.current.message import AssistantMessage, AssistantMessageChunk, as_dicts, reply_of
from jiuwen_lg.compat.current.translation import translating
from jiuwen_lg.models.client import BaseModelClient
from jiuwen_lg.models.config import HIDDEN, BaseModelInfo, ModelConfig
from jiuwen_lg.models.factory import ModelFactory
from jiuwen_lg.models.messages import AIMessage, AIMessageChunk
from jiuwen_lg.schema.values import maybe_await

_COMPATIBLE = ("openai", "openrouter", "siliconflow", "dashscope", "deepseek", "inferenceaffinity")
"""Providers whose services speak OpenAI's protocol."""


class ModelClientConfig(BaseModel):
    """The service of a model and how to reach it; the key is not shown by `repr`.

    Args:
        client_provider: `"OpenAI"` or another provider that speaks its protocol, or one of `ModelFactory`.
        api_key: The key.
        api_base: The address.
        timeout: For one request, in seconds.
        max_retries: How often to try again.
        verify_ssl: Kept for openJiuwen's signature; `LLM_SSL_VERIFY=false` switches the check of certificates off.
        custom_headers: Sent with every request.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow", hide_input_in_errors=True)

    client_id: str = Field(default_factory=lambda: uuid4().hex)
    client_provider: str
    api_key: str = ""
    api_base: str = ""
    timeout: float = Field(default=360.0, gt=0)
    stream_first_chunk_timeout: float | None = Field(default=300.0, gt=0)
    stream_idle_timeout: float | None = Field(default=60.0, gt=0)
    max_retries: int = 0
    verify_ssl: bool = True
    ssl_cert: str | None = None
    custom_headers: dict[str, Any] | None = None

    def __repr_args__(self) -> Any:
        for name, value in super().__repr_args__():
            yield name, HIDDEN if name in ("api_key", "custom_headers") and value else value


class ModelRequestConfig(BaseModel):
    """The model and the fields of its requests; further fields are sent with every request."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow", protected_namespaces=(), populate_by_name=True)

    model: str = ""
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: str | None = None
    context_window: int | None = None

    @property
    def model_name(self) -> str:
        """The model."""
        return self.model


class _Info(BaseModelInfo):
    """A model of ours whose key and sampling may be left out."""

    api_key: str = ""
    temperature: float | None = None  # type: ignore[assignment]
    top_p: float | None = None  # type: ignore[assignment]
    timeout: float = 60  # type: ignore[assignment]


def our_model(client: ModelClientConfig | None, request: ModelRequestConfig | None) -> ModelConfig | None:
    """The model of a component's configuration as ours; None if none is given."""
    if client is None:
        return None
    wanted = request or ModelRequestConfig()
    more: dict[str, Any] = dict(wanted.__pydantic_extra__ or {})
    more |= {name: value for name in ("max_tokens", "stop") if (value := getattr(wanted, name)) is not None}
    if client.custom_headers:
        more["default_headers"] = client.custom_headers
    info = _Info(
        api_key=client.api_key or "none",
        api_base=client.api_base,
        model=wanted.model,
        temperature=wanted.temperature,
        top_p=wanted.top_p,
        timeout=client.timeout,
        max_retries=client.max_retries,
        **more,
    )
    return ModelConfig(model_provider=_provider(client.client_provider), model_info=info)


def _provider(name: str) -> str:
    given = name.lower()
    return "openai" if given in _COMPATIBLE and given not in ModelFactory().model_map else given


class Model:
    """A model that can be asked.

    Args:
        model_client_config: The service.
        model_config: The model and the fields of its requests.
    """

    def __init__(
        self, model_client_config: ModelClientConfig | None, model_config: ModelRequestConfig | None = None
    ) -> None:
        if model_client_config is None:
            raise build_error(StatusCode.MODEL_SERVICE_CONFIG_ERROR, reason="a model needs a model_client_config")
        self.model_client_config = model_client_config
        self.model_config: ModelRequestConfig = model_config or ModelRequestConfig()
        self._client: BaseModelClient | None = None

    @property
    def client(self) -> BaseModelClient:
        """Our client, made when it is first needed."""
        if self._client is None:
            config = our_model(self.model_client_config, self.model_config)
            assert config is not None
            info = config.model_info
            given = {"timeout": info.timeout, "temperature": info.temperature, "top_p": info.top_p, **info.extras}
            self._client = ModelFactory().get_model(
                model_provider=config.model_provider, api_key=info.api_key, api_base=info.api_base, **given
            )
        return self._client

    async def invoke(
        self, messages: Any, *, tools: Any = None, model: str | None = None, output_parser: Any = None, **options: Any
    ) -> AssistantMessage:
        """Ask, and return the answer.

        Args:
            messages: A text, messages, or dicts.
            tools: The tools that it may call.
            model: Another model of the same service.
            output_parser: Parses the answer into `parser_content`.
            options: Fields of the request: `temperature`, `top_p`, `max_tokens`, `stop`, …
        """
        with translating():
            name = model or self.model_config.model
            reply = await self.client.ainvoke(name, as_dicts(messages), our_tools(tools), **options)
        answer = reply_of(reply)
        if output_parser is not None:
            answer.parser_content = await maybe_await(output_parser.parse(answer.content))
        return answer

    async def stream(
        self, messages: Any, *, tools: Any = None, model: str | None = None, output_parser: Any = None, **options: Any
    ) -> AsyncIterator[AssistantMessageChunk]:
        """Ask, and give the answer in parts; arguments as of `invoke`."""
        with translating():
            name = model or self.model_config.model
            async for chunk in self.client.astream(name, as_dicts(messages), our_tools(tools), **options):
                if chunk.content or chunk.tool_calls:
                    made = reply_of(chunk, AssistantMessageChunk)
                    assert isinstance(made, AssistantMessageChunk)
                    yield made


def our_tools(tools: Any) -> list[dict[str, Any]]:
    """Return the descriptions of tools in OpenAI's form."""
    return [tool if isinstance(tool, dict) else _told(tool) for tool in tools or ()]


def _told(info: Any) -> dict[str, Any]:
    parameters = info.parameters
    schema: Any = parameters
    if isinstance(parameters, type) and issubclass(parameters, BaseModel):
        schema = parameters.model_json_schema()
    elif isinstance(parameters, BaseModel):
        schema = parameters.model_dump()
    function = {"name": info.name, "description": info.description, "parameters": schema}
    return {"type": "function", "function": function}


def init_model(
    provider: str,
    model_name: str,
    api_key: str,
    api_base: str,
    *,
    timeout: float = 60.0,
    max_retries: int = 3,
    verify_ssl: bool = False,
    custom_headers: dict[str, str] | None = None,
    **request: Any,
) -> Model:
    """Make a model; further arguments are fields of its requests."""
    client = ModelClientConfig(
        client_provider=provider,
        api_key=api_key,
        api_base=api_base,
        timeout=timeout,
        max_retries=max_retries,
        verify_ssl=verify_ssl,
        custom_headers=custom_headers,
    )
    fields = {name: value for name, value in request.items() if value is not None}
    return Model(client, ModelRequestConfig(model=model_name, **fields))


class ModelOfId(BaseModelClient):
    """The model that the resource manager has under an id, looked up when it is called.

    Args:
        model_id: The id.
    """

    def __init__(self, model_id: str) -> None:
        super().__init__()
        self._model_id = model_id

    async def _found(self) -> Model:
        from jiuwen_lg.compat.current.runner import Runner

        found = await Runner.resource_mgr.get_model(self._model_id)
        if isinstance(found, Model):
            return found
        reason = f"the resource manager has no Model of the id {self._model_id!r}: add_model(model_id, provider)"
        raise build_error(StatusCode.MODEL_CONFIG_ERROR, reason=reason)

    async def _ainvoke(self, model_name: str, messages: list[dict[str, Any]], **kwargs: Any) -> AIMessage:
        model = await self._found()
        return await model.client.ainvoke(model_name or model.model_config.model, messages, **kwargs)

    async def _astream(
        self, model_name: str, messages: list[dict[str, Any]], **kwargs: Any
    ) -> AsyncIterator[AIMessageChunk]:
        model = await self._found()
        async for chunk in model.client.astream(model_name or model.model_config.model, messages, **kwargs):
            yield chunk


def model_of(config: Any) -> Any:
    """The model that a component's configuration names, as ours."""
    return ModelOfId(config.model_id) if config.model_id else our_model(config.model_client_config, config.model_config)
