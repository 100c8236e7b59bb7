"""Find the parts of a Markdown text that a model wrote.

Facts: openJiuwen 0.1.1, `agents.md` 14. Patterns are looked for one by one, so a header within a fenced
block is found too.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from jiuwen_lg.models.messages import AIMessage
from jiuwen_lg.prompts.json_parser import BaseOutputParser, text_said


class MarkdownElementType:
    """The kinds of elements."""

    HEADER = "header"
    CODE_BLOCK = "code_block"
    INLINE_CODE = "inline_code"
    LINK = "link"
    IMAGE = "image"
    TABLE = "table"
    LIST = "list"
    TEXT = "text"


@dataclass
class MarkdownElement:
    """One element.

    Attributes:
        type: Its kind.
        content: Its parts by name.
        start_pos: Its first character in the text.
        end_pos: The first character after it.
        raw: The element as it is written.
    """

    type: str
    content: dict[str, str]
    start_pos: int
    end_pos: int
    raw: str


@dataclass
class MarkdownContent:
    """The elements of a text, in its order, and by kind."""

    raw_content: str = ""
    elements: list[MarkdownElement] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    code_blocks: list[dict[str, str]] = field(default_factory=list)
    links: list[dict[str, str]] = field(default_factory=list)
    images: list[dict[str, str]] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    lists: list[str] = field(default_factory=list)


_ITEM = r"[ \t]*(?:[-*+]|\d+\.)[ \t]+.*"
_KINDS: dict[str, tuple[re.Pattern[str], Callable[[re.Match[str]], dict[str, str]]]] = {
    MarkdownElementType.HEADER: (
        re.compile(r"^(#{1,6})[ \t]+(\S.*)$", re.MULTILINE),
        lambda found: {"level": str(len(found[1])), "title": found[2].strip()},
    ),
    MarkdownElementType.CODE_BLOCK: (
        re.compile(r"```(\w*)\n(.*?)\n```", re.DOTALL),
        lambda found: {"language": found[1] or "text", "code": found[2]},
    ),
    MarkdownElementType.INLINE_CODE: (re.compile(r"`([^`\n]+)`"), lambda found: {"code": found[1]}),
    MarkdownElementType.LINK: (
        re.compile(r"(?<!!)\[([^\]]+)\]\(([^)]+)\)"),
        lambda found: {"text": found[1], "url": found[2]},
    ),
    MarkdownElementType.IMAGE: (
        re.compile(r"!\[([^\]]*)\]\(([^)]+)\)"),
        lambda found: {"alt": found[1], "url": found[2]},
    ),
    MarkdownElementType.LIST: (
        re.compile(rf"^{_ITEM}(?:\n(?:{_ITEM}|\s*$))*", re.MULTILINE),
        lambda found: {"list": found[0].strip()},
    ),
    MarkdownElementType.TABLE: (
        re.compile(r"^.*\|.*$(?:\n.*\|.*$)*", re.MULTILINE),
        lambda found: {"table": found[0].strip()},
    ),
}
"""Kind → its pattern, and the parts of what it finds."""


class MarkdownOutputParser(BaseOutputParser):
    """Finds headers, code, links, images, tables and lists."""

    async def parse(self, inputs: str | AIMessage) -> MarkdownContent | None:
        """Return the elements of a text or a message; None if there is no text."""
        text = text_said(inputs)
        return _read(text) if text else None

    async def stream_parse(self, streaming_inputs: Iterator[str | AIMessage]) -> AsyncIterator[MarkdownContent]:
        """Yield the elements of all that has come, after each part and once at the end."""
        so_far = ""
        for part in streaming_inputs:
            if piece := text_said(part):
                so_far += piece
                yield _read(so_far)
        if so_far:
            yield _read(so_far)


def _read(text: str) -> MarkdownContent:
    elements = [element for kind in _KINDS for element in _elements(kind, text)]
    elements.sort(key=lambda element: element.start_pos)
    content = MarkdownContent(raw_content=text, elements=elements)
    for element in elements:
        _file(element, content)
    return content


def _elements(kind: str, text: str) -> Iterator[MarkdownElement]:
    pattern, parts_of = _KINDS[kind]
    for found in pattern.finditer(text):
        parts = parts_of(found)
        raw = parts.get(kind, found[0])
        yield MarkdownElement(kind, parts, found.start(), found.end(), raw)


def _file(element: MarkdownElement, content: MarkdownContent) -> None:
    """Add an element to those of its kind."""
    by_kind: dict[str, list[Any]] = {
        MarkdownElementType.HEADER: content.headers,
        MarkdownElementType.CODE_BLOCK: content.code_blocks,
        MarkdownElementType.INLINE_CODE: content.code_blocks,
        MarkdownElementType.LINK: content.links,
        MarkdownElementType.IMAGE: content.images,
        MarkdownElementType.TABLE: content.tables,
        MarkdownElementType.LIST: content.lists,
    }
    if element.type in (MarkdownElementType.TABLE, MarkdownElementType.LIST):
        by_kind[element.type].append(element.raw)
    else:
        language = {"language": "inline"} if element.type == MarkdownElementType.INLINE_CODE else {}
        by_kind[element.type].append({**language, **element.content, "raw": element.raw})
