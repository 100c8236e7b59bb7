"""`Runner`: openJiuwen's front door to workflows, agents, tools and sessions.

Facts: openJiuwen 0.1.1, `agents.md` 8.1 (its R-11 and R-12 left out).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from jiuwen_lg.engine.store import current_store
from jiuwen_lg.engine.turns.pending import pending_in
from jiuwen_lg.errors import StatusCode
from jiuwen_lg.output import BaseStreamMode, PendingQuestion, WorkflowChunk, WorkflowOutput
from jiuwen_lg.resource_managers import resource_mgr
from jiuwen_lg.resources import generate_workflow_key, global_resources
from jiuwen_lg.runtime import TaskRuntime, WorkflowRuntime
from jiuwen_lg.schema.values import maybe_await
from jiuwen_lg.tools.langchain import as_tool
from jiuwen_lg.workflow import Workflow


class LocalMessageQueue:
    """openJiuwen's queue of messages, for programs that start and stop it: messages are handed on without one."""

    async def start(self) -> None:
        """Nothing has to be started."""

    async def stop(self) -> None:
        """Nothing has to be stopped."""


class _Runner:
    """Thin doors onto workflows, agents, groups, tools and sessions; `Runner` is the one instance."""

    async def start(self) -> None:
        """Nothing has to be started."""

    async def stop(self) -> None:
        """Leave the MCP servers; everything else may go on."""
        await resource_mgr.tool().stop()

    def message_queue(self) -> LocalMessageQueue:
        """A queue that programs may start and stop."""
        return LocalMessageQueue()

    # --- agents ---

    def add_agent(self, agent_id: str, agent: Any) -> None:
        """Add an agent, or a function that makes one whenever it is run; one of the same id is replaced.

        Raises:
            JiuWenBaseException: 190050, there is no id or no agent.
        """
        if not agent_id or agent is None:
            reason = f"agent {agent_id!r} is {agent!r}; it needs an id and an agent"
            raise StatusCode.RUNTIME_AGENT_ADD_FAILED.error(reason=reason)
        global_resources.put("agent", agent_id, agent)

    def remove_agent(self, agent_id: str) -> Any:
        """Take an agent out and return it; None if there is none, or a function makes it.

        Raises:
            JiuWenBaseException: 190052, there is no id.
        """
        if not agent_id:
            raise StatusCode.RUNTIME_AGENT_REMOVE_FAILED.error(reason=f"the id is {agent_id!r}")
        found = global_resources.remove("agent", agent_id)
        return found if hasattr(found, "invoke") else None

    async def run_agent(self, agent: Any, inputs: dict[str, Any]) -> Any:
        """`invoke` of an agent, or of the one that was added under an id.

        Raises:
            JiuWenBaseException: 134002, there is no such agent.
        """
        return await (await _agent(agent)).invoke(inputs)

    async def run_agent_streaming(self, agent: Any, inputs: dict[str, Any]) -> AsyncGenerator[Any, None]:
        """`stream` of the same."""
        async with aclosing((await _agent(agent)).stream(inputs)) as frames:
            async for frame in frames:
                yield frame

    # --- groups ---

    async def add_agent_group(self, group_id: str, group: Any) -> None:
        """Add a group of agents, or a function that makes one whenever it is run.

        Raises:
            JiuWenBaseException: 190040, there is no id or no group.
        """
        if not group_id or group is None:
            reason = f"group {group_id!r} is {group!r}; it needs an id and a group"
            raise StatusCode.RUNTIME_AGENT_GROUP_ADD_FAILED.error(reason=reason)
        global_resources.put("group", group_id, group)

    async def remove_agent_group(self, group_id: str) -> Any:
        """Take a group out and return it, or None.

        Raises:
            JiuWenBaseException: 190042, there is no id.
        """
        if not group_id:
            raise StatusCode.RUNTIME_AGENT_GROUP_REMOVE_FAILED.error(reason=f"the id is {group_id!r}")
        return global_resources.remove("group", group_id)

    async def run_agent_group(self, group: Any, inputs: Any) -> Any:
        """`invoke` of a group, or of the one that was added under an id.

        Raises:
            JiuWenBaseException: 190041, there is no such group.
        """
        return await (await _group(group)).invoke(inputs)

    async def run_agent_group_streaming(self, group: Any, inputs: Any) -> AsyncGenerator[Any, None]:
        """`stream` of the same."""
        async with aclosing((await _group(group)).stream(inputs)) as frames:
            async for frame in frames:
                yield frame

    # --- workflows ---

    async def run_workflow(
        self, workflow: Any, inputs: Any, *, runtime: Any = None, context: Any = None
    ) -> WorkflowOutput:
        """`Workflow.invoke` of a workflow, of what builds one, or of the one that `resource_mgr` has under a key.

        Args:
            workflow: The workflow.
            inputs: As in `Workflow.invoke`.
            runtime: A `WorkflowRuntime`, or an agent's `TaskRuntime`, whose session and state it shares.
            context: As in `Workflow.invoke`.

        Raises:
            JiuWenBaseException: 190001, there is no such workflow; 134003, the runtime's agent does not have it.
        """
        found = await _workflow(workflow)
        return await found.invoke(inputs, _runtime_for(found, runtime), context)

    async def run_workflow_streaming(
        self,
        workflow: Any,
        inputs: Any,
        *,
        runtime: Any = None,
        context: Any = None,
        stream_modes: list[BaseStreamMode] | None = None,
    ) -> AsyncGenerator[WorkflowChunk, None]:
        """`Workflow.stream` of the same."""
        found = await _workflow(workflow)
        frames = found.stream(inputs, _runtime_for(found, runtime), context, stream_modes)
        async with aclosing(frames):
            async for frame in frames:
                yield frame

    # --- tools ---

    async def run_tool(self, tool: Any, inputs: dict[str, Any], *, runtime: Any = None) -> Any:
        """Call a tool: one of ours or of LangChain's, or the one that `resource_mgr` or the runtime's agent has.

        Raises:
            JiuWenBaseException: 134005, there is no such tool; 134004, the runtime's agent does not have it;
                102000, it is no tool.
        """
        return await _tool(tool, runtime).ainvoke(inputs)

    async def run_tool_streaming(
        self, tool: Any, inputs: dict[str, Any], *, runtime: Any = None
    ) -> AsyncGenerator[Any, None]:
        """The same in parts, of a tool that has `astream`; its whole answer of any other."""
        found = _tool(tool, runtime)
        if not hasattr(found, "astream"):
            yield await found.ainvoke(inputs)
            return
        async for part in found.astream(inputs):
            yield part

    async def list_tools(self, tool_server: Any, *, name_delimiter: str | None = None) -> Any:
        """Return the descriptions of an MCP server's tools, or of several servers'; None for an unknown one."""
        if tool_server is None:
            return None
        return resource_mgr.tool().get_tool_infos(tool_server_name=tool_server, name_delimiter=name_delimiter)

    # --- sessions ---

    async def pending(self, session_id: str | None = None) -> list[PendingQuestion]:
        """List the questions that wait for a person, in a session or in all, oldest first.

        It is read from the rows of the sessions alone, so a process that knows none of the workflows can list
        it. What a run asks that was killed meanwhile is in `Workflow.pending`. A damaged row is left out with
        a warning.
        """
        store = await current_store()
        if store is None:
            return []
        return await pending_in(store, lambda runs: runs.of_agent("", session_id))

    async def release(self, session_id: str) -> None:
        """Drop the stored runs of a session, of all workflows and agents.

        What was said in it stays; `WorkflowAgent.clear_session` and `ContextEngine.clear_context` drop that.

        Raises:
            JiuWenBaseException: 100904, a run is in progress.
        """
        store = await current_store()
        if store is not None:
            await store.database.call(lambda: store.runs.discard(session_id))


