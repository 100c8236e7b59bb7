"""Forms in a notebook, made of ipywidgets: wrong input is refused at its field, with the reason."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time
from html import escape
from typing import Any

import ipywidgets

from jiuwen_lg.forms.checking import Problem, problems
from jiuwen_lg.forms.dialogue import heading
from jiuwen_lg.forms.fields import Field, field_of, title_of
from jiuwen_lg.forms.reading import UnfitError, read
from jiuwen_lg.output import InteractionOutput
from jiuwen_lg.schema.path import MISSING
from jiuwen_lg.schema.values import as_text

_INDENT = ipywidgets.Layout(margin="0 0 0 16px")
_UNSET = "—"


class _Input:
    """A field as widgets: `view` is shown, `value` is what was filled in.

    Args:
        field: The field.
        path: The keys and indices that lead to it.
    """

    def __init__(self, field: Field, path: tuple[str | int, ...] = ()) -> None:
        self.field = field
        self.path = path
        self.reason: Any = ipywidgets.HTML()
        self.reason.layout.display = "none"

    @property
    def view(self) -> Any:
        """The widgets."""
        head = title_of(self.field)
        text = f"{head}{'' if self.field.is_required or not head else ' (optional)'}"
        about = "; ".join(part for part in (self.field.description, self.field.hint) if part)
        label = [ipywidgets.Label(f"{text}: {about}" if about and text else text or about)] if text or about else []
        return ipywidgets.VBox([*label, self.body, self.reason])

    @property
    @abstractmethod
    def body(self) -> Any:
        """What is filled in."""

    @property
    @abstractmethod
    def value(self) -> Any:
        """What was filled in; `MISSING` if nothing was.

        Raises:
            UnfitError: It cannot be read.
        """

    @property
    def inner(self) -> Sequence[_Input]:
        """The inputs that it consists of."""
        return ()

    def all(self) -> Iterator[_Input]:
        """It and all that it consists of."""
        yield self
        for part in self.inner:
            yield from part.all()

    def refuse(self, reason: str) -> None:
        """Show why what was filled in does not fit; nothing if it does."""
        self.reason.value = f'<span style="color:#dc2626">{escape(reason)}</span>' if reason else ""
        self.reason.layout.display = None if reason else "none"

    def disable(self) -> None:
        """Take no more input."""
        for widget in _widgets_in(self.body):
            if hasattr(widget, "disabled"):
                widget.disabled = True

    def absent(self) -> Any:
        """What counts if nothing is filled in.

        Raises:
            UnfitError: It is required.
        """
        if self.field.has_default:
            return self.field.default
        if self.field.is_nullable:
            return None
        if self.field.is_required:
            raise UnfitError("it is required")
        return MISSING


class _Line(_Input):
    """A text that is read: text, numbers, JSON, and whatever has no widget of its own."""

    def __init__(self, field: Field, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(field, path)
        make = ipywidgets.Textarea if field.kind in {"long_text", "json"} else ipywidgets.Text
        default = as_text(field.default) if field.has_default and field.default is not None else ""
        placeholder = "" if field.kind in {"any", "text", "long_text"} else field.kind
        self._text = make(value=default, placeholder=placeholder, continuous_update=True)

    @property
    def body(self) -> Any:
        return self._text

    @property
    def value(self) -> Any:
        return read(self.field, self._text.value)


class _Chosen(_Input):
    """One or several of the values that are counted; yes or no."""

    def __init__(self, field: Field, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(field, path)
        options = [(choice.label, n) for n, choice in enumerate(field.choices)]
        self._values: list[Any] = [choice.value for choice in field.choices]
        if field.kind == "boolean":
            self._values, options = [True, False], [("Yes", 0), ("No", 1)]
        at = self._values.index(field.default) if field.has_default and field.default in self._values else None
        if field.kind == "choices":
            chosen = [n for n, value in enumerate(self._values) if field.has_default and value in (field.default or ())]
            self._widget = ipywidgets.SelectMultiple(options=options, value=chosen)
        elif field.kind == "boolean":
            self._widget = ipywidgets.ToggleButtons(options=options, value=at)
        else:
            self._widget = ipywidgets.Dropdown(options=[(_UNSET, None), *options], value=at)

    @property
    def body(self) -> Any:
        return self._widget

    @property
    def value(self) -> Any:
        if self.field.kind == "choices":
            return [self._values[n] for n in self._widget.value]
        return self.absent() if self._widget.value is None else self._values[self._widget.value]


class _Moment(_Input):
    """A date, a time of day, or both."""

    def __init__(self, field: Field, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(field, path)
        makers: dict[str, tuple[Any, Callable[[str], Any]]] = {
            "date": (ipywidgets.DatePicker, date.fromisoformat),
            "time": (ipywidgets.TimePicker, time.fromisoformat),
            "datetime": (ipywidgets.DatetimePicker, datetime.fromisoformat),
        }
        make, parse = makers[field.kind]
        default = parse(str(field.default)) if field.has_default and field.default else None
        self._widget = make(value=default)

    @property
    def body(self) -> Any:
        return self._widget

    @property
    def value(self) -> Any:
        return self.absent() if self._widget.value is None else self._widget.value.isoformat()


class _Group(_Input):
    """An object or a tuple: its fields below each other; one that may be absent has a box to tick."""

    def __init__(self, field: Field, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(field, path)
        keys = [int(part.name) if field.kind == "tuple" else part.name for part in field.fields]
        self._keys = keys
        self._parts = [input_of(part, (*path, key)) for part, key in zip(field.fields, keys, strict=True)]
        self._is_there = ipywidgets.Checkbox(
            value=field.is_required and not field.is_nullable, description="fill it in"
        )
        self._rows = ipywidgets.VBox(
            [part.view for part in self._parts], layout=_INDENT if path else ipywidgets.Layout()
        )
        if self._may_be_absent:
            self._show(None)
            self._is_there.observe(self._show, "value")

    @property
    def _may_be_absent(self) -> bool:
        return bool(self.path) and (self.field.is_nullable or not self.field.is_required)

    def _show(self, _: Any) -> None:
        self._rows.layout.display = None if self._is_there.value else "none"

    @property
    def body(self) -> Any:
        return ipywidgets.VBox([self._is_there, self._rows]) if self._may_be_absent else self._rows

    @property
    def inner(self) -> Sequence[_Input]:
        return self._parts if not self._may_be_absent or self._is_there.value else ()

    @property
    def value(self) -> Any:
        if not self.inner and self._may_be_absent:
            return self.absent()
        values = _values_of(self._parts)
        if self.field.kind == "tuple":
            return values
        return {key: value for key, value in zip(self._keys, values, strict=True) if value is not MISSING}


class _Items(_Input):
    """A list: items that can be added and removed."""

    def __init__(self, field: Field, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(field, path)
        self._items: list[_Input] = []
        self._rows = ipywidgets.VBox([], layout=_INDENT)
        self._more = ipywidgets.Button(description="Add", icon="plus")
        self._less = ipywidgets.Button(description="Remove", icon="minus")
        self._more.on_click(lambda _: self._add())
        self._less.on_click(lambda _: self._remove())
        for _ in range(int(field.schema.get("minItems", 0) or 0) or 1):
            self._add()

    def _add(self) -> None:
        assert self.field.item is not None
        self._items.append(input_of(self.field.item, (*self.path, len(self._items))))
        self._draw()

    def _remove(self) -> None:
        del self._items[-1:]
        self._draw()

    def _draw(self) -> None:
        self._rows.children = [item.view for item in self._items]

    @property
    def body(self) -> Any:
        return ipywidgets.VBox([self._rows, ipywidgets.HBox([self._more, self._less])])

    @property
    def inner(self) -> Sequence[_Input]:
        return self._items

    @property
    def value(self) -> Any:
        return _values_of(self._items)


class _Variants(_Input):
    """One of several: which one is chosen above its fields."""

    def __init__(self, field: Field, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(field, path)
        self._variants = [input_of(part, path) for part in field.fields]
        options = [(title_of(part) or part.kind, n) for n, part in enumerate(field.fields)]
        self._which = ipywidgets.Dropdown(options=[(_UNSET, None), *options], value=None)
        self._place = ipywidgets.VBox([], layout=_INDENT)
        self._which.observe(self._show, "value")

    def _show(self, _: Any) -> None:
        self._place.children = [part.view for part in self.inner]

    @property
    def body(self) -> Any:
        return ipywidgets.VBox([self._which, self._place])

    @property
    def inner(self) -> Sequence[_Input]:
        return () if self._which.value is None else [self._variants[self._which.value]]

    @property
    def value(self) -> Any:
        return _values_of(self.inner)[0] if self.inner else self.absent()


class _Constant(_Input):
    """What has one value only."""

    @property
    def body(self) -> Any:
        return ipywidgets.Label(as_text(self.field.default))

    @property
    def value(self) -> Any:
        return self.field.default


_INPUTS: dict[str, type[_Input]] = {
    **dict.fromkeys(("object", "tuple"), _Group),
    **dict.fromkeys(("choice", "choices", "boolean"), _Chosen),
    **dict.fromkeys(("date", "time", "datetime"), _Moment),
    "list": _Items,
    "variant": _Variants,
    "constant": _Constant,
}


def input_of(field: Field, path: tuple[str | int, ...] = ()) -> _Input:
    """The widgets of a field."""
    return _INPUTS.get(field.kind, _Line)(field, path)


def _values_of(parts: Sequence[_Input]) -> list[Any]:
    """What was filled into parts; each wrong one says so itself, and the whole is wrong then."""
    values = []
    for part in parts:
        try:
            values.append(part.value)
        except _RefusedError:
            continue
        except UnfitError as error:
            part.refuse(str(error))
    if len(values) < len(parts):
        raise _RefusedError
    return values


class _RefusedError(UnfitError):
    """A part has said itself why it does not fit."""


def _widgets_in(widget: Any) -> Iterator[Any]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from _widgets_in(child)


class QuestionForm:
    """The form of open questions: their fields, and a button.

    Args:
        questions: The questions.
        answer: Called with the answers, in the same order, once all of them fit.

    Attributes:
        view: What a cell shows.
    """

    def __init__(self, questions: Sequence[InteractionOutput], answer: Callable[[list[Any]], None]) -> None:
        self._questions = questions
        self._answer = answer
        self._inputs = [input_of(field_of(question.answer_schema)) for question in questions]
        self.button: Any = ipywidgets.Button(description="Answer", button_style="primary")
        self.button.on_click(lambda _: self.submit())
        labels = [ipywidgets.Label(heading(question)) for question in questions]
        for one, question in zip(self._inputs, questions, strict=True):
            one.refuse(question.error or "")
        rows = [row for label, one in zip(labels, self._inputs, strict=True) for row in (label, one.body, one.reason)]
        self.view: Any = ipywidgets.VBox([*rows, self.button])

    def submit(self) -> None:
        """Take what was filled in, or show at its fields why it does not fit."""
        answers: list[Any] = []
        for one, question in zip(self._inputs, self._questions, strict=True):
            for part in one.all():
                part.refuse("")
            if (value := _fitting(one, question)) is not MISSING:
                answers.append(value)
        if len(answers) == len(self._questions):
            self._answer(answers)

    def disable(self) -> None:
        """Take no more input; what was filled in stays to be seen."""
        self.button.disabled = True
        for one in self._inputs:
            for part in one.all():
                part.disable()


def _fitting(one: _Input, question: InteractionOutput) -> Any:
    """An answer that fits; `MISSING` after its fields were told why they do not."""
    try:
        value = one.value
        found = problems(value, question.answer_schema)
    except _RefusedError:
        return MISSING
    except UnfitError as error:
        found, value = [Problem((), str(error))], MISSING
    for problem in found:
        _nearest(one, problem.path).refuse(problem.reason)
    return MISSING if found else value


def _nearest(one: _Input, path: tuple[str | int, ...]) -> _Input:
    """The input of a path, or the innermost one around it."""
    parts = {part.path: part for part in one.all()}
    while path not in parts:
        path = path[:-1]
    return parts[path]
