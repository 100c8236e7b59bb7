"""One parameter of a tool: what it is called, what may be given, what holds if nothing is.

Facts: openJiuwen 0.1.1, `components.md` 5.1 and 5.4.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from pydantic_core import to_jsonable_python

from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.schema.values import deep_copy
from jiuwen_lg.tools.types import ValueTypeEnum, value_type

PLACES = ("Body", "Query", "Path", "Headers")
"""Where a service takes a parameter."""


class Param:
    """A parameter of a tool.

    Args:
        name: Its name.
        description: Its description for a language model.
        param_type: `"string"`, `"number"`, `"integer"`, `"boolean"`, `"object"`, `"array"` or
            `"array<…>"`, or `"any"`; other names such as `"int"`, `"dict"` and `"List[str]"` will do. A string
            if nothing is said.
        default_value: What a missing one is.
        required: Whether there must be a value.
        visible: Whether a language model sees it.
        level: Kept for openJiuwen's signature.
        schema: The fields of an object, or of the objects in a list: parameters, or dicts of
            their arguments.
        type: The same as `param_type`; an object so declared may have no schema: it is a dict of anything.
        method: Where a service takes it: `"Body"`, `"Query"`, `"Path"` or `"Headers"`.
        actual_type: Kept for openJiuwen's signature.

    Raises:
        JiuWenBaseException: 182000, there is no name. 182005, there is no such type or place, the default is
            of another type, or the fields of an object are missing.
    """

    def __init__(
        self,
        name: str,
        description: str = "",
        param_type: str | None = None,
        default_value: Any = None,
        required: bool = True,
        visible: bool = True,
        level: int = 0,
        schema: Sequence[Param | Mapping[str, Any]] | None = None,
        *,
        type: str | None = None,
        method: str = "Body",
        actual_type: str = "",
    ) -> None:
        if not isinstance(name, str) or not name:
            raise StatusCode.PLUGIN_UNEXPECTED_ERROR.error(reason=f"a parameter needs a name, not {name!r}")
        self.name = name
        self.description = description
        self.type: ValueTypeEnum = value_type(param_type or type or "string")
        self.required = required
        self.visible = visible
        self.level = level
        self.schema: list[Param] = [part if isinstance(part, Param) else _of_dict(part, name) for part in schema or ()]
        self.method: str = _place(method, name)
        self.actual_type = actual_type
        self.default_value = default_value
        is_open = type is not None or str(param_type).strip().lower() == "dict"
        if not self.schema and ValueTypeEnum.OBJECT in (self.type, self.type.item) and not is_open:
            raise _bad(f"[{name}] is {self.type.value}: it needs a schema, the list of its fields")
        if default_value and not _is(self, default_value):
            raise _bad(f"the default of [{name}] is {default_value!r}, which is no {self.type.value}")

    def value_of(self, given: Any) -> Any:
        """A given value as this type: `"5"` becomes 5, `"false"` becomes False.

        Raises:
            JiuWenBaseException: 182005, it cannot.
        """
        return self.converted(given, self.name)

    def converted(self, given: Any, where: str) -> Any:
        """As `value_of`, for a value that stands at a place inside of the inputs.

        Raises:
            JiuWenBaseException: 182005, it cannot be made this type.
        """
        return _converted(self, given, where)

    def json_schema(self) -> dict[str, Any]:
        """The parameter as JSON Schema."""
        item = self.type.item
        if self.type is ValueTypeEnum.ANY:
            return {"description": self.description}
        inner = object_schema(self.schema) if self.schema else {"type": (item or self.type).value}
        return {"description": self.description, **({"type": "array", "items": inner} if item else inner)}

    @staticmethod
    def format_functions(tool: Any) -> dict[str, Any]:
        """Return a tool's name, description and parameters in openJiuwen's own notation.

        The required fields of an object stand among its properties there; models get JSON Schema instead.
        """
        return {"name": tool.name, "description": tool.description, "parameters": _noted(tool.params)}

    def __repr__(self) -> str:
        return f"Param({self.name!r}, type={self.type.value!r}, required={self.required})"


def object_schema(params: Iterable[Param]) -> dict[str, Any]:
    """Parameters as the JSON Schema of one object; those that are not visible are left out."""
    visible = [param for param in params if param.visible]
    properties = {param.name: param.json_schema() for param in visible}
    return {"type": "object", "properties": properties, "required": [p.name for p in visible if p.required]}


def _noted(params: Iterable[Param]) -> dict[str, Any]:
    visible = [param for param in params if param.visible]
    properties = {param.name: _notation(param) for param in visible}
    return {"type": "object", "properties": properties, "required": [p.name for p in visible if p.required]}


def _notation(param: Param) -> dict[str, Any]:
    item, fields = param.type.item, _noted_fields(param.schema)
    said = {"description": param.description, "type": "array" if item else param.type.value}
    if item:
        return {**said, "items": fields or {"description": param.description, "type": item.value}}
    return {**said, "properties": fields} if fields else said


def _noted_fields(params: Iterable[Param]) -> dict[str, Any]:
    """Fields by name, and the names of the required ones from the first of them on."""
    fields: dict[str, Any] = {}
    for param in (one for one in params if one.visible):
        fields[param.name] = _notation(param)
        if param.required:
            fields.setdefault("required", []).append(param.name)
    return fields


def with_defaults(params: Iterable[Param], given: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs with the defaults of what is missing, inside objects too; the inputs stay as they are."""
    found = dict(given)
    for param in params:
        if found.get(param.name) is None and param.default_value is not None:
            found[param.name] = deep_copy(param.default_value)
        if param.schema and (value := found.get(param.name)) is not None:
            found[param.name] = _inside(value, partial(with_defaults, param.schema))
    return found


