"""Messages with `{{slots}}`: what a model is asked, before it is known about what.

Facts: openJiuwen 0.1.1, `components.md` 2.2 and 2.3 (its Q10 and Q11 left out).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jiuwen_lg.errors import StatusCode
from jiuwen_lg.models.messages import as_dicts
from jiuwen_lg.schema.template import Slot, Template, parse_template


class Prompt:
    """Messages to be filled with values.

    A value is text, never a template itself. A slot without a value stays as it is written.
    In a content that is a list, the texts in its parts are templates too.

    Args:
        messages: Dicts with `role` and `content`, or messages of ours or LangChain's; other keys go along.
    """

    def __init__(self, messages: Sequence[Any]) -> None:
        self._messages = [(message, _templates(message.get("content"))) for message in as_dicts(messages)]

    def fill(self, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The messages with their slots filled.

        Raises:
            JiuWenBaseException: 180000, a slot is empty: `{{}}`.
        """
        return [
            {**message, "content": _filled(content, values)} if "content" in message else dict(message)
            for message, content in self._messages
        ]


def _templates(content: Any) -> Any:
    """A content with a template in place of each text, those of its parts included (a text, an image's address)."""
    if isinstance(content, str):
        return parse_template(content, innermost=True)
    if isinstance(content, Mapping):
        return {key: _templates(value) for key, value in content.items()}
    return [_templates(part) for part in content] if isinstance(content, list) else content


def fill_text(content: Any, values: Mapping[str, Any]) -> Any:
    """Return a message's content with its slots filled; one that is a list stays as it is.

    Raises:
        JiuWenBaseException: 180000, a slot is empty: `{{}}`.
    """
    return _filled(_templates(content), values) if isinstance(content, str) else content


def _filled(content: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(content, Mapping):
        return {key: _filled(part, values) for key, part in content.items()}
    if isinstance(content, list):
        return [_filled(part, values) for part in content]
    if not isinstance(content, Template):
        return content
    if nameless := [part.source for part in content.parts if not isinstance(part, str) and _is_nameless(part)]:
        raise StatusCode.PROMPT_ASSEMBLER_VARIABLE_INIT_ERROR.error(
            reason=f"`{nameless[0]}` names nothing: write a name between the braces"
        )
    return content.fill(values)


def _is_nameless(slot: Slot) -> bool:
    return not any(slot.path) or slot.source.startswith("{{.")
