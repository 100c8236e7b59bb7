"""The LLM component: seed 003's chapter on it, `components.md` 2, and the defects Q10 to Q13."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage as LangChainAIMessage
from langchain_openai import ChatOpenAI

from jiuwen_lg import (
    BaseStreamMode,
    ComponentAbility,
    ContextEngine,
    End,
    HumanMessage,
    JiuWenBaseException,
    LLMCompConfig,
    LLMComponent,
    LLMExecutable,
    ModelConfig,
    NodeRuntime,
    Start,
    Workflow,
    WorkflowRuntime,
    WrappedNodeRuntime,
)
from jiuwen_lg.testing.server import KEY, ModelServer
from tests.models.config import config

USER = [{"role": "user", "content": "{{query}}"}]
TEXT = {"output": {"type": "string", "description": "输出结果", "required": True}}


def made(model: Any, template: Any = None, kind: str = "text", outputs: Any = None, **more: Any) -> LLMCompConfig:
    response_format = {"type": kind, **more.pop("response_format", {})}
    return LLMCompConfig(
        model=model,
        template_content=USER if template is None else template,
        response_format=response_format,
        output_config=TEXT if outputs is None else outputs,
        **more,
    )


async def asked(config: LLMCompConfig, context: Any = None, **inputs: Any) -> dict[str, Any]:
    """What the component gives, driven by hand."""
    runtime = WrappedNodeRuntime(NodeRuntime(WorkflowRuntime(), "llm"))
    given: dict[str, Any] = await LLMExecutable(config).invoke(inputs or {"query": "q"}, runtime, context)
    return given


def flow(config: LLMCompConfig, end: End | None = None, **connected: Any) -> Workflow:
    flow = Workflow()
    flow.set_start_comp("s", Start(), inputs_schema={"query": "${query}"})
    flow.add_workflow_comp("llm", LLMComponent(config), inputs_schema={"query": "${s.query}"}, **connected)
    flow.set_end_comp("e", end or End(), inputs_schema={"o": "${llm.output}"})
    return flow.add_connection("s", "llm").add_connection("llm", "e")


class TestPrompt:
    async def test_the_whole_template_is_sent(self, llm: ModelServer) -> None:
        """0.1.1 sends the leading system messages and the first of the user's."""
        template = [
            {"role": "system", "content": "你是{{who}}。"},
            {"role": "system", "content": "b"},
            {"role": "user", "content": "one", "name": "ann"},
            {"role": "assistant", "content": "two {{query}}"},
            {"role": "user", "content": "{{query}}"},
        ]
        assert await asked(made(config(llm), template), query="三", who="助手") == {"output": "hi"}
        assert [(m["role"], m["content"], m.get("name")) for m in llm.asked()] == [
            ("system", "你是助手。", None),
            ("system", "b", None),
            ("user", "one", "ann"),
            ("assistant", "two 三", None),
            ("user", "三", None),
        ]

    @pytest.mark.parametrize(
        ("template", "values", "text"),
        [
            ("{{a.b}}", {"a": {"b": 1}}, "1"),  # Q10
            ("{{a}} {{b}}", {"a": "{{b}}", "b": "{{a}}"}, "{{b}} {{a}}"),  # Q11
            ("{{ q }}|{{q}}", {"q": True}, "True|True"),
            ("{{城市}} {{k-1}} {{my name}}", {"城市": "杭州", "k-1": 2, "my name": "x"}, "杭州 2 x"),
            ("{{absent}} {{none}}", {"none": None}, "{{absent}} {{none}}"),
            ("{{{q}}} ${q} {q}", {"q": "x"}, "{x} ${q} {q}"),
            ("{{ items | join(', ') }}", {"items": ["a", "b"]}, "a, b"),
            ("{{name(optional)}} {{省/市}} {{ a / 0 }}", {"a": 1}, "{{name(optional)}} {{省/市}} {{ a / 0 }}"),
            ("{{ ''.__class__.__mro__ }}", {"x": 1}, "{{ ''.__class__.__mro__ }}"),
        ],
    )
    async def test_slots(self, template: str, values: dict[str, Any], text: str, llm: ModelServer) -> None:
        await asked(made(config(llm), [{"role": "user", "content": template}]), **values)
        assert llm.asked() == [{"role": "user", "content": text}]

    async def test_an_empty_slot_is_180000(self, llm: ModelServer) -> None:
        with pytest.raises(JiuWenBaseException, match="between the braces") as error:
            await asked(made(config(llm), [{"role": "user", "content": "{{ }}"}]))
        assert error.value.error_code == 180000

    async def test_inputs_that_are_no_dict_are_named(self, llm: ModelServer) -> None:
        runtime = WrappedNodeRuntime(NodeRuntime(WorkflowRuntime(), "llm"))
        with pytest.raises(JiuWenBaseException, match="by name, from a dict"):
            await LLMExecutable(made(config(llm))).invoke("text", runtime, None)

    async def test_tool_calls_of_the_history_stay_whole(self, llm: ModelServer) -> None:
        context = ContextEngine("a").get_agent_context("s")
        call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        said = LangChainAIMessage("", tool_calls=[{"name": "f", "args": {}, "id": "1", "type": "tool_call"}])
        context.batch_add_messages([said, {"role": "tool", "content": "3", "tool_call_id": "1"}])
        await asked(made(config(llm), enable_history=True), context, query="now")
        assert llm.asked()[0]["tool_calls"] == [call]
        assert llm.asked()[1] == {"role": "tool", "content": "3", "tool_call_id": "1"}

    async def test_history_stands_between_the_system_and_the_rest(self, llm: ModelServer) -> None:
        context = ContextEngine("a").get_agent_context("s")
        context.batch_add_messages([HumanMessage(content="before"), {"role": "assistant", "content": "then"}])
        template = [{"role": "system", "content": "s"}, *USER]
        await asked(made(config(llm), template, enable_history=True), context, query="now")
        assert [m["content"] for m in llm.asked()] == ["s", "before", "then", "now"]
        await asked(made(config(llm), template), context, query="now")
        assert [m["content"] for m in llm.asked()] == ["s", "now"]

    async def test_parts_of_a_content_go_as_they_are(self, llm: ModelServer) -> None:
        parts = [{"type": "text", "text": "what is it?"}]
        await asked(made(config(llm), [{"role": "user", "content": parts}]))
        assert llm.asked()[0]["content"] == parts
        llm.replies = ['{"output": "x"}']
        await asked(made(config(llm), [{"role": "user", "content": parts}], "json"))
        first, second = llm.asked()[0]["content"]
        assert first == parts[0]
        assert "JSON schema" in second["text"]

    @pytest.mark.parametrize(
        ("kind", "key", "instruction", "sent"),
        [
            ("markdown", "markdownInstruction", "${query}!", "q!"),
            (
                "json",
                "jsonInstruction",
                "${query} as ${json_schema}",
                'q as {"type": "object", "properties": {"output": {"type": "string", "description": "输出结果"}}, '
                '"required": ["output"]}',
            ),
        ],
    )
    async def test_an_instruction_of_ones_own(
        self, kind: str, key: str, instruction: str, sent: str, llm: ModelServer
    ) -> None:
        llm.replies = ['{"output": "x"}']
        await asked(made(config(llm), kind=kind, response_format={key: instruction}))
        assert llm.asked()[-1]["content"] == sent


