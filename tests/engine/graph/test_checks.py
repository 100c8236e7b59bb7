"""What means nothing is told, with component, field and remedy; what means something is not."""

from __future__ import annotations

from typing import Any

import pytest

from jiuwen_lg import (
    BranchComponent,
    BranchRouter,
    End,
    ExpressionCondition,
    JiuWenBaseException,
    LoopComponent,
    LoopGroup,
    Start,
    SubWorkflowComponent,
    Workflow,
    WorkflowConfig,
    WorkflowInputsSchema,
)
from tests.flows import Call, turn


def flow_of(schema: Any, component: Any = None, **config: Any) -> Workflow:
    """start → c → end; `c` gets the schema."""
    flow = Workflow(WorkflowConfig(**config))
    flow.set_start_comp("start", Start({"inputs": [{"id": "opt"}]}), inputs_schema={"text": "${text}"})
    flow.add_workflow_comp("c", component or Call(), inputs_schema=schema)
    flow.set_end_comp("end", End(), inputs_schema={"c": "${c}"})
    return flow.add_connection("start", "c").add_connection("c", "end")


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("${strat.text}", "did you mean ${start.text}?"),
        ("${strat.text[0]}", "did you mean ${start.text[0]}?"),
        ("报销 ${start.text} 元", "a reference in it is not filled in"),
        ("${start.text} ${start.opt}", "only the first reference counts"),
        ("${start.text}!", "a reference in it is not filled in"),
        ('${start["text"]}', "write ${start['text']}"),
        ("${start.text[0:1]}", "a reference has no slices"),
        ("${start.text[:]}", "a reference has no slices"),
        ("{{start.text}}", "write '${start.text}'"),
        ("{{ start.text }}", "write '${start.text}'"),
    ],
)
@pytest.mark.parametrize("deep", [False, True])
async def test_what_is_hardly_meant_is_one_warning(
    written: str, told: str, deep: bool, caplog: pytest.LogCaptureFixture
) -> None:
    flow = flow_of({"v": [{"w": written}]} if deep else {"v": written})
    (warning,) = flow.check()
    place = "component [c], inputs_schema['v']" + ("[0]['w']" if deep else "")
    assert warning.startswith(f"{place}: ")
    assert told in warning
    for session in "ab":
        await turn(flow, {"text": "hi"}, session)
    assert [r.getMessage() for r in caplog.records if r.getMessage().startswith(place)] == [warning]


@pytest.mark.parametrize(
    "written",
    [
        *("${start.text}", "${ start.text }", " ${start.text} ", "${start}", "${start.opt}", "${start['text']}"),
        *("${text}", "${user.name}", "${query}", "${c.Price [USD]}", "${c['a:b']}", "${start.text.deep[0]}"),
        *("plain", "{{slot}}", "a {{start.text}} b", "$5", "$ {x}", "{}", "${", 5, None, ["x"], "100% ${"),
    ],
)
async def test_what_means_something_is_not_told(written: Any, caplog: pytest.LogCaptureFixture) -> None:
    flow = flow_of({"v": written})
    assert flow.check() == []
    await turn(flow, {"text": "hi", "user": {"name": "Li"}})
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("written", "near"), [("${start.tt}", "text"), ("${start.txet}", "text"), ("${start.op}", "opt")]
)
async def test_what_can_never_be_right_is_an_error_of_the_check(
    written: str, near: str, caplog: pytest.LogCaptureFixture
) -> None:
    flow = flow_of({"v": written})
    with pytest.raises(JiuWenBaseException, match=r"\[110006\].*\[c\], inputs_schema\['v'\]") as error:
        flow.check()
    assert f"did you mean ${{start.{near}}}?" in error.value.message
    assert (await turn(flow, {"text": "hi"})).result == {"output": {"c": {"v": None}}}
    assert f"did you mean ${{start.{near}}}?" in caplog.text


async def test_an_unknown_name_is_told_in_the_first_run_unless_it_is_an_input(caplog: pytest.LogCaptureFixture) -> None:
    flow = flow_of({"v": "${user.name}"})
    await turn(flow, {"text": "hi"})
    assert "'user' is neither a component nor an input" in caplog.text


async def test_a_subclass_of_start_may_give_anything() -> None:
    class Mine(Start):
        """Gives more."""

    flow = Workflow().set_start_comp("start", Mine(), inputs_schema={})
    flow.set_end_comp("end", End(), inputs_schema={"x": "${start.more}"}).add_connection("start", "end")
    assert flow.check() == []


def loop_of(reference: str) -> Workflow:
    body = LoopGroup().add_workflow_comp("w", Call(), inputs_schema={"x": reference})
    loop = LoopComponent(body.start_nodes(["w"]).end_nodes(["w"]), {"x": "${w.x}"})
    return flow_of({"loop_type": "array", "loop_array": {"item": ["a"]}, "intermediate_var": {"sum": 0}}, loop)


