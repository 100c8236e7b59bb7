"""Clients of one's own, messages and the registry of providers: `components.md` 1.3, 1.4 and 1.7."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from langchain_core.messages import AIMessage as LangChainAIMessage
from pydantic import ValidationError

from jiuwen_lg import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    BaseModelClient,
    BaseModelInfo,
    HumanMessage,
    JiuWenBaseException,
    ModelConfig,
    ModelFactory,
    SystemMessage,
    ToolCall,
    ToolMessage,
    ToolMessageChunk,
    UsageMetadata,
)
from jiuwen_lg.models.messages import as_message, on_wire


class Recorder(BaseModelClient):
    calls: list[dict[str, Any]]

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.calls = []


class Sync(Recorder):
    def _invoke(self, model_name: str, messages: Any, **call: Any) -> AIMessage:
        self.calls.append({"messages": messages, **call})
        return AIMessage(content="sync")

    def _stream(self, model_name: str, messages: Any, **call: Any) -> Iterator[AIMessageChunk]:
        yield from (AIMessageChunk(content=part) for part in "ab")


class Async(Recorder):
    async def _ainvoke(self, model_name: str, messages: Any, **call: Any) -> AIMessage:
        self.calls.append({"messages": messages, **call})
        return AIMessage(content="async")

    async def _astream(self, model_name: str, messages: Any, **call: Any) -> AsyncIterator[AIMessageChunk]:
        for part in "cd":
            yield AIMessageChunk(content=part)


class Neither(BaseModelClient):
    """Has only what it was told to have."""


class TestClient:
    async def test_one_that_only_works_synchronously(self) -> None:
        assert (await Sync().ainvoke("m", "q")).content == "sync"
        assert [c.content async for c in Sync().astream("m", "q")] == ["a", "b"]

    async def test_one_that_only_works_asynchronously(self) -> None:
        """Inside a running event loop too."""
        assert Async().invoke("m", "q").content == "async"
        assert [c.content for c in Async().stream("m", "q")] == ["async"]
        assert [c.content async for c in Async().astream("m", "q")] == ["c", "d"]

    async def test_one_that_cannot_stream_gives_one_chunk(self) -> None:
        class Whole(BaseModelClient):
            async def _ainvoke(self, model_name: str, messages: Any, **_: Any) -> AIMessage:
                return AIMessage(content="whole", tool_calls=[ToolCall(id="1", name="f")])

        (chunk,) = [c async for c in Whole().astream("m", "q")]
        assert isinstance(chunk, AIMessageChunk)
        assert (chunk.content, chunk.tool_calls) == ("whole", [ToolCall(id="1", name="f")])

    async def test_one_that_does_nothing_says_what_to_override(self) -> None:
        with pytest.raises(NotImplementedError, match="_ainvoke nor _invoke"):
            await Neither().ainvoke("m", "q")

    async def test_what_its_methods_receive(self) -> None:
        client = Async()
        await client.ainvoke("m", "q", temperature=0.1, seed=3, user=None)
        await client.ainvoke("m", None)
        first, second = client.calls
        assert first == {
            "messages": [{"role": "user", "content": "q"}],
            "tools": [],
            "temperature": 0.1,
            "top_p": None,
            "seed": 3,
        }
        assert second["messages"] == [{"role": "user", "content": ""}]
        assert client.model_provider() == "Async"

    async def test_one_that_says_itself_what_it_does_not_do(self) -> None:
        class Says(Sync):
            async def _ainvoke(self, *_: Any, **__: Any) -> AIMessage:
                raise NotImplementedError

        class Refuses(BaseModelClient):
            async def _ainvoke(self, *_: Any, **__: Any) -> AIMessage:
                raise NotImplementedError("images are not supported")

        class Breaks(Async):
            async def _astream(self, *_: Any, **__: Any) -> AsyncIterator[AIMessageChunk]:
                yield AIMessageChunk(content="half")
                raise NotImplementedError("the rest")

        assert (await Says().ainvoke("m", "q")).content == "sync"
        with pytest.raises(NotImplementedError, match="images are not supported"):
            await Refuses().ainvoke("m", "q")
        with pytest.raises(NotImplementedError, match="the rest"):
            [c async for c in Breaks().astream("m", "q")]


class TestFactory:
    def test_the_map_is_one_for_the_process(self) -> None:
        assert sorted(ModelFactory().model_map) == ["openai", "siliconflow"]
        assert ModelFactory().model_map is ModelFactory().model_map

    @pytest.mark.parametrize("name", ["", "nobody", None, 3])
    def test_an_unknown_provider_is_181000(self, name: Any) -> None:
        with pytest.raises(JiuWenBaseException, match="there are openai, siliconflow") as error:
            ModelFactory().get_model(name, "k", "b")
        assert error.value.error_code == 181000

    def test_its_clients_know_their_provider(self) -> None:
        for name in ModelFactory().model_map:
            assert ModelFactory().get_model(name.upper(), "k", "b").model_provider() == name


class TestInfo:
    def test_defaults(self) -> None:
        info = BaseModelInfo(api_key="k", api_base="b")
        assert (info.model_name, info.temperature, info.top_p, info.streaming, info.timeout) == (
            "",
            0.95,
            0.1,
            False,
            60,
        )

    @pytest.mark.parametrize(
        "bad", [{"api_key": ""}, {"api_base": ""}, {"timeout": 0}, {"timeout": 1.5}, {"temperature": "hot"}]
    )
    def test_what_makes_no_sense_is_refused(self, bad: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            BaseModelInfo(**{"api_key": "k", "api_base": "b", **bad})
        with pytest.raises(ValidationError):
            ModelConfig("openai")

    def test_its_fields(self) -> None:
        info = BaseModelInfo(api_key="secret", api_base="b", model="m", timeout="30", max_tokens=5)  # type: ignore[arg-type]
        assert info.extras == {"max_tokens": 5}
        assert repr(info) == (
            "BaseModelInfo(api_key='***', api_base='b', model_name='m', temperature=0.95, top_p=0.1, "
            "streaming=False, timeout=30, max_tokens=5)"
        )
        assert info.api_key == "secret"


class TestMessages:
    def test_a_nested_call_is_flattened_and_nested_again(self) -> None:
        nested = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        message = AIMessage(content="a", tool_calls=[nested])  # type: ignore[list-item]
        assert message.tool_calls == [ToolCall(id="1", type="function", name="f", arguments="{}")]
        assert on_wire([message]) == [{"role": "assistant", "content": "a", "tool_calls": [nested]}]

    def test_on_the_wire(self) -> None:
        told = [
            SystemMessage(content="s"),
            HumanMessage(content="h", name="ann"),
            ToolMessage(content="t", tool_call_id="1"),
            AIMessage(content="a", usage_metadata=UsageMetadata(code=1), reason_content="r"),
            LangChainAIMessage("l"),
            {"role": "user", "content": "d", "x": 1},
        ]
        assert on_wire(told) == [
            {"role": "system", "content": "s"},
            {"role": "user", "content": "h", "name": "ann"},
            {"role": "tool", "content": "t", "tool_call_id": "1"},
            {"role": "assistant", "content": "a", "reason_content": "r"},
            {"role": "assistant", "content": "l"},
            {"role": "user", "content": "d", "x": 1},
        ]

    @pytest.mark.parametrize("thing", ["text", {"content": "x"}, 3, None])
    def test_what_is_none_is_refused(self, thing: Any) -> None:
        with pytest.raises(ValidationError):
            as_message(thing)

    def test_a_tool_message_says_which_call(self) -> None:
        with pytest.raises(ValidationError):
            ToolMessage(content="x")  # type: ignore[call-arg]

    def test_chunks_are_joined(self) -> None:
        calls = [ToolCall(id="1", name="f", arguments="{"), ToolCall(arguments="}")]
        one = AIMessageChunk(content="a", tool_calls=calls[:1])
        other = AIMessageChunk(content="b", tool_calls=[calls[1], ToolCall(id="2", name="g")], reason_content="r")
        assert one + other == AIMessageChunk(
            content="ab",
            tool_calls=[ToolCall(id="1", name="f", arguments="{}"), ToolCall(id="2", name="g")],
            reason_content="r",
        )
        tool = ToolMessageChunk(content="a", tool_call_id="1") + BaseMessage(role="tool", content=["b"])
        assert tool == ToolMessageChunk(content=["a", "b"], tool_call_id="1")
        with pytest.raises(TypeError):
            one + "text"  # type: ignore[operator]

    @pytest.mark.parametrize(
        "fragments",
        [
            [("a", "f", '{"x"', 0), ("", "", ":1}", 0), ("b", "g", '{"y"', 1), (None, "", ":2}", 1)],
            [("a", "f", "", 0), ("b", "g", "", 1), (None, "", '{"x":1}', 0), (None, "", '{"y":2}', 1)],
            [("a", "f", '{"x":1}', 0), ("b", "g", '{"y":2}', 0)],
            [("a", "f", '{"x"', 0), ("a", "f", ":1}", 0), ("b", "g", '{"y":2}', 0)],
            [("a", "f", '{"x":1}', None), ("b", "g", '{"y"', None), ("b", "", ":2}", None)],
            [("a", "", "", 0), (None, "f", '{"x":1}', 0), ("b", "g", '{"y":2}', 1)],
        ],
    )
    def test_fragments_of_calls_are_joined_by_index_and_id(self, fragments: list[Any]) -> None:
        parts = [
            AIMessageChunk(tool_calls=[ToolCall(id=id, name=name, arguments=arguments, index=index)])
            for id, name, arguments, index in fragments
        ]
        whole = parts[0]
        for part in parts[1:]:
            whole += part
        assert whole.tool_calls is not None
        found = [(call.id, call.name, call.arguments) for call in whole.tool_calls]
        assert found == [("a", "f", '{"x":1}'), ("b", "g", '{"y":2}')]

    def test_calls_without_ids_are_told_apart_by_index_or_by_being_whole(self) -> None:
        for index in (1, 0, None):
            one = AIMessageChunk(
                tool_calls=[ToolCall(name="f", arguments='{"x":1}', index=None if index is None else 0)]
            )
            other = AIMessageChunk(tool_calls=[ToolCall(name="g", arguments='{"y":2}', index=index)])
            assert [call.name for call in (one + other).tool_calls or ()] == ["f", "g"]

    def test_thoughts_usage_and_reason_survive(self) -> None:
        parts = [
            AIMessageChunk(reason_content="I ", usage_metadata=UsageMetadata(model_name="m")),
            AIMessageChunk(reason_content="think."),
            AIMessageChunk(content="Yes", usage_metadata=UsageMetadata(finish_reason="stop")),
            AIMessageChunk(usage_metadata=UsageMetadata(model_stats={"total_tokens": 3})),
        ]
        whole = parts[0] + parts[1] + parts[2] + parts[3]
        assert (whole.content, whole.reasoning) == ("Yes", "I think.")
        assert whole.usage_metadata == UsageMetadata(
            model_name="m", finish_reason="stop", model_stats={"total_tokens": 3}
        )
