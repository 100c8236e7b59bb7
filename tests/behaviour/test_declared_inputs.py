"""Declared inputs: enforced where others call a workflow, not by `invoke` unless it is asked to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.graph import END, START, StateGraph
from langgraph.prebuilt import ToolNode
from pydantic import BaseModel, Field, ValidationError

from jiuwen_lg import (
    End,
    JiuWenBaseException,
    Start,
    Workflow,
    WorkflowConfig,
    WorkflowInputsSchema,
    WorkflowMetadata,
)


class Kind(StrEnum):
    """What is paid for."""

    TRAVEL = "travel"
    BOOKS = "books"


class Payee(BaseModel):
    """Somebody with an account."""

    name: str = Field(min_length=2)


class Payment(BaseModel):
    """The inputs as a pydantic model."""

    amount: int = Field(gt=0, le=1000)
    to: Payee
    kind: Kind = Kind.TRAVEL
    note: str | None = None


AS_DICT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "amount": {"type": "integer", "exclusiveMinimum": 0, "maximum": 1000},
        "to": {"type": "object", "properties": {"name": {"type": "string", "minLength": 2}}, "required": ["name"]},
        "kind": {"enum": ["travel", "books"]},
        "note": {"type": ["string", "null"]},
    },
    "required": ["amount", "to"],
    "additionalProperties": False,
}
SCHEMAS: dict[str, Any] = {"model": Payment, "dict": AS_DICT, "schema": WorkflowInputsSchema(**AS_DICT)}
GOOD = {"amount": 5, "to": {"name": "Li"}}
FITS = [GOOD, {**GOOD, "note": None}, {**GOOD, "kind": "books"}, {**GOOD, "amount": 1000}]
FAULTS: list[tuple[dict[str, Any], str]] = [
    ({}, "'amount' is a required property"),
    ({"amount": 5}, "'to' is a required property"),
    ({"amount": 5, "to": None}, "'to' is a required property"),
    ({**GOOD, "amount": "much"}, "amount: 'much' is not of type 'integer'"),
    ({**GOOD, "amount": True}, "amount: True is not of type 'integer'"),
    ({**GOOD, "amount": 0}, "amount: 0 is less than or equal to the minimum of 0"),
    ({**GOOD, "amount": 1001}, "amount: 1001 is greater than the maximum of 1000"),
    ({**GOOD, "to": {}}, "to: 'name' is a required property"),
    ({**GOOD, "to": {"name": "L"}}, "to.name: 'L' is too short"),
    ({**GOOD, "kind": "food"}, "kind: 'food' is not one of"),
]


def pay(schema: Any, **config: Any) -> Workflow:
    metadata = WorkflowMetadata(id="pay", name="pay", description="Pays.")
    flow = Workflow(WorkflowConfig(metadata=metadata, workflow_inputs_schema=schema, **config))
    flow.set_start_comp("start", Start(), inputs_schema={"amount": "${amount}", "to": "${to}"})
    flow.set_end_comp("end", End(), inputs_schema={"paid": "${start.amount}", "to": "${start.to}"})
    return flow.add_connection("start", "end")


class Outer(TypedDict, total=False):
    """The state of a graph of others."""

    inputs: Any
    result: Any


def in_a_graph(node: Any) -> Any:
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(Outer)
    builder.add_node("pay", node)
    builder.add_edge(START, "pay")
    builder.add_edge("pay", END)
    return builder.compile()


async def as_node(flow: Workflow, inputs: Any) -> Any:
    node = flow.as_node(inputs=lambda state: state["inputs"], result="result")
    return await in_a_graph(node).ainvoke({"inputs": inputs})


async def as_compiled_node(flow: Workflow, inputs: Any) -> Any:
    return await in_a_graph(flow.compile()).ainvoke({"inputs": inputs})


async def as_sync_graph(flow: Workflow, inputs: Any) -> Any:
    return flow.compile().invoke({"inputs": inputs})


async def as_stream(flow: Workflow, inputs: Any) -> Any:
    return [chunk async for chunk in flow.compile().astream({"inputs": inputs})]


DOORS: dict[str, Callable[[Workflow, Any], Awaitable[Any]]] = {
    "graph": lambda flow, inputs: flow.compile().ainvoke({"inputs": inputs}),
    "synchronous graph": as_sync_graph,
    "stream": as_stream,
    "runnable": lambda flow, inputs: flow.as_runnable().ainvoke(inputs),
    "node": as_node,
    "compiled node": as_compiled_node,
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("schema", SCHEMAS)
class TestDoors:
    """Every way in for others."""

    async def test_what_fits_comes_in(self, door: str, schema: str) -> None:
        for inputs in FITS:
            assert await DOORS[door](pay(SCHEMAS[schema]), inputs)

    async def test_what_does_not_is_refused_with_where_and_why(self, door: str, schema: str) -> None:
        for inputs, why in FAULTS:
            with pytest.raises(JiuWenBaseException, match=r"\[100100\]") as error:
                await DOORS[door](pay(SCHEMAS[schema]), inputs)
            assert why in error.value.message


@pytest.mark.parametrize("schema", SCHEMAS)
class TestTool:
    """A model that calls it wrongly is told."""

    def test_its_schema_is_the_declared_one(self, schema: str) -> None:
        found: Any = pay(SCHEMAS[schema]).as_tool().args_schema
        assert found["required"] == ["amount", "to"]
        assert found["properties"]["amount"]["maximum"] == 1000

    async def test_a_wrong_call_raises_as_other_tools_do(self, schema: str) -> None:
        tool = pay(SCHEMAS[schema]).as_tool()
        for inputs, why in FAULTS:
            with pytest.raises(ValidationError, match="pay") as error:
                await tool.ainvoke(inputs)
            assert why.rpartition(": ")[2] in str(error.value)
            with pytest.raises(ValidationError):
                tool.invoke({"name": "pay", "args": inputs, "id": "1", "type": "tool_call"})

    async def test_a_tool_node_hands_the_error_back_to_the_model(self, schema: str) -> None:
        node = in_a_graph_of_messages(ToolNode([pay(SCHEMAS[schema]).as_tool()]))
        for inputs, why in [*FAULTS, *((fit, "") for fit in FITS)]:
            call = AIMessage("", tool_calls=[{"name": "pay", "args": inputs, "id": "1", "type": "tool_call"}])
            (answer,) = [
                m for m in (await node.ainvoke({"messages": [call]}))["messages"] if isinstance(m, ToolMessage)
            ]
            assert answer.status == ("error" if why else "success")
            assert why.rpartition(": ")[2] in str(answer.content)


def in_a_graph_of_messages(node: Any) -> Any:
    from langgraph.graph import MessagesState

    builder: StateGraph[Any, Any, Any, Any] = StateGraph(MessagesState)
    builder.add_node("tools", node)
    builder.add_edge(START, "tools")
    builder.add_edge("tools", END)
    return builder.compile()


@pytest.mark.parametrize("schema", SCHEMAS)
class TestInvoke:
    """`invoke`, as openJiuwen's, takes what it gets unless the workflow says otherwise."""

    async def test_it_does_not_enforce_by_default(self, schema: str) -> None:
        assert (await pay(SCHEMAS[schema]).invoke({"amount": "much"})).result == {"output": {"paid": "much"}}

    async def test_it_does_when_it_is_told_to(self, schema: str) -> None:
        flow = pay(SCHEMAS[schema], validate_inputs=True)
        for inputs, why in FAULTS:
            with pytest.raises(JiuWenBaseException) as error:
                await flow.invoke(inputs)
            assert why in error.value.message
            with pytest.raises(JiuWenBaseException):
                [frame async for frame in flow.stream(inputs)]
        assert (await flow.invoke(GOOD)).result["output"]["paid"] == 5


async def test_a_declaration_that_is_no_schema_is_told() -> None:
    flow = pay({"properties": {"amount": {"type": "intger"}}})
    with pytest.raises(JiuWenBaseException, match="no JSON schema"):
        await flow.compile().ainvoke({"inputs": {"amount": 5}})


async def test_without_a_declaration_everything_comes_in() -> None:
    flow = pay(None)
    assert await flow.compile().ainvoke({"inputs": {"amount": object}})
    assert await flow.as_tool().ainvoke({"amount": "much", "more": 1})


async def test_many_faults_are_told_in_part() -> None:
    flow = pay({"properties": {f"n{n}": {"type": "integer"} for n in range(9)}})
    with pytest.raises(JiuWenBaseException, match="and 4 more"):
        await flow.compile().ainvoke({"inputs": {f"n{n}": "x" for n in range(9)}})
