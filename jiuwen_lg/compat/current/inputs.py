"""The inputs of a workflow, checked against its card."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, create_model
from pydantic import ValidationError as Unfit

from jiuwen_lg.compat.current.codes import StatusCode
from jiuwen_lg.compat.current.errors import build_error

_TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "null": None,
}


def fitted_inputs(params: dict[str, Any] | type[BaseModel] | None, inputs: Any) -> Any:
    """Return inputs with the defaults of what is absent; values that are given stay as they are.

    Raises:
        ValidationError: 100016, a required one is missing, one is unknown, or one cannot be converted.
    """
    if not isinstance(inputs, dict) or not params:
        return inputs
    model = params if isinstance(params, type) else model_of(params)
    try:
        checked = model.model_validate(inputs)
    except Unfit as error:
        unfit = build_error(StatusCode.SCHEMA_VALIDATE_INVALID, cause=error, reason=str(error))
        raise build_error(StatusCode.WORKFLOW_EXECUTE_INPUT_INVALID, cause=unfit, reason=str(error)) from unfit
    absent = {name for name in model.model_fields if name not in inputs and name not in checked.model_fields_set}
    defaults = {name: value for name, value in checked.model_dump(include=absent).items() if value is not None}
    return {**inputs, **defaults}


def model_of(schema: dict[str, Any], name: str = "DynamicModel") -> type[BaseModel]:
    """A JSON schema of an object as a pydantic class; what it does not declare is refused."""
    properties = schema.get("properties", {})
    required = schema.get("required", ())
    fields: dict[str, Any] = {}
    for key, given in properties.items():
        part = given if isinstance(given, dict) else {}
        annotation = type_of(part, key)
        if key in required or part.get("required") is True:
            fields[key] = (annotation, ...)
        else:
            fields[key] = (annotation | None, part.get("default"))
    extra: Literal["allow", "forbid"] = "allow" if _is_open(schema) else "forbid"
    return create_model(name, __config__=ConfigDict(extra=extra, protected_namespaces=()), **fields)


def _is_open(schema: dict[str, Any]) -> bool:
    said = schema.get("additionalProperties")
    return not schema.get("properties") if said is None else bool(said)


def type_of(schema: dict[str, Any], name: str = "") -> Any:
    """The Python type of a part of a JSON schema; Any where it says nothing usable."""
    if choices := schema.get("enum"):
        return Literal[tuple(choices)]
    if options := schema.get("anyOf") or schema.get("oneOf"):
        return reduce(or_, (type_of(option, name) for option in options))
    kind = schema.get("type")
    if isinstance(kind, list):
        return reduce(or_, (type_of({**schema, "type": one}, name) for one in kind))
    if kind == "array":
        return list[type_of(schema.get("items") or {}, name)]  # type: ignore[misc]
    if kind == "object":
        return model_of(schema, name or "DynamicModel") if schema.get("properties") else dict[str, Any]
    return _TYPES.get(str(kind), Any)
