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

    def pending(self) -> Any:
        return httpx.get(f"http://127.0.0.1:{self.port}/pending", timeout=30).json()


@pytest.fixture
def server(child_env: dict[str, str]) -> Iterator[Server]:
    started = Server(child_env)
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
    (refused,) = server.post("1/answer", {"answers": {"review": "perhaps"}})
    assert refused["codes"] == [100000]
    *_, done = server.post("1/answer", {"answers": {"review": "yes"}})
    assert done["payload"] == {"output": {"text": "hello", "verdict": "yes"}}
    assert server.pending() == []
    (failed,) = server.post("2/start", {})
    assert failed["codes"] == [100005, 102100]


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
