"""Loops: their types, their variables, what they collect, and what happens inside them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jiuwen_lg import (
    AdvancedLoopComponent,
    ArrayCondition,
    BranchComponent,
    BreakComponent,
    Condition,
    End,
    InteractiveInput,
    IntermediateLoopVarCallback,
    JiuWenBaseException,
    LoopCallback,
    LoopComponent,
    LoopGroup,
    LoopType,
    NumberCondition,
    OutputCallback,
    SetVariableComponent,
    Start,
    Workflow,
    WorkflowRuntime,
)
from jiuwen_lg.engine.execution.loop_iteration import last_component
from jiuwen_lg.engine.graph.definition import Definition
from tests.flows import Ask, Call, FailOnce, Gate, asked, chain, turn, workflow
from tests.loops import around, body, counted, number


async def output(flow: Workflow, inputs: dict[str, Any] | None = None, session: str = "s") -> Any:
    """What the loop of a workflow put out."""
    return (await turn(flow, inputs or {}, session)).result["output"]["l"]


async def failure(flow: Workflow, inputs: dict[str, Any] | None = None) -> JiuWenBaseException:
    with pytest.raises(JiuWenBaseException) as error:
        await turn(flow, inputs or {})
    return error.value


def total(inputs: Any, runtime: Any) -> dict[str, Any]:
    """Adds up in private state."""
    n = (runtime.get_state("n") or 0) + 1
    runtime.update_state({"n": n})
    return {"n": n}


class TestTypes:
    @pytest.mark.parametrize(
        ("arrays", "seen"),
        [
            ({"item": "${s.q}"}, [{"item": 1}, {"item": None}, {"item": {"a": [2]}}]),
            ({"item": "${s.q}", "other": ["x", "y"]}, [{"item": 1, "other": "x"}, {"item": None, "other": "y"}]),
            ({"item": "${q}", "a.b": (7,)}, [{"item": 1, "ab": 7}]),
            ({"item": []}, []),
        ],
    )
    async def test_array(self, arrays: dict[str, Any], seen: list[Any]) -> None:
        group = body(("a", Call()), a={"item": "${l.item}", "other": "${l.other}", "ab": "${l.a.b}"})
        loop = LoopComponent(group, {"seen": "${a}"})
        found = await output(
            around(loop, {"loop_type": LoopType.Array, "loop_array": arrays}), {"q": [1, None, {"a": [2]}]}
        )
        assert [{k: v for k, v in entry.items() if v is not None or k == "item"} for entry in found["seen"]] == seen

    @pytest.mark.parametrize(("rounds", "expected"), [(3, 3), ("2", 2), (2.0, 2), (True, 1), (0, 0), (-1, 0)])
    async def test_number(self, rounds: Any, expected: int) -> None:
        flow = counted(body(("a", Call())), {"i": "${a.i}"}, "${s.q}")
        assert await output(flow, {"q": rounds}) == {"i": [*range(expected)]}

    @pytest.mark.parametrize(
        ("expression", "rounds"),
        [
            ("(${l.index} != ${s.q})", 2),
            ("${l.n} < 10", 3),
            ("${a.i} == null or ${a.i} < 4", 5),
            ("length(${s.nothing}) == 1 and 0 or false", None),
            (False, 0),
            ("${s.no}", 0),
            ("${s.text}", 3),
        ],
    )
    async def test_expression(self, expression: Any, rounds: int | None) -> None:
        group = body(
            ("a", Call(lambda i, r: {**i, "n": i["n"] * 2})),
            ("set", SetVariableComponent({"l.n": "${a.n}"})),
            a={"i": "${l.index}", "n": "${l.n}"},
        )
        inputs = {"loop_type": "expression", "bool_expression": expression, "intermediate_var": {"n": 2}}
        start = {"q": 2, "no": False, "text": "${l.index} < 3"}
        flow = workflow()
        flow.set_start_comp("s", Start(), inputs_schema={key: f"${{{key}}}" for key in start})
        flow.add_workflow_comp("l", LoopComponent(group, {"i": "${a.i}"}), inputs_schema=inputs)
        flow.set_end_comp("e", End(), inputs_schema={"l": {"i": "${l.i}"}})
        flow.add_connection("s", "l").add_connection("l", "e")
        if rounds is None:
            assert (await failure(flow, start)).codes == (100005, 140001)
        else:
            assert await output(flow, start) == {"i": [*range(rounds)]}

    async def test_q13_an_expression_of_two_references_is_no_reference(self) -> None:
        inputs = {"loop_type": "expression", "bool_expression": "${l.index} < ${s.q}"}
        loop = LoopComponent(body(("a", Call())), {"i": "${a.i}"})
        assert await output(around(loop, inputs), {"q": 2}) == {"i": [0, 1]}

    async def test_always_true_ends_with_a_break(self) -> None:
        group = body(("a", Call()))
        branch = BranchComponent()
        branch.add_branch("${l.index} >= 2", "break")
        branch.add_branch("true", "b")
        group.add_workflow_comp("branch", branch).add_workflow_comp("break", BreakComponent())
        group.add_workflow_comp("b", Call(), inputs_schema={"i": "${l.index}"}).add_connection("a", "branch")
        loop = LoopComponent(group, {"rounds": "${l.index}", "a": "${a.i}", "b": "${b.i}"})
        found = await output(around(loop, {"loop_type": "always_true"}))
        assert found == {"rounds": 3, "a": [0, 1, 2], "b": [0, 1, None]}

    async def test_a_break_at_the_very_end_of_the_body(self) -> None:
        found = await output(
            counted(body(("a", Call()), ("break", BreakComponent())), {"i": "${a.i}", "n": "${l.index}"}, 5)
        )
        assert found == {"i": [0], "n": 1}

    async def test_after_a_break_the_rest_of_the_round_still_runs(self) -> None:
        group = body(("a", Call()), ("break", BreakComponent()), ("b", Call()))
        assert await output(counted(group, {"b": "${b.i}"}, 5)) == {"b": [0]}


class TestBadInput:
    @pytest.mark.parametrize(
        ("inputs", "code", "text"),
        [
            ({}, 101155, "loop_type"),
            ({"loop_type": "forever"}, 101155, "forever"),
            (None, 101153, "loop_type"),
            ({"loop_type": "array"}, 101154, "loop_array"),  # Q-12
            ({"loop_type": "array", "loop_array": {}}, 101154, "loop_array"),
            ({"loop_type": "array", "loop_array": {"item": "${s.nothing}"}}, 140002, "item"),
            ({"loop_type": "array", "loop_array": {"item": "abc"}}, 140002, "abc"),
            ({"loop_type": "array", "loop_array": [1]}, 101153, "loop_array"),
            (number("${s.nothing}"), 140003, "None"),
            (number("x"), 101153, "'x'"),
            (number(2.5), 101153, "2.5"),
            (number([]), 101153, "[]"),
            (number(1, intermediate_var=[1]), 101153, "intermediate_var"),
            (number(1, intermediate_var={"index": 1}), 101153, "index"),
            ({"loop_type": "expression"}, 101154, "bool_expression"),
            ({"loop_type": "expression", "bool_expression": ""}, 101154, "bool_expression"),  # Q-12
            ({"loop_type": "expression", "bool_expression": "${s.nothing}"}, 101153, "nothing"),
            ({"loop_type": "expression", "bool_expression": "(${l.index} > ${s.nothing})"}, 140001, "not supported"),
        ],
    )
    async def test_q12_inputs_that_do_not_fit_fail_the_loop(self, inputs: Any, code: int, text: str) -> None:
        error = await failure(around(LoopComponent(body(("a", Call())), {}), inputs))
        assert error.codes == (100005, code)
        assert "[l]" in error.message
        assert text in error.message

    @pytest.mark.parametrize("missing", ["start_nodes", "end_nodes"])
    async def test_a_body_without_a_start_or_an_end(self, missing: str) -> None:
        group = LoopGroup().add_workflow_comp("a", Call())
        _ = group.end_nodes(["a"]) if missing == "start_nodes" else group.start_nodes(["a"])
        code = 101156 if missing == "start_nodes" else 101157
        assert (await failure(counted(group, {}, 1))).codes == (100005, code)

    def test_what_is_refused_when_it_is_built(self) -> None:
        group = body(("a", Call()))
        cases: list[tuple[Any, int]] = [
            (lambda: LoopComponent(LoopGroup(), {}), 101152),
            (lambda: AdvancedLoopComponent(chain()), 101152),
            (lambda: LoopGroup().add_workflow_comp("in", LoopComponent(group, {})), 101150),
            (lambda: around(LoopComponent(group, {}), {"bool_expression": "(${l.index} >"}), 140000),
            (lambda: around(LoopComponent(group, {}), {"bool_expression": "${l.index} > x"}), 140001),
            (lambda: AdvancedLoopComponent(group, "(("), 140000),
            (lambda: around(LoopComponent(body(("l", Call())), {}), number(1)), 110003),
            (lambda: counted(body(("a", Call())).start_nodes(["ghost"]), {}, 1).compile(), 110006),
            (lambda: counted(body(("a", Call())).end_nodes(["ghost"]), {}, 1).compile(), 110006),
            (lambda: AdvancedLoopComponent(group, 3), 101101),
            (lambda: around(LoopComponent(group, {}), number("${s.q}[0]")), 101151),
            (lambda: around(LoopComponent(group, {}), number(1, intermediate_var={"a": ["${s.q}['x']"]})), 101151),
        ]
        for build, code in cases:
            with pytest.raises(JiuWenBaseException) as error:
                build()
            assert error.value.error_code == code, error.value

    @pytest.mark.parametrize("rounds", [1001, "${s.q}"])
    async def test_1000_rounds_are_allowed(self, rounds: Any) -> None:
        error = await failure(counted(body(("a", Call())), {}, rounds), {"q": 1001})
        assert error.codes == (100005, 101151)
        assert "_loop_max_limit" in error.message

    async def test_q12_nothing_is_cut_and_nothing_is_endless(self) -> None:
        group = body(("a", Call()))
        array = around(LoopComponent(group, {}), {"loop_type": "array", "loop_array": {"item": "${s.q}"}})
        assert (await failure(array, {"q": [0] * 1001})).codes == (100005, 101151)
        count = Call()
        endless = around(LoopComponent(body(("a", count)), {"i": "${a.i}"}), {"loop_type": "always_true"})
        runtime = WorkflowRuntime(session_id="limited")
        runtime.config().set_envs({"_loop_max_limit": 5})
        with pytest.raises(JiuWenBaseException) as error:
            await endless.invoke({}, runtime)
        assert error.value.codes == (100005, 101151)
        assert count.executions == 5

    @pytest.mark.parametrize("key", ["_loop_max_limit", "_loop_number_max_limit"])
    async def test_a_limit_can_be_raised_and_the_loop_goes_on(self, key: str) -> None:
        count = Call()
        loop = LoopComponent(body(("a", count)), {"i": "${a.i}"})
        flow = around(loop, {"loop_type": "expression", "bool_expression": "${l.index} < 6"})
        for limit in (4, 10):
            runtime = WorkflowRuntime(session_id="s")
            runtime.config().set_envs({key: limit})
            if limit == 4:
                with pytest.raises(JiuWenBaseException):
                    await flow.invoke({}, runtime)
            else:
                result = await flow.invoke(InteractiveInput(), runtime)
        assert result.result == {"output": {"l": {"i": [0, 1, 2, 3, 4, 5]}}}
        assert count.executions == 6

    async def test_a_limit_of_the_environment_counts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LOOP_NUMBER_MAX_LIMIT", "2")
        assert (await failure(counted(body(("a", Call())), {}, 3))).codes == (100005, 101151)
        monkeypatch.setenv("LOOP_MAX_LIMIT", "3")
        assert await output(counted(body(("a", Call())), {"i": "${a.i}"}, 3), session="t") == {"i": [0, 1, 2]}

    async def test_a_circle_in_one_round_is_found(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("jiuwen_lg.engine.execution.node.RECURSION_LIMIT", 50)
        group = body(("a", Call()), ("b", Call())).add_connection("b", "a")
        error = await failure(counted(group, {}, 2))
        assert error.error_code == 100005
        assert "circle" in error.message


class TestVariables:
    async def test_they_are_set_once_and_seen_by_the_next_component(self) -> None:
        group = body(
            ("add", Call(lambda i, r: {"n": i["n"] + i["by"]})),
            ("set", SetVariableComponent({"${l.n}": "${add.n}", "l.deep.er": "${l.index}", "${l.lit}": {"x": "${q}"}})),
            ("see", Call()),
            add={"n": "${l.n}", "by": "${l.by.x}"},
            see={"n": "${l.n}", "deep": "${l.deep}", "lit": "${l.lit}", "list": "${l.list[1]}"},
        )
        flow = counted(
            group,
            {"n": "${l.n}", "see": "${see}"},
            2,
            intermediate_var={"n": "${s.q}", "by": {"x": 10}, "list": [1, "${s.q}"], "deep": {"kept": 1}},
        )
        found = await output(flow, {"q": 1})
        seen = {"lit": {"x": "${q}"}, "list": 1}
        assert found == {
            "n": 21,
            "see": [
                {"n": 11, "deep": {"kept": 1, "er": 0}, **seen},
                {"n": 21, "deep": {"kept": 1, "er": 1}, **seen},
            ],
        }

    async def test_a_value_that_is_set_replaces_the_old_one(self) -> None:
        group = body(("set", SetVariableComponent({"${l.v}": "${l.item}"})))
        inputs = {"loop_type": "array", "loop_array": {"item": "${s.q}"}, "intermediate_var": {"v": {"z": 0}}}
        assert await output(around(LoopComponent(group, {"v": "${l.v}"}), inputs), {"q": [{"k": 1}, {"j": 2}]}) == {
            "v": {"j": 2}
        }

    async def test_global_state_reads_them_and_the_loops_id(self) -> None:
        group = body(
            (
                "a",
                Call(
                    lambda i, r: {
                        k: r.get_global_state(k) for k in ("l.index", "l.v", "__sys_loop_id", "s.q", "q", "l")
                    }
                ),
            )
        )
        found = await output(counted(group, {"a": "${a}"}, 1, intermediate_var={"v": 5}), {"q": 1})
        loop = {"index": 0, "v": 5}
        assert found["a"] == [{"l.index": 0, "l.v": 5, "l": loop, "s.q": 1, "__sys_loop_id": "l", "q": 1}]

    @pytest.mark.parametrize(
        "mapping",
        [{}, None, {"${l.u": 1}, {"l.u}": 1}, {"${l.u}${l.v}": 1}, {3: 1}, {"${}": 1}, {"l.": 1}],
    )
    def test_a_malformed_mapping_is_101120(self, mapping: Any) -> None:
        with pytest.raises(JiuWenBaseException) as error:
            SetVariableComponent(mapping)
        assert error.value.error_code == 101120

    @pytest.mark.parametrize("left", ["${s.q}", "${a.i}", "${l.index}", "${other.x}"])
    def test_a_left_side_that_is_no_variable_of_the_loop_is_101120_when_it_is_built(self, left: str) -> None:
        group = body(("a", Call()), ("set", SetVariableComponent({left: 1})))
        with pytest.raises(JiuWenBaseException) as error:
            counted(group, {}, 1)
        assert error.value.error_code == 101120

    async def test_outside_a_loop_values_of_the_workflow_are_set(self) -> None:
        mapping = {"${shelf.row}": "${s.q}", "plain": 5, "${s.deep.er}": "x", "literal": {"a": "${s.q}"}}
        seen = {name: f"${{{name}}}" for name in ("shelf", "plain", "s", "literal", "set")}
        flow = workflow().set_start_comp("s", Start(), inputs_schema={"q": "${q}"})
        flow.add_workflow_comp("set", SetVariableComponent(mapping))
        flow.add_workflow_comp(
            "see", Call(lambda i, r: {**i, "global": r.get_global_state("shelf.row")}), inputs_schema=seen
        )
        flow.set_end_comp("e", End(), inputs_schema={"l": "${see}"})
        flow.add_connection("s", "set").add_connection("set", "see").add_connection("see", "e")
        assert await output(flow, {"q": 3}) == {
            "shelf": {"row": 3},
            "plain": 5,
            "s": {"q": 3, "deep": {"er": "x"}},
            "literal": {"a": "${s.q}"},
            "set": None,
            "global": 3,
        }

    async def test_values_set_at_once_are_all_kept(self) -> None:
        flow = workflow().set_start_comp("s", Start(), inputs_schema={"q": "${q}"})
        for name in "abc":
            flow.add_workflow_comp(name, SetVariableComponent({f"${{shelf.{name}}}": "${s.q}"}))
            flow.add_connection("s", name)
        flow.add_workflow_comp("see", Call(), inputs_schema={"shelf": "${shelf}"}).add_connection(
            ["a", "b", "c"], "see"
        )
        flow.set_end_comp("e", End(), inputs_schema={"l": "${see.shelf}"}).add_connection("see", "e")
        assert await output(flow, {"q": 1}) == {"a": 1, "b": 1, "c": 1}

    async def test_a_component_that_runs_again_gives_what_counts_again(self) -> None:
        flow = workflow().set_start_comp("s", Start(), inputs_schema={"q": "${q}"})
        flow.add_workflow_comp("a", Call(lambda i, r: {"n": (i["n"] or 0) + 1}), inputs_schema={"n": "${a.n}"})
        flow.add_workflow_comp("set", SetVariableComponent({"${a.n}": 10}))
        flow.set_end_comp("e", End(), inputs_schema={"l": "${a.n}"})
        flow.add_connection("s", "a").add_connection("set", "a")
        flow.add_conditional_connection("a", lambda runtime: "e" if runtime.get_global_state("a.n") > 10 else "set")
        assert await output(flow, {"q": 1}) == 11

    async def test_a_plain_name_set_in_a_loop_is_collected(self) -> None:
        group = body(("a", Call()), ("set", SetVariableComponent({"plain": "${a.i}", "${l.n}": "${a.i}"})))
        loop = LoopComponent(group, {"plain": "${plain}"})
        assert await output(around(loop, number(3))) == {"plain": [0, 1, 2]}

    async def test_after_a_loop_its_variables_can_be_read(self) -> None:
        group = body(
            ("a", Call(lambda i, r: i["n"])), ("set", SetVariableComponent({"l.n": "${a}"})), a={"n": "${l.item}"}
        )
        inputs = {"loop_type": "array", "loop_array": {"item": [4, 5]}, "intermediate_var": {"n": 0, "k": 7}}
        flow = around(LoopComponent(group, {"all": "${a}"}), inputs)
        flow.add_workflow_comp("see", Call(), inputs_schema={"l": "${l}", "n": "${l.n}", "index": "${l.index}"})
        flow.set_end_comp("end", End(), inputs_schema={"l": "${see}"})
        flow.add_connection("l", "see").add_connection("see", "end")
        whole = {"index": 0, "item": 5, "n": 5, "k": 7, "all": [4, 5]}
        assert await output(flow) == {"l": whole, "n": 5, "index": 0}

    def test_a_subscript_outside_the_braces_is_refused(self) -> None:
        with pytest.raises(JiuWenBaseException, match="LoopComponent error"):
            SetVariableComponent({"${l.x}": "${a.b}[0]"})

    async def test_a_position_that_is_not_there_fails_the_component(self) -> None:
        group = body(("set", SetVariableComponent({"${l.list[5].x}": 1})))
        error = await failure(counted(group, {}, 1, intermediate_var={"list": []}))
        assert error.error_code == 100005
        assert "[set]" in error.message

    async def test_break_outside_a_loop_is_101180(self) -> None:
        assert (await failure(chain(("break", BreakComponent())))).codes == (100005, 101180)


class TestCollecting:
    async def test_shapes(self) -> None:
        group = body(("a", Call()))
        output_schema = {
            "flat": "${a.i}",
            "nested": {"deep": {"i": "${a.i}"}, "literal": "x"},
            "list": ["${a.i}", "${l.index}", 1],
            "outer": "${s.q}",
            "missing": "${a.nothing}",
            "index": "${l.index}",
        }
        found = await output(counted(group, output_schema, 2), {"q": {"k": 1}})
        assert found == {
            "flat": [0, 1],
            "nested": {"deep": {"i": [0, 1]}, "literal": ["x", "x"]},
            "list": [[0, 1, 1], [1, 2, 1]],
            "outer": [{"k": 1}, {"k": 1}],
            "missing": [None, None],
            "index": 2,
        }

    async def test_zero_rounds(self) -> None:
        group = body(("a", Call()))
        found = await output(
            counted(group, {"a": "${a.i}", "v": "${l.v}", "x": {"y": 1}}, 0, intermediate_var={"v": 1})
        )
        assert found == {"a": [], "v": 1, "x": {"y": []}}

    @pytest.mark.parametrize("schema", [None, {}, "text", ["x"]])
    async def test_without_a_schema_there_is_no_output(self, schema: Any) -> None:
        assert await output(counted(body(("a", Call())), schema, 2)) == {}

    async def test_q14_a_skipped_component_gives_none_and_shows_its_last_value_inside(self) -> None:
        group = body(("a", Call()))
        branch = BranchComponent()
        branch.add_branch("${l.index} == 0", ["x", "y"])
        branch.add_branch("true", "y")
        group.add_workflow_comp("b", branch).add_connection("a", "b")
        group.add_workflow_comp("x", Call(), inputs_schema={"i": "${l.index}"})
        group.add_workflow_comp("y", Call(), inputs_schema={"x": "${x.i}"}).end_nodes(["y"])
        found = await output(counted(group, {"x": "${x.i}", "y": "${y.x}", "both": ["${x.i}", "${a.i}"]}, 3))
        assert found == {"x": [0, None, None], "y": [None, 0, 0], "both": [[0, 0], [None, 1], [None, 2]]}

    async def test_q15_nothing_internal_leaks(self) -> None:
        flow = around(
            LoopComponent(body(("a", Call())), {"o": "${a.i}"}),
            {"loop_type": "array", "loop_array": {"item": [1]}, "intermediate_var": {"u": 1}},
        )
        assert await output(flow) == {"o": [0]}

    async def test_q18_items_that_are_dicts_do_not_merge(self) -> None:
        group = body(("a", Call(lambda i, r: {"k": sorted(i["item"])})), a={"item": "${l.item}"})
        flow = around(LoopComponent(group, {"o": "${a.k}"}), {"loop_type": "array", "loop_array": {"item": "${s.q}"}})
        assert await output(flow, {"q": [{"k": 1}, {"j": 2}]}) == {"o": [["k"], ["j"]]}


class TestBodies:
    async def test_parallel_components_and_joins(self) -> None:
        group = LoopGroup()
        for name in ("a", "b", "c"):
            group.add_workflow_comp(name, Call(), inputs_schema={"i": "${l.index}"})
        group.add_workflow_comp("j", Call(), wait_for_all=True, inputs_schema={"a": "${a.i}", "c": "${c.i}"})
        group.start_nodes(["a", "b"]).end_nodes(["j"])
        group.add_connection("a", "j").add_connection("b", "c").add_connection("c", "j")
        assert await output(counted(group, {"j": "${j}"}, 2)) == {"j": [{"a": 0, "c": 0}, {"a": 1, "c": 1}]}

    async def test_a_join_remembers_nothing_of_an_earlier_round(self) -> None:
        group = LoopGroup()
        branch = BranchComponent()
        branch.add_branch("${l.index} == 0", "a")
        branch.add_branch("true", "b")
        group.add_workflow_comp("branch", branch)
        join = Call()
        for name in ("a", "b"):
            group.add_workflow_comp(name, Call()).add_connection(name, "j")
        group.add_workflow_comp("j", join, wait_for_all=True).start_nodes(["branch"]).end_nodes(["j"])
        await output(counted(group, {}, 2))
        assert join.executions == 0

    async def test_routers_and_cycles(self) -> None:
        group = body(("a", Call(total)))
        group.add_conditional_connection("a", lambda runtime: "a" if runtime.get_global_state("a.n") % 3 else "z")
        group.add_workflow_comp("z", Call(), inputs_schema={"n": "${a.n}"})
        assert await output(counted(group, {"n": "${z.n}"}, 2)) == {"n": [3, 6]}

    async def test_two_ends_of_different_length(self) -> None:
        """The round is over when the longer way is, whichever component ends it."""
        group = body(("a", Call()), ("b", Call()), ("c", Call()))
        group.add_workflow_comp("short", Call(), inputs_schema={"i": "${l.index}"}).add_connection("a", "short")
        assert await output(counted(group, {"c": "${c.i}", "s": "${short.i}"}, 2)) == {"c": [0, 1], "s": [0, 1]}

    async def test_a_body_reads_and_writes_state(self) -> None:
        def step(inputs: Any, runtime: Any) -> dict[str, Any]:
            seen = runtime.get_global_state("g")
            runtime.update_global_state({"g": (seen or 0) + 1, "gone": None})
            return {"g": seen, **total(inputs, runtime), "id": runtime.executable_id(), "last": inputs["last"]}

        group = body(("a", Call(step)), ("b", Call()), a={"last": "${b.g}"}, b={"g": "${a.g}"})
        flow = workflow()
        flow.set_start_comp("s", Call(lambda i, r: r.update_global_state({"gone": 1, "g": 10})))
        flow.add_workflow_comp("l", LoopComponent(group, {"a": "${a}"}), inputs_schema=number(2))
        flow.add_workflow_comp("after", Call(lambda i, r: [r.get_global_state("g"), r.get_global_state("gone")]))
        flow.set_end_comp("e", End(), inputs_schema={"l": "${l}", "after": "${after}"})
        flow.add_connection("s", "l").add_connection("l", "after").add_connection("after", "e")
        found = (await turn(flow, {})).result["output"]
        assert found["l"]["a"] == [
            {"g": 10, "n": 1, "id": "l.a", "last": None},
            {"g": 11, "n": 2, "id": "l.a", "last": 10},
        ]
        assert found["after"] == [12, None]

    async def test_a_name_of_the_body_never_means_the_outside(self) -> None:
        group = body(("a", Call()), ("s", Call()), a={"seen": "${s.i}", "out": "${q}"}, s={"i": "${l.index}"})
        found = await output(counted(group, {"seen": "${a}"}, 2), {"q": 7})
        assert found == {"seen": [{"seen": None, "out": 7}, {"seen": 0, "out": 7}]}

    async def test_q26_an_input_named_like_a_component_is_not_its_output(self) -> None:
        group = body(("a", Call()), ("b", Call()), a={"b": "${b.x}"}, b={"x": 1})
        assert await output(counted(group, {"a": "${a.b}"}, 2), {"b": {"x": 9}}) == {"a": [None, 1]}

    async def test_q27_transformers_see_the_body(self) -> None:
        group = LoopGroup().add_workflow_comp(
            "a", Call(), inputs_transformer=lambda state: {"i": state.get("l.index"), "q": state.get("${s.q}")}
        )
        group.start_nodes(["a"]).end_nodes(["a"])
        assert await output(counted(group, {"a": "${a}"}, 2), {"q": 5}) == {"a": [{"i": 0, "q": 5}, {"i": 1, "q": 5}]}

    async def test_q17_a_loop_entered_again_by_a_cycle_starts_clean(self) -> None:
        group = body(
            ("a", Call(lambda i, r: {**i, **total(i, r)})),
            ("set", SetVariableComponent({"l.v": "${a.i}"})),
            a={"i": "${l.index}", "v": "${l.v}", "set": "${b.x}"},
        )
        group.add_workflow_comp("b", Call(), inputs_schema={"x": 1}).add_connection("set", "b")
        times = iter(["l", "l", "e"])
        flow = workflow()
        flow.set_start_comp("s", Start())
        flow.add_workflow_comp(
            "l", LoopComponent(group, {"a": "${a}"}), inputs_schema=number(2, intermediate_var={"v": "first"})
        )
        kept: list[Any] = []
        flow.add_workflow_comp("keep", Call(lambda i, r: kept.append(i["a"])), inputs_schema={"a": "${l.a}"})
        flow.add_conditional_connection("keep", lambda: next(times)).set_end_comp("e", End())
        flow.add_connection("s", "l").add_connection("l", "keep")
        await turn(flow, {})
        rounds = [{"i": 0, "v": "first", "set": None}, {"i": 1, "v": 0, "set": 1}]
        assert [[{k: v for k, v in r.items() if k != "n"} for r in run] for run in kept] == [rounds] * 3
        assert [[r["n"] for r in run] for run in kept] == [[1, 2], [3, 4], [5, 6]]  # private state lasts for the run

    async def test_a_loop_beside_a_slow_sibling_runs_at_its_own_pace(self) -> None:
        """Its last round lets the sibling go on: in lock-step neither would ever finish."""
        gate = Gate()

        def last_opens(inputs: Any, runtime: Any) -> Any:
            if inputs["i"] == 19:
                gate.open.set()
            return inputs

        flow = counted(body(("a", Call(last_opens))), {"i": "${a.i}"}, 20)
        flow.add_workflow_comp("slow", gate).add_connection("s", "slow")
        assert await output(flow) == {"i": [*range(20)]}
        assert gate.executions == 1

    async def test_loops_beside_each_other(self) -> None:
        flow = workflow()
        flow.set_start_comp("s", Start())
        flow.set_end_comp("e", End(), inputs_schema={"a": "${a.i}", "b": "${b.i}"})
        for name, rounds in (("a", 2), ("b", 3)):
            group = LoopGroup().add_workflow_comp("x", Call(), inputs_schema={"i": f"${{{name}.index}}"})
            group.start_nodes(["x"]).end_nodes(["x"])
            flow.add_workflow_comp(name, LoopComponent(group, {"i": "${x.i}"}), inputs_schema=number(rounds))
            flow.add_connection("s", name)
        flow.add_connection(["a", "b"], "e")
        assert (await turn(flow, {})).result == {"output": {"a": [0, 1], "b": [0, 1, 2]}}

    async def test_one_workflow_with_a_loop_serves_many_sessions_at_once(self) -> None:
        group = body(("a", Call()), a={"i": "${l.index}", "q": "${s.q}"})
        flow = counted(group, {"q": "${a.q}"}, 5)
        found = await asyncio.gather(*(output(flow, {"q": n}, str(n)) for n in range(20)))
        assert found == [{"q": [n] * 5} for n in range(20)]

    def test_q21_a_group_can_be_chained_and_knows_its_parts(self) -> None:
        stop = BreakComponent()
        group = LoopGroup().add_workflow_comp("a", Call()).add_workflow_comp("b", stop)
        assert not group.is_empty
        assert LoopGroup().is_empty
        assert group.break_components == [stop]


class TestLastComponent:
    """Where the body's last component is known, the next round is decided in its task."""

    def definition(self, *edges: tuple[Any, str], starts: list[str], wait: tuple[str, ...] = ()) -> Definition:
        group = LoopGroup()
        ids = dict.fromkeys([*starts, *(i for s, t in edges for i in (*([s] if isinstance(s, str) else s), t))])
        for id in ids:
            group.add_workflow_comp(id, Call(), wait_for_all=id in wait)
        for source, target in edges:
            group.add_connection(source, target)
        return group.start_nodes(starts).definition

    @pytest.mark.parametrize(
        ("edges", "starts", "wait", "last"),
        [
            ([], ["a"], (), "a"),
            ([("a", "b"), ("b", "c")], ["a"], (), "c"),
            ([(["a", "b"], "c")], ["a", "b"], (), "c"),
            ([("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")], ["a"], ("d",), "d"),
            ([("a", "b"), ("a", "c")], ["a"], (), None),  # two ends at once
            ([("a", "b"), ("b", "c"), ("a", "c")], ["a"], (), None),  # c runs twice
            ([("a", "b"), ("b", "c"), ("a", "c")], ["a"], ("c",), "c"),
            ([("a", "b"), ("b", "a")], ["a"], (), None),  # a circle
            ([("a", "b"), ("b", "c"), ("a", "d")], ["a"], (), "c"),  # d ends before
            ([("a", "c"), ("b", "c")], ["a"], ("c",), "a"),  # b never runs, so c does not
            ([], [], (), None),
        ],
    )
    def test_it_is_found(self, edges: Any, starts: list[str], wait: tuple[str, ...], last: str | None) -> None:
        assert last_component(self.definition(*edges, starts=starts, wait=wait)) == last

    def test_not_where_something_is_chosen(self) -> None:
        group = body(("a", Call()), ("b", Call())).add_conditional_connection("a", list)
        assert last_component(group.definition) is None


