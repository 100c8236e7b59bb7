"""Groups of agents: `agents.md` 9, and the defects R-14, R-15 and R-28."""

from __future__ import annotations

from typing import Any

import pytest

from jiuwen_lg import (
    AgentConfig,
    AgentGroupConfig,
    BaseAgent,
    BaseController,
    BaseGroupController,
    ControllerAgent,
    ControllerGroup,
    HierarchicalGroup,
    HierarchicalGroupConfig,
    HierarchicalMainController,
    InteractiveInput,
    JiuWenBaseException,
    Message,
    Runner,
    WorkflowAgent,
    WorkflowAgentConfig,
)
from jiuwen_lg.testing import ModelServer
from tests.agents.tools import one_step, order
from tests.flows import Call


class Plain(BaseAgent):
    """Yields what it is given."""

    async def invoke(self, inputs: Any, runtime: Any = None) -> Any:
        raise AssertionError("a group streams")

    async def stream(self, inputs: Any, runtime: Any = None) -> Any:
        yield {"first": 1}
        yield {"given": inputs}


def worker(id: str, description: str, flow: Any = None) -> WorkflowAgent:
    agent = WorkflowAgent(WorkflowAgentConfig(id=id, description=description))
    does = Call(lambda inputs, runtime: {"answer": f"{id}: {inputs['query']}"})
    agent.add_workflows([flow or one_step(f"{id}_flow", "n", does)])
    return agent


def bank(model: Any) -> HierarchicalGroup:
    group = HierarchicalGroup(HierarchicalGroupConfig(group_id="bank", leader_agent_id="leader"))
    config = AgentConfig(id="leader", description="routes", model=model)
    group.add_agent("leader", ControllerAgent(config, HierarchicalMainController()))
    group.add_agent("pay", worker("pay", "pays bills"))
    group.add_agent("save", worker("save", "saves money"))
    group.add_agent("ask", worker("ask", "asks back", order("Which account?", "ask_flow", "account")))
    group.add_agent("plain", Plain(AgentConfig(id="plain")))
    return group


def said(result: Any) -> Any:
    return result["output"].result["output"]["said"]


def message(text: Any, conversation: str = "c", **fields: Any) -> Message:
    made = Message.create_user_message(text, conversation, "ann", {"extension": 1})
    for name, value in fields.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    ("reply", "chosen"),
    [
        ('{"result": 2}', "save"),
        ('```json\n{"result": "2"}\n```', "save"),
        ("{}", "pay"),
        ("who?", "pay"),
        (500, "pay"),
    ],
)
async def test_the_leaders_model_chooses(llm: ModelServer, reply: Any, chosen: str) -> None:
    llm.replies = [reply]
    assert said(await bank(llm.config()).invoke(message("ten euros"))) == f"{chosen}: ten euros"
    assert len(llm.requests) == 1


async def test_a_leader_without_a_model_takes_the_first() -> None:
    assert said(await bank(None).invoke({"query": "x", "conversation_id": "c"})) == "pay: x"


async def test_a_receiver_gets_it_and_what_it_yields_last_is_the_result(llm: ModelServer) -> None:
    result = await bank(llm.config()).invoke(message("direct", receiver_id="plain"))
    assert result == {"given": {"query": "direct", "conversation_id": "c", "user_id": "ann"}}
    assert llm.requests == []


async def test_subscribers_get_it_in_order(llm: ModelServer) -> None:
    group = bank(llm.config())
    group.group_controller.subscribe("all", ["save", "pay", "save"])
    results = await group.invoke(message("to all", message_type="all"))
    assert [said(result) for result in results] == ["save: to all", "pay: to all"]
    group.group_controller.unsubscribe("all", ["save"])
    assert said(await group.invoke(message("to one", message_type="all"))) == "pay: to one"
    assert (group.group_controller.get_subscribers("all"), group.group_controller.get_subscribers("x")) == (["pay"], [])


@pytest.mark.parametrize("kind", ["text", "answer", "receiver"])
async def test_a_question_is_answered_through_the_group(llm: ModelServer, kind: str) -> None:
    llm.replies = ['{"result": 3}']
    (asked,) = await bank(llm.config()).invoke(message("balance"))
    assert asked.payload.value == "Which account?"
    given = InteractiveInput.reply_to(asked, "mine") if kind == "answer" else "mine"
    receiver = {"receiver_id": "ask"} if kind == "receiver" else {}
    assert said(await bank(llm.config()).invoke(message(given, **receiver))) == "balance/mine"
    assert len(llm.requests) == 1
    assert await Runner.pending() == []


