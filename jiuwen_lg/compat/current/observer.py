"""The observer of one turn: shapes its trace frames as openJiuwen 0.1.19 does, and triggers events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from jiuwen_lg.compat.current.callbacks import WorkflowEvents, callback_framework
from jiuwen_lg.engine.execution.stream_output import END_FRAME
from jiuwen_lg.engine.runtime.tracing import WORKFLOW_TRACE
from jiuwen_lg.output import OutputSchema, TraceSchema, WorkflowChunk, is_question

_ORDER = (
    "traceId",
    "sessionId",
    "startTime",
    "endTime",
    "inputs",
    "outputs",
    "error",
    "invokeId",
    "parentInvokeId",
    "status",
    "onInvokeData",
    "executionId",
    "workflowId",
    "workflowVersion",
    "workflowName",
    "componentId",
    "componentName",
    "componentType",
    "loopNodeId",
    "loopIndex",
    "parentNodeId",
    "streamInputs",
    "streamOutputs",
    "innerError",
    "interactiveInputs",
)
"""The keys of a frame; those without a value are left out."""


class Observer:
    """Sees the frames of one turn before their reader does.

    Args:
        session: The workflow's session.
        card: The workflow's card.
        names: Names of components, by executable id.
        places: Where frames go in a component's inputs, by executable id and reference.
        wants_traces: Whether the reader wants trace frames.
    """

    def __init__(
        self,
        session: Any,
        card: Any,
        names: dict[str, str],
        places: dict[str, dict[str, str]],
        *,
        wants_traces: bool,
    ) -> None:
        self.session = session
        self.card = card
        self._names = names
        self._places = places
        self._wants_traces = wants_traces
        self._has_events = callback_framework.is_observed()
        self._emit: Callable[[WorkflowChunk], Awaitable[None]] | None = None
        self._last: dict[str, dict[str, Any]] = {}
        self._attempts_left: dict[str, int] = {}
        self._failures: dict[str, BaseException] = {}
        self._notes: dict[str, list[Any]] = {}
        self._retried: set[str] = set()
        self._answers: dict[str, Any] = {}
        self._steps = 0

    @property
    def needs_traces(self) -> bool:
        """Whether anything is read off the traces."""
        return self._wants_traces or self._has_events

    def sink(self, emit: Callable[[WorkflowChunk], Awaitable[None]]) -> Callable[[WorkflowChunk], Awaitable[None]]:
        """The place where the engine's frames go."""
        self._emit = emit
        return self._pass

    async def _pass(self, frame: WorkflowChunk) -> None:
        assert self._emit is not None
        if not isinstance(frame, TraceSchema):
            await self._emit(frame)
            asker = frame.payload.id if isinstance(frame, OutputSchema) and is_question(frame) else None
            if asker is not None and (last := self._last.get(asker)) is not None:
                ended = {**last, "status": "interrupted", "endTime": _now(), "streamOutputs": []}
                await self._send(ended)
            return
        payload = self._shaped(dict(frame.payload))
        if self._wants_traces:
            await self._send(payload)
        await self._trigger(payload)

    async def _send(self, payload: dict[str, Any]) -> None:
        assert self._emit is not None
        if self._wants_traces:
            shown = {key: payload[key] for key in _ORDER if payload.get(key) is not None}
            await self._emit(TraceSchema(type=WORKFLOW_TRACE, payload=shown))

    # --- shapes ---

    def _shaped(self, payload: dict[str, Any]) -> dict[str, Any]:
        payload["sessionId"] = self.session.get_session_id()
        if trace_id := self.session.get_trace_id():
            payload["traceId"] = payload["executionId"] = trace_id
        if "componentId" not in payload:
            return self._shaped_workflow(payload)
        id, status = payload["invokeId"], payload["status"]
        payload["componentName"] = self._names.get(id, payload["componentId"])
        if payload.get("loopNodeId") is not None:
            payload["parentInvokeId"] = None
        elif payload.get("parentInvokeId") is None and not payload["parentNodeId"]:
            payload["parentInvokeId"] = self.card.id
        if notes := self._notes.get(id):
            payload["onInvokeData"] = [*notes, *payload["onInvokeData"]]
        payload["interactiveInputs"] = self._answers.get(id)
        self._shape_frames(id, payload)
        if status == "error":
            self._shape_error(id, payload)
        elif id in self._retried:
            self._retried.discard(id)
            payload["status"] = "running"
        if status == "start":
            payload["streamOutputs"] = None
        self._last[id] = payload
        return payload

    def _shape_frames(self, id: str, payload: dict[str, Any]) -> None:
        """Name what was taken by where it went, and show an End's frames as its reader got them."""
        places = self._places.get(id, {})
        taken = [{places.get(name, name): item for name, item in one.items()} for one in payload["streamInputs"] or ()]
        payload["streamInputs"] = taken or None
        if payload["componentType"] == "End":
            payload["streamOutputs"] = [
                {"type": END_FRAME, "index": index, "payload": frame}
                for index, frame in enumerate(payload["streamOutputs"] or ())
            ]

    def _shaped_workflow(self, payload: dict[str, Any]) -> dict[str, Any]:
        payload |= {"onInvokeData": [], "streamOutputs": []}
        if payload["status"] == "interrupted":
            payload |= {"status": "finish", "outputs": None}
        if isinstance(payload.get("outputs"), list):  # the frames of a streaming End
            payload["outputs"] = None
        if hasattr(payload.get("inputs"), "model_dump"):
            payload["inputs"] = payload["inputs"].model_dump()
        if payload.get("error") is not None:
            payload["error"] = self._error_of(None, payload["error"])
        return payload

    def _shape_error(self, id: str, payload: dict[str, Any]) -> None:
        payload["error"] = self._error_of(id, payload["error"])
        if self._attempts_left.get(id, 0) <= 0:
            return
        payload |= {"innerError": payload["error"], "error": None, "endTime": None}
        self._retried.add(id)
        note = {"inner_error": payload["innerError"], "current_time": datetime.now(UTC).isoformat()}
        self._notes.setdefault(id, []).append(note)
        payload["onInvokeData"] = [*payload["onInvokeData"], note]

    def _error_of(self, id: str | None, told: dict[str, Any]) -> dict[str, Any]:
        failures = list(self._failures.values())
        known = self._failures.get(id) if id is not None else (failures[-1] if failures else None)
        code, message = getattr(known, "code", None), getattr(known, "message", None)
        return told if code is None else {"error_code": code, "message": message}

    # --- heard from components ---

    def begun(self, id: str, step: int, attempts_left: int) -> None:
        """A component's method begins, in this superstep, with so many attempts after this one."""
        self._attempts_left[id] = attempts_left
        self._failures.pop(id, None)
        if "." not in id:
            self._running_step = step

    def done(self, id: str, step: int) -> None:
        """A component's method has ended well."""
        if "." not in id:
            self._steps = max(self._steps, step)

    def failed(self, id: str, error: BaseException) -> None:
        """A component's method has failed with an error of today's."""
        self._failures[id] = error

    async def answered(self, id: str, answer: Any) -> None:
        """A component's question has got its answer."""
        self._answers[id] = answer
        if (last := self._last.get(id)) is not None:
            last["interactiveInputs"] = answer
            await self._send(last)

    # --- events ---

    async def started(self, inputs: Any) -> None:
        """The turn begins."""
        await self._workflow_event(WorkflowEvents.WORKFLOW_STARTED, inputs=inputs)
        await self._graph_event(WorkflowEvents.LOOP_STARTED)

    async def finished(self, outputs: Any) -> None:
        """The turn has ended with a result, or with questions (then `outputs` is None)."""
        await self._graph_event(WorkflowEvents.LOOP_FINISHED, total_steps=self._steps + 1)
        await self._workflow_event(WorkflowEvents.WORKFLOW_FINISHED, outputs=outputs)

    async def stopped(self, error: BaseException) -> None:
        """The turn has failed."""
        await self._workflow_event(WorkflowEvents.WORKFLOW_ERROR, error=error)

    async def cancelled(self) -> None:
        """The turn was cancelled."""
        await self._workflow_event(WorkflowEvents.WORKFLOW_CANCELLED)

    async def _workflow_event(self, event: str, **more: Any) -> None:
        if callback_framework.has_subscribers(event):
            named = {"workflow_id": self.card.id, "workflow_name": self.card.name, "session": self.session}
            await callback_framework.trigger(event, **named, **more)

    async def _graph_event(self, event: str, **more: Any) -> None:
        if callback_framework.has_subscribers(event):
            await callback_framework.trigger(event, graph_id=self.card.id, session=self.session, **more)

    async def _trigger(self, payload: dict[str, Any]) -> None:
        if not self._has_events or "componentId" not in payload:
            return
        place = {"graph_id": payload.get("workflowId") or self.card.id, "session": self.session}
        node, status = payload["componentId"], payload["status"]
        source = str(payload.get("parentInvokeId") or "").rpartition(".")[2]
        if status == "start" and source and source != self.card.id:
            await callback_framework.trigger(
                WorkflowEvents.EDGE_TRAVERSED, source_node=source, target_node=node, **place
            )
        if status == "finish":  # openJiuwen gives neither inputs nor outputs here; its trace frames have them
            named = {"node_id": node, "ability": ["invoke"], "inputs": None, "outputs": None}
            await callback_framework.trigger(WorkflowEvents.NODE_EXECUTED, **named, **place)
        if status == "error" and payload.get("error") is not None:
            error = self._failures.get(payload["invokeId"])
            await callback_framework.trigger(WorkflowEvents.NODE_ERROR, node_id=node, error=error, **place)


def _now() -> datetime:
    return datetime.now()  # noqa: DTZ005 - as the other times of traces
