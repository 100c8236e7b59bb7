"""Every test has a folder and a session store of its own."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from jiuwen_lg.engine.store import close_all
from jiuwen_lg.testing import ModelServer
from tests.service import Service

pytest_plugins = ["pytester"]


@pytest.fixture(autouse=True)
def db(jiuwen_store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The session file of this test; the working directory is a fresh one."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "sessions.db"
    monkeypatch.setenv("JIUWEN_LG_DB", str(path))
    yield path
    close_all()


@pytest.fixture
def child_env() -> dict[str, str]:
    """The environment for a second process that shares the test's store."""
    root = str(Path(__file__).parents[1])
    return {**os.environ, "PYTHONPATH": root, "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """An HTTP service on this machine, which tools may call."""
    monkeypatch.setenv("SSRF_PROTECT_ENABLED", "false")
    with Service() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.gate.set()
        server.shutdown()


@pytest.fixture
def llm(jiuwen_server: ModelServer) -> ModelServer:
    """A language model on this machine."""
    return jiuwen_server
