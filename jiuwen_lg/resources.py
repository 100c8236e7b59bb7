"""Resources that the components of one conversation may look up: prompts, models, tools, workflows.

A registry belongs to a `WorkflowRuntime`, or to the `TaskRuntime` that it was made from;
there is no global one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jiuwen_lg.errors import StatusCode
from jiuwen_lg.tools.tool_info import ToolInfo


class Resources:
    """Named things of four kinds; looking up what is not there gives None.

    Attributes:
        workflow_configs: Configurations of workflows, by id.
        agent_config: The configuration of the agent that they belong to, or None.
    """

    def __init__(self) -> None:
        self._things: dict[str, dict[str, Any]] = {kind: {} for kind in ("prompt", "model", "tool", "workflow")}
        self.workflow_configs: dict[str, Any] = {}
        self.agent_config: Any = None

    def copy(self) -> Resources:
        """The same things in a registry of its own."""
        copied = Resources()
        copied._things = {kind: dict(things) for kind, things in self._things.items()}
        copied.workflow_configs, copied.agent_config = dict(self.workflow_configs), self.agent_config
        return copied

    def add(self, kind: str, id: str, thing: Any) -> None:
        """Add one, replacing another of the same id.

        Raises:
            JiuWenBaseException: 190002, 190102, 190202 or 190302 by kind: there is no id, or nothing to add.
        """
        if not id or thing is None:
            raise _FAILED[kind].error(reason=f"{kind} {id!r} is {thing!r}; it needs an id and something to add")
        self._things[kind][id] = thing

    def add_all(self, kind: str, things: Iterable[tuple[str, Any]]) -> None:
        """Add several."""
        for id, thing in things:
            self.add(kind, id, thing)

    def get(self, kind: str, id: str) -> Any:
        """One, or None."""
        return self._things[kind].get(id)

    def remove(self, kind: str, id: str) -> Any:
        """Take one out and return it, or None."""
        return self._things[kind].pop(id, None)

    def tool_infos(self, tool_ids: list[str] | None, workflow_ids: list[str] | None) -> list[ToolInfo]:
        """The infos of the named tools and workflows; of all, if no names are given."""
        named = tool_ids is not None or workflow_ids is not None
        tools = self._chosen("tool", tool_ids, all=not named)
        return [thing.get_tool_info() for thing in [*tools, *self._chosen("workflow", workflow_ids, all=not named)]]

    def _chosen(self, kind: str, ids: list[str] | None, *, all: bool) -> list[Any]:
        things = self._things[kind]
        return list(things.values()) if all else [things[id] for id in ids or () if id in things]


class GlobalResources(Resources):
    """What `resource_mgr` holds: a registry for the whole process, with agents and groups besides."""

    def __init__(self) -> None:
        super().__init__()
        self._things |= {"agent": {}, "group": {}, "server": {}}

    def find(self, kind: str, id: str) -> Any:
        """One, or None; a damaged id finds nothing."""
        return self._things[kind].get(id)

    def put(self, kind: str, id: str, thing: Any) -> None:
        """Add one, replacing another of the same id."""
        self._things[kind][id] = thing

    def all_of(self, kind: str) -> dict[str, Any]:
        """Those of a kind, by id."""
        return dict(self._things[kind])

    def clear(self) -> None:
        """Drop everything, so that one test leaves nothing to the next."""
        for things in self._things.values():
            things.clear()


global_resources: GlobalResources = GlobalResources()
"""The registry of the process; `jiuwen_lg`'s pytest plugin clears it after each test."""


def generate_workflow_key(workflow_id: str, workflow_version: str) -> str:
    """The key by which agents find a workflow in `resource_mgr`."""
    return f"{workflow_id}_{workflow_version}"


_FAILED = {
    "workflow": StatusCode.RUNTIME_WORKFLOW_ADD_FAILED,
    "tool": StatusCode.RUNTIME_TOOL_ADD_FAILED,
    "prompt": StatusCode.RUNTIME_PROMPT_ADD_FAILED,
    "model": StatusCode.RUNTIME_MODEL_ADD_FAILED,
}


class ResourceAccess:
    """openJiuwen's methods on a registry, for the runtimes that have one."""

    _resources: Resources

    def add_prompt(self, template_id: str, template: Any) -> None:
        """Add a prompt template."""
        self._resources.add("prompt", template_id, template)

    def add_prompts(self, templates: Iterable[tuple[str, Any]]) -> None:
        """Add several, as (id, template)."""
        self._resources.add_all("prompt", templates)

    def get_prompt(self, template_id: str) -> Any:
        """A prompt template, or None."""
        return self._resources.get("prompt", template_id)

    def remove_prompt(self, template_id: str) -> Any:
        """Take a prompt template out."""
        return self._resources.remove("prompt", template_id)

    def add_model(self, model_id: str, model: Any) -> None:
        """Add a model."""
        self._resources.add("model", model_id, model)

    def add_models(self, models: Iterable[tuple[str, Any]]) -> None:
        """Add several, as (id, model)."""
        self._resources.add_all("model", models)

    def get_model(self, model_id: str) -> Any:
        """A model, or None."""
        return self._resources.get("model", model_id)

    def remove_model(self, model_id: str) -> Any:
        """Take a model out."""
        return self._resources.remove("model", model_id)

    def add_tool(self, tool_id: str, tool: Any) -> None:
        """Add a tool."""
        self._resources.add("tool", tool_id, tool)

    def add_tools(self, tools: Iterable[tuple[str, Any]]) -> None:
        """Add several, as (id, tool)."""
        self._resources.add_all("tool", tools)

    def get_tool(self, tool_id: str) -> Any:
        """A tool, or None."""
        return self._resources.get("tool", tool_id)

    def remove_tool(self, tool_id: str) -> Any:
        """Take a tool out."""
        return self._resources.remove("tool", tool_id)

    def add_workflow(self, workflow_id: str, workflow: Any) -> None:
        """Add a workflow."""
        self._resources.add("workflow", workflow_id, workflow)

    def add_workflows(self, workflows: Iterable[tuple[str, Any]]) -> None:
        """Add several, as (id, workflow)."""
        self._resources.add_all("workflow", workflows)

    async def get_workflow(self, workflow_id: str) -> Any:
        """A workflow, or None."""
        return self._resources.get("workflow", workflow_id)

    def get_workflow_sync(self, workflow_id: str) -> Any:
        """A workflow, or None."""
        return self._resources.get("workflow", workflow_id)

    def remove_workflow(self, workflow_id: str) -> Any:
        """Take a workflow out."""
        return self._resources.remove("workflow", workflow_id)

    def get_tool_info(self, tool_id: list[str] | None = None, workflow_id: list[str] | None = None) -> list[ToolInfo]:
        """The infos of the named tools and workflows; of all, if no names are given."""
        return self._resources.tool_infos(tool_id, workflow_id)

    def add_workflow_config(self, workflow_id: str, workflow_config: Any) -> None:
        """Keep a workflow's configuration."""
        self._resources.workflow_configs[workflow_id] = workflow_config

    def get_workflow_config(self, workflow_id: str) -> Any:
        """A workflow's configuration, or None."""
        return self._resources.workflow_configs.get(workflow_id)
