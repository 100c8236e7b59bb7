"""Pictures: the forms that notebooks, pages and terminals take, and where a session stands in them."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from jiuwen_lg import (
    BranchComponent,
    End,
    InteractiveInput,
    JiuWenBaseException,
    Start,
    Workflow,
    WorkflowConfig,
    WorkflowMetadata,
    WorkflowRuntime,
)
from tests.flows import Ask, Call, FailOnce, chain, parallel, turn
from tests.testing.test_runs import looping


def bundle(flow: Workflow) -> dict[str, str]:
    return flow._repr_mimebundle_()


def test_three_forms() -> None:
    forms = bundle(looping())
    assert set(forms) == {"text/html", "image/svg+xml", "text/plain"}
    image = forms["text/html"].partition("base64,")[2].partition('"')[0]
    assert b64decode(image).decode() == forms["image/svg+xml"] == looping().draw().svg
    assert ElementTree.fromstring(forms["image/svg+xml"]).tag == "{http://www.w3.org/2000/svg}svg"
    assert "start -> loop" in forms["text/plain"]


def test_closed_and_titled() -> None:
    drawn = looping().draw("会话", expand_subgraph=False)
    assert "会话" in drawn.svg
    assert "loop.a" not in drawn.svg
    assert drawn.text.splitlines()[:2] == ["会话", "start -> loop"]
    assert looping().to_mermaid_svg("会话") == drawn.svg.encode()
    with pytest.raises(JiuWenBaseException) as error:
        looping().draw(expand_subgraph="all")  # type: ignore[arg-type]
    assert error.value.error_code == 110025


@pytest.mark.parametrize(
    "title",
    ["- draft", "!Alarm", "? what", "-", ", x", "123", "null", "True", "!", " x", "订单", "a: b", "x ", "</pre><b>`%&"],
)
def test_titles_stay_what_they_are(title: str) -> None:
    """The head of Mermaid text is YAML."""
    head = looping().to_mermaid(title).split("---")[1]
    assert yaml.safe_load(head) == {"title": title}


@pytest.mark.parametrize(("name", "begins"), [("a.svg", "<svg"), ("a.mmd", "flowchart TB"), ("a.txt", "start")])
def test_files(name: str, begins: str, tmp_path: Path) -> None:
    assert looping().draw().save(tmp_path / name).read_text(encoding="utf-8").startswith(begins)
    with pytest.raises(ValueError, match=r"\.svg"):
        looping().draw().save("a.png")


class TestWhereASessionStands:
    async def test_it_asks(self) -> None:
        flow = chain(("a", Call()), ("b", Ask("?")), ("c", Call()), id="w")
        await turn(flow, {"q": 1})
        snapshot = await flow.snapshot("s")
        assert snapshot is not None
        assert snapshot.picture.marks == {"start": "done", "a": "done", "b": "waiting"}
        assert "class node_3 waiting" in snapshot.picture.mermaid
        assert 'data-mark="waiting"' in snapshot._repr_mimebundle_()["image/svg+xml"]
        assert "b [waiting] -> c" in snapshot.picture.text
        await turn(flow, InteractiveInput("x"))
        assert (await flow.snapshot("s")).picture.marks == {}  # type: ignore[union-attr]

    async def test_it_failed_beside_a_question(self) -> None:
        flow = parallel(("asks", Ask("?")), ("fails", FailOnce()), id="w")
        with pytest.raises(JiuWenBaseException):
            await turn(flow, {"q": 1})
        marks = (await flow.snapshot("s")).picture.marks  # type: ignore[union-attr]
        assert marks == {"start": "done", "asks": "waiting", "fails": "failed"}

    async def test_it_was_told_to_stop(self) -> None:
        flow = chain(("a", Call()), ("b", Call()), id="w")
        stopped = await flow.invoke({"q": 1}, WorkflowRuntime(session_id="s", interrupt_before=["b"]))
        assert stopped.snapshot is not None
        assert stopped.snapshot.picture.marks == {"start": "done", "a": "done", "b": "next"}

    async def test_inside_a_loop(self) -> None:
        from jiuwen_lg import End, LoopComponent, LoopGroup, Start
        from tests.flows import workflow

        body = LoopGroup()
        body.add_workflow_comp("a", Call(), inputs_schema={"item": "${loop.item}"})
        body.add_workflow_comp("b", Ask("?"), inputs_schema={})
        body.start_nodes(["a"])
        body.end_nodes(["b"])
        body.add_connection("a", "b")
        flow = workflow("w")
        flow.set_start_comp("start", Start(), inputs_schema={})
        schema = {"loop_type": "array", "loop_array": {"item": [1, 2]}}
        flow.add_workflow_comp("loop", LoopComponent(body, {"items": "${a.item}"}), inputs_schema=schema)
        flow.set_end_comp("end", End(), inputs_schema={})
        flow.add_connection("start", "loop").add_connection("loop", "end")
        await turn(flow, {})
        picture = (await flow.snapshot("s")).picture  # type: ignore[union-attr]
        assert picture.marks["loop.b"] == "waiting"
        assert "class node_4 waiting" in picture.mermaid


def test_names_and_labels_cannot_leave_the_drawing() -> None:
    """It stands in pages, and Mermaid takes a directive from anywhere in it."""
    hostile = '</pre><script>x</script>%%{init: {"theme": "dark"}}%% &lt; \x1b[2J'
    flow = Workflow(WorkflowConfig(metadata=WorkflowMetadata(id="w", name=hostile)))
    flow.set_start_comp("start", Start()).set_end_comp("end", End())
    branch = BranchComponent()
    branch.add_branch(f"${{start.q}} == {json.dumps(hostile)}", ["end"], branch_id="b")
    branch.add_branch("true", ["end"], branch_id="c")
    flow.add_workflow_comp("branch", branch).add_connection("start", "branch")
    for drawn in (flow.draw().mermaid, flow.to_mermaid(hostile)):
        assert not {"<", "`", "\x1b", "&"} & set(drawn)
        assert "%%{" not in drawn
