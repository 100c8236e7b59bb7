"""`Runner`: openJiuwen's front door to workflows and sessions."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from jiuwen_lg.agents.workflow_agent import WorkflowAgent
from jiuwen_lg.engine.store import current_store
from jiuwen_lg.engine.turns.pending import pending_in
from jiuwen_lg.output import BaseStreamMode, PendingQuestion, WorkflowChunk, WorkflowOutput
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

    def run_workflow_streaming(
        self,
        workflow: Workflow,
        inputs: Any,
        *,
        runtime: WorkflowRuntime | None = None,
        context: Any = None,
        stream_modes: list[BaseStreamMode] | None = None,
    ) -> AsyncGenerator[WorkflowChunk, None]:
        """`Workflow.stream`."""
        return workflow.stream(inputs, runtime, context, stream_modes)

    async def run_agent(self, agent: WorkflowAgent, inputs: dict[str, Any]) -> Any:
        """`WorkflowAgent.invoke`."""
        return await agent.invoke(inputs)

    def run_agent_streaming(self, agent: WorkflowAgent, inputs: dict[str, Any]) -> AsyncGenerator[WorkflowChunk, None]:
        """`WorkflowAgent.stream`."""
        return agent.stream(inputs)

    async def run_tool(self, tool: Any, inputs: dict[str, Any]) -> Any:
        """Call a tool: one of ours or of LangChain's.

        Raises:
            JiuWenBaseException: 102000, it is no tool.
        """
        return await as_tool(tool).ainvoke(inputs)

    async def pending(self, session_id: str | None = None) -> list[PendingQuestion]:
        """What waits for a person in a session, or in all: of every workflow and every agent, oldest first.

        It is read from the rows of the sessions alone, so a process that knows none of the workflows can list
        it. What a run asks that was killed meanwhile is in `Workflow.pending`. A damaged row is left out with
        a warning.
        """
        store = await current_store()
        if store is None:
            return []
        return await pending_in(store, lambda runs: runs.of_agent("", session_id))

    async def release(self, session_id: str) -> None:
        """Drop the runs that are on file for a session, of all workflows and agents.

        What was said in it stays; `WorkflowAgent.clear_session` and `ContextEngine.clear_context` drop that.

        Raises:
            JiuWenBaseException: 100904, a run is in progress.
        """
        store = await current_store()
        if store is not None:
            await store.database.call(lambda: store.runs.discard(session_id))


class _Checkpointer:
    """openJiuwen's door to its process-global checkpointer, for programs that release sessions through it."""

    async def release(self, session_id: str, agent_id: str | None = None) -> None:
        """`Runner.release`, for the runs of all agents."""
        await Runner.release(session_id)


Runner: _Runner = _Runner()
"""Thin doors onto workflows, agents, tools and sessions."""
default_inmemory_checkpointer: _Checkpointer = _Checkpointer()
"""openJiuwen's process-global checkpointer, for programs that release sessions through it."""
