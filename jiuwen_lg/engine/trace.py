"""Traces: frames that tell when a component began, with what, and how it ended.

Shape and order of keys: seed 002 and the settled points of the specification. Nothing is
copied, and nothing is told, unless somebody reads frames of the TRACE mode.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Any
from uuid import uuid4

from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.output import TraceSchema, WorkflowChunk
from jiuwen_lg.schema.values import detach

WORKFLOW_TRACE = "tracer_workflow"
"""The type of trace frames."""


class Tracer:
    """The traces of one turn.

    Args:
        emit: Takes the frames.
    """

    def __init__(self, emit: Callable[[WorkflowChunk], Awaitable[None]]) -> None:
        self.emit = emit
        self.trace_id = str(uuid4())
        self._finished: dict[str, int] = {}
        self._chosen: dict[str, str] = {}
        self._last: dict[str, str] = {}

    def parent_of(self, id: str, host: str, predecessors: Iterable[str], step: int) -> str | None:
        """The component that triggered an execution: of those that ran just before, the one added first.

        Args:
            id: The executable id.
            host: The executable id of the component that it is inside of; empty at the top.
            predecessors: The executable ids of those that lead to it, in the order in which they were added.
            step: The superstep.
        """
        self._last.pop(id, None)  # what is inside it begins anew
        before = [p for p in (*predecessors, self._chosen.get(id)) if p in self._finished]
        just_before = [p for p in before if self._finished[p] == step - 1]
        return next(iter(just_before or before), self._last.get(host))

    def finished(self, id: str, host: str, targets: Iterable[str], step: int) -> None:
        """A component has finished, and has chosen these (executable ids) to go on."""
        self._finished[id] = step
        if host:  # a round of a loop is triggered by what ended the one before
            self._last[host] = id
        self._chosen.update(dict.fromkeys(targets, id))


class Span:
    """The traces of one execution of one component.

    Args:
        tracer: The turn's.
        id: The executable id.
        local_id: The id in its own graph.
        host: The executable id of the component that it is inside of; empty at the top.
        parent: The component that triggered it.
        loop_index: In the body of a loop, the round.
    """

    def __init__(
        self, tracer: Tracer, id: str, local_id: str, host: str, parent: str | None, loop_index: int | None
    ) -> None:
        self._tracer = tracer
        self._payload: dict[str, Any] = {
            "traceId": tracer.trace_id,
            "startTime": datetime.now(),  # noqa: DTZ005 - naive local time, as seed 002 prints it
            "endTime": None,
            "inputs": None,
            "outputs": None,
            "error": None,
            "invokeId": id,
            "parentInvokeId": parent,
            "executionId": tracer.trace_id,
            "onInvokeData": [],
            "componentId": "",
            "componentName": "",
            "componentType": local_id,
            "loopNodeId": None if loop_index is None else host,
            "loopIndex": loop_index,
            "status": "start",
            "parentNodeId": host,
        }

    async def start(self, inputs: Any) -> None:
        """It begins with these inputs."""
        self._payload["inputs"] = detach(inputs)
        await self._send("start")

    async def running(self, data: Any) -> None:
        """It tells something of itself."""
        self._payload["onInvokeData"] = [*self._payload["onInvokeData"], detach(data)]
        await self._send("running")

    async def failed(self, error: BaseException) -> None:
        """It tells of an error, or ends with it."""
        known = error
        if not isinstance(known, JiuWenBaseException):
            known = StatusCode.WORKFLOW_EXECUTE_INNER_ERROR.error(error=str(error))
        self._payload["error"] = {"error_code": known.error_code, "message": known.message}
        await self._send("error")

    async def finish(self, outputs: Any) -> None:
        """It ends with these outputs; after an error that it has told of, as failed."""
        self._payload |= {"endTime": datetime.now(), "outputs": detach(outputs)}  # noqa: DTZ005
        await self._send("finish" if self._payload["error"] is None else "error")

    async def end_with(self, error: BaseException) -> None:
        """It ends with an error."""
        self._payload["endTime"] = datetime.now()  # noqa: DTZ005
        await self.failed(error)

    async def _send(self, status: str) -> None:
        self._payload["status"] = status
        await self._tracer.emit(TraceSchema(type=WORKFLOW_TRACE, payload=dict(self._payload)))
