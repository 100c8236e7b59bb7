"""Traces: frames that tell when a component began, with what, and how it ended.

Shape and order of keys: seed 002 and the settled points of the specification. Nothing is
copied, and nothing is traced, unless a subscriber reads frames of the TRACE mode.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Any
from uuid import uuid4

from jiuwen_lg.config import WorkflowMetadata
from jiuwen_lg.engine.runtime.trace_format import original_component_frame, original_workflow_frame
from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.output import TraceSchema, WorkflowChunk
from jiuwen_lg.schema.values import deep_copy

WORKFLOW_TRACE = "tracer_workflow"
"""The type of trace frames."""


class Tracer:
    """The traces of one turn.

    Args:
        emit: Takes the frames.
        has_details: Whether they tell what openJiuwen's own tell besides: of the workflow as a
            whole, of classes, of frames taken and given.
        is_original: Whether they have the form of openJiuwen's own; then with details.
    """

    def __init__(
        self,
        emit: Callable[[WorkflowChunk], Awaitable[None]],
        *,
        has_details: bool = False,
        is_original: bool = False,
    ) -> None:
        self.emit = emit
        self.has_details: bool = has_details or is_original
        self.is_original = is_original
        self.workflow_id = ""
        self._bodies: dict[str, str] = {}
        self._iterations: dict[str, int | None] = {}
        self.trace_id: str = str(uuid4())
        self._finished: dict[str, int] = {}
        self._chosen: dict[str, str] = {}
        self._last: dict[str, str] = {}

    def trigger_of(
        self, id: str, parent: str, predecessors: Iterable[str], step: int, index: int | None = None
    ) -> str | None:
        """The component that triggered an execution: of those that ran just before, the one added first.

        Args:
            id: The executable id.
            host: The executable id of the component that it is inside of; empty at the top.
            predecessors: The executable ids of those that lead to it, in the order in which they were added.
            step: The superstep.
            index: In the body of a loop, the iteration; openJiuwen's own traces name no trigger of another one.
        """
        self._last.pop(id, None)  # what is inside it begins anew
        before = [p for p in (*predecessors, self._chosen.get(id)) if p in self._finished]
        if self.is_original:
            before = [p for p in before if self._iterations.get(p) == index]
        self._iterations[id] = index
        just_before = [p for p in before if self._finished[p] == step - 1]
        return next(iter(just_before or before), None if self.is_original else self._last.get(parent))

    def body_id(self, loop: str) -> str:
        """Return the id of a loop's body, which openJiuwen's own traces have instead of the workflow's."""
        return self._bodies.setdefault(loop, uuid4().hex)

    def finished(self, id: str, parent: str, targets: Iterable[str], step: int) -> None:
        """A component has finished, and has chosen these (executable ids) to go on."""
        self._finished[id] = step
        if parent:  # a round of a loop is triggered by what ended the one before
            self._last[parent] = id
        self._chosen.update(dict.fromkeys(targets, id))


class WorkflowSpan:
    """The traces of a turn of a workflow as a whole; told only in detail.

    Args:
        tracer: The turn's.
        metadata: The workflow's.
    """

    def __init__(self, tracer: Tracer, metadata: WorkflowMetadata) -> None:
        self._tracer = tracer
        tracer.workflow_id = metadata.id
        self._payload: dict[str, Any] = {
            **_begun(tracer, metadata.id, None),
            "workflowId": metadata.id,
            "workflowVersion": metadata.version,
            "workflowName": metadata.name,
            "status": "start",
            "parentNodeId": "",
        }

    async def start(self, inputs: Any) -> None:
        """The turn begins."""
        await self._send("start", inputs=deep_copy(inputs))

    async def end(self, status: str, *, outputs: Any = None, error: BaseException | None = None) -> None:
        """The turn ends: `finish`, `interrupted` or `error`."""
        told = None if error is None else _told(error)
        await self._send(status, endTime=_now(), outputs=deep_copy(outputs), error=told)

    async def _send(self, status: str, **more: Any) -> None:
        self._payload |= {**more, "status": status}
        if self._tracer.has_details:
            told = original_workflow_frame(self._payload) if self._tracer.is_original else dict(self._payload)
            await self._tracer.emit(TraceSchema(type=WORKFLOW_TRACE, payload=told))


