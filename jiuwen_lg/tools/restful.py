"""HTTP services as tools.

Facts: openJiuwen 0.1.1, `components.md` 1.6 and 5.3; seed 003's plugin chapter.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import httpx

from jiuwen_lg.address import address_of
from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.tls import tls_context
from jiuwen_lg.tools.base import Tool
from jiuwen_lg.tools.param import PLACES, Param, with_defaults

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
LONGEST_ANSWER = 10 * 1024 * 1024
"""In bytes."""


class RestfulApi(Tool):
    """An HTTP service as a tool.

    Parameters go where their `method` says. Those of the body, and inputs that are not
    declared, go into the query of a GET and into the JSON body of anything else. Redirects
    are not followed and proxies not used.

    Args:
        name: What a language model calls it by.
        description: What it is told of it.
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
                return _answer(*await self._request(inputs))
        except JiuWenBaseException as error:
            return _failure(error)
        except (TimeoutError, httpx.TimeoutException):
            return _failure(StatusCode.PLUGIN_REQUEST_TIMEOUT_ERROR.error(timeout=f"{self.timeout:g}"))
        except zlib.error as error:
            return _failure(StatusCode.PLUGIN_UNEXPECTED_ERROR.error(reason=f"the answer cannot be unpacked: {error}"))
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            reason = str(error) or type(error).__name__
            return _failure(StatusCode.PLUGIN_PROXY_CONNECT_ERROR.error(reason=reason))

    async def _request(self, inputs: Mapping[str, Any]) -> tuple[bytes, str]:
        """The body of the answer, and how its text is encoded."""
        request = await to_checked_address(self._build(inputs))
        verify: Any = tls_context("RESTFUL") if request.url.scheme == "https" else False
        async with httpx.AsyncClient(verify=verify, trust_env=False, timeout=self.timeout) as client:
            answer = await client.send(request, stream=True)
            try:
                if not answer.is_success:
                    raise StatusCode.PLUGIN_RESPONSE_HTTP_CODE_ERROR.error(status=answer.status_code)
                return await body_of(answer), answer.charset_encoding or "utf-8"
            finally:
                await answer.aclose()

    def _build(self, inputs: Mapping[str, Any]) -> httpx.Request:
        values = {name: value for name, value in with_defaults(self.params, inputs).items() if value is not None}
        values |= {p.name: p.default_value for p in self.builtin_params if p.default_value is not None}
        places = {param.name: param.method for param in [*self.params, *self.builtin_params]}
        by_place: dict[str, dict[str, Any]] = {place: {} for place in PLACES}
        for name, value in values.items():
            by_place[places.get(name, "Body")][name] = value
        if self.method == "GET":
            by_place["Query"] |= by_place.pop("Body")
        url = self._url(by_place["Path"])
        query = {name: _query_value(value) for name, value in by_place["Query"].items()}
        return httpx.Request(
            self.method,
            httpx.URL(url).copy_merge_params(query),
            headers={name: str(value) for name, value in {**self.headers, **by_place["Headers"]}.items()},
            json=by_place.get("Body") or None,
        )

    def _url(self, values: Mapping[str, Any]) -> str:
        """The path with its parameters in place, each one segment of it."""
        url = self.path
        for param in [*self.params, *self.builtin_params]:
            if param.method != "Path":
                continue
            text = str(values.get(param.name, ""))
            if text in ("", ".", ".."):
                reason = f"[{param.name}] is {text!r}, which is no part of a path"
                raise StatusCode.PLUGIN_PARAMS_CHECK_FAILED.error(reason=reason)
            url = url.replace(f"{{{param.name}}}", quote(text, safe=""))
        return url


def _query_value(value: Any) -> Any:
    if isinstance(value, list):
        return [_query_value(item) for item in value]
    return json.dumps(value, ensure_ascii=False) if isinstance(value, Mapping) else value


async def to_checked_address(request: httpx.Request) -> httpx.Request:
    """The request to the address that its host has now, if that may be reached; TLS and `Host` keep the name."""
    url = request.url
    if url.scheme not in ("http", "https") or not url.host:
        raise StatusCode.URL_INVALID_ERROR.error(reason=f"{str(url)!r} is no address of a service: write http(s)://…")
    address = await address_of(url.host, url.port or {"http": 80, "https": 443}[url.scheme])
    if address is not None:
        request.url = url.copy_with(host=address)
        request.extensions["sni_hostname"] = url.host
    return request


async def body_of(answer: httpx.Response, longest: int = LONGEST_ANSWER) -> bytes:
    """What was sent, unpacked as far as it may be long: httpx would unpack a thousandfold of it first."""
    packed = answer.headers.get("Content-Encoding", "identity").strip().lower()
    if packed not in ("identity", *_PACKED):
        reason = f"the answer is packed as {packed!r}; without packing, or as {' or '.join(_PACKED)}, it can be read"
        raise StatusCode.PLUGIN_UNEXPECTED_ERROR.error(reason=reason)
    unpacker = zlib.decompressobj(_ANY_HEADER) if packed in _PACKED else None
    found = bytearray()
    async for part in answer.aiter_raw():
        found += unpacker.decompress(part, longest + 1 - len(found)) if unpacker else part
        if len(found) > longest:
            raise StatusCode.PLUGIN_RESPONSE_TOO_BIG_ERROR.error(limit=longest)
    if unpacker and not unpacker.eof:
        raise StatusCode.PLUGIN_UNEXPECTED_ERROR.error(reason=f"the answer, packed as {packed}, is cut off")
    return bytes(found)


_PACKED = ("gzip", "deflate")
_ANY_HEADER = zlib.MAX_WBITS | 32


def _answer(body: bytes, encoding: str) -> dict[str, Any]:
    try:
        text = body.decode(encoding)
    except (LookupError, UnicodeDecodeError) as error:
        raise StatusCode.PLUGIN_UNEXPECTED_ERROR.error(reason=f"the answer is no text: {error}") from error
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        data = text
    if isinstance(data, dict) and {"errCode", "errMessage", "data"} <= data.keys():
        return data
    return {"errCode": 0, "errMessage": "success", "data": data}


def _failure(error: JiuWenBaseException) -> dict[str, Any]:
    return {"errCode": error.error_code, "errMessage": error.message, "data": ""}
