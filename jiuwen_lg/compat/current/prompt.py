"""Prompt templates: texts and messages with `{{slots}}`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from jiuwen_lg.compat.current.message import BaseMessage, UserMessage
from jiuwen_lg.compat.current.translation import translating
from jiuwen_lg.models.prompt import Prompt


class PromptTemplate(BaseModel):
    """A text, or messages, with slots; a slot without a value stays as it is written.

    Args:
        name: A name for it.
        content: The text, or messages.
        placeholder_prefix: The beginning of a slot.
        placeholder_suffix: The end of a slot.
    """

    name: str = ""
    content: str | list[BaseMessage | Any] = ""
    placeholder_prefix: str = "{{"
    placeholder_suffix: str = "}}"

    def format(self, keywords: dict[str, Any] | None = None) -> PromptTemplate:
        """A new template with the slots of these names filled."""
        values = keywords or {}
        if isinstance(self.content, str):
            return self.model_copy(update={"content": self._filled(self.content, values)})
        messages = [self._message(message, values) for message in self.content]
        return self.model_copy(update={"content": messages})

    def to_messages(self) -> list[BaseMessage]:
        """The messages; a text is one of the user's."""
        if isinstance(self.content, str):
            return [UserMessage(content=self.content)]
        found: list[Any] = [one.model_copy() if isinstance(one, BaseModel) else one for one in self.content]
        return found

    def _message(self, message: Any, values: dict[str, Any]) -> Any:
        if isinstance(message, dict):
            return {**message, "content": self._content(message.get("content"), values)}
        return message.model_copy(update={"content": self._content(message.content, values)})

    def _content(self, content: Any, values: dict[str, Any]) -> Any:
        return self._filled(content, values) if isinstance(content, str) else content

    def _filled(self, text: str, values: dict[str, Any]) -> str:
        start, end = self.placeholder_prefix, self.placeholder_suffix
        if (start, end) != ("{{", "}}"):
            for name, value in values.items():
                text = text.replace(f"{start}{name}{end}", str(value))
            return text
        with translating():
            filled = Prompt([{"role": "user", "content": text}]).fill(values)
        return str(filled[0]["content"])
