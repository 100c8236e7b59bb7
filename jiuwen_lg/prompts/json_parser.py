"""Read a JSON value out of what a model says.

Facts: openJiuwen 0.1.1, `agents.md` 14.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

from jiuwen_lg.models.messages import AIMessage, text_of_content

_FENCED = re.compile(r"```json\s*\n(.*?)```", re.DOTALL)
_NOTHING = object()


class BaseOutputParser(ABC):
    """Reads something out of what a model says."""

    @abstractmethod
    async def parse(self, inputs: Any) -> Any:
        """Return what is read out of a text or a message."""

    @abstractmethod
    def stream_parse(self, streaming_inputs: Iterator[Any]) -> AsyncIterator[Any]:
        """Yield what is read out of the parts of a text, or of a message."""


class JsonOutputParser(BaseOutputParser):
    """Reads the JSON value that a text is, or that its block fenced with three backticks and `json` holds."""

    async def parse(self, inputs: str | AIMessage) -> Any:
        """Return the value; None where there is none."""
        text = text_said(inputs)
        found = _NOTHING if text is None else _value_in(text)
        return None if found is _NOTHING else found

    async def stream_parse(self, streaming_inputs: Iterator[str | AIMessage]) -> AsyncIterator[Any]:
        """Yield each value as soon as the parts that have come make one whole."""
        so_far = ""
        for part in streaming_inputs:
            so_far += text_said(part) or ""
            if (found := _value_in(so_far)) is not _NOTHING:
                yield found
                so_far = ""


def text_said(given: Any) -> str | None:
    """Return the text of a text or a message, None for anything else."""
    if isinstance(given, str):
        return given
    return text_of_content(given.content) if isinstance(given, AIMessage) else None


def _value_in(text: str) -> Any:
    fenced = _FENCED.search(text)
    with suppress(ValueError, RecursionError):
        return json.loads(fenced[1] if fenced else text)
    return _NOTHING
