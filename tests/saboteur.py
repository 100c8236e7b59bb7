"""A TCP proxy before a Postgres server that does what networks do, and PgBouncer before it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.needs import needs

_BOUNCER = shutil.which("pgbouncer") or ("/usr/sbin/pgbouncer" if os.path.exists("/usr/sbin/pgbouncer") else None)
needs_pgbouncer = needs(_BOUNCER is not None, "PgBouncer is not installed: `make postgres` installs it")


class Saboteur:
    """Forwards to a server until it is told otherwise.

    Args:
        port: The server's.

    Attributes:
        lost_commits: How many replies to COMMIT get lost: the connection breaks after the server has committed.
        freeze_at: Bytes after which nothing is forwarded any more, once a client has sent them.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self.lost_commits = 0
        self.freeze_at: bytes | None = None
        self.frozen = threading.Event()
        self._moves = threading.Event()
        self._moves.set()
        self._threads: set[threading.Thread] = set()
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def freeze(self) -> None:
        """Forward nothing, and close nothing: a network that drops packets."""
        self._moves.clear()
        self.frozen.set()

    def thaw(self) -> None:
        """Forward again."""
        self.freeze_at = None
        self.frozen.clear()
        self._moves.set()

    def close(self) -> None:
        """Take no more connections, and end those there are."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.thaw()
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in [*self._threads]:
            thread.join(10)
        for one in self._sockets:
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            self._sockets += [client, server]
            for source, target, is_reply in ((client, server, False), (server, client, True)):
                thread = threading.Thread(target=self._forward, args=(source, target, is_reply), daemon=True)
                self._threads.add(thread)
                thread.start()

    def _forward(self, source: socket.socket, target: socket.socket, is_reply: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self._moves.wait()
                if is_reply and self.lost_commits and b"COMMIT\0" in data:
                    self.lost_commits -= 1
                    break
                target.sendall(data)
                if not is_reply and self.freeze_at and self.freeze_at in data:
                    self.freeze()
        self._moves.wait()  # a host that has lost its power closes nothing
        for side in (source, target):
            with suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)
        self._threads.discard(threading.current_thread())


@contextmanager
def sabotaging(url: str, port: int) -> Iterator[tuple[Saboteur, str]]:
    """A proxy before a database's server, and the database's URL through it."""
    saboteur = Saboteur(port)
    try:
        yield saboteur, url.replace(f":{port}/", f":{saboteur.port}/")
    finally:
        saboteur.close()


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def pooled(url: str, port: int, folder: Path, size: int = 4) -> Iterator[str]:
    """PgBouncer in transaction mode before a database's server, and the database's URL through it."""
    name = url.rpartition("/")[2]
    with socket.create_server(("127.0.0.1", 0)) as free:
        own = free.getsockname()[1]
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n{name} = host=127.0.0.1 port={port} dbname={name} user=test\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {own}\nauth_type = any\npool_mode = transaction\n"
        f"default_pool_size = {size}\nunix_socket_dir =\nlogfile = /dev/null\n",
        encoding="utf-8",
    )
    assert _BOUNCER is not None
    command = [_BOUNCER, "-q", str(settings)]
    for place in (settings, *settings.parents):
        if place.stat().st_uid == os.geteuid() and os.geteuid() == 0:
            place.chmod(place.stat().st_mode | 0o055)
    if os.geteuid() == 0:  # it refuses to run as root
        command[1:1] = ["-u", "postgres"]
    bouncer = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while not _answers(own):
            assert bouncer.poll() is None, "PgBouncer did not start"
            assert time.monotonic() < deadline, "PgBouncer did not start"
            time.sleep(0.02)
        yield f"postgresql://test@127.0.0.1:{own}/{name}"
    finally:
        bouncer.terminate()
        bouncer.wait(30)
