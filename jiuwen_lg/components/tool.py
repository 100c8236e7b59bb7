"""Tool: calls a tool with the component's inputs.

Source: seed 003's plugin chapter, `components.md` 5.4 and the settled points of the specification.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langgraph.errors import GraphBubbleUp

from jiuwen_lg.component import ComponentConfig, ComponentExecutable, WorkflowComponent
from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.tools.base import Tool
from jiuwen_lg.tools.langchain import as_tool
from jiuwen_lg.tools.param import checked


class ToolComponentConfig(ComponentConfig):
    """Nothing to configure yet."""


class ToolComponent(WorkflowComponent):
    """Calls a tool, and gives `{"error_code": 0, "error_message": "", "data": …}`.

    A tool that fails is no failure of the component: its code and message are in the output,
    and `data` is empty. A code of -1 says that the failure had none.

    Args:
        config: Kept for openJiuwen's signature.
    """

    def __init__(self, config: ToolComponentConfig | None = None) -> None:
        self._executable = ToolExecutable(config)

    def bind_tool(self, tool: Any) -> ToolComponent:
        """Say which tool, at any time before it runs; the last one counts.

        Args:
            tool: A `LocalFunction`, a `RestfulApi`, a `Tool` of one's own, or any tool of LangChain's.

        Raises:
            JiuWenBaseException: 102000, it is no tool.
        """
        self._executable.set_tool(tool)
        return self

    def to_executable(self) -> ToolExecutable:
        """Return the executable."""
        return self._executable


class ToolExecutable(ComponentExecutable):
    """The executable of a `ToolComponent`."""

    drawn_as = "tool"

    def __init__(self, config: ToolComponentConfig | None = None) -> None:
        self.config = config
        self._tool: Tool | None = None

    def set_tool(self, tool: Any) -> ToolExecutable:
        """As `ToolComponent.bind_tool`."""
        self._tool = as_tool(tool)
        return self

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> dict[str, Any]:
        """Call it.

        Raises:
            JiuWenBaseException: 102000, there is none. 102001, the inputs are no dict. 102002, a required
                one is missing or cannot be made the type that the tool declares.
        """
        if self._tool is None:
            raise StatusCode.TOOL_COMPONENT_BIND_TOOL_FAILED.error(reason="no tool is bound: call bind_tool(tool)")
        arguments = _arguments(self._tool, inputs)
        try:
            answer = await self._tool.ainvoke_checked(arguments)
        except GraphBubbleUp:  # the tool asked something
            raise
        except Exception as error:  # noqa: BLE001 - whatever a tool fails with is its answer
            return _failed(error)
        return _of_service(answer) if self._tool.is_service else _succeeded(answer)


def _arguments(tool: Tool, inputs: Any) -> dict[str, Any]:
    if inputs is not None and not isinstance(inputs, Mapping):
        raise StatusCode.TOOL_COMPONENT_INPUTS_ERROR.error(reason=f"tool [{tool.name}] takes a dict, not {inputs!r}")
    try:
        return checked(tool.params or (), inputs or {})
    except JiuWenBaseException as error:
        reason = f"tool [{tool.name}]: {error.details.get('reason', error.message)}"
        raise StatusCode.TOOL_COMPONENT_CHECK_PARAM_ERROR.error(reason=reason) from error


def _succeeded(data: Any) -> dict[str, Any]:
    return {"error_code": 0, "error_message": "", "data": data}


def _failed(error: Exception) -> dict[str, Any]:
    if isinstance(error, JiuWenBaseException):
        return {"error_code": error.error_code, "error_message": error.message, "data": ""}
    code = getattr(error, "code", None)
    message = str(error) or type(error).__name__
    return {"error_code": code if isinstance(code, int) else -1, "error_message": message, "data": ""}


def _of_service(answer: Any) -> dict[str, Any]:
    """The answer of a service, which says itself whether it went well; any other answer is the data."""
    if not isinstance(answer, Mapping) or "errCode" not in answer:
        return _succeeded(answer)
    code, data = answer["errCode"], answer.get("data", "")
    if code == 0:
        return _succeeded(data)
    message = str(answer.get("errMessage", ""))
    return {"error_code": code if isinstance(code, int) else -1, "error_message": message, "data": data}
