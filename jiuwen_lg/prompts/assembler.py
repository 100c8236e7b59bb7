"""Prompts put together from variables that have slots of their own.

Facts: openJiuwen 0.1.1, `agents.md` 13.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.models.messages import as_dicts
from jiuwen_lg.prompts.template import fill_content
from jiuwen_lg.schema.template import Slot, parse_template


class Variable:
    """A part of a prompt that is made from values; override `update`, which sets `value`.

    Args:
        name: The slot that it fills.
        input_keys: The values that it is made from.
    """

    def __init__(self, name: str, input_keys: list[str] | None = None) -> None:
        self.name = name
        self.input_keys: list[str] = input_keys or []
        self.value: Any = ""

    def update(self, **kwargs: Any) -> None:
        """Set `value` from the values of `input_keys`."""

    def eval(self, **kwargs: Any) -> Any:
        """Return the value made from these values; others than those of `input_keys` are left out."""
        self.update(**{key: kwargs.get(key) for key in self.input_keys})
        return self.value


class TextableVariable(Variable):
    """A text with slots of its own; a slot without a value shows `None`.

    Args:
        text: The text.
        name: The slot that it fills.
    """

    def __init__(self, text: str, name: str = "default") -> None:
        super().__init__(name, slots_of(text))
        self.text = text

    def update(self, **kwargs: Any) -> None:
        """Fill the text's slots."""
        shown = {key: "None" if value is None else value for key, value in kwargs.items()}
        self.value: Any = fill_content(self.text, shown)


class Assembler:
    """A prompt whose slots are filled by values, or by variables made from values.

    Args:
        template_content: A text, or messages.
        variables: Variables by slot.

    Raises:
        JiuWenBaseException: 180000, a slot is empty, or a variable belongs to no slot.

    Examples:
        >>> prompt = Assembler("{{greeting}} {{name}}", greeting=TextableVariable("Good {{time}}"))
        >>> prompt.assemble(time="day", name="Al")
        'Good day Al'
    """

    def __init__(self, template_content: Any, **variables: Any) -> None:
        self._content = template_content
        self._slots = [slot for text in _texts_in(template_content) for slot in slots_of(text)]
        for name, variable in variables.items():
            if name not in self._slots:
                raise _unusable(f"there is no slot {name!r} for a variable; there are {self._slots}")
            if not isinstance(variable, Variable):
                raise _unusable(f"the variable of {name!r} is no Variable: {variable!r}")
        self._variables = variables

    @property
    def input_keys(self) -> list[str]:
        """The values that `assemble` takes."""
        keys = [self._variables[slot].input_keys if slot in self._variables else [slot] for slot in self._slots]
        return list(dict.fromkeys(key for some in keys for key in some))

    def assemble(self, **kwargs: Any) -> Any:
        """Return the prompt, a text or dicts; a slot without a value stays."""
        made = {name: variable.eval(**kwargs) for name, variable in self._variables.items()}
        filled = fill_content(self._content, {**kwargs, **made})
        return filled if isinstance(filled, str) else as_dicts(filled)


def slots_of(text: str) -> list[str]:
    """Return the names that a text's slots begin with, each once.

    Raises:
        JiuWenBaseException: 180000, a slot is empty.
    """
    slots = [part for part in parse_template(text, innermost=True).parts if isinstance(part, Slot)]
    if any(not any(slot.path) for slot in slots):
        raise _unusable("`{{}}` names nothing: write a name between the braces")
    return list(dict.fromkeys(str(slot.path[0]) for slot in slots))


def _texts_in(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    contents = [part.get("content") if isinstance(part, Mapping) else part.content for part in content]
    return [text for text in contents if isinstance(text, str)]


def _unusable(reason: str) -> JiuWenBaseException:
    return StatusCode.PROMPT_ASSEMBLER_VARIABLE_INIT_ERROR.error(reason=reason)
