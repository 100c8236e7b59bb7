"""Every public name of openJiuwen 0.1.1, by module: tells names that exist there from misspellings."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import NamedTuple

ROOT = "openjiuwen"
_PAGE = "names_0_1_1.txt"


class ModuleNames(NamedTuple):
    """The names of one module of openJiuwen.

    Attributes:
        defined: Names that the module defines.
        imported: Names that it imports from other modules of openJiuwen, with the module that defines each.
    """

    defined: tuple[str, ...]
    imported: Mapping[str, str]


@cache
def known_modules() -> dict[str, ModuleNames]:
    """Every module of openJiuwen 0.1.1 with its names."""
    lines = files(__package__).joinpath(_PAGE).read_text(encoding="utf-8").splitlines()
    rows = [line.partition(":")[::2] for line in lines]
    defined = {_full(path): tuple(names.partition("|")[0].split()) for path, names in rows}
    homes = {name: path for path, names in defined.items() for name in names}
    return {_full(path): ModuleNames(defined[_full(path)], _imported(names, homes)) for path, names in rows}


def _imported(names: str, homes: Mapping[str, str]) -> dict[str, str]:
    """The imported names of a line; `Name@module` says which of several modules defines it."""
    pairs = [word.partition("@")[::2] for word in names.partition("|")[2].split()]
    return {name: _full(home) if home else homes[name] for name, home in pairs}


def _full(path: str) -> str:
    return ROOT if path == "." else f"{ROOT}.{path}"
