"""Intent detection: seed 003's chapter on it, `components.md` 3, and the defects Q14 to Q16 and Q45."""

from __future__ import annotations

from typing import Any

import pytest

from jiuwen_lg import (
    AIMessage,
    BaseModelClient,
    BranchRouter,
    ContextEngine,
    End,
    IntentDetectionCompConfig,
    IntentDetectionComponent,
    IntentDetectionExecutable,
    JiuWenBaseException,
    NodeRuntime,
    Start,
    Workflow,
    WorkflowRuntime,
    WrappedNodeRuntime,
)
from jiuwen_lg.testing.server import ModelServer
from tests.models.config import config

WEATHER = ["查询某地天气", "查股票"]


def made(model: Any, names: list[str] = WEATHER, **more: Any) -> IntentDetectionCompConfig:
    return IntentDetectionCompConfig(category_name_list=names, model=model, **more)


async def detected(config: IntentDetectionCompConfig, query: Any = "q", context: Any = None) -> dict[str, Any]:
    runtime = WrappedNodeRuntime(NodeRuntime(WorkflowRuntime(), "intent"))
    found: dict[str, Any] = await IntentDetectionExecutable(config).invoke({"query": query}, runtime, context)
    return found


def flow(component: IntentDetectionComponent) -> Workflow:
    flow = Workflow()
    flow.set_start_comp("start", Start(), inputs_schema={"query": "${query}"})
    flow.add_workflow_comp("intent", component, inputs_schema={"query": "${start.query}"})
    for id in ("weather", "stocks"):
        flow.add_workflow_comp(id, Start(), inputs_schema={"went": id})
        flow.add_connection(id, "end")
    flow.set_end_comp("end", End(), inputs_schema={"a": "${weather.went}", "b": "${stocks.went}"})
    return flow.add_connection("start", "intent")


class TestChoice:
    @pytest.mark.parametrize(
        ("reply", "id", "reason"),
        [
            ('{"class": "分类1", "reason": "r"}', 1, "r"),
            ('{"class": "分类2", "reason": "it is false, not null"}', 2, "it is false, not null"),  # Q16
            ('{"class": "分类1", "reason": null}', 1, None),  # Q15
            ('{"class": "分类1"}', 1, None),
            ('{"class": "分类1", "reason": 5}', 1, "5"),
            ('{"class": "分类 1 ：查天气", "reason": "r"}', 1, "r"),
            ("It is {'class': '分类2', 'reason': 'r'}, I think.", 2, "r"),
            ('```json\n{"class": "分类2", "reason": "r"}\n```', 2, "r"),
            ('{"class": "分类0", "reason": "r"}', 0, "r"),
            ('{"class": 1}', 1, None),  # Q15
            ('{"class": ["分类1"]}', 1, None),
            ('{"class": ["分类1", "分类2"]}', 0, "分类2"),
            ('{"class": true}', 0, "True"),
            ('{"class": "分类7"}', 0, "'分类7'"),
            ('{"class": "查股票", "reason": "r"}', 2, "r"),
            ('{"class": "“查股票”。"}', 2, None),
            ('{"class": "(2)"}', 2, None),
            ('{"class": "第二类"}', 2, None),
            ('{"class": "category 2: stocks"}', 2, None),
            ('{"class": "查询"}', 0, "'查询'"),
            ('{"class": "分类99999999999999999999"}', 0, "none of"),
            ('{"reason": "r"}', 0, "None"),
            ("[1]", 1, None),
            ("分类1", 1, None),
            ("2", 2, None),
            ("【2】", 2, None),
            ("It is about 查股票.", 2, None),
            ("The answer is category 1.", 1, None),
            ("It is not 查股票.", 0, "no choice"),
            ("不是查股票", 0, "no choice"),
            ("查股票 or 查询某地天气", 0, "no choice"),
            ("分类1还是分类2", 0, "no choice"),
            ("about 3 things", 0, "no choice"),
            ("分类一还是分类二", 0, "no choice"),
            ("请帮我分类一下", 0, "no choice"),
            ("category 1.5", 0, "no choice"),
            ("分类二。", 2, None),
            ("分类7", 0, "no choice"),
            ("", 0, "empty"),
        ],
    )
    async def test_replies(self, reply: str, id: int, reason: str | None, llm: ModelServer) -> None:
        """A reply that names no category is the default one, with a reason that says why."""
        llm.replies = [reply]
        found = await detected(made(config(llm)))
        assert found["classification_id"] == id
        assert found["category_name"] == ["默认意图", *WEATHER][id]
        assert (reason in found["reason"]) if reason else "reason" not in found

    async def test_keys_stand_in_order(self, llm: ModelServer) -> None:
        llm.replies = ['{"class": "分类1", "reason": "r"}']
        assert [*await detected(made(config(llm)))] == ["classification_id", "reason", "category_name"]

    async def test_a_config_used_twice_gives_the_same(self, llm: ModelServer) -> None:
        """Q14."""
        llm.replies = ['{"class": "分类1", "reason": "r"}']
        shared = made(config(llm))
        first = IntentDetectionComponent(shared)
        second = IntentDetectionComponent(shared)
        for component in (first, second):
            component.add_branch("${intent.classification_id} == 1", ["weather"])
            component.add_branch("", "stocks")
            assert (await flow(component).invoke({"query": "q"})).result == {"output": {"a": "weather"}}
        assert shared.category_name_list == WEATHER


