"""What commands print: ids, questions and errors come from strangers, so none of it may steer the terminal."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any, NoReturn

from jiuwen_lg.schema.visible import visible, visible_json

_LINES = "\n\t"


def say(text: object, file: IO[str] | None = None) -> None:
    """Print a text with its line breaks; everything else that steers a terminal is written out.

    Args:
        text: What is printed.
        file: Where; the standard output by default.
    """
    _write(visible(str(text), kept=_LINES), sys.stdout if file is None else file)


def say_json(value: Any) -> int:
    """Print a value as JSON."""
    _write(visible_json(json.dumps(value, ensure_ascii=False, default=str, indent=2)), sys.stdout)
    return 0


def say_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows below each other, one line each."""
    lines = [[visible(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(head))]
    for line in lines:
        _write("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip(), sys.stdout)


def indented(text: str, indent: str) -> str:
    """A text whose further lines cannot be taken for lines of the command's own."""
    return f"\n{indent}".join(text.splitlines())


def _write(text: str, file: IO[str]) -> None:
    encoding = getattr(file, "encoding", None) or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), file=file, flush=True)


class QuietParser(argparse.ArgumentParser):
    """A parser that writes out what steers a terminal when it repeats an argument."""

    def error(self, message: str) -> NoReturn:
        """See `ArgumentParser.error`."""
        super().error(visible(message, kept=_LINES))


@contextmanager
def visible_logs() -> Iterator[None]:
    """While a command runs, what is logged or warned of on its terminal is written out, too."""
    last, show = logging.lastResort, warnings.formatwarning
    logging.lastResort = _VisibleHandler(logging.WARNING)

    def formatted(*arguments: Any, **options: Any) -> str:
        return visible(show(*arguments, **options), kept=_LINES)

    warnings.formatwarning = formatted
    try:
        yield
    finally:
        logging.lastResort, warnings.formatwarning = last, show


class _VisibleHandler(logging.StreamHandler[Any]):
    """Like Python's handler of last resort, which writes to the standard error of the moment."""

    def __init__(self, level: int) -> None:
        super().__init__(sys.stderr)
        self.setLevel(level)

    def emit(self, record: logging.LogRecord) -> None:
        say(self.format(record), sys.stderr)
