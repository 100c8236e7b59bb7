"""LLMAgent: `agents.md` 4, and the defects R-04, R-08, R-09 and R-21."""

from __future__ import annotations

from typing import Any

import pytest

from jiuwen_lg import (
    ConstrainConfig,
    End,
    InteractiveInput,
    JiuWenBaseException,
    LocalFunction,
    Start,
    Workflow,
    WorkflowConfig,
    WorkflowMetadata,
    create_llm_agent,
)
from jiuwen_lg.testing import ModelServer
from tests.agents.tools import calls, order, plus, say, talking, told


def answered(text: str) -> dict[str, Any]:
    return {"output": text, "result_type": "answer"}


def kinds(frames: list[Any]) -> list[str]:
    return [
        f"{frame.payload['invokeType']} {'end' if frame.payload['endTime'] else 'start'}"
        if frame.type == "tracer_agent"
        else frame.type
        for frame in frames
    ]


async def test_its_words_are_frames_while_it_speaks(llm: ModelServer) -> None:
    llm.replies = [[calls(("plus", {"left": 1, "right": 2}))], ["It ", "is ", "3."]]
    agent = talking(llm.config(), plus())
    frames = [frame async for frame in agent.stream({"query": "1 + 2?", "conversation_id": "c"})]
    assert kinds(frames) == [
        *("llm start", "llm end", "plugin start", "plugin end"),
        *("llm start", "llm_output", "llm_output", "llm_output", "llm end", "answer"),
    ]
    words = [frame for frame in frames if frame.type == "llm_output"]
    assert [(frame.index, frame.payload["output"]) for frame in words] == [(0, "It "), (1, "is "), (2, "3.")]
    assert frames[-1].payload == answered("It is 3.")
    assert [request["stream"] for request in llm.requests] == [True, True]
    assert llm.asked()[-1]["content"] == "3"


async def test_the_traces_tell_what_the_model_failed_with(llm: ModelServer) -> None:
    llm.replies = [500]
    frames = []
    with pytest.raises(JiuWenBaseException) as caught:
        async for frame in talking(llm.config()).stream({"query": "q"}):
            frames.append(frame)
    assert caught.value.error_code == 181001
    assert kinds(frames) == ["llm start", "llm end"]
    assert frames[1].payload["error"]["error_code"] == 181001


async def test_a_workflows_traces_and_frames_pass(llm: ModelServer) -> None:
    flow = order()
    llm.replies = [[calls(("order", {"query": "hat"}))], ["Ordered."]]
    agent = talking(llm.config(), flow)
    frames = [frame async for frame in agent.stream({"conversation_id": "c", "query": "a hat"})]
    assert [frame.payload.value for frame in frames if frame.type == "__interaction__"] == ["Which size?"]
    assert frames[2].payload["invokeId"] == "order"  # the workflow as a whole
    answer = InteractiveInput().update("size", "L")
    frames = [frame async for frame in agent.stream({"conversation_id": "c", "query": answer})]
    assert [frame.type for frame in frames][-3:] == ["llm_output", "tracer_agent", "answer"]


class TestAText:
    """While a workflow asks, a text goes to the model."""

    async def test_it_answers_if_the_model_calls_the_workflow_again(self, llm: ModelServer) -> None:
        llm.replies = [[calls(("order", {"query": "hat"}))], [calls(("order", {"query": "other"}))], ["Ordered."]]
        agent = talking(llm.config(), order())
        await say(agent, "a hat")
        assert await say(agent, "M") == answered("Ordered.")
        assert told(llm.asked())[-3:] == [
            ("user", "M"),
            ("assistant", "", ["order"]),
            ("tool", '{"output": {"said": "hat/M"}}', "c0"),
        ]

    async def test_the_question_stays_if_the_model_answers_in_words(self, llm: ModelServer) -> None:
        llm.replies = [[calls(("order", {"query": "hat"}))], ["Fine, thanks."], ["Bye."], ["Ordered."]]
        agent = talking(llm.config(), order())
        await say(agent, "a hat")
        assert await say(agent, "how are you?") == answered("Fine, thanks.")
        assert await say(agent, InteractiveInput("bye")) == answered("Bye.")  # without an address, as a text
        (waiting,) = await agent.pending("c")
        assert await say(agent, InteractiveInput.reply_to(waiting.output, "L")) == answered("Ordered.")
        assert told(llm.asked())[-2:] == [
            ("assistant", "", ["order"]),
            ("tool", '{"output": {"said": "hat/L"}}', "c0"),
        ]

    async def test_with_on_question_answer_it_answers(self, llm: ModelServer) -> None:
        llm.replies = [[calls(("order", {"query": "hat"}))], ["Ordered."]]
        agent = talking(llm.config(), order(), on_question="answer")
        await say(agent, "a hat")
        assert await say(agent, "M") == answered("Ordered.")
        assert llm.asked()[-1]["content"] == '{"output": {"said": "hat/M"}}'


