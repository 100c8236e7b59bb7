"""HTTP services as tools.

Facts: openJiuwen 0.1.1, `components.md` 1.6 and 5.3; seed 003's plugin chapter.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import zlib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import httpx

from jiuwen_lg.address import address_of
from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.request_log import unlogged
from jiuwen_lg.tls import tls_context
from jiuwen_lg.tools.base import Tool
from jiuwen_lg.tools.param import PLACES, Param, with_defaults
from jiuwen_lg.tools.request import headers_of, text_of, with_body, with_query
from jiuwen_lg.unpacking import TooLongError, Unpacker, text_of_body

_logger = logging.getLogger(__name__)

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_SHORTEST_SECRET = 4
"""Characters from which on a value that is sent with every request is taken for a secret."""

LONGEST_ANSWER = 10 * 1024 * 1024
"""In bytes."""


class RestfulApi(Tool):
    """An HTTP service as a tool.

    Parameters go where their `method` says. Those of the body, and inputs that are not
    declared, go into the query of a GET and into the body of anything else: as JSON, or as the `Content-Type` among
    the headers says (`application/x-www-form-urlencoded`, or `multipart/form-data`, where bytes or
    `{"filename": …, "content": …}` are a file). Redirects are not followed and proxies not used.

    Args:
        name: What a language model calls it by.
        description: Its description for a language model.
        params: What it takes.
        path: The URL; `{city}` stands for a parameter whose `method` is `"Path"`.
        headers: Sent with every request.
        method: `"GET"`, `"POST"`, `"PUT"`, `"PATCH"` or `"DELETE"`.
        response: Kept for openJiuwen's signature.
        builtin_params: Sent with every request and not told to a language model; their defaults count.
        timeout: For the whole request, in seconds.

    Raises:
        JiuWenBaseException: 182005, there is no such method.
    """

    def __init__(
        self,
        name: str,
        description: str,
        params: Sequence[Param],
        path: str,
        headers: Mapping[str, Any] | None = None,
        method: str = "GET",
        response: Any = None,
        builtin_params: Sequence[Param] | None = None,
        *,
        timeout: float = 60,
    ) -> None:
        self.name = name
        self.description = description
        self.params: list[Param] = list(params or ())
        self.path = path
        self.headers: dict[str, Any] = dict(headers or {})
        self.method: str = str(method).strip().upper()
        self.response = response
        self.builtin_params: list[Param] = list(builtin_params or ())
        self.timeout = timeout
        if self.method not in METHODS:
            reason = f"tool [{name}] has no method {method!r}; there are {', '.join(METHODS)}"
            raise StatusCode.PLUGIN_PARAMS_CHECK_FAILED.error(reason=reason)

    async def ainvoke(self, inputs: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """Call the service.

        Returns:
            `{"errCode": 0, "errMessage": "success", "data": <the parsed JSON, or the text>}`, or what the
            service gives itself if it has these keys. What goes wrong is in it too: 182000 its answer cannot
            be unpacked or is no text, 182001 it took too long,
            182002 it could not be reached, 182003 its answer is longer than 10 MiB, 182004 its status is no
            success, 182005 a part of its path is missing, 188004 it is where no tool may go, 188005 its
            certificate cannot be checked.
        """
        return await self._async_request(inputs)

    async def _async_request(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The call, under the name by which tests written for openJiuwen replace it."""
        try:
            async with asyncio.timeout(self.timeout):
                return await self._answer(inputs)
        except JiuWenBaseException as error:
            return _failure(error)
        except (TimeoutError, httpx.TimeoutException):
            return _failure(StatusCode.PLUGIN_REQUEST_TIMEOUT_ERROR.error(timeout=f"{self.timeout:g}"))
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            reason = self._without_secrets(str(error)) or type(error).__name__
            return _failure(StatusCode.PLUGIN_PROXY_CONNECT_ERROR.error(reason=reason))

    async def _answer(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """What the service gave; sent by a bare transport, for a client would log the URL with all that is in it."""
        request = await to_checked_address(self._build(inputs))
        request.extensions["timeout"] = httpx.Timeout(self.timeout).as_dict()
        is_https = request.url.scheme == "https"
        verify: Any = await asyncio.to_thread(tls_context, "RESTFUL") if is_https else False  # it reads files
        with unlogged():
            return await self._sent(request, verify)

    async def _sent(self, request: httpx.Request, verify: Any) -> dict[str, Any]:
        async with httpx.AsyncHTTPTransport(verify=verify, trust_env=False) as transport:
            answer = await transport.handle_async_request(request)
            answer.request = request
            _log(self.method, self.path, answer.status_code)
            try:
                if not answer.is_success:
                    raise StatusCode.PLUGIN_RESPONSE_HTTP_CODE_ERROR.error(status=answer.status_code)
                body, kind = await body_of(answer, LONGEST_ANSWER), answer.headers.get("Content-Type", "")
            finally:
                await answer.aclose()
        return await asyncio.to_thread(_read, body, kind) if len(body) > _QUICK else _read(body, kind)

    def _without_secrets(self, text: str) -> str:
        """Return a library's text without what the tool sends with every request."""
        values = [*self.headers.values(), *(param.default_value for param in self.builtin_params)]
        for secret in sorted(map(str, values), key=len, reverse=True):
            if len(secret) >= _SHORTEST_SECRET:
                text = text.replace(secret, "***").replace(quote(secret, safe=""), "***")
        return text

    def _build(self, inputs: Mapping[str, Any]) -> httpx.Request:
        values = {name: value for name, value in with_defaults(self.params, inputs).items() if value is not None}
        values |= {p.name: p.default_value for p in self.builtin_params if p.default_value is not None}
        places = {param.name: param.method for param in [*self.params, *self.builtin_params]}
        by_place: dict[str, dict[str, Any]] = {place: {} for place in PLACES}
        for name, value in values.items():
            by_place[places.get(name, "Body")][name] = value
        if self.method == "GET":
            by_place["Query"] |= by_place.pop("Body")
        url = with_query(httpx.URL(self._url(by_place["Path"])), by_place["Query"])
        headers = headers_of({**self.headers, **by_place["Headers"]})
        return with_body(self.method, url, headers, by_place.get("Body") or {})

    def _url(self, values: Mapping[str, Any]) -> str:
        """The path with its parameters in place, each one segment of it."""
        url = self.path
        for param in [*self.params, *self.builtin_params]:
            if param.method != "Path":
                continue
            text = text_of(values.get(param.name, ""), param.name)
            if text in ("", ".", ".."):
                reason = f"[{param.name}] is {text!r}, which is no part of a path"
                raise StatusCode.PLUGIN_PARAMS_CHECK_FAILED.error(reason=reason)
            url = url.replace(f"{{{param.name}}}", quote(text, safe=""))
        return url


def _log(method: str, path: str, status: int) -> None:
    """Log a request as httpx does, without what it carries: values of inputs and keys stand in URLs."""
    scheme, _, rest = path.partition("://")
    place = re.split("[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    _logger.info("HTTP Request: %s %s://%s/… %d", method, scheme, place, status)


async def to_checked_address(request: httpx.Request) -> httpx.Request:
    """The request to the address that its host has now, if that may be reached; TLS and `Host` keep the name."""
    url = request.url
    if url.scheme not in ("http", "https") or not url.host:
        shown = str(url.copy_with(query=None, username=None, password=None)) if url.host else "//…"
        raise StatusCode.URL_INVALID_ERROR.error(reason=f"{shown!r} is no address of a service: write http(s)://…")
    address = await address_of(url.host, url.port or {"http": 80, "https": 443}[url.scheme])
    if address is not None:
        request.url = url.copy_with(host=address)
        request.extensions["sni_hostname"] = url.host
    return request


_QUICK = 100_000
"""In bytes; a longer body is unpacked and read in a thread."""


async def body_of(answer: httpx.Response, longest: int) -> bytes:
    """Return the body, unpacked within its limit: httpx would unpack a thousandfold of it first.

    Raises:
        JiuWenBaseException: 182003, it is longer. 182000, it cannot be unpacked.
    """
    try:
        unpacker = Unpacker(answer.headers.get("Content-Encoding", ""), longest)
        found = bytearray()
        async for part in answer.aiter_raw():
            found += await asyncio.to_thread(unpacker.feed, part) if unpacker.is_packed else unpacker.feed(part)
        unpacker.end()
    except TooLongError as error:
        raise StatusCode.PLUGIN_RESPONSE_TOO_BIG_ERROR.error(limit=longest) from error
    except zlib.error as error:
        raise StatusCode.PLUGIN_UNEXPECTED_ERROR.error(reason=f"the answer cannot be unpacked: {error}") from error
    except ValueError as error:
        raise StatusCode.PLUGIN_UNEXPECTED_ERROR.error(reason=f"the answer: {error}") from error
    return bytes(found)


def _read(body: bytes, kind: str) -> dict[str, Any]:
    """The parsed JSON, or the text; the hook lets other threads run while a long answer is parsed."""
    try:
        text = text_of_body(body, kind)
    except ValueError as error:
        raise StatusCode.PLUGIN_UNEXPECTED_ERROR.error(reason=f"the answer: {error}") from error
    try:
        data = json.loads(text, object_hook=_as_it_is if len(body) > _QUICK else None)
    except (ValueError, RecursionError):
        data = text
    if isinstance(data, dict) and {"errCode", "errMessage", "data"} <= data.keys():
        return data
    return {"errCode": 0, "errMessage": "success", "data": data}


def _as_it_is(value: dict[str, Any]) -> dict[str, Any]:
    return value


def _failure(error: JiuWenBaseException) -> dict[str, Any]:
    return {"errCode": error.error_code, "errMessage": error.message, "data": ""}
