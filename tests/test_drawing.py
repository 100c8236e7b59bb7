"""The Mermaid text of a workflow."""

import pytest

from jiuwen_lg import JiuWenBaseException
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
