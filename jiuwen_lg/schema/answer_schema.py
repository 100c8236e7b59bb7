"""The schema of an answer: a type or a JSON schema, given with a question.

The JSON schema is stored with the question, so that an answer can be refused before the component
runs again; the type makes of the answer what the component wants. What only the type knows (a pydantic
validator) shows when the component has it: it then asks again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.schema.values import normalize


def json_schema_of(schema: Any) -> dict[str, Any] | None:
    """A type's JSON schema (of `int`, a pydantic model, `Literal[...]`, …); a JSON schema is its own.

    Raises:
        ValueError: It is no JSON schema.
    """
    if schema is None:
        return None
    from jsonschema import Draft202012Validator, SchemaError
    from pydantic import TypeAdapter

    found = dict(schema) if isinstance(schema, Mapping) else TypeAdapter(schema).json_schema()
    try:
        Draft202012Validator.check_schema(found)
    except SchemaError as error:
        raise ValueError(f"{found!r} is no JSON schema: {error.message}") from None
    return found


def require_fit(answer: Any, schema: Mapping[str, Any] | None, asker: str) -> None:
    """Check an answer, in the form in which it is kept, against the stored JSON schema.

    Raises:
        JiuWenBaseException: 100000, it does not fit; the reason says where and why.
    """
    if schema is None:
        return
    from jsonschema import Draft202012Validator, FormatChecker, ValidationError
    from referencing.exceptions import Unresolvable

    try:
        Draft202012Validator(schema, format_checker=FormatChecker()).validate(_as_json(answer))
    except ValidationError as error:
        where = f" at {error.json_path}" if error.path else ""
        raise _unfit(asker, f"{where}: {error.message}") from None
    except (ValueError, TypeError, Unresolvable) as error:
        raise _unfit(asker, f": {error}") from error


def _unfit(asker: str, why: str) -> JiuWenBaseException:
    return StatusCode.INTERACTIVE_INVALID_INPUT_ERROR.error(reason=f"the answer to [{asker}] does not fit{why}")


def _as_json(answer: Any) -> Any:
    from pydantic import BaseModel
    from pydantic_core import to_jsonable_python

    if isinstance(answer, BaseModel):  # as it is given, not as it is shown
        fields = type(answer).model_fields
        answer = {str(field.alias or name): getattr(answer, name) for name, field in fields.items()}
    return to_jsonable_python(normalize(answer))


def fitted(answer: Any, schema: Any) -> Any:
    """An answer as what the component asked for: an instance of the type.

    Raises:
        pydantic.ValidationError: It does not fit.
        JiuWenBaseException: 100000, it does not fit a JSON schema.
    """
    if schema is None:
        return answer
    if isinstance(schema, Mapping):
        require_fit(answer, schema, "the question")
        return answer
    from pydantic import TypeAdapter

    return TypeAdapter(schema).validate_python(answer)


def typed(text: str, schema: Mapping[str, Any] | None) -> Any:
    """Convert what a person typed to the value that a schema asks for; the text itself if it cannot be read so."""
    if not schema:
        return text
    readings = [_WORDS[text.strip().lower()]] if text.strip().lower() in _WORDS else []
    with suppress(ValueError):
        readings.insert(0, json.loads(text))
    for value in [*(value for value in readings if value is not None), text]:
        try:
            require_fit(value, schema, "")
        except JiuWenBaseException:
            continue
        return value
    return text


_WORDS = {"yes": True, "true": True, "no": False, "false": False}


def choices_in(schema: Mapping[str, Any]) -> list[Any]:
    """The values that an answer may have, if they are counted; of something optional those of the thing itself."""
    if "$ref" in schema:
        return choices_in(schema.get("$defs", {}).get(schema["$ref"].rpartition("/")[2], {}))
    parts = [dict(part, **{"$defs": schema.get("$defs", {})}) for part in schema.get("anyOf", ()) if part != _NULL]
    return choices_in(parts[0]) if len(parts) == 1 else [*schema.get("enum", ())]


_NULL = {"type": "null"}
