"""`runtime.state()`: the global state before and after a run."""

from __future__ import annotations

from typing import Any

from jiuwen_lg import (
    ComponentExecutable,
    End,
    InteractiveInput,
    Start,
    TaskRuntime,
    Workflow,
    WorkflowComponent,
    WorkflowRuntime,
)
from jiuwen_lg.runtime_state import ReadableStateLike


class Count(ComponentExecutable, WorkflowComponent):
    """Counts in the global state, and asks if it is told to."""

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        assert runtime.get_state({"n": "${n}"}) is None
        before = runtime.get_global_state("fuel") or 0
        runtime.update_global_state({"fuel": before + inputs["add"], "车.油": 1})
        if inputs["ask"]:
            await runtime.interact("go on?")
        return {"before": before, "owner": runtime.get_global_state("owner.name")}


def flow() -> Workflow:
    built = Workflow().set_start_comp("start", Start(), inputs_schema={"add": "${add}", "ask": "${ask}"})
    built.add_workflow_comp("count", Count(), inputs_schema={"add": "${start.add}", "ask": "${start.ask}"})
    built.set_end_comp("end", End(), inputs_schema={"before": "${count.before}", "owner": "${count.owner}"})
    return built.add_connection("start", "count").add_connection("count", "end")


async def test_what_is_set_before_a_run_is_seen_by_it() -> None:
    runtime = WorkflowRuntime()
    state = runtime.state()
    state.update_global({"owner": {"name": "Ida"}, "fuel": 1})
    assert state.get_global("owner") is None
    state.commit()
    assert state.get_global({"n": "${owner.name}"}) == {"n": "Ida"}
    state.update_global({"fuel": 2})  # the run commits it
    assert (await flow().invoke({"add": 4}, runtime)).result == {"output": {"before": 2, "owner": "Ida"}}
    assert [state.get_global(key) for key in ("fuel", "add", "车.油", "nothing", None)] == [6, 4, 1, None, None]
    assert sorted(state.get_state()) == ["comp_state", "global_state", "io_state", "workflow_state"]


async def test_a_second_run_of_a_runtime_begins_afresh() -> None:
    runtime = WorkflowRuntime()
    for add in (4, 5):
        assert (await flow().invoke({"add": add}, runtime)).result == {"output": {"before": 0}}
        assert runtime.state().get_global("fuel") == add


async def test_a_resumed_run_shows_all_of_it_and_takes_changes() -> None:
    built = flow()
    await built.invoke({"add": 1, "ask": True}, WorkflowRuntime(session_id="s"))
    runtime = WorkflowRuntime(session_id="s")
    runtime.state().update_global({"owner": {"name": "Bo"}})
    output = await built.invoke(InteractiveInput("yes"), runtime)
    assert output.result == {"output": {"before": 0, "owner": "Bo"}}
    assert [runtime.state().get_global(key) for key in ("fuel", "add", "owner.name")] == [1, 1, "Bo"]


async def test_that_of_a_conversation_is_the_conversations() -> None:
    task = TaskRuntime(trace_id="chat")
    runtime = task.create_workflow_runtime()
    runtime.state().update_global({"fuel": 7})
    runtime.state().commit()
    assert task.get_global_state("fuel") == 7
    await flow().invoke({"add": 1}, runtime)
    assert task.get_global_state("fuel") == runtime.state().get_global("fuel") == 8


def test_the_callers_own_state() -> None:
    state = WorkflowRuntime().state()
    state.update({"a": {"b": 1}})
    assert state.get("a") is None
    state.commit()
    assert (state.get("a.b"), state.get(), state.get_by_prefix("b", "a")) == (1, None, 1)


async def test_an_inputs_transformer_gets_a_readable_state() -> None:
    def pick(state: ReadableStateLike) -> Any:
        assert isinstance(state, ReadableStateLike)
        assert state.get("start.n") == state.get("${start.n}") == state.get({"n": "${start.n}"})["n"]
        return {"n": state.get("start.n"), "none": state.get("nowhere")}

    built = Workflow().set_start_comp("start", Start(), inputs_schema={"n": "${n}"})
    built.set_end_comp("end", End(), inputs_transformer=pick).add_connection("start", "end")
    assert (await built.invoke({"n": 4})).result == {"output": {"n": 4}}
