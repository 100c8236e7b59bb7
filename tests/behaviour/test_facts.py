"""The rows of `engine.md` 2.3, 3.3 and 4.1 that a small workflow can show."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langgraph.types import Command

from jiuwen_lg import End, InteractiveInput, LoopComponent, LoopGroup, Start, Workflow
from tests.flows import Ask, Call, Gate, chain, turn, workflow


def twice(first: Any, second: Any) -> Workflow:
    """A component that runs twice, with these outputs; end shows what is stored of it."""
    outputs = [second, first]
    flow = workflow().set_start_comp("n", Call(lambda i, r: outputs.pop()))
    flow.add_conditional_connection("n", lambda: "n" if outputs else "e")
    return flow.set_end_comp("e", End(), inputs_schema={"n": "${n}"})


class TestOutputs:
    """2.3: how outputs are stored."""

    @pytest.mark.parametrize("output", ["text", 5, 0, False, [1, {"a": 2}], {"a": None}, {}])
    async def test_any_value_is_stored_under_the_id(self, output: Any) -> None:
        flow = chain(("a", Call(lambda i, r: output)))
        assert (await turn(flow, {"q": 1})).result["output"]["a"] == output

    @pytest.mark.parametrize(
        ("first", "second", "stored"),
        [
            ({"d": {"a": 1}, "s": "x"}, {"d": {"b": 2}}, {"d": {"b": 2}}),
            ({"l": [1, 2], "s": 1}, {"l": [3], "s": None}, {"l": [3], "s": None}),
            ({"a": 1}, {}, {}),
            ({"a": 1}, None, None),
            ({"a": 1}, "text", "text"),
            ("text", {"a": 1}, {"a": 1}),
            ({"a.b": 1}, {"a": {"c": 2}}, {"a": {"c": 2}}),
        ],
    )
    async def test_a_second_output_replaces_the_first(self, first: Any, second: Any, stored: Any) -> None:
        assert (await turn(twice(first, second), {})).result == {"output": {} if stored is None else {"n": stored}}

    async def test_none_stores_nothing(self) -> None:
        assert (await turn(chain(("a", Call(lambda i, r: None))), {"q": 1})).result == {"output": {}}

    async def test_inputs_are_normalised_and_a_none_is_dropped_at_the_top(self) -> None:
        flow = workflow().set_start_comp("s", Start(), inputs_schema={"u": "${u.name}", "t": "${t}", "none": "${none}"})
        flow.set_end_comp("e", End(), inputs_schema={"s": "${s}"}).add_connection("s", "e")
        given = {"u.name": "x", "t": (1, (2,)), "none": None, "deep": {"none": None}}
        output = await turn(flow, given)
        assert output.result == {"output": {"s": {"u": "x", "t": [1, [2]], "none": None}}}


class TestVisibility:
    """3.3: who sees which write when."""

    async def test_siblings_of_one_step_do_not_see_each_others_global_writes(self) -> None:
        gate = Gate()

        async def write(inputs: Any, runtime: Any) -> None:
            runtime.update_global_state({"x": 1})

        async def read(inputs: Any, runtime: Any) -> Any:
            await asyncio.sleep(0)
            return [runtime.get_global_state("x")]

        flow = workflow().set_start_comp("s", Start())
        flow.add_workflow_comp("write", Call(write)).add_connection("s", "write")
        flow.add_workflow_comp("read", Call(read)).add_connection("s", "read")
        flow.set_end_comp(
            "e", Call(lambda i, r: [i["read"], r.get_global_state("x")]), inputs_schema={"read": "${read}"}
        )
        flow.add_connection(["write", "read"], "e")
        assert (await turn(flow, {})).result == [[None], 1]
        assert not gate.begun.is_set()

    async def test_references_never_see_global_state(self) -> None:
        flow = workflow().set_start_comp("s", Start(), inputs_schema={"q": "${q}"})
        flow.add_workflow_comp("shadow", Call(lambda i, r: r.update_global_state({"s": {"q": "G"}})))
        flow.set_end_comp("e", Call(lambda i, r: [i["q"], r.get_global_state("s.q")]), inputs_schema={"q": "${s.q}"})
        flow.add_connection("s", "shadow").add_connection("shadow", "e")
        assert (await turn(flow, {"q": "I"})).result == ["I", "G"]

    async def test_nothing_survives_a_finished_run(self) -> None:
        def remember(inputs: Any, runtime: Any) -> Any:
            seen = [runtime.get_state("p"), runtime.get_global_state("g")]
            runtime.update_state({"p": 1})
            runtime.update_global_state({"g": 1})
            return seen

        flow = chain(("a", Call(remember)))
        for _ in range(2):
            assert (await turn(flow, {"q": 1})).result["output"]["a"] == [None, None]

    async def test_private_state_stays_with_its_component_through_a_cycle(self) -> None:
        rounds = iter(range(3))

        def count(inputs: Any, runtime: Any) -> Any:
            runtime.update_state({"rounds": [*(runtime.get_state("rounds") or []), next(rounds)]})
            return {"seen": runtime.get_state("rounds")}

        flow = workflow().set_start_comp("n", Call(count))
        flow.add_conditional_connection(
            "n", lambda runtime: "e" if len(runtime.get_global_state("n.seen") or []) == 2 else "n"
        )
        flow.set_end_comp("e", End(), inputs_schema={"n": "${n.seen}"})
        assert (await turn(flow, {})).result == {"output": {"n": [0, 1]}}

    async def test_wiping_the_private_state(self) -> None:
        outputs: list[Any] = []

        def wipe(inputs: Any, runtime: Any) -> Any:
            outputs.append(runtime.get_state())
            if len(outputs) == 2:
                runtime.update_state(None)
                runtime.update_state({"b": 2})
            else:
                runtime.update_state({"a": 1})

        flow = workflow().set_start_comp("n", Call(wipe))
        flow.add_conditional_connection("n", lambda: "n" if len(outputs) < 3 else [])
        await turn(flow, {})
        assert outputs == [None, {"a": 1}, {"b": 2}]


class TestScheduling:
    """4.1: supersteps, joins, ends."""

    async def test_several_triggers_of_one_step_are_one_execution(self) -> None:
        target = Call()
        flow = workflow().set_start_comp("s", Start())
        flow.add_workflow_comp("t", target)
        for name in ("a", "b"):
            flow.add_workflow_comp(name, Call()).add_connection("s", name).add_connection(name, "t")
        await turn(flow, {})
        assert target.executions == 1

    async def test_a_list_is_a_join_beside_a_plain_connection(self) -> None:
        target = Call()
        flow = workflow().set_start_comp("s", Start())
        for name in ("a", "b", "late"):
            flow.add_workflow_comp(name, Call())
        flow.add_workflow_comp("t", target)
        flow.add_connection("s", "a").add_connection("s", "b").add_connection("b", "late")
        flow.add_connection(["a", "b"], "t").add_connection("late", "t")
        await turn(flow, {})
        assert target.executions == 2

    async def test_a_join_works_in_every_round_of_a_cycle(self) -> None:
        rounds: list[int] = []
        flow = workflow().set_start_comp("s", Start())
        for name in ("a", "b"):
            flow.add_workflow_comp(name, Call()).add_connection("s", name)
        flow.add_workflow_comp("j", Call(lambda i, r: rounds.append(1)), wait_for_all=True)
        flow.add_connection("a", "j").add_connection("b", "j")
        flow.add_conditional_connection("j", lambda: ["a", "b"] if len(rounds) < 3 else [])
        await turn(flow, {})
        assert len(rounds) == 3

    async def test_of_two_ends_the_one_set_last_gives_the_result(self) -> None:
        flow = workflow().set_start_comp("s", Start())
        flow.set_end_comp("first", End(), inputs_schema={"by": "first"}).add_connection("s", "first")
        flow.set_end_comp("last", End(), inputs_schema={"by": "last"}).add_connection("s", "last")
        assert (await turn(flow, {})).result == {"output": {"by": "last"}}

    async def test_an_end_reached_twice_gives_its_merged_output_and_stops_nobody(self) -> None:
        after = Call()
        flow = workflow().set_start_comp("s", Start())
        flow.add_workflow_comp("a", Call(lambda i, r: {"x": 1})).add_connection("s", "a")
        flow.add_workflow_comp("b", Call(lambda i, r: {"y": 2})).add_connection("a", "b")
        flow.add_workflow_comp("after", after)
        flow.set_end_comp("e", End(), inputs_schema={"x": "${a.x}", "y": "${b.y}"})
        flow.add_connection("a", "e").add_connection("b", "e").add_connection("e", "after")
        assert (await turn(flow, {})).result == {"output": {"x": 1, "y": 2}}
        assert after.executions == 2

    async def test_two_starts_run_in_the_first_step(self) -> None:
        flow = workflow().set_start_comp("a", Call(lambda i, r: 1)).set_start_comp("b", Call(lambda i, r: 2))
        flow.set_end_comp("e", End(), inputs_schema={"a": "${a}", "b": "${b}"}).add_connection(["a", "b"], "e")
        assert (await turn(flow, {})).result == {"output": {"a": 1, "b": 2}}

    async def test_components_marked_as_start_and_end_by_hand(self) -> None:
        flow = workflow()
        flow.add_workflow_comp("in", Call(lambda i, r: {"x": 1})).add_workflow_comp("out", Ask())
        flow.add_connection("in", "out").start_comp("in").end_comp("out")
        await turn(flow, {})
        assert (await turn(flow, InteractiveInput("yes"))).result is None

    async def test_an_exit_marked_by_hand_takes_no_result_away(self) -> None:
        flow = workflow().set_start_comp("s", Start())
        flow.set_end_comp("e", End(), inputs_schema={"x": 1}).add_connection("s", "e").end_comp("s")
        assert (await turn(flow, {})).result == {"output": {"x": 1}}

    async def test_an_end_that_gives_none_the_second_time_has_no_result(self) -> None:
        outputs = [None, {"a": 1}]
        flow = workflow().set_end_comp("e", Call(lambda i, r: outputs.pop())).start_comp("e")
        flow.add_conditional_connection("e", lambda: "e" if outputs else [])
        assert (await turn(flow, {})).result is None


FIELDS = st.dictionaries(
    st.sampled_from("abc"),
    st.none() | st.integers() | st.dictionaries(st.sampled_from("xy"), st.integers()),
    max_size=3,
)
OUTPUTS = st.lists(st.none() | FIELDS | st.lists(st.integers(), max_size=2), min_size=1, max_size=4)


class TestExecutedAgain:
    """What a component gives replaces what it gave before, whole, wherever it runs again."""

    @given(OUTPUTS)
    @settings(max_examples=25, deadline=None)
    async def test_in_a_cycle(self, outputs: list[Any]) -> None:
        left = list(outputs)
        flow = workflow().set_start_comp("s", Start())
        flow.add_workflow_comp("c", Call(lambda i, r: left.pop(0)))
        seen: list[Any] = []
        flow.add_workflow_comp(
            "see", Call(lambda i, r: seen.append([i["c"], i["b"]])), inputs_schema={"c": "${c}", "b": "${c.b}"}
        )
        flow.set_end_comp("e", End(), inputs_schema={"c": "${c}"})
        flow.add_connection("s", "c").add_connection("c", "see")
        flow.add_conditional_connection("see", lambda: "c" if left else "e")
        found = (await flow.invoke({})).result["output"]
        assert seen == [[one, one.get("b") if isinstance(one, dict) else None] for one in outputs]
        assert found.get("c") == outputs[-1]

    @given(OUTPUTS, st.booleans())
    @settings(max_examples=25, deadline=None)
    async def test_in_a_loop(self, outputs: list[Any], is_last: bool) -> None:
        body = LoopGroup().add_workflow_comp("c", Call(lambda i, r: outputs[i["n"]]), inputs_schema={"n": "${l.index}"})
        if not is_last:
            body.add_workflow_comp("after", Call()).add_connection("c", "after")
        body.start_nodes(["c"]).end_nodes(["c" if is_last else "after"])
        flow = workflow().set_start_comp("s", Start())
        schema = {"loop_type": "number", "loop_number": len(outputs)}
        flow.add_workflow_comp("l", LoopComponent(body, {"all": "${c}", "b": "${c.b}"}), inputs_schema=schema)
        flow.set_end_comp("e", End(), inputs_schema={"l": "${l}"})
        flow.add_connection("s", "l").add_connection("l", "e")
        found = (await flow.invoke({})).result["output"]["l"]
        assert found.pop("index") == 0
        assert found == {"all": outputs, "b": [one.get("b") if isinstance(one, dict) else None for one in outputs]}

    async def test_an_error_that_a_fallback_told_is_gone_when_it_goes_well(self) -> None:
        calls: list[int] = []

        def work(inputs: Any, runtime: Any) -> Any:
            calls.append(1)
            if len(calls) == 1:
                raise ValueError("no")
            return {"v": 1}

        flow = workflow().set_start_comp("s", Start())
        flow.add_workflow_comp("c", Call(work), fallback=Command(goto="sorry"))
        flow.add_workflow_comp("sorry", Call()).add_connection("sorry", "c").add_connection("s", "c")
        flow.set_end_comp("e", End(), inputs_schema={"c": "${c}"}).add_connection("c", "e")
        assert (await flow.invoke({})).result == {"output": {"c": {"v": 1}}}
