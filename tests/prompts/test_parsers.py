"""Parsers of what a model says."""

from __future__ import annotations

import pytest

from jiuwen_lg import AIMessage, AIMessageChunk, JsonOutputParser, MarkdownElementType, MarkdownOutputParser


class TestJson:
    @pytest.mark.parametrize(
        ("said", "value"),
        [
            ('{"n": 1}', {"n": 1}),
            (AIMessage(content="[1, 2]"), [1, 2]),
            ('看：```json\n{"城市": "杭州"}\n``` 完', {"城市": "杭州"}),
            ('{"no": 1} ```json\n{"yes": 1}\n```', {"yes": 1}),
            ("true", True),
        ],
    )
    async def test_values(self, said: str | AIMessage, value: object) -> None:
        assert await JsonOutputParser().parse(said) == value

    @pytest.mark.parametrize("said", ["", "words", "{'n': 1}", '{"n": 1} tail', '```\n{"n": 1}\n```', None, 5])
    async def test_nothing(self, said: str) -> None:
        assert await JsonOutputParser().parse(said) is None

    @pytest.mark.parametrize(
        ("parts", "values"),
        [
            (['{"n"', ": 1}"], [{"n": 1}]),
            (['{"a": 1}', '{"b": 2}'], [{"a": 1}, {"b": 2}]),
            (["```json\n", '{"n": 3}', "\n```"], [{"n": 3}]),
            ([AIMessageChunk(content='{"a": "x'), AIMessageChunk(content='y"}')], [{"a": "xy"}]),
            (["no", "pe"], []),
            ([], []),
        ],
    )
    async def test_values_come_as_soon_as_they_are_whole(self, parts: list[str], values: list[object]) -> None:
        assert [value async for value in JsonOutputParser().stream_parse(iter(parts))] == values


PAGE = """# 行程

见[地图](http://m.example/a)和![图](p.png)，运行 `make`。

- 帐篷
  - 绳子

1. 锅

| 天 | 公里 |
|---|---|
| 1 | 9 |

```sh
walk --far
```
"""


class TestMarkdown:
    async def test_a_page(self) -> None:
        page = await MarkdownOutputParser().parse(PAGE)
        assert page is not None
        assert page.raw_content == PAGE
        assert page.headers == [{"level": "1", "title": "行程", "raw": "# 行程"}]
        assert page.links == [{"text": "地图", "url": "http://m.example/a", "raw": "[地图](http://m.example/a)"}]
        assert page.images == [{"alt": "图", "url": "p.png", "raw": "![图](p.png)"}]
        assert [(block["language"], block["code"]) for block in page.code_blocks] == [
            ("inline", "make"),
            ("sh", "walk --far"),
        ]
        assert page.lists == ["- 帐篷\n  - 绳子\n\n1. 锅"]
        assert page.tables == ["| 天 | 公里 |\n|---|---|\n| 1 | 9 |"]

    async def test_elements_are_in_order_and_say_where_they_are(self) -> None:
        page = await MarkdownOutputParser().parse(AIMessage(content=PAGE))
        assert page is not None
        kinds = [element.type for element in page.elements]
        kind = MarkdownElementType
        assert kinds == [kind.HEADER, kind.LINK, kind.IMAGE, kind.INLINE_CODE, kind.LIST, kind.TABLE, kind.CODE_BLOCK]
        for element in page.elements:
            assert PAGE[element.start_pos : element.end_pos].strip() == element.raw

    @pytest.mark.parametrize("said", ["", None, 5])
    async def test_no_text_gives_nothing(self, said: str) -> None:
        assert await MarkdownOutputParser().parse(said) is None

    async def test_parts_give_the_whole_so_far(self) -> None:
        pages = [page async for page in MarkdownOutputParser().stream_parse(iter(["# O", "ne\n", "", "## Two"]))]
        titles = [[header["title"] for header in page.headers] for page in pages]
        assert titles == [["O"], ["One"], ["One", "Two"], ["One", "Two"]]
