"""Those that hear of every execution, stored or not: traces of tests, coverage of branches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeAlias

from jiuwen_lg.timeline import JournalEntry

Observer: TypeAlias = Callable[[str, JournalEntry], None]
"""Gets a session's id and an entry of its run."""

everywhere: list[Observer] = []
"""Observers of all runs of this process."""

_here: ContextVar[tuple[Observer, ...]] = ContextVar("jiuwen_lg_observers", default=())


@contextmanager
def observing(observer: Observer) -> Iterator[None]:
    """Let an observer hear of the runs that begin inside."""
    token = _here.set((*_here.get(), observer))
    try:
        yield
    finally:
        _here.reset(token)


def current_observers() -> tuple[Observer, ...]:
    """Those that hear of a run that begins now."""
    return (*everywhere, *_here.get())
