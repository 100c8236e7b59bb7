"""What belongs to one run and must not be stored: its caller's sink, settings and lease.

A scope travels in the run's config (`configurable`), which LangGraph hands to every
node and neither stores nor copies. A node that finds none was started by somebody
else's graph and makes a plain one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jiuwen_lg.engine.concurrency.pausable_clock import PausableClock
from jiuwen_lg.output import INTERACTION, BaseStreamMode, OutputSchema, WorkflowChunk
from jiuwen_lg.resources import Resources

if TYPE_CHECKING:
    from jiuwen_lg.engine.execution.interrupts import Question
    from jiuwen_lg.engine.execution.tracing import Tracer
    from jiuwen_lg.engine.storage.fence import Lease

RUN_CONTEXT_KEY = "__jlg_scope"


async def _no_early_answer(id: str, token: str) -> Any:
    raise LookupError(f"no answer is kept for [{id}] and {token}")


@dataclass(slots=True)
class RunContext:
    """One run.

    Attributes:
        emit: Takes the frames that components write.
        modes: The kinds of frames that somebody reads.
        envs: The run's settings.
        context: What components receive as their third argument.
        lease: The right to write to the session's store; None without a store.
        can_pause: Whether a question can be stored until it is answered.
        answers: The answers that the session has on file, by token.
        kept: Answers given before their component asked, by executable id.
        questions: What this run has asked and not got answered.
        completed: The components that have finished, in earlier turns too.
        resources: What components may look up.
        workflow_config: The workflow's configuration.
        claim: Makes the answer kept for a component the answer of its question, on file too.
        insists: Whether a run goes on although its workflow's shape has changed.
        changes: What the conversation has changed of the global state since the run stopped.
        pauses: The time that the run waits for the reader of its frames.
        unread: Takes the frames of an End that nobody reads, for the result.
        shown: How many frames each End has given that has not finished, by ability.
        shown_before: The same when the run stopped last; these are not shown again.
        tracer: Tells of each component, if somebody reads that.
        share: Told of each finished component's global updates.
        is_stepwise: Whether the run may stop between any two steps; then no component begins before its turn.
    """

    session_id: str
    emit: Callable[[WorkflowChunk], Awaitable[None]]
    modes: frozenset[BaseStreamMode] = frozenset(BaseStreamMode)
    envs: Mapping[str, Any] = field(default_factory=dict)
    context: Any = None
    lease: Lease | None = None
    can_pause: bool = True
    answers: Mapping[str, Any] = field(default_factory=dict)
    early_answers: dict[str, Any] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    completed: set[str] = field(default_factory=set)
    resources: Resources = field(default_factory=Resources)
    workflow_config: Any = None
    claim_early_answer: Callable[[str, str], Awaitable[Any]] = _no_early_answer
    clock: PausableClock = field(default_factory=PausableClock)
    collect_end_frame: Callable[[WorkflowChunk], None] = lambda _: None
    shown: dict[str, dict[str, int]] = field(default_factory=dict)
    delivered_frames: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    tracer: Tracer | None = None
    allow_changed: bool = False
    global_delta: Sequence[dict[str, Any]] = ()
    on_global_update: Callable[[dict[str, Any]], None] = lambda _: None
    is_stepwise: bool = False

    def inside(self) -> RunContext:
        """The scope of a run of another graph inside a component: its questions are that component's to ask."""

        async def emit(chunk: WorkflowChunk) -> None:
            if not (isinstance(chunk, OutputSchema) and chunk.type == INTERACTION):
                await self.emit(chunk)

        return RunContext(
            session_id=self.session_id,
            emit=emit,
            modes=self.modes,
            envs=self.envs,
            context=self.context,
            lease=self.lease,
            can_pause=self.can_pause,
            resources=self.resources,
            clock=self.clock,
        )


def run_context_of(config: Mapping[str, Any]) -> RunContext:
    """The run that a node belongs to."""
    configurable = config["configurable"]
    run_context = configurable.get(RUN_CONTEXT_KEY)
    return run_context if run_context is not None else _foreign_scope(configurable)


def _foreign_scope(configurable: Mapping[str, Any]) -> RunContext:
    return RunContext(session_id=str(configurable.get("thread_id", "")), emit=_to_stream_writer)


async def _to_stream_writer(chunk: WorkflowChunk) -> None:
    """Frames of a graph that others drive: LangGraph's `stream_mode="custom"`."""
    from langgraph.config import get_stream_writer

    get_stream_writer()(chunk)
