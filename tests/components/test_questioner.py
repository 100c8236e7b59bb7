"""The questioner: seed 003's chapter on it, seed 002's frames, `components.md` 4, and Q17 to Q21, Q45 and Q47."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from jiuwen_lg import (
    AIMessage,
    BaseModelClient,
    BaseStreamMode,
    ContextEngine,
    End,
    FieldInfo,
    InteractiveInput,
    JiuWenBaseException,
    LoopComponent,
    LoopGroup,
    ModelConfig,
    QuestionerComponent,
    QuestionerConfig,
    Start,
    Workflow,
    WorkflowConfig,
    WorkflowExecutionState,
    WorkflowMetadata,
    WorkflowOutput,
    WorkflowRuntime,
)
from jiuwen_lg.testing.server import ModelServer
from tests.models.config import config

PLACE = FieldInfo(field_name="location", description="地点", required=True)
DATE = FieldInfo(field_name="date", description="时间", required=True, default_value="today")
ASKED = "请您提供地点相关的信息"


def made(model: Any, *fields: FieldInfo, **more: Any) -> QuestionerConfig:
    return QuestionerConfig(model=model, field_names=[*fields] or [PLACE, DATE], **more)


def flow(config: QuestionerConfig, **inputs: Any) -> Workflow:
    flow = Workflow(WorkflowConfig(metadata=WorkflowMetadata(id="w")))
    flow.set_start_comp("s", Start(), inputs_schema={"query": "${query}"})
    schema = {"query": "${s.query}", **inputs}
    flow.add_workflow_comp("questioner", QuestionerComponent(config), inputs_schema=schema)
    flow.set_end_comp("e", End(), inputs_schema={"o": "${questioner}"})
    return flow.add_connection("s", "questioner").add_connection("questioner", "e")


async def turn(flow: Workflow, said: Any, session: str = "s", context: Any = None) -> WorkflowOutput:
    inputs = said if isinstance(said, (InteractiveInput, dict)) else {"query": said}
    return await flow.invoke(inputs, WorkflowRuntime(session_id=session), context)


def question(result: WorkflowOutput) -> str:
    assert result.state is WorkflowExecutionState.INPUT_REQUIRED
    (frame,) = result.result
    text: str = frame.payload.value
    return text


def output(result: WorkflowOutput) -> dict[str, Any]:
    found: dict[str, Any] = result.result["output"]["o"]
    return found


class TestConversation:
    async def test_seed_003s_straight_and_interrupted_runs(self, llm: ModelServer) -> None:
        llm.replies = ['{"location": "上海", "date": "2025-08-01"}', '{"date": "2025-08-01"}', '{"location": "杭州"}']
        asks = flow(made(config(llm)))
        expected = {"question": "", "user_response": "", "location": "上海", "date": "2025-08-01"}
        assert output(await turn(asks, "2025年8月1日的上海")) == expected
        result = await turn(asks, "时间是2025年8月1日")
        assert (question(result), result.result[0].index) == (ASKED, 0)
        answered = output(await turn(asks, InteractiveInput().update("questioner", "地点是杭州")))
        expected = {"question": ASKED, "user_response": "地点是杭州", "location": "杭州", "date": "2025-08-01"}
        assert answered == expected
        assert [*answered] == ["question", "user_response", "location", "date"]

    async def test_one_call_an_answer_and_none_repeated(self, llm: ModelServer) -> None:
        """Each turn is a new workflow object, as in a new process."""
        llm.replies = ["{}", '{"b": 1}', "{}", '{"a": 2}']
        fields = [FieldInfo(field_name=name, description=name, required=True) for name in "ab"]
        asked = []
        result = await turn(flow(made(config(llm), *fields)), "q")
        for number in range(3):
            asked.append((question(result), result.result[0].index, len(llm.requests)))
            result = await turn(flow(made(config(llm), *fields)), InteractiveInput(f"answer {number}"))
        assert asked == [("请您提供a, b相关的信息", 0, 1), ("请您提供a相关的信息", 1, 2), ("请您提供a相关的信息", 2, 3)]
        assert len(llm.requests) == 4
        assert output(result) == {"question": "请您提供a相关的信息", "user_response": "answer 2", "a": 2, "b": 1}
        said = [llm.asked(n)[-1]["content"].split("\n")[1] for n in range(4)]
        assert said == ["user：q", "user：answer 0", "user：answer 1", "user：answer 2"]

    async def test_a_failed_call_is_made_again_and_no_other(self, llm: ModelServer) -> None:
        llm.replies = ["{}", "{}", 500, '{"location": "杭州"}']
        asks = flow(made(config(llm)))
        await turn(asks, "q")
        await turn(asks, InteractiveInput("one"))
        with pytest.raises(JiuWenBaseException) as error:
            await turn(asks, InteractiveInput("two"))
        assert error.value.codes == (100005, 101075, 181001)
        assert output(await turn(asks, InteractiveInput()))["user_response"] == "two"
        assert ["two" in m[-1]["content"] for m in map(llm.asked, range(4))] == [False, False, True, True]

    async def test_an_empty_answer_lists_the_question_again(self, llm: ModelServer) -> None:
        llm.replies = ["{}"]
        asks = flow(made(config(llm)))
        await turn(asks, "q")
        assert question(await turn(asks, InteractiveInput())) == ASKED
        assert len(llm.requests) == 1

    async def test_answers_that_are_not_text(self, llm: ModelServer) -> None:
        llm.replies = ["{}", '{"location": "杭州"}']
        asks = flow(made(config(llm)))
        await turn(asks, {"query": {"when": "今天"}})
        answer = {"where": "杭州"}
        assert output(await turn(asks, InteractiveInput(answer)))["user_response"] == answer
        assert 'user：{"where": "杭州"}' in llm.asked()[-1]["content"]
        assert 'user：{"when": "今天"}' in llm.asked(0)[-1]["content"]

    async def test_each_round_of_a_loop_starts_afresh(self, llm: ModelServer) -> None:
        llm.replies = ['{"location": "杭州", "date": "d"}', '{"location": "上海"}']
        group = LoopGroup()
        component = QuestionerComponent(made(config(llm)))
        group.add_workflow_comp("questioner", component, inputs_schema={"query": "${loop.item}"})
        group.start_nodes(["questioner"])
        group.end_nodes(["questioner"])
        loops = Workflow()
        loops.set_start_comp("s", Start(), inputs_schema={"l": "${l}"})
        loop = LoopComponent(group, {"all": "${questioner}"})
        loops.add_workflow_comp("loop", loop, inputs_schema={"loop_type": "array", "loop_array": {"item": "${s.l}"}})
        loops.set_end_comp("e", End(), inputs_schema={"o": "${loop.all}"})
        loops.add_connection("s", "loop").add_connection("loop", "e")
        found = (await loops.invoke({"l": ["a", "b"]})).result["output"]["o"]
        nobody = {"question": "", "user_response": "", "date": "today"}
        assert found == [{**nobody, "location": "杭州", "date": "d"}, {**nobody, "location": "上海"}]


class TestFields:
    @pytest.mark.parametrize(
        ("reply", "fields"),
        [
            ('{"a": 0, "b": false}', {"a": 0, "b": False}),  # Q17
            ('{"a": 0.0, "b": "  "}', {"a": 0.0, "b": "  "}),
            ('{"a": {"k": [1]}, "b": "25"}', {"a": {"k": [1]}, "b": "25"}),
            ('```\n{"a": 1, "b": 2}\n```', {"a": 1, "b": 2}),  # Q19
            ('Sure! {"a": 1, "b": 2} is it.', {"a": 1, "b": 2}),  # Q19
            ('{"a": 1, "b": 2, "question": "x", "user_response": [1]}', {"a": 1, "b": 2}),
            ('{"c": 3, "a": 1, "b": 2}', {"c": 3, "a": 1, "b": 2}),
        ],
    )
    async def test_what_counts_as_said(self, reply: str, fields: dict[str, Any], llm: ModelServer) -> None:
        llm.replies = [reply]
        asked = made(config(llm), *(FieldInfo(field_name=name, description=name, required=True) for name in "ab"))
        found = output(await turn(flow(asked), "q"))
        assert found == {"question": "", "user_response": "", **fields}
        assert [*found][2:] == [*fields]

    @pytest.mark.parametrize(
        "reply", ['{"a": null}', '{"a": ""}', '{"a": "NULL "}', '{"a": {}}', '{"a": []}', "no", ""]
    )
    async def test_what_counts_as_nothing(self, reply: str, llm: ModelServer) -> None:
        llm.replies = [reply]
        asked = made(config(llm), FieldInfo(field_name="a", description="甲", cn_field_name="甲名", required=True))
        assert question(await turn(flow(asked), "q")) == "请您提供甲名相关的信息"

    async def test_a_name_with_dots_is_one_name(self, llm: ModelServer) -> None:
        llm.replies = ['{"addr.city": "杭州"}', '{"b": 1}']
        fields = [FieldInfo(field_name=name, description=name, required=True) for name in ("addr.city", "b")]
        asks = flow(made(config(llm), *fields))
        assert question(await turn(asks, "q")) == "请您提供b相关的信息"
        assert output(await turn(asks, InteractiveInput("1")))["addr.city"] == "杭州"

    async def test_a_key_of_a_reply_is_no_path(self, llm: ModelServer) -> None:
        llm.replies = ['{"location": {"k[10000000]": 1}}']
        assert output(await turn(flow(made(config(llm))), "q"))["location"] == {"k[10000000]": 1}

    async def test_unknown_keys_do_not_count_as_fields(self, llm: ModelServer) -> None:
        """Q18."""
        llm.replies = ['{"x": 1, "y": 2}', '{"location": "杭州"}']
        asks = flow(made(config(llm)))
        assert question(await turn(asks, "q")) == ASKED
        found = output(await turn(asks, InteractiveInput("杭州")))
        assert found == {
            "question": ASKED,
            "user_response": "杭州",
            "location": "杭州",
            "x": 1,
            "y": 2,
            "date": "today",
        }

    async def test_defaults_fill_what_was_not_said_and_later_answers_win(self, llm: ModelServer) -> None:
        llm.replies = ["{}", '{"n": 5, "location": "x"}']
        zero = FieldInfo(field_name="n", description="n", required=True, default_value=0)
        asks = flow(made(config(llm), PLACE, DATE, zero, FieldInfo(field_name="o", description="o")))
        await turn(asks, "q")
        found = output(await turn(asks, InteractiveInput("x")))
        assert {k: v for k, v in found.items() if k not in ("question", "user_response")} == {
            "n": 5,
            "location": "x",
            "date": "today",
        }

    async def test_only_required_fields_are_asked_for(self, llm: ModelServer) -> None:
        llm.replies = ["{}"]
        asked = made(config(llm), FieldInfo(field_name="a", description="a"))
        assert output(await turn(flow(asked), "q")) == {"question": "", "user_response": ""}

    async def test_json_that_is_no_object_is_101076(self, llm: ModelServer) -> None:
        llm.replies = ["[1]"]
        with pytest.raises(JiuWenBaseException) as error:
            await turn(flow(made(config(llm))), "q")
        assert error.value.codes == (100005, 101076)


class TestQuestions:
    async def test_a_question_of_ones_own_without_extraction(self) -> None:
        asks = flow(
            QuestionerConfig(
                question_content="[{{query}}] {{ name }}，{{a.b}}{{none}}?", extract_fields_from_response=False
            ),
            name="张三",
            a={"b": 1},
        )
        asked = question(await turn(asks, "你好"))
        assert asked == "[你好] 张三，1?"  # Q47
        answer = output(await turn(asks, InteractiveInput({"k": 1})))
        assert answer == {"question": asked, "user_response": {"k": 1}}

    async def test_a_question_of_ones_own_comes_before_any_call(self, llm: ModelServer) -> None:
        llm.replies = ["{}", '{"location": "杭州"}']
        asks = flow(made(config(llm), question_content="何处?"))
        assert question(await turn(asks, "q")) == "何处?"
        assert llm.requests == []
        assert question(await turn(asks, InteractiveInput("?"))) == ASKED
        assert output(await turn(asks, InteractiveInput("杭州")))["location"] == "杭州"
        assert len(llm.requests) == 2

    @pytest.mark.parametrize("most", [1, 2, 3])
    async def test_the_last_answer_that_does_not_do_is_101074(self, most: int, llm: ModelServer) -> None:
        llm.replies = ["{}"]
        asks = flow(made(config(llm), max_response=most))
        await turn(asks, "帮我订机票")
        for _ in range(most - 1):
            assert question(await turn(asks, InteractiveInput("?"))) == ASKED
        with pytest.raises(JiuWenBaseException) as error:
            await turn(asks, InteractiveInput("?"))
        assert error.value.codes == (100005, 101074)
        assert error.value.root.message == "Questioner component exceed max response."  # type: ignore[attr-defined]
        assert len(llm.requests) == 1 + most

    async def test_an_answer_after_that_is_read_and_no_older_one(self, llm: ModelServer) -> None:
        """Q20."""
        llm.replies = ["{}"]
        asks = flow(made(config(llm), max_response=2))
        await turn(asks, "q")
        await turn(asks, InteractiveInput("one"))
        for answer in (InteractiveInput("two"), InteractiveInput()):
            with pytest.raises(JiuWenBaseException):
                await turn(asks, answer)
            assert "two" in llm.asked()[-1]["content"]
        llm.answer = lambda body: '{"location": "杭州"}' if "three" in body["messages"][-1]["content"] else "{}"
        found = output(await turn(asks, InteractiveInput().update("questioner", "three")))
        assert (found["location"], found["user_response"]) == ("杭州", "three")

    async def test_nothing_to_ask_is_101072(self) -> None:
        with pytest.raises(JiuWenBaseException) as error:
            await turn(flow(QuestionerConfig(extract_fields_from_response=False)), "q")
        assert error.value.codes == (100005, 101072)

    @pytest.mark.parametrize("query", [5, ["q"]])
    async def test_a_query_of_another_kind_is_101070(self, query: Any, llm: ModelServer) -> None:
        with pytest.raises(JiuWenBaseException) as error:
            await turn(flow(made(config(llm))), {"query": query})
        assert error.value.codes == (100005, 101070)


class TestPrompt:
    async def test_everything_configured_is_in_it(self, llm: ModelServer) -> None:
        llm.replies = ['{"location": "x"}']
        asked = made(config(llm), extra_prompt_for_fields_extraction="开发者约束", example_content="开发者样例")
        await turn(flow(asked), "{{example}} 上海")
        system, user = llm.asked()
        for part in ("地点、时间2个必要信息", "location：地点\n date：时间", "开发者约束", "开发者样例"):
            assert part in system["content"]
        assert "user：{{example}} 上海\n" in user["content"]

    async def test_the_conversation_is_in_it_if_it_is_wanted(self, llm: ModelServer) -> None:
        llm.replies = ["{}", '{"location": "杭州"}']
        context = ContextEngine("a").get_workflow_context("w", "s")
        context.batch_add_messages([{"role": "user", "content": "早"}, {"role": "assistant", "content": "你好"}])
        asks = flow(made(config(llm), with_chat_history=True, chat_history_max_rounds=2))
        await turn(asks, "q", context=context)
        assert "user：早\nassistant：你好\nuser：q\n" in llm.asked()[-1]["content"]
        await turn(asks, InteractiveInput("杭州"), context=context)
        text = llm.asked()[-1]["content"]
        assert f"user：早\nassistant：你好\nuser：q\nassistant：{ASKED}\nuser：杭州\n" in text

    @pytest.mark.parametrize(("last", "lines"), [("另一句", ["user：另一句", "user：q"]), ("q", ["user：q"])])
    async def test_a_conversation_that_ends_with_the_user(self, last: str, lines: list[str], llm: ModelServer) -> None:
        """Q21."""
        llm.replies = ['{"location": "杭州"}']
        context = ContextEngine("a").get_workflow_context("w", "s")
        context.add_message({"role": "user", "content": last})
        await turn(flow(made(config(llm), with_chat_history=True)), "q", context=context)
        text = llm.asked()[-1]["content"]
        assert [line for line in text.split("\n") if line.startswith("user：")] == lines


class TestConfig:
    @pytest.mark.parametrize(
        ("change", "named"),
        [
            ({"response_type": "x"}, "'reply_directly'"),
            ({"field_names": []}, "field_names is empty"),
            ({"field_names": [FieldInfo(field_name="", description="x")]}, "no field_name"),
            ({"max_response": 0}, "at least one answer"),
            ({"model": None}, "model is None"),
        ],
    )
    def test_it_is_checked_when_the_component_is_added(self, change: dict[str, Any], named: str) -> None:
        whole = {"model": ModelConfig("openai", None), "field_names": [PLACE], **change}  # type: ignore[arg-type]
        with pytest.raises(JiuWenBaseException, match=named) as error:
            Workflow().add_workflow_comp("q", QuestionerComponent(QuestionerConfig(**whole)))
        assert error.value.error_code == 101071

    def test_an_unknown_provider_is_181000(self, llm: ModelServer) -> None:
        model = ModelConfig("nobody", config(llm).model_info)
        with pytest.raises(JiuWenBaseException, match="openai, siliconflow") as error:
            Workflow().add_workflow_comp("q", QuestionerComponent(made(model)))
        assert error.value.error_code == 181000

    async def test_a_client_of_ones_own_may_be_async_only(self) -> None:
        """Q45."""

        class Mine(BaseModelClient):
            async def _ainvoke(self, model_name: str, messages: Any, **_: Any) -> AIMessage:
                return AIMessage(content='{"location": "杭州"}')

        assert output(await turn(flow(made(Mine())), "q"))["location"] == "杭州"


class TestTraces:
    async def test_seed_002s_frames(self, llm: ModelServer) -> None:
        llm.replies = ["{}", '{"location": "杭州"}']
        asks = flow(made(config(llm)))
        seen = []
        for inputs in ({"query": "q"}, InteractiveInput("杭州")):
            frames = asks.stream(inputs, WorkflowRuntime(session_id="s"), stream_modes=[BaseStreamMode.TRACE])
            seen.append([f.payload async for f in frames if f.type == "tracer_workflow"])
        assert [(f["invokeId"], f["status"]) for f in seen[0]] == [
            ("s", "start"),
            ("s", "finish"),
            ("questioner", "start"),
            ("questioner", "running"),
        ]
        assert [(f["invokeId"], f["status"]) for f in seen[1]] == [
            ("questioner", "start"),
            ("questioner", "running"),
            ("questioner", "finish"),
            ("e", "start"),
            ("e", "finish"),
        ]
        for frames in seen:
            running = next(f for f in frames if f["status"] == "running")
            assert running["onInvokeData"] == [{"on_invoke_data": "extra trace data"}]


class TestManyAtOnce:
    async def test_conversations_do_not_wait_for_each_other(self, llm: ModelServer) -> None:
        """All calls are open before the first is answered; each conversation makes two."""
        llm.gate.clear()

        def answer(body: dict[str, Any]) -> str:
            said = body["messages"][-1]["content"].split("user：")[1].split("\n")[0]
            return "{}" if said == "q" else json.dumps({"location": said})

        llm.answer = answer
        asks = flow(made(config(llm)))
        for said in (lambda n: {"query": "q"}, lambda n: InteractiveInput(f"place {n}")):
            llm.gate.clear()
            before = len(llm.requests)
            turns = [asyncio.create_task(turn(asks, said(n), f"s{n}")) for n in range(50)]
            await asyncio.to_thread(llm.wait_for, before + 50)
            llm.gate.set()
            results = await asyncio.gather(*turns)
        assert [output(r)["location"] for r in results] == [f"place {n}" for n in range(50)]
        assert len(llm.requests) == 100