async def _agent(agent: Any) -> Any:
    """An agent, made if need be."""
    found = global_resources.find("agent", agent) if isinstance(agent, str) else agent
    if found is None:
        raise StatusCode.AGENT_NOT_FOUND.error(agent_id=agent)
    return found if hasattr(found, "invoke") else await maybe_await(found())


async def _group(group: Any) -> Any:
    """A group, made if need be."""
    found = global_resources.find("group", group) if isinstance(group, str) else group
    if found is None:
        raise StatusCode.RUNTIME_AGENT_GROUP_GET_FAILED.error(reason=f"there is no group {group!r}: add_agent_group")
    return found if hasattr(found, "invoke") else await maybe_await(found())


async def _workflow(workflow: Any) -> Workflow:
    """A workflow, built if need be."""
    if isinstance(workflow, Workflow):
        return workflow
    found: Any = None
    if isinstance(workflow, str):
        found = await resource_mgr.workflow().get_workflow(workflow)
    elif workflow is not None:
        found = await maybe_await(workflow())
    if not isinstance(found, Workflow):
        reason = f"there is no workflow {workflow!r}: resource_mgr.workflow().add_workflow(id, workflow)"
        raise StatusCode.RUNTIME_WORKFLOW_GET_FAILED.error(reason=reason)
    return found


def _runtime_for(workflow: Workflow, runtime: Any) -> WorkflowRuntime | None:
    """The runtime of a run; an agent's only if the agent has the workflow."""
    if not isinstance(runtime, TaskRuntime):
        given: WorkflowRuntime | None = runtime
        return given
    config, metadata = runtime.get_agent_config(), workflow.config().metadata
    key = generate_workflow_key(metadata.id, metadata.version)
    if config is not None and key not in [generate_workflow_key(one.id, one.version) for one in config.workflows]:
        raise StatusCode.WORKFLOW_NOT_BOUND_TO_AGENT.error(id=key, agent_id=config.id)
    return runtime.create_workflow_runtime()


def _tool(tool: Any, runtime: Any) -> Any:
    """A tool; for the runtime of an agent one that the agent has."""
    name = tool if isinstance(tool, str) else getattr(tool, "name", None)
    config = runtime.get_agent_config() if isinstance(runtime, TaskRuntime) else None
    if config is not None and name is not None and name not in config.tools:
        raise StatusCode.TOOL_NOT_BOUND_TO_AGENT.error(id=name, agent_id=config.id)
    if tool is not None and not isinstance(tool, str):
        return as_tool(tool)
    own = runtime.get_tool(tool) if isinstance(runtime, TaskRuntime) and tool else None
    found = own or (resource_mgr.tool().get_tool(tool) if tool else None)
    if found is None:
        raise StatusCode.TOOL_NOT_FOUND.error(id=tool)
    return found


class _Checkpointer:
    """openJiuwen's door to its process-global checkpointer, for programs that release sessions through it."""

    async def release(self, session_id: str, agent_id: str | None = None) -> None:
        """`Runner.release`, for the runs of all agents."""
        await Runner.release(session_id)


_Runner.__name__ = _Runner.__qualname__ = "Runner"  # what programs print of the instance's type
Runner: _Runner = _Runner()
"""Thin doors onto workflows, agents, tools and sessions."""
default_inmemory_checkpointer: _Checkpointer = _Checkpointer()
"""openJiuwen's process-global checkpointer, for programs that release sessions through it."""