async def test_the_stream_has_the_leaders_call_and_the_workers_frames(llm: ModelServer) -> None:
    llm.replies = ['{"result": 1}']
    frames = [frame async for frame in bank(llm.config()).stream(message("streamed"))]
    assert [frame.type for frame in frames[:3]] == ["tracer_agent", "tracer_agent", "tracer_workflow"]
    assert frames[-1].type == "workflow_final"
    assert said(frames[-1].payload) == "pay: streamed"


async def test_an_error_of_a_worker_leaves_the_group(llm: ModelServer) -> None:
    def broken(inputs: Any, runtime: Any) -> Any:
        raise RuntimeError("no power")

    group = bank(None)
    group.add_agent("broken", worker("broken", "fails", one_step("b", "n", Call(broken))))
    for call in (
        group.invoke(message("x", receiver_id="broken")),
        _all(group, message("x", "d", receiver_id="broken")),
    ):
        with pytest.raises(JiuWenBaseException, match="no power"):
            await call


async def _all(group: Any, given: Any) -> Any:
    return [frame async for frame in group.stream(given)]


async def test_refusals(llm: ModelServer) -> None:
    group = bank(llm.config())
    with pytest.raises(JiuWenBaseException, match="132000"):
        group.add_agent("pay", worker("pay", ""))
    with pytest.raises(JiuWenBaseException, match="132001"):
        HierarchicalGroupConfig(group_id="g")
    small = HierarchicalGroup(HierarchicalGroupConfig(group_id="g", leader_agent_id="l", max_agents=1))
    with pytest.raises(JiuWenBaseException, match="132001"):
        await small.invoke(message("x"))
    small.add_agent("l", group.get_leader_agent())
    with pytest.raises(JiuWenBaseException, match="132000"):
        small.add_agent("m", worker("m", ""))
    with pytest.raises(JiuWenBaseException, match="no workers"):
        await small.invoke(message("x"))
    with pytest.raises(JiuWenBaseException, match="there is no agent 'nobody'"):
        await group.invoke(message("x", receiver_id="nobody"))
    with pytest.raises(JiuWenBaseException, match="132002"):
        await group.invoke("just a text")


async def test_an_agent_in_two_groups_answers_in_both(llm: ModelServer) -> None:
    llm.replies = ['{"result": 1}']
    first, second = bank(llm.config()), bank(llm.config())
    second.agents["leader"] = first.agents["leader"]
    second.agents["leader"].controller.set_group(second)
    first.agents["pay"] = worker("other", "pays")
    assert said(await first.invoke(message("x"))) == "other: x"
    assert said(await second.invoke(message("x", "d"))) == "pay: x"


class Relay(BaseController):
    """Sends each message on."""

    async def handle_message(self, message: Message, runtime: Any) -> Any:
        message.message_type = "news"
        return [await self.send_to_agent("b", message, runtime), *await self.publish(message, runtime)]


class First(BaseGroupController):
    """Gives everything to one agent, and writes a frame."""

    async def handle_message(self, message: Message, runtime: Any) -> Any:
        await runtime.write_stream({"type": "own", "index": 0, "payload": runtime.session_id()})
        return await self.send_to_agent(message, "a", runtime)


async def test_controllers_of_ones_own() -> None:
    group = ControllerGroup(AgentGroupConfig("g"), First())
    group.add_agent("a", ControllerAgent(AgentConfig(id="a"), Relay()))
    group.add_agent("b", worker("b", ""))
    group.group_controller.subscribe("news", ["b"])
    results = await group.invoke(message("hi", receiver_id="b"))
    assert [said(result) for result in results] == ["b: hi", "b: hi"]
    frames = await _all(group, message("hi", "d"))
    assert (frames[0].type, frames[0].payload) == ("own", "d")


async def test_without_a_controller_nobody_is_responsible() -> None:
    group = ControllerGroup(AgentGroupConfig("g"))
    group.add_agent("b", worker("b", ""))
    assert said(await group.invoke(message("hi", receiver_id="b"))) == "b: hi"
    with pytest.raises(JiuWenBaseException, match="132002"):
        await group.invoke(message("hi"))


async def test_the_runner_has_groups() -> None:
    group = bank(None)
    await Runner.add_agent_group("bank", group)
    assert said(await Runner.run_agent_group("bank", message("x"))) == "pay: x"
    frames = [frame async for frame in Runner.run_agent_group_streaming(group, message("y", "d"))]
    assert frames[-1].type == "workflow_final"
    assert await Runner.remove_agent_group("bank") is group
    assert await Runner.remove_agent_group("bank") is None
    for call, code in (
        (Runner.run_agent_group("bank", message("x")), 190041),
        (Runner.add_agent_group("", group), 190040),
        (Runner.remove_agent_group(""), 190042),
    ):
        with pytest.raises(JiuWenBaseException) as caught:
            await call
        assert caught.value.error_code == code
