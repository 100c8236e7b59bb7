"""Regular expressions do work that grows as their text does: counted in steps, on texts that are doubled."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import jiuwen_lg
from tests.project.regex_steps import MOST, Steps

PACKAGE = Path(jiuwen_lg.__file__).parent
SIZES = (25, 50, 100)
FACTOR = 3
"""Twice the text may take up to three times the steps, twice over."""


def patterns() -> Iterator[tuple[str, re.Pattern[str], bool]]:
    """Every compiled pattern of the package, by name, and whether it looks for its matches from every place."""
    for path in sorted(PACKAGE.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        if "re.compile(" not in source or path.name == "__main__.py":
            continue
        module = importlib.import_module(".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts))
        called = {
            (ast.unparse(node.func.value), node.func.attr)
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        }
        for name, value in vars(module).items():
            if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
                methods = {method for thing, method in called if thing == name} or {"unknown"}
                yield f"{path.relative_to(PACKAGE)}:{name}", value, not methods <= {"match", "fullmatch"}


def attacks(pattern: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """Beginnings, and what is repeated after them: everything that the pattern's own text suggests."""
    written = re.sub(r"\\[wsdb]|\(\?[:=!<P]|[()\[\]|*+?^$]", "", pattern.pattern)
    characters = [*dict.fromkeys([*re.sub(r"\s|[\w]", "", written), *"a1 \n\\\"'<{", *written[:2]])][:11]
    runs = [run.group() for run in re.finditer(r"([^\w\s\\()\[\]|*+?^$])\1+", pattern.pattern)]
    starts = ["", *dict.fromkeys([*runs, *characters[:2]])]
    pumps = [*characters, *(one + other for one in characters[:5] for other in characters[:5] if one != other)]
    return ((start, pump) for start in starts for pump in pumps)


@cache
def steps(pattern: re.Pattern[str], text: str, *, everywhere: bool) -> int:
    counter = Steps(pattern, text)
    return counter.search() if everywhere else counter.match()


def worst(pattern: re.Pattern[str], *, everywhere: bool) -> str:
    """The repeated text on which the work grows faster than the text; empty if there is none."""
    for start, pump in attacks(pattern):
        counts = [steps(pattern, start + pump * (size // len(pump)) + "\0", everywhere=everywhere) for size in SIZES]
        if counts[2] > FACTOR * counts[1] > FACTOR**2 * counts[0] or counts[2] >= MOST:
            return f"{start!r} and then {pump!r}: {counts}"
    return ""


@pytest.mark.parametrize(("name", "pattern", "everywhere"), [pytest.param(*one, id=one[0]) for one in patterns()])
def test_the_work_grows_as_the_text_does(name: str, pattern: re.Pattern[str], everywhere: bool) -> None:
    assert worst(pattern, everywhere=everywhere) == ""


@pytest.mark.parametrize(
    "pattern",
    [r"^\s*(?:```|''')\w*\s*(.*?)\s*(?:```|''')\s*$", r"(a+)+b", r"(?:a|a)*b", r'"(?:\\.|[^"\\])*"', r"<(.*?)>"],
)
def test_the_count_finds_what_does_not(pattern: str) -> None:
    assert worst(re.compile(pattern, re.DOTALL), everywhere=True) != ""


@pytest.mark.parametrize(
    ("pattern", "text"),
    [(r"a+b|c\d", "aab c1 c"), (r"(?<!x)y(?=z)", "yz xyz y"), (r"(\w)\1", "abba"), (r"^a*?$", "aa")],
)
def test_the_count_matches_as_python_does(pattern: str, text: str) -> None:
    found = re.compile(pattern)
    counter = Steps(found, text)
    ends, at = [], 0
    while at <= len(text):
        end = next(counter._sequence(counter._items, 0, at), None)
        ends += [] if end is None else [end]
        at = at + 1 if end is None or end == at else end
    assert ends == [match.end() for match in found.finditer(text)]
