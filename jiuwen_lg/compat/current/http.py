"""HTTPRequest: sends an HTTP request and gives the answer."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import deque
from typing import Any

import httpx

from jiuwen_lg.compat.current.codes import StatusCode
from jiuwen_lg.compat.current.component import WorkflowComponent
from jiuwen_lg.compat.current.errors import BaseError, build_error
from jiuwen_lg.compat.current.http_config import (
    HttpAuthConfig,
    HttpAuthType,
    HttpComponentConfig,
    HttpContentType,
    HttpRateLimitConfig,
    HttpRequestBodyConfig,
    HttpResponseFormat,
)
from jiuwen_lg.compat.current.request import Answer, Request, sent
from jiuwen_lg.schema.path import MISSING, parse_path, walk
from jiuwen_lg.schema.template import parse_template


class HTTPRequestComponent(WorkflowComponent):
    """Sends a request, and gives `statusCode`, `headers`, `body`, `url` and `ok`.

    Args:
        config: The request, and how its answer is read.
    """

    def __init__(self, config: HttpComponentConfig) -> None:
        super().__init__()
        if not isinstance(config, HttpComponentConfig):
            reason = f"an HTTPRequestComponent takes an HttpComponentConfig, not {config!r}"
            raise build_error(StatusCode.COMPONENT_TOOL_INIT_FAILED, reason=reason)
        self._params = config.request_params
        self._limit = RateLimit(self._params.rate_limit_config)
        if self._params.advanced_options.proxy:
            reason = "proxies are not provided by jiuwen_lg: drop advanced_options.proxy"
            raise build_error(StatusCode.COMPONENT_TOOL_INIT_FAILED, reason=reason)

    async def invoke(self, inputs: Any, session: Any, context: Any) -> dict[str, Any]:
        """Send it, several times if the configuration says so.

        Raises:
            ExecutionError: 102000, there is no answer.
        """
        values, retry = inputs if isinstance(inputs, dict) else {}, self._params.retry_config
        attempts = 1 + (max(0, retry.max_retries) if retry.enabled else 0)
        try:
            for attempt in range(1, attempts + 1):
                await self._limit.wait()
                answer = await self._sent(values)
                if answer.status not in retry.retry_on_status_codes or attempt == attempts:
                    break
                await asyncio.sleep(retry.delay(attempt))
        except BaseError as error:
            cause = error.__cause__ or error
            raise build_error(StatusCode.COMPONENT_TOOL_EXECUTION_ERROR, cause=cause, reason=error.message) from cause
        return self._read(answer)

    async def _sent(self, values: dict[str, Any]) -> Answer:
        params, options = self._params, self._params.advanced_options
        headers = json.loads(params.headers or "{}") if isinstance(params.headers, str) else dict(params.headers)
        query = {name: _filled(value, values) for name, value in params.query_parameters.items()}
        request = Request(params.method, _filled(params.url, values), query=query, headers=headers)
        _add_body(request, params.body, values)
        if options.disable_compression:
            request.headers.setdefault("Accept-Encoding", "identity")
        return await sent(
            request,
            within=params.timeout,
            longest=params.max_response_byte_size,
            redirects=params.response_handling.max_redirects if options.follow_redirect else 0,
            verify=not options.ignore_ssl_issues,
            auth=_authenticated(request, params.authentication),
            fails=False,
        )

    def _read(self, answer: Answer) -> dict[str, Any]:
        handling = self._params.response_handling
        is_success = 200 <= answer.status < 300 or answer.status in handling.response_code_success_codes
        ok = is_success and answer.status not in handling.response_code_failure_codes
        if handling.response_mode == ("on-error" if ok else "on-success"):
            return {}
        body = self._body(answer)
        if handling.response_data_property and isinstance(body, dict):
            found = walk(body, parse_path(handling.response_data_property))
            body = None if found is MISSING else found
        return {
            "statusCode": answer.status,
            "headers": answer.headers,
            "body": body,
            "url": answer.url,
            "ok": ok,
        }

    def _body(self, answer: Answer) -> Any:
        match self._params.response_handling.response_format:
            case HttpResponseFormat.JSON:
                return answer.data()
            case HttpResponseFormat.BUFFER:
                return answer.body
        return answer.text


class RateLimit:
    """Lets so many requests pass in a unit of time.

    Args:
        config: How many.
    """

    def __init__(self, config: HttpRateLimitConfig) -> None:
        self._config = config
        self._passed: deque[float] = deque(maxlen=config.requests_per_unit)

    async def wait(self) -> None:
        """Wait until one more may pass."""
        if not self._config.enabled:
            return
        loop = asyncio.get_running_loop()
        if len(self._passed) == self._passed.maxlen:
            next_one = self._passed[0] + self._config.seconds
            self._passed.append(max(loop.time(), next_one))
            await asyncio.sleep(max(0.0, next_one - loop.time()))
        else:
            self._passed.append(loop.time())


def _filled(value: Any, values: dict[str, Any]) -> Any:
    """A text with its slots filled from the inputs; anything else as it is."""
    return parse_template(value, innermost=True).fill(values) if isinstance(value, str) else value


def _add_body(request: Request, body: HttpRequestBodyConfig | None, values: dict[str, Any]) -> None:
    if body is None:
        return
    match body.content_type:
        case HttpContentType.FORM:
            request.data = body.form_data or {}
        case HttpContentType.MULTIPART_FORM:
            request.files = {name: (None, str(value)) for name, value in (body.multipart_form or {}).items()}
        case HttpContentType.BINARY:
            request.content = base64.b64decode(body.binary_data or "")
            request.headers.setdefault("Content-Type", "application/octet-stream")
        case HttpContentType.TEXT:
            request.content = body.text_data or ""
            request.headers.setdefault("Content-Type", "text/plain")
        case _:
            request.json = _json(body.json_data, values)


def _json(data: Any, values: dict[str, Any]) -> Any:
    if not isinstance(data, str):
        return data
    text = _filled(data, values)
    try:
        return json.loads(text)
    except ValueError as error:
        reason = f"json_data is no JSON: {error}"
        raise build_error(StatusCode.COMPONENT_TOOL_INPUT_PARAM_ERROR, cause=error, reason=reason) from error


def _authenticated(request: Request, auth: HttpAuthConfig | None) -> Any:
    """Put the authentication into the request; what httpx does itself is returned."""
    if auth is None or auth.type is HttpAuthType.NONE:
        return None
    if auth.type is HttpAuthType.BASIC:
        return httpx.BasicAuth(auth.username or "", auth.password or "")
    if auth.type is HttpAuthType.DIGEST:
        return httpx.DigestAuth(auth.username or "", auth.password or "")
    if auth.type is HttpAuthType.BEARER:
        request.headers["Authorization"] = f"Bearer {auth.token or ''}"
        return None
    if auth.type is HttpAuthType.AWS:
        reason = "authentication of AWS is not provided by jiuwen_lg"
        raise build_error(StatusCode.COMPONENT_TOOL_INIT_FAILED, reason=reason)
    key = auth.api_key or ""
    if auth.in_location == "query":
        request.query[auth.name] = key
    elif auth.in_location == "body" and isinstance(request.json, dict):
        request.json = {**request.json, auth.name: key}
    else:
        request.headers[auth.name] = key
    return None
