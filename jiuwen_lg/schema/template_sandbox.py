"""The sandbox that evaluates a template's expressions: Jinja2's immutable one, bounded in what it may make.

A template may come from a user of a low-code tool, its values from a user of theirs: neither may ask for a gigabyte.
An operator, filter or method may add `MAX_ITEMS` characters to what it was given; text that is long already passes.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from string import Formatter
from types import BuiltinMethodType
from typing import Any

from jinja2 import ChainableUndefined, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic_core import to_jsonable_python

from jiuwen_lg.schema.expression_numbers import MAX_EXPONENT, MAX_ITEMS, OPERATORS

_WIDEST = 1000
"""The largest width or precision of a formatted value, in characters."""

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "*": OPERATORS[ast.Mult],
    "**": lambda base, exponent: OPERATORS[ast.Pow](base, exponent) if isinstance(exponent, float | int) else None,
    "%": OPERATORS[ast.Mod],
}
_PERCENT = re.compile(r"%(?:\(\w*\))?[-+ #0]*(\*|\d*)(?:\.(\*|\d*))?")


def _require_room(added: int) -> None:
    if added > MAX_ITEMS:
        raise ValueError(f"the result would be {added} characters longer, {MAX_ITEMS} are allowed")


def _length(value: Any) -> int:
    return len(value) if isinstance(value, str | bytes) else len(str(value))


# --- one check per filter or method; each is called with the value and its arguments ---


def _check_width(value: Any, width: Any = 80, *_: Any, **__: Any) -> None:
    if isinstance(width, int):
        _require_room(width - _length(value))


def _check_tabs(value: Any, size: Any = 8) -> None:
    _require_room(value.count("\t" if isinstance(value, str) else b"\t") * int(size))


def _check_replace(value: Any, old: Any, new: Any, count: Any = None) -> None:
    text, old = (value, old) if isinstance(value, bytes) else (str(value), str(old))
    found = text.count(old)
    times = found if count is None or count < 0 else min(found, count)
    _require_room(times * (_length(new) - len(old)))


def _check_join(parts: Any, separator: Any = "", *_: Any, **__: Any) -> None:
    _require_room(len(parts) * _length(separator) if hasattr(parts, "__len__") else 0)


def _check_joined(separator: Any, parts: Any) -> None:
    _check_join(parts, separator)


def _check_indent(value: Any, width: Any = 4, *_: Any, **__: Any) -> None:
    _require_room((str(value).count("\n") + 1) * (width if isinstance(width, int) else _length(width)))


def _check_wordwrap(
    value: Any, width: Any = 79, _breaks: Any = True, wrapstring: Any = None, *_: Any, **__: Any
) -> None:
    text = str(value)
    _require_room((len(text) // max(int(width), 1) + text.count("\n") + 1) * _length(wrapstring or "\n"))


def _check_percent(value: Any, *args: Any, **kwargs: Any) -> None:
    _check_slots(_PERCENT.findall(str(value)), (*args, *kwargs.values()))


def _check_format(value: str, *args: Any, **kwargs: Any) -> None:
    specs = [spec or "" for _, name, spec, _ in Formatter().parse(value) if name is not None]
    if any("{" in spec for spec in specs):
        raise ValueError("a width is written as a number, not taken from a value")
    _check_slots([tuple(re.findall(r"\d+", spec)) for spec in specs], (*args, *kwargs.values()))


def _check_format_map(value: str, values: Mapping[str, Any]) -> None:
    _check_format(value, **values)


def _check_slots(slots: list[tuple[str, ...]], values: Iterable[Any]) -> None:
    widths = [width for slot in slots for width in slot if width]
    if any(width == "*" or int(width[:9]) > _WIDEST for width in widths):
        raise ValueError(f"a width or precision is a number up to {_WIDEST}")
    longest = max(map(_length, values), default=0)
    _require_room(sum(int(width) for width in widths) + max(len(slots) - 1, 0) * longest)


def _check_count(_value: Any, count: Any, *_: Any) -> None:
    _require_room(int(count))


def _check_urlize(value: Any, *args: Any, **kwargs: Any) -> None:
    given = sum(_length(argument) for argument in (*args, *kwargs.values()) if isinstance(argument, str))
    _require_room(str(value).count(".") * (given + len('<a href="https://" rel="noopener" target=""></a>')))


def _check_precision(_value: Any, precision: Any = 0, *_: Any) -> None:
    if abs(int(precision)) > MAX_EXPONENT:
        raise ValueError(f"a number is rounded to at most {MAX_EXPONENT} digits")


def _pass(*_: Any, **__: Any) -> None: ...


def _refuse(*_: Any, **__: Any) -> None:
    raise ValueError("a template cannot do that: its result may be of any length")


_FILTERS: dict[str, Callable[..., None]] = {
    "center": _check_width,
    "indent": _check_indent,
    "format": _check_percent,
    "replace": _check_replace,
    "join": _check_join,
    "batch": _check_count,
    "slice": _check_count,
    "wordwrap": _check_wordwrap,
    "urlize": _check_urlize,
    "round": _check_precision,
}
_METHODS: dict[str, Callable[..., None]] = {
    "center": _check_width,
    "ljust": _check_width,
    "rjust": _check_width,
    "zfill": _check_width,
    "expandtabs": _check_tabs,
    "replace": _check_replace,
    "join": _check_joined,
    "format": _check_format,
    "format_map": _check_format_map,
    "to_bytes": _check_width,
    "translate": _refuse,
}
"""Methods of texts, bytes and numbers whose result may be far longer than they are."""


def _to_json(value: Any, indent: int | None = None) -> Any:
    """The filter `tojson`: JSON in the text's own script; Jinja2's own is for HTML pages."""
    if indent is not None and not 0 <= indent <= _INDENTS:
        raise ValueError(f"tojson indents by up to {_INDENTS} spaces")
    if isinstance(value, Undefined):
        return value
    return json.dumps(value, ensure_ascii=False, indent=indent, default=to_jsonable_python)


_INDENTS = 8


class BoundedSandbox(ImmutableSandboxedEnvironment):
    """Jinja2's sandbox without operators, filters and methods whose result may be of any size."""

    intercepted_binops: frozenset[str] = frozenset(_OPERATORS)

    def __init__(self) -> None:
        super().__init__(undefined=ChainableUndefined)
        self.globals.clear()
        self.filters |= {name: _checked(self.filters[name], check) for name, check in _FILTERS.items()}
        self.filters["tojson"] = _to_json

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        return _OPERATORS[operator](left, right)

    def call(self, context: Any, called: Any, /, *args: Any, **kwargs: Any) -> Any:
        method = getattr(called, "__wrapped__", called)
        if isinstance(method, BuiltinMethodType) and isinstance(method.__self__, str | bytes | int):
            _METHODS.get(method.__name__, _pass)(method.__self__, *args, **kwargs)
        return super().call(context, called, *args, **kwargs)


def _checked(apply: Callable[..., Any], check: Callable[..., None]) -> Callable[..., Any]:
    """Return a filter that checks its arguments first; a context that Jinja2 passes stands before them."""
    before = 1 if hasattr(apply, "jinja_pass_arg") else 0

    @wraps(apply)
    def filter_(*args: Any, **kwargs: Any) -> Any:
        value, *more = args[before:]
        if not isinstance(value, Undefined):
            if check is _check_join and not hasattr(value, "__len__"):
                value = list(value)
            check(value, *more, **kwargs)
        return apply(*args[:before], value, *more, **kwargs)

    return filter_