@pytest.mark.parametrize("reference", ["${c.item}", "${c.index}", "${c.sum}", "${w.x}", "${start.text}", "${text}"])
def test_a_body_sees_its_loop_itself_and_what_is_around(reference: str) -> None:
    assert loop_of(reference).check() == []


@pytest.mark.parametrize("reference", ["${loop.item}", "${lines.item}", "${x.sum}"])
def test_a_variable_of_another_loop_is_told_with_the_right_one(reference: str) -> None:
    (warning,) = loop_of(reference).check()
    assert warning.startswith("component [c.w], inputs_schema['x']: ")
    assert f"did you mean ${{c.{reference[2:-1].partition('.')[2]}}}?" in warning


def test_a_sub_workflow_sees_what_it_is_given_and_nothing_else() -> None:
    def inner(reference: str) -> Workflow:
        return flow_of({"v": "${start.text}", "w": reference})

    for reference, count in (("${text}", 0), ("${given}", 0), ("${givne}", 1), ("${outer.x}", 1)):
        flow = flow_of({"text": "${start.text}", "given": 1}, SubWorkflowComponent(inner(reference)))
        assert len(flow.check()) == count


def test_declared_inputs_are_all_there_are() -> None:
    schema = WorkflowInputsSchema(type="object", properties={"text": {"type": "string"}})
    assert flow_of({"v": "${text}"}, workflow_inputs_schema=schema).check() == []
    (warning,) = flow_of({"v": "${other}"}, workflow_inputs_schema=schema).check()
    assert "'other' is neither a component nor an input, the inputs are ['text']" in warning


def branching(expression: str, *, as_component: bool) -> Workflow:
    flow = Workflow().set_start_comp("start", Start(), inputs_schema={"a": "${a}"})
    flow.set_end_comp("end", End(), inputs_schema={})
    if as_component:
        branch = BranchComponent()
        branch.add_branch(expression, "end")
        return flow.add_workflow_comp("choose", branch).add_connection("start", "choose")
    router = BranchRouter()
    router.add_branch(expression, "end")
    return flow.add_conditional_connection("start", router)


@pytest.mark.parametrize("as_component", [False, True])
def test_conditions_are_looked_at(as_component: bool) -> None:
    assert branching("${start.a} > 1", as_component=as_component).check() == []
    (quoted,) = branching("'${start.a}' == 'x'", as_component=as_component).check()
    assert "'${start.a}' is a text, a reference in quotes is not filled in: write ${start.a}" in quoted
    with pytest.raises(JiuWenBaseException, match=r"a condition of its branches.*\$\{start.b\} leads nowhere"):
        branching("${start.b} > 1", as_component=as_component).check()


def test_a_component_that_nothing_leads_to_and_a_missing_end() -> None:
    flow = Workflow().set_start_comp("start", Start(), inputs_schema={})
    flow.add_workflow_comp("lonely", Call())
    assert flow.check() == [
        "the workflow: it has no End, so its result is None: add one with set_end_comp",
        "component [lonely]: nothing leads to it from a start, so it never runs: connect it with add_connection",
    ]
    flow.set_end_comp("end", End(), inputs_schema={})
    assert flow.check()[0] == "component [end]: nothing leads to it from a start"
    assert flow.add_connection("start", "lonely").add_connection("lonely", "end").check() == []


@pytest.mark.parametrize(
    ("expression", "remedy"),
    [
        ("${a} === 'x'", "'==='"),
        ("${a} !== 'x'", "write '!='"),
        ("${a} <> 1", "write '!='"),
        ("${a} => 1", "write '>='"),
        ("${a} = 1", "write '==' to compare"),
        ("${a} contains 'x'", "write 'x in text'"),
        ("${a} CONTAINS 'x'", "write 'x in text'"),
        ("${a} > 1 AND ${b} < 2", "write 'and' or '&&'"),
        ("${a} > 1 且 ${b} < 2", "write 'and' or '&&'"),
        ("${a} OR ${b}", "write 'or' or '||'"),
        ("!${a}", "write 'not'"),
        ("NOT ${a}", "write 'not'"),
        ("${a} ? 1 : 2", "two branches"),
        ("${a} ＞ 1", "the ASCII sign"),
        ("“x” == ${a}", "straight quotes"),
    ],
)
def test_an_operator_of_another_language_is_named_with_ours(expression: str, remedy: str) -> None:
    with pytest.raises(JiuWenBaseException, match=r"\[140000\]") as error:
        ExpressionCondition(expression)
    assert remedy in error.value.message


@pytest.mark.parametrize("expression", ["'===' == ${a}", "'a AND b' in ${a}", "${a.AND} == 1", "'?' == \"!\""])
def test_texts_and_references_are_no_operators(expression: str) -> None:
    ExpressionCondition(expression)
