"""The journal of one run: makes an entry of each execution, and lets it be written with the step."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from langgraph.errors import GraphBubbleUp
from langgraph.runtime import get_runtime
from langgraph.types import Command

from jiuwen_lg.engine.journal.observers import Observer, current_observers
from jiuwen_lg.engine.journal.stored_entry import kept, size_of
from jiuwen_lg.engine.journal.table import add_entry, drop_oldest
from jiuwen_lg.engine.journal.usage import count_here
from jiuwen_lg.engine.storage.database import Cursor
from jiuwen_lg.engine.storage.fence import Lease
from jiuwen_lg.engine.storage.saver import FencedSaver
from jiuwen_lg.errors import JiuWenBaseException
from jiuwen_lg.timeline import ExecutionStatus, Journal, JournalEntry

if TYPE_CHECKING:
    from jiuwen_lg.engine.runtime.component_runtime import ComponentRuntime

_CHECK_EVERY = 1_000
"""Entries after which the number of entries of a run is looked at."""
_LONGEST_ERROR = 2_000

_observers_only = Journal()


class Recording:
    """Records an execution, however it ends: a context manager around it.

    Args:
        journal: The run's journal.
        id: The component's own id.
        runtime: Its runtime.

    Attributes:
        update: What it adds to the state, once it has finished.
        is_choice: Whether it chose where the run goes on.
        is_fallback: Whether it failed for good and its fallback counted.
    """

    __slots__ = ("_began", "_counter", "_id", "_journal", "_runtime", "is_choice", "is_fallback", "update")

    def __init__(self, journal: RunJournal, id: str, runtime: ComponentRuntime) -> None:
        self._journal = journal
        self._id = id
        self._runtime = runtime
        self.update: Any = None
        self.is_choice = False
        self.is_fallback = False

    def __enter__(self) -> Self:
        self._began = time.time()
        self._counter = count_here()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        status: ExecutionStatus = "finished"
        if isinstance(error, GraphBubbleUp):
            status = "asked"
        elif isinstance(error, asyncio.CancelledError):
            status = "cancelled"
        elif error is not None:
            status = "failed"
        self._journal.add(self._entry(status, None if status != "failed" or error is None else _told(error)))

    def _entry(self, status: ExecutionStatus, error: str | None) -> JournalEntry:
        runtime, options = self._runtime, self._journal.options
        inputs, output = runtime.inputs, self._output()
        return JournalEntry(
            id=runtime.executable_id(),
            status=status,
            began=self._began,
            ended=max(time.time(), self._began),
            label=runtime.label,
            attempt=_attempt(),
            iteration=runtime.iteration,
            targets=self._targets() if self.is_choice else (),
            is_fallback=self.is_fallback,
            error=error,
            tokens=self._counter.tokens,
            input_bytes=None if inputs is None else size_of(inputs),
            output_bytes=None if output is None else size_of(output),
            inputs=kept(inputs, options) if options.values and inputs is not None else None,
            outputs=kept(output, options) if options.values and output is not None else None,
        )

    def _output(self) -> Any:
        changes = self.update.update if isinstance(self.update, Command) else self.update
        outputs = changes.get("io") if isinstance(changes, dict) else None
        return outputs.get(self._id) if isinstance(outputs, dict) else None

    def _targets(self) -> tuple[str, ...]:
        """Where it chose to go on, by executable id."""
        goto: Any = self.update.goto if isinstance(self.update, Command) else ()
        ids = [goto] if isinstance(goto, str) else [str(target) for target in goto]
        parent = self._runtime.parent
        return tuple(ids) if parent is None else tuple(map(parent.executable_id, ids))


@dataclass(slots=True)
class RunJournal:
    """What is recorded of one turn of a run.

    Attributes:
        session_id: The session.
        options: What is kept.
        observers: Those that hear of every entry.
        write: Lets an entry be written with the step; None if it is not stored.
    """

    session_id: str
    options: Journal
    observers: Collection[Observer] = ()
    write: Callable[[JournalEntry], None] | None = None

    def recording(self, id: str, runtime: ComponentRuntime) -> Recording:
        """Record an execution."""
        return Recording(self, id, runtime)

    def add(self, entry: JournalEntry) -> None:
        """Tell the observers of an entry, and let it be written."""
        for observer in self.observers:
            observer(self.session_id, entry)
        if self.write is not None:
            self.write(entry)


def _told(error: BaseException) -> str:
    """What an execution failed with: the component's own error, without what the engine says around it."""
    own = error.root if isinstance(error, JiuWenBaseException) else error
    text = own.message if isinstance(own, JiuWenBaseException) else str(own)
    return f"{type(own).__name__}: {text}"[:_LONGEST_ERROR]


def _attempt() -> int:
    try:
        info = get_runtime().execution_info
    except (RuntimeError, KeyError):
        return 1
    return info.node_attempt if info is not None else 1


def run_journal(
    journal: Journal | None, session_id: str, saver: FencedSaver | None = None, lease: Lease | None = None
) -> RunJournal | None:
    """The journal of a run that begins now; None if nothing is recorded.

    Args:
        journal: What is kept; None if nothing is stored.
        session_id: The session.
        saver: Where it is stored.
        lease: The right to store it.
    """
    observers = current_observers()
    is_stored = journal is not None and saver is not None and lease is not None
    if not is_stored and not observers:
        return None
    made = RunJournal(session_id, journal or _observers_only, observers)
    if is_stored:
        assert journal is not None
        assert saver is not None
        assert lease is not None
        made.write = _writer(journal, saver, lease.thread_id)
    return made


def _writer(journal: Journal, saver: FencedSaver, thread_id: str) -> Callable[[JournalEntry], None]:
    count = 0

    def write(entry: JournalEntry) -> None:
        nonlocal count
        count += 1
        number = count
        is_due = count % min(_CHECK_EVERY, max(journal.most_entries, 1)) == 0

        def note(cursor: Cursor) -> None:
            add_entry(cursor, thread_id, number, entry, journal.seconds)
            if is_due:
                drop_oldest(cursor, thread_id, journal.most_entries)

        saver.commits.attach(thread_id, note)

    return write
