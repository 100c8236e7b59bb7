"""Attributes and methods that the condition language may use: of plain data, and harmless.

A method that changes its object, or can make a text of any length from a short one, is
not among them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from jiuwen_lg.schema.expression_numbers import MAX_ITEMS, bounded

_TEXT = frozenset(
    [
        "capitalize",
        "casefold",
        "count",
        "endswith",
        "find",
        "index",
        "isalnum",
        "isalpha",
        "isascii",
        "isdecimal",
        "isdigit",
        "isidentifier",
        "islower",
        "isnumeric",
        "isprintable",
        "isspace",
        "istitle",
        "isupper",
        "join",
        "lower",
        "lstrip",
        "partition",
        "removeprefix",
        "removesuffix",
        "replace",
        "rfind",
        "rindex",
        "rpartition",
        "rsplit",
        "rstrip",
        "split",
        "splitlines",
        "startswith",
        "strip",
        "swapcase",
        "title",
        "upper",
    ]
)
_METHODS: dict[type, frozenset[str]] = {
    str: _TEXT,
    list: frozenset(("count", "index", "copy")),
    tuple: frozenset(("count", "index")),
    dict: frozenset(("get", "keys", "values", "items", "copy")),
    int: frozenset(("bit_length",)),
    float: frozenset(("is_integer",)),
}
_NUMBERS = frozenset(("real", "imag", "numerator", "denominator"))


def attribute_of(value: Any, name: str) -> Any:
    """`value.name`: a dict's key, a number's part, or a field of a model or dataclass.

    Raises:
        AttributeError: It has no such field.
    """
    if isinstance(value, dict) and name in value:
        return value[name]
    if isinstance(value, (int, float)) and name in _NUMBERS and hasattr(value, name):
        return getattr(value, name)
    if name in _fields(value):
        return getattr(value, name)
    raise AttributeError(f"a {type(value).__name__} has no field {name!r}")


def _fields(value: Any) -> Sequence[str]:
    if isinstance(value, BaseModel):
        return [*type(value).model_fields, *(value.model_extra or ())]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [field.name for field in dataclasses.fields(value)]
    return getattr(value, "_fields", ()) if isinstance(value, tuple) else ()


def call_method(value: Any, name: str, arguments: Sequence[Any]) -> Any:
    """`value.name(*arguments)`.

    Raises:
        AttributeError: The language does not have this method.
    """
    if name not in _METHODS.get(type(value), ()):
        raise AttributeError(f"a {type(value).__name__} has no method {name}() in this language")
    if name in ("replace", "join"):
        _require_small(value, name, arguments)
    return bounded(getattr(value, name)(*arguments))


def _require_small(text: str, name: str, arguments: Sequence[Any]) -> None:
    """Refuse before it is made what could be very long."""
    if name == "replace":
        size = len(text) + (len(text) + 1) * len(arguments[1]) if len(arguments) > 1 else 0
    else:
        size = sum(len(part) + len(text) for part in arguments[0]) if arguments else 0
    if size > MAX_ITEMS:
        raise ValueError(f"the result might have {size} characters, {MAX_ITEMS} are allowed")
