"""The configuration of a model: which one to call, where, and how.

Facts: openJiuwen 0.1.1, `components.md` 1.1 and 1.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from jiuwen_lg.models.structured import AUTO, FORMS

HIDDEN = "***"
"""What stands where a key would."""


_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
"""A text; files and environment variables often bring a line end along."""


class BaseModelInfo(BaseModel):
    """A model of an OpenAI-compatible service.

    Further fields are sent with every request (`max_tokens=500`); those that say how to connect
    (`max_retries=3`, `default_headers={…}`) go to the client. `max_response_bytes` bounds an answer (10 MiB unless
    given), and `structured_output` says how JSON is asked for: `"auto"`, `"json_schema"`, `"json_object_schema"`,
    `"json_object"`, `"tool_call"` or `"prompt"`. The key is not shown by `repr`.

    Args:
        api_key: The key.
        api_base: Where the service is; `…/chat/completions` at its end may be there or not.
        model_name: The model; also spelled `model`.
        temperature: How freely it chooses.
        top_p: Among how many.
        streaming: Accepted for openJiuwen's sake, also spelled `stream`; a component streams where it was added so.
        timeout: For one request and its whole answer, in whole seconds.

    Raises:
        pydantic.ValidationError: A field is missing or makes no sense.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow", protected_namespaces=(), hide_input_in_errors=True)

    api_key: _Text
    api_base: _Text
    model_name: str = Field(default="", validation_alias=AliasChoices("model", "model_name"))
    temperature: float = 0.95
    top_p: float = 0.1
    streaming: bool = Field(default=False, validation_alias=AliasChoices("stream", "streaming"))
    timeout: int = Field(default=60, gt=0)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, HIDDEN if name == "api_key" or str(name).endswith("headers") else value

    @model_validator(mode="after")
    def _check_extras(self) -> Self:
        """Refuse settings of the client that make no sense; whatever else there is belongs to the service."""
        limit, form = self.extras.get("max_response_bytes", 1), self.extras.get("structured_output", AUTO)
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
            raise ValueError("max_response_bytes is a whole number of bytes, 1 or more")
        if form not in (AUTO, *FORMS):
            raise ValueError(f"structured_output is one of {', '.join((AUTO, *FORMS))}")
        return self

    @property
    def extras(self) -> dict[str, Any]:
        """The further fields."""
        return dict(self.__pydantic_extra__ or {})


@dataclass
class ModelConfig:
    """A model and whose it is.

    Args:
        model_provider: A name that `ModelFactory` knows, in any case: `"openai"`, `"siliconflow"`, or your own.
        model_info: The model.
    """

    model_provider: str
    model_info: BaseModelInfo = field(default_factory=BaseModelInfo)  # type: ignore[arg-type]
