"""ReActAgent: a model that calls tools and workflows until it can answer.

Facts: openJiuwen 0.1.1, `agents.md` 3.
"""

from __future__ import annotations

from typing import Any, ClassVar

from jiuwen_lg.agents.config import ReActAgentConfig
from jiuwen_lg.agents.conversation_log import as_shown
from jiuwen_lg.agents.tool_agent import Dialect, ToolAgent
from jiuwen_lg.agents.turn_plan import OnQuestion
from jiuwen_lg.interaction import InteractiveInput
from jiuwen_lg.models.messages import AIMessage, HumanMessage
from jiuwen_lg.models.model import Model


class ReActAgent(ToolAgent):
    """An agent whose model calls tools and workflows until it answers; a workflow may ask the user meanwhile.

    The model gets the error of a tool that fails or does not exist. While a workflow asks, a text answers it.

    Args:
        agent_config: The agent.
        on_question: What a text does while a workflow asks: `"answer"`, or `"model"` as in an `LLMAgent`.

    Examples:
        >>> import asyncio
        >>> from jiuwen_lg import create_react_agent_config, tool
        >>> from jiuwen_lg.testing import ScriptedChatModel
        >>> from langchain_core.messages import AIMessage
        >>> @tool
        ... def plus(left: int, right: int) -> int:
        ...     "Adds two numbers."
        ...     return left + right
        >>> call = {"id": "1", "name": "plus", "args": {"left": 19, "right": 23}}
        >>> model = ScriptedChatModel(AIMessage("", tool_calls=[call]), "It is 42.")
        >>> agent = ReActAgent(create_react_agent_config("desk", "1", "", model, []))
        >>> agent.add_tools([plus])
        >>> asyncio.run(agent.invoke({"query": "19 + 23?", "conversation_id": "doc"}))
        {'output': 'It is 42.', 'result_type': 'answer'}
    """

    dialect: ClassVar[Dialect] = Dialect(exceeded="Exceeded max iteration", streams=False, is_strict=False, wraps=True)

    def __init__(self, agent_config: ReActAgentConfig, *, on_question: OnQuestion | None = None) -> None:
        super().__init__(agent_config, on_question=on_question)

    async def call_model(self, user_input: str, runtime: Any, is_first_call: bool = False) -> AIMessage:
        """Ask the model once in a conversation, tools offered; nothing is run, and nothing is stored.

        Args:
            user_input: What the user says.
            runtime: Whose session is the conversation.
            is_first_call: Accepted for openJiuwen's sake.

        Raises:
            JiuWenBaseException: 181000 or 181001, the model cannot be called.
        """
        limit = 2 * self.agent_config.constrain.reserved_max_chat_rounds
        before = await self.log(runtime.session_id(), "").before(limit - 1)
        messages = [*as_shown(self.agent_config.prompt_template), *before, {"role": "user", "content": user_input}]
        tools = [info for _, info in self.toolbox.entries().values()]
        return await Model.of(self.agent_config.model).reply(messages, tools)

    def _refusal(self, inputs: Any) -> dict[str, Any] | None:
        super()._refusal(inputs)
        if inputs.get("query") in (None, ""):
            return {"output": "No query provided", "result_type": "error"}
        return None

    def _query(self, inputs: dict[str, Any]) -> Any:
        """A text, or an `InteractiveInput`; anything else is refused as a message of that content is."""
        query = inputs["query"]
        return query if isinstance(query, InteractiveInput) else HumanMessage(content=query).content
