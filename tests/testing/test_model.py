"""`ScriptedChatModel`: LangChain's own suite for chat models, and what the guide promises."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langchain_tests.unit_tests import ChatModelUnitTests
from pydantic import BaseModel

from jiuwen_lg.testing import ScriptedChatModel, ScriptEndedError


class TestAsLangChainWantsIt(ChatModelUnitTests):
    @property
    def chat_model_class(self) -> type[ScriptedChatModel]:
        return ScriptedChatModel

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {}


class Person(BaseModel):
    """A person."""

    name: str


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"sun in {city}"


class TestItsScript:
    def test_replies_come_in_turn_and_requests_are_kept(self) -> None:
        model = ScriptedChatModel("one", lambda messages: messages[-1].text.upper(), AIMessage("three"))
        assert [model.invoke(text).text for text in "abc"] == ["one", "B", "three"]
        assert [request[0].text for request in model.requests] == ["a", "b", "c"]
        model.require_end()

    def test_it_ends(self) -> None:
        model = ScriptedChatModel("one", "two")
        model.invoke("a")
        with pytest.raises(AssertionError, match="asked 1 times; left of its script: \\['two'\\]"):
            model.require_end()
        model.invoke("b")
        with pytest.raises(ScriptEndedError, match="has 2 replies, and the model was asked once more: 'c'"):
            model.invoke("c")
        with pytest.raises(ScriptEndedError):
            model.require_end()

    def test_an_exception_is_raised(self) -> None:
        with pytest.raises(OSError, match="busy"):
            ScriptedChatModel(OSError("busy")).invoke("a")

    async def test_it_streams(self) -> None:
        model = ScriptedChatModel(["a", "b", "c"], "whole", ["x", "y"])
        assert [chunk.text async for chunk in model.astream("q")][:3] == ["a", "b", "c"]
        assert "".join(chunk.text for chunk in model.stream("q")) == "whole"
        assert (await model.ainvoke("q")).text == "xy"

    async def test_it_calls_tools(self) -> None:
        call = {"name": "weather", "args": {"city": "杭州"}, "id": "1", "type": "tool_call"}
        model = ScriptedChatModel(AIMessage("", tool_calls=[call]), AIMessage("", tool_calls=[call]))
        bound = model.bind_tools([weather])
        assert bound.invoke("q").tool_calls == [call]
        whole = None
        async for chunk in bound.astream("q"):
            whole = chunk if whole is None else whole + chunk
        assert whole is not None
        assert whole.tool_calls == [call]
        assert model.tools[0][0]["function"]["name"] == "weather"

    async def test_it_gives_structured_output(self) -> None:
        model = ScriptedChatModel({"name": "ann"}, {"name": "bob"}, {"name": "eve"})
        assert await model.with_structured_output(Person).ainvoke("q") == Person(name="ann")
        schema = {"title": "person", "type": "object", "properties": {"name": {"type": "string"}}}
        assert await model.with_structured_output(schema).ainvoke("q") == {"name": "bob"}
        assert (await model.ainvoke("q")).text == '{"name": "eve"}'

    def test_what_a_message_carries_is_streamed(self) -> None:
        message = AIMessage(
            "hi",
            id="1",
            usage_metadata={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
            additional_kwargs={"reasoning_content": "hm"},
            response_metadata={"finish_reason": "stop"},
        )
        (chunk,) = (c for c in ScriptedChatModel(message).stream("q") if c.text)
        assert chunk.usage_metadata == message.usage_metadata
        assert chunk.additional_kwargs == {"reasoning_content": "hm"}
        assert chunk.response_metadata["finish_reason"] == "stop"

    def test_a_dict_is_a_call_only_where_one_is_demanded(self) -> None:
        model = ScriptedChatModel({"city": "x"}, {"city": "y"})
        assert model.bind_tools([weather], tool_choice="auto").invoke("q").tool_calls == []
        assert model.bind_tools([weather], tool_choice="any").invoke("q").tool_calls[0]["args"] == {"city": "y"}

    @pytest.mark.parametrize("reply", [None, 5, [], [1]])
    def test_what_no_model_says(self, reply: Any) -> None:
        with pytest.raises(TypeError, match="reply 0 of the script"):
            ScriptedChatModel(reply).invoke("q")

    def test_threads_get_each_reply_once(self) -> None:
        model = ScriptedChatModel(*(str(number) for number in range(400)))
        with ThreadPoolExecutor(16) as threads:
            said = [*threads.map(lambda n: model.invoke(str(n)).text, range(400))]
        assert sorted(said, key=int) == [str(number) for number in range(400)]
