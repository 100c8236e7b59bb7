"""Private state travels with a question and is seen nowhere: every stream mode, version, call and depth."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Interrupt

from jiuwen_lg import End, SimpleComponent, Start, SubWorkflowComponent, Workflow
from jiuwen_lg.engine.pregel.interrupt_views import map_chunk

SECRET = "kept-between-executions"
MODES = ["values", "updates", "tasks", "debug", "checkpoints", "custom", "messages"]


class Asks(SimpleComponent):
    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        runtime.update_state({"draft": SECRET})
        answer = await runtime.interact("ok?")
        return {"answer": answer, "draft": runtime.get_state("draft")}


def graph(depth: int) -> Any:
    return flow(depth).compile(InMemorySaver())


def flow(depth: int) -> Workflow:
    asks = Asks() if depth == 1 else SubWorkflowComponent(flow(depth - 1))
    made = Workflow()
    made.set_start_comp("start", Start(), inputs_schema={"q": "${q}"})
    made.add_workflow_comp("ask", asks, inputs_schema={"q": "${start.q}"})
    made.set_end_comp("end", End(), inputs_schema={"r": "${ask}"})
    made.add_connection("start", "ask")
    made.add_connection("ask", "end")
    return made


def on(thread: str) -> Any:
    return {"configurable": {"thread_id": thread}}


GIVEN = {"inputs": {"q": 1}}


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("version", ["v1", "v2"])
class TestStreams:
    @pytest.mark.parametrize("mode", [*MODES, MODES], ids=[*MODES, "all"])
    @pytest.mark.parametrize("subgraphs", [False, True])
    async def test_no_chunk_shows_it(self, depth: int, version: Any, mode: Any, subgraphs: bool) -> None:
        made = graph(depth)
        chunks = [
            chunk
            async for chunk in made.astream(GIVEN, on("a"), stream_mode=mode, version=version, subgraphs=subgraphs)
        ]
        chunks += made.stream(GIVEN, on("s"), stream_mode=mode, version=version, subgraphs=subgraphs)
        assert SECRET not in repr(chunks)
        if mode in ("values", "updates", "tasks", "debug"):
            assert "ok?" in repr(chunks)

    async def test_no_result_shows_it(self, depth: int, version: Any) -> None:
        made = graph(depth)
        for shown in (
            await made.ainvoke(GIVEN, on("a"), version=version),
            made.invoke(GIVEN, on("s"), version=version),
        ):
            assert SECRET not in repr(shown)
            assert "ok?" in repr(shown)


@pytest.mark.parametrize("depth", [1, 2])
class TestStates:
    async def test_no_state_shows_it(self, depth: int) -> None:
        made = graph(depth)
        await made.ainvoke(GIVEN, on("a"))
        for subgraphs in (False, True):
            for state in (
                await made.aget_state(on("a"), subgraphs=subgraphs),
                made.get_state(on("a"), subgraphs=subgraphs),
            ):
                assert SECRET not in repr(state)
                assert [i.value["value"] for i in state.interrupts] == ["ok?"]
                assert [i.value["value"] for task in state.tasks for i in task.interrupts] == ["ok?"]
        history = [*made.get_state_history(on("a")), *[s async for s in made.aget_state_history(on("a"))]]
        assert SECRET not in repr(history)

    async def test_no_event_shows_it(self, depth: int) -> None:
        made = graph(depth)
        assert SECRET not in repr([e async for e in made.astream_events(GIVEN, on("a"), version="v2")])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the third version is announced as experimental
            run = await made.astream_events(GIVEN, on("b"), version="v3")
            assert SECRET not in repr([event async for event in run])

    async def test_the_component_still_has_it(self, depth: int) -> None:
        from langgraph.types import Command

        made = graph(depth)
        state = await made.ainvoke(GIVEN, on("a"))
        done = await made.ainvoke(Command(resume={state["__interrupt__"][0].id: "yes"}), on("a"))
        assert SECRET in repr(done["result"])
        assert "yes" in repr(done["result"])


def hidden(interrupt: Interrupt) -> Interrupt:
    return Interrupt("hidden", interrupt.id)


@pytest.mark.parametrize(
    "users",
    [
        {"interrupts": [{"value": 1, "id": "2"}], "data": 3},
        {"type": "values", "data": {"interrupts": (1,)}},
        {"id": 1, "name": 2, "interrupts": ["a"]},
        ["a", {"payload": {"interrupts": [{"id": 1, "value": 2}]}}],
        "text",
        None,
    ],
)
@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: {"result": v}, lambda v: ("values", {"result": v})])
def test_values_of_users_that_look_alike_are_passed_through(users: Any, wrap: Callable[[Any], Any]) -> None:
    assert map_chunk(wrap(users), hidden) == wrap(users)