class TestQuestions:
    @pytest.mark.parametrize("by_id", [False, True])
    @pytest.mark.parametrize("branching", [False, True])
    async def test_q06_every_round_asks_anew(self, *, by_id: bool, branching: bool) -> None:
        before, ask = Call(), Ask()
        group = body(("before", before), ("ask", ask))
        if branching:
            group.add_conditional_connection("ask", list)
        flow = counted(group, {"a": "${ask.answer}"}, 4)
        found = await turn(flow, {})
        for letter in "abcd":
            assert asked(found) == [("l.ask", 0, "ok?")]
            answer = InteractiveInput().update("l.ask", letter) if by_id else InteractiveInput(letter)
            found = await turn(flow, answer)
        assert found.result == {"output": {"l": {"a": ["a", "b", "c", "d"]}}}
        assert before.executions == 4
        assert ask.executions == 8

    async def test_an_answer_kept_for_a_body_is_used_once(self) -> None:
        ask, fail = Ask(), FailOnce(1)
        flow = counted(body(("fail", fail), ("ask", ask)), {"a": "${ask.answer}"}, 2)
        await failure(flow)
        kept = await turn(flow, InteractiveInput().update("l.ask", "kept"))
        assert asked(kept) == [("l.ask", 0, "ok?")]
        assert asked(await turn(flow, InteractiveInput())) == [("l.ask", 0, "ok?")]
        assert (await turn(flow, InteractiveInput("asked"))).result["output"]["l"] == {"a": ["kept", "asked"]}

    @pytest.mark.parametrize("parallel", [False, True])
    async def test_an_answer_is_kept_for_the_next_round_too(self, *, parallel: bool) -> None:
        group = body(("a", Ask("a?")), ("b", Ask("b?")))
        if parallel:
            group = LoopGroup().add_workflow_comp("a", Ask("a?")).add_workflow_comp("b", Ask("b?"))
            group.start_nodes(["a", "b"]).end_nodes(["a", "b"])
        flow = counted(group, {"a": "${a.answer}", "b": "${b.answer}"}, 2)
        await turn(flow, {})
        await turn(flow, InteractiveInput().update("l.a", 1))
        assert asked(await turn(flow, InteractiveInput().update("l.a", 2))) == [("l.b", 0, "b?")]
        found = await turn(flow, InteractiveInput().update("l.b", 3))
        assert asked(found) == [("l.b", 0, "b?")]
        assert (await turn(flow, InteractiveInput(4))).result["output"]["l"] == {"a": [1, 2], "b": [3, 4]}

    async def test_two_questions_in_one_round_are_answered_one_by_one(self) -> None:
        group = LoopGroup().add_workflow_comp("a", Ask("a?", "a2?")).add_workflow_comp("b", Ask("b?"))
        group.start_nodes(["a", "b"]).end_nodes(["a", "b"])
        flow = counted(group, {"a": "${a.answers}", "b": "${b.answer}"}, 1)
        assert asked(await turn(flow, {})) == [("l.a", 0, "a?"), ("l.b", 0, "b?")]
        with pytest.raises(JiuWenBaseException) as error:
            await turn(flow, InteractiveInput("raw"))
        assert error.value.error_code == 100902
        with pytest.raises(JiuWenBaseException) as error:
            await turn(flow, InteractiveInput().update("a", 1))
        assert error.value.error_code == 100901
        assert asked(await turn(flow, InteractiveInput().update("l.b", "B"))) == [("l.a", 0, "a?")]
        assert asked(await turn(flow, InteractiveInput("A"))) == [("l.a", 1, "a2?")]
        assert (await turn(flow, InteractiveInput("A2"))).result["output"]["l"] == {"a": [["A", "A2"]], "b": ["B"]}

    async def test_pending_and_snapshot_know_the_question(self) -> None:
        flow = counted(body(("a", Call()), ("ask", Ask())), {}, 2, id="looping")
        await turn(flow, {"q": 1})
        [pending] = await flow.pending()
        assert (pending.session_id, pending.output.id) == ("s", "l.ask")
        snapshot = await flow.snapshot("s")
        assert snapshot is not None
        assert (snapshot.status, snapshot.node, snapshot.next_nodes) == ("waiting", "l.ask", ["l.ask"])

    async def test_a_break_decided_by_an_answer(self) -> None:
        group = body(("ask", Ask()))
        branch = BranchComponent()
        branch.add_branch("${ask.answer} == 'stop'", "break")
        branch.add_branch("true", "end")
        group.add_workflow_comp("branch", branch).add_workflow_comp("break", BreakComponent())
        group.add_workflow_comp("end", Call()).add_connection("ask", "branch").end_nodes(["end"])
        flow = around(LoopComponent(group, {"a": "${ask.answer}"}), {"loop_type": "always_true"})
        await turn(flow, {})
        await turn(flow, InteractiveInput("go on"))
        assert (await turn(flow, InteractiveInput("stop"))).result["output"]["l"] == {"a": ["go on", "stop"]}


