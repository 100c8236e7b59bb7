"""Parsers of what a model answered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from jiuwen_lg.models.reply import json_in


class JsonOutputParser:
    """Reads the JSON in an answer, also out of a code fence; None if there is none."""

    async def parse(self, llm_output: Any) -> Any:
        """The value.

        Args:
            llm_output: A text or a message.
        """
        try:
            return json_in(_text(llm_output))
        except ValueError:
            return None

    async def stream_parse(self, streaming_inputs: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """The value, each time when the parts that have come so far are whole."""
        text, last = "", None
        async for part in streaming_inputs:
            text += _text(part)
            value = await self.parse(text)
            if value is not None and value != last:
                last = value
                yield value


def _text(output: Any) -> str:
    return output if isinstance(output, str) else str(getattr(output, "content", output) or "")
