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
    from jiuwen_lg.models.config import ModelConfig
    from jiuwen_lg.testing import Cassette, ModelServer, ScriptedChatModel

MARKER = "jiuwen_store"
_PREFIX = "jiuwen-"
_SETTING = "JIUWEN_LG_DB"
_VIRTUAL_TIME = "JIUWEN_LG_TEST_VIRTUAL_TIME"
_WORKER_DATA = "jiuwen_coverage"
_outside = pytest.StashKey[str | None]()
_coverage = pytest.StashKey[Any]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and settings."""
    group = parser.getgroup("jiuwen_lg")
    text = "report which targets of branches and which fallbacks of workflows no test has taken"
    group.addoption("--jiuwen-coverage", action="store_true", help=text)
    text = "what cassettes do: replay what is there and record the rest, only replay, or record all anew"
    group.addoption("--jiuwen-cassettes", choices=("auto", "replay", "record"), default="auto", help=text)
    parser.addini("jiuwen_virtual_time", "waiting takes no time in run() and arun()", type="bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest of the marker, and lead what runs outside of tests to a store of this pytest's own."""
    if config.getini("jiuwen_virtual_time"):
        os.environ[_VIRTUAL_TIME] = "1"
    if config.getoption("--jiuwen-coverage"):
        from jiuwen_lg.testing import BranchCoverage

        config.stash[_coverage] = BranchCoverage()
        config.stash[_coverage].begin()
    text = f"{MARKER}(path): keep sessions in this file, or as the environment says if it is None"
    config.addinivalue_line("markers", text)
    config.stash[_outside] = os.environ.get(_SETTING)
    os.environ[_SETTING] = _new_path()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave the environment as it was."""
    if config.getini("jiuwen_virtual_time"):
        os.environ.pop(_VIRTUAL_TIME, None)
    if (coverage := config.stash.get(_coverage, None)) is not None:
        coverage.end()
    path, before = os.environ.get(_SETTING), config.stash.get(_outside, None)
    if path is not None and os.path.basename(path).startswith(_PREFIX):
        _close(path)
        for suffix in ("", "-wal", "-shm"):
            with suppress(OSError):
                os.remove(f"{path}{suffix}")
    os.environ.pop(_SETTING, None)
    if before is not None:
        os.environ[_SETTING] = before


# --- coverage ---


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand what a worker of xdist has counted to the process that reports."""
    coverage, output = session.config.stash.get(_coverage, None), getattr(session.config, "workeroutput", None)
    if coverage is not None and output is not None:
        output[_WORKER_DATA] = coverage.as_data()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take what a worker of xdist has counted."""
    coverage = node.config.stash.get(_coverage, None)
    if coverage is not None:
        coverage.add(getattr(node, "workeroutput", {}).get(_WORKER_DATA, {}))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Report what no test has taken."""
    if (coverage := config.stash.get(_coverage, None)) is not None and coverage.counts:
        terminalreporter.section("branches of workflows")
        for line in coverage.report():
            terminalreporter.line(line)


# --- failures ---


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:  # noqa: ARG001
    """Put the traces of a test that failed before its traceback."""
    report: Any = yield
    runs = sys.modules.get("jiuwen_lg.testing.runs")
    if runs is not None and report.when == "call" and report.failed and runs.recent and report.longrepr is not None:
        from jiuwen_lg.testing.failure_report import show_traces

        show_traces(report, runs.recent)
    return report


# --- fixtures ---


@pytest.fixture(autouse=True)
def jiuwen_store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str | None]:
    """The file of this test's sessions; nothing is made until a workflow runs."""
    if (runs := sys.modules.get("jiuwen_lg.testing.runs")) is not None:
        runs.recent.clear()
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
def jiuwen_cassette(request: pytest.FixtureRequest) -> Iterator[Callable[..., Cassette]]:
    """Record and replay the calls of a model: `jiuwen_cassette(config)` is a `Cassette`, whose `config` asks it.

    Its file stands beside the test, as `cassettes/<test>.json`, unless `name` says otherwise.
    """
    from contextlib import ExitStack

    from jiuwen_lg.testing import cassette

    mode = request.config.getoption("--jiuwen-cassettes")
    with ExitStack() as open_ones:

        def insert(model: ModelConfig, name: str | None = None) -> Cassette:
            path = request.path.parent / "cassettes" / f"{name or _file_name(request.node.name)}.json"
            return open_ones.enter_context(cassette(path, model, mode))

        yield insert


def _file_name(test: str) -> str:
    """A test's name as a file may be called."""
    return "".join(char if char.isalnum() or char in "-_." else "_" for char in test)


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
