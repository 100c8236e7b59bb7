"""The fields of an answer: their descriptions for a model, and whether an answer has them.

Facts: openJiuwen 0.1.1, `components.md` 2.1, 2.2 and 2.4 (its Q12 left out).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, NotRequired, Required

from pydantic import BeforeValidator, TypeAdapter, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from typing_extensions import TypedDict

from jiuwen_lg.errors import StatusCode
from jiuwen_lg.models.reply import the_object_in


def _whole(value: Any) -> Any:
    """A whole number that a model wrote as `1.0` or `"1"`."""
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return int(value)
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        return int(value)
    return value


def _number(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """A number as it was written: a float would make 5.0 of 5, and round what is large."""
    if isinstance(value, str) and _DECIMAL.fullmatch(value.strip()):
        number = _whole(value) if _WHOLE.fullmatch(value.strip()) else float(value)
        value = number if math.isfinite(number) else value
    check(value)
    return value


def _truth(value: Any) -> Any:
    """A truth value that a model wrote as a text."""
    return {"true": True, "false": False}.get(value.strip().lower(), value) if isinstance(value, str) else value


_EXACT = 2**53
"""Below it a float holds every whole number."""

_WHOLE = re.compile(r"[+-]?\d{1,300}")
_DECIMAL = re.compile(r"[+-]?\d{1,300}(?:\.\d{1,300})?(?:[eE][+-]?\d{1,3})?")

_TYPES: dict[str, Any] = {
    "string": str,
    "integer": Annotated[int, BeforeValidator(_whole)],
    "number": Annotated[float, WrapValidator(_number)],
    "boolean": Annotated[bool, BeforeValidator(_truth)],
}
_STRICT = {"strict": True, "extra": "ignore"}


class AnswerFields:
    """The fields of a JSON answer.

    Args:
        config: By name: `type` (`string`, `integer`, `number`, `boolean`, `array` with `items`, `object` with
            `properties`), `description`, and whether the field is `required` (it is unless it says False).
    """

    def __init__(self, config: Mapping[str, Mapping[str, Any]]) -> None:
        self._config = config
        self._adapter: TypeAdapter[Any] | None = None

    def schema(self) -> dict[str, Any]:
        """The JSON schema of the answer."""
        return {"type": "object", **_fields_schema(self._config)}

    def require(self) -> TypeAdapter[Any]:
        """Return the reader of answers.

        Raises:
            JiuWenBaseException: 101007, a field has a type that does not exist.
        """
        if self._adapter is None:
            self._adapter = TypeAdapter(_dict_of("answer", self._config))
        return self._adapter

    def read(self, value: Any) -> dict[str, Any]:
        """The configured fields of an answer; those of an object without `properties` are kept as they are.

        Raises:
            JiuWenBaseException: 101007, a field is missing, of another type, or of one that does not exist.
        """
        try:
            return dict(self.require().validate_python(the_object_in(value)))
        except ValidationError as error:
            faults = "; ".join(f"{_place(e['loc'])}: {e['msg']}" for e in error.errors(include_input=False))
            raise StatusCode.PROMPT_JSON_SCHEMA_ERROR.error(error_msg=faults) from None


def _place(where: tuple[Any, ...]) -> str:
    return ".".join(map(str, where)) or "the answer"


def is_required(field: Mapping[str, Any]) -> bool:
    """Whether a field must be there."""
    required = field.get("required", True)
    return required.strip().lower() != "false" if isinstance(required, str) else bool(required)


def _fields_schema(fields: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    properties = {name: _field_schema(field) for name, field in fields.items()}
    return {"properties": properties, "required": [name for name, field in fields.items() if is_required(field)]}


def _field_schema(field: Mapping[str, Any]) -> dict[str, Any]:
    schema = {"type": str(field.get("type", "string")).strip().lower(), "description": field.get("description", "")}
    if items := field.get("items"):
        schema["items"] = _field_schema(items)
    if properties := field.get("properties"):
        schema |= _fields_schema(properties)
    return schema


def _type_of(name: str, field: Mapping[str, Any]) -> Any:
    kind = str(field.get("type", "string")).strip().lower()
    if kind == "array":
        return list[_type_of(f"{name}[]", field["items"]) if field.get("items") else Any]  # type: ignore[misc]
    if kind == "object":
        properties = field.get("properties")
        return _dict_of(name, properties) if properties else dict[str, Any]
    if kind not in _TYPES:
        known = ", ".join((*_TYPES, "array", "object"))
        raise StatusCode.PROMPT_JSON_SCHEMA_ERROR.error(error_msg=f"[{name}] has no type {kind!r}; there are {known}")
    return _TYPES[kind]


def _dict_of(name: str, fields: Mapping[str, Mapping[str, Any]]) -> Any:
    kinds = {
        key: (Required if is_required(field) else NotRequired)[_type_of(key, field)] for key, field in fields.items()
    }
    make: Any = TypedDict  # made of names that are known at run time only
    found = make(name, kinds)
    found.__pydantic_config__ = _STRICT
    return found
