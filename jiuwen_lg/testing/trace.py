"""The trace of a run, to assert on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from jiuwen_lg.engine.execution.stream_output import END_FRAME
from jiuwen_lg.engine.journal.observers import Observed
from jiuwen_lg.errors import JiuWenBaseException
from jiuwen_lg.output import (
    WORKFLOW_FINAL,
    InteractionOutput,
    OutputSchema,
    TraceSchema,
    WorkflowChunk,
    is_question,
)
from jiuwen_lg.testing.trace_table import table_of
from jiuwen_lg.timeline import JournalEntry, only, step_of


@dataclass(slots=True)
class Execution:
    """A component ran once; one that asked, and ran again with the answer, ran twice.

    Attributes:
        id: Its executable id.
        inputs: What it got.
        outputs: What it gave; None unless it finished.
        status: How it ended; `asked` if it stopped to ask, or was stopped.
        error: What it failed with: `{"error_code": ..., "message": ...}`.
        label: Its label; empty without one.
        iteration: The indexes of the loops around it, outermost first, from 0.
        targets: Where it went on, if it is a branch, or a router or a fallback chose.
        attempt: Which attempt it was, from 1.
    """

    id: str
    inputs: Any
    outputs: Any = None
    status: Literal["finished", "failed", "asked"] = "asked"
    error: dict[str, Any] | None = None
    label: str = ""
    iteration: tuple[int, ...] = ()
    targets: tuple[str, ...] = ()
    attempt: int = 1


class Trace:
    """The trace of all turns of a run.

    Its `repr` is a table that is the same in every run, so a trace can be compared with a snapshot of it:
    `assert trace == snapshot()` with inline-snapshot and with syrupy.

    Attributes:
        session_id: Its session.
        executions: Who ran, in the order in which they began.
        asked: The questions, each once: (executable id, value).
        pending: Those that are still open.
        frames: What was streamed, without traces and questions.
        result: The End's output, of an End that gives frames the list of them; None unless it finished.
        error: What it failed with, if `run` was told not to raise it.
        loops: The executable ids of the workflow's loops.
    """

    def __init__(self, session_id: str, loops: Sequence[str] = ()) -> None:
        self.session_id = session_id
        self.loops = loops
        self.executions: list[Execution] = []
        self.asked: list[tuple[str, Any]] = []
        self.pending: list[InteractionOutput] = []
        self.frames: list[WorkflowChunk] = []
        self.result: Any = None
        self.error: JiuWenBaseException | None = None
        self._entries: list[JournalEntry] = []
        self._began: dict[tuple[str, Any], Execution] = {}
        self._tokens: set[str] = set()
        self._first_frame = 0
        self._first_execution = 0
        self._before: list[InteractionOutput] = []

    @property
    def ran(self) -> list[str]:
        """The executable ids, in the order in which they began."""
        return [execution.id for execution in self.executions]

    @property
    def path(self) -> list[str]:
        """The steps that finished, in the order in which they began: `["start", "loop[0].a", "loop[1].a", "end"]`."""
        return [self.step(execution) for execution in self.executions if execution.status == "finished"]

    def step(self, execution: Execution) -> str:
        """The id of an execution, with the indexes of the loops around it."""
        return step_of(execution.id, execution.iteration, self.loops)

    def branch(self, id: str) -> str | list[str]:
        """Where a component went on that chooses, the last time that it ran: an executable id, or several.

        Raises:
            LookupError: It has not chosen.
        """
        return only(self._choices(id)[-1])

    def branches(self, id: str) -> list[str | list[str]]:
        """The same for each time that it ran.

        Raises:
            LookupError: It has not chosen.
        """
        return [only(targets) for targets in self._choices(id)]

    def _choices(self, id: str) -> list[tuple[str, ...]]:
        chosen = [e.targets for e in self.of(id) if e.status == "finished" and e.targets]
        if not chosen:
            others = [*dict.fromkeys(execution.id for execution in self.executions if execution.targets)]
            raise LookupError(f"[{id}] has chosen nothing; those that chose are {others}")
        return chosen

    def iterations(self, id: str) -> int:
        """How many iterations a loop had in its last execution.

        Raises:
            LookupError: It is no loop.
        """
        if id not in self.loops:
            raise LookupError(f"[{id}] is no loop; the loops are {[*self.loops]}")
        inside = [execution for execution in self.executions if execution.id.startswith(f"{id}.")]
        if not inside:
            return 0
        depth = sum(f"{id}.".startswith(f"{loop}.") for loop in self.loops)
        outer = inside[-1].iteration[: depth - 1]
        return len({e.iteration[depth - 1] for e in inside if e.iteration[: depth - 1] == outer})

    def __eq__(self, other: object) -> bool:
        """Whether the other shows the same: a trace, or a snapshot's text."""
        if isinstance(other, Trace):
            return table_of(self) == table_of(other)
        return table_of(self) == other if isinstance(other, str) else NotImplemented

    __hash__: ClassVar[None] = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return table_of(self)

    @property
    def is_paused(self) -> bool:
        """Whether questions are open (beside one, another component may have failed: see `error`)."""
        return bool(self.pending)

    @property
    def codes(self) -> tuple[int, ...]:
        """The codes of its error and of those that caused it, outermost first."""
        return self.error.codes if self.error is not None else ()

    def of(self, id: str) -> list[Execution]:
        """The executions of one component."""
        return [execution for execution in self.executions if execution.id == id]

    def count(self, id: str) -> int:
        """Count the executions of a component."""
        return len(self.of(id))

    def payloads(self, type: str | None = None) -> list[Any]:
        """Return the payloads of output frames: of one type, or all."""
        return [f.payload for f in self.frames if isinstance(f, OutputSchema) and type in (None, f.type)]

    def begin_turn(self) -> None:
        """A turn begins."""
        self._before, self.pending, self.result, self.error = self.pending, [], None, None
        self._first_frame, self._first_execution = len(self.frames), len(self.executions)

    def take(self, frame: WorkflowChunk) -> None:
        """A frame has come."""
        if isinstance(frame, TraceSchema):
            self._take_span(frame.payload)
        elif is_question(frame):
            self.pending.append(frame.payload)  # type: ignore[union-attr]
        else:
            self.frames.append(frame)

    def end_turn(self, ids: Sequence[str]) -> None:
        """A turn has ended.

        Args:
            ids: The executable ids in the order in which they were added; questions are listed in it.
        """
        self._take_entries()
        self.pending.sort(key=lambda question: ids.index(question.id) if question.id in ids else len(ids))
        self._note_asked()
        of_turn = [frame for frame in self.frames[self._first_frame :] if isinstance(frame, OutputSchema)]
        if not self.pending and not of_turn and len(self.executions) == self._first_execution:
            self.pending = self._before  # nothing has happened: what was said was refused
        if self.pending:
            return
        self.result = [frame for frame in of_turn if frame.type == END_FRAME] or None
        if self.result is None and of_turn and of_turn[-1].type == WORKFLOW_FINAL:
            self.result = of_turn[-1].payload
            self.frames.remove(of_turn[-1])

    def note(self, observed: Observed) -> None:
        """An execution has ended."""
        if observed.session_id == self.session_id:
            self._entries.append(observed.entry)

    def _take_entries(self) -> None:
        """Complete the executions of the turn: those of a component began in the order in which they ended."""
        waiting: dict[str, list[Execution]] = {}
        for execution in self.executions[self._first_execution :]:
            waiting.setdefault(execution.id, []).append(execution)
        entries, self._entries = self._entries, []
        for entry in entries:
            if of_component := waiting.get(entry.id):
                execution = of_component.pop(0)
                execution.label, execution.iteration, execution.attempt = entry.label, entry.iteration, entry.attempt
                execution.targets = entry.targets

    def _note_asked(self) -> None:
        new = [question for question in self.pending if question.token not in self._tokens]
        self._tokens.update(question.token for question in new)
        self.asked += [(question.id, question.value) for question in new]

    def _take_span(self, payload: dict[str, Any]) -> None:
        key = (payload["invokeId"], payload["startTime"])
        if payload["status"] == "start":
            self._began[key] = Execution(payload["invokeId"], payload["inputs"])
            self.executions.append(self._began[key])
        elif payload["status"] in ("finish", "error") and payload["endTime"] is not None and key in self._began:
            execution = self._began[key]
            execution.status = "finished" if payload["error"] is None else "failed"
            execution.outputs, execution.error = payload["outputs"], payload["error"]
