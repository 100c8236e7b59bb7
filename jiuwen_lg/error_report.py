"""How a notebook shows an error: the component and its cause, without the frames of the engine."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator

_ENGINES = ("jiuwen_lg", "langgraph", "langchain_core", "asyncio", "concurrent", "IPython", "ipykernel", "anyio")
"""Packages whose frames say nothing of a workflow."""


def report_of(error: BaseException) -> list[str]:
    """The lines that show an error and its causes, the one that came first at the end.

    Args:
        error: The error.
    """
    lines: list[str] = []
    for number, one in enumerate(_chain(error)):
        lines += ["", "caused by:"] if number else []
        lines.append(f"{type(one).__name__}: {one}")
        lines += [_in_its_cell(line) for frame in _own_frames(one) for line in traceback.format_list([frame])]
    return [line for part in lines for line in part.rstrip("\n").split("\n")]


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what caused it; what only repeats its cause's text is left out."""
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        found = found.__cause__


def _own_frames(error: BaseException) -> list[traceback.FrameSummary]:
    """The frames of the user's code."""
    frames = traceback.extract_tb(error.__traceback__)
    return [frame for frame in frames if not _is_engine(frame.filename)]


def _in_its_cell(line: str) -> str:
    """A frame's line, which names a notebook's cell as IPython does, not by the file that stands for it."""
    place, comma, rest = line.partition('", line ')
    filename = place.partition('"')[2]
    if not comma or "IPython" not in sys.modules or "ipykernel" not in filename:
        return line
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    named = shell.compile.format_code_name(filename) if shell is not None else None
    return line if named is None else f"  {' '.join(named)}, line {rest}"


def _is_engine(filename: str) -> bool:
    parts = filename.replace("\\", "/").split("/")
    is_installed = "site-packages" in parts or any(part.startswith("python3") for part in parts)
    return filename.startswith(_HERE) or (is_installed and not _ENGINES_IN.isdisjoint(parts))


_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_ENGINES_IN = frozenset(_ENGINES)
