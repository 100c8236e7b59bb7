"""What an agent is given: a message of a conversation.

Facts: openJiuwen 0.1.1, `components.md` 8.3 (its Q44 and Q46 left out).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from jiuwen_lg.agents.agent import conversation_in
from jiuwen_lg.agents.workflows import agent_failed
from jiuwen_lg.context.conversation import said_in
from jiuwen_lg.interaction import InteractiveInput

_OWN = ("query", "conversation_id", "user_id")


@dataclass(frozen=True, slots=True)
class AgentInput:
    """A message.

    Attributes:
        conversation: The conversation's id.
        query: A text, or answers.
        more: Further inputs of the workflow.
        turn_id: The turn's name, if it may be delivered twice.
    """

    conversation: str
    query: str | InteractiveInput
    more: dict[str, Any]
    turn_id: str | None = None

    @classmethod
    def of(cls, inputs: Any) -> Self:
        """The message in an agent's input.

        Raises:
            JiuWenBaseException: 123003, it is no dict. 100900, it is answers and names no conversation.
        """
        if not isinstance(inputs, dict):
            raise agent_failed(f'a message is {{"conversation_id": ..., "query": ...}}, not {inputs!r}')
        query = inputs.get("query")
        return cls(
            conversation=conversation_in(inputs),
            query=query if isinstance(query, InteractiveInput) else "" if query is None else str(query),
            more={name: value for name, value in inputs.items() if name not in _OWN},
        )

    @property
    def text(self) -> str:
        """The text; empty if it is answers."""
        return self.query if isinstance(self.query, str) else ""

    @property
    def inputs(self) -> dict[str, Any]:
        """The inputs that a workflow may choose from."""
        return {"query": self.text, **self.more}

    @property
    def said(self) -> str:
        """The text that a conversation stores of it."""
        return said_in(self.query if isinstance(self.query, InteractiveInput) else {"query": self.query})
