"""Data that looks like a chat message is data: LangGraph must not give it ids or make messages of it."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from jiuwen_lg import (
    End,
    InteractiveInput,
    LoopComponent,
    LoopGroup,
    SimpleComponent,
    Start,
    SubWorkflowComponent,
    Workflow,
    WorkflowRuntime,
)
from tests.flows import turn

MESSAGES: list[Any] = [
    {"role": "user", "content": "hi"},
    {"type": "human", "content": "hi"},
    {"type": "tool"},
    {"role": "system", "n": 1},
    {"角色": "用户", "role": "assistant"},
    {"type": "ai", "content": [{"type": "text", "text": "你好"}]},
]


class Keeps(SimpleComponent):
    """Puts a value wherever a component can."""

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        runtime.update_state(inputs["m"])
        runtime.update_global_state(inputs["m"])
        if inputs.get("ask"):
            await runtime.interact(inputs["m"])
        return inputs["m"]


class Shows(SimpleComponent):
    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        return {**inputs, "world": {key: runtime.get_global_state(key) for key in inputs["m"]}}


class Last(SimpleComponent):
    """An end that gives the value itself."""

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        return inputs["m"]


def flow(*, ask: bool = False, end: Any = None, part: Any = None) -> Workflow:
    made = Workflow()
    made.set_start_comp("start", Start(), inputs_schema={"m": "${m}"})
    made.add_workflow_comp("keeps", part or Keeps(), inputs_schema={"m": "${start.m}", "ask": ask})
    made.add_workflow_comp("shows", Shows(), inputs_schema={"m": "${start.m}", "out": "${keeps}"})
    made.set_end_comp("end", end or End(), inputs_schema={"m": "${start.m}", "shown": "${shows}"})
    for edge in (("start", "keeps"), ("keeps", "shows"), ("shows", "end")):
        made.add_connection(*edge)
    return made


@pytest.mark.parametrize("message", MESSAGES)
class TestDataIsData:
    async def test_of_components_and_global_state(self, message: Any) -> None:
        done = (await turn(flow(), {"m": message})).result["output"]
        assert done["m"] == done["shown"]["out"] == message
        assert done["shown"]["world"] == message

    async def test_after_a_question(self, message: Any) -> None:
        asked = await turn(flow(ask=True), {"m": message})
        assert asked.result[0].payload.value == message
        done = (await turn(flow(ask=True), InteractiveInput(message))).result["output"]
        assert done["shown"]["out"] == done["shown"]["world"] == message

    async def test_of_a_workflows_own_inputs_and_result(self, message: Any) -> None:
        made = Workflow()
        made.set_start_comp("start", Start(), inputs_schema={key: f"${{{key}}}" for key in message})
        made.set_end_comp("end", Last(), inputs_schema={"m": "${start}"})
        made.add_connection("start", "end")
        assert (await turn(made, message)).result == message
        graph = made.compile(InMemorySaver())
        config: Any = {"configurable": {"thread_id": "1"}}
        assert (await graph.ainvoke({"inputs": message}, config))["result"] == message
        assert (await graph.aget_state(config)).values["inputs"] == message
        assert graph.invoke({"inputs": message}, {"configurable": {"thread_id": "2"}})["result"] == message

    async def test_in_a_sub_workflow_and_in_a_loop(self, message: Any) -> None:
        sub = (await turn(flow(part=SubWorkflowComponent(flow(end=Last()))), {"m": message})).result["output"]
        assert sub["shown"]["out"] == message
        assert sub["shown"]["world"] == message
        group = LoopGroup()
        group.add_workflow_comp("keeps", Keeps(), inputs_schema={"m": "${loop.item}"})
        group.start_nodes(["keeps"])
        group.end_nodes(["keeps"])
        made = Workflow()
        made.set_start_comp("start", Start(), inputs_schema={"m": "${m}"})
        loop = LoopComponent(group, {"got": "${keeps}"})
        items = {"loop_type": "array", "loop_array": {"item": "${start.m}"}}
        made.add_workflow_comp("loop", loop, inputs_schema=items)
        made.set_end_comp("end", End(), inputs_schema={"got": "${loop.got}"})
        made.add_connection("start", "loop")
        made.add_connection("loop", "end")
        done = await turn(made, {"m": [message, message]}, "l")
        assert done.result["output"]["got"] == [message, message]


async def test_a_conversations_state_too() -> None:
    from jiuwen_lg import TaskRuntime

    task: Any = TaskRuntime("s")
    runtime: Any = task.create_workflow_runtime()
    assert isinstance(runtime, WorkflowRuntime)
    done = await flow(ask=True).invoke({"m": MESSAGES[0]}, runtime)
    assert done.result[0].payload.value == MESSAGES[0]
    task.update_global_state({"type": "human", "content": "later"})
    done = await flow(ask=True).invoke(InteractiveInput("ok"), task.create_workflow_runtime())
    assert done.result["output"]["m"] == MESSAGES[0]
