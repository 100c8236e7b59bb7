"""A server for all tests here, and a fresh database for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jiuwen_lg.engine import store
from tests.postgres_server import PostgresServer, needs_postgres, serving


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
        for opened in store._stores.values():
            opened.database.close()
        store._stores.clear()
