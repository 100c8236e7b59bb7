"""Keys of data with dots and brackets, on every way that data takes through a workflow."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from jiuwen_lg import (
    BranchRouter,
    ComponentAbility,
    End,
    InteractiveInput,
    LLMCompConfig,
    LLMComponent,
    LoopComponent,
    LoopGroup,
    SetVariableComponent,
    SimpleComponent,
    Start,
    SubWorkflowComponent,
    ToolComponent,
    Workflow,
    tool,
)
from jiuwen_lg.testing import ScriptedChatModel
from tests.flows import Ask, Call, chain, turn, workflow

DATA: dict[str, Any] = {
    "Price [USD]": 5,
    "Price [EUR]": 4,
    "filter[name]": "Li",
    "filter[age]": 3,
    "tags[]": ["a", "b"],
    "Test 2.0": ["x"],
    "Test 2": ["y"],
    "a.b": 1,
    "a": {"c": 2},
    "rows": [{"Len [m]": 1.5, "Len [ft]": 4.9}],
    "": 0,
    ".": 1,
    "[0]": 2,
    "汇率 [元]": 7.1,
}


class Frames(SimpleComponent):
    """Gives the data as one frame, and as an output."""

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        return DATA

    async def stream(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
        yield DATA

    async def transform(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
        async for item in inputs["data"]:
            yield {"data": item}

    async def collect(self, inputs: Any, runtime: Any, context: Any) -> Any:
        return await anext(inputs["data"])


@tool
def service() -> dict[str, Any]:
    """Answer like a service."""
    return DATA


def model() -> LLMComponent:
    reply = ScriptedChatModel(json.dumps({"data": DATA}))
    return LLMComponent(
        LLMCompConfig(
            model=reply,
            template_content=[{"role": "user", "content": "?"}],
            response_format={"type": "json"},
            output_config={"data": {"type": "object"}},
        )
    )


def inner(component: Any) -> SubWorkflowComponent:
    return SubWorkflowComponent(chain(("x", component)))


def loop() -> LoopComponent:
    body = LoopGroup().add_workflow_comp("x", Call(lambda i, r: i["row"]), inputs_schema={"row": "${c.row}"})
    return LoopComponent(body.start_nodes(["x"]).end_nodes(["x"]), {"rows": "${x}"})


async def through(component: Any, path: str = "", schema: Any = None) -> Any:
    flow = workflow().set_start_comp("start", Start(), inputs_schema={"q": "${q}", "data": "${data}"})
    flow.add_workflow_comp("c", component, inputs_schema={"data": "${start.data}"} if schema is None else schema)
    flow.set_end_comp("end", End(), inputs_schema={"data": f"${{c{path}}}"})
    flow.add_connection("start", "c").add_connection("c", "end")
    return (await turn(flow, {"q": 1, "data": DATA})).result["output"]["data"]


WAYS: Mapping[str, Any] = {
    "an output": lambda: through(Call(lambda i, r: DATA)),
    "an input": lambda: through(Call(lambda i, r: i["data"])),
    "a sub-workflow": lambda: through(inner(Call(lambda i, r: DATA)), ".output.x"),
    "a tool": lambda: through(ToolComponent().bind_tool(service), ".data", {}),
    "a loop": lambda: through(loop(), ".rows[0]", {"loop_type": "array", "loop_array": {"row": [DATA]}}),
}


@pytest.mark.parametrize("way", WAYS)
async def test_data_comes_out_as_it_went_in(way: str) -> None:
    assert await WAYS[way]() == DATA


async def test_a_models_json() -> None:
    assert await through(model(), ".data", {}) == DATA


async def test_an_answer() -> None:
    flow = chain(("ask", Ask("?")))
    await turn(flow, {"q": 1})
    assert (await turn(flow, InteractiveInput(DATA))).result["output"]["ask"]["answer"] == DATA


async def test_the_state() -> None:
    async def write(inputs: Any, runtime: Any) -> Any:
        if not runtime.get_state("seen"):
            for key in ("Price [USD]", "filter[name]", "filter[age]", "tags[]"):
                runtime.update_state({key: DATA[key]})
            runtime.update_state({"seen": DATA})
        await runtime.interact("?")
        for key in ("Price [USD]", "filter[name]", "filter[age]", "tags[]"):
            runtime.update_global_state({key: DATA[key]})
        keys = ("Price [USD]", "filter[name]", "filter[age]", "tags[]", "seen")
        return [runtime.get_state(key) for key in keys]

    async def read(inputs: Any, runtime: Any) -> Any:
        return [runtime.get_global_state(key) for key in ("Price [USD]", "filter[name]", "filter[age]", "tags[]")]

    flow = chain(("write", Call(write)), ("read", Call(read)))
    await turn(flow, {"q": 1})
    found = (await turn(flow, InteractiveInput("yes"))).result["output"]
    assert found == {"write": [5, "Li", 3, ["a", "b"], DATA], "read": [5, "Li", 3, ["a", "b"]]}


@pytest.mark.parametrize("key", [key for key in DATA if key])
async def test_a_quoted_key_reaches_each(key: str) -> None:
    assert await through(Call(lambda i, r: DATA), f"['{key}']") == DATA[key]


@pytest.mark.parametrize("key", [key for key in DATA if key not in ("", ".", "[0]")])
async def test_so_does_the_key_as_it_is_written(key: str) -> None:
    assert await through(Call(lambda i, r: DATA), f".{key}") == DATA[key]


async def test_frames() -> None:
    flow = workflow().set_start_comp("start", Start(), inputs_schema={})
    flow.add_workflow_comp("s", Frames(), inputs_schema={}, comp_ability=[ComponentAbility.STREAM])
    schema = {"data": "${s}", "usd": "${s.Price [USD]}", "eur": "${s['Price [EUR]']}"}
    flow.set_end_comp("end", End(), stream_inputs_schema=schema)
    flow.add_connection("start", "s").add_stream_connection("s", "end")
    found = (await turn(flow, {})).result
    assert found == {"output": [{"data": DATA}, {"usd": 5}, {"eur": 4}]} or found["collect_output"] == [
        {"data": DATA},
        {"usd": 5},
        {"eur": 4},
    ]


async def test_a_template_and_a_condition() -> None:
    flow = Workflow().set_start_comp("start", Start(), inputs_schema={"d": "${d}"})
    for id in ("dear", "cheap"):
        flow.add_workflow_comp(id, Call(lambda i, r: DATA), inputs_schema={})
    template = {"responseTemplate": "{{d.Price [USD]}} {{d['Test 2.0']}} {{d.a.b}}"}
    flow.set_end_comp("end", End(template), inputs_schema={"d": "${cheap}"})
    flow.add_connection("dear", "end")
    router = BranchRouter()
    router.add_branch("${start.d['Price [USD]']} > 4", ["cheap"], "b")
    router.add_branch("${start.d.Price [USD]} < 4", ["dear"], "a")
    flow.add_conditional_connection("start", router)
    flow.add_connection("cheap", "end")
    assert (await turn(flow, {"d": DATA})).result == {"responseContent": "5 ['x'] 1"}


async def test_loop_variables() -> None:
    body = LoopGroup().add_workflow_comp(
        "x", Call(lambda i, r: i), inputs_schema={"v": "${c.Price [USD]}", "w": "${c['a.b']}"}
    )
    body.add_workflow_comp("set", SetVariableComponent({"${c['Price [USD]']}": "${x.w}"}))
    body.add_connection("x", "set").start_nodes(["x"]).end_nodes(["set"])
    first = {"Price [USD]": 1, "a.b": 2, "a": 3}
    schema = {"loop_type": "number", "loop_number": 2, "intermediate_var": first}
    assert await through(LoopComponent(body, {"rows": "${x}"}), ".rows", schema) == [{"v": 1, "w": 2}, {"v": 2, "w": 2}]
