"""openJiuwen's own classes of model clients, on the built-in ones.

`OpenAIChatModel` and `RequestChatModel` are made by hand and send no sampling fields of their own;
`OpenAILLM` and `Siliconflow` are what `ModelFactory` makes. Facts: openJiuwen 0.1.1, `agents.md` 16.
"""

from __future__ import annotations

from typing import Any

from jiuwen_lg.models.openai import OpenAIClient, SiliconFlowClient

_PATH = "/chat/completions"


class OpenAIChatModel(OpenAIClient):
    """A client of an OpenAI-compatible service.

    Args:
        api_key: The key.
        api_base: The base URL of the service.
        max_retries: The number of further attempts; none unless given.
        timeout: For one request, in seconds.
        kwargs: Fields of every request: `temperature`, `top_p` and others.
    """

    def __init__(
        self, api_key: str, api_base: str, max_retries: int | None = None, timeout: float = 60, **kwargs: Any
    ) -> None:
        super().__init__(api_key=api_key, api_base=api_base, max_retries=max_retries or 0, timeout=timeout, **kwargs)


class RequestChatModel(OpenAIChatModel):
    """The same for services at public addresses; `api_base` may be the full address of the service."""

    is_public = True

    def __init__(
        self, api_key: str, api_base: str, max_retries: int | None = None, timeout: float = 60, **kwargs: Any
    ) -> None:
        full = api_base.rstrip("/").removesuffix(_PATH) + _PATH
        super().__init__(api_key=api_key, api_base=full, max_retries=max_retries, timeout=timeout, **kwargs)

    def model_provider(self) -> str:
        return "generic_http_api"

    async def close_session(self) -> None:
        """Do what `close` does."""
        await self.close()


class OpenAILLM(OpenAIClient):
    """The client of the provider `openai`."""


class Siliconflow(SiliconFlowClient):
    """The client of the provider `siliconflow`."""
