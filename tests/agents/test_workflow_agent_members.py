"""WorkflowAgent: the members that programs use, forms, answers after the end, runtimes of one's own."""

from __future__ import annotations

from typing import Any

import pytest

from jiuwen_lg import (
    InteractiveInput,
    JiuWenBaseException,
    LocalFunction,
    Message,
    WorkflowAgent,
    WorkflowAgentConfig,
    WorkflowInputsSchema,
    workflow_provider,
)
from jiuwen_lg.runtime import TaskRuntime
from tests.agents.tools import one_step, order, say
from tests.flows import Call

FORM = {"title": "Seats", "choices": ["front", "back"]}


def seats(**options: Any) -> WorkflowAgent:
    async def ask(inputs: Any, runtime: Any) -> Any:
        return {"answer": (await runtime.interact(FORM))["choice"]}

    agent = WorkflowAgent(WorkflowAgentConfig(id="cinema", **options))
    agent.add_workflows([one_step("seats", "form", Call(ask))])
    return agent


def asking(**options: Any) -> WorkflowAgent:
    agent = WorkflowAgent(WorkflowAgentConfig(id="shop", **options))
    agent.add_workflows([order()])
    return agent


class TestForms:
    """A question whose value is a dict or a list is no question that a text answers."""

    @pytest.mark.parametrize("text", ["front", InteractiveInput("front")], ids=["text", "raw"])
    async def test_a_text_shows_it_again(self, text: Any) -> None:
        (asked,) = await say(seats(), "two seats")
        assert asked.payload.value == FORM
        assert await say(seats(), text) == [asked]
        frames = [frame async for frame in seats().stream({"query": text, "conversation_id": "c"})]
        assert frames == [asked]
        answer = InteractiveInput().update("form", {"choice": "back"})
        assert (await say(seats(), answer))["output"].result == {"output": {"said": "back"}}

    async def test_with_on_question_answer_a_text_is_the_answer(self) -> None:
        async def ask(inputs: Any, runtime: Any) -> Any:
            return {"answer": await runtime.interact(FORM)}

        agent = WorkflowAgent(WorkflowAgentConfig(id="cinema", on_question="answer"))
        agent.add_workflows([one_step("seats", "form", Call(ask))])
        await say(agent, "two seats")
        assert (await say(agent, "front"))["output"].result == {"output": {"said": "front"}}


class TestAnswersAfterTheEnd:
    async def test_they_are_refused(self) -> None:
        with pytest.raises(JiuWenBaseException) as caught:
            await say(asking(), InteractiveInput("one"))
        assert caught.value.error_code == 100900

    @pytest.mark.parametrize(
        "answer", [InteractiveInput("L"), InteractiveInput().update("size", "L")], ids=["raw", "id"]
    )
    async def test_or_start_a_run_and_answer_what_it_asks_first(self, answer: InteractiveInput) -> None:
        agent = asking(on_finished="start")
        for _ in range(2):
            assert (await say(agent, answer))["output"].result == {"output": {"said": "L/L"}}

    async def test_one_that_was_delivered_before_starts_nothing(self) -> None:
        agent = asking(on_finished="start")
        (asked,) = await say(agent, "hat")
        answer = InteractiveInput.reply_to(asked, "L")
        assert await say(agent, answer) == await say(agent, answer)


class TestMembers:
    def test_what_is_given_is_there(self) -> None:
        config = WorkflowAgentConfig(id="wa")
        agent = WorkflowAgent(config)
        assert agent.agent_config is agent.config().get_agent_config() is agent.controller.agent_config is config
        agent.add_workflows([order()])
        assert [(one.id, one.version, one.inputs) for one in config.workflows] == [("order", "1", {})]
        agent.add_workflows([order()])
        assert len(config.workflows) == 1
        assert [flow.config().metadata.id for flow in agent.workflows] == ["order"]
        agent.remove_workflows([("order", "1"), ("nothing", "")])
        assert config.workflows == []
        agent.add_tools([LocalFunction("t", "d", [], lambda: 1)])
        assert ([tool.name for tool in agent.tools], config.tools) == (["t"], ["t"])

    async def test_a_providers_schema_only_tells_of_its_inputs(self) -> None:
        schema = WorkflowInputsSchema(type="object", properties={"other": {"type": "string"}})

        @workflow_provider("echo", "1", inputs=schema)
        def build() -> Any:
            return one_step("echo", "n", Call(lambda inputs, runtime: {"answer": inputs["query"]}))

        agent = WorkflowAgent(WorkflowAgentConfig(id="wa"))
        agent.add_workflows([build])
        assert build.input_schema is schema
        assert (await say(agent, "you"))["output"].result == {"output": {"said": "you"}}

    async def test_its_controller_takes_messages(self) -> None:
        agent = asking()
        result = await agent.controller.handle_message(Message.create_user_message("hat", "c"), TaskRuntime("c"))
        assert result[0].payload.value == "Which size?"

    async def test_components_see_the_agent(self) -> None:
        def look(inputs: Any, runtime: Any) -> Any:
            runtime.add_tool("own", LocalFunction("own", "d", [], lambda: 2))
            known = [info.name for info in runtime.get_tool_info()]
            return {"answer": [runtime.get_agent_config().id, runtime.get_workflow_config("w").metadata.name, known]}

        agent = WorkflowAgent(WorkflowAgentConfig(id="wa"))
        agent.add_tools([LocalFunction("t", "d", [], lambda: 1)])
        agent.add_workflows([one_step("w", "n", Call(look))])
        for _ in range(2):
            assert (await say(agent, "x"))["output"].result == {"output": {"said": ["wa", "w", ["t", "own"]]}}


class TestARuntimeOfOnesOwn:
    async def test_frames_go_there_and_the_result_is_yielded(self) -> None:
        agent = asking()
        runtime = await agent._runtime.pre_run(session_id="own", inputs={})
        (asked,) = [result async for result in agent.stream({"query": "hat", "conversation_id": "else"}, runtime)]
        assert [one.payload.value for one in asked] == ["Which size?"]
        again = await agent._runtime.pre_run(session_id="own", inputs={})
        result = await agent.invoke({"query": "L"}, again)
        assert result["output"].result == {"output": {"said": "hat/L"}}
        await again.post_run()
        frames = [frame async for frame in again.stream_iterator()]
        assert frames[-1].type == "workflow_final"
        assert {frame.type for frame in frames[:-1]} == {"tracer_workflow"}


class Original(WorkflowAgent):
    """An agent whose frames have the form of openJiuwen 0.1.1 itself."""

    def _session(self, *turn: Any) -> Any:
        session = super()._session(*turn)
        session.config().set_envs({"_trace_format": "0.1.1"})
        return session


@pytest.mark.parametrize("is_provided", [True, False])
async def test_frames_in_the_form_of_openjiuwen_itself(is_provided: bool) -> None:
    flow = one_step("echo", "n", Call(lambda inputs, runtime: {"answer": inputs["query"]}))
    agent = Original(WorkflowAgentConfig(id="wa"))
    agent.add_workflows([workflow_provider("echo", "1")(lambda: flow) if is_provided else flow])
    frames = [frame async for frame in agent.stream({"query": "you"})]
    final = next(frame for frame in frames if frame.type == "workflow_final")
    assert final.payload == {"output": {"said": "you"}}
    around = [frame.payload for frame in (frames[0], frames[-1]) if frame.type == "tracer_agent"]
    assert [one["invokeType"] for one in around] == ["workflow"] * 2 * is_provided
    assert [one["metaData"]["metadata"]["id"] for one in around] == ["echo"] * 2 * is_provided
