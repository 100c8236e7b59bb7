"""The fields of a form, made of the JSON schema that an answer must fit.

A field is what a person fills in: a text, a number, a date, a choice, or an object of fields, a list of
equal ones, one of several variants. What has no form of its own is typed as JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from jiuwen_lg.schema.path import MISSING

FieldKind: TypeAlias = Literal[
    "any",
    "text",
    "long_text",
    "integer",
    "number",
    "boolean",
    "date",
    "time",
    "datetime",
    "choice",
    "choices",
    "object",
    "list",
    "tuple",
    "variant",
    "constant",
    "json",
]
"""What a field takes; `any` takes whatever was typed as it is."""

_FORMATS: dict[str, FieldKind] = {
    "date": "date",
    "time": "time",
    "date-time": "datetime",
    "textarea": "long_text",
    "multiline": "long_text",
}
_PLAIN: dict[str, FieldKind] = {"integer": "integer", "number": "number", "boolean": "boolean"}
_BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} of them",
    "maxItems": "at most {} of them",
    "pattern": "matches {}",
}
_LINES = frozenset(("text", "integer", "number", "boolean"))
_LONG = 200
"""Characters; a text that may be longer gets several lines, if its schema sets a limit at all."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the values that a field may have.

    Attributes:
        value: The value.
        label: How people read it.
    """

    value: Any
    label: str


@dataclass(frozen=True, slots=True)
class Field:
    """What a person fills in.

    Attributes:
        kind: What it takes.
        name: Its key in the object that it belongs to; empty at the top.
        title: How people read it.
        description: A sentence about it.
        hint: What its schema asks for besides, in a few words: "at least 1".
        is_required: Whether it may not be left out.
        is_nullable: Whether None is a value.
        default: What counts if nothing is filled in; `MISSING` without one.
        choices: The values of a `choice`, and of the items of `choices`.
        fields: The fields of an `object` or a `tuple`, the variants of a `variant`.
        item: What a `list` consists of.
        schema: The JSON schema of the value, with the definitions that it refers to.
    """

    kind: FieldKind
    name: str = ""
    title: str = ""
    description: str = ""
    hint: str = ""
    is_required: bool = True
    is_nullable: bool = False
    default: Any = MISSING
    choices: tuple[Choice, ...] = ()
    fields: tuple[Field, ...] = ()
    item: Field | None = None
    schema: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def has_default(self) -> bool:
        """Whether something counts if nothing is filled in."""
        return self.default is not MISSING

    def as_data(self) -> dict[str, Any]:
        """The field as plain data, for a page: what is empty is left out."""
        shown: dict[str, Any] = {"kind": self.kind, "required": self.is_required, "nullable": self.is_nullable}
        texts = {"name": self.name, "title": self.title, "description": self.description, "hint": self.hint}
        shown |= {key: text for key, text in texts.items() if text}
        if self.has_default:
            shown["default"] = self.default
        if self.choices:
            shown["choices"] = [{"value": choice.value, "label": choice.label} for choice in self.choices]
        if self.fields:
            shown["fields"] = [inner.as_data() for inner in self.fields]
        if self.item is not None:
            shown["item"] = self.item.as_data()
        return shown


def field_of(schema: Mapping[str, Any] | None) -> Field:
    """The field of an answer.

    Args:
        schema: A question's `answer_schema`; None if any answer will do.

    Examples:
        >>> trip = field_of({"type": "object", "properties": {"days": {"type": "integer", "minimum": 1}}})
        >>> [(field.name, field.kind, field.hint) for field in trip.fields]
        [('days', 'integer', 'at least 1')]
    """
    if not schema:
        return Field("any")
    definitions = {key: schema[key] for key in ("$defs", "definitions") if key in schema}
    return _Maker(definitions, schema).made(schema, ())


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes fields of the parts of one schema.

    Attributes:
        definitions: What references lead to.
        whole: The schema itself, which `#` leads to.
    """

    definitions: Mapping[str, Any]
    whole: Mapping[str, Any]

    def made(self, schema: Any, inside: tuple[str, ...]) -> Field:
        """The field of a part.

        Args:
            schema: The part.
            inside: The references that led here; what contains itself is typed as JSON.
        """
        resolved, followed = self._resolved(schema, inside)
        if resolved is None:
            return Field("json")  # the whole answer is checked against its schema anyway
        made = self._by_kind(resolved, followed)
        return replace(
            made,
            title=str(resolved.get("title") or made.title),
            description=str(resolved.get("description") or made.description),
            hint=made.hint or _hint(resolved),
            default=resolved.get("default", made.default),
            schema=self._complete(schema),
        )

    def _complete(self, schema: Any) -> dict[str, Any]:
        """A part that can be used by itself."""
        part = dict(schema) if isinstance(schema, Mapping) else {}
        return {**self.definitions, **part}

    def _resolved(self, schema: Any, inside: tuple[str, ...]) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
        """A part with what it refers to; None if that contains itself, or cannot be found."""
        found = dict(schema) if isinstance(schema, Mapping) else {}
        while "$ref" in found or _single(found.get("allOf")) is not None:
            reference = found.pop("$ref", None)
            if reference is None:
                found = {**_single(found.pop("allOf")), **found}  # type: ignore[dict-item]
                continue
            target = self._target(str(reference))
            if reference in inside or target is None:
                return None, inside
            inside = (*inside, str(reference))
            found = {**target, **found}
        return found, inside

    def _target(self, reference: str) -> dict[str, Any] | None:
        """What a reference within the schema leads to."""
        place: Any = self.whole
        for key in reference.removeprefix("#").strip("/").split("/"):
            name = key.replace("~1", "/").replace("~0", "~")
            place = place.get(name) if isinstance(place, Mapping) and name else place
        return dict(place) if isinstance(place, Mapping) and reference.startswith("#") else None

    def _by_kind(self, schema: dict[str, Any], inside: tuple[str, ...]) -> Field:
        if "const" in schema:
            return Field("constant", default=schema["const"])
        if isinstance(schema.get("enum"), list):
            return _choice([Choice(value, _text(value)) for value in schema["enum"]])
        options = schema.get("anyOf") or schema.get("oneOf")
        kinds = schema.get("type")
        if not options and isinstance(kinds, list):
            options = [{**schema, "type": kind} for kind in kinds]
        if isinstance(options, list) and "properties" not in schema:
            return self._one_of(options, inside)
        return self._plain(schema, str(kinds or ""), inside)

    def _one_of(self, options: Sequence[Any], inside: tuple[str, ...]) -> Field:
        """One of several: something that may be absent, a choice of values, or a variant."""
        parts = [part for part in options if not _is_null(part)]
        is_nullable = len(parts) < len(options)
        if parts and all(isinstance(part, Mapping) and "const" in part for part in parts):
            choices = [Choice(part["const"], str(part.get("title") or _text(part["const"]))) for part in parts]
            return replace(_choice(choices), is_nullable=is_nullable)
        if len(parts) == 1:
            return replace(self.made(parts[0], inside), is_nullable=is_nullable)
        made = tuple(self.made(part, inside) for part in parts)
        if all(one.kind == "choice" for one in made) and made:
            choices = [choice for one in made for choice in one.choices]
            return replace(_choice(choices), is_nullable=is_nullable)
        if all(one.kind in _LINES for one in made):
            return Field("any", is_nullable=is_nullable)  # what was typed says itself which one it is
        return Field("variant", fields=made, is_nullable=is_nullable)

    def _plain(self, schema: dict[str, Any], kind: str, inside: tuple[str, ...]) -> Field:
        if kind == "string":
            limit = schema.get("maxLength")
            is_long = isinstance(limit, int) and limit > _LONG
            return Field(_FORMATS.get(str(schema.get("format", "")), "long_text" if is_long else "text"))
        if kind in _PLAIN:
            return Field(_PLAIN[kind])
        if kind == "array" or "prefixItems" in schema:
            return self._list(schema, inside)
        if kind == "object" or "properties" in schema:
            return self._object(schema, inside)
        return Field("json" if kind or set(schema) - _ABOUT else "any")

    def _list(self, schema: dict[str, Any], inside: tuple[str, ...]) -> Field:
        if isinstance(schema.get("prefixItems"), list):
            parts = [self.made(part, inside) for part in schema["prefixItems"]]
            return Field("tuple", fields=tuple(replace(part, name=str(n)) for n, part in enumerate(parts)))
        item = self.made(schema.get("items", {}), inside)
        if item.kind == "choice" and schema.get("uniqueItems"):
            return Field("choices", choices=item.choices)
        return Field("list", item=item)

    def _object(self, schema: dict[str, Any], inside: tuple[str, ...]) -> Field:
        properties = schema.get("properties")
        if not isinstance(properties, Mapping) or not properties:
            return Field("json")
        required = schema.get("required", ())
        fields = [
            replace(self.made(part, inside), name=str(name), is_required=name in required)
            for name, part in properties.items()
        ]
        return Field("object", fields=tuple(fields))


