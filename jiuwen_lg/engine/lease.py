"""Who may run a session: a lease in the session's row, with a fencing number.

LangGraph does not lock, so two resumes of one thread would run everything twice. The
number grows with every owner; a write that carries an old one is refused, so that an
owner which stalled and comes back can do no harm.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from jiuwen_lg.engine.database import Cursor
from jiuwen_lg.environment import seconds_from_env
from jiuwen_lg.errors import StatusCode

DEFAULT_SECONDS = 30.0
_SHORTEST_SECONDS = 0.1

_logger = logging.getLogger(__name__)


def lease_seconds() -> float:
    """How long an owner that shows no sign of life keeps a session (`JIUWEN_LG_LEASE_SECONDS`)."""
    return max(seconds_from_env("JIUWEN_LG_LEASE_SECONDS", DEFAULT_SECONDS), _SHORTEST_SECONDS)


@dataclass(frozen=True, slots=True)
class Owner:
    """A process: its machine (and container), its number, and when it started."""

    host: str
    pid: int
    started: str

    @classmethod
    def current(cls) -> Owner:
        """This process."""
        return _owner(os.getpid())

    @classmethod
    def parse(cls, text: str) -> Owner:
        """An owner as `str(owner)` wrote it."""
        return cls(**json.loads(text))

    def __str__(self) -> str:
        return json.dumps({"host": self.host, "pid": self.pid, "started": self.started})

    def is_known_dead(self) -> bool:
        """Whether the process ran on this machine and is gone; False where nobody here can tell."""
        return self.host == _host() and _start_time(self.pid) != self.started

    def describe(self) -> str:
        """The owner in words."""
        return f"process {self.pid} on {self.host.split('/')[0]}"


@cache
def _owner(pid: int) -> Owner:
    return Owner(_host(), pid, _start_time(pid))


@cache
def _host() -> str:
    """The machine since its last boot, and the container: the space in which process ids mean something."""
    return "/".join((socket.gethostname(), _read("/proc/sys/kernel/random/boot_id"), _namespace()))


def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _start_time(pid: int) -> str:
    """When a living process started, in the system's own notation; empty if there is none."""
    if not os.path.exists("/proc/self/stat"):
        command = ["/bin/ps", "-o", "lstart=", "-p", str(pid)]
        shown = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        return shown.stdout.strip()
    # The name, in parentheses, may hold spaces; after it come the state and, 19 fields on, the start.
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return fields[19] if fields and fields[0] not in "ZX" else ""


@dataclass(slots=True, eq=False)
class Lease:
    """The right of one run to write to its thread.

    Attributes:
        fence: The number of this ownership; a newer one voids it.
        is_lost: Whether another run has taken over.
        on_lost: Called once, from any thread, when that is noticed.
        loop: The event loop that its run is in.
    """

    session_id: str
    thread_id: str
    fence: int
    is_lost: bool = False
    on_lost: Callable[[], None] = field(default=lambda: None)
    loop: asyncio.AbstractEventLoop | None = None

    @property
    def is_abandoned(self) -> bool:
        """Whether its run can never go on, since somebody closed the event loop under it."""
        return self.loop is not None and self.loop.is_closed()

    def require(self, cursor: Cursor) -> None:
        """Check, inside a transaction, that the lease still holds.

        Raises:
            JiuWenBaseException: 100905, it does not.
        """
        row = cursor.execute("SELECT fence FROM jiuwen_sessions WHERE thread_id = ?", (self.thread_id,)).fetchone()
        if row is None or row[0] != self.fence:
            self.lose()
            raise self.lost_error()

    def lose(self) -> None:
        """Note that another run has taken over."""
        if not self.is_lost:
            self.is_lost = True
            self.on_lost()

    def lost_error(self) -> Exception:
        """100905, SESSION_LOST."""
        return StatusCode.SESSION_LOST.error(session_id=self.session_id)


class Heartbeat:
    """Renews the leases that this process holds, from a thread, so that a busy loop loses none."""

    def __init__(self, renew: Callable[[], None]) -> None:
        self._renew = renew
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._held: dict[str, Lease] = {}
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()

    def held(self) -> dict[str, Lease]:
        """The leases of this process by thread id (a forked child holds none)."""
        with self._lock:
            self._adopt()
            self._held = {id: lease for id, lease in self._held.items() if not lease.is_abandoned}
            return dict(self._held)

    def add(self, lease: Lease) -> None:
        """Keep a lease alive until `remove`."""
        with self._lock:
            self._adopt()
            self._held[lease.thread_id] = lease
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._beat, name="jiuwen_lg heartbeat", daemon=True)
                self._thread.start()

    def remove(self, lease: Lease) -> None:
        """Let a lease go."""
        with self._lock:
            if self._held.get(lease.thread_id) is lease:
                del self._held[lease.thread_id]

    def _adopt(self) -> None:
        if self._pid != os.getpid():
            self._held, self._thread, self._pid = {}, None, os.getpid()

    def _beat(self) -> None:
        while not self._wake.wait(lease_seconds() / 3):
            with self._lock:
                if not self._held:
                    self._thread = None
                    return
            try:
                self._renew()
            except Exception as error:  # the next beat tries again; every write is fenced meanwhile
                _logger.warning("leases were not renewed: %r", error)
