"""Calls over HTTP: what is sent, what comes back, what goes wrong, and that no key is told."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import traceback
from pathlib import Path
from typing import Any

import pytest
import trustme
from langchain_openai import ChatOpenAI
from pydantic import ValidationError

from jiuwen_lg import (
    AIMessage,
    BaseModelInfo,
    BaseStreamMode,
    End,
    HumanMessage,
    InteractiveInput,
    JiuWenBaseException,
    ModelConfig,
    ModelFactory,
    Parameters,
    Start,
    ToolInfo,
    ToolMessage,
    Workflow,
    WorkflowRuntime,
    address,
)
from jiuwen_lg.models import connections as opened
from jiuwen_lg.models.connections import Kind
from jiuwen_lg.models.model import Model
from jiuwen_lg.schema.values import maybe_await
from jiuwen_lg.testing.server import KEY, ModelServer
from tests.components.test_llm import asked, flow, made
from tests.components.test_questioner import flow as questions
from tests.components.test_questioner import made as form
from tests.models.config import config

ASK = [{"role": "user", "content": "q"}]


class TestRequest:
    async def test_fields_and_key(self, llm: ModelServer) -> None:
        await Model.of(config(llm)).ask(ASK)
        body = llm.requests[0]
        expected = {"model": "gpt-3.5-turbo", "messages": ASK, "temperature": 0.7, "top_p": 0.9, "stream": False}
        assert body == expected
        assert llm.headers[0]["Authorization"] == f"Bearer {KEY}"

    async def test_further_fields_are_sent_as_they_are(self, llm: ModelServer) -> None:
        more = {"max_tokens": 5, "enable_thinking": False, "stop": ["x"]}
        await Model.of(config(llm, **more)).ask(ASK)
        assert {name: llm.requests[0][name] for name in more} == more

    async def test_those_of_the_client_are_not(self, llm: ModelServer) -> None:
        llm.replies = [500, 500, "hi"]
        model = Model.of(config(llm, max_retries=2, default_headers={"X-Of": "us"}))
        assert await model.ask(ASK) == "hi"
        assert llm.headers[-1]["X-Of"] == "us"
        assert "max_retries" not in llm.requests[-1]

    @pytest.mark.parametrize("end", ["", "/", "/chat/completions", "/chat/completions/"])
    async def test_the_address_may_be_whole(self, end: str, llm: ModelServer) -> None:
        info = BaseModelInfo(model="m", api_key=KEY, api_base=llm.url + end)
        assert await Model.of(ModelConfig("OpenAI", info)).ask(ASK) == "hi"

    @pytest.mark.parametrize("spelling", [{"model_name": "m", "streaming": True}, {"model": "m", "stream": True}])
    async def test_both_spellings(self, spelling: dict[str, Any], llm: ModelServer) -> None:
        """Q39."""
        info = BaseModelInfo(api_key=KEY, api_base=llm.url, **spelling)
        assert (info.model_name, info.streaming) == ("m", True)
        await Model.of(ModelConfig("openai", info)).ask(ASK)
        assert llm.requests[0]["model"] == "m"

    async def test_tools_and_their_calls(self, llm: ModelServer) -> None:
        call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
        llm.replies = [{"content": None, "tool_calls": [call]}, "3"]
        info = ToolInfo(name="add", description="adds", parameters=Parameters(properties={"a": {"type": "integer"}}))
        client = ModelFactory().get_model("openai", KEY, llm.url)
        reply = await client.ainvoke("m", "1 + 2?", tools=[info], max_tokens=9)
        assert llm.requests[0]["tools"][0]["function"]["name"] == "add"
        assert llm.requests[0]["tool_choice"] == "auto"
        assert llm.requests[0]["max_tokens"] == 9
        assert reply.tool_calls is not None
        assert reply.tool_calls[0].nested() == call
        again = [HumanMessage(content="1 + 2?"), reply, ToolMessage(content="3", tool_call_id="c1")]
        assert (await client.ainvoke("m", again)).content == "3"
        assert llm.asked()[1]["tool_calls"] == [call]
        assert llm.asked()[2] == {"role": "tool", "content": "3", "tool_call_id": "c1"}

    async def test_the_reply_tells_its_usage(self, llm: ModelServer) -> None:
        usage = (await ModelFactory().get_model("openai", KEY, llm.url).ainvoke("m", [])).usage_metadata
        assert usage is not None
        assert (usage.model_name, usage.finish_reason, usage.model_stats["total_tokens"]) == ("m", "stop", 3)
        assert llm.asked() == [{"role": "user", "content": ""}]

    async def test_streams(self, llm: ModelServer) -> None:
        fragments = [
            {
                "tool_calls": [
                    {"index": 0, "id": "c1", "type": "function", "function": {"name": "add", "arguments": ""}}
                ]
            },
            {"tool_calls": [{"index": 0, "function": {"arguments": '{"a": '}}]},
            {"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]},
        ]
        llm.replies = [["he", "llo", *fragments]]
        client = ModelFactory().get_model("openai", KEY, llm.url)
        chunks = [chunk async for chunk in client.astream("m", "q")]
        whole = chunks[0]
        for chunk in chunks[1:]:
            whole += chunk
        assert whole.content == "hello"
        assert whole.tool_calls is not None
        assert [(c.id, c.name, c.arguments) for c in whole.tool_calls] == [("c1", "add", '{"a": 1}')]

    async def test_keys_of_messages_that_a_service_knows_are_sent(self, llm: ModelServer) -> None:
        llm.replies = [
            {"content": "x", "reasoning_content": "because"},
            [{"reasoning_content": "be"}, {"content": "x"}],
        ]
        client = ModelFactory().get_model("openai", KEY, llm.url)
        messages = [
            {"role": "user", "content": "q", "cache_control": {"type": "e"}},
            {"role": "assistant", "content": "{", "prefix": True},
        ]
        assert (await client.ainvoke("m", messages)).reason_content == "because"
        assert llm.asked() == [{**m} for m in messages]
        chunks = [chunk async for chunk in client.astream("m", messages)]
        assert [c.reason_content for c in chunks if c.reason_content] == ["be"]
        assert llm.asked() == messages

    async def test_options_of_a_call(self, llm: ModelServer) -> None:
        client = ModelFactory().get_model(
            "openai", KEY, llm.url, extra_headers={"X-Of": "us"}, extra_body={"a": 1}, b=2
        )
        info = ToolInfo(name="add")
        await client.ainvoke(
            "m", "q", tools=[info], tool_choice="none", extra_headers={"X-Call": "1"}, extra_body={"c": 3}, d=4
        )
        body = llm.requests[0]
        assert (body["tool_choice"], body["a"], body["b"], body["c"], body["d"]) == ("none", 1, 2, 3, 4)
        assert (llm.headers[0]["X-Of"], llm.headers[0]["X-Call"]) == ("us", "1")


class TestCallers:
    def test_a_users_model_serves_event_loops_one_after_another(self, llm: ModelServer) -> None:
        chat = ChatOpenAI(model="m", api_key=KEY, base_url=llm.url, max_retries=0)  # type: ignore[arg-type]
        llm_flow = flow(made(chat))
        for _ in range(4):
            assert asyncio.run(llm_flow.invoke({"query": "q"})).result == {"output": {"o": "hi"}}

    def test_event_loops_that_were_closed_are_forgotten(self, llm: ModelServer) -> None:
        model = Model.of(config(llm))
        for _ in range(3):
            loop = asyncio.new_event_loop()
            loop.run_until_complete(model.ask(ASK))
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()
        assert not [loop for loop in opened._open if not loop.is_closed()]
        abandoned = asyncio.new_event_loop()
        abandoned.close()
        opened._open[abandoned] = {}
        asyncio.run(model.ask(ASK))
        assert abandoned not in opened._open

    def test_one_client_serves_event_loops_one_after_another(self, llm: ModelServer) -> None:
        """`ChatOpenAI` by itself fails in the second one: its connections belong to the first."""
        llm_flow = flow(made(config(llm)))
        for _ in range(3):
            assert asyncio.run(llm_flow.invoke({"query": "q"})).result == {"output": {"o": "hi"}}

    def test_synchronous_callers(self, llm: ModelServer) -> None:
        llm.replies = ["hi", ["a", "b"]]
        client = ModelFactory().get_model("openai", KEY, llm.url)
        assert client.invoke("m", "q").content == "hi"
        assert [chunk.content for chunk in client.stream("m", "q") if chunk.content] == ["a", "b"]
        found = flow(made(config(llm))).compile().invoke({"inputs": {"query": "q"}})
        assert found["result"] == {"output": {"o": "ab"}}

    async def test_the_loop_goes_on_meanwhile(self, llm: ModelServer) -> None:
        llm.gate.clear()
        calls = [asyncio.create_task(Model.of(config(llm)).ask(ASK)) for _ in range(3)]
        await asyncio.to_thread(llm.wait_for, 3)  # all are open at once
        assert not any(call.done() for call in calls)
        llm.gate.set()
        assert await asyncio.gather(*calls) == ["hi"] * 3

    async def test_callbacks_of_the_config_are_called(self, llm: ModelServer) -> None:
        from langchain_core.callbacks import AsyncCallbackHandler

        class Seen(AsyncCallbackHandler):
            tokens = 0

            async def on_llm_end(self, response: Any, **_: Any) -> None:
                self.tokens += response.generations[0][0].message.usage_metadata["total_tokens"]

        seen = Seen()
        await asked(made(config(llm, callbacks=[seen])))
        await flow(made(config(llm))).compile().ainvoke({"inputs": {"query": "q"}}, {"callbacks": [seen]})
        assert seen.tokens == 6


class TestFailures:
    @pytest.mark.parametrize(
        ("reply", "status", "words"),
        [
            (401, 401, r"the key was refused \(HTTP 401\).*refused Bearer \*\*\*"),
            (403, 403, "the key was refused"),
            (429, 429, r"too many requests \(HTTP 429\)"),
            (404, 404, r"the request was refused \(HTTP 404\)"),
            (503, 503, r"the service failed \(HTTP 503\)"),
            (b"<html>gateway</html>", None, "an HTML page, not JSON: is api_base right.*<html>gateway"),
            (b'{"choices": []}', None, "gave no choices"),
            (b'{"error_code": 17, "error_msg": "quota"}', None, "gave no choices; it said .*quota"),
            (b'{"choices": null}', None, "gave no choices"),
            (b"{", None, "the answer cannot be used"),
            (b"", None, "reply is empty"),
            ({"content": None, "refusal": "I cannot"}, None, "the model refused to answer: I cannot"),
        ],
    )
    async def test_what_the_service_says_is_told(self, reply: Any, status: int, words: str, llm: ModelServer) -> None:
        llm.replies = [reply]
        with pytest.raises(JiuWenBaseException, match=words) as error:
            await Model.of(config(llm)).ask(ASK)
        assert error.value.error_code == 181001
        assert error.value.details["status"] == status
        assert error.value.__cause__ is not None
        assert len(llm.requests) == 1

    async def test_a_timeout(self, llm: ModelServer) -> None:
        llm.gate.clear()
        with pytest.raises(JiuWenBaseException, match="no answer in time") as error:
            await Model.of(config(llm, timeout=1)).ask(ASK)
        assert error.value.error_code == 181001

    async def test_a_service_that_is_not_there(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}"
        info = BaseModelInfo(model="m", api_key=KEY, api_base=url)
        with pytest.raises(JiuWenBaseException, match="cannot be reached.*(refused|failed)"):
            await Model.of(ModelConfig("openai", info)).ask(ASK)

    async def test_a_stream_that_fails(self, llm: ModelServer) -> None:
        llm.replies = [500]
        with pytest.raises(JiuWenBaseException, match="HTTP 500"):
            [part async for part in Model.of(config(llm)).stream(ASK)]

    async def test_siliconflow_goes_to_public_addresses_only(
        self, llm: ModelServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Q40: without LLM_SSL_CERT the client is made, and the system's authorities count."""
        info = BaseModelInfo(model="m", api_key=KEY, api_base=llm.url)
        model = Model.of(ModelConfig("SiliconFlow", info))
        with pytest.raises(JiuWenBaseException) as error:
            await model.ask(ASK)
        assert error.value.error_code == 188004
        monkeypatch.setenv("SSRF_PROTECT_ENABLED", "false")
        assert await model.ask(ASK) == "hi"

    async def test_the_address_that_was_checked_is_the_one_connected_to(
        self, llm: ModelServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """For synchronous callers, too."""
        find, looked_up = socket.getaddrinfo, []

        def getaddrinfo(host: str, *args: Any, **options: Any) -> Any:
            looked_up.append(host)
            return find("127.0.0.1" if host == "service.test" else host, *args, **options)

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        base = llm.url.replace("127.0.0.1", "service.test")
        client = ModelFactory().get_model("siliconflow", KEY, base)
        for call in (client.invoke, client.ainvoke):
            with pytest.raises(JiuWenBaseException) as error:
                await maybe_await(call("m", "q"))
            assert error.value.error_code == 188004
        monkeypatch.setattr(address, "_is_public", lambda found: found == "127.0.0.1")
        looked_up.clear()
        for call in (client.invoke, client.ainvoke):
            assert (await maybe_await(call("m", "q"))).content == "hi"
        assert looked_up.count("service.test") == 2
        assert llm.headers[-1]["Host"] == base.split("/")[2]

    @pytest.mark.parametrize("status", [400, 404, 422, 501])
    async def test_a_service_without_schemas_is_asked_for_one_only_once(self, status: int, llm: ModelServer) -> None:
        llm.answer = lambda body: status if "response_format" in body else '{"output": "x"}'
        model = Model.of(config(llm, "gpt-4o"))
        assert [await model.ask_for(ASK, {"type": "object", "properties": {}}) for _ in range(3)] == [
            '{"output": "x"}'
        ] * 3
        assert len(llm.requests) == 5  # twice refused in the same words, so it is of no form; then never again


class TestCertificates:
    @pytest.fixture
    def authority(self, llm: ModelServer) -> trustme.CA:
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        llm.socket = context.wrap_socket(llm.socket, server_side=True)
        return authority

    def model(self, llm: ModelServer) -> Model:
        info = BaseModelInfo(model="m", api_key=KEY, api_base=llm.url.replace("http:", "https:"))
        return Model.of(ModelConfig("openai", info))

    async def test_are_checked(
        self, authority: trustme.CA, llm: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with pytest.raises(JiuWenBaseException, match="certificate") as error:
            await self.model(llm).ask(ASK)
        assert error.value.error_code == 181001
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("LLM_SSL_CERT", str(tmp_path / "ca.pem"))
        assert await self.model(llm).ask(ASK) == "hi"

    async def test_are_not_where_it_is_switched_off(
        self, authority: trustme.CA, llm: ModelServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LLM_SSL_VERIFY", "false")
        assert await self.model(llm).ask(ASK) == "hi"

    async def test_a_file_that_is_none_is_188005(
        self, authority: trustme.CA, llm: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """And one outside of `SAFE_CERT_DIR` 188000; plain HTTP needs none."""
        monkeypatch.setenv("LLM_SSL_CERT", "nowhere.pem")
        assert "verify" not in Kind.of("http://x", is_public=False).options
        with pytest.raises(JiuWenBaseException, match=r"LLM_SSL_CERT is 'nowhere.pem'") as error:
            await self.model(llm).ask(ASK)
        assert error.value.error_code == 188005
        monkeypatch.setenv("SAFE_CERT_DIR", str(tmp_path))
        monkeypatch.setenv("LLM_SSL_CERT", "/etc/hosts")
        with pytest.raises(JiuWenBaseException) as error:
            await self.model(llm).ask(ASK)
        assert error.value.error_code == 188000


class TestKeys:
    async def test_a_key_with_a_line_end_is_the_key_without(self, llm: ModelServer) -> None:
        assert await Model.of(config(llm, api_key=f"{KEY}\n")).ask(ASK) == "hi"
        assert llm.headers[0]["Authorization"] == f"Bearer {KEY}"
        headers = {"X-Token": "token-5a7\n"}
        with pytest.raises(JiuWenBaseException) as error:
            await Model.of(config(llm, default_headers=headers)).ask(ASK)
        assert "token-5a7" not in "".join(traceback.format_exception(error.value))

    @pytest.mark.parametrize(
        "wrapped",
        [
            lambda chat: chat.with_retry(stop_after_attempt=1),
            lambda chat: chat.with_fallbacks([chat]),
            lambda chat: chat.bind(seed=1) | (lambda message: message),
        ],
    )
    async def test_the_keys_of_a_chain_are_not_told(self, wrapped: Any, llm: ModelServer) -> None:
        llm.replies = [401]
        chat = ChatOpenAI(model="m", api_key=KEY, base_url=llm.url, max_retries=0)  # type: ignore[arg-type]
        with pytest.raises(JiuWenBaseException, match="HTTP 401") as error:
            await Model.of(wrapped(chat)).ask(ASK)
        assert KEY not in "".join(traceback.format_exception(error.value))

    def test_what_is_refused_does_not_tell_it(self) -> None:
        for model in (ModelConfig("openai", {"api_key": KEY, "model": "m"}), {"api_key": KEY}):  # type: ignore[arg-type]
            with pytest.raises(JiuWenBaseException) as error:
                Model.of(model)
            assert KEY not in "".join(traceback.format_exception(error.value))
        with pytest.raises(ValidationError) as invalid:
            BaseModelInfo(api_key=KEY, model="m")  # type: ignore[call-arg]
        assert KEY not in str(invalid.value)
        info = BaseModelInfo(api_key=KEY, api_base="b", extra_headers={"Authorization": KEY})
        assert KEY not in repr(info)

    async def test_nothing_that_a_run_leaves_tells_the_key(
        self, llm: ModelServer, db: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """File, logs, traces, frames, errors with their causes, reprs; the service repeats the key in its errors."""
        caplog.set_level(logging.DEBUG)
        told: list[str] = []
        model = config(llm)
        chat = ChatOpenAI(model="m", api_key=KEY, base_url=llm.url, max_retries=0)  # type: ignore[arg-type]
        llm.replies = ["{}", 401, '{"location": "杭州"}', 401, 401, 401]
        asks = questions(form(model))
        steps = [{"query": "q"}, InteractiveInput("a"), InteractiveInput()]
        for step in steps:
            try:
                frames = asks.stream(step, WorkflowRuntime(session_id="s"), stream_modes=[*BaseStreamMode])
                told += [repr(frame) async for frame in frames]
            except JiuWenBaseException as error:
                told += ["".join(traceback.format_exception(error)), repr(error.details)]
        for other in (made(model), made(chat), made(config(llm, "gpt-4o"), kind="json")):
            with pytest.raises(JiuWenBaseException) as failed:
                await flow(other).invoke({"query": "q"}, WorkflowRuntime(session_id=repr(other)[:9]))
            told += ["".join(traceback.format_exception(failed.value)), repr(other)]
        client = ModelFactory().get_model("openai", KEY, llm.url)
        built = questions(form(model))
        told += [repr(model), str(model.model_info), repr(client), built.to_mermaid(), repr(built.compile())]
        told += [caplog.text, *capfd.readouterr()]
        assert "杭州" in "".join(told)
        assert [text for text in told if KEY in text] == []
        for file in db.parent.iterdir():
            assert KEY.encode() not in file.read_bytes(), file


async def test_a_workflow_with_a_client_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seed 003's "third-party models": a provider of one's own."""
    made_with: dict[str, Any] = {}

    class Mine:
        def __init__(self, **given: Any) -> None:
            made_with.update(given)

        def invoke(self, model_name: str, messages: Any) -> AIMessage:
            return AIMessage(content=f"{model_name} says hi")

    monkeypatch.setitem(ModelFactory().model_map, "mine", Mine)
    info = BaseModelInfo(model="m", api_key="k", api_base="b", max_tokens=5)
    built = Workflow()
    built.set_start_comp("s", Start(), inputs_schema={"query": "${query}"})
    result = await flow(made(ModelConfig("Mine", info)), End()).invoke({"query": "q"})
    assert result.result == {"output": {"o": "m says hi"}}
    assert made_with == {
        "api_key": "k",
        "api_base": "b",
        "max_retries": 3,
        "timeout": 60,
        "temperature": 0.95,
        "top_p": 0.1,
        "max_tokens": 5,
    }
