"""A Postgres server for tests: its own folder, its own port, gone at the end."""

from __future__ import annotations

import glob
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.needs import needs


def _folder() -> str | None:
    """Where the server's programs are: on the path, or where Debian puts them."""
    found = shutil.which("initdb") or next(
        iter(sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), reverse=True)), None
    )
    return found and os.path.dirname(os.path.realpath(found))


def is_installed() -> bool:
    """Whether there is a server to be started."""
    return _folder() is not None


needs_postgres = needs(is_installed(), "Postgres is not installed: `make postgres` installs it")


class PostgresServer:
    """A server that keeps its data in a folder.

    Args:
        folder: Where; made.
    """

    def __init__(self, folder: Path) -> None:
        programs = _folder()
        assert programs, "Postgres is not installed"
        self._programs = Path(programs)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._user = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        folder.mkdir(parents=True)
        if self._user:
            shutil.chown(folder, self._user)
        self._run(
            "initdb", "--auth=trust", "--username=test", "--no-sync", "--encoding=UTF8", "--locale=C", "-D", "data"
        )

    def _options(self) -> dict[str, Any]:
        home = pwd.getpwnam(self._user) if self._user else None
        mine: dict[str, Any] = {"user": home.pw_uid, "group": home.pw_gid, "extra_groups": []} if home else {}
        return {"cwd": self._folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **mine}

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run([str(self._programs / program), *arguments], check=True, **self._options())

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = {"port": self.port, "fsync": "off", "listen_addresses": "127.0.0.1", "max_connections": 200}
        settings |= {"unix_socket_directories": ""}
        given = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self._process = subprocess.Popen([str(self._programs / "postgres"), "-D", "data", *given], **self._options())
        deadline = time.monotonic() + 60
        ready = [str(self._programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        while subprocess.run(ready, check=False).returncode:
            assert self._process.poll() is None, "Postgres did not start"
            assert time.monotonic() < deadline, "Postgres did not start"
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it at once, whoever is connected."""
        if self._process is not None:
            self._process.send_signal(2)  # "fast"
            self._process.wait(60)
            self._process = None

    def url(self, name: str) -> str:
        """A database of the server."""
        return f"postgresql://test@127.0.0.1:{self.port}/{name}"

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a fresh, empty database."""
        import psycopg

        name = f"t{uuid4().hex}"

        def do(statement: str) -> None:
            with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
                connection.execute(statement)

        do(f"CREATE DATABASE {name}")
        try:
            yield self.url(name)
        finally:
            do(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def serving() -> Iterator[PostgresServer]:
    """A server while the block runs."""
    with tempfile.TemporaryDirectory(prefix="jiuwen_lg_postgres_") as folder:
        os.chmod(folder, 0o755)
        server = PostgresServer(Path(folder) / "server")
        server.start()
        try:
            yield server
        finally:
            server.stop()
