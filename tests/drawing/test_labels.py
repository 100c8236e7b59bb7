"""Labels and kinds: what people read instead of ids, and how kinds of components look."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from jiuwen_lg import (
    End,
    InteractiveInput,
    JiuWenBaseException,
    LoopGroup,
    Start,
    SubWorkflowComponent,
    TraceSchema,
    Workflow,
)
from jiuwen_lg.command import main
from jiuwen_lg.drawing.layout import layout_of
from jiuwen_lg.drawing.model import drawing_of
from jiuwen_lg.drawing.shapes import inset
from tests.drawing.expense import Review, expenses, work
from tests.drawing.test_svg import by_id, parsed
from tests.flows import Ask, Call, chain, turn, workflow

SVG = "{http://www.w3.org/2000/svg}"


def labelled(label: str | None, description: str | None = None) -> Workflow:
    flow = Workflow().set_start_comp("start", Start(), inputs_schema={}, label=label)
    flow.add_workflow_comp("a", work, inputs_schema={}, label=label, description=description)
    return flow.set_end_comp("end", End(), inputs_schema={}, label=label).add_connection(["start"], "a")


def words(group: ET.Element) -> str:
    text = group.find(f"{SVG}text")
    assert text is not None
    return " ".join(span.text or "" for span in text)


def test_labels_are_shown_and_ids_are_told_at_the_mouse() -> None:
    flow = labelled("经理审批", "五千元以上")
    picture = flow.draw()
    box = by_id(picture.svg)["a"]
    assert words(box) == "经理审批"
    assert box.findtext(f"{SVG}title") == "a\n五千元以上"
    assert 'node_2["经理审批"]' in picture.mermaid
    assert picture.text.splitlines()[1] == "经理审批 (a)"


def test_every_add_takes_a_label() -> None:
    body = LoopGroup().add_workflow_comp("a", Call(), label="一步", description="d")
    assert [box.label for box in drawing_of(body.definition).boxes] == ["一步"]
    assert [box.label for box in drawing_of(labelled("名").definition).boxes] == ["名"] * 3


@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_without_a_label_the_id_is_shown(nothing: str | None) -> None:
    assert [box.label for box in drawing_of(labelled(nothing).definition).boxes] == ["start", "a", "end"]


@pytest.mark.parametrize("wrong", [3, ["a"], b"a"])
def test_a_label_that_is_no_text_is_refused(wrong: Any) -> None:
    with pytest.raises(JiuWenBaseException, match=r"the label of \[start\] is a text"):
        labelled(wrong)
    with pytest.raises(JiuWenBaseException, match=r"the description of \[a\] is a text"):
        labelled(None, wrong)


def test_a_label_is_not_part_of_the_shape() -> None:
    assert labelled(None).identity().fingerprint == labelled("经理审批", "x").identity().fingerprint


def test_every_kind_looks_different() -> None:
    boxes = by_id(expenses().draw().svg)
    kinds = {id: group.attrib["data-kind"] for id, group in boxes.items()}
    assert {kinds[id] for id in kinds} == {
        *("start", "end", "component", "model", "question", "tool", "branch", "loop", "workflow")
    }
    assert (kinds["classify"], kinds["amount"], kinds["manager"], kinds["pay"]) == (
        *("model", "branch", "question", "tool"),
    )
    icons = {
        group[i].attrib["data-icon"]
        for group in boxes.values()
        for i in range(len(group))
        if "data-icon" in group[i].attrib
    }
    assert icons == {"model", "question", "tool", "loop", "workflow"}
    diamond = boxes["amount"]
    assert diamond.find(f"{SVG}rect") is None and diamond.find(f"{SVG}path") is not None
    assert len(boxes["items"].findall(f"{SVG}g[@data-loop]")) == 1


def test_mermaid_has_a_shape_for_every_kind() -> None:
    text = expenses().to_mermaid()
    assert all(
        shape in text
        for shape in (
            *('("提交申请")', '(["识别费用类型"])', '{"金额分流"}', '{{"经理审批"}}', '[["付款"]]', '["归档0"]'),
            *('subgraph node_5["↻ 逐项核对报销明细 (item)"]', '["逐项复核子流程"]', "==>"),
        )
    )


def test_a_kind_that_is_unknown_is_a_plain_component() -> None:
    class Odd(Review):
        def __init__(self, drawn_as: Any) -> None:
            self.drawn_as = drawn_as

    for unknown in (["question"], "rocket", None):
        assert 'node_2["a"]' in chain(("a", Odd(unknown))).to_mermaid()


def test_arrows_reach_the_sides_of_a_diamond() -> None:
    """Those that touch it beside a tip begin or end at its outline, not at its bounds."""
    layout = layout_of(drawing_of(expenses().definition))
    (place,) = (place for place in layout.places if place.box.id == "amount")
    touching = [route for route in layout.routes if route.arrow.source == "amount"]
    assert len({route.points[0] for route in touching}) == 3
    groups = parsed(expenses().draw().svg).iter(f"{SVG}g")
    lines = [group[0].attrib["d"] for group in groups if group.get("data-source") == "amount"]
    for route in touching:
        x, y = route.points[0]
        reached = y + inset(place, x, y)
        across, down = abs(x - place.x - place.width / 2), abs(reached - place.y - place.height / 2)
        assert across / (place.width / 2) + down / (place.height / 2) == pytest.approx(1)
        assert any(line.endswith((f"V{round(reached)}", f" {x} {round(reached)}")) for line in lines)


def approval(label: str = "经理审批") -> Workflow:
    inner = chain(("approve", Ask("ok?")))
    inner.definition.components["approve"] = replace(inner.definition.components["approve"], label=label)
    flow = workflow("labelled").set_start_comp("start", Start(), inputs_schema={})
    flow.add_workflow_comp("sub", SubWorkflowComponent(inner), inputs_schema={}, label="子流程")
    flow.add_workflow_comp("plain", Ask("and you?"), inputs_schema={}, label="财务审批")
    flow.set_end_comp("end", End(), inputs_schema={"a": "${plain.answer}"})
    flow.add_connection("start", "sub").add_connection("start", "plain")
    return flow.add_connection(["sub", "plain"], "end")


async def test_questions_carry_labels_in_every_process(capsys: pytest.CaptureFixture[str]) -> None:
    """They are stored with the question: a list of sessions shows them without the workflow."""
    flow = approval()
    paused = await turn(flow, {})
    assert [(f.payload.id, f.payload.label) for f in paused.result] == [
        *(("sub.approve", "经理审批"), ("plain", "财务审批"))
    ]
    assert [p.output.label for p in await flow.pending("s")] == ["经理审批", "财务审批"]
    assert [q.label for q in (await flow.snapshot("s")).questions] == ["经理审批", "财务审批"]  # type: ignore[union-attr]
    assert "经理审批" in paused._repr_mimebundle_()["text/html"]
    again = await turn(approval("总监审批"), InteractiveInput().update("plain", "yes"))
    assert [(f.payload.id, f.payload.label) for f in again.result] == [("sub.approve", "总监审批")]
    main(["sessions", "show", "s"])
    assert "[sub.approve] 总监审批 asks: ok?" in capsys.readouterr().out
    done = await turn(approval(), InteractiveInput("yes"))
    assert done.result == {"output": {"a": "yes"}}


async def test_traces_name_labels() -> None:
    flow = labelled("名")
    names = {
        f.payload["invokeId"]: f.payload["componentName"] async for f in flow.stream({}) if isinstance(f, TraceSchema)
    }
    assert names == {"start": "名", "a": "名"}
