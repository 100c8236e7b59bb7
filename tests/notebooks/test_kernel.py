"""In a real kernel: what a cell shows, how it is stopped, answered and run again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.notebooks.kernel import Kernel

ROOT = Path(__file__).parents[2]
RELOAD = "import jiuwen_lg.notebook\nimportlib.reload(jiuwen_lg.notebook)\nfrom jiuwen_lg.notebook import chat"
FLOW = 'flow = chain(("a", Ask("name?")), ("b", Call()), id="w")\n'
GATE = 'gate = Gate()\nflow = chain(("first", Call()), ("gate", gate), id="g")\nsession = WorkflowRuntime(session_id="s")\n'

pytestmark = pytest.mark.xdist_group("kernel")  # its tests share one


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with Kernel(tmp_path_factory.mktemp("kernel"), {**os.environ, "PYTHONPATH": str(ROOT)}) as kernel:
        yield kernel


@pytest.fixture
def kernel(started: Kernel, db: Path) -> Kernel:
    """The kernel, with a store for this test, and with forms where it can show them."""
    started.run(f"import os, importlib\nos.environ['JIUWEN_LG_DB'] = {str(db)!r}\n{RELOAD}")
    return started


def test_the_network_is_off(kernel: Kernel) -> None:
    cell = kernel.run("import urllib.request\nurllib.request.urlopen('http://192.0.2.1')")
    assert "the network is off" in str(cell.error)


class TestShowing:
    def test_a_workflow_a_question_and_a_session(self, kernel: Kernel) -> None:
        drawn = kernel.run(FLOW + "flow").shown[-1]
        assert set(drawn) == {"text/html", "image/svg+xml", "text/plain"}
        assert drawn["text/html"].startswith("<img ")
        assert drawn["image/svg+xml"].startswith("<svg")
        paused = kernel.run('await flow.invoke({"q": 1}, WorkflowRuntime(session_id="s"))').shown[-1]
        assert "<b>A question waits</b>" in paused["text/html"]
        assert "name?" in paused["text/html"]
        where = kernel.run('await flow.snapshot("s")').shown[-1]
        assert 'data-id="a" data-kind="component" data-mark="waiting"' in where["image/svg+xml"]
        assert "SessionSnapshot(session_id='s', status='waiting'" in where["text/plain"]
        done = kernel.run('await flow.invoke(InteractiveInput("ann"), WorkflowRuntime(session_id="s"))').shown[-1]
        assert "text/html" not in done
        assert "COMPLETED" in done["text/plain"]

    def test_a_workflow_that_is_not_complete_says_so(self, kernel: Kernel) -> None:
        cell = kernel.run('flow = workflow("w")\nflow.add_connection("nobody", "nowhere")\nflow')
        assert cell.error is None
        assert set(cell.shown[-1]) == {"text/plain"}
        assert "[110006]" in cell.value

    def test_a_session_that_was_told_to_stop(self, kernel: Kernel) -> None:
        cell = kernel.run(FLOW + 'await flow.invoke({}, WorkflowRuntime(session_id="s", interrupt_before=["b"]))')
        assert "A question waits" in cell.shown[-1]["text/html"]
        code = 'await flow.invoke(InteractiveInput("x"), WorkflowRuntime(session_id="s", interrupt_before=["b"]))'
        assert "<b>Stopped</b> before <code>b</code>" in kernel.run(code).shown[-1]["text/html"]


class TestRunning:
    def test_without_a_runtime_and_without_await(self, kernel: Kernel) -> None:
        kernel.run(FLOW)
        kernel.run('paused = await flow.invoke({"q": 1})')
        code = 'InteractiveInput("ann"), WorkflowRuntime(session_id=paused.session_id)'
        assert "'answer': 'ann'" in kernel.run(f"flow.sync.invoke({code})").value
        frames = kernel.run('[f.type for f in flow.sync.stream({"q": 1}, stream_modes=[BaseStreamMode.OUTPUT])]')
        assert frames.value == "['__interaction__']"

    def test_a_cell_that_is_run_again_says_what_waits(self, kernel: Kernel) -> None:
        cell = FLOW + 'await flow.invoke({"q": 1}, WorkflowRuntime(session_id="s"))'
        kernel.run(cell)
        name, text = kernel.run(cell).error or ("", "")
        assert name == "JiuWenBaseException"
        for part in ("[100006]", "[a] asks 'name?'", "InteractiveInput", "flow.discard('s')"):
            assert part in text

    def test_a_class_that_is_defined_again_resumes(self, kernel: Kernel) -> None:
        define = (
            "class Mine(SimpleComponent):\n"
            "    async def invoke(self, inputs, runtime, context):\n"
            "        return {'answer': await runtime.interact('name?'), 'version': VERSION}\n"
            "flow = chain(('mine', Mine()), id='w')\nsession = WorkflowRuntime(session_id='s')\n"
        )
        kernel.run("VERSION = 1\n" + define + "await flow.invoke({'q': 1}, session)")
        again = kernel.run("VERSION = 2\n" + define + "(await flow.invoke(InteractiveInput('ann'), session)).result")
        assert again.value == "{'output': {'mine': {'answer': 'ann', 'version': 2}}}"

    @pytest.mark.parametrize("call", ['await flow.invoke({"q": 1}, session)', 'flow.sync.invoke({"q": 1}, session)'])
    def test_the_stop_button(self, kernel: Kernel, call: str) -> None:
        """The session can be gone on with at once, and what had finished does not run again."""
        kernel.run(GATE)
        watch = "import threading, time\nthreading.Thread(target=lambda: [time.sleep(0.01) for _ in iter("
        watch += "gate.begun.is_set, True)] and None or print('begun', flush=True)).start()\n"

        def hear(message: dict[str, Any]) -> None:
            if message["msg_type"] == "stream" and "begun" in message["content"]["text"]:
                kernel.manager.interrupt_kernel()

        stopped = kernel.run(watch + call, hear=hear)
        assert stopped.error is not None
        assert stopped.error[0] in ("KeyboardInterrupt", "CancelledError")
        kernel.run("gate.begun.clear()\ngate.open.set()")
        code = "(await flow.invoke(InteractiveInput(), session)).state.name, flow.definition.components['first'].executable"
        assert kernel.run(code + ".executions").value == "('COMPLETED', 1)"


class TestAnswering:
    def test_with_input(self, kernel: Kernel) -> None:
        """Where the form cannot be: an older kernel, or without ipywidgets."""
        kernel.run("jiuwen_lg.notebook._can_show_forms = lambda: False\n" + FLOW)
        asked: list[str] = []
        cell = kernel.run('(await chat(flow, {"q": 1})).result', answer=lambda text: asked.append(text) or "ann")
        assert asked == ["[a] name? "]
        assert "'answer': 'ann'" in cell.value

    def test_with_a_form(self, kernel: Kernel) -> None:
        """The frontend is played: it fills the form in and presses its button, while the cell waits."""
        models: dict[str, dict[str, Any]] = {}

        def send(comm: str, data: dict[str, Any]) -> None:
            content = {"comm_id": comm, "data": data}
            kernel.client.shell_channel.send(kernel.client.session.msg("comm_msg", content))

        def hear(message: dict[str, Any]) -> None:
            content = message["content"]
            if message["msg_type"] == "comm_open":
                models[content["comm_id"]] = content["data"]["state"]
            if message["msg_type"] != "display_data":
                return
            by_name = {state["_model_name"]: (comm, state) for comm, state in models.items()}
            assert by_name["LabelModel"][1]["value"] == "[a] name?"
            update = {"method": "update", "state": {"value": "ann"}, "buffer_paths": []}
            send(by_name["TextModel"][0], update)
            send(by_name["ButtonModel"][0], {"method": "custom", "content": {"event": "click"}})

        kernel.run(FLOW)
        cell = kernel.run('(await chat(flow, {"q": 1})).result', hear=hear, answer=lambda text: "never")
        assert cell.error is None
        assert "'answer': 'ann'" in cell.value

    def test_the_stop_button_while_a_form_waits(self, kernel: Kernel) -> None:
        """The form is over; the question stays."""
        heard: list[str] = []

        def hear(message: dict[str, Any]) -> None:
            if message["msg_type"] == "display_data":
                kernel.manager.interrupt_kernel()
            if message["msg_type"] == "comm_msg":
                heard.append(str(message["content"]["data"]))

        kernel.run(FLOW)
        cell = kernel.run('await chat(flow, {"q": 1}, WorkflowRuntime(session_id="s"))', hear=hear, answer=str)
        assert cell.error is not None
        assert any("'disabled': True" in update for update in heard)
        assert kernel.run('[p.output.id for p in await flow.pending("s")]').value == "['a']"

    def test_nobody_can_answer(self, kernel: Kernel) -> None:
        cell = kernel.run(FLOW + 'await chat(flow, {"q": 1})')
        assert "A question waits" in cell.shown[-1]["text/html"]

    def test_what_does_not_fit_is_asked_again(self, kernel: Kernel) -> None:
        kernel.run("jiuwen_lg.notebook._can_show_forms = lambda: False\n")
        kernel.run("async def count(inputs, runtime):\n    return {'n': await runtime.interact('how many?', schema=int)}")
        replies = iter(["many", "3"])
        cell = kernel.run("(await chat(chain(('c', count)), {})).result", answer=lambda text: next(replies))
        assert cell.value == "{'output': {'c': {'n': 3}}}"
        assert "'many' is not of type 'integer'" in cell.text

    def test_what_is_typed_becomes_what_is_asked_for(self, kernel: Kernel) -> None:
        kernel.run(
            "jiuwen_lg.notebook._can_show_forms = lambda: False\nfrom typing import *\n"
            "async def asks(inputs, runtime):\n"
            "    kinds = bool, Optional[str], Optional[Literal['s', 'l']], int | None\n"
            "    return {'got': [await runtime.interact('?', schema=kind) for kind in kinds]}"
        )
        asked: list[str] = []
        replies = iter(["Yes", "42", "l", "7"])

        def answer(prompt: str) -> str:
            asked.append(prompt)
            return next(replies)

        cell = kernel.run("(await chat(chain(('c', asks)), {})).result", answer=answer)
        assert cell.value == "{'output': {'c': {'got': [True, '42', 'l', 7]}}}"
        assert asked == ["[c] ? (yes/no) ", "[c] ? ", "[c] ? (s/l) ", "[c] ? (integer) "]

    def test_large_values_do_not_fill_the_notebook(self, kernel: Kernel) -> None:
        kernel.run('flow = chain(("a", Ask("x" * 1_000_000)), id="w")')
        shown = kernel.run('await flow.invoke({"q": "y" * 1_000_000}, WorkflowRuntime(session_id="s"))').shown[-1]
        where = kernel.run('await flow.snapshot("s")').shown[-1]
        assert len(str(shown)) + len(str(where)) < 20_000


def test_in_a_terminal(db: Path) -> None:
    """Ctrl-C ends it at once; without a person what waits is returned."""
    code = (
        "import asyncio\nfrom jiuwen_lg.notebook import chat\nfrom tests.flows import *\n"
        "try:\n    print(asyncio.run(chat(chain(('a', Ask('name?')), id='w'), {})).state.name)\n"
        "except KeyboardInterrupt:\n    print('interrupted')\n"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-c", code]
    alone = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    assert alone.stdout.endswith("INPUT_REQUIRED\n")
    process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    while not process.stdout.read(1) == "?":
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert out.endswith("interrupted\n")


class TestErrors:
    def test_a_cell_that_fails_shows_the_component_and_its_cause(self, kernel: Kernel) -> None:
        """Frames of the user's own code, and none of the engine's."""
        kernel.run("def divide(inputs):\n    return {'x': 1 / inputs['q']}\nflow = chain(('pay', divide), id='w')")
        cell = kernel.run('await flow.invoke({"q": 0})')
        assert cell.error is not None and cell.error[0] == "JiuWenBaseException"
        shown = "\n".join(cell.traceback)
        assert shown.startswith("JiuWenBaseException: [100005] component [pay]")
        assert "ZeroDivisionError: division by zero" in shown
        assert "return {'x': 1 / inputs['q']}" in shown
        assert "langgraph" not in shown and "jiuwen_lg/" not in shown and len(cell.traceback) < 16

    def test_so_does_one_without_await(self, kernel: Kernel) -> None:
        kernel.run("def divide(inputs):\n    return {'x': 1 / inputs['q']}\nflow = chain(('pay', divide), id='w')")
        shown = "\n".join(kernel.run('flow.sync.invoke({"q": 0})').traceback)
        assert "1 / inputs['q']" in shown and "langgraph" not in shown


class TestLivePictures:
    def test_a_running_session_is_drawn_in_place(self, kernel: Kernel) -> None:
        """Displayed once, before the run; then it shows where the run is, and what it did."""
        updates: list[str] = []

        def hear(message: dict[str, Any]) -> None:
            if message["msg_type"] == "update_display_data":
                updates.append(message["content"]["data"]["text/plain"])
                if "gate [next]" in updates[-1]:
                    kernel.client.execute("gate.open.set()", silent=True)

        kernel.run("gate = Gate()\nflow = chain(('first', Call()), ('gate', gate), id='live', journal=True)")
        kernel.run("session = WorkflowRuntime(session_id='live')")
        drawn = kernel.run("flow.draw(session_id='live')").shown
        assert len(drawn) == 1 and "first -> gate" in drawn[0]["text/plain"]
        kernel.run("import asyncio\nrun = asyncio.ensure_future(flow.invoke({'q': 1}, session))\nawait gate.begun.wait()")
        kernel.run("await asyncio.sleep(1)", hear=hear)
        kernel.run("gate.open.set()\nawait run\nawait asyncio.sleep(1)", hear=hear)
        assert any("first [done] -> gate" in update and "gate [next]" in update for update in updates)
        assert "end [done]" in updates[-1]