class TestChangedBetween:
    """A session that is resumed by a workflow whose loop was changed meanwhile."""

    async def talk(self, before: Workflow, after: Workflow, **runtime: Any) -> Any:
        """The first round's answer goes to one workflow, the others to the other."""
        await turn(before, {})
        found = await turn(before, InteractiveInput("A"))
        for letter in "BC":
            found = await turn(after, InteractiveInput(letter), **runtime)
        return found.result["output"]["l"]

    def asking(self, output_schema: dict[str, Any], *, router: bool = False) -> Workflow:
        group = body(("ask", Ask()))
        if router:
            group.add_conditional_connection("ask", list)
        return counted(group, output_schema, 3, id="changed")

    async def test_what_it_collects_is_part_of_its_shape(self) -> None:
        one = self.asking({"a": "${ask.answer}"})
        with pytest.raises(JiuWenBaseException) as error:
            await self.talk(one, self.asking({"a": "${ask.answer}", "i": "${l.index}"}))
        assert error.value.error_code == 100906

    async def test_who_insists_gets_what_every_round_gave_by_its_name(self) -> None:
        one = self.asking({"a": "${ask.answer}", "x": "${ask.answers}"})
        other = self.asking({"x": "${ask.answers}", "a": "${ask.answer}", "new": ["${ask.answer}"]})
        found = await self.talk(one, other, on_change="continue")
        assert found == {"x": [["A"], ["B"], ["C"]], "a": ["A", "B", "C"], "new": [None, ["B"], ["C"]]}

    @pytest.mark.parametrize("router", [True, False])
    async def test_a_round_may_end_in_another_way_than_it_began(self, *, router: bool) -> None:
        one, other = (self.asking({"a": "${ask.answer}"}, router=r) for r in (router, not router))
        assert await self.talk(one, other, on_change="continue") == {"a": ["A", "B", "C"]}

    async def test_the_message_says_where_inside(self) -> None:
        with pytest.raises(JiuWenBaseException, match="inside l: added more"):
            await self.talk(self.asking({}), counted(body(("ask", Ask()), ("more", Call())), {}, 3, id="changed"))


