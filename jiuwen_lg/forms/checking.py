"""Which field of an answer does not fit its schema, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """A field that does not fit.

    Attributes:
        path: The keys and indices that lead to it; empty for the answer itself.
        reason: What its schema asks for, in words.
    """

    path: tuple[str | int, ...]
    reason: str

    def __str__(self) -> str:
        where = ".".join(map(str, self.path))
        return f"{where}: {self.reason}" if where else self.reason


def problems(value: Any, schema: Mapping[str, Any] | None) -> list[Problem]:
    """The fields of an answer that do not fit, in the order of their paths; none if it fits.

    Args:
        value: The answer, as JSON.
        schema: The JSON schema that it must fit; None if any will do.
    """
    if not schema:
        return []
    from jsonschema import Draft202012Validator, FormatChecker
    from referencing.exceptions import Unresolvable

    try:
        errors = [*Draft202012Validator(schema, format_checker=FormatChecker()).iter_errors(value)]
    except (ValueError, TypeError, Unresolvable) as error:
        return [Problem((), str(error))]
    found = dict.fromkeys(problem for error in errors for problem in _problems_in(error))
    return sorted(found, key=lambda problem: [str(key) for key in problem.path])


def _problems_in(error: Any) -> list[Problem]:
    """One for each field that is missing; of variants those of the one that was meant; else what it says."""
    path = tuple(error.absolute_path)
    if error.validator == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        return [Problem((*path, name), "it is required") for name in missing]
    variants: dict[Any, list[Any]] = {}
    for inner in error.context or ():
        variants.setdefault(inner.schema_path[0], []).append(inner)
    meant = [found for found in variants.values() if not _is_of_another_type(found, path)]
    if len(meant) == 1:
        return [problem for inner in meant[0] for problem in _problems_in(inner)]
    reasons = dict.fromkeys(inner.message for found in meant or variants.values() for inner in found)
    return [Problem(path, " or ".join(reasons) or error.message)]


def _is_of_another_type(found: list[Any], path: tuple[Any, ...]) -> bool:
    """Whether a variant is not what was meant: the value is of another type altogether."""
    return any(tuple(inner.absolute_path) == path and inner.validator in {"type", "const"} for inner in found)