class TestAnswer:
    async def test_text_and_markdown(self, llm: ModelServer) -> None:
        llm.replies = ["# **月走随人远**", {"content": None}]
        assert await asked(made(config(llm), kind="markdown")) == {"output": "# **月走随人远**"}
        assert await asked(made(config(llm))) == {"output": ""}

    async def test_nested_fields(self, llm: ModelServer) -> None:
        """Q12: an object without properties is kept whole."""
        outputs = {
            "place": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "km": {"type": "number", "required": False}},
            },
            "tags": {"type": "array", "items": {"type": "string"}},
            "free": {"type": "object"},
            "any": {"type": "array", "required": False},
            "n": {"type": "integer"},
            "sure": {"type": "boolean"},
        }
        llm.replies = [
            '{"place": {"city": "杭州", "x": 1}, "tags": ["a"], "free": {"k": {"l": 1}}, "n": 0, "sure": false, "y": 2}'
        ]
        assert await asked(made(config(llm), kind="json", outputs=outputs)) == {
            "place": {"city": "杭州"},
            "tags": ["a"],
            "free": {"k": {"l": 1}},
            "n": 0,
            "sure": False,
        }

    @pytest.mark.parametrize(
        ("output", "reply", "named"),
        [
            ({"type": "integer"}, '{"o": true}', "o:"),
            ({"type": "integer"}, '{"o": 1.5}', "o:"),
            ({"type": "integer"}, '{"o": "1.5"}', "o:"),
            ({"type": "integer"}, '{"o": 1e30}', "o:"),
            ({"type": "number"}, '{"o": "1e999"}', "o:"),
            ({"type": "number"}, '{"o": true}', "o:"),
            ({"type": "string"}, '{"o": null}', "o:"),
            ({"type": "string"}, "{}", "o: Field required"),
            ({"type": "string"}, '[{"o": "x"}, {"o": "y"}]', "the answer:"),
            ({"type": "array", "items": {"type": "integer"}}, '{"o": [1, "x"]}', "o.1:"),
            ({"type": "object", "properties": {"p": {"type": "string"}}}, '{"o": {}}', "o.p: Field required"),
            ({"type": "foo"}, '{"o": 1}', "no type 'foo'"),
        ],
    )
    async def test_an_answer_that_does_not_fit_is_101004(
        self, output: dict[str, Any], reply: str, named: str, llm: ModelServer
    ) -> None:
        llm.replies = [reply]
        with pytest.raises(JiuWenBaseException) as error:
            await asked(made(config(llm), kind="json", outputs={"o": output}))
        assert error.value.error_code == 101004
        assert named in error.value.message
        assert reply not in error.value.message
        assert len(llm.requests) == (0 if output["type"] == "foo" else 2)  # it was told what is wrong, once

    async def test_the_reply_is_told_where_nothing_is_sensitive(
        self, llm: ModelServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("IS_SENSITIVE", "false")
        llm.replies = ["my own words"]
        with pytest.raises(JiuWenBaseException, match="my own words"):
            await asked(made(config(llm), kind="json"))

    async def test_a_model_is_told_what_is_wrong_with_its_answer(self, llm: ModelServer) -> None:
        """Q13, beyond mending: the second answer counts."""
        llm.replies = ['{"output": 5}', '{"output": "北京"}']
        assert await asked(made(config(llm), kind="json")) == {"output": "北京"}
        assert [m["role"] for m in llm.asked()] == ["user", "assistant", "user"]
        assert "output: Input should be a valid string" in llm.asked()[-1]["content"]

    async def test_a_model_that_keeps_to_a_schema_is_given_it(self, llm: ModelServer) -> None:
        llm.replies = ['{"output": "北京"}']
        assert await asked(made(config(llm, "gpt-4o"), kind="json")) == {"output": "北京"}
        schema = llm.requests[0]["response_format"]["json_schema"]["schema"]
        assert schema["properties"] == {"output": {"type": "string", "description": "输出结果"}}

    @pytest.mark.parametrize("reply", ['{"output": "北京是中', '{"output": "a"} {"output": "b"}'])
    async def test_what_is_cut_or_double_is_refused_there_too(self, reply: str, llm: ModelServer) -> None:
        llm.replies = [reply]
        with pytest.raises(JiuWenBaseException) as error:
            await asked(made(config(llm, "gpt-4o"), kind="json"))
        assert error.value.error_code == 101004

    async def test_a_bound_model_keeps_its_arguments(self, llm: ModelServer) -> None:
        llm.replies = ['{"output": "x"}']
        chat = ChatOpenAI(model="gpt-4o", api_key=KEY, base_url=llm.url).bind(seed=7)  # type: ignore[arg-type]
        assert await asked(made(chat, kind="json")) == {"output": "x"}
        assert llm.requests[0]["seed"] == 7

    async def test_a_model_that_promises_too_much_is_asked_without(self) -> None:
        class Promises(GenericFakeChatModel):
            profile: Any = None

        chat = Promises(profile={"structured_output": True}, messages=iter([LangChainAIMessage('{"output": "x"}')]))
        assert await asked(made(chat, kind="json")) == {"output": "x"}

    async def test_a_service_that_does_not_know_schemas_is_asked_without(self, llm: ModelServer) -> None:
        llm.answer = lambda body: 400 if "response_format" in body else '{"output": "北京"}'
        assert await asked(made(config(llm, "gpt-4o"), kind="json")) == {"output": "北京"}


class TestConfig:
    async def test_a_role_that_no_model_knows_is_left_out(
        self, llm: ModelServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        await asked(made(config(llm), [*USER, {"role": "critic", "content": "x"}]))
        assert [m["role"] for m in llm.asked()] == ["user"]
        assert "'critic'" in caplog.text

    @pytest.mark.parametrize(
        ("change", "code", "named"),
        [
            ({"template_content": []}, 101000, "role 'user'"),
            ({"template_content": None}, 101000, "role 'user'"),
            ({"template_content": "text"}, 101000, "dict with role"),
            ({"template_content": [3]}, 101000, "dict with role"),
            ({"template_content": [{"role": "assistant", "content": "x"}]}, 101000, "role 'user'"),
            ({"template_content": [*USER, {"role": "system", "content": "x"}]}, 101000, "comes after"),
            ({"template_content": [{"role": "system", "content": 3}, *USER]}, 101000, "neither a text"),
            ({"template_content": [{"role": "user", "content": None}]}, 101000, "neither a text"),
            ({"response_format": {}}, 101001, "None"),
            ({"response_format": None}, 101001, "None"),
            ({"response_format": {"type": "JSON"}}, 101001, "'JSON'"),
            ({"output_config": {}}, 101001, "has 0"),
            ({"output_config": {"a": {}, "b": {}}}, 101001, "has 2"),
            ({"response_format": {"type": "json"}, "output_config": {}}, 101002, "at least one"),
            ({"response_format": {"type": "json"}, "output_config": {"": {}}}, 101002, "has a name"),
            ({"response_format": {"type": "json"}, "output_config": {"a": "string"}}, 101002, "is a dict"),
            ({"response_format": {"type": "json"}, "output_config": {"a": {"type": None}}}, 101002, "None"),
            ({"response_format": {"type": "json"}, "output_config": {"a": {"required": "yes"}}}, 101002, "'yes'"),
            (
                {"response_format": {"type": "json"}, "output_config": {"a": {"properties": {"b": "string"}}}},
                101002,
                "[b]",
            ),
            ({"response_format": {"type": "json"}, "output_config": {"a": {"items": "string"}}}, 101002, "[a[]]"),
            ({"response_format": {"type": "json"}, "output_config": {"a": {"properties": 3}}}, 101002, "3"),
            ({"template_content": [{"content": "x"}]}, 101000, "role 'user'"),
            ({"output_config": None}, 101002, "not a dict"),
        ],
    )
    def test_it_is_checked_when_the_component_is_added(self, change: Any, code: int, named: str) -> None:
        whole = {"template_content": USER, "response_format": {"type": "text"}, "output_config": TEXT, **change}
        component = LLMComponent(LLMCompConfig(**whole))
        with pytest.raises(JiuWenBaseException) as error:
            Workflow().add_workflow_comp("llm", component)
        assert error.value.error_code == code
        assert named in error.value.message

    def test_messages_may_be_objects(self, llm: ModelServer) -> None:
        template = [HumanMessage(content="{{query}}"), LangChainAIMessage("a"), HumanMessage(content="b")]
        asyncio.run(asked(made(config(llm), template), query="x"))
        assert [m["content"] for m in llm.asked()] == ["x", "a", "b"]

    @pytest.mark.parametrize("model", [None, 3, ModelConfig("nobody", None), ModelConfig("openai", {})])
    async def test_no_model_to_call_is_101005(self, model: Any) -> None:
        with pytest.raises(JiuWenBaseException) as error:
            await asked(made(model))
        assert error.value.codes == (101005, 181000)

    async def test_neither_is_a_config_mutated_nor_shared(self, llm: ModelServer) -> None:
        one = made(config(llm), response_format={"jsonInstruction": "x"}, kind="text")
        before = repr(one)
        await asked(one)
        await asked(one)
        assert repr(one) == before


class TestStreams:
    async def test_each_part_is_a_frame(self, llm: ModelServer) -> None:
        llm.replies = [["he", "", "llo"]]
        built = Workflow()
        built.set_start_comp("s", Start(), inputs_schema={"query": "${query}"})
        built.add_workflow_comp(
            "llm",
            LLMComponent(made(config(llm))),
            inputs_schema={"query": "${s.query}"},
            comp_ability=[ComponentAbility.STREAM],
        )
        built.set_end_comp(
            "e",
            End({"responseTemplate": "A{{o}}B"}),
            stream_inputs_schema={"o": "${llm.output}"},
            response_mode="streaming",
        )
        built.add_connection("s", "llm").add_stream_connection("llm", "e")
        frames = [f async for f in built.stream({"query": "q"}, stream_modes=[BaseStreamMode.OUTPUT])]
        assert [f.payload for f in frames] == [{"answer": part} for part in ("A", "he", "llo", "B")]
        assert llm.requests[0]["stream"] is True

    async def test_json_comes_in_one_frame(self, llm: ModelServer) -> None:
        llm.replies = ['{"output": "x"}']
        executable = LLMExecutable(made(config(llm), kind="json"))
        runtime = WrappedNodeRuntime(NodeRuntime(WorkflowRuntime(), "llm"))
        assert [f async for f in executable.stream({"query": "q"}, runtime, None)] == [{"output": "x"}]
        llm.replies = ["none"]
        with pytest.raises(JiuWenBaseException) as error:
            [f async for f in executable.stream({"query": "q"}, runtime, None)]
        assert error.value.codes == (101003, 101004)

    async def test_a_failure_names_the_component(self, llm: ModelServer) -> None:
        llm.replies = [500]
        with pytest.raises(JiuWenBaseException) as error:
            await flow(made(config(llm))).invoke({"query": "q"})
        assert error.value.codes == (100005, 101003, 181001)
        llm.replies = ["hi"]
        assert (await flow(made(config(llm))).invoke({"query": "q"})).result == {"output": {"o": "hi"}}


class TestModels:
    async def test_any_chat_model_of_langchains(self) -> None:
        chat = GenericFakeChatModel(messages=iter([LangChainAIMessage("one"), LangChainAIMessage("two words")]))
        assert await asked(made(chat)) == {"output": "one"}
        executable = LLMExecutable(made(chat))
        runtime = WrappedNodeRuntime(NodeRuntime(WorkflowRuntime(), "llm"))
        parts = [f["output"] async for f in executable.stream({"query": "q"}, runtime, None)]
        assert parts == ["two", " ", "words"]

    async def test_another_runnable_that_gives_a_message(self) -> None:
        failing = GenericFakeChatModel(messages=iter([]))
        spare = GenericFakeChatModel(messages=iter([LangChainAIMessage("spare")]))
        chain = failing.with_fallbacks([spare], exceptions_to_handle=(RuntimeError, StopIteration))
        assert await asked(made(chain)) == {"output": "spare"}

    async def test_callbacks_and_tokens_reach_the_graphs_caller(self, llm: ModelServer) -> None:
        llm.replies = [["he", "llo"]]
        graph = flow(made(config(llm))).compile()
        kinds = {e["event"] async for e in graph.astream_events({"inputs": {"query": "q"}}, version="v2")}
        assert "on_chat_model_stream" in kinds
        tokens = [m.content async for m, _ in graph.astream({"inputs": {"query": "q"}}, stream_mode="messages")]
        assert "".join(tokens) == "hello"
