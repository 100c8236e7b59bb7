"""LangChain's tools, as they are: `@tool`, `BaseTool`, those of MCP servers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Literal

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


def as_langchain_tool(tool: Tool) -> BaseTool:
    """A tool as one of LangChain's: it answers with the text of what it gives, and gives that as the artifact."""
    if isinstance(tool, LangChainTool):
        return tool.tool
    info = tool.get_tool_info()

    async def run(arguments: dict[str, Any]) -> tuple[str, Any]:
        result = await tool.ainvoke(arguments)
        return str(result), result

    return callable_tool(info.name, info.description, run)


def callable_tool(name: str, description: str, run: Callable[[dict[str, Any]], Awaitable[tuple[str, Any]]]) -> BaseTool:
    """An async function of all arguments as one of LangChain's tools; it gives a text and an artifact.

    The arguments are handed on as they are: what a model sends is checked by the tool itself.
    """
    from langchain_core.tools import BaseTool

    class CallableTool(BaseTool):
        response_format: Literal["content", "content_and_artifact"] = "content_and_artifact"

        def _run(self, /, **arguments: Any) -> Any:
            raise NotImplementedError(f"tool [{name}] is called by `await tool.ainvoke(…)`")

        async def _arun(self, /, **arguments: Any) -> Any:
            return await run(arguments)

    return CallableTool(name=name, description=description, args_schema={"type": "object", "properties": {}})


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
