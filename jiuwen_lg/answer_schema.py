"""What an answer must be like: a type or a JSON schema, given with a question.

The JSON schema goes on file with the question, so that an answer can be refused before the component
runs again; the type makes of the answer what the component wants.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jiuwen_lg.errors import StatusCode


def json_schema_of(schema: Any) -> dict[str, Any] | None:
    """A type's JSON schema (of `int`, a pydantic model, `Literal[...]`, …); a JSON schema is its own."""
    if schema is None or isinstance(schema, Mapping):
        return None if schema is None else dict(schema)
    from pydantic import TypeAdapter

    return TypeAdapter(schema).json_schema()


def require_fit(answer: Any, schema: Mapping[str, Any] | None, asker: str) -> None:
    """Check an answer against the JSON schema on file.

    Raises:
        JiuWenBaseException: 100000, it does not fit; the reason says where and why.
    """
    if schema is None:
        return
    from jsonschema import ValidationError, validate
    from pydantic_core import to_jsonable_python

    try:
        validate(to_jsonable_python(answer), schema)
    except ValidationError as error:
        where = f" at {error.json_path}" if error.path else ""
        reason = f"the answer to [{asker}] does not fit{where}: {error.message}"
        raise StatusCode.INTERACTIVE_INVALID_INPUT_ERROR.error(reason=reason) from None


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
