"""One HTTP request: checked, sent and read within its limits, through our own HTTP room."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import httpx

from jiuwen_lg.compat.current.codes import StatusCode
from jiuwen_lg.compat.current.errors import build_error
from jiuwen_lg.compat.current.translation import translated
from jiuwen_lg.errors import JiuWenBaseException
from jiuwen_lg.request_log import unlogged
from jiuwen_lg.tls import tls_context
from jiuwen_lg.tools.restful import body_of, to_checked_address
from jiuwen_lg.unpacking import text_of_body


@dataclass(slots=True)
class Request:
    """A request.

    Attributes:
        method: Its method.
        url: Its address.
        query: Added to the address's query.
        headers: Its headers.
        json: Its body, as JSON.
        content: Its body, as it is.
        data: Its body, as a form.
        files: Its body, as the parts of a form.
    """

    method: str
    url: str
    query: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    json: Any = None
    content: bytes | str | None = None
    data: dict[str, Any] | None = None
    files: dict[str, Any] | None = None

    def build(self) -> httpx.Request:
        """The request as httpx sends it."""
        url = httpx.URL(self.url)
        if self.query:
            url = url.copy_merge_params({name: _query_value(value) for name, value in self.query.items()})
        body = {"json": self.json, "content": self.content, "data": self.data, "files": self.files}
        given = {name: value for name, value in body.items() if value is not None}
        return httpx.Request(self.method.upper(), url, headers=self.headers, **given)


@dataclass(slots=True)
class Answer:
    """The answer to a request."""

    status: int
    url: str
    headers: dict[str, str]
    reason: str
    body: bytes

    @property
    def text(self) -> str:
        """The body as text; what is no text in its charset is replaced."""
        try:
            return text_of_body(self.body, self.headers.get("Content-Type", ""))
        except ValueError:
            return self.body.decode(errors="replace")

    def data(self) -> Any:
        """The parsed JSON of the body; the text if it is none."""
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError):
            return self.text


def _query_value(value: Any) -> Any:
    if isinstance(value, list):
        return [_query_value(item) for item in value]
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value


async def sent(
    request: Request,
    *,
    within: float,
    longest: int,
    redirects: int = 0,
    verify: bool = True,
    auth: Any = None,
    fails: bool = True,
) -> Answer:
    """Send a request and read its answer.

    Args:
        request: The request.
        within: For the whole of it, in seconds.
        longest: The longest answer in bytes.
        redirects: How many redirects are followed, each to an address that is checked again.
        verify: Whether certificates are checked.
        auth: Authentication of httpx.
        fails: Whether a status that is no success is an error.

    Raises:
        ExecutionError: 182101 it took too long; 182102 the answer is too long; 182103 its status is no
            success; 182104 it could not be reached, or may not be.
    """
    try:
        async with asyncio.timeout(within):
            with unlogged():
                return await _sent(request.build(), within, longest, redirects, verify, auth, fails=fails)
    except (TimeoutError, httpx.TimeoutException) as error:
        reason = f"{request.url} did not answer within {within:g} s"
        raise build_error(StatusCode.TOOL_RESTFUL_API_EXECUTION_TIMEOUT, cause=error, reason=reason) from error
    except JiuWenBaseException as error:
        raise translated(error) from error
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        reason = f"{request.url} cannot be reached: {error or type(error).__name__}"
        raise build_error(StatusCode.TOOL_RESTFUL_API_EXECUTION_ERROR, cause=error, reason=reason) from error


async def _sent(
    built: httpx.Request, within: float, longest: int, redirects: int, verify: bool, auth: Any, *, fails: bool
) -> Answer:
    asked = str(built.url)
    request = await to_checked_address(built)
    is_checked = verify and request.url.scheme == "https"
    context: Any = await asyncio.to_thread(tls_context, "RESTFUL") if is_checked else False  # it reads files
    async with httpx.AsyncClient(verify=context, trust_env=False, timeout=within) as client:
        answer = await client.send(request, stream=True, auth=auth)
        try:
            if redirects > 0 and answer.is_redirect and "Location" in answer.headers:
                following = httpx.Request("GET", httpx.URL(asked).join(answer.headers["Location"]))
                return await _sent(following, within, longest, redirects - 1, verify, None, fails=fails)
            if fails and not answer.is_success:
                reason = f"{asked} answered with HTTP status {answer.status_code}"
                raise build_error(StatusCode.TOOL_RESTFUL_API_RESPONSE_ERROR, reason=reason, code=answer.status_code)
            body = await body_of(answer, longest)
        finally:
            await answer.aclose()
    headers = {name.title(): value for name, value in answer.headers.items()}
    return Answer(answer.status_code, asked, headers, answer.reason_phrase, body)
