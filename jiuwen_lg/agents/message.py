"""A message of a conversation, as an agent is given it.

Facts: openJiuwen 0.1.1, `components.md` 8.3 (its Q44 and Q46 left out).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self
from uuid import uuid4

from jiuwen_lg.agents.workflows import agent_failed
from jiuwen_lg.context.conversation import said_in
from jiuwen_lg.errors import StatusCode
from jiuwen_lg.interaction import InteractiveInput

DEFAULT_CONVERSATION = "default_session"

_OWN = ("query", "conversation_id", "user_id")


@dataclass(frozen=True, slots=True)
class Message:
    """A message.

    Attributes:
        conversation: The conversation's id; a message that names none has one of its own.
        query: A text, or answers.
        more: Further inputs of the workflow.
    """

    conversation: str
    query: str | InteractiveInput
    more: dict[str, Any]

    @classmethod
    def of(cls, inputs: Any) -> Self:
        """The message in an agent's input.

        Raises:
            JiuWenBaseException: 123003, it is no dict. 100900, it is answers and names no conversation.
        """
        if not isinstance(inputs, dict):
            raise agent_failed(f'a message is {{"conversation_id": ..., "query": ...}}, not {inputs!r}')
        id, query = inputs.get("conversation_id"), inputs.get("query")
        is_alone = id is None or id == ""
        if is_alone and isinstance(query, InteractiveInput):
            reason = "a message without conversation_id begins a conversation of its own, in which nothing is asked"
            raise StatusCode.INTERACTION_NOT_PENDING.error(session_id="", reason=reason)
        return cls(
            conversation=uuid4().hex if is_alone else str(id),
            query=query if isinstance(query, InteractiveInput) else "" if query is None else str(query),
            more={name: value for name, value in inputs.items() if name not in _OWN},
        )

    @property
    def text(self) -> str:
        """The text; empty if it is answers."""
        return self.query if isinstance(self.query, str) else ""

    @property
    def inputs(self) -> dict[str, Any]:
        """What a workflow may choose from."""
        return {"query": self.text, **self.more}

    @property
    def said(self) -> str:
        """What a conversation keeps of it."""
        return said_in(self.query if isinstance(self.query, InteractiveInput) else {"query": self.query})
