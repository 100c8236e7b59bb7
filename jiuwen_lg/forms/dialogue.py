"""Forms in a terminal: one field after the other, in colour where rich is installed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from jiuwen_lg.forms.checking import Problem, problems
from jiuwen_lg.forms.fields import Choice, Field, field_of, title_of
from jiuwen_lg.forms.reading import UnfitError, is_numbered, read
from jiuwen_lg.output import InteractionOutput
from jiuwen_lg.schema.path import MISSING
from jiuwen_lg.schema.values import as_text
from jiuwen_lg.schema.visible import visible

Tone: TypeAlias = Literal["plain", "title", "dim", "wrong"]
_STYLES: dict[Tone, str] = {"plain": "", "title": "bold", "dim": "dim", "wrong": "red"}
_FEW = 4
"""Choices that fit into a prompt; more are listed above it."""
_INDENT = "  "


@dataclass(frozen=True, slots=True)
class Terminal:
    """How lines are shown and asked for.

    Attributes:
        show: Shows a line.
        ask: Shows a prompt and returns what was typed; raises EOFError where nobody can answer.
    """

    show: Callable[[str, Tone], None]
    ask: Callable[[str], str]


def plain_terminal() -> Terminal:
    """The standard input and output, as they are."""
    return Terminal(_print, lambda prompt: input(_harmless(prompt)))


def _print(text: str, _: Tone) -> None:
    print(_harmless(text))  # noqa: T201 - it is for the person who answers


def _harmless(text: str) -> str:
    """A text of a component, without what would steer the terminal."""
    return visible(text, kept="\n")


def rich_terminal(console: Any = None) -> Terminal:
    """The same in colour; as they are without rich.

    Args:
        console: A console of rich's; the standard output by default.
    """
    try:
        from rich.console import Console
        from rich.text import Text
    except ImportError:
        return plain_terminal()
    shown = console or Console(highlight=False)

    def ask(prompt: str) -> str:
        answer: str = shown.input(Text(_harmless(prompt), "cyan"))
        return answer

    return Terminal(lambda text, tone: shown.print(Text(_harmless(text), _STYLES[tone])), ask)


def ask_question(terminal: Terminal, question: InteractionOutput) -> Any:
    """The answer to a question, which fits its schema.

    Args:
        terminal: Where it is asked.
        question: The question.

    Raises:
        EOFError: Nobody can answer.
    """
    field = field_of(question.answer_schema)
    head = heading(question)
    if question.error:
        terminal.show(question.error, "wrong")
    if _is_simple(field):
        return _asked(terminal, field, head, "")
    terminal.show(head, "title")
    while True:
        answer = _filled(terminal, field, _INDENT)
        if not (found := problems(answer, question.answer_schema)):
            return answer
        _show(terminal, found)


def asker(question: InteractionOutput) -> str:
    """Return the id and the label of the component that asks."""
    return f"[{question.id}] {question.label}" if question.label else f"[{question.id}]"


def heading(question: InteractionOutput) -> str:
    """Return which component asks, and what."""
    return f"{asker(question)} {as_text(question.value)}"


def _show(terminal: Terminal, found: Sequence[Problem]) -> None:
    for problem in found:
        terminal.show(f"{_INDENT}{problem}", "wrong")


def _is_simple(field: Field) -> bool:
    """Whether one line is enough."""
    return field.kind not in {"object", "list", "tuple", "variant"}


def _filled(terminal: Terminal, field: Field, indent: str) -> Any:
    """The value of a field with fields of its own, or of a simple one."""
    if field.kind in {"object", "tuple", "list", "variant"} and _is_left_out(terminal, field, indent):
        return field.default if field.has_default else None if field.is_nullable else MISSING
    if field.kind == "object":
        filled = {inner.name: _inner(terminal, inner, indent) for inner in field.fields}
        return {name: value for name, value in filled.items() if value is not MISSING}
    if field.kind == "tuple":
        return [_inner(terminal, inner, indent) for inner in field.fields]
    if field.kind == "list":
        return _listed(terminal, field, indent)
    if field.kind == "variant":
        return _variant(terminal, field, indent)
    return _asked(terminal, field, f"{indent}{title_of(field)}", indent)


def _is_left_out(terminal: Terminal, field: Field, indent: str) -> bool:
    """Whether a part that may be absent is; a required one is not asked about."""
    if not field.name or (field.is_required and not field.is_nullable and not field.has_default):
        return False
    choice = Field("boolean", default=False)
    return not _asked(terminal, choice, f"{indent}{title_of(field)}: fill it in?", indent)


def _inner(terminal: Terminal, field: Field, indent: str) -> Any:
    if _is_simple(field):
        return _filled(terminal, field, indent)
    terminal.show(f"{indent}{title_of(field)}{_about(field)}", "title")
    return _filled(terminal, field, indent + _INDENT)


def _listed(terminal: Terminal, field: Field, indent: str) -> list[Any]:
    """Items until an empty line; of items with fields, until no more are wanted."""
    assert field.item is not None
    items: list[Any] = []
    while True:
        number = f"{indent}{len(items) + 1}."
        try:
            item = _item(terminal, field.item, number, indent)
        except _EndOfListError:
            if not (found := problems(items, field.schema)):
                return items
            _show(terminal, found)
            continue
        items.append(item)


class _EndOfListError(Exception):
    """No further item is wanted."""


def _item(terminal: Terminal, item: Field, number: str, indent: str) -> Any:
    if not _is_simple(item):
        if not _asked(terminal, Field("boolean", default=False), f"{number} another one?", indent):
            raise _EndOfListError
        return _filled(terminal, item, indent + _INDENT)
    while True:
        text = terminal.ask(f"{number}{_about(item)} (empty: no more) ")
        if not text.strip():
            raise _EndOfListError
        try:
            return read(item, text)
        except UnfitError as error:
            terminal.show(f"{indent}{error}", "wrong")


def _variant(terminal: Terminal, field: Field, indent: str) -> Any:
    choices = tuple(Choice(n, title_of(inner) or inner.kind) for n, inner in enumerate(field.fields))
    chosen = _asked(terminal, Field("choice", choices=choices), f"{indent}Which?", indent)
    return _filled(terminal, field.fields[chosen], indent)


def _asked(terminal: Terminal, field: Field, prompt: str, indent: str) -> Any:
    """What was typed into a simple field; asked again, with the reason, until it fits."""
    if field.kind == "constant":
        return field.default
    if len(field.choices) > _FEW:
        for number, choice in enumerate(field.choices, 1):
            named = f"{number}. " if is_numbered(field) else ""
            terminal.show(f"{indent}{_INDENT}{named}{choice.label}", "plain")
    while True:
        try:
            return read(field, terminal.ask(f"{prompt}{_about(field)} "))
        except UnfitError as error:
            terminal.show(f"{indent}{error}", "wrong")


def _about(field: Field) -> str:
    """What an answer looks like, if not any will do, and what counts without one."""
    kinds = {"any": "", "text": "", "long_text": "", "boolean": "yes/no", "choice": "", "choices": "", "object": ""}
    kind = kinds.get(field.kind, field.kind)
    if field.choices and len(field.choices) <= _FEW:
        kind = "/".join(choice.label for choice in field.choices)
    if field.kind == "choices":
        kind = f"several of {kind}, with commas" if kind else "several, with commas"
    default = f"default {as_text(field.default)}" if field.has_default and field.default is not None else ""
    optional = "optional" if not field.is_required and not default else ""
    about = [part for part in (kind, field.hint, field.description, default, optional) if part]
    return f" ({'; '.join(about)})" if about else ""
