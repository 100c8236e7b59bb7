"""Those that hear of every execution, stored or not: traces of tests, coverage of branches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeAlias

from jiuwen_lg.engine.graph.definition import Definition
from jiuwen_lg.timeline import JournalEntry


@dataclass(frozen=True, slots=True)
class Observed:
    """What an observer hears of.

    Attributes:
        session_id: The session.
        entry: The execution.
        workflow_id: The workflow that runs; empty if it has no id.
        definition: Its definition.
    """

    session_id: str
    entry: JournalEntry
    workflow_id: str
    definition: Definition


Observer: TypeAlias = Callable[[Observed], None]
"""Hears of each execution when it has ended."""

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