class Span:
    """The traces of one execution of one component.

    Args:
        tracer: The turn's.
        id: The executable id.
        local_id: The id in its own graph.
        host: The executable id of the component that it is inside of; empty at the top.
        triggered_by: The component that triggered it.
        loop_index: In the body of a loop, the round.
        class_name: The class of what runs; told only in detail.
        workflow_id: Its workflow; told only in detail.
        label: Its label; empty without one.
    """

    def __init__(
        self,
        tracer: Tracer,
        id: str,
        local_id: str,
        parent: str,
        triggered_by: str | None,
        loop_index: int | None,
        class_name: str,
        workflow_id: str,
        label: str = "",
    ) -> None:
        self._tracer = tracer
        self._payload: dict[str, Any] = {
            **_begun(tracer, id, triggered_by),
            "onInvokeData": [],
            "componentId": "",
            "componentName": label,
            "componentType": local_id,
            "loopNodeId": None if loop_index is None else parent,
            "loopIndex": loop_index,
            "status": "start",
            "parentNodeId": parent,
        }
        if tracer.is_original and loop_index is not None:
            workflow_id = tracer.body_id(parent)
        if tracer.has_details:
            self._payload |= {"componentId": local_id, "componentName": label or local_id, "componentType": class_name}
            self._payload |= {"workflowId": workflow_id, "streamInputs": [], "streamOutputs": []}

    def exchanged(self, taken: list[Any], given: list[Any]) -> None:
        """It has taken and given these frames; told only in detail."""
        if self._tracer.has_details:
            self._payload |= {"streamInputs": deep_copy(taken), "streamOutputs": deep_copy(given)}

    async def start(self, inputs: Any) -> None:
        """It begins with these inputs."""
        self._payload["inputs"] = deep_copy(inputs)
        await self._send("start")

    async def running(self, data: Any) -> None:
        """It tells something of itself."""
        self._payload["onInvokeData"] = [*self._payload["onInvokeData"], deep_copy(data)]
        await self._send("running")

    async def failed(self, error: BaseException) -> None:
        """It tells of an error, or ends with it."""
        self._payload["error"] = _told(error)
        await self._send("error")

    async def finish(self, outputs: Any) -> None:
        """End the span with these outputs; as failed after an error that it has reported."""
        self._payload |= {"endTime": _now(), "outputs": deep_copy(outputs)}
        await self._send("finish" if self._payload["error"] is None else "error")

    async def end_with(self, error: BaseException) -> None:
        """It ends with an error."""
        self._payload["endTime"] = _now()
        await self.failed(error)

    async def interrupted(self) -> None:
        """It has asked; only openJiuwen's own traces tell so besides the question."""
        if self._tracer.is_original:
            self._payload["endTime"] = _now()
            await self._send("interrupted")

    async def _send(self, status: str) -> None:
        self._payload["status"] = status
        told = dict(self._payload)
        if self._tracer.is_original:
            told = original_component_frame(told, self._tracer.workflow_id)
        await self._tracer.emit(TraceSchema(type=WORKFLOW_TRACE, payload=told))


class BufferedSpan:
    """The trace data of a component that works on frames before its own superstep."""

    def __init__(self) -> None:
        self._waiting: list[tuple[str, Any]] = []
        self._span: Span | None = None

    async def running(self, data: Any) -> None:
        """It tells something of itself."""
        await self._tell("running", deep_copy(data))

    async def failed(self, error: BaseException) -> None:
        """It tells of an error."""
        await self._tell("failed", error)

    async def tell(self, span: Span) -> None:
        """Its turn has come: tell what it has told so far, and from now on at once."""
        self._span = span
        waiting, self._waiting = self._waiting, []
        for kind, value in waiting:
            await getattr(span, kind)(value)

    async def _tell(self, kind: str, value: Any) -> None:
        if self._span is None:
            self._waiting.append((kind, value))
        else:
            await getattr(self._span, kind)(value)


def _begun(tracer: Tracer, id: str, triggered_by: str | None) -> dict[str, Any]:
    """Return the beginning of every trace frame."""
    return {
        "traceId": tracer.trace_id,
        "startTime": _now(),
        "endTime": None,
        "inputs": None,
        "outputs": None,
        "error": None,
        "invokeId": id,
        "parentInvokeId": triggered_by,
        "executionId": tracer.trace_id,
    }


def _told(error: BaseException) -> dict[str, Any]:
    """An error as a frame shows it."""
    known = error
    if not isinstance(known, JiuWenBaseException):
        known = StatusCode.WORKFLOW_EXECUTE_INNER_ERROR.error(error=str(error))
    return {"error_code": known.error_code, "message": known.message}


def _now() -> datetime:
    """Naive local time, as seed 002 prints it."""
    return datetime.now()  # noqa: DTZ005
