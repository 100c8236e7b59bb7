"""Prompt templates: a text or messages with `{{slots}}`.

Facts: openJiuwen 0.1.1, `agents.md` 13 (its R-19 left out: a dotted slot is filled from nested values).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel

from jiuwen_lg.errors import StatusCode
from jiuwen_lg.models.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from jiuwen_lg.models.prompt import Prompt, fill_text

_BY_ROLE: dict[str, type[BaseMessage]] = {
    "system": SystemMessage,
    "user": HumanMessage,
    "assistant": AIMessage,
    "tool": ToolMessage,
}


class Template(BaseModel):
    """A prompt with `{{slots}}`.

    Args:
        name: A name for it.
        content: A text, or messages: dicts with `role` and `content`, or message objects.
        filters: Accepted for openJiuwen's sake.

    Raises:
        pydantic.ValidationError: There is no content, or it is of another kind.

    Examples:
        >>> Template(content="Dear {{name}}, {{news}}").format({"name": "Bo"}).content
        'Dear Bo, {{news}}'
    """

    name: str = ""
    content: list[dict[str, Any]] | list[BaseMessage] | str
    filters: dict[str, Any] | None = None

    def format(self, keywords: Mapping[str, Any] | None = None) -> Self:
        """Return a copy whose slots are filled; a slot without a value stays.

        Args:
            keywords: The values. They are text, never templates themselves; None counts as absent.

        Raises:
            JiuWenBaseException: 180000, a slot is empty; 180001, the values are no dict.
        """
        if keywords is not None and not isinstance(keywords, Mapping):
            raise StatusCode.PROMPT_ASSEMBLER_TEMPLATE_FORMAT_ERROR.error(
                reason=f"the values of a template are a dict by slot; {type(keywords).__name__}"
            )
        return self.model_copy(update={"content": fill_content(self.content, keywords or {})})

    def to_messages(self) -> list[BaseMessage]:
        """Return the content as messages; a text is what the user says, a dict of an unknown role is left out."""
        if isinstance(self.content, str):
            return [HumanMessage(content=self.content)] if self.content else []
        return [message for part in self.content for message in _messages_of(part)]


def fill_content(content: Any, values: Mapping[str, Any]) -> Any:
    """Return a text or messages with their slots filled; message objects stay message objects."""
    if isinstance(content, str):
        return fill_text(content, values)
    return [
        part.model_copy(update={"content": fill_text(part.content, values)})
        if isinstance(part, BaseMessage)
        else Prompt([part]).fill(values)[0]
        for part in content
    ]


def _messages_of(part: Any) -> list[BaseMessage]:
    if isinstance(part, BaseMessage):
        return [part.model_copy()]
    cls = _BY_ROLE.get(part.get("role"))
    return [] if cls is None else [cls(**{"content": "", **part})]