class TestRouting:
    @pytest.mark.parametrize(("number", "went"), [(1, {"a": "weather"}), (2, {"b": "stocks"}), (0, {})])
    async def test_the_first_branch_that_holds_counts(
        self, number: int, went: dict[str, str], llm: ModelServer
    ) -> None:
        llm.replies = [f'{{"class": "分类{number}", "reason": "r"}}']
        component = IntentDetectionComponent(made(config(llm)))
        component.add_branch("${intent.classification_id} == 1", ["weather"], "查询天气分支")
        component.add_branch("${intent.classification_id} == 2", "stocks")
        component.add_branch("${intent.classification_id} == 0", ["end"], "默认分支")
        assert (await flow(component).invoke({"query": "q"})).result == {"output": went}

    async def test_none_is_101102(self, llm: ModelServer) -> None:
        llm.replies = ["?"]
        component = IntentDetectionComponent(made(config(llm)))
        component.add_branch("${intent.classification_id} == 1", ["weather"])
        with pytest.raises(JiuWenBaseException) as error:
            await flow(component).invoke({"query": "q"})
        assert error.value.error_code == 101102


class TestPrompt:
    async def test_everything_configured_is_in_it(self, llm: ModelServer) -> None:
        more = made(config(llm), user_prompt="请判断 {{input}} 的意图", example_content=["示例1", "示例2"])
        await detected(more, "{{default_class}} 今天?")
        system, user = llm.asked()
        assert system["role"] == "system"
        for part in (
            "分类0: 默认意图\n分类1: 查询某地天气\n分类2: 查股票",
            "请判断 {{default_class}} 今天? 的意图",
            "示例1\n\n示例2",
            "Request\n{{default_class}} 今天?\n",
        ):
            assert part in user["content"]

    async def test_the_conversation_is_in_it_if_it_is_wanted(self, llm: ModelServer) -> None:
        """In 0.1.1 it never is."""
        context = ContextEngine("a").get_agent_context("s")
        context.batch_add_messages(
            [{"role": role, "content": f"{role}{n}"} for n in range(5) for role in ("user", "assistant")]
        )
        await detected(made(config(llm), enable_history=True, chat_history_max_turn=2), context=context)
        text = llm.asked()[-1]["content"]
        assert "user：user3\nassistant：assistant3\nuser：user4\nassistant：assistant4\n" in text
        assert "user2" not in text
        for off in (made(config(llm)), made(config(llm), enable_history=True, chat_history_max_turn=0)):
            await detected(off, context=context)
            assert "user4" not in llm.asked()[-1]["content"]


class TestErrors:
    @pytest.mark.parametrize("query", [None, 3, ["q"]])
    async def test_a_query_that_is_no_text_is_101050(self, query: Any, llm: ModelServer) -> None:
        with pytest.raises(JiuWenBaseException, match="takes a text") as error:
            await detected(made(config(llm)), query)
        assert error.value.error_code == 101050

    async def test_no_model_is_101051_and_a_failed_call_101052(self, llm: ModelServer) -> None:
        with pytest.raises(JiuWenBaseException) as error:
            await detected(made(None))
        assert error.value.codes == (101051, 181000)
        llm.replies = [429]
        with pytest.raises(JiuWenBaseException, match="too many requests") as error:
            await detected(made(config(llm)))
        assert error.value.codes == (101052, 181001)

    async def test_a_client_of_ones_own_may_be_async_only(self) -> None:
        """Q45."""

        class Mine(BaseModelClient):
            async def _ainvoke(self, model_name: str, messages: Any, **_: Any) -> AIMessage:
                return AIMessage(content='{"class": "分类2"}')

        assert (await detected(made(Mine())))["classification_id"] == 2

    def test_a_router_may_be_set_as_openjiuwen_demands(self, llm: ModelServer) -> None:
        executable = IntentDetectionExecutable(made(config(llm)))
        assert executable.set_router(BranchRouter()) is executable
