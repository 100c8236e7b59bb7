"""Requests to an HTTP service: values in a URL, in headers and in a body, never as Python prints them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus, unquote_plus

import httpx
from pydantic_core import to_jsonable_python

from jiuwen_lg.errors import JiuWenBaseException, StatusCode

FORM, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")


def with_query(url: httpx.URL, values: Mapping[str, Any]) -> httpx.URL:
    """Add parameters to a URL; its own query stays as it is written, but for a parameter of the same name."""
    own = url.query.decode("ascii")
    kept = [pair for pair in own.split("&") if unquote_plus(pair.partition("=")[0]) not in values] if own else []
    added = [
        f"{_quoted(name, name)}={_quoted(item, name)}"
        for name, value in values.items()
        for item in (value if isinstance(value, list | tuple) else [value])
    ]
    return url.copy_with(query="&".join([*kept, *added]).encode() or None, fragment=None)


def _quoted(value: Any, name: str) -> str:
    try:
        return quote_plus(text_of(value, name))
    except UnicodeEncodeError as error:
        raise _unsendable(name, str(error)) from error


def headers_of(values: Mapping[str, Any]) -> list[tuple[bytes, bytes]]:
    """Headers as they are sent: None is left out, text that is not ASCII goes as UTF-8.

    Raises:
        JiuWenBaseException: 182005, a name or a value cannot stand in a header; the value is not quoted, it may be
            a key.
    """
    found = []
    for name, value in values.items():
        if value is None:
            continue
        if not _HEADER_NAME.fullmatch(name):
            raise _bad(f"{name!r} is no name of a header")
        text = text_of(value, name)
        if any(character < " " and character not in "\t\r\n" for character in text):
            raise _bad(f"header [{name}] holds a character that no header may hold")
        if any(character in text for character in "\r\n"):
            raise _bad(f"header [{name}] has a line break in its value; strip what was read from a file")
        try:
            found.append((name.encode(), text.strip(" \t").encode()))
        except UnicodeEncodeError:
            raise _bad(f"header [{name}] has half a character in its value") from None
    return found


def with_body(
    method: str, url: httpx.URL, headers: list[tuple[bytes, bytes]], values: Mapping[str, Any]
) -> httpx.Request:
    """A request whose body is of the kind that its `Content-Type` names; JSON unless it says otherwise.

    Raises:
        JiuWenBaseException: 182005, a value cannot be sent so.
    """
    kind = next((value.decode() for name, value in headers if name.lower() == b"content-type"), "")
    kind = kind.partition(";")[0].strip().lower()
    if kind == MULTIPART:
        headers = [one for one in headers if one[0].lower() != b"content-type"]  # the boundary belongs into it
    if not kind and values:
        headers = [*headers, (b"Content-Type", b"application/json")]
    return httpx.Request(method, url, headers=headers, **_body_of(kind, values))


def _body_of(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """A body as httpx takes it."""
    if not values:
        return {}
    if kind == FORM:
        return {"data": {name: _texts(value, name) for name, value in values.items()}}
    if kind == MULTIPART:
        parts = [part for name, value in values.items() for part in _parts(name, value)]
        return {"files": parts}
    only = next(iter(values.values()))
    if kind and "json" not in kind and len(values) == 1 and isinstance(only, str | bytes):
        return {"content": only}
    encoded = b",".join(_pair(name, value) for name, value in values.items())
    return {"content": b"{%b}" % encoded}


def _texts(value: Any, name: str) -> Any:
    return [text_of(item, name) for item in value] if isinstance(value, list) else text_of(value, name)


def _parts(name: str, value: Any) -> list[tuple[str, Any]]:
    """The parts of a multipart body that a value makes: a file, a text, or one for each item of a list."""
    if isinstance(value, list):
        return [part for item in value for part in _parts(name, item)]
    if isinstance(value, bytes):
        return [(name, (name, value))]
    if isinstance(value, Mapping) and isinstance(content := value.get("content"), bytes | str) and "filename" in value:
        file = (str(value["filename"]), content, *([value["content_type"]] if value.get("content_type") else []))
        return [(name, file)]
    return [(name, (None, text_of(value, name)))]


def text_of(value: Any, name: str) -> str:
    """A value as a text: JSON's word for it, a date in ISO's form, a list or dict as JSON.

    Raises:
        JiuWenBaseException: 182005, there is none.
    """
    if isinstance(value, str):
        return value
    plain = _plain(value, name)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def _pair(name: str, value: Any) -> bytes:
    try:
        encoded = json.dumps(_plain(value, name), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return f"{json.dumps(name, ensure_ascii=False)}:{encoded}".encode()
    except ValueError as error:  # not a number, or half a character
        raise _unsendable(name, str(error)) from error


def _plain(value: Any, name: str) -> Any:
    """A value as JSON has it: dates, UUIDs and decimals as texts, models and dataclasses as dicts."""
    try:
        return to_jsonable_python(value, inf_nan_mode="constants")
    except ValueError as error:
        raise _unsendable(name, str(error)) from error


def _unsendable(name: str, reason: str) -> JiuWenBaseException:
    return _bad(f"[{name}] cannot be sent: {reason}")


def _bad(reason: str) -> JiuWenBaseException:
    return StatusCode.PLUGIN_PARAMS_CHECK_FAILED.error(reason=reason)
