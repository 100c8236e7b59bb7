"""BranchComponent, BranchRouter and conditions."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jiuwen_lg import (
    AlwaysTrue,
    BranchComponent,
    BranchRouter,
    Condition,
    End,
    ExpressionCondition,
    FuncCondition,
    InteractiveInput,
    JiuWenBaseException,
    NumberCondition,
    Start,
    Workflow,
)
from tests.flows import Ask, Call, FailOnce, asked, turn, workflow


def branching(*branches: tuple[Any, ...], router: bool = False) -> tuple[Workflow, dict[str, Call]]:
    """start → branch → a, b, c (whatever the branches say) → end; end shows who ran and the branch's output."""
    flow = workflow()
    flow.set_start_comp("start", Start(), inputs_schema={"n": "${n}", "in": "${in}"})
    if router:
        chooser = BranchRouter()
        flow.add_workflow_comp("branch", Call(lambda i, r: {"own": 1}))
        flow.add_conditional_connection("branch", chooser)
    else:
        chooser = BranchComponent()
        flow.add_workflow_comp("branch", chooser)
    for branch in branches:
        chooser.add_branch(*branch)
    flow.add_connection("start", "branch")
    parts = {name: Call(lambda i, r: {"ran": r.executable_id()}) for name in "abc"}
    for name, part in parts.items():
        flow.add_workflow_comp(name, part).add_connection(name, "end")
    schema = {**{name: f"${{{name}.ran}}" for name in parts}, "branch": "${branch}"}
    flow.set_end_comp("end", End(), inputs_schema=schema)
    return flow, parts


async def ran(flow: Workflow, inputs: dict[str, Any], session: str = "s") -> list[str]:
    output = (await turn(flow, inputs, session)).result["output"]
    return sorted(key for key in output if key != "branch")


@pytest.mark.parametrize("router", [False, True], ids=["component", "router"])
@pytest.mark.parametrize(("n", "expected"), [(9, ["a"]), (5, ["b", "c"]), (0, [])])
async def test_the_first_condition_that_holds_counts(n: int, expected: list[str], *, router: bool) -> None:
    flow, _ = branching(
        ("${start.n} > 7", "a"), ("${start.n} > 3", ("b", "c")), (lambda: True, "end", "else"), router=router
    )
    assert await ran(flow, {"n": n}) == expected


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (ExpressionCondition("is_empty(${start.n})"), True),
        (FuncCondition(lambda: 0), False),
        (AlwaysTrue(), True),
        (ExpressionCondition(""), True),
        ("${start.missing}", False),
        ("${start.in} == [] || ${n}", True),
    ],
)
async def test_every_kind_of_condition(condition: Any, *, holds: bool) -> None:
    flow, _ = branching((condition, "a"), (lambda: True, "b"))
    assert await ran(flow, {"in": []}) == (["a"] if holds else ["b"])


@pytest.mark.parametrize("answer", [True, False])
async def test_q35_async_callables_are_awaited(answer: bool) -> None:
    async def condition() -> bool:
        await asyncio.sleep(0)
        return answer

    flow, _ = branching((condition, "a"), (lambda: True, "b"))
    assert await ran(flow, {}) == (["a"] if answer else ["b"])


class Between(Condition):
    """Holds between two numbers; async, and tells what it saw."""

    def __init__(self) -> None:
        super().__init__({"n": "${start.n}", "top": 9})

    async def invoke(self, inputs: Any, runtime: Any) -> Any:
        assert runtime.state().get_global("start.n") == inputs["n"]
        return 0 < inputs["n"] < inputs["top"], {"saw": inputs["n"], "a.b": 1}


async def test_a_conditions_outputs_become_the_branchs() -> None:
    """Whether or not it holds, as in openJiuwen."""
    flow, _ = branching((Between(), "a"), (lambda: True, "b"))
    for session, n, expected in (("holds", 5, "a"), ("does not", 50, "b")):
        output = (await turn(flow, {"n": n}, session)).result["output"]
        assert output == {expected: expected, "branch": {"saw": n, "a.b": 1}}


@pytest.mark.parametrize("text", ["(${start.n} > 5,)", "(${start.n}, 2)", "(${start.n}, {'leaked': 1})"])
async def test_an_expression_whose_value_is_a_tuple_is_true(text: str) -> None:
    flow, _ = branching((text, "a"))
    assert (await turn(flow, {"n": 1})).result["output"] == {"a": "a", "branch": {}}


async def test_q34_outputs_are_not_shadowed_by_inputs_of_the_same_name() -> None:
    flow, _ = branching(("${start.n} == 99", "a"), ("${start.n} == 3", "b"))
    assert await ran(flow, {"start": {"n": 99}, "n": 3}) == ["b"]


