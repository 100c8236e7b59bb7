"""JSON in what a model says: bare, fenced, after thoughts, between sentences, or nearly JSON.

A reply is hostile until it is read: every step is linear in its length, and what takes long runs in a thread.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from contextlib import suppress
from typing import Any

from jiuwen_lg.models.thoughts import separated

_LONGEST = 20_000
"""In characters; what is longer and no JSON is not mended."""

_QUICK = 2_000
"""In characters; a longer reply is read in a thread: mending one takes about 0.1 ms for each of them."""

_FENCES = ("```", "'''")
_LANGUAGE = re.compile(r"\w{0,32}")
_OBJECT = re.compile(r"\{(?=\s*+(?:[\"'}]|//|/\*|[^\W\d]\w*+\s*+:))")
"""Where an object may begin; other braces belong to the text around."""

_PYTHONS = re.compile(
    r"""("(?:\\.|[^"\\])*+(?:"|\Z)|'(?:\\.|[^'\\])*+(?:'|\Z))|\b(True|False|None)\b""",
    re.DOTALL,
)
_JSONS = {"True": "true", "False": "false", "None": "null"}


async def read_json(text: str) -> Any:
    """As `json_in`, without holding up the event loop."""
    return json_in(text) if len(text) <= _QUICK else await asyncio.to_thread(json_in, text)


def json_in(text: str) -> Any:
    """Return the JSON value that a reply is, or the one object that it holds.

    Mended is what has one meaning only: single quotes, trailing commas, comments, names without
    quotes (JSON5), and Python's literals. What is cut off or ambiguous is not guessed.

    Raises:
        ValueError: There is none, or there are several; the message says so without quoting the reply.
    """
    with suppress(ValueError, RecursionError):
        return _loads(text)
    body = _without_fence(_answer_in(text).strip())
    with suppress(ValueError, RecursionError):
        return _loads(body)
    start = _OBJECT.search(body)
    if start is None:
        raise ValueError("it holds no JSON object" if body else "it is empty")
    value, end = _object_at(body, start.start())
    if _OBJECT.search(body, end):
        raise ValueError("it holds several JSON objects, and none says that it is the answer")
    return value


def the_object_in(value: Any) -> Any:
    """Return the one object that a JSON value wraps: in a list of one, or in a text; any other value as it is."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        return value[0]
    if isinstance(value, str) and value.lstrip().startswith("{"):
        with suppress(ValueError, RecursionError):
            return _loads(value)
    return value


def _answer_in(text: str) -> str:
    """The reply without thoughts; a tag inside of an object's text is no tag."""
    start = _OBJECT.search(text)
    if start is not None and not text[: start.start()].strip("\ufeff \t\r\n"):
        with suppress(ValueError, RecursionError):
            end = _DECODER.raw_decode(text, start.start())[1]
            return text[:end] + separated(text[end:], anywhere=True).answer
    return separated(text, anywhere=True).answer


def _without_fence(body: str) -> str:
    fence = next((fence for fence in _FENCES if body.startswith(fence) and len(body) > len(fence)), None)
    if fence is None:
        return body
    return body[_LANGUAGE.match(body, len(fence)).end() :].removesuffix(fence).strip()  # type: ignore[union-attr]


def _object_at(text: str, start: int) -> tuple[Any, int]:
    """The object that begins there, and where it ends."""
    with suppress(ValueError, RecursionError):
        return _DECODER.raw_decode(text, start)
    end = text.rfind("}") + 1
    return _mended(text[start:end]), end


def _mended(text: str) -> Any:
    import json5

    if not text or text.count("{") != text.count("}") or text.count("[") != text.count("]"):
        raise ValueError("its JSON is cut off")
    if len(text) > _LONGEST:
        raise ValueError(f"it is no JSON, and longer than the {_LONGEST} characters that are mended")
    plain = _PYTHONS.sub(lambda found: found[1] or _JSONS[found[2]], text)
    try:
        return json5.loads(plain, parse_float=_finite, parse_constant=_refused)
    except (ValueError, RecursionError) as error:
        raise ValueError("it is no JSON") from error


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refused(digits)


_DECODER = json.JSONDecoder(strict=False, parse_constant=_refused, parse_float=_finite)


def _loads(text: str) -> Any:
    return _DECODER.decode(text.strip().removeprefix("\ufeff").lstrip())
