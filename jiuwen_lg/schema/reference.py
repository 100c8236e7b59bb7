"""`${a.b}` schemas: parsed once when a workflow is built, resolved at every turn.

A schema is a literal, a reference, or a dict or list of schemas. Facts: openJiuwen
0.1.1, `engine.md` 2.2; a partial string (`"hi ${q}"`) is a literal wherever it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from jiuwen_lg.errors import StatusCode
from jiuwen_lg.schema.path import MISSING, Path, find, parse_path, walk
from jiuwen_lg.schema.values import MAX_DEPTH, deep_copy

Reader: TypeAlias = Callable[[str], Any]
"""Gives what the first name of a path stands for, or `MISSING`."""

MAX_PATH = 1000
"""A longer text in braces is not a reference."""

BRACES = r"\$\{((?:\['(?:\\.|[^'\\])*'\]|[^}])*)\}"
"""The pattern of a reference: braces, in which a quoted key may hold any character."""

_BRACES = re.compile(BRACES, re.DOTALL)


@dataclass(frozen=True, slots=True)
class Reference:
    """A `${path}`.

    Attributes:
        path: Its keys and positions.
        text: The path as it is written.
    """

    path: Path
    text: str = field(default="", compare=False)

    @classmethod
    def to(cls, text: str) -> Reference:
        """The reference whose path is written like this."""
        return cls(parse_path(text), text)

    def find(self, read: Reader) -> Any:
        """Return what the path leads to, as it lies in the state (not to be changed), or `MISSING`."""
        return find(read, self.text) if self.text else walk(read(self.name), self.path[1:])

    def resolve(self, read: Reader) -> Any:
        """A copy of the value that the path leads to, `None` where it leads nowhere."""
        value = self.find(read)
        return None if value is MISSING else deep_copy(value)

    @property
    def name(self) -> str:
        """The first name of the path."""
        return str(self.path[0])


@dataclass(frozen=True, slots=True)
class Literal:
    """Anything that is not a reference."""

    value: Any

    def resolve(self, read: Reader) -> Any:
        """A copy of the value, so that a component cannot change the schema."""
        return deep_copy(self.value)


@dataclass(frozen=True, slots=True)
class Fields:
    """A dict of schemas."""

    items: tuple[tuple[Any, Schema], ...]

    def resolve(self, read: Reader) -> dict[Any, Any]:
        """The dict with each value resolved; keys of missing values stay, with None."""
        return {key: schema.resolve(read) for key, schema in self.items}


@dataclass(frozen=True, slots=True)
class Items:
    """A list of schemas."""

    items: tuple[Schema, ...]

    def resolve(self, read: Reader) -> list[Any]:
        """The list with each item resolved."""
        return [schema.resolve(read) for schema in self.items]


Schema: TypeAlias = Reference | Literal | Fields | Items


def parse_reference(text: str) -> Reference | None:
    """The reference that a string is, or None if it is a literal."""
    text = text.strip()
    if not (text.startswith("${") and text.endswith("}") and len(text) > 3):
        return None
    braces = _BRACES.search(text)
    inner = braces.group(1) if braces else ""
    if not inner or len(inner) > MAX_PATH:
        return None
    # "${${q}}" and "${q}${x}" resolve their first inner reference only.
    reference = Reference.to(inner.rpartition("${")[2].strip())
    return reference if reference.path else None


def parse_schema(schema: Any, room: int = MAX_DEPTH) -> Schema:
    """Parse a schema as the user wrote it.

    Args:
        schema: The schema.
        room: How many levels of dicts and lists it may have.

    Raises:
        ValueError: It has more.
    """
    if isinstance(schema, str):
        return parse_reference(schema) or Literal(schema)
    if not isinstance(schema, (dict, list)):
        return Literal(schema)
    if not room:
        raise ValueError(f"a schema is nested more than {MAX_DEPTH} levels deep, or holds itself")
    if isinstance(schema, dict):
        return Fields(tuple((key, parse_schema(value, room - 1)) for key, value in schema.items()))
    return Items(tuple(parse_schema(item, room - 1) for item in schema))


def references(schema: Schema) -> Iterator[Reference]:
    """Every reference in a schema, in order."""
    if isinstance(schema, Reference):
        yield schema
    elif isinstance(schema, Fields):
        for _, item in schema.items:
            yield from references(item)
    elif isinstance(schema, Items):
        for item in schema.items:
            yield from references(item)


_SUBSCRIPT_OUTSIDE = re.compile(r"\$\{[^}]*\}\s*\[")


def require_no_subscript(schema: Any, where: str) -> None:
    """Check that no reference has its subscript outside the braces, where it would be text.

    Raises:
        JiuWenBaseException: 101151, one has.
    """
    if isinstance(schema, dict):
        for item in schema.values():
            require_no_subscript(item, where)
    elif isinstance(schema, list):
        for item in schema:
            require_no_subscript(item, where)
    elif isinstance(schema, str) and _SUBSCRIPT_OUTSIDE.match(schema):
        reason = f"{where} has {schema!r}: the subscript belongs inside the braces, as in '${{a.b[0]}}'"
        raise StatusCode.LOOP_COMPONENT_EXECUTION_ERROR.error(error_msg=reason)


def of_mapping(value: Any) -> Reader:
    """Read names from a dict; anything else has no names."""
    if isinstance(value, dict):
        return lambda name: value.get(name, MISSING)
    return lambda _: MISSING


def reference_to(key: str) -> Reference:
    """The reference that a key is, be it a path or a `${path}`."""
    return parse_reference(key) or Reference.to(key)


def look_up(key: Any, read: Reader) -> Any:
    """Return what a `get_*_state(key)` asks for: a path, a `${path}`, or a dict or list of references."""
    if isinstance(key, str):
        return reference_to(key).resolve(read)
    return parse_schema(key).resolve(read)
