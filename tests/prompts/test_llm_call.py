"""Calls of a model with prompts, over HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import ValidationError

from jiuwen_lg import (
    AIMessage,
    HumanMessage,
    JiuWenBaseException,
    LLMCall,
    ModelFactory,
    OpenAIChatModel,
    RequestChatModel,
    SystemMessage,
    ToolCall,
)
from jiuwen_lg.testing.server import ModelServer


def call(llm: ModelServer, system: Any = "", user: Any = "", **more: Any) -> LLMCall:
    return LLMCall("small", OpenAIChatModel("key", llm.url), system, user, **more)


def sent(llm: ModelServer) -> list[tuple[str, str]]:
    return [(message["role"], message["content"]) for message in llm.requests[-1]["messages"]]


class TestCall:
    async def test_the_prompts_are_filled_around_the_history(self, llm: ModelServer) -> None:
        history = [HumanMessage(content="嗨"), AIMessage(content="你好")]
        reply = await call(llm, "You are {{who}}.", "Q: {{query}}").invoke(
            {"who": "Ann", "query": "{{who}}"}, None, history
        )
        assert isinstance(reply, AIMessage)
        assert sent(llm) == [("system", "You are Ann."), ("user", "嗨"), ("assistant", "你好"), ("user", "Q: {{who}}")]
        assert llm.requests[-1]["model"] == "small"

    async def test_without_prompts_the_query_is_sent(self, llm: ModelServer) -> None:
        await call(llm).invoke({"query": 1})
        assert sent(llm) == [("user", "1")]

    async def test_all_of_the_system_prompt_is_sent_as_system(self, llm: ModelServer) -> None:
        await call(
            llm, [SystemMessage(content="a"), HumanMessage(content="b")], [{"role": "user", "content": "c"}]
        ).invoke({})
        assert sent(llm) == [("system", "a"), ("system", "b"), ("user", "c")]

    async def test_it_streams(self, llm: ModelServer) -> None:
        llm.replies = [["one ", "two"]]
        chunks = [chunk.content async for chunk in call(llm).stream({"query": "q"})]
        assert "".join(map(str, chunks)) == "one two"
        assert llm.requests[-1]["stream"] is True

    def test_a_frozen_prompt_stays(self, llm: ModelServer) -> None:
        it = call(llm, "s", "u")
        it.update_system_prompt("new s")
        it.update_user_prompt("new u")
        assert (it.get_system_prompt().content, it.get_user_prompt().content) == ("new s", "u")
        it.set_freeze_system_prompt(True)
        it.set_freeze_user_prompt(False)
        it.update_system_prompt("newer s")
        it.update_user_prompt("newer u")
        assert (it.get_system_prompt().content, it.get_user_prompt().content) == ("new s", "newer u")
        assert (it.get_freeze_system_prompt(), it.get_freeze_user_prompt()) == (True, False)

    def test_other_prompts_are_refused(self, llm: ModelServer) -> None:
        with pytest.raises(ValidationError):
            call(llm, None, "u")


class TestClients:
    async def test_those_made_by_hand_send_no_sampling_of_their_own(self, llm: ModelServer) -> None:
        await OpenAIChatModel("key", llm.url).ainvoke("m", "x")
        assert not {"temperature", "top_p"} & llm.requests[-1].keys()
        await OpenAIChatModel("key", llm.url, temperature=0.3).ainvoke("m", "x")
        assert llm.requests[-1]["temperature"] == 0.3

    async def test_all_four_ways_of_calling(self, llm: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SSRF_PROTECT_ENABLED", "false")
        model = RequestChatModel("key", llm.url)
        assert model.api_base == f"{llm.url}/chat/completions"
        llm.replies = ["a", "b", ["c"], ["d"]]
        said = [(await model.ainvoke("m", "x")).content, (await asyncio.to_thread(model.invoke, "m", "x")).content]
        said.append("".join([str(chunk.content) async for chunk in model.astream("m", "x")]))
        said.append(
            "".join(str(chunk.content) for chunk in await asyncio.to_thread(lambda: list(model.stream("m", "x"))))
        )
        assert said == ["a", "b", "c", "d"]

    async def test_private_addresses_are_refused_by_request_chat_model(
        self, llm: ModelServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SSRF_PROTECT_ENABLED", "true")
        with pytest.raises(JiuWenBaseException) as raised:
            await RequestChatModel("key", llm.url).ainvoke("m", "x")
        assert 188004 in raised.value.codes
        assert llm.requests == []

    async def test_a_closed_client_opens_again(self, llm: ModelServer) -> None:
        model = ModelFactory().get_model("openai", "key", llm.url)
        await asyncio.to_thread(model.invoke, "m", "x")
        for _ in range(2):
            await model.close()
        assert (await model.ainvoke("m", "x")).content is not None
        assert (await asyncio.to_thread(model.invoke, "m", "x")).content is not None

    async def test_a_reply_without_calls_has_an_empty_list(self, llm: ModelServer) -> None:
        reply = await OpenAIChatModel("key", llm.url).ainvoke("m", "x")
        assert reply.tool_calls == []

    def test_a_dumped_message_nests_its_calls(self) -> None:
        message = AIMessage(content="", tool_calls=[ToolCall(id="1", name="add", arguments="{}")])
        dumped = message.model_dump(exclude_none=True)
        nested = {"id": "1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
        assert dumped["tool_calls"] == [nested]
        assert AIMessage.model_validate(dumped) == message

    def test_the_factory_is_one_object(self) -> None:
        assert ModelFactory() is ModelFactory()
