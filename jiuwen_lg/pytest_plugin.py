"""Fixtures for tests of workflows.

Every run of pytest imports this file, so it imports nothing heavy itself.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from jiuwen_lg.testing import ModelServer, ScriptedChatModel

MARKER = "jiuwen_store"


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest of the marker."""
    text = f"{MARKER}(path): keep sessions in this file, or as the environment says if it is None"
    config.addinivalue_line("markers", text)


@pytest.fixture(autouse=True)
def jiuwen_store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str | None]:
    """The file of this test's sessions; nothing is made until a workflow runs."""
    marker = request.node.get_closest_marker(MARKER)
    if marker is not None and marker.args == (None,):
        yield None
        return
    if marker is not None:
        path = str(marker.args[0])
    else:
        path = os.path.join(tmp_path_factory.getbasetemp(), f"jiuwen-{os.urandom(8).hex()}.db")
    monkeypatch.setenv("JIUWEN_LG_DB", path)
    yield path
    store = sys.modules.get("jiuwen_lg.engine.store")
    if store is not None:
        store.close_store(path)


@pytest.fixture
def jiuwen_run() -> Callable[..., Any]:
    """`jiuwen_lg.testing.run`: run a workflow, answer what it asks, and get a `Trace`."""
    from jiuwen_lg.testing import run

    return run


@pytest.fixture
def jiuwen_model() -> Iterator[ScriptedChatModel]:
    """A `ScriptedChatModel`; give it its `replies`. A test in which it is asked too often fails."""
    from jiuwen_lg.testing import ScriptedChatModel

    model = ScriptedChatModel()
    yield model
    model.require_enough()


@pytest.fixture
def jiuwen_server() -> Iterator[ModelServer]:
    """A `ModelServer` on this machine, which speaks OpenAI's protocol; its `url` is a `base_url`."""
    from jiuwen_lg.testing import ModelServer

    with ModelServer() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.gate.set()
        server.shutdown()
