"""The results, frames and questions of a run, and the snapshot of a session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from html import escape
from typing import Any, ClassVar, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.schema.values import as_text

INTERACTION = "__interaction__"
"""`OutputSchema.type` of a question to the user."""
WORKFLOW_FINAL = "workflow_final"
"""`OutputSchema.type` of the frame that carries the result."""


class WorkflowExecutionState(Enum):
    """Whether a run finished or waits for an answer."""

    COMPLETED = "COMPLETED"
    INPUT_REQUIRED = "INPUT_REQUIRED"


class OutputSchema(BaseModel):
    """A frame: `type` says what it is, `index` counts within its source from 0."""

    type: str
    index: int
    payload: Any


class TraceSchema(BaseModel):
    """A trace frame (no index)."""

    type: str
    payload: Any


class CustomSchema(BaseModel):
    """A frame of the component's own making: any fields."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow", arbitrary_types_allowed=True)


class InteractionOutput(BaseModel):
    """A question: who asks (`id`, a dotted path) and what (`value`)."""

    id: str
    value: Any
    _token: str = PrivateAttr(default="")
    _answer_schema: dict[str, Any] | None = PrivateAttr(default=None)
    _error: str | None = PrivateAttr(default=None)
    _label: str = PrivateAttr(default="")

    @classmethod
    def asked(
        cls,
        id: str,
        value: Any,
        token: str,
        schema: dict[str, Any] | None = None,
        error: str | None = None,
        label: str = "",
    ) -> InteractionOutput:
        """A question together with the token that makes its answer unmistakable."""
        output = cls(id=id, value=value)
        output._token, output._answer_schema, output._error, output._label = token, schema, error, label
        return output

    @property
    def label(self) -> str:
        """The label of the component that asks; empty without one."""
        return self._label

    @property
    def answer_schema(self) -> dict[str, Any] | None:
        """The JSON schema that the answer must fit; None if any answer will do."""
        return self._answer_schema

    @property
    def error(self) -> str | None:
        """Why the last answer did not fit, if the question is asked again."""
        return self._error

    @property
    def token(self) -> str:
        """The token that `InteractiveInput.reply_to` sends back; empty for a question made by hand."""
        return self._token

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, InteractionOutput):
            return NotImplemented
        return bool(self.id == other.id and self.value == other.value)

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class SessionSnapshot:
    """The state of a session, the same from every process.

    Attributes:
        status: `running`, `waiting` (for answers), `failed` (or stopped or killed), `done`.
        node: The component that stopped it: the first that asks, else the first to run next.
        state: `inputs`, `io` (outputs by component), `own` (private), `world` (global); empty when done.
        next_nodes: The components that run next.
        interrupt_value: The first question's value.
        questions: All open questions.
        result: The result of a finished run.
        error: What a failed run failed with.
        picture: The workflow, and where the session stands in it; a notebook shows this.
    """

    session_id: str
    status: str
    node: str | None
    state: dict[str, Any]
    next_nodes: list[str]
    interrupt_value: Any
    questions: list[InteractionOutput]
    result: Any
    error: str | None
    picture: Any = field(default=None, repr=False, compare=False)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        shown: dict[str, Any] = self.picture._repr_mimebundle_() if self.picture is not None else {}
        return {**shown, "text/plain": shortened(repr(self))}


class WorkflowOutput(BaseModel):
    """The outcome of `Workflow.invoke`.

    Attributes:
        result: The End component's output, or the list of frames (questions included)
            when `state` is INPUT_REQUIRED.
        state: COMPLETED or INPUT_REQUIRED.
        session_id: The session that ran (not printed); it resumes a paused one.
        snapshot: Where it stopped (not printed), if it was told to.
    """

    result: Any
    state: WorkflowExecutionState
    session_id: str = Field(default="", repr=False, exclude=True)
    snapshot: SessionSnapshot | None = Field(default=None, repr=False, exclude=True)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, WorkflowOutput):
            return NotImplemented
        return bool(self.result == other.result and self.state == other.state)

    __hash__ = None  # type: ignore[assignment]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        html = {} if self.state is WorkflowExecutionState.COMPLETED else {"text/html": self._as_html()}
        return {**html, "text/plain": shortened(repr(self))}

    def _as_html(self) -> str:
        """Describe in HTML what waits, and how the run is resumed."""
        asked = [(f.payload.id, f.payload.value, f.payload.label) for f in self.result if is_question(f)]
        if not asked and self.snapshot is not None:
            return stopped_html(self.session_id, self.snapshot.next_nodes)
        return questions_html(self.session_id, asked)


WorkflowChunk: TypeAlias = OutputSchema | CustomSchema | TraceSchema
"""What `Workflow.stream` yields."""