class TestFailures:
    @pytest.mark.parametrize("branching", [False, True])
    async def test_a_retry_goes_on_in_the_round_that_failed(self, *, branching: bool) -> None:
        before, fail = Call(), FailOnce(2)
        group = body(("before", before), ("fail", fail), ("after", Call()))
        if branching:
            group.add_conditional_connection("after", list)
        flow = counted(group, {"b": "${before.i}", "f": "${fail.i}"}, 3)
        error = await failure(flow)
        assert "[fail]" in error.message
        with pytest.raises(JiuWenBaseException):
            await turn(flow, InteractiveInput())
        assert (await turn(flow, InteractiveInput())).result["output"]["l"] == {"b": [0, 1, 2], "f": [0, 1, 2]}
        assert (before.executions, fail.executions) == (3, 5)

    @pytest.mark.parametrize("branching", [False, True])
    async def test_a_condition_that_fails_is_asked_again_and_repeats_no_component(self, *, branching: bool) -> None:
        answers: list[Any] = [True, ValueError("not now"), ValueError("nor now"), True, False]

        def condition() -> bool:
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return bool(answer)

        count = Call()
        group = body(("a", count))
        if branching:
            group.add_conditional_connection("a", list)
        flow = around(AdvancedLoopComponent(group, condition, callbacks=[OutputCallback({"i": "${a.i}"})]), None)
        assert "not now" in (await failure(flow)).message
        with pytest.raises(JiuWenBaseException, match="nor now"):
            await turn(flow, InteractiveInput())
        assert (await turn(flow, InteractiveInput())).result["output"]["l"] == {"i": [0, 1]}
        assert count.executions == 2

    async def test_no_branch_in_a_body_is_wrapped_with_the_loops_id(self) -> None:
        group = body(("a", BranchComponent()))
        error = await failure(counted(group, {}, 1))
        assert error.codes == (100005, 101102)
        assert "[l]" in error.message


