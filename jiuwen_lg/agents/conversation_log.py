"""What an agent's model is shown of a conversation, and what a turn appends to it, once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jiuwen_lg.context.context_engine import StoredContext
from jiuwen_lg.models.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    as_dicts,
)

_CLASSES: dict[str, type[BaseMessage]] = {
    "user": HumanMessage,
    "assistant": AIMessage,
    "system": SystemMessage,
    "tool": ToolMessage,
}
_SHOWN = ("role", "content", "tool_calls", "tool_call_id")
_TURN, _NUMBER = "turn", "number"


class ConversationLog:
    """The messages of one conversation, as one turn sees them.

    Args:
        context: Where they are stored.
        turn: The turn's name; its messages carry it, so that a turn that is repeated appends none twice.
    """

    def __init__(self, context: Any, turn: str) -> None:
        self._context: StoredContext = context
        self._turn = turn

    async def before(self, newest: int) -> list[dict[str, Any]]:
        """The newest messages of earlier turns; none that answers a call which is not among them.

        Args:
            newest: How many at most.
        """
        found = [message for message, tags in await self._context.aread() if tags.get(_TURN) != self._turn]
        kept = found[-newest:] if newest > 0 else []
        while kept and kept[0].role == "tool":
            kept = kept[1:]
        return as_shown(kept)

    async def append(self, messages: Sequence[dict[str, Any]]) -> None:
        """Append those messages of the turn that are not stored yet.

        Args:
            messages: All messages of the turn so far.
        """
        numbers = [int(tags[_NUMBER]) for _, tags in await self._context.aread() if tags.get(_TURN) == self._turn]
        stored = max(numbers, default=-1) + 1
        for number, message in enumerate(messages[stored:], stored):
            await self._context.abatch_add_messages([as_typed(message)], {_TURN: self._turn, _NUMBER: str(number)})


def as_typed(message: dict[str, Any]) -> BaseMessage:
    """A message of its role's class."""
    return _CLASSES.get(message["role"], BaseMessage).model_validate(message)


def as_stored(message: BaseMessage) -> dict[str, Any]:
    """A message as a run's state keeps it; its calls are flat, however a message writes them for others."""
    stored: dict[str, Any] = message.model_dump(mode="json", exclude_none=True, exclude={"tool_calls"})
    if isinstance(message, AIMessage):
        stored["tool_calls"] = [dict(call) for call in message.tool_calls or ()]
    return stored


def as_shown(messages: Sequence[Any]) -> list[dict[str, Any]]:
    """Messages as a model is shown them."""
    return [{key: one[key] for key in _SHOWN if key in one} for one in as_dicts(messages)]
