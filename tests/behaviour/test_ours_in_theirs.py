"""Workflows inside LangChain and LangGraph apps: as a runnable, as nodes of a graph, as a tool of an agent."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langchain_core.tools import BaseTool
from langchain_tests.integration_tests import ToolsIntegrationTests
from langchain_tests.unit_tests import ToolsUnitTests
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command

from jiuwen_lg import (
    End,
    JiuWenBaseException,
    Start,
    Workflow,
    WorkflowConfig,
    WorkflowInputsSchema,
    WorkflowMetadata,
)
from tests.flows import Ask, Call

DECLARED = WorkflowInputsSchema(
    type="object", properties={"query": {"type": "string", "description": "what is asked"}}, required=["query"]
)


def echo(*components: tuple[str, Any], declared: bool = True, template: str | None = None) -> Workflow:
    """start → the components → end; it gives `said`, the query, and the answer of one that asks."""
    metadata = WorkflowMetadata(id="echo", name="echo", description="Says it again.")
    schema = DECLARED if declared else WorkflowInputsSchema()
    flow = Workflow(WorkflowConfig(metadata=metadata, workflow_inputs_schema=schema))
    flow.set_start_comp("start", Start(), inputs_schema={"query": "${query}"})
    before = "start"
    for id, component in components:
        flow.add_workflow_comp(id, component, inputs_schema={"query": "${start.query}"})
        flow.add_connection(before, id)
        before = id
    end = End({"responseTemplate": template}) if template else End()
    answer = {"answer": "${ask.answer}"} if before == "ask" else {}
    flow.set_end_comp("end", end, inputs_schema={"said": "${start.query}", **answer})
    return flow.add_connection(before, "end")


class State(TypedDict, total=False):
    question: str
    said: str
    answer: str
    whole: Any


def app() -> Any:
    """A user's graph: a node of theirs, three workflows of which the second asks, a node of theirs."""
    graph = StateGraph(State)
    graph.add_node("before", lambda state: {"question": f"[{state['question']}]"})
    graph.add_node("one", echo().as_node(inputs={"query": "question"}, result={"said": "output.said"}))
    graph.add_node("two", echo(("ask", Ask("sure?"))).as_node({"query": "said"}, lambda given: dict(given["output"])))
    graph.add_node("three", echo().as_node(lambda state: {"query": state["answer"]}, "whole"))
    graph.add_node("after", lambda state: {"question": state["question"] + "!"})
    nodes = [START, "before", "one", "two", "three", "after", END]
    for source, target in pairwise(nodes):
        graph.add_edge(source, target)
    return graph


DONE = {"question": "[hi]!", "said": "[hi]", "answer": "yes", "whole": {"output": {"said": "yes"}}}


