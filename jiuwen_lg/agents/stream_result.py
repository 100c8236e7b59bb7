"""What has passed in the stream of a workflow: its frames, and in the end its output."""

from __future__ import annotations

from collections.abc import Iterator

from jiuwen_lg.engine.execution.stream_output import END_FRAME
from jiuwen_lg.output import (
    WORKFLOW_FINAL,
    OutputSchema,
    WorkflowChunk,
    WorkflowExecutionState,
    WorkflowOutput,
    is_question,
)


class StreamResult:
    """Collects a stream's result; the frame that may be it is held back until another follows."""

    def __init__(self) -> None:
        self._asked: list[WorkflowChunk] = []
        self._of_end: list[WorkflowChunk] = []
        self._held: OutputSchema | None = None

    def take(self, frame: WorkflowChunk) -> Iterator[WorkflowChunk]:
        """The frames that can pass now that this one has come."""
        if self._held is not None:
            yield self._held
            self._held = None
        if isinstance(frame, OutputSchema) and frame.type == WORKFLOW_FINAL:
            self._held = frame
            return
        if is_question(frame):
            self._asked.append(frame)
        elif isinstance(frame, OutputSchema) and frame.type == END_FRAME:
            self._of_end.append(frame)
        yield frame

    def output(self, conversation: str) -> WorkflowOutput:
        """The output that `invoke` would have returned."""
        if self._asked:
            state = WorkflowExecutionState.INPUT_REQUIRED
            return WorkflowOutput(result=self._asked, state=state, session_id=conversation)
        result = self._of_end or (self._held.payload if self._held is not None else None)
        return WorkflowOutput(result=result, state=WorkflowExecutionState.COMPLETED, session_id=conversation)

    @property
    def held(self) -> OutputSchema | None:
        """The frame that was held back."""
        return self._held

    @property
    def is_final(self) -> bool:
        """Whether that frame is the result, and no frame of a component that looks like one."""
        return self._held is not None and not self._asked and not self._of_end
