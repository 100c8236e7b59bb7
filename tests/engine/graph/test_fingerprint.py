"""The shape of a workflow: equal where it should be, and different in words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jiuwen_lg import InteractiveInput, JiuWenBaseException, Workflow
from jiuwen_lg.engine.graph.fingerprint import difference
from tests.flows import Ask, Call, asked, chain, turn, workflow


def shape(flow: Workflow) -> dict[str, Any]:
    return dict(flow._compiled().identity.shape)


def digest(flow: Workflow) -> str:
    return flow._compiled().identity.fingerprint


def test_it_does_not_depend_on_configuration_or_objects() -> None:
    assert digest(chain(("a", Ask("x")))) == digest(chain(("a", Ask("y", "z"))))


def test_it_is_the_same_in_a_script_and_an_import(tmp_path: Path) -> None:
    code = "if __name__ == '__main__':\n    print(build('approval')._compiled().identity.fingerprint)\n"
    steps = Path(__file__).parents[2] / "programs" / "steps.py"
    script = tmp_path / "script.py"
    script.write_text(steps.read_text(encoding="utf-8").split("if __name__")[0] + code, encoding="utf-8")
    printed = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True).stdout.strip()
    from tests.programs.steps import build

    assert printed == digest(build("approval"))


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (lambda: chain(("a", Ask()), ("c", Call())), "renamed b to c"),
        (lambda: chain(("a", Ask())), "removed b"),
        (lambda: chain(("a", Ask()), ("b", Call()), ("c", Ask())), "added c"),
        (lambda: chain(("a", Ask()), ("b", Ask())), "changed b"),
        (lambda: chain(("a", Ask()), ("b", Call())).add_connection("start", "b"), "changed its connections"),
    ],
)
def test_a_difference_is_said_in_words(other: Any, words: str) -> None:
    assert words in difference(shape(chain(("a", Ask()), ("b", Call()))), shape(other()))


def test_what_shapes_a_components_frames_is_part_of_it() -> None:
    def flow(**options: Any) -> Workflow:
        return workflow().add_workflow_comp("g", Call(), **options).start_comp("g").end_comp("g")

    plain = digest(flow())
    assert len({plain, digest(flow(stream_outputs_schema={"v": "${x}"}))}) == 2
    assert len({plain, digest(flow(stream_outputs_transformer=lambda frame: frame))}) == 2


async def test_a_paused_session_does_not_resume_in_a_changed_workflow() -> None:
    await turn(chain(("ask", Ask()), ("b", Call())), {"q": 1})
    changed = chain(("ask", Ask()), ("c", Call()))
    with pytest.raises(JiuWenBaseException) as caught:
        await turn(changed, InteractiveInput("yes"))
    assert caught.value.error_code == 100906
    assert "renamed b to c" in caught.value.message


@pytest.mark.parametrize("id", [None, "named"])
async def test_it_resumes_all_the_same_if_the_caller_insists(id: str | None) -> None:
    before = chain(("ask", Ask("a?", "b?")), ("b", Call()), id=id)
    changed = chain(("ask", Ask("a?", "b?")), ("c", Call()), id=id)
    await turn(before, {"q": 1})
    await turn(changed, InteractiveInput("A"), on_change="continue")
    output = await turn(changed, InteractiveInput("B"))
    assert output.result["output"]["ask"]["answers"] == ["A", "B"]


async def test_a_named_workflow_that_changed_does_not_start_over_its_paused_session() -> None:
    await turn(chain(("ask", Ask()), id="named"), {"q": 1})
    with pytest.raises(JiuWenBaseException, match="100006"):
        await turn(chain(("ask", Ask()), ("more", Call()), id="named"), {"q": 2})


async def test_two_named_workflows_keep_apart_in_one_session() -> None:
    first, second = chain(("ask", Ask("1?")), id="W1"), chain(("ask", Ask("2?")), id="W")
    await turn(first, {"q": 1})
    await turn(second, {"q": 2})
    assert (await turn(second, InteractiveInput("two"))).result["output"]["ask"]["answer"] == "two"
    assert asked(await turn(first, InteractiveInput())) == [("ask", 0, "1?")]
    assert (await turn(first, InteractiveInput("one"))).result["output"]["ask"]["answer"] == "one"


async def test_another_object_of_the_same_workflow_resumes() -> None:
    await turn(chain(("ask", Ask())), {"q": 1})
    assert (await turn(chain(("ask", Ask())), InteractiveInput("yes"))).result["output"]["ask"]["answer"] == "yes"
