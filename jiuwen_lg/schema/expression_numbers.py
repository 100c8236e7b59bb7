"""Operators of the condition language, bounded in what they may produce."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from typing import Any

MAX_ITEMS = 100_000
"""Items of a collection, characters of a text, that an operator may make."""

MAX_EXPONENT = 100
MAX_BITS = 10_000
"""Of a whole number."""

_SEQUENCES = (str, bytes, list, tuple)
_FORMAT = re.compile(r"(?:[^%]|%%|%(?:\(\w*\))?[sdifr])*", re.DOTALL)
"""A text that may be formatted: no widths and precisions, which could ask for any length."""

_LONGEST_FLOAT = 400


def bounded(value: Any) -> Any:
    """A result, refused with ValueError if it is too large."""
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise ValueError(f"the result has more than {MAX_BITS} bits")
    if isinstance(value, _SEQUENCES) and _size(value) > MAX_ITEMS:
        raise ValueError(f"the result has more than {MAX_ITEMS} items")
    return value


def _size(value: Any, room: int = MAX_ITEMS) -> int:
    """Items and characters, those of inner collections too; counted until there is no more room."""
    if isinstance(value, (str, bytes)):
        return len(value)
    if not isinstance(value, (list, tuple, dict)):
        return 1
    size = len(value)
    for item in value.values() if isinstance(value, dict) else value:
        if size > room:
            break
        size += _size(item, room - size) if isinstance(item, (str, bytes, list, tuple, dict)) else 0
    return size


def _times(left: Any, right: Any) -> Any:
    for sequence, count in ((left, right), (right, left)):
        if isinstance(sequence, _SEQUENCES) and isinstance(count, int) and len(sequence) * count > MAX_ITEMS:
            raise ValueError(f"the result would have more than {MAX_ITEMS} items")
    return bounded(left * right)


def _power(base: Any, exponent: Any) -> Any:
    if abs(exponent) > MAX_EXPONENT:
        raise ValueError(f"the exponent is {exponent}, up to {MAX_EXPONENT} is allowed")
    return bounded(base**exponent)


def _shift_left(value: Any, count: Any) -> Any:
    if count > MAX_BITS:
        raise ValueError(f"the result would have more than {MAX_BITS} bits")
    return bounded(value << count)


def _remainder(left: Any, right: Any) -> Any:
    """`%`: of numbers; a text is formatted."""
    if isinstance(left, bytes):
        raise TypeError("bytes cannot be formatted")
    if isinstance(left, str):
        _require_short(left, right)
    return bounded(left % right)


def _require_short(text: str, values: Any) -> None:
    """Refuse before it is made what could be very long."""
    if not _FORMAT.fullmatch(text):
        raise ValueError("a text is formatted with %s, %d, %i, %f or %r, without widths")
    items = values.values() if isinstance(values, dict) else values if isinstance(values, tuple) else (values,)
    longest = max((len(str(item)) for item in items), default=0)
    if len(text) + text.count("%") * (longest + _LONGEST_FLOAT) > 10 * MAX_ITEMS:
        raise ValueError(f"the result might have more than {MAX_ITEMS} characters")


def _then_bounded(apply: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda left, right: bounded(apply(left, right))


OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: _then_bounded(operator.add),
    ast.Sub: operator.sub,
    ast.Mult: _times,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: _remainder,
    ast.Pow: _power,
    ast.LShift: _shift_left,
    ast.RShift: operator.rshift,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
}
"""By the class of Python's syntax tree."""
