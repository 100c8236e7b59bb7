"""Compiled workflows under a LangGraph server (`langgraph dev`): what docs/langgraph-server.md says, observed.

The server is the published one, in a process of its own; its clients speak its protocol over HTTP.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.needs import needs

ROOT = Path(__file__).parents[2]
SERVED = {name: f"{ROOT / 'tests/programs/served.py'}:{name}" for name in ("approval", "twice", "holds", "fails")}
EXAMPLE = {"publish": f"{ROOT / 'examples/langgraph_server/graph.py'}:graph"}

pytestmark = [
    needs(bool(find_spec("langgraph_api")), "there is no LangGraph server (make server)"),
    pytest.mark.xdist_group("langgraph server"),  # its tests share one
]


class Server:
    """`langgraph dev` in a folder, where it keeps its state."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        settings = {"dependencies": ["."], "graphs": {**SERVED, **EXAMPLE}}
        (folder / "langgraph.json").write_text(json.dumps(settings), encoding="utf-8")
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60)
        self.start()

    def start(self) -> None:
        quiet = {"LANGSMITH_TRACING": "false", "LANGGRAPH_NO_VERSION_CHECK": "true"}
        env = {**os.environ, **quiet, "PYTHONPATH": str(ROOT), "JIUWEN_LG_DB": str(self.folder / "sessions.db")}
        command = [sys.executable, "-m", "langgraph_cli", "dev", "--no-browser", "--no-reload"]
        command += [f"--port={self.port}", "--n-jobs-per-worker=4"]
        with (self.folder / "server.log").open("a") as log:
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=env, stdout=log, stderr=log, start_new_session=True
            )
        self.until(self.answers)

    def answers(self) -> bool:
        assert self.process.poll() is None, (self.folder / "server.log").read_text()
        try:
            return self.client.get("/ok").status_code == 200
        except httpx.TransportError:
            return False

    def stop(self, how: signal.Signals) -> None:
        os.killpg(self.process.pid, how)
        self.process.wait()

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not holds():
            assert time.monotonic() < deadline, (self.folder / "server.log").read_text()
            time.sleep(0.05)

    def lines(self, of: str) -> list[str]:
        """What components have done for an input."""
        log = self.folder / "steps.log"
        written = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        return [line.split()[1] for line in written if line.split()[0] == of]

    def keys(self, of: str, what: str) -> list[str]:
        """The idempotency keys under which components have done it."""
        written = (self.folder / "steps.log").read_text(encoding="utf-8").splitlines()
        return [line.split()[2] for line in written if line.split()[:2] == [of, what]]

    def let(self, go: str) -> None:
        (self.folder / f"{go}.go").touch()

    # --- the protocol ---

    def post(self, path: str, **body: Any) -> Any:
        response = self.client.post(path, json=body)
        response.raise_for_status()
        return response.json()

    def thread(self) -> str:
        return str(self.post("/threads")["thread_id"])

    def wait(self, thread: str, graph: str, **body: Any) -> Any:
        """Run to the end of a turn."""
        return self.post(f"/threads/{thread}/runs/wait", assistant_id=graph, **body)

    def begin(self, thread: str, graph: str, **body: Any) -> str:
        """Begin a run; its id."""
        return str(self.post(f"/threads/{thread}/runs", assistant_id=graph, **body)["run_id"])

    def join(self, thread: str, run: str) -> Any:
        return self.client.get(f"/threads/{thread}/runs/{run}/join").json()

    def status(self, thread: str, run: str) -> str:
        return str(self.client.get(f"/threads/{thread}/runs/{run}").json()["status"])

    def state(self, thread: str) -> Any:
        return self.client.get(f"/threads/{thread}/state").json()

    def asked(self, graph: str, q: str) -> tuple[str, str]:
        """A thread that waits, and the id of its question."""
        thread = self.thread()
        (question,) = self.wait(thread, graph, input={"inputs": {"q": q}})["__interrupt__"]
        return thread, question["id"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = Server(tmp_path_factory.mktemp("server"))
    yield started
    started.stop(signal.SIGKILL)
    started.client.close()


def test_the_example_is_served_with_its_schema(server: Server) -> None:
    (assistant,) = server.post("/assistants/search", graph_id="publish")
    schemas = server.client.get(f"/assistants/{assistant['assistant_id']}/schemas").json()
    assert schemas["input_schema"]["properties"]["inputs"]["required"] == ["text"]
    thread = server.thread()
    (question,) = server.wait(thread, "publish", input={"inputs": {"text": "hello"}})["__interrupt__"]
    assert question["value"]["value"] == "Publish 'hello'?"
    done = server.wait(thread, "publish", command={"resume": "yes"})
    assert done == {"result": {"output": {"text": "hello", "verdict": "yes"}}}


def test_the_thread_is_kept_by_the_server_and_not_in_our_store(server: Server) -> None:
    thread, _ = server.asked("approval", "kept")
    assert server.state(thread)["next"] == ["ask"]
    assert server.client.get(f"/threads/{thread}").json()["status"] == "interrupted"
    assert (server.folder / ".langgraph_api").is_dir()
    assert not (server.folder / "sessions.db").exists()


def test_an_answer_that_does_not_fit_is_asked_again(server: Server) -> None:
    thread, _ = server.asked("approval", "fits")
    (again,) = server.wait(thread, "approval", command={"resume": "perhaps"})["__interrupt__"]
    assert "Input should be 'yes' or 'no'" in again["value"]["error"]
    done = server.wait(thread, "approval", command={"resume": "yes"})
    assert done["result"]["output"]["ask"] == {"answer": "yes"}


def test_new_inputs_drop_the_open_question(server: Server) -> None:
    """The server knows no 100006: they are the thread's next run."""
    thread, _ = server.asked("approval", "dropped")
    server.wait(thread, "approval", input={"inputs": {"q": "instead"}})
    done = server.wait(thread, "approval", command={"resume": "yes"})
    assert done["result"]["output"]["after"] == {"q": "instead"}
    assert server.lines("dropped") == ["before", "asks"]


class TestAnAnswerDeliveredTwice:
    def test_a_bare_one_answers_the_next_question_too(self, server: Server) -> None:
        thread, _ = server.asked("twice", "bare")
        (second,) = server.wait(thread, "twice", command={"resume": "yes"})["__interrupt__"]
        assert second["value"]["value"] == "sure?"
        done = server.wait(thread, "twice", command={"resume": "yes"})
        assert done["result"]["output"]["sure"] == {"answer": "yes"}

    def test_one_with_the_questions_id_counts_once(self, server: Server) -> None:
        thread, id = server.asked("twice", "by-id")
        for _ in range(2):
            (second,) = server.wait(thread, "twice", command={"resume": {id: "yes"}})["__interrupt__"]
            assert second["value"]["value"] == "sure?"
        assert server.lines("by-id").count("got:yes") == 1

    def test_one_after_the_end_changes_nothing(self, server: Server) -> None:
        thread, id = server.asked("approval", "late")
        done = [server.wait(thread, "approval", command={"resume": {id: "yes"}}) for _ in range(2)]
        assert done[0] == done[1]
        assert server.lines("late") == ["before", "asks", "asks", "got:yes", "after"]


class TestTwoAnswersAtOnce:
    """The second one comes while the first one's run is under way, at `hold`."""

    def both(self, server: Server, q: str, strategy: str) -> tuple[str, str, httpx.Response]:
        thread, _ = server.asked("holds", q)
        first = server.begin(thread, "holds", command={"resume": "yes"})
        server.until(lambda: "holds" in server.lines(q))
        body = {"assistant_id": "holds", "command": {"resume": "no"}, "multitask_strategy": strategy}
        return thread, first, server.client.post(f"/threads/{thread}/runs", json=body)

    def test_by_default_the_second_waits_and_finds_nothing_to_do(self, server: Server) -> None:
        thread, first, second = self.both(server, "enqueue", "enqueue")
        assert server.status(thread, first) == "running"
        server.let(go="enqueue")
        done = server.join(thread, second.json()["run_id"])
        assert done["result"]["output"]["ask"] == {"answer": "yes"}
        assert server.lines("enqueue") == ["before", "asks", "asks", "got:yes", "holds", "after"]

    def test_reject_refuses_the_second(self, server: Server) -> None:
        thread, first, second = self.both(server, "reject", "reject")
        assert second.status_code == 409
        server.let(go="reject")
        assert server.join(thread, first)["result"]["output"]["ask"] == {"answer": "yes"}

    def test_interrupt_stops_the_first_and_the_second_goes_on_from_there(self, server: Server) -> None:
        thread, first, second = self.both(server, "interrupt", "interrupt")
        server.let(go="interrupt")
        done = server.join(thread, second.json()["run_id"])
        assert server.status(thread, first) == "interrupted"
        assert done["result"]["output"]["ask"] == {"answer": "yes"}
        assert server.lines("interrupt") == ["before", "asks", "asks", "got:yes", "holds", "holds", "after"]

    def test_rollback_drops_the_first_run_and_keeps_what_it_had_written(self, server: Server) -> None:
        thread, first, second = self.both(server, "rollback", "rollback")
        server.let(go="rollback")
        done = server.join(thread, second.json()["run_id"])
        assert server.client.get(f"/threads/{thread}/runs/{first}").status_code == 404
        assert done["result"]["output"]["ask"] == {"answer": "yes"}
        assert server.lines("rollback") == ["before", "asks", "asks", "got:yes", "holds", "holds", "after"]


class TestAClientThatDisconnects:
    @pytest.mark.parametrize(("mode", "held"), [("cancel", 2), ("continue", 1)])
    def test_its_run_is_stopped_or_goes_on_as_it_asked(self, server: Server, mode: str, held: int) -> None:
        thread, _ = server.asked("holds", mode)
        body = {"assistant_id": "holds", "command": {"resume": "yes"}, "on_disconnect": mode}
        with server.client.stream("POST", f"/threads/{thread}/runs/stream", json=body) as events:
            server.until(lambda: "holds" in server.lines(mode))
            run = events.headers["content-location"].rpartition("/")[2]
        if mode == "cancel":
            server.until(lambda: server.status(thread, run) == "interrupted")
            assert server.state(thread)["next"] == ["hold"]
        server.let(go=mode)
        done = server.wait(thread, "holds", input=None) if mode == "cancel" else server.join(thread, run)
        assert done["result"]["output"]["after"] == {"q": mode}
        assert server.lines(mode) == ["before", "asks", "asks", "got:yes", *["holds"] * held, "after"]


class TestFailures:
    def test_the_code_is_in_the_state_and_not_in_the_runs_error(self, server: Server) -> None:
        thread = server.thread()
        told = server.wait(thread, "fails", input={"inputs": {"q": "fails"}})
        assert told["__error__"] == {"error": "JiuWenBaseException", "message": "An internal error occurred"}
        (task,) = server.state(thread)["tasks"]
        assert task["name"] == "fail"
        assert task["error"].startswith("JiuWenBaseException(100005, 'component [fail] encountered")

    def test_no_input_goes_on_with_what_did_not_finish(self, server: Server) -> None:
        thread = server.thread()
        server.wait(thread, "fails", input={"inputs": {"q": "again"}})
        server.let(go="again")
        assert server.wait(thread, "fails", input=None)["result"]["output"]["after"] == {"q": "again"}
        assert server.lines("again") == ["before", "tries", "tries", "after"]
        first, second = server.keys("again", "tries")
        assert first == second

    def test_what_is_no_input_of_the_graph_is_refused(self, server: Server) -> None:
        told = server.wait(server.thread(), "approval", input={"q": "not inside inputs"})
        assert told["__error__"]["error"] == "JiuWenBaseException"
        assert "[100100]" in (server.folder / "server.log").read_text()


def test_an_idempotency_key_is_that_of_the_execution(server: Server) -> None:
    """The same before and after an answer; another one in the thread's next run, and in another thread."""
    thread, _ = server.asked("approval", "key")
    server.wait(thread, "approval", command={"resume": "yes"})
    server.wait(thread, "approval", input={"inputs": {"q": "key"}})
    server.asked("approval", "key")
    asked = server.keys("key", "asks")
    assert sorted(asked.count(key) for key in set(asked)) == [1, 1, 2]
    assert server.keys("key", "got:yes") == asked[:1] == asked[1:2]


class TestHistory:
    def test_a_step_is_gone_on_from_with_another_answer_and_other_outputs(self, server: Server) -> None:
        thread, _ = server.asked("approval", "past")
        server.wait(thread, "approval", command={"resume": "yes"})
        steps = server.client.get(f"/threads/{thread}/history", params={"limit": 20}).json()
        assert [step["next"] for step in steps][:4] == [[], ["end"], ["after"], ["ask"]]
        edit = {"values": {"io": {"before": {"q": "edited"}}}, "checkpoint": steps[3]["checkpoint"]}
        edited = server.post(f"/threads/{thread}/state", **edit)
        (question,) = server.wait(thread, "approval", checkpoint=edited["checkpoint"], input=None)["__interrupt__"]
        assert question["value"]["id"] == "ask"
        done = server.wait(thread, "approval", command={"resume": "no"})["result"]["output"]
        assert (done["before"], done["ask"]) == ({"q": "edited"}, {"answer": "no"})

    def test_a_copied_thread_is_answered_for_itself(self, server: Server) -> None:
        thread, _ = server.asked("approval", "copied")
        copy = server.post(f"/threads/{thread}/copy")["thread_id"]
        answers = {thread: "yes", copy: "no"}
        for id, answer in answers.items():
            done = server.wait(id, "approval", command={"resume": answer})
            assert done["result"]["output"]["ask"] == {"answer": answer}
        first, second = server.keys("copied", "after")
        assert first != second


class TestAServerThatIsKilled:
    @pytest.fixture
    def own(self, tmp_path: Path) -> Iterator[Server]:
        started = Server(tmp_path)
        yield started
        started.stop(signal.SIGKILL)
        started.client.close()

    def test_what_it_had_written_is_there_when_it_starts_again(self, own: Server) -> None:
        """Told to stop, it writes; killed, it has what it wrote every ten seconds."""
        thread, id = own.asked("approval", "stopped")
        own.stop(signal.SIGTERM)
        own.start()
        assert own.wait(thread, "approval", command={"resume": {id: "yes"}})["result"]["output"]["ask"] == {
            "answer": "yes"
        }
        assert own.lines("stopped") == ["before", "asks", "asks", "got:yes", "after"]