async def test_two_workflows_whose_nodes_have_one_id(llm: ModelServer) -> None:
    agent = talking(llm.config(), order("size?", "order", "n"), order("card?", "pay", "n"))
    llm.replies = [
        *([calls(("order", {"query": "hat"}))], ["hm"], [calls(("pay", {"query": "5"}), first=1)]),
        *(["Ordered."], ["Paid."]),
    ]
    (first,) = await say(agent, "a hat")
    await say(agent, "wait")
    (second,) = await say(agent, "pay")
    assert await say(agent, InteractiveInput.reply_to(second, "visa")) == answered("Ordered.")
    assert llm.asked()[-1]["content"] == '{"output": {"said": "5/visa"}}'
    assert await say(agent, InteractiveInput.reply_to(first, "L")) == answered("Paid.")
    assert llm.asked()[-1]["content"] == '{"output": {"said": "hat/L"}}'


async def test_a_streaming_end_is_told_as_a_text(llm: ModelServer) -> None:
    flow = Workflow(WorkflowConfig(metadata=WorkflowMetadata(id="order", name="order", version="1")))
    flow.set_start_comp("s", Start(), inputs_schema={"query": "${query}"})
    end = End({"responseTemplate": "<{{said}}>"})
    flow.set_end_comp("e", end, inputs_schema={"said": "${s.query}"}, response_mode="streaming")
    flow.add_connection("s", "e")
    llm.replies = [[calls(("order", {"query": "hat"}))], ["ok"]]
    await say(talking(llm.config(), flow), "go")
    assert llm.asked()[-1]["content"] == "<hat>"


@pytest.mark.parametrize(
    ("name", "arguments", "code"), [("nobody", "{}", 120000), ("plus", "{broken", 123005)], ids=["unknown", "broken"]
)
async def test_calls_that_cannot_be_run_are_errors_and_leave_the_conversation_whole(
    llm: ModelServer, name: str, arguments: str, code: int
) -> None:
    reply = calls((name, {}))
    reply["tool_calls"][0]["function"]["arguments"] = arguments
    llm.replies = [[reply], ["fine"]]
    agent = talking(llm.config(), plus())
    with pytest.raises(JiuWenBaseException) as caught:
        await say(agent, "go")
    assert caught.value.error_code == code
    assert await say(agent, "again") == answered("fine")
    assert told(llm.asked())[1:] == [("user", "go"), ("user", "again")]


async def test_a_model_that_never_answers_is_stopped(llm: ModelServer) -> None:
    agent = talking(llm.config(), LocalFunction("tick", "ticks", [], lambda: 1))
    agent.agent_config.constrain = ConstrainConfig(max_iteration=2)
    llm.replies = [[calls(("tick", {}))]]
    stopped = {"output": "Maximum iteration reached", "result_type": "error"}
    assert await say(agent, "go") == stopped
    assert len(llm.requests) == 2
    frames = [frame async for frame in agent.stream({"query": "go on"})]
    assert (frames[-1].type, frames[-1].payload) == ("answer", stopped)


async def test_queries_that_are_no_text(llm: ModelServer) -> None:
    agent = talking(llm.config())
    for given in ({}, {"query": None}, {"query": 5}):
        assert await agent.invoke({**given, "conversation_id": str(given)}) == answered("hi")
    assert [request["messages"][-1]["content"] for request in llm.requests] == ["", "", "5"]


async def test_another_prompt_template_counts_from_the_next_call_on(llm: ModelServer) -> None:
    agent = talking(llm.config())
    agent.set_prompt_template([{"role": "system", "content": "Only {{circles}}."}])
    await say(agent, "new")
    assert told(llm.asked()) == [("system", "Only {{circles}}."), ("user", "new")]


async def test_create_llm_agent_needs_no_lists(llm: ModelServer) -> None:
    config = talking(llm.config()).agent_config
    assert await say(create_llm_agent(config), "hello") == answered("hi")
    with_tool = create_llm_agent(config, None, [plus()])
    assert [tool.name for tool in with_tool.tools] == ["plus"]
