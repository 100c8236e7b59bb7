"""In LangGraph's and LangChain's hands: names, updates, schemas and explanations are theirs."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, interrupt

from jiuwen_lg import (
    InteractiveInput,
    JiuWenBaseException,
    SubWorkflowComponent,
    Workflow,
    WorkflowConfig,
    WorkflowMetadata,
    WorkflowRuntime,
)
from tests.flows import Ask, Call, chain, turn


def nested() -> Workflow:
    return chain(("sub", SubWorkflowComponent(chain(("x", Call())))), id="outer")


async def test_updates_of_what_is_inside_carry_its_outputs() -> None:
    found: dict[tuple[str, ...], Any] = {}
    graph = nested().compile(InMemorySaver())
    thread = {"configurable": {"thread_id": "1"}}
    async for namespace, update in graph.astream({"inputs": {"q": 1}}, thread, stream_mode="updates", subgraphs=True):
        found |= {(*(part.partition(":")[0] for part in namespace), id): value for id, value in update.items()}
    assert found["sub", "x"] == {"io": {"x": {"q": 1}}}
    assert found["sub", "start"] == {"io": {"start": {"q": 1}}}
    assert found["sub",]["io"] == {"sub": {"output": {"x": {"q": 1}}}}


async def test_a_missing_thread_is_explained_by_langgraph() -> None:
    graph = chain(("a", Call())).compile(InMemorySaver())
    with pytest.raises(ValueError, match="configurable.*thread_id"):
        await graph.ainvoke({"inputs": {"q": 1}})
    with pytest.raises(ValueError, match="configurable.*thread_id"):
        graph.invoke({"inputs": {"q": 1}})


async def test_langgraphs_interrupt_has_a_schema_too() -> None:
    """`interrupt(response_schema=...)` is `interact(schema=...)`: shown, stored, and refused where it does not fit."""

    async def count(inputs: Any) -> dict[str, Any]:
        return {"n": interrupt("how many?", response_schema={"type": "integer"})}

    flow = chain(("count", count), id="w")
    paused = await turn(flow, {"q": 1})
    assert paused.result[0].payload.answer_schema == {"type": "integer"}
    assert [p.output.answer_schema for p in await flow.pending("s")] == [{"type": "integer"}]
    with pytest.raises(JiuWenBaseException, match="'many' is not of type 'integer'"):
        await turn(flow, InteractiveInput("many"))
    assert (await turn(flow, InteractiveInput(3))).result == {"output": {"count": {"n": 3}}}


async def test_our_questions_show_their_schema_as_langgraphs_do() -> None:
    async def count(inputs: Any, runtime: Any) -> dict[str, Any]:
        return {"n": await runtime.interact("how many?", schema=int)}

    graph = chain(("count", count)).compile(InMemorySaver())
    thread: Any = {"configurable": {"thread_id": "1"}}
    (asked,) = (await graph.ainvoke({"inputs": {"q": 1}}, thread))["__interrupt__"]
    assert asked.response_schema == {"type": "integer"}
    (again,) = (await graph.aget_state(thread)).interrupts
    assert again.response_schema == {"type": "integer"}
    done = await graph.ainvoke(Command(resume={asked.id: 3}), thread)
    assert done["result"] == {"output": {"count": {"n": 3}}}


class Runs(BaseCallbackHandler):
    """Keeps what it is told of the runs that begin."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, Any]] = []

    def on_chain_start(self, serialized: Any, inputs: Any, **kwargs: Any) -> None:
        self.begun.append((kwargs.get("name", ""), kwargs.get("metadata") or {}))


async def test_traces_have_the_workflows_name_and_the_session() -> None:
    flow = Workflow(WorkflowConfig(metadata=WorkflowMetadata(id="press", name="Press release")))
    flow.set_start_comp("start", Call(), inputs_schema={}).add_workflow_comp("ask", Ask("?"), inputs_schema={})
    flow.add_connection("start", "ask")
    runs = Runs()
    await flow.invoke({}, WorkflowRuntime(session_id="s", config={"callbacks": [runs]}))
    name, metadata = runs.begun[0]
    assert (name, metadata["session_id"]) == ("Press release", "s")
    assert {"start", "ask"} <= {name for name, _ in runs.begun}
    assert all(metadata["session_id"] == "s" for _, metadata in runs.begun)
