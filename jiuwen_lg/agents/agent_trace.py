"""The frames that tell of what an agent does in a turn: its calls of models and tools.

Facts: openJiuwen 0.1.1, `agents.md` 3.4.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import uuid4

from jiuwen_lg.errors import JiuWenBaseException
from jiuwen_lg.output import TraceSchema
from jiuwen_lg.schema.values import deep_copy

AGENT_TRACE = "tracer_agent"
"""The type of the frames."""

_UNDEFINED = 191002
"""The code of an error that has none."""


class AgentTrace:
    """The traces of one turn.

    Args:
        emit: Takes the frames; None if nobody reads them.
    """

    def __init__(self, emit: Callable[[Any], Awaitable[None]] | None) -> None:
        self._emit = emit
        self._trace_id = str(uuid4())
        self._invoke_id = str(uuid4())

    @property
    def is_read(self) -> bool:
        """Whether somebody reads the frames."""
        return self._emit is not None

    async def send(self, frame: Any) -> None:
        """Hand a frame to the reader, if there is one."""
        if self._emit is not None:
            await self._emit(frame)

    def span(self, kind: str, name: str, **details: Any) -> AgentSpan:
        """The span of one call.

        Args:
            kind: `llm`, `plugin` or `workflow`.
            name: What is called.
            details: Further metadata.
        """
        told = {"class_name": name, "type": "tool" if kind == "plugin" else kind, **details}
        return AgentSpan(self, self._trace_id, self._invoke_id, kind, name, told)


class AgentSpan:
    """One call: `start`, then `end` or `fail`."""

    def __init__(
        self, trace: AgentTrace, trace_id: str, parent: str, kind: str, name: str, details: dict[str, Any]
    ) -> None:
        self._trace = trace
        self._began = 0.0
        self._payload: dict[str, Any] = {
            "traceId": trace_id,
            "startTime": None,
            "endTime": None,
            "inputs": None,
            "outputs": None,
            "error": None,
            "invokeId": str(uuid4()),
            "parentInvokeId": parent,
            "childInvokes": None,
            "invokeType": kind,
            "name": name,
            "elapsedTime": None,
            "metaData": details,
        }

    async def start(self, inputs: Any) -> None:
        """The call begins."""
        if self._trace.is_read:
            self._began = time.monotonic()
            self._payload |= {"startTime": _now(), "inputs": {"inputs": deep_copy(inputs)}}
            await self._send()

    async def end(self, outputs: Any) -> None:
        """It has ended."""
        if self._trace.is_read:
            self._payload |= {**self._ended(), "outputs": {"outputs": deep_copy(outputs)}}
            await self._send()

    async def fail(self, error: BaseException) -> None:
        """It has failed."""
        if self._trace.is_read:
            is_ours = isinstance(error, JiuWenBaseException)
            code, text = (error.error_code, error.message) if is_ours else (_UNDEFINED, str(error))  # type: ignore[attr-defined]
            self._payload |= {**self._ended(), "error": {"error_code": code, "message": text}}
            await self._send()

    def _ended(self) -> dict[str, Any]:
        milliseconds = round((time.monotonic() - self._began) * 1000)
        return {"endTime": _now(), "elapsedTime": f"{milliseconds}ms"}

    async def _send(self) -> None:
        await self._trace.send(TraceSchema(type=AGENT_TRACE, payload=dict(self._payload)))


def _now() -> datetime:
    """The local time, as openJiuwen's traces have it."""
    return datetime.now()  # noqa: DTZ005
