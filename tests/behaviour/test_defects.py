"""Defects of openJiuwen 0.1.1 (`engine.md` 12, `components.md` 11), each shown not to be here.

Those of branches, expressions, loops and sub-workflows (Q-06, Q-12 to Q-18, Q-21, Q-27, Q-31; Q31 to Q35) are in
`test_branches.py`, `test_expression.py`, `test_loops.py` and `test_subworkflows.py`, by their names.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jiuwen_lg import (
    End,
    InteractionRequired,
    InteractiveInput,
    JiuWenBaseException,
    Runner,
    Start,
    TaskRuntime,
    Workflow,
)
from tests.flows import Ask, Call, FailOnce, asked, chain, parallel, turn, workflow


async def test_q01_a_join_remembers_nothing_of_an_earlier_run() -> None:
    flow, join = workflow(), Call()
    flow.set_start_comp("s", Start(), inputs_schema={"to": "${to}"})
    flow.add_conditional_connection("s", lambda runtime: runtime.get_global_state("s.to"))
    for name in ("a", "b"):
        flow.add_workflow_comp(name, Call()).add_connection(name, "j")
    flow.add_workflow_comp("j", join, wait_for_all=True)
    await turn(flow, {"to": "a"}, "one")
    await turn(flow, {"to": "b"}, "two")
    assert join.executions == 0


async def test_q02_one_workflow_object_serves_concurrent_runs() -> None:
    flow = chain(("a", Call()))
    outputs = await asyncio.gather(*(turn(flow, {"q": n}, str(n)) for n in range(4)))
    assert [o.result["output"]["a"]["q"] for o in outputs] == [0, 1, 2, 3]


async def test_q03_finishing_one_workflow_of_a_session_leaves_the_others_alone() -> None:
    paused, other = chain(("ask", Ask()), id="A"), chain(("a", Call()), id="C")
    await turn(paused, {"q": "kept"})
    await turn(other, {"q": 1})
    with pytest.raises(JiuWenBaseException, match=r"\[100006\]"):
        await turn(paused, {"q": 2})
    snapshot = await paused.snapshot("s")
    assert snapshot is not None
    assert snapshot.state["io"]["start"] == {"q": "kept"}
    assert (await turn(paused, InteractiveInput("yes"))).result["output"]["ask"]["answer"] == "yes"


async def test_q04_ids_are_not_prefixes() -> None:
    paused, other = chain(("first", Call()), ("ask", Ask()), id="W1"), chain(("a", Call()), id="W")
    await turn(paused, {"q": 1})
    await turn(other, {"q": 1})
    assert asked(await turn(paused, InteractiveInput())) == [("ask", 0, "ok?")]


async def test_q07_a_raw_answer_survives_a_failure_and_the_next_question_is_asked() -> None:
    broken = [True]

    async def ask(inputs: Any, runtime: Any) -> Any:
        first = await runtime.interact("q")
        if broken:
            broken.pop()
            raise RuntimeError
        return [first, await runtime.interact("q2")]

    flow = chain(("ask", Call(ask)))
    await turn(flow, {"q": 1})
    with pytest.raises(JiuWenBaseException):
        await turn(flow, InteractiveInput("A"))
    assert asked(await turn(flow, InteractiveInput())) == [("ask", 1, "q2")]
    assert (await turn(flow, InteractiveInput("B"))).result["output"]["ask"] == ["A", "B"]


async def test_q20_a_router_may_be_async() -> None:
    async def choose() -> str:
        await asyncio.sleep(0)
        return "e"

    flow = workflow().set_start_comp("s", Start()).add_conditional_connection("s", choose)
    flow.set_end_comp("e", End(), inputs_schema={"x": "reached"})
    assert (await turn(flow, {})).result == {"output": {"x": "reached"}}


async def test_q23_an_edit_after_the_first_run_takes_effect() -> None:
    flow, late = chain(("a", Call())), Call()
    await turn(flow, {"q": 1})
    flow.add_workflow_comp("late", late).add_connection("a", "late")
    await turn(flow, {"q": 1})
    assert late.executions == 1


def test_q24_a_workflow_is_built_without_a_current_event_loop() -> None:
    asyncio.run(asyncio.sleep(0))
    assert chain(("a", Call()))


async def test_q25_a_partial_string_is_a_literal_in_lists_too() -> None:
    flow = workflow()
    flow.set_start_comp("s", Start(), inputs_schema={"l": ["hi ${q}", "${q}"], "d": "hi ${q}"})
    flow.set_end_comp("e", End(), inputs_schema={"s": "${s}"}).add_connection("s", "e")
    assert (await turn(flow, {"q": 1})).result == {"output": {"s": {"l": ["hi ${q}", 1], "d": "hi ${q}"}}}


async def test_q26_an_input_named_like_a_component_is_not_its_output() -> None:
    flow = chain(("a", Call(lambda i, r: {"mine": 1})))
    assert (await turn(flow, {"q": 1, "a": {"theirs": 2}})).result == {"output": {"a": {"mine": 1}}}


@pytest.mark.parametrize(("given", "tokens"), [({}, []), ({"tokens": None}, []), ({"tokens": ["x"]}, ["x"])])
async def test_q28_falsy_defaults_are_defaults_and_falsy_values_are_values(given: Any, tokens: Any) -> None:
    conf = {"inputs": [{"id": "query", "required": True}, {"id": "tokens", "default_value": []}]}
    flow = workflow()
    flow.set_start_comp("s", Start(conf), inputs_schema={"query": "${query}", "tokens": "${tokens}"})
    flow.set_end_comp("e", End(), inputs_schema={"s": "${s}"}).add_connection("s", "e")
    assert (await turn(flow, {"query": 0, **given})).result == {"output": {"s": {"query": 0, "tokens": tokens}}}


async def test_q29_global_state_comes_back_through_a_new_task_runtime() -> None:
    flow = chain(
        ("set", Call(lambda i, r: r.update_global_state({"gp": 1}))),
        ("ask", Ask()),
        ("get", Call(lambda i, r: r.get_global_state("gp"))),
    )
    await flow.invoke({"q": 1}, TaskRuntime(trace_id="t").create_workflow_runtime())
    output = await flow.invoke(InteractiveInput("y"), TaskRuntime(trace_id="t").create_workflow_runtime())
    assert output.result["output"]["get"] == 1


async def test_q30_a_dict_of_references_falls_back_to_outputs() -> None:
    flow = chain(("a", Call(lambda i, r: r.get_global_state({"a": "${q}", "b": "${start.q}"}))))
    assert (await turn(flow, {"q": 1})).result["output"]["a"] == {"a": 1, "b": 1}


async def test_q32_an_output_that_cannot_be_stored_costs_no_session() -> None:
    flow = chain(("a", Call(lambda i, r: {"f": lambda: 1, "ok": 2})), ("ask", Ask()))
    with pytest.warns(RuntimeWarning, match=r"a\.f"):
        assert asked(await turn(flow, {"q": 1})) == [("ask", 0, "ok?")]
    snapshot = await flow.snapshot("s")
    assert snapshot is not None
    assert snapshot.state["io"]["a"]["ok"] == 2


async def test_q33_a_paused_run_lists_no_final_frame() -> None:
    flow = workflow().set_start_comp("s", Start())
    flow.add_workflow_comp("ask", Ask()).add_connection("s", "ask")
    flow.set_end_comp("e", End()).add_connection("s", "e")
    assert [frame.type for frame in (await turn(flow, {})).result] == ["__interaction__"]


async def test_q34_a_swallowed_question_is_an_error() -> None:
    async def careless(inputs: Any, runtime: Any) -> Any:
        try:
            await runtime.interact("q")
        except Exception as error:
            assert isinstance(error, InteractionRequired)

    with pytest.raises(JiuWenBaseException, match=r"\[100903\]"):
        await turn(chain(("a", Call(careless))), {"q": 1})


async def test_q48_an_end_that_cannot_be_reached_is_said(caplog: pytest.LogCaptureFixture) -> None:
    flow = workflow().set_start_comp("s", Start()).set_end_comp("unreachable", End())
    assert (await turn(flow, {})).result is None
    assert "[unreachable]" in caplog.text


def test_q49_importing_makes_no_folder(child_env: dict[str, str]) -> None:
    subprocess.run([sys.executable, "-c", "from jiuwen_lg import *"], env=child_env, check=True)
    assert list(Path().iterdir()) == []


async def test_q50_a_raw_answer_to_a_failure_is_refused_and_eaten_by_nobody() -> None:
    flow = chain(("broken", FailOnce()), ("ask", Ask()))
    with pytest.raises(JiuWenBaseException):
        await turn(flow, {"q": 1})
    with pytest.raises(JiuWenBaseException, match=r"\[100900\]"):
        await turn(flow, InteractiveInput("for nobody"))
    assert asked(await turn(flow, InteractiveInput())) == [("ask", 0, "ok?")]


async def test_q51_an_answer_to_a_fresh_session_starts_nothing() -> None:
    first = Call()
    flow = chain(("first", first), ("ask", Ask()))
    with pytest.raises(JiuWenBaseException, match=r"\[100900\]"):
        await turn(flow, InteractiveInput().update("ask", "early"))
    assert first.executions == 0


async def test_q52_abandoned_sessions_are_on_file_and_can_be_listed_and_released() -> None:
    flow = chain(("ask", Ask()))
    for number in range(5):
        await turn(flow, {"q": 1}, str(number))
    assert [p.session_id for p in await flow.pending()] == ["0", "1", "2", "3", "4"]
    for number in range(5):
        await Runner.release(str(number))
    assert await flow.pending() == []


async def test_c8_a_missing_slot_of_a_template_waits_for_nothing() -> None:
    """Measured in event-loop turns, not in time: rendering never gives way to the loop."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.ensure_future(count())
    rendered = await End({"responseTemplate": "[{{a}}][{{b}}]"}).invoke({"a": 1}, None, None)
    counting.cancel()
    assert (rendered, turns) == ({"responseContent": "[1][]"}, 0)