class TestNode:
    def test_a_graph_with_three_workflows_pauses_in_the_second(self) -> None:
        graph = app().compile(InMemorySaver())
        config: RunnableConfig = {"configurable": {"thread_id": "1"}}
        paused = graph.invoke({"question": "hi"}, config)
        assert [i.value["value"] for i in paused["__interrupt__"]] == ["sure?"]
        assert graph.invoke(Command(resume="yes"), config) == DONE

    def test_another_process_answers_and_finishes(self, child_env: dict[str, str], tmp_path: Path) -> None:
        code = (
            "import sys\nfrom langgraph.checkpoint.sqlite import SqliteSaver\nfrom langgraph.types import Command\n"
            "from tests.behaviour.test_ours_in_theirs import app\n"
            "with SqliteSaver.from_conn_string('theirs.db') as saver:\n"
            "    given = Command(resume='yes') if sys.argv[1] == 'answer' else {'question': 'hi'}\n"
            "    print(app().compile(saver).invoke(given, {'configurable': {'thread_id': '1'}}))\n"
        )
        printed = [
            subprocess.run(
                [sys.executable, "-c", code, step],
                env=child_env,
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            for step in ("ask", "answer")
        ]
        assert "sure?" in printed[0]
        assert eval(printed[1]) == DONE

    async def test_events_states_and_drawings_open_it(self) -> None:
        graph = app().compile(InMemorySaver())
        config: RunnableConfig = {"configurable": {"thread_id": "1"}}
        names = {e["name"] async for e in graph.astream_events({"question": "hi"}, config, version="v2")}
        assert {"one", "start", "end", "ask"} <= names
        state = await graph.aget_state(config, subgraphs=True)
        assert state.next == ("two",)
        assert state.tasks[0].state.next == ("ask",)
        assert {"one:start", "two:ask", "three:end"} <= set(graph.get_graph(xray=True).nodes)

    def test_without_mappings_keys_of_the_same_names_count(self) -> None:
        class Same(TypedDict, total=False):
            query: str
            said: str

        graph = StateGraph(Same)
        graph.add_node("echo", echo().as_node())
        graph.add_edge(START, "echo")
        assert graph.compile().invoke({"query": "hi"}) == {"query": "hi", "said": "hi"}
        graph = StateGraph(Same)
        graph.add_node("echo", echo().as_node(["query"], {"said": "output.said"}))
        graph.add_edge(START, "echo")
        assert graph.compile().invoke({"query": "hi"}) == {"query": "hi", "said": "hi"}


class TestRunnable:
    def test_plain_dicts_in_a_chain(self) -> None:
        chain = RunnableLambda(lambda text: {"query": text}) | echo().as_runnable() | (lambda r: r["output"]["said"])
        assert chain.invoke("hi") == "hi"
        assert chain.batch([str(n) for n in range(100)]) == [str(n) for n in range(100)]

    async def test_asynchronously_and_streamed(self) -> None:
        runnable = echo(template="<{{said}}>").as_runnable()
        assert await runnable.ainvoke({"query": "hi"}) == {"responseContent": "<hi>"}
        assert await runnable.abatch([{"query": str(n)} for n in range(100)]) == [
            {"responseContent": f"<{n}>"} for n in range(100)
        ]
        assert [part async for part in runnable.astream({"query": "hi"})][-1] == {"responseContent": "<hi>"}
        kinds = {(e["event"], e["name"]) async for e in runnable.astream_events({"query": "hi"}, version="v2")}
        assert ("on_chain_end", "echo") in kinds

    def test_it_asks_where_it_can_save(self) -> None:
        runnable = echo(("ask", Ask("sure?"))).as_runnable(InMemorySaver())
        config: RunnableConfig = {"configurable": {"thread_id": "1"}}
        (question,) = runnable.invoke({"query": "hi"}, config)["__interrupt__"]
        assert question.value["value"] == "sure?"
        assert runnable.invoke(Command(resume="yes"), config) == {"output": {"said": "hi", "answer": "yes"}}

    def test_its_schema_is_that_of_the_inputs(self) -> None:
        schema = echo().as_runnable().get_input_jsonschema()
        assert (schema["properties"], schema["required"]) == (DECLARED.properties, ["query"])
        assert echo().compile().get_input_jsonschema()["properties"]["inputs"]["required"] == ["query"]
        undeclared = echo(declared=False).as_runnable().get_input_jsonschema()
        assert undeclared["properties"] == {"query": {}}


def agent(tool: BaseTool, saver: Any) -> Any:
    """An agent that calls its tool once, with what it was told, and says what it gave."""

    def model(state: MessagesState) -> Any:
        last = state["messages"][-1]
        if isinstance(last, HumanMessage):
            call = {"name": tool.name, "args": {"query": last.content}, "id": "c1", "type": "tool_call"}
            return {"messages": [AIMessage("", tool_calls=[call])]}  # type: ignore[list-item]
        return {"messages": [AIMessage(f"it gave {last.content}")]}

    graph = StateGraph(MessagesState)
    graph.add_node("model", model)
    graph.add_node("tools", ToolNode([tool]))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", lambda s: "tools" if s["messages"][-1].tool_calls else END)
    graph.add_edge("tools", "model")
    return graph.compile(saver)


class TestTool:
    def test_what_a_model_is_told(self) -> None:
        tool = echo().as_tool()
        assert (tool.name, tool.description) == ("echo", "Says it again.")
        assert tool.args == DECLARED.properties
        assert tool.invoke({"query": "hi"}) == {"output": {"said": "hi"}}
        other = echo(declared=False).as_tool("other", "Another.")
        assert (other.name, other.description, other.args) == ("other", "Another.", {"query": {}})

    def test_a_name_that_no_model_may_call_is_refused(self) -> None:
        with pytest.raises(JiuWenBaseException, match="as_tool"):
            echo().as_tool("回声")

    async def test_a_question_in_it_pauses_the_agent(self) -> None:
        runs = Call(lambda inputs, runtime: None)
        saver = InMemorySaver()
        config: RunnableConfig = {"configurable": {"thread_id": "1"}}
        tool = echo(("runs", runs), ("ask", Ask("sure?"))).as_tool()
        paused = await agent(tool, saver).ainvoke({"messages": [HumanMessage("hi")]}, config)
        assert [i.value["value"] for i in paused["__interrupt__"]] == ["sure?"]
        done = await agent(tool, saver).ainvoke(Command(resume="yes"), config)
        said = done["messages"][-1].content.removeprefix("it gave ")
        assert json.loads(said) == {"output": {"said": "hi", "answer": "yes"}}
        assert runs.executions == 1

    async def test_an_agent_calls_it_twice_at_once(self) -> None:
        tool = echo(("ask", Ask("sure?"))).as_tool()
        calls = [{"name": "echo", "args": {"query": q}, "id": q, "type": "tool_call"} for q in ("a", "b")]
        graph = StateGraph(MessagesState)
        graph.add_node("tools", ToolNode([tool]))
        graph.add_edge(START, "tools")
        compiled = graph.compile(InMemorySaver())
        config: RunnableConfig = {"configurable": {"thread_id": "1"}}
        paused = await compiled.ainvoke({"messages": [AIMessage("", tool_calls=calls)]}, config)  # type: ignore[arg-type]
        answers = {i.id: f"yes {n}" for n, i in enumerate(paused["__interrupt__"])}
        while paused.get("__interrupt__"):
            answers |= {i.id: answers.get(i.id, "yes") for i in paused["__interrupt__"]}
            paused = await compiled.ainvoke(Command(resume=answers), config)
        given = [json.loads(m.content)["output"] for m in paused["messages"][1:]]
        assert [g["said"] for g in given] == ["a", "b"]
        assert all(g["answer"].startswith("yes") for g in given)


class _Suite:
    @property
    def tool_constructor(self) -> Any:
        return echo().as_tool()

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        return {"query": "hi"}


class TestStandardUnit(_Suite, ToolsUnitTests):
    """LangChain's own suite for tools."""


class TestStandardIntegration(_Suite, ToolsIntegrationTests):
    """The part of it that calls them."""


def test_inputs_and_components_may_have_any_name_but_where_langchain_keeps_it() -> None:
    flow = Workflow(WorkflowConfig(metadata=WorkflowMetadata(id="w", name="w")))
    flow.set_start_comp("start", Start(), inputs_schema={"config": "${config}"})
    flow.set_end_comp("end", End(), inputs_schema={"config": "${start.config}"})
    flow.add_workflow_comp("result", Call(lambda i, r: {"io": "side"}))
    flow.add_connection("start", "end").add_connection("end", "result")
    with pytest.raises(JiuWenBaseException, match="give the input another name"):
        flow.as_tool()
    assert [*flow.as_runnable().stream({"config": "mine"})] == [{"output": {"config": "mine"}}]
