"""The Mermaid text of a workflow."""

from typing import Any

import pytest

from jiuwen_lg import (
    BranchComponent,
    End,
    JiuWenBaseException,
    LoopComponent,
    LoopGroup,
    Start,
    SubWorkflowComponent,
    Workflow,
)
from tests.flows import Call, chain, parallel


def test_a_drawing_has_every_component_and_every_edge_once() -> None:
    flow = parallel(("a", Call()), ("b", Call())).add_connection("start", "a")
    assert flow.to_mermaid("A title").splitlines() == [
        "---",
        "title: A title",
        "---",
        "flowchart TB",
        '    node_1("start")',
        '    node_2("end")',
        '    node_3["a"]',
        '    node_4["b"]',
        "    node_1 --> node_3",
        "    node_1 --> node_4",
        "    node_3 --> node_2",
        "    node_4 --> node_2",
    ]


def test_a_workflow_that_is_not_complete_is_not_drawn() -> None:
    with pytest.raises(JiuWenBaseException, match=r"\[110006\].*ghost"):
        chain(("a", Call())).add_connection("a", "ghost").to_mermaid()


def nested() -> Workflow:
    """start → branch → loop (a → sub-workflow) or end; loop → end."""
    sub = chain(("inner", Call()))
    body = LoopGroup().add_workflow_comp("a", Call()).add_workflow_comp("sub", SubWorkflowComponent(sub))
    body.add_connection("a", "sub").start_nodes(["a"]).end_nodes(["sub"])
    flow = Workflow()
    flow.set_start_comp("start", Start(), inputs_schema={"q": "${q}"})
    branch = BranchComponent()
    branch.add_branch('${start.q} == "x" && ${start.q} < 3', "loop")
    branch.add_branch("true", ["end"], "no loop")
    flow.add_workflow_comp("branch", branch).add_connection("start", "branch")
    flow.add_workflow_comp("loop", LoopComponent(body, {}), inputs_schema={"loop_type": "number", "loop_number": 2})
    flow.set_end_comp("end", End())
    return flow.add_connection("loop", "end")


def test_loops_and_sub_workflows_are_boxes_and_conditions_stand_on_the_edges() -> None:
    assert nested().to_mermaid().splitlines() == [
        "flowchart TB",
        '    node_1("start")',
        '    node_2{"branch"}',
        '    subgraph node_3["↻ loop (2 ×)"]',
        '        node_4("a")',
        '        subgraph node_5["sub"]',
        '            node_6("start")',
        '            node_7["inner"]',
        '            node_8("end")',
        "            node_6 --> node_7",
        "            node_7 --> node_8",
        "        end",
        "        node_4 --> node_5",
        "    end",
        '    node_9("end")',
        "    node_1 --> node_2",
        "    node_3 --> node_9",
        '    node_2 -.->|"${start.q} == #quot;x#quot; && ${start.q} #lt; 3"| node_3',
        '    node_2 -.->|"no loop"| node_9',
    ]


def test_streams_are_thick_and_may_move() -> None:
    flow = chain(("a", Call()))
    flow.add_workflow_comp("b", Call()).add_stream_connection("a", "b")
    assert flow.to_mermaid().splitlines()[-1] == "    node_2 ==> node_4"
    moving = flow.to_mermaid(enable_animation=True).splitlines()
    assert moving[-2:] == ["    node_2 link_1@==> node_4", "    link_1@{animate: true}"]


def test_boxes_are_opened_as_far_as_is_asked_for() -> None:
    flow = nested()
    assert [flow.to_mermaid(expand_subgraph=levels).count("subgraph") for levels in (False, 0, 1, 2, True)] == [
        *(0, 0, 1, 2, 2)
    ]


def test_a_workflow_in_itself_is_opened_once() -> None:
    flow = chain(("a", Call()))
    flow.add_workflow_comp("again", SubWorkflowComponent(flow)).add_connection("a", "again")
    assert flow.to_mermaid().count("subgraph") == 0
    around = chain(("sub", SubWorkflowComponent(flow)))
    assert around.to_mermaid().count("subgraph") == 1


def test_a_title_may_have_any_characters() -> None:
    assert chain(("a", Call())).to_mermaid('a: "b"').splitlines()[1] == 'title: "a: \\"b\\""'


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"title": 3}, 110024),
        ({"title": "a\nb"}, 110024),
        ({"expand_subgraph": "all"}, 110025),
        ({"expand_subgraph": -1}, 110025),
        ({"enable_animation": "yes"}, 110026),
    ],
)
def test_arguments_that_cannot_be_used_are_refused(arguments: dict[str, Any], code: int) -> None:
    with pytest.raises(JiuWenBaseException) as error:
        chain(("a", Call())).to_mermaid(**arguments)
    assert error.value.error_code == code


def test_langgraph_draws_what_is_inside_too() -> None:
    drawing = nested().compile().get_graph(xray=True)
    assert {"branch", "loop:a", "loop:sub:inner"} <= drawing.nodes.keys()
    assert ("branch", "no loop") in {(edge.source, edge.data) for edge in drawing.edges}
