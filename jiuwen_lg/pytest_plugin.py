"""Fixtures for tests of workflows.

Every run of pytest imports this file, so it imports nothing heavy itself.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from jiuwen_lg.testing import ModelServer, ScriptedChatModel

MARKER = "jiuwen_store"
_PREFIX = "jiuwen-"
_SETTING = "JIUWEN_LG_DB"
_outside = pytest.StashKey[str | None]()


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest of the marker, and lead what runs outside of tests to a store of this pytest's own."""
    text = f"{MARKER}(path): keep sessions in this file, or as the environment says if it is None"
    config.addinivalue_line("markers", text)
    config.stash[_outside] = os.environ.get(_SETTING)
    os.environ[_SETTING] = _new_path()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave the environment as it was."""
    path, before = os.environ.get(_SETTING), config.stash.get(_outside, None)
    if path is not None and os.path.basename(path).startswith(_PREFIX):
        _close(path)
        for suffix in ("", "-wal", "-shm"):
            with suppress(OSError):
                os.remove(f"{path}{suffix}")
    os.environ.pop(_SETTING, None)
    if before is not None:
        os.environ[_SETTING] = before


@pytest.fixture(autouse=True)
def jiuwen_store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str | None]:
    """The file of this test's sessions; nothing is made until a workflow runs."""
    path = _path_of(request.node.get_closest_marker(MARKER), str(tmp_path_factory.getbasetemp()))
    if path is None:
        outside = request.config.stash[_outside]
        monkeypatch.delenv(_SETTING) if outside is None else monkeypatch.setenv(_SETTING, outside)
        yield None
        _clear_resources()
        return
    monkeypatch.setenv(_SETTING, path)
    yield path
    _close(path)
    _clear_resources()


def _path_of(marker: pytest.Mark | None, folder: str) -> str | None:
    """The store that a test asks for."""
    if marker is None:
        return _new_path(folder)
    given = [*marker.args, *(value for name, value in marker.kwargs.items() if name == "path")]
    if len(given) != 1 or len(marker.args) + len(marker.kwargs) != 1:
        raise pytest.UsageError(f"{MARKER} takes one path, or None: @pytest.mark.{MARKER}('file.db')")
    return None if given[0] is None else str(given[0])


def _new_path(folder: str | None = None) -> str:
    return os.path.join(folder or tempfile.gettempdir(), f"{_PREFIX}{os.getpid()}-{os.urandom(8).hex()}.db")


def _close(path: str) -> None:
    store = sys.modules.get("jiuwen_lg.engine.store")
    if store is not None:
        store.close_store(path)


def _clear_resources() -> None:
    """Drop what the test left in `resource_mgr` and `Runner`."""
    resources = sys.modules.get("jiuwen_lg.resources")
    if resources is not None:
        resources.global_resources.clear()


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
    """A `ModelServer` on this machine, which speaks OpenAI's protocol; its `url` is a `base_url`.

    A test in which it fails itself (its `answer`, say) fails.
    """
    from jiuwen_lg.testing import ModelServer

    with ModelServer() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.gate.set()
        server.shutdown()
    if server.errors:
        raise server.errors[0]
