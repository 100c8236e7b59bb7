"""The journal of one run: makes an entry of each execution, and lets it be written with the step."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Self

from langgraph.errors import GraphBubbleUp
from langgraph.types import Command

from jiuwen_lg.engine.compiled_workflow import CompiledWorkflow
from jiuwen_lg.engine.journal.observers import Observed, Observer, current_observers
from jiuwen_lg.engine.journal.stored_entry import dumped, kept, size_of
from jiuwen_lg.engine.journal.table import INSERT_ENTRY, KEEP_NEWEST
from jiuwen_lg.engine.journal.usage import Tally, count_here, listen
from jiuwen_lg.engine.pregel.keys import attempt_of
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

    __slots__ = ("_began", "_id", "_journal", "_runtime", "_tally", "is_choice", "is_fallback", "update")

    def __init__(self, journal: RunJournal, id: str, runtime: ComponentRuntime) -> None:
        self._journal = journal
        self._id = id
        self._runtime = runtime
        self.update: Any = None
        self.is_choice: bool = False
        self.is_fallback: bool = False

    def __enter__(self) -> Self:
        self._began = time.time()
        self._tally: Tally = count_here()
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
            attempt=attempt_of(runtime.config),
            iteration=runtime.iteration,
            targets=self._targets() if self.is_choice else (),
            is_fallback=self.is_fallback,
            error=error,
            tokens=(self._tally[0], self._tally[1]),
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
        compiled: The workflow.
        options: What is kept.
        observers: Those that hear of every entry.
        write: Lets an entry be written with the step; None if it is not stored.
    """

    session_id: str
    compiled: CompiledWorkflow
    options: Journal
    observers: Collection[Observer] = ()
    write: Callable[[JournalEntry], None] | None = None

    def recording(self, id: str, runtime: ComponentRuntime) -> Recording:
        """Record an execution."""
        return Recording(self, id, runtime)

    def add(self, entry: JournalEntry) -> None:
        """Tell the observers of an entry, and let it be written."""
        for observer in self.observers:
            observer(Observed(self.session_id, entry, self.compiled.identity.workflow_id, self.compiled.definition))
        if self.write is not None:
            self.write(entry)


def _told(error: BaseException) -> str:
    """What an execution failed with: the component's own error, without what the engine says around it."""
    own = error.root if isinstance(error, JiuWenBaseException) else error
    text = own.message if isinstance(own, JiuWenBaseException) else str(own)
    return f"{type(own).__name__}: {text}"[:_LONGEST_ERROR]


def run_journal(
    compiled: CompiledWorkflow, session_id: str, saver: FencedSaver | None = None, lease: Lease | None = None
) -> RunJournal | None:
    """The journal of a run that begins now; None if nothing is recorded.

    Args:
        compiled: The workflow.
        session_id: The session.
        saver: Where it is stored.
        lease: The right to store it.
    """
    observers, journal = current_observers(), compiled.journal
    is_stored = journal is not None and saver is not None and lease is not None
    if not is_stored and not observers:
        return None
    listen()
    made = RunJournal(session_id, compiled, journal or _observers_only, observers)
    if is_stored:
        assert journal is not None
        assert saver is not None
        assert lease is not None
        made.write = _writer(journal, saver, lease.thread_id)
    return made


def _writer(journal: Journal, saver: FencedSaver, thread_id: str) -> Callable[[JournalEntry], None]:
    first = time.time_ns() // 1000  # of a turn, so that numbers grow from turn to turn
    numbers, check_every = count(first), max(min(_CHECK_EVERY, journal.most_entries), 1)
    attach = saver.commits.attach

    def write(entry: JournalEntry) -> None:
        number = next(numbers)
        attach(
            thread_id,
            (INSERT_ENTRY, (thread_id, number, entry.ended + journal.seconds, dumped(entry, saver.vault, thread_id))),
        )
        if (number - first) % check_every == check_every - 1:
            attach(thread_id, (KEEP_NEWEST, (thread_id, thread_id, journal.most_entries)))

    return write
