"""The terminal view of a running workflow."""

from __future__ import annotations

import io
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from rich.console import Console

from jiuwen_lg import End, InteractiveInput, JiuWenBaseException, SimpleComponent, Start, Workflow, WorkflowRuntime
from jiuwen_lg.terminal import watch
from tests.flows import Ask, Call, chain, workflow
from tests.loops import body, counted


async def watched(flow: Workflow, given: Any, session: str = "s") -> tuple[str, Any]:
    """What stands in the terminal at the end, and what came out (or the error)."""
    shown = io.StringIO()
    console = Console(file=shown, width=120)
    try:
        outcome: Any = await watch(flow, given, WorkflowRuntime(session_id=session), console=console)
    except JiuWenBaseException as error:
        outcome = error
    return shown.getvalue(), outcome


def line(shown: str, id: str) -> list[str]:
    """The cells of a component's line."""
    found = next(row for row in shown.splitlines() if f" {id} " in row)
    return [cell.strip() for cell in found.strip("│").split("│")]


async def test_a_loop_with_its_rounds_and_its_result() -> None:
    flow = counted(body(("a", Call()), ("b", Call())), {"i": "${b.i}"}, 3)
    shown, output = await watched(flow, {})
    assert (line(shown, "l.a")[1:3], line(shown, "l")[1:3]) == (["done", "3"], ["done", "1"])
    assert output.result == {"output": {"l": {"i": [0, 1, 2]}}}


async def test_a_question_stands_there_and_can_be_answered() -> None:
    flow = chain(("ask", Ask("Which one?")))
    shown, output = await watched(flow, {"q": 1})
    assert line(shown, "ask")[1] == "asks"
    assert "Which one?" in shown
    assert output.state.value == "INPUT_REQUIRED"
    shown, output = await watched(flow, InteractiveInput.reply_to(output.result[0], "this"))
    assert line(shown, "ask")[1] == "done"
    assert output.result["output"]["ask"]["answer"] == "this"


async def test_a_failure_stands_there() -> None:
    shown, error = await watched(chain(("bad", Call(lambda i, r: 1 / 0))), {"q": 1})
    assert line(shown, "bad")[1] == "failed"
    assert "division by zero" in " ".join(shown.split())
    assert error.error_code == 100005


async def test_frames_are_counted_and_are_the_result_of_a_streaming_end() -> None:
    class Gives(SimpleComponent):
        async def stream(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
            for number in range(4):
                yield {"v": number}

    flow = workflow()
    flow.set_start_comp("s", Start()).add_workflow_comp("g", Gives()).add_connection("s", "g")
    flow.set_end_comp("e", End(), stream_inputs_schema={"v": "${g.v}"}, response_mode="streaming")
    shown, output = await watched(flow.add_stream_connection("g", "e"), {})
    assert (line(shown, "g")[4], line(shown, "e")[4]) == ("4", "4")
    assert [frame.payload["output"]["v"] for frame in output.result] == [0, 1, 2, 3]


def without_frames() -> Workflow:
    flow = workflow()
    flow.set_start_comp("s", Start()).set_end_comp("e", End(), response_mode="streaming")
    return flow.add_connection("s", "e")


def without_an_end() -> Workflow:
    async def note(inputs: Any, runtime: Any) -> Any:
        await runtime.write_stream({"type": "note", "index": 0, "payload": 1})

    flow = workflow()
    return flow.set_start_comp("s", Start()).add_workflow_comp("w", Call(note)).add_connection("s", "w")


def asking_at_once() -> Workflow:
    flow = workflow()
    flow.set_start_comp("s", Start()).add_workflow_comp("a", Ask("A")).add_workflow_comp("b", Ask("B"))
    return flow.add_connection("s", "b").add_connection("s", "a")


@pytest.mark.parametrize("build", [without_frames, without_an_end, asking_at_once])
async def test_what_comes_out_is_what_invoke_gives(build: Callable[[], Workflow]) -> None:
    _, output = await watched(build(), {})
    assert output == await build().invoke({}, WorkflowRuntime(session_id="other"))


async def test_without_rich_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich.live", None)
    with pytest.raises(ImportError, match=r"jiuwen-lg\[terminal\]"):
        await watch(chain(("a", Call())), {"q": 1})


async def test_questions_and_errors_cannot_steer_the_terminal() -> None:
    shown, _ = await watched(chain(("ask", Ask("\x1b[2J\x9bH?"))), {"q": 1}, "asks")
    assert "\\x1b[2J\\x9bH?" in shown
    assert not {"\x1b", "\x9b"} & set(shown)