_ABOUT = frozenset(("title", "description", "default", "examples", "$defs", "definitions", "$schema"))
"""Keys that say nothing of what a value must be."""


def fields_within(top: Field, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Field]]:
    """The fields of an object, and of the objects in it, with their paths."""
    yield path, top
    for inner in top.fields if top.kind in {"object", "tuple"} else ():
        yield from fields_within(inner, (*path, int(inner.name) if top.kind == "tuple" else inner.name))


def title_of(one: Field) -> str:
    """How a field is called: its title, else its name."""
    return one.title or one.name.replace("_", " ").capitalize()


def _choice(choices: Sequence[Choice]) -> Field:
    values = tuple(choice for choice in choices if choice.value is not None)
    return Field("choice", choices=values, is_nullable=len(values) < len(choices))


def _single(parts: Any) -> dict[str, Any] | None:
    """The part of an `allOf` that has only one."""
    is_one = isinstance(parts, list) and len(parts) == 1 and isinstance(parts[0], Mapping)
    return dict(parts[0]) if is_one else None


def _is_null(part: Any) -> bool:
    return isinstance(part, Mapping) and (part.get("type") == "null" or ("const" in part and part["const"] is None))


def _hint(schema: Mapping[str, Any]) -> str:
    """What a schema asks for besides a type."""
    bounds = [text.format(schema[key]) for key, text in _BOUNDS.items() if schema.get(key) is not None]
    format_ = schema.get("format")
    return ", ".join([*([str(format_)] if format_ and format_ not in _FORMATS else []), *bounds])


def _text(value: Any) -> str:
    from jiuwen_lg.schema.values import as_text

    return as_text(value)
