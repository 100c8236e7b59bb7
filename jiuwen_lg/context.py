"""The conversation that components may read: what `context` is when somebody passes one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any


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
