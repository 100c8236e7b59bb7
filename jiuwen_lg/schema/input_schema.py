"""The inputs that a workflow declares, enforced where strangers call it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jiuwen_lg.errors import JiuWenBaseException, StatusCode

_MOST = 5
"""So many faults are named."""


def faults_in(inputs: Any, schema: Mapping[str, Any] | None) -> list[tuple[tuple[str | int, ...], str]]:
    """Return what does not fit in a workflow's inputs: where, and why.

    An input that is None counts as absent, as it does in a run.

    Raises:
        JiuWenBaseException: 100100, the declaration is no JSON schema.
    """
    if not schema or not isinstance(inputs, (Mapping, type(None))):
        return []  # what is no dict is refused elsewhere
    from jsonschema import Draft202012Validator, FormatChecker, SchemaError
    from referencing.exceptions import Unresolvable

    try:
        Draft202012Validator.check_schema(schema)
        validator = Draft202012Validator(schema, format_checker=FormatChecker())
        given = {key: _as_json(value) for key, value in (inputs or {}).items() if value is not None}
        return [(tuple(error.path), error.message) for error in _ordered(validator.iter_errors(given))]
    except (SchemaError, Unresolvable) as error:
        raise _refused(f"the declared inputs are no JSON schema: {getattr(error, 'message', error)}") from None


def require_inputs(inputs: Any, schema: Mapping[str, Any] | None) -> None:
    """Check a workflow's inputs.

    Raises:
        JiuWenBaseException: 100100, they do not fit; the text says where and why.
    """
    if faults := faults_in(inputs, schema):
        told = [f"{'.'.join(map(str, path))}: {message}" if path else message for path, message in faults[:_MOST]]
        more = [f"and {len(faults) - _MOST} more"] if len(faults) > _MOST else []
        raise _refused(f"the inputs do not fit the declared ones: {'; '.join([*told, *more])}")


def _ordered(errors: Iterable[Any]) -> list[Any]:
    return sorted(errors, key=lambda error: [str(part) for part in error.path])


def _as_json(value: Any) -> Any:
    from pydantic_core import to_jsonable_python

    return to_jsonable_python(value, by_alias=True, fallback=lambda other: f"a {type(other).__name__}")


def _refused(reason: str) -> JiuWenBaseException:
    return StatusCode.WORKFLOW_EXECUTE_INNER_ERROR.error(error=reason)