async def test_explicit_connections_add_up() -> None:
    flow, _ = branching(("true", "a"))
    flow.add_connection("branch", "b")
    assert await ran(flow, {}) == ["a", "b"]


class TestErrors:
    async def test_no_branch_is_101102_and_can_be_tried_again(self) -> None:
        answers = [False, True]
        flow, parts = branching((lambda: answers.pop(0), "a"))
        with pytest.raises(JiuWenBaseException) as error:
            await turn(flow, {})
        assert str(error.value) == "[101102] Branch meeting the condition was not found."
        assert (await turn(flow, InteractiveInput())).result["output"]["a"] == "a"
        assert parts["a"].executions == 1

    @pytest.mark.parametrize(
        ("branch", "code"),
        [
            (("", "a"), 101100),
            ((None, "a"), 101100),
            (("true", ""), 101100),
            (("true", []), 101100),
            (("true", ["a", ""]), 101100),
            ((3, "a"), 101101),
            (("${a} >", "a"), 140000),
            (("unquoted == 1", "a"), 140001),
            (("1" * 5001, "a"), 140001),
        ],
    )
    def test_a_bad_branch_is_refused_when_it_is_added(self, branch: tuple[Any, Any], code: int) -> None:
        with pytest.raises(JiuWenBaseException) as error:
            BranchComponent().add_branch(*branch)
        assert error.value.error_code == code

    @pytest.mark.parametrize(
        ("branch", "code"),
        [((None, "a"), 101100), (("true", None), 101100), ((3, "a"), 101101), (("${a} >", "a"), 140000)],
    )
    def test_a_router_by_itself_refuses_less(self, branch: tuple[Any, Any], code: int) -> None:
        """An empty condition always holds, and no target ends the run there (`components.md` 3.5)."""
        with pytest.raises(JiuWenBaseException) as error:
            BranchRouter().add_branch(*branch)
        assert error.value.error_code == code
        router = BranchRouter()
        router.add_branch("", [])
        assert [branch.target for branch in router.branches] == [[]]

    @pytest.mark.parametrize(
        ("condition", "code", "text"),
        [
            ("${start.n} > 'x'", 140001, "not supported"),
            (lambda: 1 / 0, 100100, "division by zero"),
            (NumberCondition(3), 100100, "no rounds to count"),
            (Condition(), 100100, "does not override invoke"),
        ],
    )
    async def test_a_condition_that_fails(self, condition: Any, code: int, text: str) -> None:
        flow, _ = branching((condition, "a"))
        with pytest.raises(JiuWenBaseException, match=text) as error:
            await turn(flow, {"n": 1})
        assert error.value.error_code == code

    async def test_an_unknown_target_is_100100_and_named(self) -> None:
        flow, _ = branching(("true", "ghost"))
        with pytest.raises(JiuWenBaseException, match="ghost") as error:
            await turn(flow, {})
        assert error.value.error_code == 100100


async def test_questions_and_failures_on_both_branches_of_a_pair() -> None:
    flow = workflow()
    flow.set_start_comp("start", Start())
    branch = BranchComponent()
    branch.add_branch("true", ["ask", "fail"])
    ask, fail = Ask(), FailOnce()
    flow.add_workflow_comp("branch", branch).add_connection("start", "branch")
    flow.add_workflow_comp("ask", ask).add_workflow_comp("fail", fail, inputs_schema={"x": 1})
    flow.set_end_comp("end", End(), inputs_schema={"ask": "${ask.answer}", "fail": "${fail.x}"})
    flow.add_connection(["ask", "fail"], "end")
    with pytest.raises(JiuWenBaseException):
        await turn(flow, {})
    assert asked(await turn(flow, InteractiveInput())) == [("ask", 0, "ok?")]
    output = await turn(flow, InteractiveInput("yes"))
    assert output.result == {"output": {"ask": "yes", "fail": 1}}
    assert fail.executions == 2


async def test_a_branch_may_lead_back() -> None:
    def count(inputs: Any, runtime: Any) -> dict[str, int]:
        n = (runtime.get_state("n") or 0) + 1
        runtime.update_state({"n": n})
        return {"n": n}

    flow = workflow()
    flow.set_start_comp("start", Start())
    flow.add_workflow_comp("count", Call(count))
    branch = BranchComponent()
    branch.add_branch("${count.n} < 3", "count")
    branch.add_branch("true", "end")
    flow.add_workflow_comp("branch", branch).add_connection("start", "count").add_connection("count", "branch")
    flow.set_end_comp("end", End(), inputs_schema={"n": "${count.n}"})
    assert (await turn(flow, {})).result == {"output": {"n": 3}}
