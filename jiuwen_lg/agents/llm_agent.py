"""LLMAgent: as a ReActAgent, but its model's words are streamed, and it hears what is said while a workflow asks.

Facts: openJiuwen 0.1.1, `agents.md` 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from jiuwen_lg.agents.config import ReActAgentConfig
from jiuwen_lg.agents.tool_agent import Dialect, ToolAgent
from jiuwen_lg.agents.turn_plan import OnQuestion
from jiuwen_lg.agents.workflows import Provider
from jiuwen_lg.interaction import InteractiveInput
from jiuwen_lg.workflow import Workflow


class LLMAgent(ToolAgent):
    """An agent whose model calls tools and workflows; its words are frames while it speaks.

    While a workflow asks, an `InteractiveInput` for it answers it. A text goes to the model: if that calls the same
    workflow again, the text is its answer; if it answers in words, the question stays.

    Args:
        agent_config: The agent.
        on_question: What a text does while a workflow asks: `"model"`, or `"answer"` as in a `ReActAgent`.
    """

    dialect: ClassVar[Dialect] = Dialect(
        exceeded="Maximum iteration reached", streams=True, is_strict=True, wraps=False
    )
    _on_question: ClassVar[OnQuestion] = "model"

    def __init__(self, agent_config: ReActAgentConfig, *, on_question: OnQuestion | None = None) -> None:
        super().__init__(agent_config, on_question=on_question)

    def set_prompt_template(self, prompt_template: Iterable[Any]) -> None:
        """Put other messages before the conversation, from the next call of the model on."""
        self.agent_config.prompt_template = list(prompt_template)

    def _query(self, inputs: dict[str, Any]) -> Any:
        query = inputs.get("query")
        return query if isinstance(query, InteractiveInput) else "" if query is None else str(query)


def create_llm_agent(
    agent_config: ReActAgentConfig,
    workflows: Sequence[Workflow | Provider] | None = None,
    tools: Sequence[Any] | None = None,
) -> LLMAgent:
    """Make an `LLMAgent` with workflows and tools."""
    agent = LLMAgent(agent_config)
    agent.add_workflows(workflows or ())
    agent.add_tools(tools or ())
    return agent
