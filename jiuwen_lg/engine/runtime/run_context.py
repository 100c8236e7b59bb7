"""Per-run objects, which must not be stored: the run's settings, its frames, its answers and its lease.

A run context travels in the run's config (`configurable`), which LangGraph hands to every node and neither stores
nor copies. A node that finds none was started by somebody else's graph and makes a plain one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jiuwen_lg.engine.concurrency.pausable_clock import PausableClock
from jiuwen_lg.engine.runtime.answer_book import AnswerBook
from jiuwen_lg.engine.runtime.run_sink import RunSink
from jiuwen_lg.output import WorkflowChunk
from jiuwen_lg.resources import Resources

if TYPE_CHECKING:
    from jiuwen_lg.engine.journal.run_journal import RunJournal
    from jiuwen_lg.engine.runtime.interrupts import Question
    from jiuwen_lg.engine.runtime.tracing import Tracer
    from jiuwen_lg.engine.storage.fence import Lease

RUN_CONTEXT_KEY = "__jlg_scope"


@dataclass(slots=True)
class RunContext:
    """One run.

    Attributes:
        sink: Where its frames go.
        answers: The answers that the session has stored.
        envs: The run's settings.
        context: What components receive as their third argument.
        lease: The right to write to the session's store; None without a store.
        can_pause: Whether a question can be stored until it is answered.
        questions: The questions that this run has asked and not got answered.
        completed: The components that have finished, in earlier turns too.
        resources: What components may look up.
        workflow_config: The workflow's configuration.
        allow_changed: Whether a run resumes although its workflow's shape has changed.
        global_delta: What the conversation has changed of the global state since the run stopped.
        clock: Measures the run without the time that it waits for the reader of its frames.
        tracer: Emits trace frames, if they are read.
        journal: Records each execution of a component, if that is wanted.
        on_global_update: Called with each finished component's global updates.
        is_stepwise: Whether the run may stop between any two steps; then no component begins before its turn.
    """

    session_id: str
    sink: RunSink
    answers: AnswerBook = field(default_factory=AnswerBook)
    envs: Mapping[str, Any] = field(default_factory=dict)
    context: Any = None
    lease: Lease | None = None
    can_pause: bool = True
    questions: list[Question] = field(default_factory=list)
    completed: set[str] = field(default_factory=set)
    resources: Resources = field(default_factory=Resources)
    workflow_config: Any = None
    clock: PausableClock = field(default_factory=PausableClock)
    tracer: Tracer | None = None
    journal: RunJournal | None = None
    allow_changed: bool = False
    global_delta: Sequence[dict[str, Any]] = ()
    on_global_update: Callable[[dict[str, Any]], None] = lambda _: None
    is_stepwise: bool = False

    def for_nested_run(self) -> RunContext:
        """Return the context of a run of another graph that a component starts."""
        return RunContext(
            session_id=self.session_id,
            sink=self.sink.without_questions(),
            envs=self.envs,
            context=self.context,
            lease=self.lease,
            can_pause=self.can_pause,
            resources=self.resources,
            clock=self.clock,
        )


def run_context_of(config: Mapping[str, Any]) -> RunContext:
    """Return the run that a node belongs to."""
    configurable = config["configurable"]
    found: RunContext | None = configurable.get(RUN_CONTEXT_KEY)
    if found is not None:
        return found
    return RunContext(session_id=str(configurable.get("thread_id", "")), sink=RunSink(_to_stream_writer))


async def _to_stream_writer(chunk: WorkflowChunk) -> None:
    """Emit a frame of a graph that others drive: LangGraph's `stream_mode="custom"`."""
    from langgraph.config import get_stream_writer

    get_stream_writer()(chunk)
