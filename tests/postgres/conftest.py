"""A server for all tests here, and a fresh database for each."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from jiuwen_lg.engine.store import close_all
from tests.postgres_server import PostgresServer, needs_postgres, serving

Launch = Callable[..., "subprocess.Popen[str]"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/postgres/" in item.path.as_posix():
            item.add_marker(needs_postgres)
            item.add_marker(pytest.mark.xdist_group("postgres"))


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    with serving() as server:
        yield server


@pytest.fixture(autouse=True)
def url(server: PostgresServer, db: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The database of this test, where its sessions are."""
    with server.database() as url:
        monkeypatch.setenv("JIUWEN_LG_DB", url)
        yield url
        close_all()


@pytest.fixture
def launch(child_env: dict[str, str]) -> Iterator[Launch]:
    """Starts workers."""
    workers: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "jiuwen_lg.command", "worker", "tests.programs.turns", *arguments]
        worker = subprocess.Popen(command, env=child_env, stdout=subprocess.PIPE, text=True)
        workers.append(worker)
        assert worker.stdout is not None
        assert worker.stdout.readline().startswith("serving")
        return worker

    yield start
    for worker in workers:
        worker.kill()
        worker.communicate()
