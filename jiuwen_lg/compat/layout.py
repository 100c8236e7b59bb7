"""Layouts: openJiuwen's module paths before and since 0.1.4, and which of them a program uses."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = "openjiuwen"


@dataclass(frozen=True)
class Layout:
    """A layout of openJiuwen.

    Attributes:
        version: The version that it stands for.
        names_of: The names of a module; None if there is no such module.
        all_modules: Every module path.
        find: The object of a name in a module; LookupError if there is none.
        left_out: Says of a module (and a name) that it is left out on purpose; None if it is not known to be.
    """

    version: str
    names_of: Callable[[str], tuple[str, ...] | None]
    all_modules: Callable[[], list[str]]
    find: Callable[[str, str], Any]
    left_out: Callable[[str, str], str | None]

    def is_package(self, path: str) -> bool:
        """Whether modules lie below this path."""
        return any(module.startswith(f"{path}.") for module in self.all_modules())

    def knows(self, path: str, name: str = "") -> bool:
        """Whether there is such a module, or such a name in it."""
        if not name:
            return self.names_of(path) is not None or self.is_package(path)
        return name in (self.names_of(path) or ()) or self.knows(f"{path}.{name}")


def imports_in(source: str) -> Iterator[tuple[str, str]]:
    """What a program imports of openJiuwen: (module, name), the name empty for a whole module."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names if _is_ours(alias.name))
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level and _is_ours(node.module):
            yield from ((node.module, alias.name) for alias in node.names)


def _is_ours(module: str) -> bool:
    return module == ROOT or module.startswith(f"{ROOT}.")


def importing_source() -> str:
    """The text of the file that is importing now; empty if there is none."""
    frame = sys._getframe()  # noqa: SLF001 - the way to the importing module
    own = str(Path(__file__).parent)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith((own, "<frozen")) and Path(name).is_file():
            return Path(name).read_text(encoding="utf-8", errors="replace")
        if name.startswith("<") and not name.startswith("<frozen"):
            return ""
        frame = frame.f_back  # type: ignore[assignment]
    return ""


def told_apart(layouts: Iterable[Layout], imports: Iterable[tuple[str, str]]) -> Layout | None:
    """The layout that the first import shows which only one of them has; None if none does."""
    known = list(layouts)
    for module, name in imports:
        fitting = [layout for layout in known if layout.knows(module, "" if name == "*" else name)]
        if name == "*":
            fitting = [layout for layout in fitting if layout.names_of(module)]
        if len(fitting) == 1:
            return fitting[0]
    return None
