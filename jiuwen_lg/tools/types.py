"""The types of a tool's parameters.

Facts: openJiuwen 0.1.1, `components.md` 5.1.
"""

from __future__ import annotations

from enum import StrEnum

from jiuwen_lg.errors import StatusCode


class ValueTypeEnum(StrEnum):
    """The types, as JSON Schema names them; `array<…>` says what a list is made of, `any` leaves a value as it is."""

    STRING = "string"
    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    OBJECT = "object"
    ARRAY = "array"
    ARRAY_STRING = "array<string>"
    ARRAY_NUMBER = "array<number>"
    ARRAY_INTEGER = "array<integer>"
    ARRAY_BOOLEAN = "array<boolean>"
    ARRAY_OBJECT = "array<object>"
    ANY = "any"

    @property
    def item(self) -> ValueTypeEnum | None:
        """The type of a list's items; None if it is no list, or one of anything."""
        inner = self.value.removeprefix("array<")
        return ValueTypeEnum(inner.removesuffix(">")) if inner != self.value else None

    @property
    def is_array(self) -> bool:
        """Whether its values are lists."""
        return self.value.startswith("array")


_ALIASES = {
    "str": "string",
    "float": "number",
    "int": "integer",
    "bool": "boolean",
    "list": "array",
    "map": "object",
    "dict": "object",
}


def value_type(name: object) -> ValueTypeEnum:
    """The type of a name: `int`, `Integer`, `List[int]`, `array<string>`, `dict` and so on.

    Raises:
        JiuWenBaseException: 182005, there is no such type.
    """
    if isinstance(name, str):
        outer, _, inner = name.strip().replace("[", "<").replace("]", ">").removesuffix(">").partition("<")
        words = [_ALIASES.get(word.strip().lower(), word.strip().lower()) for word in (outer, inner) if word]
        if words == ["array", "any"]:
            words = ["array"]
        canonical = words[0] if len(words) == 1 else "{}<{}>".format(*words) if words else ""
        if canonical in set(ValueTypeEnum):
            return ValueTypeEnum(canonical)
    known = ", ".join(ValueTypeEnum)
    raise StatusCode.PLUGIN_PARAMS_CHECK_FAILED.error(reason=f"{name!r} is no type of a parameter; there are {known}")
