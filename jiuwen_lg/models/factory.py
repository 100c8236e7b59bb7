"""The registry of clients, by provider.

Facts: openJiuwen 0.1.1, `components.md` 1.3.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self, cast

from jiuwen_lg.errors import StatusCode
from jiuwen_lg.models.client import BaseModelClient
from jiuwen_lg.models.library import OpenAILLM, Siliconflow

_PROVIDERS: dict[str, type[Any]] = {"openai": OpenAILLM, "siliconflow": Siliconflow}


class ModelFactory:
    """The providers, one object for the process.

    A new one: `ModelFactory().model_map["mine"] = MyClient`, by its name in lower case.
    """

    _only: ClassVar[ModelFactory | None] = None

    def __new__(cls) -> Self:
        if cls._only is None:
            cls._only = super().__new__(cls)
        return cast("Self", cls._only)

    @property
    def model_map(self) -> dict[str, type[Any]]:
        """The classes of the clients by provider, one map for the process."""
        return _PROVIDERS

    def get_model(
        self,
        model_provider: str,
        api_key: str,
        api_base: str,
        max_retries: int | None = None,
        timeout: float = 60,
        **kwargs: Any,
    ) -> BaseModelClient:
        """A client.

        Args:
            model_provider: A provider's name, in any case.
            api_key: The key.
            api_base: Where the service is.
            max_retries: How often to try again; not at all with the built-in providers unless given.
            timeout: For one request, in seconds.
            kwargs: `temperature`, `top_p`, and further fields of the request.

        Raises:
            JiuWenBaseException: 181000, there is no such provider.
        """
        cls = self.model_map.get(model_provider.lower()) if isinstance(model_provider, str) else None
        if cls is None:
            raise StatusCode.MODEL_PROVIDER_INVALID_ERROR.error(
                error_msg=f"there is no provider {model_provider!r}; there are {', '.join(sorted(self.model_map))}"
            )
        retries = getattr(cls, "default_retries", 3) if max_retries is None else max_retries
        options = {"temperature": 0.95, "top_p": 0.1, **kwargs}
        client: BaseModelClient = cls(
            api_key=api_key, api_base=api_base, max_retries=retries, timeout=timeout, **options
        )
        return client
