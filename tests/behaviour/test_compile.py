"""`compile()`: an ordinary LangGraph graph, with anybody's saver and inside anybody's graph."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

from jiuwen_lg import CustomSchema, JiuWenBaseException, OutputSchema
from tests.flows import Ask, Call, FailOnce, chain, parallel, workflow


def on(thread: str = "t") -> Any:
    return {"configurable": {"thread_id": thread}}


@pytest.fixture(params=["memory", "sqlite"])
async def saver(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Any]:
    if request.param == "memory":
        yield InMemorySaver()
    else:
        async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "theirs.db")) as saver:
            yield saver


async def test_its_input_is_inputs_and_its_output_result() -> None:
    graph = chain(("a", Call())).compile()
    assert await graph.ainvoke({"inputs": {"q": 1}}) == {"result": {"output": {"a": {"q": 1}}}}
    assert list(graph.get_input_jsonschema()["properties"]) == ["inputs"]
    assert list(graph.get_output_jsonschema()["properties"]) == ["result"]


@pytest.mark.parametrize("given", [{"q": 1}, {"inputs": 1}, {}, {"inputs": {}, "more": 1}, [1]])
async def test_an_input_of_another_shape_is_refused_not_dropped(given: Any) -> None:
    with pytest.raises(JiuWenBaseException, match=r"\{'inputs': "):
        await chain(("a", Call())).compile().ainvoke(given)


async def test_questions_are_interrupts_and_answers_resumes(saver: Any) -> None:
    graph = chain(("ask", Ask("a?", "b?"))).compile(saver)
    state = await graph.ainvoke({"inputs": {"q": 1}}, on())
    assert [i.value for i in state["__interrupt__"]] == [{"id": "ask", "index": 0, "value": "a?"}]
    state = await graph.ainvoke(Command(resume="A"), on())
    assert state["__interrupt__"][0].value["index"] == 1
    state = await graph.ainvoke(Command(resume={state["__interrupt__"][0].id: "B"}), on())
    assert state["result"]["output"]["ask"]["answers"] == ["A", "B"]


async def test_private_state_survives_a_question_with_any_saver(saver: Any) -> None:
    async def count(inputs: Any, runtime: Any) -> Any:
        runtime.update_state({"n": (runtime.get_state("n") or 0) + 1})
        await runtime.interact("a?")
        return {"n": runtime.get_state("n")}

    graph = chain(("ask", Call(count))).compile(saver)
    await graph.ainvoke({"inputs": {"q": 1}}, on())
    state = await graph.ainvoke(Command(resume="A"), on())
    assert state["result"]["output"]["ask"] == {"n": 1}


async def test_a_failed_component_is_run_again_and_the_others_are_not(saver: Any) -> None:
    first, broken = Call(), FailOnce()
    graph = chain(("first", first), ("broken", broken)).compile(saver)
    with pytest.raises(JiuWenBaseException, match="100005"):
        await graph.ainvoke({"inputs": {"q": 1}}, on())
    assert (await graph.ainvoke(None, on()))["result"]["output"]["broken"] == {"q": 1}
    assert (first.executions, broken.executions) == (1, 2)


async def test_a_second_run_on_a_thread_starts_clean(saver: Any) -> None:
    """LangGraph alone keeps state and half-filled joins of the first run (openJiuwen's Q-01)."""
    fail_on = {"a": "b", "b": "a"}

    def fail_if_asked(inputs: Any, runtime: Any) -> Any:
        runtime.update_global_state({"seen": inputs["q"]})
        runtime.update_state({"seen": inputs["q"]})
        if runtime.executable_id() == fail_on[inputs["q"]]:
            raise RuntimeError("skipped")
        return {"world": runtime.get_global_state("seen"), "own": runtime.get_state("seen")}

    joined = Call()
    flow = parallel(("a", Call(fail_if_asked)), ("b", Call(fail_if_asked)))
    flow.add_workflow_comp("join", joined, wait_for_all=True)
    flow.add_connection("a", "join").add_connection("b", "join")
    graph = flow.compile(saver)
    for side in ("a", "b"):
        with pytest.raises(JiuWenBaseException, match="skipped"):
            await graph.ainvoke({"inputs": {"q": side}}, on())
    values = (await graph.aget_state(on())).values
    assert joined.executions == 0
    assert values["inputs"] == {"q": "b"}
    assert values["world"] == {"seen": "b"}
    assert values["own"] == {"b": {"seen": "b"}}
    assert values["io"] == {"start": {"q": "b"}, "b": {"world": None, "own": None}}
    assert values["result"] is None


async def test_a_join_half_filled_by_an_earlier_run_does_not_fire() -> None:
    stop = [True]

    async def ask_first(inputs: Any, runtime: Any) -> Any:
        if stop[0]:
            await runtime.interact("wait")

    joined = Call()
    flow = workflow()
    flow.set_start_comp("s", Call())
    for name, component in {"fast": Call(), "slow": Call(ask_first)}.items():
        flow.add_workflow_comp(name, component).add_connection("s", name)
    flow.add_workflow_comp("more", Call()).add_connection("fast", "more")
    flow.add_workflow_comp("join", joined).add_connection(["fast", "slow"], "join")
    graph = flow.compile(InMemorySaver())
    await graph.ainvoke({"inputs": {}}, on())
    await graph.ainvoke({"inputs": {}}, on())
    assert joined.executions == 0
    await graph.ainvoke(Command(resume="go"), on())
    assert joined.executions == 1


def test_a_synchronous_caller_is_served() -> None:
    graph = chain(("ask", Ask()), ("a", Call())).compile(InMemorySaver())
    assert graph.invoke({"inputs": {"q": 1}}, on())["__interrupt__"][0].value["value"] == "ok?"
    assert graph.invoke(Command(resume="yes"), on())["result"]["output"]["ask"]["answer"] == "yes"
    assert [s["result"] for s in graph.batch([{"inputs": {"q": n}} for n in range(3)], [on(f"{n}") for n in range(3)])]


async def test_a_synchronous_caller_is_served_inside_a_running_loop() -> None:
    graph = chain(("a", Call())).compile()
    assert graph.invoke({"inputs": {"q": 1}}) == {"result": {"output": {"a": {"q": 1}}}}


def test_a_saver_with_synchronous_methods_only_is_served(tmp_path: Path) -> None:
    async def count(inputs: Any, runtime: Any) -> Any:
        runtime.update_state({"n": (runtime.get_state("n") or 0) + 1})
        await runtime.interact("a?")
        return {"n": runtime.get_state("n")}

    connection = sqlite3.connect(tmp_path / "theirs.db", check_same_thread=False)
    graph = chain(("ask", Call(count))).compile(SqliteSaver(connection))
    graph.invoke({"inputs": {"q": 1}}, on())
    assert graph.invoke(Command(resume="A"), on())["result"]["output"]["ask"] == {"n": 1}
    connection.close()


async def test_every_step_is_durable_unless_the_caller_says_otherwise(saver: Any) -> None:
    graph = chain(("a", Call()), ("b", Ask())).compile(saver).with_config(tags=["copied"])
    for thread, options, checkpoints in [("sync", {}, 4), ("exit", {"durability": "exit"}, 1)]:
        await graph.ainvoke({"inputs": {"q": 1}}, on(thread), **options)
        history = [c async for c in graph.aget_state_history(on(thread)) if c.metadata["step"] >= -1]
        assert len(history) == checkpoints
        assert sorted(history[0].values["io"]) == ["a", "start"]


async def test_frames_are_custom_chunks_for_a_langgraph_reader() -> None:
    async def write(inputs: Any, runtime: Any) -> Any:
        await runtime.write_stream({"type": "note", "index": 0, "payload": 1})
        await runtime.write_custom_stream({"progress": 1})

    graph = chain(("write", Call(write))).compile()
    chunks = [c async for c in graph.astream({"inputs": {"q": 1}}, on(), stream_mode="custom")]
    assert chunks == [OutputSchema(type="note", index=0, payload=1), CustomSchema(progress=1)]


async def test_the_session_of_a_compiled_graph_is_its_thread() -> None:
    graph = chain(("a", Call(lambda i, r: r.session_id()))).compile()
    assert (await graph.ainvoke({"inputs": {"q": 1}}, on("my-thread")))["result"]["output"]["a"] == "my-thread"


class Outer(TypedDict):
    inputs: dict[str, Any]
    result: Any


async def test_it_is_a_subgraph_of_the_users_graph(saver: Any) -> None:
    async def count(inputs: Any, runtime: Any) -> Any:
        runtime.update_state({"n": (runtime.get_state("n") or 0) + 1})
        return [await runtime.interact("a?"), await runtime.interact("b?"), runtime.get_state("n")]

    outer: Any = StateGraph(Outer)
    outer.add_node("ours", chain(("ask", Call(count))).compile())
    outer.add_edge(START, "ours").add_edge("ours", END)
    graph = outer.compile(saver)
    state = await graph.ainvoke({"inputs": {"q": 1}}, on())
    assert state["__interrupt__"][0].value["value"] == "a?"
    await graph.ainvoke(Command(resume="A"), on())
    state = await graph.ainvoke(Command(resume="B"), on())
    assert state["result"]["output"]["ask"] == ["A", "B", 2]
    assert "ask" in str(graph.get_graph(xray=True).draw_mermaid())


async def test_every_component_execution_is_one_langgraph_task() -> None:
    graph = chain(*((f"n{n}", Call()) for n in range(5))).compile()
    tasks = [t async for t in graph.astream({"inputs": {"q": 1}}, on(), stream_mode="tasks")]
    started = [t["name"] for t in tasks if "input" in t]
    assert started == ["start", "n0", "n1", "n2", "n3", "n4", "end"]


class Conversation(TypedDict, total=False):
    inputs: dict[str, Any]
    result: Any
    messages: list[str]


async def test_as_a_node_it_takes_inputs_and_gives_result_run_after_run(saver: Any) -> None:
    outer: Any = StateGraph(Conversation)
    outer.add_node("ours", chain(("a", Call())).compile())
    outer.add_edge(START, "ours").add_edge("ours", END)
    graph = outer.compile(saver)
    for number in range(2):
        state = await graph.ainvoke({"inputs": {"q": number}, "messages": ["hi"]}, on())
        assert state["result"] == {"output": {"a": {"q": number}}}
        assert state["messages"] == ["hi"]


async def test_what_a_question_carries_is_not_shown(saver: Any) -> None:
    async def remember(inputs: Any, runtime: Any) -> Any:
        runtime.update_state({"secret": 1})
        return await runtime.interact("a?")

    graph = chain(("ask", Call(remember))).compile(saver)
    state = await graph.ainvoke({"inputs": {"q": 1}}, on())
    assert state["__interrupt__"][0].value == {"id": "ask", "index": 0, "value": "a?"}
    async for mode, chunk in graph.astream(None, on(), stream_mode=["values", "updates"]):
        assert "secret" not in repr(chunk.get("__interrupt__")), mode


@pytest.mark.parametrize("parallel_inside", [False, True])
def test_synchronous_graphs_may_call_each_other(parallel_inside: bool) -> None:
    innermost = (parallel if parallel_inside else chain)(("a", Call()), ("b", Call())).compile()
    inner = chain(("call", Call(lambda i, r: innermost.invoke({"inputs": {"q": i["q"]}})["result"]))).compile()
    outer = chain(("call", Call(lambda i, r: inner.invoke({"inputs": {"q": i["q"]}})["result"]))).compile()
    result = outer.invoke({"inputs": {"q": 5}})["result"]
    assert result["output"]["call"]["output"]["call"]["output"]["a"] == {"q": 5}
