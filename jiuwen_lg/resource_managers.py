"""`resource_mgr`: workflows, tools, models and prompts of the whole process, by id.

Facts: openJiuwen 0.1.1, `agents.md` 8.2 (its R-13 and R-26 left out).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from jiuwen_lg.errors import StatusCode
from jiuwen_lg.resources import GlobalResources, global_resources
from jiuwen_lg.schema.values import maybe_await
from jiuwen_lg.tools.langchain import as_tool
from jiuwen_lg.workflow import Workflow

if TYPE_CHECKING:
    from jiuwen_lg.tools.mcp import ToolServerConfig
    from jiuwen_lg.tools.tool_info import ToolInfo


class _Manager:
    """Things of one kind.

    Args:
        resources: Where they are; a registry of its own if absent.
    """

    _kind: str

    def __init__(self, resources: GlobalResources | None = None) -> None:
        self._resources = resources or GlobalResources()

    def _add(self, id: Any, thing: Any, failed: StatusCode, *, takes_empty: bool = False) -> None:
        if id is None or (id == "" and not takes_empty) or thing is None:
            raise failed.error(reason=f"{self._kind} {id!r} is {thing!r}; it needs an id and something to add")
        self._resources.put(self._kind, id, thing)

    def _get(self, id: Any, failed: StatusCode, *, takes_empty: bool = False) -> Any:
        if id is None or (id == "" and not takes_empty):
            raise failed.error(reason=f"the id is {id!r}")
        return self._resources.find(self._kind, id)


class WorkflowMgr(_Manager):
    """The workflows, or what builds them."""

    _kind = "workflow"

    def add_workflow(self, workflow_id: str, workflow: Any) -> None:
        """Add a workflow, or a function, sync or async, that builds one whenever it is asked for.

        Raises:
            JiuWenBaseException: 190002, there is no id, or it is neither.
        """
        if workflow is not None and not isinstance(workflow, Workflow) and not callable(workflow):
            reason = f"{workflow!r} is no workflow, and nothing that builds one"
            raise StatusCode.RUNTIME_WORKFLOW_ADD_FAILED.error(reason=reason)
        self._add(workflow_id, workflow, StatusCode.RUNTIME_WORKFLOW_ADD_FAILED)

    def add_workflows(self, workflows: Iterable[tuple[str, Any]] | None) -> None:
        """Add several, as (id, workflow)."""
        for id, workflow in workflows or ():
            self.add_workflow(id, workflow)

    async def get_workflow(self, workflow_id: str, runtime: Any = None) -> Workflow | None:
        """A workflow, built if need be, or None.

        Raises:
            JiuWenBaseException: 190001, there is no id.
        """
        found = self._get(workflow_id, StatusCode.RUNTIME_WORKFLOW_GET_FAILED)
        built: Workflow | None = found if found is None or isinstance(found, Workflow) else await maybe_await(found())
        return built

    def get_workflow_sync(self, workflow_id: str) -> Workflow | None:
        """The same without `await`.

        Raises:
            JiuWenBaseException: 190001, there is no id; or an async function builds it, and a loop is running.
        """
        found: Any = self._get(workflow_id, StatusCode.RUNTIME_WORKFLOW_GET_FAILED)
        built: Any = found if found is None or isinstance(found, Workflow) else found()
        if asyncio.iscoroutine(built):
            built = self._awaited(workflow_id, built)
        workflow: Workflow | None = built
        return workflow

    def _awaited(self, workflow_id: str, building: Any) -> Any:
        """What an async function builds, where no loop is running."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(building)
        building.close()
        reason = f"{workflow_id!r} is built by an async function: await get_workflow(id)"
        raise StatusCode.RUNTIME_WORKFLOW_GET_FAILED.error(reason=reason)

    def remove_workflow(self, workflow_id: str) -> Any:
        """Take a workflow out and return it, or None.

        Raises:
            JiuWenBaseException: 190003, there is no id.
        """
        if not workflow_id:
            raise StatusCode.RUNTIME_WORKFLOW_REMOVE_FAILED.error(reason=f"the id is {workflow_id!r}")
        return self._resources.remove(self._kind, workflow_id)

    def get_tool_infos(self, workflow_ids: Iterable[str] | None = None) -> list[ToolInfo | None]:
        """Return the descriptions of the named workflows for a model, None for unknown ones; of all without names."""
        ids = self._resources.all_of(self._kind) if workflow_ids is None else workflow_ids
        found = [self.get_workflow_sync(id) for id in ids]
        return [None if workflow is None else workflow.get_tool_info() for workflow in found]


