"""`Runner`: openJiuwen's front door to workflows and sessions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from jiuwen_lg.agents.workflow_agent import WorkflowAgent
from jiuwen_lg.engine.store import current_store
from jiuwen_lg.output import BaseStreamMode, WorkflowChunk, WorkflowOutput
from jiuwen_lg.runtime import WorkflowRuntime
from jiuwen_lg.tools.langchain import as_tool
from jiuwen_lg.workflow import Workflow


class _Runner:
    """Thin doors onto workflows and sessions; `Runner` is the one instance."""

    async def run_workflow(
        self, workflow: Workflow, inputs: Any, *, runtime: WorkflowRuntime | None = None, context: Any = None
    ) -> WorkflowOutput:
        """`Workflow.invoke`."""
        return await workflow.invoke(inputs, runtime, context)

    async def run_workflow_streaming(
        self,
        workflow: Workflow,
        inputs: Any,
        *,
        runtime: WorkflowRuntime | None = None,
        context: Any = None,
        stream_modes: list[BaseStreamMode] | None = None,
    ) -> AsyncIterator[WorkflowChunk]:
        """`Workflow.stream`."""
        async for frame in workflow.stream(inputs, runtime, context, stream_modes):
            yield frame

    async def run_agent(self, agent: WorkflowAgent, inputs: dict[str, Any]) -> Any:
        """`WorkflowAgent.invoke`."""
        return await agent.invoke(inputs)

    async def run_agent_streaming(self, agent: WorkflowAgent, inputs: dict[str, Any]) -> AsyncIterator[WorkflowChunk]:
        """`WorkflowAgent.stream`."""
        async for frame in agent.stream(inputs):
            yield frame

    async def run_tool(self, tool: Any, inputs: dict[str, Any]) -> Any:
        """Call a tool: one of ours or of LangChain's.

        Raises:
            JiuWenBaseException: 102000, it is no tool.
        """
        return await as_tool(tool).ainvoke(inputs)

    async def release(self, session_id: str) -> None:
        """Drop everything that is on file for a session, of all workflows.

        Raises:
            JiuWenBaseException: 100904, a run is in progress.
        """
        store = await current_store()
        if store is not None:
            await store.database.call(lambda: store.sessions.discard(session_id))


class _Checkpointer:
    """openJiuwen's door to its process-global checkpointer, for programs that release sessions through it."""

    async def run_agent(self, agent: WorkflowAgent, inputs: dict[str, Any]) -> Any:
        """`WorkflowAgent.invoke`."""
        return await agent.invoke(inputs)

    async def run_agent_streaming(self, agent: WorkflowAgent, inputs: dict[str, Any]) -> AsyncIterator[WorkflowChunk]:
        """`WorkflowAgent.stream`."""
        async for frame in agent.stream(inputs):
            yield frame

    async def run_tool(self, tool: Any, inputs: dict[str, Any]) -> Any:
        """Call a tool: one of ours or of LangChain's.

        Raises:
            JiuWenBaseException: 102000, it is no tool.
        """
        return await as_tool(tool).ainvoke(inputs)

    async def release(self, session_id: str, agent_id: str | None = None) -> None:
        """`Runner.release`; sessions belong to no agent here."""
        await Runner.release(session_id)


Runner = _Runner()
default_inmemory_checkpointer = _Checkpointer()
