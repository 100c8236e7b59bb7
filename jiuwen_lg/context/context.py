"""The conversation that components may read: what `context` is when somebody passes one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, Field


class ContextOwner(BaseModel):
    """The owner of a conversation."""

    agent_id: str = ""
    workflow_id: str = ""
    session_id: str = ""
    app_id: str = ""
    user_id: str = ""


class ContextEngineConfig(BaseModel):
    """The configuration of a context engine: how long conversations are.

    Args:
        conversation_history_length: In messages: one that has twice as many is cut to the newest so many.
            0 keeps none.
    """

    conversation_history_length: int = Field(default=100, ge=0)


class Context(ABC):
    """A store of messages; components receive it as it is, and each turn appends what was said and answered."""

    @abstractmethod
    def get_messages(self, num: int = -1, tags: dict[str, str] | None = None) -> Sequence[Any]:
        """The newest `num` messages, oldest first; all of them for a negative number."""

    @abstractmethod
    def get_latest_message(self, role: str | None = None) -> Any:
        """The newest message (of a role), None if there is none."""

    @abstractmethod
    def add_message(self, message: Any, tags: dict[str, str] | None = None) -> None:
        """Append a message."""

    @abstractmethod
    def batch_add_messages(self, messages: Sequence[Any], tags: dict[str, str] | None = None) -> None:
        """Append several."""