class ToolMgr(_Manager):
    """The tools, and the MCP servers that they come from."""

    _kind = "tool"

    def add_tool(self, tool_id: str, tool: Any) -> None:
        """Add a tool of ours or LangChain's, or a function that makes one whenever it is asked for.

        Raises:
            JiuWenBaseException: 190101, there is no id or no tool; 102000, it is neither.
        """
        is_maker = callable(tool) and not hasattr(tool, "ainvoke")
        self._add(tool_id, tool if tool is None or is_maker else as_tool(tool), StatusCode.RUNTIME_TOOL_GET_FAILED)

    def add_tools(self, tools: Iterable[tuple[str, Any]] | None) -> None:
        """Add several, as (id, tool)."""
        for id, tool in tools or ():
            self.add_tool(id, tool)

    def get_tool(self, tool_id: str, runtime: Any = None) -> Any:
        """A tool, or None.

        Raises:
            JiuWenBaseException: 190101, there is no id.
        """
        found = self._get(tool_id, StatusCode.RUNTIME_TOOL_GET_FAILED)
        return found() if callable(found) and not hasattr(found, "ainvoke") else found

    def remove_tool(self, tool_id: str) -> Any:
        """Take a tool out and return it, or None."""
        return self._resources.remove(self._kind, tool_id) if tool_id else None

    def get_tool_infos(
        self,
        tool_ids: Iterable[str] | None = None,
        *,
        tool_server_name: Any = None,
        name_delimiter: str | None = None,
    ) -> Any:
        """Return the descriptions of the named tools for a model, None for unknown ones; of all without names.

        Args:
            tool_ids: The names.
            tool_server_name: An MCP server instead, or a list of them: its tools, None for an unknown one.
            name_delimiter: What stands between a server's name and its tool's; the tool's name alone if None.
        """
        if tool_server_name is not None:
            return self._infos_of_servers(tool_server_name, name_delimiter)
        ids = self._resources.all_of(self._kind) if tool_ids is None else tool_ids
        found = [self.get_tool(id) for id in ids]
        return [None if tool is None else tool.get_tool_info() for tool in found]

    def _infos_of_servers(self, named: Any, delimiter: str | None) -> Any:
        if isinstance(named, (list, tuple)):
            return [self._infos_of_servers(name, delimiter) for name in named]
        server = self._resources.find("server", named)
        if server is None:
            return None
        return [tool.get_tool_info() if delimiter is None else tool.named(delimiter) for tool in server.tools]

    async def add_tool_servers(self, servers: ToolServerConfig | list[ToolServerConfig]) -> list[bool]:
        """Connect to MCP servers and add their tools, each under its own name.

        Returns:
            Whether each could be reached; why not is logged.
        """
        from jiuwen_lg.tools.mcp import connect_server

        reached: list[bool] = []
        for config in servers if isinstance(servers, (list, tuple)) else [servers]:
            server = await connect_server(config)
            reached.append(server is not None)
            if server is not None:
                await self.remove_tool_server(config.server_name)
                self._resources.put("server", config.server_name, server)
                self.add_tools((tool.name, tool) for tool in server.tools)
        return reached

    async def remove_tool_server(self, server_name: str) -> None:
        """Take a server's tools out, and leave it."""
        server = self._resources.remove("server", server_name)
        if server is not None:
            for tool in server.tools:
                self.remove_tool(tool.name)
            await server.disconnect()

    async def stop(self) -> None:
        """Leave all servers."""
        for name in self._resources.all_of("server"):
            await self.remove_tool_server(name)


class ModelMgr(_Manager):
    """The models."""

    _kind = "model"

    def add_model(self, model_id: str, model: Any) -> None:
        """Add a model, or a function that makes one whenever it is asked for.

        Raises:
            JiuWenBaseException: 190302, there is no id or no model.
        """
        self._add(model_id, model, StatusCode.RUNTIME_MODEL_ADD_FAILED, takes_empty=True)

    def add_models(self, models: Iterable[tuple[str, Any]]) -> None:
        """Add several, as (id, model)."""
        for id, model in models:
            self.add_model(id, model)

    def get_model(self, model_id: str, runtime: Any = None) -> Any:
        """A model, or None.

        Raises:
            JiuWenBaseException: 190301, there is no id.
        """
        found = self._get(model_id, StatusCode.RUNTIME_MODEL_GET_FAILED, takes_empty=True)
        return found() if callable(found) and not hasattr(found, "ainvoke") else found

    def remove_model(self, model_id: str) -> Any:
        """Take a model out and return it, or None."""
        return self._resources.remove(self._kind, model_id)


class PromptMgr(_Manager):
    """The prompt templates."""

    _kind = "prompt"

    def add_prompt(self, template_id: str, template: Any) -> None:
        """Add a prompt template.

        Raises:
            JiuWenBaseException: 190202, there is no id or no template.
        """
        self._add(template_id, template, StatusCode.RUNTIME_PROMPT_ADD_FAILED, takes_empty=True)

    def add_prompts(self, templates: Iterable[tuple[str, Any]] | None) -> None:
        """Add several, as (id, template)."""
        for id, template in templates or ():
            self.add_prompt(id, template)

    def get_prompt(self, template_id: str) -> Any:
        """A prompt template, or None.

        Raises:
            JiuWenBaseException: 190201, there is no id.
        """
        return self._get(template_id, StatusCode.RUNTIME_PROMPT_GET_FAILED, takes_empty=True)

    def remove_prompt(self, template_id: str) -> Any:
        """Take a prompt template out and return it, or None."""
        return self._resources.remove(self._kind, template_id)


class ResourceMgr:
    """The four managers over one registry.

    Args:
        resources: The registry; one of its own if absent.
    """

    def __init__(self, resources: GlobalResources | None = None) -> None:
        resources = resources or GlobalResources()
        self._workflow, self._tool = WorkflowMgr(resources), ToolMgr(resources)
        self._model, self._prompt = ModelMgr(resources), PromptMgr(resources)

    def workflow(self) -> WorkflowMgr:
        """The workflows."""
        return self._workflow

    def tool(self) -> ToolMgr:
        """The tools."""
        return self._tool

    def model(self) -> ModelMgr:
        """The models."""
        return self._model

    def prompt(self) -> PromptMgr:
        """The prompt templates."""
        return self._prompt


resource_mgr: ResourceMgr = ResourceMgr(global_resources)
"""The registry of the process."""
