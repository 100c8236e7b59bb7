"""A backtracking matcher that counts its steps, for the patterns of `re`: how much work, not how long it took."""

from __future__ import annotations

import re
from collections.abc import Iterator
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

MOST = 30_000
"""Steps after which a count is given up: it is large enough to compare."""


class TooManyError(Exception):
    """There were more steps than are counted."""


class Steps:
    """Counts the steps of one pattern on one text.

    Args:
        pattern: The pattern.
        text: The text.
    """

    def __init__(self, pattern: re.Pattern[str], text: str) -> None:
        self.count = 0
        self._text = text
        self._flags = pattern.flags
        self._items = list(parser.parse(pattern.pattern, pattern.flags))
        self._groups: dict[int, tuple[int, int]] = {}

    def search(self) -> int:
        """Return the steps of finding every match, as `finditer` does."""
        at = 0
        try:
            while at <= len(self._text):
                end = next(self._sequence(self._items, 0, at), None)
                at = at + 1 if end is None or end == at else end
        except TooManyError:
            return MOST
        return self.count

    def match(self) -> int:
        """Return the steps of matching at the beginning, whole or not."""
        try:
            for end in self._sequence(self._items, 0, 0):
                if end == len(self._text):
                    break
        except TooManyError:
            return MOST
        return self.count

    def _sequence(self, items: list[Any], index: int, at: int) -> Iterator[int]:
        if index == len(items):
            yield at
            return
        for end in self._item(*items[index], at):
            yield from self._sequence(items, index + 1, end)

    def _item(self, kind: Any, value: Any, at: int) -> Iterator[int]:
        self.count += 1
        if self.count > MOST:
            raise TooManyError
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            yield from self._repeat(kind, *value, at)
        elif kind in (op.ASSERT, op.ASSERT_NOT):
            yield from self._assertion(kind, *value, at)
        elif kind in (op.SUBPATTERN, op.BRANCH, op.ATOMIC_GROUP):
            yield from self._inside(kind, value, at)
        else:
            yield from self._character(kind, value, at)

    def _inside(self, kind: Any, value: Any, at: int) -> Iterator[int]:
        if kind is op.SUBPATTERN:
            group, _, _, items = value
            for end in self._sequence(list(items), 0, at):
                self._groups[group] = (at, end)
                yield end
        elif kind is op.BRANCH:
            for items in value[1]:
                yield from self._sequence(list(items), 0, at)
        else:
            end = next(self._sequence(list(value), 0, at), None)
            yield from () if end is None else (end,)

    def _character(self, kind: Any, value: Any, at: int) -> Iterator[int]:
        if kind is op.AT:
            yield from (at,) if self._at(value, at) else ()
        elif kind is op.GROUPREF:
            start, end = self._groups.get(value, (0, 0))
            yield from (at + end - start,) if self._text.startswith(self._text[start:end], at) else ()
        elif at < len(self._text) and self._fits(kind, value, self._text[at]):
            yield at + 1

    def _repeat(self, kind: Any, least: int, most: Any, items: Any, at: int) -> Iterator[int]:
        inner = list(items)
        if kind is op.MIN_REPEAT:
            yield from self._lazy(inner, least, most, at)
            return
        found = self._greedy(inner, least, most, at)
        if kind is op.POSSESSIVE_REPEAT:
            end = next(found, None)
            yield from () if end is None else (end,)
        else:
            yield from found

    def _greedy(self, inner: list[Any], least: int, most: Any, at: int) -> Iterator[int]:
        if len(inner) == 1 and inner[0][0] in _SINGLE:  # without recursion
            ends = [at]
            while len(ends) <= int(most) and (end := next(self._item(*inner[0], ends[-1]), None)) is not None:
                ends.append(end)
            yield from reversed(ends[least:])
            return
        if int(most) > 0:
            for end in self._sequence(inner, 0, at):
                if end > at or least > 0:
                    yield from self._greedy(inner, max(0, least - 1), int(most) - 1, end)
        if least == 0:
            yield at

    def _lazy(self, inner: list[Any], least: int, most: Any, at: int) -> Iterator[int]:
        ends, number = [at], 0
        while ends:
            if number >= least:
                yield ends[-1]
            if number >= int(most):
                return
            end = next(self._sequence(inner, 0, ends[-1]), None)
            ends = [] if end is None else [end]
            number += 1

    def _assertion(self, kind: Any, direction: int, items: Any, at: int) -> Iterator[int]:
        width = items.getwidth()[0] if direction < 0 else 0
        holds = at >= width and next(self._sequence(list(items), 0, at - width), None) is not None
        if holds == (kind is op.ASSERT):
            yield at

    def _at(self, where: Any, at: int) -> bool:
        before, after = self._text[at - 1 : at], self._text[at : at + 1]
        if where is op.AT_BEGINNING_STRING or (where is op.AT_BEGINNING and not self._flags & re.MULTILINE):
            return at == 0
        if where is op.AT_BEGINNING:
            return at == 0 or before == "\n"
        if where is op.AT_END_STRING:
            return at == len(self._text)
        if where is op.AT_END:
            return at == len(self._text) or after == "\n"
        is_border = bool(re.match(r"\w", before)) != bool(re.match(r"\w", after))
        return is_border == (where is op.AT_BOUNDARY)

    def _fits(self, kind: Any, value: Any, character: str) -> bool:
        if kind is op.LITERAL:
            return character == chr(value) or bool(
                self._flags & re.IGNORECASE and character.lower() == chr(value).lower()
            )
        if kind is op.NOT_LITERAL:
            return character != chr(value)
        if kind is op.ANY:
            return character != "\n" or bool(self._flags & re.DOTALL)
        negated = value[0][0] is op.NEGATE
        return negated != any(self._in(*part, character) for part in value[negated:])

    def _in(self, kind: Any, value: Any, character: str) -> bool:
        if kind is op.RANGE:
            return value[0] <= ord(character) <= value[1]
        return _CATEGORIES[value](character) if kind is op.CATEGORY else self._fits(kind, value, character)


_SINGLE = (op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN)
_CATEGORIES = {
    op.CATEGORY_DIGIT: str.isdecimal,
    op.CATEGORY_NOT_DIGIT: lambda character: not character.isdecimal(),
    op.CATEGORY_SPACE: str.isspace,
    op.CATEGORY_NOT_SPACE: lambda character: not character.isspace(),
    op.CATEGORY_WORD: lambda character: character.isalnum() or character == "_",
    op.CATEGORY_NOT_WORD: lambda character: not (character.isalnum() or character == "_"),
}
