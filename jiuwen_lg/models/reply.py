"""JSON in what a model says: bare, fenced, after thoughts, between sentences, not quite JSON."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any

_LONGEST = 200_000
"""In characters; what is longer is not mended."""

_THOUGHTS = re.compile(r"^.*</think>|<think>.*$", re.DOTALL)
_FENCED = re.compile(r"^\s*(?:```|''')\w*\s*(.*?)\s*(?:```|''')\s*$", re.DOTALL)


def json_in(text: str) -> Any:
    """The JSON value that a reply is, or the one object that it holds.

    Single quotes, trailing commas, Python's literals and the like are mended; an object that is
    cut off is not, since nobody knows what is missing.

    Raises:
        ValueError: There is none, or there are several; the message says so without quoting the reply.
    """
    with suppress(ValueError, RecursionError):
        return _loads(text)
    body = _THOUGHTS.sub("", text).strip()
    if fenced := _FENCED.match(body):
        body = fenced[1]
    with suppress(ValueError, RecursionError):
        return _loads(body)
    start = body.find("{")
    if start < 0:
        raise ValueError("it holds no JSON object" if body else "it is empty")
    try:
        value, end = _DECODER.raw_decode(body, start)
    except (ValueError, RecursionError):
        return _mended(body[start : body.rfind("}") + 1])
    if "{" in body[end:]:
        raise ValueError("it holds several JSON objects, and none says that it is the answer")
    return value


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


_DECODER = json.JSONDecoder(strict=False, parse_constant=_refused)


def _loads(text: str) -> Any:
    return _DECODER.decode(text.strip())


def _mended(text: str) -> dict[str, Any]:
    import json_repair

    if not text or text.count("{") != text.count("}") or text.count("[") != text.count("]"):
        raise ValueError("its JSON is cut off")
    if len(text) > _LONGEST:
        raise ValueError(f"it is no JSON, and longer than the {_LONGEST} characters that are mended")
    try:
        value = json_repair.loads(text, skip_json_loads=True, strict=True)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is no JSON: {error}") from error
    if not isinstance(value, dict) or not value:
        raise ValueError("it is no JSON")
    return value
