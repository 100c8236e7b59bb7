"""Tool: calls a tool with the component's inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from langgraph.errors import GraphBubbleUp

from jiuwen_lg.compat.current.codes import StatusCode
from jiuwen_lg.compat.current.errors import BaseError, build_error
from jiuwen_lg.compat.current.tool import Tool
from jiuwen_lg.compat.current.translation import translating
from jiuwen_lg.component import ComponentConfig
from jiuwen_lg.components import tool as ours


@dataclass
class ToolComponentConfig(ComponentConfig):
    """The tool of a component.

    Args:
        metadata: Kept for openJiuwen's signature.
        tool_id: A tool of the resource manager, in place of `bind_tool`.
    """

    tool_id: str | None = None


class ToolExecutable(ours.ToolExecutable):
    """Calls a tool of this layout, or one of ours or LangChain's."""

    def __init__(self, config: ToolComponentConfig | None = None) -> None:
        super().__init__()
        self._today = config or ToolComponentConfig()
        self._bound: Tool | None = None

    def bind(self, tool: Any) -> None:
        """Take a tool."""
        if isinstance(tool, Tool):
            self._bound = tool
            return
        with translating():
            self.set_tool(tool)

    async def invoke(self, inputs: Any, session: Any, context: Any) -> dict[str, Any]:
        """Call it; a tool that fails gives its code and message."""
        tool = self._bound or self._registered()
        if tool is None:
            return await super().invoke(inputs, session, context)
        if inputs is not None and not isinstance(inputs, dict):
            reason = f"tool [{tool.card.name}] takes a dict, not {inputs!r}"
            raise build_error(StatusCode.COMPONENT_TOOL_INPUT_PARAM_ERROR, reason=reason)
        try:
            answer = await tool.invoke({name: value for name, value in (inputs or {}).items() if value is not None})
        except GraphBubbleUp:  # the tool asked something
            raise
        except BaseError as error:
            return {"error_code": error.code, "error_message": error.message, "data": ""}
        except Exception as error:  # noqa: BLE001 - whatever a tool fails with is its answer
            failed = build_error(StatusCode.TOOL_EXECUTION_ERROR, reason=f"tool [{tool.card.name}]: {error}")
            return {"error_code": failed.code, "error_message": failed.message, "data": ""}
        data = answer["data"] if isinstance(answer, dict) and answer.keys() >= {"code", "data", "url"} else answer
        return {"error_code": 0, "error_message": "", "data": data}

    def _registered(self) -> Tool | None:
        """The tool of the resource manager that the configuration names."""
        if self._today.tool_id is None:
            return None
        from jiuwen_lg.compat.current.runner import Runner

        found = Runner.resource_mgr.get_tool(self._today.tool_id)
        if not isinstance(found, Tool):
            reason = f"the resource manager has no tool of the id {self._today.tool_id!r}"
            raise build_error(StatusCode.COMPONENT_TOOL_INIT_FAILED, reason=reason)
        return found


class ToolComponent(ours.ToolComponent):
    """Calls a tool, and gives `{"error_code": 0, "error_message": "", "data": …}`.

    Args:
        config: The tool, if it is one of the resource manager's.
    """

    def __init__(self, config: ToolComponentConfig | None = None) -> None:
        super().__init__()
        self._today = ToolExecutable(config)

    def bind_tool(self, tool: Any) -> ToolComponent:
        """Bind a tool: one of this layout, of ours or of LangChain's."""
        self._today.bind(tool)
        return self

    def to_executable(self) -> ToolExecutable:
        """The executable for this component."""
        return self._today
