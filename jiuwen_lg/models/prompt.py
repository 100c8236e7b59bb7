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
    The parts of a content that is a list go as they are.

    Args:
        messages: Dicts with `role` and `content`, or messages of ours or LangChain's; other keys go along.
    """

    def __init__(self, messages: Sequence[Any]) -> None:
        self._messages = [(message, _template(message.get("content"))) for message in as_dicts(messages)]

    def fill(self, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The messages with their slots filled.

        Raises:
            JiuWenBaseException: 180000, a slot is empty: `{{}}`.
        """
        return [
            dict(message) if template is None else {**message, "content": _filled(template, values)}
            for message, template in self._messages
        ]


def fill_text(content: Any, values: Mapping[str, Any]) -> Any:
    """Return a message's content with its slots filled; one that is a list stays as it is.

    Raises:
        JiuWenBaseException: 180000, a slot is empty: `{{}}`.
    """
    template = _template(content)
    return content if template is None else _filled(template, values)


def _template(content: Any) -> Template | None:
    return parse_template(content, innermost=True) if isinstance(content, str) else None


def _filled(template: Template, values: Mapping[str, Any]) -> str:
    if nameless := [part.source for part in template.parts if not isinstance(part, str) and _is_nameless(part)]:
        raise StatusCode.PROMPT_ASSEMBLER_VARIABLE_INIT_ERROR.error(
            reason=f"`{nameless[0]}` names nothing: write a name between the braces"
        )
    return template.fill(values)


def _is_nameless(slot: Slot) -> bool:
    return not any(slot.path) or slot.source.startswith("{{.")
