"""The configuration of a component that sends an HTTP request."""

from __future__ import annotations

from enum import Enum
from typing import Any, Literal

from pydantic import BaseModel, Field

from jiuwen_lg.component import WorkflowComponentMetadata


class HttpAuthType(str, Enum):  # noqa: UP042 - `str()` of a member shows its name, as openJiuwen's does
    """A kind of authentication; `AWS` is not provided."""

    NONE = "none"
    BASIC = "basic"
    BEARER = "bearer"
    API_KEY = "api_key"
    DIGEST = "digest"
    AWS = "aws"


class HttpContentType(str, Enum):  # noqa: UP042
    """A kind of body."""

    JSON = "json"
    FORM = "form"
    MULTIPART_FORM = "multipart_form"
    BINARY = "binary"
    TEXT = "text"
    AUTO = "auto"


class HttpResponseFormat(str, Enum):  # noqa: UP042
    """A form of the answer's body; without one it is text."""

    AUTODETECT = "autodetect"
    JSON = "json"
    TEXT = "text"
    BINARY = "binary"
    BUFFER = "buffer"


class HttpAuthConfig(BaseModel):
    """Authentication."""

    type: HttpAuthType = HttpAuthType.NONE
    username: str | None = None
    password: str | None = Field(default=None, repr=False)
    token: str | None = Field(default=None, repr=False)
    api_key: str | None = Field(default=None, repr=False)
    in_location: Literal["header", "query", "body"] = "header"
    name: str = "Authorization"
    access_key: str | None = Field(default=None, repr=False)
    secret_key: str | None = Field(default=None, repr=False)
    region: str | None = None


class HttpRequestBodyConfig(BaseModel):
    """A body: JSON (a text of it may have `{{slots}}`), a form, bytes in base64, or text."""

    content_type: HttpContentType = HttpContentType.JSON
    json_data: dict[str, Any] | str | None = None
    form_data: dict[str, Any] | None = None
    multipart_form: dict[str, Any] | None = None
    binary_data: str | None = None
    text_data: str | None = None


class HttpResponseHandlingConfig(BaseModel):
    """The way an answer is read.

    Args:
        response_format: The form of its body.
        response_code_success_codes: Further statuses that count as success.
        response_code_failure_codes: Statuses that do not.
        response_mode: `"on-success"` and `"on-error"` give `{}` otherwise.
        response_data_property: The part of a JSON body that counts.
        max_redirects: How many redirects are followed.
        throw_on_http_error: Kept for openJiuwen's signature: `ok` in the output says so.
    """

    response_format: HttpResponseFormat = HttpResponseFormat.AUTODETECT
    response_code_success_codes: list[int] = Field(default_factory=lambda: [200, 201, 202, 204])
    response_code_failure_codes: list[int] = Field(default_factory=list)
    response_mode: Literal["full", "on-success", "on-error"] = "full"
    response_data_property: str | None = None
    max_redirects: int = 21
    throw_on_http_error: bool = True


class HttpAdvancedOptionsConfig(BaseModel):
    """Redirects and certificates; proxies are not provided."""

    follow_redirect: bool = True
    ignore_ssl_issues: bool = False
    proxy: str | None = None
    timeout: int = 10000
    disable_compression: bool = False
    disable_follow_track_redirect: bool = False
    max_body_length: int = 1048576
    use_stream: bool = False
    proxy_header: dict[str, str] | None = None


class HttpRetryConfig(BaseModel):
    """Further attempts after some statuses; the delay is in milliseconds."""

    enabled: bool = False
    max_retries: int = 3
    retry_on_status_codes: list[int] = Field(default_factory=lambda: [429, 500, 502, 503, 504])
    retry_delay: int = 1000
    backoff_type: Literal["fixed", "exponential", "linear"] = "exponential"

    def delay(self, attempt: int) -> float:
        """The pause after an attempt (from 1), in seconds."""
        factors: dict[str, float] = {"fixed": 1.0, "linear": attempt, "exponential": 2.0 ** (attempt - 1)}
        return self.retry_delay * factors[self.backoff_type] / 1000


class HttpRateLimitConfig(BaseModel):
    """How many requests the component sends in a unit of time."""

    enabled: bool = False
    requests_per_unit: int = Field(default=1, ge=1)
    unit: Literal["second", "minute", "hour"] = "second"

    @property
    def seconds(self) -> float:
        """The unit in seconds."""
        return {"second": 1.0, "minute": 60.0, "hour": 3600.0}[self.unit]


class HttpRequestParamConfig(BaseModel):
    """A request; `{{name}}` in the address and the query stands for an input of the component."""

    url: str
    method: str = "GET"
    headers: dict[str, str] | str = Field(default_factory=dict)
    query_parameters: dict[str, Any] = Field(default_factory=dict)
    body: HttpRequestBodyConfig | None = None
    authentication: HttpAuthConfig | None = None
    response_handling: HttpResponseHandlingConfig = Field(default_factory=HttpResponseHandlingConfig)
    advanced_options: HttpAdvancedOptionsConfig = Field(default_factory=HttpAdvancedOptionsConfig)
    retry_config: HttpRetryConfig = Field(default_factory=HttpRetryConfig)
    rate_limit_config: HttpRateLimitConfig = Field(default_factory=HttpRateLimitConfig)
    timeout: float = Field(default=60.0, ge=1.0, le=300.0)
    max_response_byte_size: int = 10 * 1024 * 1024


class HttpComponentConfig(BaseModel):
    """The configuration of an `HTTPRequestComponent`."""

    request_params: HttpRequestParamConfig
    metadata: WorkflowComponentMetadata | None = None