def is_question(frame: WorkflowChunk) -> bool:
    """Whether a frame is a question of the engine's (a component may write one that looks like it)."""
    return (
        isinstance(frame, OutputSchema) and isinstance(frame.payload, InteractionOutput) and bool(frame.payload.token)
    )


def output_frame(data: Any) -> OutputSchema:
    """A frame from what a component writes.

    Raises:
        JiuWenBaseException: 193001 unless it has type, index and payload; 193002 for None.
    """
    if data is None:
        raise StatusCode.STREAM_WRITER_WRITE_FAILED.error()
    if isinstance(data, OutputSchema):
        return data
    try:
        return OutputSchema.model_validate(data)
    except ValidationError as error:
        raise _bad_frame(error) from error


def _bad_frame(error: ValidationError) -> JiuWenBaseException:
    reasons = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'frame'}: {e['msg']}" for e in error.errors())
    return StatusCode.STREAM_WRITER_WRITE_SCHEMA_FAILED.error(reason=reasons)


def questions_in(output: WorkflowOutput) -> list[InteractionOutput]:
    """The open questions of an output; none of a completed one."""
    if output.state is WorkflowExecutionState.COMPLETED or not isinstance(output.result, list):
        return []
    return [frame.payload for frame in output.result if is_question(frame)]


@dataclass(frozen=True, slots=True)
class PendingQuestion:
    """A question that waits in a session.

    Attributes:
        session_id: The session.
        since: When it was asked, seconds since 1970.
        output: The question; `InteractiveInput.reply_to(pending.output, answer)` answers it.
        workflow_id: The workflow that asks; empty if it was given no id.
        agent_id: The agent whose workflow it is; empty if it is none's.
    """

    session_id: str
    since: float
    output: InteractionOutput
    workflow_id: str = ""
    agent_id: str = ""


@dataclass(frozen=True, slots=True)
class HistoryStep:
    """A step of a run.

    Attributes:
        step: Its number; a run's input is -1.
        checkpoint_id: LangGraph's id of it.
        created_at: When, in ISO 8601.
        ran: The components that ran in it.
        next_nodes: Those that ran next, or would.
        state: After it, as in a `SessionSnapshot`.
    """

    step: int
    checkpoint_id: str
    created_at: str
    ran: list[str]
    next_nodes: list[str]
    state: dict[str, Any]


class StreamMode(Enum):
    """A kind of frames; `mode` is its name, `desc` a line about it, `options` are unused."""

    mode: str
    desc: str
    options: dict[str, Any]

    def __new__(cls, mode: str, desc: str = "", options: dict[str, Any] | None = None) -> Self:
        member = object.__new__(cls)
        member._value_ = mode
        member.mode = mode
        member.desc = desc
        member.options = options or {}
        return member


class BaseStreamMode(StreamMode):
    """The kinds of frames that `Workflow.stream` can deliver."""

    OUTPUT = ("output", "frames of the End component and of write_stream, and questions")
    TRACE = ("trace", "what each component received and produced")
    CUSTOM = ("custom", "frames of write_custom_stream")


# --- what a notebook shows of a paused run ---

_CELL = 'style="text-align: left; padding: 2px 12px 2px 0"'


def questions_html(session_id: str, questions: Sequence[tuple[str, Any, str]]) -> str:
    """A table of open questions, and how they are answered.

    Args:
        session_id: The session that asks.
        questions: Who asks, what, and the label of who asks.
    """
    who = {id: f"{_text(label)} <code>{_text(id)}</code>".lstrip() for id, _, label in questions}
    rows = "".join(f"<tr><td {_CELL}>{who[id]}</td><td {_CELL}>{_text(v)}</td></tr>" for id, v, _ in questions)
    answers = "".join(f".update({id!r}, ...)" for id, *_ in questions)
    given = 'InteractiveInput("...")' if len(questions) == 1 else f"InteractiveInput(){answers}"
    count = "A question waits" if len(questions) == 1 else f"{len(questions)} questions wait"
    return f"<p><b>{count}</b> for an answer:</p><table>{rows}</table>{_go_on(session_id, given)}"


def stopped_html(session_id: str, next_nodes: Sequence[str]) -> str:
    """Describe in HTML a run that stopped at a breakpoint, and how it is resumed."""
    names = ", ".join(f"<code>{_text(id)}</code>" for id in next_nodes)
    return f"<p><b>Stopped</b> before {names or 'the end'}.</p>{_go_on(session_id, 'InteractiveInput()')}"


def _go_on(session_id: str, given: str) -> str:
    call = f"await flow.invoke({given}, WorkflowRuntime(session_id={session_id!r}))"
    return f"<p>It goes on with <code>{escape(call)}</code>, in any process.</p>"


def shortened(text: str, most: int = 2_000) -> str:
    """Return a text that a notebook can keep; a cut is marked."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text) - most} more characters)"


def _text(value: Any) -> str:
    return escape(shortened(as_text(value)))
