"""What an agent's model can call: its tools, then its workflows, by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from jiuwen_lg.agents.config import WorkflowSchema
from jiuwen_lg.resources import global_resources
from jiuwen_lg.tools.base import Tool
from jiuwen_lg.workflow import Workflow

if TYPE_CHECKING:
    from jiuwen_lg.agents.agent import BaseAgent


@dataclass(frozen=True, slots=True)
class WorkflowEntry:
    """A workflow that a model can call.

    Attributes:
        schema: The workflow as the agent knows it.
        workflow: The workflow.
    """

    schema: WorkflowSchema
    workflow: Workflow


Entry: TypeAlias = Tool | WorkflowEntry
"""What a call runs."""


class Toolbox:
    """Looks up what an agent's model can call.

    Args:
        agent: The agent; what is added to it later counts.
    """

    def __init__(self, agent: BaseAgent) -> None:
        self._agent = agent

    def entries(self) -> dict[str, tuple[Entry, Any]]:
        """Return by name what runs, and its description for a model."""
        found: dict[str, tuple[Entry, Any]] = {}
        for tool in self._tools():
            info = tool.get_tool_info()
            found[info.name] = (tool, info)
        workflows = self._agent._workflows  # noqa: SLF001
        for schema, workflow in workflows:
            info = workflows.info_of(schema)
            found.setdefault(info.name, (WorkflowEntry(schema, workflow), info))
        return found

    def _tools(self) -> list[Tool]:
        """The agent's own, then those of `resource_mgr` that its configuration names."""
        own = self._agent.tools
        names = {tool.name for tool in own}
        listed = [name for name in self._agent.agent_config.tools if isinstance(name, str) and name not in names]
        shared = [global_resources.find("tool", name) for name in listed]
        return [*own, *(tool for tool in shared if isinstance(tool, Tool))]
