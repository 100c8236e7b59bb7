"""A function's annotations as parameters: pydantic checks arguments and describes them to a model."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo

from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.schema.values import equal
from jiuwen_lg.tools.param import Param
from jiuwen_lg.tools.types import ValueTypeEnum

_DEEPEST = 20
"""Levels of a type; one that contains itself has more."""


class AnnotatedParam(Param):
    """A parameter whose values are what an annotation says: an Enum's member, a date, a model, a bounded number.

    Args:
        name: Its name.
        annotation: The annotation.
        default: What a missing one is; `inspect.Parameter.empty` if there must be a value.

    Raises:
        JiuWenBaseException: 182005, no JSON can be of that type.
    """

    def __init__(self, name: str, annotation: Any, default: Any) -> None:
        field = _field(annotation, default)
        self._adapter = _adapter(name, annotation)
        self._schema = _inlined(name, _json_schema(name, self._adapter))
        super().__init__(
            name,
            field.description or str(self._schema.get("description", "")),
            type=_kind_of(self._schema),
            schema=_fields_of(self._schema),
            required=field.is_required() and not _is_nullable(self._adapter),
        )
        self.has_default: bool = not field.is_required()
        self.default_value: Any = None if field.is_required() else field.get_default(call_default_factory=True)

    def converted(self, given: Any, where: str) -> Any:
        """A value as the annotation says.

        Raises:
            JiuWenBaseException: 182005, it does not fit; the reason names the place, for a model to read.
        """
        if self.has_default and type(given) is type(self.default_value) and equal(given, self.default_value):
            return given  # a default need not be what the annotation says: `x: int = "auto"`
        try:
            return self._adapter.validate_python(given)
        except ValidationError as error:
            raise StatusCode.PLUGIN_PARAMS_CHECK_FAILED.error(reason=_faults(error, where)) from error

    def json_schema(self) -> dict[str, Any]:
        """The parameter as JSON Schema, bounds and choices included."""
        return {"description": self.description, **{k: v for k, v in self._schema.items() if k != "description"}}


def params_of(func: Callable[..., Any]) -> list[Param]:
    """Return a function's parameters by its annotations; those with a default need none.

    Raises:
        JiuWenBaseException: 182005, an annotation is missing or is none that a tool can have.
    """
    try:
        hints = get_type_hints(func, include_extras=True)
    except NameError as error:
        raise _unfit(str(error.name), "an annotation that cannot be resolved") from error
    found: list[Param] = []
    for name, parameter in inspect.signature(func).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if name in hints:
            found.append(AnnotatedParam(name, hints[name], parameter.default))
        elif parameter.default is parameter.empty:
            raise _unfit(name, "no annotation")
    return found


def absent(params: Iterable[Param], given: Mapping[str, Any]) -> dict[str, None]:
    """Return None for what may be None, has no default and was not given: a function wants every argument."""
    annotated = (param for param in params if isinstance(param, AnnotatedParam))
    return {one.name: None for one in annotated if not (one.required or one.has_default or one.name in given)}


def _field(annotation: Any, default: Any) -> FieldInfo:
    if default is inspect.Parameter.empty:
        return FieldInfo.from_annotation(annotation)
    return FieldInfo.from_annotated_attribute(annotation, default)


def _adapter(name: str, annotation: Any) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(annotation, config=ConfigDict(coerce_numbers_to_str=True))
    except PydanticUserError as error:
        if error.code != "type-adapter-config-unused":  # a model has a configuration of its own
            raise _unfit(name, f"annotation {annotation!r}") from error
    return TypeAdapter(annotation)


def _json_schema(name: str, adapter: TypeAdapter[Any]) -> dict[str, Any]:
    try:
        return adapter.json_schema()
    except (PydanticUserError, NameError) as error:
        raise _unfit(name, f"a type that no JSON has ({str(error).splitlines()[0]})") from error


def _is_nullable(adapter: TypeAdapter[Any]) -> bool:
    try:
        return adapter.validate_python(None) is None
    except ValidationError:
        return False


def _faults(error: ValidationError, where: str) -> str:
    """What does not fit, place by place, and what was given."""
    faults = error.errors(include_url=False, include_context=False)
    return "; ".join(
        f"[{where}{''.join(f'[{part}]' if isinstance(part, int) else f'.{part}' for part in fault['loc'])}]: "
        f"{fault['msg']}; it is {fault['input']!r:.200}"
        for fault in faults
    )


# --- descriptions for a model ---


def _inlined(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON schema without references and without pydantic's titles; `… | null` becomes `…`."""
    found = _resolved(name, schema, schema.get("$defs", {}), 0)
    found.pop("$defs", None)
    return found


def _resolved(name: str, schema: Mapping[str, Any], defs: Mapping[str, Any], depth: int) -> dict[str, Any]:
    if depth > _DEEPEST:
        raise _unfit(name, "a type that contains itself")
    if reference := schema.get("$ref"):
        target = defs[reference.rpartition("/")[2]]
        more = {key: value for key, value in schema.items() if key != "$ref"}
        return _resolved(name, {**target, **more}, defs, depth + 1)
    options = [option for option in schema.get("anyOf", ()) if option.get("type") != "null"]
    if len(options) == 1:
        more = {key: value for key, value in schema.items() if key not in ("anyOf", "default")}
        return _resolved(name, {**options[0], **more}, defs, depth + 1)
    return {key: _part(name, key, value, defs, depth) for key, value in schema.items() if key not in _UNTOLD}


_UNTOLD = ("title", "$defs", "default")
_MAPS = ("properties", "patternProperties")


def _part(name: str, key: str, value: Any, defs: Mapping[str, Any], depth: int) -> Any:
    if key in _MAPS:
        return {field: _resolved(name, part, defs, depth + 1) for field, part in value.items()}
    if isinstance(value, Mapping):
        return _resolved(name, value, defs, depth + 1)
    if isinstance(value, list) and key in ("anyOf", "allOf", "oneOf", "prefixItems"):
        return [_resolved(name, part, defs, depth + 1) for part in value]
    return value


def _kind_of(schema: Mapping[str, Any]) -> ValueTypeEnum:
    """The nearest of openJiuwen's types; `any` for one that it does not have."""
    kind, items = schema.get("type"), schema.get("items")
    if kind == "array" and isinstance(items, Mapping) and (inner := items.get("type")) in _ITEMS:
        return ValueTypeEnum(f"array<{inner}>") if inner != "object" or items.get("properties") else ValueTypeEnum.ARRAY
    return ValueTypeEnum(kind) if kind in _KINDS else ValueTypeEnum.ANY


_ITEMS = ("string", "number", "integer", "boolean", "object")
_KINDS = (*_ITEMS, "array")


def _fields_of(schema: Mapping[str, Any]) -> Sequence[Param]:
    """The fields of an object, or of the objects in a list, to be looked at: the annotation converts them."""
    inner = schema.get("items") or {} if schema.get("type") == "array" else schema
    required = inner.get("required", ())
    return [
        Param(
            name,
            str(part.get("description", "")),
            type=_kind_of(part),
            required=name in required,
            schema=_fields_of(part),
        )
        for name, part in (inner.get("properties") or {}).items()
    ]


def _unfit(name: str, what: str) -> JiuWenBaseException:
    return StatusCode.PLUGIN_PARAMS_CHECK_FAILED.error(
        reason=f"[{name}] has {what}; a tool's parameter is a str, int, float, bool, date, Enum, Literal, list, dict, "
        "pydantic model or whatever else pydantic reads from JSON, or give its params"
    )
