"""What a person typed into a field, as the value that its schema asks for."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from jiuwen_lg.forms.checking import problems
from jiuwen_lg.forms.fields import Field
from jiuwen_lg.schema.answer_schema import typed
from jiuwen_lg.schema.path import MISSING

_YES = frozenset(("yes", "y", "true", "1", "是", "对", "好"))
_NO = frozenset(("no", "n", "false", "0", "否", "不", "不是"))


class UnfitError(ValueError):
    """What was typed is no value of the field; its text says what would be."""


def read(field: Field, text: str) -> Any:
    """The value of a typed text; `MISSING` if the field is left out.

    Args:
        field: What it was typed into; one without fields of its own.
        text: What was typed; nothing means the default, None, or that it is left out.

    Raises:
        UnfitError: It does not fit; the reason is the schema's.
    """
    if not text.strip() and (field.has_default or field.is_nullable or not field.is_required):
        return field.default if field.has_default else None if field.is_nullable else MISSING
    return fitting(field, _read(field, text))


def _read(field: Field, text: str) -> Any:
    if field.kind == "any":
        return _read_any(field, text)
    if field.kind == "constant":
        return field.default
    if field.kind == "choice":
        return _read_choice(field, text)
    if field.kind == "choices":
        parts = text.replace("，", ",").split(",")
        return list(dict.fromkeys(_read_choice(field, part) for part in parts if part.strip()))
    return _READERS.get(field.kind, _read_json)(text)


def fitting(field: Field, value: Any) -> Any:
    """A value that fits the field's schema.

    Raises:
        UnfitError: It does not; the reason is the schema's.
    """
    if value is None and field.is_nullable:
        return value
    if found := problems(value, field.schema):
        raise UnfitError("; ".join(map(str, found)))
    return value


def _read_any(field: Field, text: str) -> Any:
    """What it says; a number with more digits than a float holds stays a text, if that fits (a `Decimal`)."""
    value = typed(text, field.schema) if field.schema else text
    is_exact = not isinstance(value, float) or Decimal(repr(value)) == Decimal(text.strip())
    return value if is_exact or problems(text.strip(), field.schema) else text.strip()


def _read_integer(text: str) -> int:
    try:
        return int(text.strip())
    except ValueError:
        raise UnfitError(f"{text!r} is not of type 'integer': write a whole number, such as 5") from None


def _read_number(text: str) -> int | float:
    try:
        return int(text.strip())
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UnfitError(f"{text!r} is not of type 'number': write one, such as 2.5")
    return number


def _read_boolean(text: str) -> bool:
    word = text.strip().lower()
    if word in _YES or word in _NO:
        return word in _YES
    raise UnfitError(f"{text!r} is not of type 'boolean': write yes or no")


def _read_choice(field: Field, text: str) -> Any:
    word = text.strip().casefold()
    for choice in field.choices:
        names = [choice.label, choice.value] if isinstance(choice.value, str) else [choice.label]
        if word in {name.strip().casefold() for name in names}:
            return choice.value
    if is_numbered(field) and word.isascii() and word.isdigit() and 1 <= int(word) <= len(field.choices):
        return field.choices[int(word) - 1].value
    raise UnfitError(f"{text!r} is not one of {[choice.label for choice in field.choices]}")


def is_numbered(field: Field) -> bool:
    """Whether a choice may be named by its number: not where the choices are numbers themselves."""
    return not any(choice.label.strip().isdigit() for choice in field.choices)


def _moment(parse: Callable[[str], Any], kind: str, example: str) -> Callable[[str], str]:
    def read_moment(text: str) -> str:
        try:
            return str(parse(text.strip()).isoformat())
        except ValueError:
            raise UnfitError(f"{text!r} is not a {kind}: write it like {example}") from None

    return read_moment


def _read_datetime(text: str) -> datetime:
    """A moment; one without a zone is local time, since the schema's format asks for a zone."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.astimezone()


def _read_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise UnfitError(f"{text!r} is no JSON: {error}") from None


_READERS: dict[str, Callable[[str], Any]] = {
    "text": str,
    "long_text": str,
    "integer": _read_integer,
    "number": _read_number,
    "boolean": _read_boolean,
    "date": _moment(date.fromisoformat, "date", "2026-03-01"),
    "time": _moment(time.fromisoformat, "time", "14:30"),
    "datetime": _moment(_read_datetime, "datetime", "2026-03-01 14:30"),
    "json": _read_json,
}
