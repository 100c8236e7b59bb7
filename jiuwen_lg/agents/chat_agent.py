"""ChatAgent: one call of a model for each message; tools are offered, and their calls only reported.

Facts: openJiuwen 0.1.1, `agents.md` 5 (its R-22 left out).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from functools import cached_property
from typing import Any, Self

from jiuwen_lg.agents.agent import BaseAgent
from jiuwen_lg.agents.config import ChatAgentConfig
from jiuwen_lg.models.model import Model


class ChatAgent(BaseAgent):
    """An agent that asks its model once. It remembers nothing: each message stands alone.

    Args:
        agent_config: The agent; its `model` has the prompts.
    """

    def __init__(self, agent_config: ChatAgentConfig) -> None:
        super().__init__(agent_config)

    @cached_property
    def _call(self) -> Any:
        from jiuwen_lg import LLMCall

        given = self.agent_config.model
        model = Model.of(given.model)
        return LLMCall(
            model.name,
            model.client,
            given.system_prompt,
            given.user_prompt,
            freeze_system_prompt=given.freeze_system_prompt,
            freeze_user_prompt=given.freeze_user_prompt,
        )

    async def invoke(self, inputs: dict[str, Any], runtime: Any = None) -> dict[str, Any]:
        """Ask the model.

        Args:
            inputs: The values of the prompts' placeholders; `query` is what the user says, if there is no user prompt.
            runtime: Accepted for openJiuwen's sake.

        Returns:
            `{"output": text, "tool_calls": [...]}`.

        Raises:
            JiuWenBaseException: 181000 or 181001, the model cannot be called.
        """
        reply = await self._call.invoke(inputs, runtime, tools=self._infos())
        return {"output": reply.content, "tool_calls": reply.tool_calls or []}

    async def stream(self, inputs: dict[str, Any], runtime: Any = None) -> AsyncGenerator[dict[str, Any], None]:
        """Ask the model, and yield its answer in parts, each as `invoke` gives the whole."""
        async for chunk in self._call.stream(inputs, runtime, tools=self._infos()):
            yield {"output": chunk.content, "tool_calls": chunk.tool_calls or []}

    def _infos(self) -> list[Any] | None:
        return [tool.get_tool_info() for tool in self.tools] or None

    def bind_tools(self, tools: Iterable[Any]) -> None:
        """As `add_tools`."""
        self.add_tools(tools)

    def get_llm_calls(self) -> dict[str, Any]:
        """Its call of the model, whose prompts can be changed."""
        return {"llm_call": self._call}

    def copy(self) -> Self:
        """The same agent with a call of its own."""
        copied = type(self)(self.agent_config.model_copy(deep=True))
        copied.add_tools(self.tools)
        return copied


def create_chat_agent(agent_config: ChatAgentConfig, tools: Iterable[Any] | None = None) -> ChatAgent:
    """Make a `ChatAgent` with tools."""
    agent = ChatAgent(agent_config)
    agent.add_tools(tools or ())
    return agent
