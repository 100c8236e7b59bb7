"""JSON in what a model says: bare, fenced, after thoughts, between sentences, or nearly JSON."""

from __future__ import annotations

import json
import math
import re
from contextlib import suppress
from typing import Any

_LONGEST = 20_000
"""In characters; what is longer and no JSON is not mended."""

_THOUGHTS = re.compile(r"^.*</think>|<think>.*$", re.DOTALL)
_FENCED = re.compile(r"^\s*(?:```|''')\w*\s*(.*?)\s*(?:```|''')\s*$", re.DOTALL)
_OBJECT = re.compile(r"\{(?=\s*(?:[\"'}]|//|/\*|[^\W\d]\w*\s*:))")
"""Where an object may begin; other braces belong to the text around."""

_PYTHONS = re.compile(r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|\b(True|False|None)\b""", re.DOTALL)
_JSONS = {"True": "true", "False": "false", "None": "null"}


def json_in(text: str) -> Any:
    """The JSON value that a reply is, or the one object that it holds.

    Mended is what has one meaning only: single quotes, trailing commas, comments, names without
    quotes (JSON5), and Python's literals. What is cut off or ambiguous is not guessed.

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
    start = _OBJECT.search(body)
    if start is None:
        raise ValueError("it holds no JSON object" if body else "it is empty")
    value, end = _object_at(body, start.start())
    if _OBJECT.search(body, end):
        raise ValueError("it holds several JSON objects, and none says that it is the answer")
    return value


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
    return _DECODER.decode(text.strip().removeprefix("\ufeff"))