async def test_c9_spaces_in_a_slot_do_not_matter() -> None:
    assert await End({"responseTemplate": "{{ q }}{{q }}"}).invoke({"q": 1}, None, None) == {"responseContent": "11"}


@pytest.mark.parametrize(("required", "is_refused"), [("false", False), ("true", True), (False, False), (True, True)])
async def test_c36_required_is_read_as_what_it_says(required: Any, is_refused: bool) -> None:
    flow = Workflow().set_start_comp("s", Start({"inputs": [{"id": "q", "required": required}]}))
    if is_refused:
        with pytest.raises(JiuWenBaseException) as caught:
            await turn(flow, {})
        assert caught.value.codes == (100005, 102100)
    else:
        await turn(flow, {})


@pytest.mark.parametrize("value", [0, "", [], {}, False])
async def test_c37_a_falsy_required_value_is_there(value: Any) -> None:
    flow = workflow()
    flow.set_start_comp("s", Start({"inputs": [{"id": "q", "required": True}]}), inputs_schema={"q": "${q}"})
    flow.set_end_comp("e", End(), inputs_schema={"q": "${s.q}"}).add_connection("s", "e")
    assert (await turn(flow, {"q": value})).result == {"output": {"q": value}}


async def test_parallel_questions_have_one_order() -> None:
    """0.1.1's order depends on PYTHONHASHSEED (Q-05)."""
    flow = parallel(*((name, Ask(f"{name}?")) for name in "zyx"))
    assert [id for id, _, _ in asked(await turn(flow, {"q": 1}))] == ["z", "y", "x"]