class TestAdvanced:
    async def test_conditions_of_every_kind(self) -> None:
        class Twice(Condition):
            def invoke(self, inputs: Any, runtime: Any) -> Any:
                return runtime.index < 2, {"round": runtime.index}

        for condition, rounds in [
            (NumberCondition("${s.q}"), 3),
            (NumberCondition(2), 2),
            (ArrayCondition({"item": "${s.list}"}), 2),
            (ArrayCondition({"item": [1]}), 1),
            ("${l.index} < 4", 4),
            (Twice(), 2),
        ]:
            group = body(("a", Call()), a={"i": "${l.index}", "item": "${l.item}", "round": "${l.round}"})
            loop = AdvancedLoopComponent(group, condition, callbacks=[OutputCallback({"a": "${a}"})])
            flow = around(loop, None)
            flow = workflow()
            flow.set_start_comp("s", Start(), inputs_schema={"q": 3, "list": ["x", "y"]})
            flow.add_workflow_comp("l", loop).set_end_comp("e", End(), inputs_schema={"l": "${l}"})
            flow.add_connection("s", "l").add_connection("l", "e")
            found = (await output(flow, session=str(condition)))["a"]
            assert [entry["i"] for entry in found] == [*range(rounds)]
            if isinstance(condition, ArrayCondition):
                assert [entry["item"] for entry in found] == (["x", "y"] if rounds == 2 else [1])
            if isinstance(condition, Twice):
                assert [entry["round"] for entry in found] == [0, 1]

    async def test_callbacks_hear_of_everything_in_order(self) -> None:
        heard: list[Any] = []

        class Hears(LoopCallback):
            def first_in_loop(self, runtime: Any) -> Any:
                heard.append("first")
                return {"k": "first"}

            def start_round(self, runtime: Any) -> Any:
                heard.append("start")
                return {"started": runtime.index}

            async def end_round(self, runtime: Any, loop_times: int) -> Any:
                heard.append(("end", loop_times))
                return {"ended": loop_times}

            def out_loop(self, runtime: Any) -> Any:
                heard.append("out")
                return {"done": runtime.get_global_state("l.ended")}

        seen = {"k": "${l.k}", "s": "${l.started}", "e": "${l.ended}", "v": "${l.v}"}
        callbacks = [
            Hears(),
            IntermediateLoopVarCallback({"v": "${s.q}"}),
            OutputCallback({"a": "${a}"}, result_root="out"),
            OutputCallback({"i": "${a.s}"}),
        ]
        loop = AdvancedLoopComponent(body(("a", Call()), a=seen), NumberCondition(2), callbacks=callbacks)
        loop.register_callback(OutputCallback({"n": "${l.index}"}))
        flow = around(loop, None)
        flow.set_end_comp("end", End(), inputs_schema={"l": "${l}"}).add_connection("l", "end")
        assert await output(flow, {"q": 7}) == {
            "index": 0,
            "k": "first",
            "started": 1,
            "ended": 2,
            "v": 7,
            "done": 2,
            "out": {"a": [{"k": "first", "s": 0, "e": None, "v": 7}, {"k": "first", "s": 1, "e": 1, "v": 7}]},
            "i": [0, 1],
            "n": 2,
        }
        assert heard == ["first", "start", ("end", 1), "start", ("end", 2), "out"]

    async def test_without_a_condition_it_runs_until_a_break(self) -> None:
        stop = BreakComponent()
        group = body(("a", Call(total)))
        group.add_workflow_comp("stop", stop)
        group.add_conditional_connection("a", lambda runtime: "stop" if runtime.get_global_state("a.n") == 3 else [])
        loop = AdvancedLoopComponent(group, break_nodes=[stop], callbacks=[OutputCallback({"n": "${a.n}"})])
        assert await output(around(loop, None)) == {"n": [1, 2, 3]}

    async def test_q16_a_loop_in_a_loop(self) -> None:
        inner = body(("x", Call()), x={"i": "${in.index}", "o": "${l.index}", "q": "${s.q}"})
        nested = AdvancedLoopComponent(inner, NumberCondition("${l.size}"), callbacks=[OutputCallback({"x": "${x}"})])
        group = LoopGroup().add_workflow_comp("in", nested).start_nodes(["in"]).end_nodes(["in"])
        found = await output(counted(group, {"in": "${in.x}"}, 2, intermediate_var={"size": 2}), {"q": 5})
        assert found == {"in": [[{"i": i, "o": o, "q": 5} for i in range(2)] for o in range(2)]}
