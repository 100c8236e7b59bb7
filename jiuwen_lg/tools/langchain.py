"""LangChain's tools, as they are: `@tool`, `BaseTool`, those of MCP servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jiuwen_lg.errors import StatusCode
from jiuwen_lg.tools.base import Tool
from jiuwen_lg.tools.tool_info import Parameters, ToolInfo

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool


class LangChainTool(Tool):
    """A tool of LangChain's among ours; it checks its arguments itself.

    Args:
        tool: The tool.
    """

    is_service = False

    def __init__(self, tool: BaseTool) -> None:
        self.tool = tool
        self.name: str = tool.name
        self.description: str = tool.description

    def invoke(self, inputs: dict[str, Any], **kwargs: Any) -> Any:
        return self.tool.invoke(inputs, **kwargs)

    async def ainvoke(self, inputs: dict[str, Any], **kwargs: Any) -> Any:
        return await self.tool.ainvoke(inputs, **kwargs)

    def get_tool_info(self) -> ToolInfo:
        from langchain_core.utils.function_calling import convert_to_openai_tool

        told = convert_to_openai_tool(self.tool)["function"]
        return ToolInfo(
            name=told["name"], description=told.get("description", ""), parameters=Parameters(**told["parameters"])
        )


def as_tool(thing: Any) -> Tool:
    """A tool of ours or LangChain's as ours.

    Raises:
        JiuWenBaseException: 102000, it is neither.
    """
    if isinstance(thing, Tool):
        return thing
    from langchain_core.tools import BaseTool

    if isinstance(thing, BaseTool):
        return LangChainTool(thing)
    raise StatusCode.TOOL_COMPONENT_BIND_TOOL_FAILED.error(
        reason=f"{thing!r} is no tool: bind a LocalFunction, a RestfulApi, a Tool of your own or a LangChain tool"
    )
