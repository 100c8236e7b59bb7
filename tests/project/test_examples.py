"""The examples, run: a server of one's own over HTTP, and what a LangGraph server loads."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command

EXAMPLES = Path(__file__).parents[2] / "examples"


class Server:
    """The example's server in a process of its own."""

    def __init__(self, env: dict[str, str]) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))  # a caller waits in its queue until somebody serves
        self.port = self.listening.getsockname()[1]
        self.env = env
        self.start()

    def start(self) -> None:
        fd = self.listening.fileno()
        command = [sys.executable, "-m", "uvicorn", "app:app", "--fd", str(fd), "--log-level", "warning"]
        self.process = subprocess.Popen(command, env=self.env, cwd=EXAMPLES / "server", pass_fds=[fd])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def post(self, path: str, body: Any) -> list[Any]:
        """The events of a streamed answer."""
        text = httpx.post(f"http://127.0.0.1:{self.port}/sessions/{path}", json=body, timeout=30).text
        return [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: ")]

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        return httpx.request(method, f"http://127.0.0.1:{self.port}{path}", timeout=30, **options)

    def refusal(self, path: str, body: Any) -> tuple[int, list[int]]:
        """The status and the codes of what is refused; its text is none for Python programmers."""
        refused = self.send("POST", f"/sessions/{path}", json=body)
        told = refused.json()
        assert "InteractiveInput" not in told["message"]
        assert "await" not in told["message"]
        return refused.status_code, told["codes"]

    def pending(self) -> Any:
        return httpx.get(f"http://127.0.0.1:{self.port}/pending", timeout=30).json()


@pytest.fixture
def server(child_env: dict[str, str], request: pytest.FixtureRequest) -> Iterator[Server]:
    started = Server({**child_env, **getattr(request, "param", {})})
    yield started
    started.kill()
    started.listening.close()


def test_a_server_streams_asks_and_goes_on_after_it_was_killed(server: Server) -> None:
    draft, question = server.post("1/start", {"text": "hello"})
    assert (draft["type"], draft["payload"]) == ("draft", "hello")
    assert question["payload"] == {"id": "review", "value": "Publish 'hello'?"}
    assert question["schema"] == {"enum": ["yes", "no"], "type": "string"}
    server.kill()
    server.start()
    (waits,) = server.pending()
    assert (waits["session"], waits["id"]) == ("1", "review")
    assert server.refusal("1/answer", {"answers": {"review": "perhaps"}}) == (409, [100000])
    assert server.refusal("1/start", {"text": "again"}) == (409, [100006])
    *_, done = server.post("1/answer", {"answers": {"review": "yes"}})
    assert done["payload"] == {"output": {"text": "hello", "verdict": "yes"}}
    assert server.pending() == []
    assert server.refusal("2/start", {}) == (422, [100005, 102100])
    assert server.refusal("1/answer", {"answers": {"review": "yes"}}) == (409, [100900])


@pytest.mark.parametrize("server", [{"TOKEN": "secret-token", "MAX_BODY": "100", "MAX_STREAMS": "0"}], indirect=True)
def test_a_server_with_a_token_and_limits(server: Server) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "secret-token"}):
        for method, path in (("GET", "/pending"), ("POST", "/sessions/1/start"), ("GET", "/docs")):
            refused = server.send(method, path, headers=headers)
            assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
    mine = {"Authorization": "Bearer secret-token"}
    assert server.send("GET", "/pending", headers=mine).json() == []
    long = {"text": "x" * 200}
    assert server.send("POST", "/sessions/1/start", headers=mine, json=long).status_code == 413
    parts = iter([b'{"text": "', b"x" * 200, b'"}'])  # without a length
    assert server.send("POST", "/sessions/1/start", headers=mine, content=parts).status_code == 413
    full = server.send("POST", "/sessions/1/start", headers=mine, json={"text": "x"})
    assert (full.status_code, full.json()["error"], full.headers["Retry-After"]) == (503, "busy", "1")
    assert server.send("POST", "/sessions/a%1b[2J/start", headers=mine, json={"text": "x"}).status_code == 422
    assert server.send("GET", "/pending", headers=mine).json() == []


def test_a_server_without_a_token_is_for_this_machine_only(server: Server) -> None:
    assert server.send("GET", "/pending").status_code == 200
    assert server.send("GET", "/pending", headers={"X-Forwarded-For": "8.8.8.8"}).status_code == 401


def test_readers_that_hang_up_leave_no_session_behind(server: Server) -> None:
    """Each goes on: with its question, or as if it had not been begun."""
    for number in range(20):
        with socket.create_connection(("127.0.0.1", server.port)) as caller:
            body = b'{"text": "x"}'
            head = f"POST /sessions/{number}/start HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            caller.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            if number % 2:
                caller.recv(1)
    for number in range(20):
        answer = server.send("POST", f"/sessions/{number}/answer", json={"answers": {}})
        busy = "session_busy" in answer.text
        while busy:
            answer = server.send("POST", f"/sessions/{number}/answer", json={"answers": {}})
            busy = "session_busy" in answer.text
        assert "__interaction__" in answer.text or answer.json()["codes"] == [100900], answer.text


def test_what_a_langgraph_server_loads() -> None:
    """Each graph that `langgraph.json` names is one, has no saver of its own, and pauses on the server's."""
    folder = EXAMPLES / "langgraph_server"
    named = json.loads((folder / "langgraph.json").read_text(encoding="utf-8"))["graphs"]
    for path in named.values():
        file, variable = path.split(":")
        spec = importlib.util.spec_from_file_location("served", os.path.join(folder, file))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        graph: Any = getattr(module, variable)
        assert isinstance(graph, CompiledStateGraph)
        assert graph.checkpointer is None
        assert graph.get_input_jsonschema()["properties"]["inputs"]["required"] == ["text"]
        served = graph.copy({"checkpointer": InMemorySaver()})
        config: RunnableConfig = {"configurable": {"thread_id": "1"}}
        (question,) = served.invoke({"inputs": {"text": "hello"}}, config)["__interrupt__"]
        assert question.value["value"] == "Publish 'hello'?"
        done = served.invoke(Command(resume="yes"), config)
        assert done["result"] == {"output": {"text": "hello", "verdict": "yes"}}