def checked(params: Sequence[Param], given: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs with defaults, each declared one as its type; others pass as they are.

    Raises:
        JiuWenBaseException: 182005, a required one is missing, or a value is of another type.
    """
    found = fields_of(params, with_defaults(params, given), "")
    optional = {param.name for param in params if found.get(param.name) is None}
    return {name: value for name, value in found.items() if name not in optional}


def _inside(value: Any, change: Callable[[Mapping[str, Any]], Any]) -> Any:
    """A dict, or the dicts of a list, changed."""
    if isinstance(value, Mapping):
        return change(value)
    return [change(item) if isinstance(item, Mapping) else item for item in value] if isinstance(value, list) else value


def _of_dict(part: Any, name: str) -> Param:
    if not isinstance(part, Mapping):
        raise _bad(f"the schema of [{name}] is a list of parameters or dicts, not {part!r}")
    try:
        return Param(**part)
    except TypeError as error:
        raise _bad(f"a field of [{name}] is described by {dict(part)!r}: {error}") from error


def _place(method: Any, name: str) -> str:
    wanted = str(method).strip().lower()
    for place in PLACES:
        if wanted in (place.lower(), place.lower().removesuffix("s")):
            return place
    raise _bad(f"[{name}] has no place {method!r}; there are {', '.join(PLACES)}")


def _bad(reason: str) -> JiuWenBaseException:
    return StatusCode.PLUGIN_PARAMS_CHECK_FAILED.error(reason=reason)


# --- values ---

_PYTHON: dict[ValueTypeEnum, tuple[type, ...]] = {
    ValueTypeEnum.STRING: (str,),
    ValueTypeEnum.NUMBER: (int, float),
    ValueTypeEnum.INTEGER: (int,),
    ValueTypeEnum.BOOLEAN: (bool,),
    ValueTypeEnum.OBJECT: (dict,),
    ValueTypeEnum.ARRAY: (list,),
    ValueTypeEnum.ANY: (object,),
}


def _is(param: Param, value: Any) -> bool:
    item = param.type.item
    if item is None:
        return isinstance(value, _PYTHON[param.type])
    return isinstance(value, list) and all(isinstance(one, _PYTHON[item]) for one in value)


def fields_of(params: Iterable[Param], given: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The fields of an object, each declared one as its type; others pass as they are."""
    found = dict(given)
    for param in params:
        if found.get(param.name) is not None:
            found[param.name] = param.converted(found[param.name], f"{where}{param.name}")
        elif param.required:
            raise _bad(f"[{where}{param.name}] is required ({param.type.value}); there are {[*given]}")
    return found


def _converted(param: Param, given: Any, where: str) -> Any:
    if not param.type.is_array:
        return _one(param.type, given, param.schema, where)
    if not isinstance(given, list):
        raise _wrong(given, param.type, where)
    item = param.type.item
    if item is None:
        return given
    return [_one(item, one, param.schema, f"{where}[{position}]") for position, one in enumerate(given)]


def _one(kind: ValueTypeEnum, given: Any, fields: Sequence[Param], where: str) -> Any:
    """An object or a plain value."""
    if kind is ValueTypeEnum.OBJECT:
        if not isinstance(given, Mapping):
            raise _wrong(given, kind, where)
        return fields_of(fields, given, f"{where}.")
    try:
        return _SCALARS[kind](given)
    except (TypeError, ValueError, OverflowError):
        raise _wrong(given, kind, where) from None


def _wrong(given: Any, kind: ValueTypeEnum, where: str) -> JiuWenBaseException:
    return _bad(f"[{where}] is to be {kind.value}, {given!r:.200} is not")


def _integer(given: Any) -> int:
    """A whole number, never a part of one: 3.7 is refused, not cut."""
    found = int(given.strip()) if isinstance(given, str) else int(given)
    if not isinstance(given, str) and found != given:
        raise ValueError(given)
    return found


def _number(given: Any) -> int | float:
    """A number as exact as it was given: whole ones stay whole, however large."""
    with suppress(TypeError, ValueError, OverflowError):
        return _integer(given)
    found = float(given)
    if not math.isfinite(found):
        raise ValueError(given)
    return found


def _string(given: Any) -> str:
    """A text; other values as JSON writes them, in their own script."""
    if isinstance(given, str):
        return given
    plain = to_jsonable_python(given)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


_TRUTH = {"true": True, "false": False, "1": True, "0": False}


def _boolean(given: Any) -> bool:
    found = _TRUTH.get(str(given).strip().lower())
    if found is None:
        raise ValueError(given)
    return found


_SCALARS: dict[ValueTypeEnum, Callable[[Any], Any]] = {
    ValueTypeEnum.STRING: _string,
    ValueTypeEnum.NUMBER: _number,
    ValueTypeEnum.INTEGER: _integer,
    ValueTypeEnum.BOOLEAN: _boolean,
    ValueTypeEnum.ANY: lambda given: given,
}
