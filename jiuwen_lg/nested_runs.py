"""Runs of a workflow that a component begins by hand. Facts: openJiuwen 0.1.1, `agents.md` 12.3."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.output import BaseStreamMode, OutputSchema, WorkflowOutput, is_question
from jiuwen_lg.runtime import WorkflowRuntime


class NestedRuns(ABC):
    """The methods of a workflow with which a component runs it once, apart from the run around.

    Such a run cannot ask and is not resumed in the middle: what shall be is added as a `SubWorkflowComponent`.
    """

    @abstractmethod
    async def invoke(self, inputs: Any, runtime: WorkflowRuntime | None = None, context: Any = None) -> WorkflowOutput:
        """Run the workflow."""

    @abstractmethod
    def stream(
        self,
        inputs: Any,
        runtime: WorkflowRuntime | None = None,
        context: Any = None,
        stream_modes: list[BaseStreamMode] | None = None,
    ) -> AsyncGenerator[Any, None]:
        """Run the workflow, and yield frames."""

    @abstractmethod
    async def discard(self, session_id: str) -> bool:
        """Drop a session."""

    async def sub_invoke(self, inputs: Any, runtime: Any = None, config: Any = None) -> Any:
        """Run the workflow inside a component, and return its result.

        Args:
            inputs: The workflow's inputs.
            runtime: The component's runtime; accepted for openJiuwen's sake.
            config: Accepted for openJiuwen's sake.

        Raises:
            JiuWenBaseException: 101141, the workflow asked a question.
        """
        own = WorkflowRuntime()
        output = await self.invoke(inputs, own)
        if isinstance(output.result, list) and any(is_question(frame) for frame in output.result):
            await self.discard(own.session_id())
            raise _asked()
        return output.result

    async def sub_stream(self, inputs: Any, runtime: Any = None, config: Any = None) -> AsyncIterator[Any]:
        """Run the workflow inside a component, and yield what its output frames carry; see `sub_invoke`."""
        own, has_asked = WorkflowRuntime(), False
        async for frame in self.stream(inputs, own, stream_modes=[BaseStreamMode.OUTPUT]):
            has_asked = has_asked or is_question(frame)
            if isinstance(frame, OutputSchema) and not has_asked:
                yield frame.payload
        if has_asked:
            await self.discard(own.session_id())
            raise _asked()


def _asked() -> JiuWenBaseException:
    reason = "it asked a question, which only a workflow added as SubWorkflowComponent can"
    return StatusCode.SUB_WORKFLOW_COMPONENT_RUNNING_ERROR.error(error_msg=reason)
