"""Categories in what a model says: by their label, their number or their name, wherever only one can be meant."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

_LABEL = re.compile(r"分类(\d{1,9})")
_NUMERALS = "零一二三四五六七八九十"
_WORD = rf"(\d{{1,3}}(?!\d|\.\d|[a-z_])|[{_NUMERALS}](?![下些点样般共起切直定旦{_NUMERALS}]))"
"""A number in digits, or in a numeral that begins no other word (一下, 一些)."""

_NUMBERED = re.compile(
    rf"(?:分类|类别|选项|意图|category|class|option|intent|no\.|number|第)\s{{0,3}}[:：#(（\[【]?\s{{0,3}}{_WORD}"
    rf"|第{_WORD}(?=[类个项])|[(（\[【<]\s{{0,3}}{_WORD}\s{{0,3}}[)）\]】>]",
    re.IGNORECASE,
)
_ALONE = re.compile(rf"\W{{0,9}}{_WORD}\W{{0,9}}")
_NEGATION = re.compile(r"\bnot?\b|n't\b|\bneither\b|\bnone\b|\bexcept\b|不|非|没|无|未|别的|其他", re.IGNORECASE)
_LONGEST_TEXT = 2_000
"""In characters: a longer text is no choice but an essay."""


class CategoryNames:
    """Finds the one category that a text names.

    Args:
        categories: The names, the default category first; their numbers are their places.
    """

    def __init__(self, categories: Sequence[str]) -> None:
        self._count = len(categories)
        numbers: dict[str, set[int]] = {}
        for number, name in enumerate(categories):
            numbers.setdefault(_folded(name), set()).add(number)
        self._numbers = {name: one for name, (one, *more) in numbers.items() if name and not more}
        longest_first = sorted(self._numbers, key=len, reverse=True)  # a name may be a part of another one
        self._names = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def in_label(self, label: Any) -> int | None:
        """Return the number of the category that a model gave as its choice; None if it gave none."""
        if isinstance(label, list) and len(label) == 1:
            label = label[0]
        if isinstance(label, int) and not isinstance(label, bool):
            return self._known(label)
        if not isinstance(label, str):
            return None
        if found := _LABEL.search(re.sub(r"[\s'\"]", "", label)):
            return self._known(int(found[1]))
        exact = self._numbers.get(_folded(label))
        return exact if exact is not None else self.in_text(label)

    def in_text(self, text: str) -> int | None:
        """Return the number of the only category that a text names; None if it names none, several, or denies one."""
        if len(text) > _LONGEST_TEXT:
            return None
        if alone := _ALONE.fullmatch(text.strip()):
            return self._known(_number(alone[1]))
        folded = _folded(text)
        found = {*self._mentions(folded)}
        if len(found) != 1 or _NEGATION.search(self._names.sub(" ", folded) if self._names else folded):
            return None
        return self._known(found.pop())

    def _mentions(self, text: str) -> Iterator[int]:
        names = self._names.findall(text) if self._names else []
        yield from (self._numbers[name] for name in names)
        rest = self._names.sub(" ", text) if self._names else text
        for groups in _NUMBERED.findall(rest):
            yield _number(next(group for group in groups if group))

    def _known(self, number: int) -> int | None:
        return number if 0 <= number < self._count else None


def _number(word: str) -> int:
    return _NUMERALS.index(word) if word in _NUMERALS else int(word)


def _folded(text: str) -> str:
    """A text for comparison: case, and spaces and quotes around, do not count."""
    return text.strip(" \t\r\n'\"“”‘’「」《》`*.。").casefold()
