"""The identity of the process that holds a lease, and whether it is still alive."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jiuwen_lg.engine.storage.host import boot_id


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process: its machine (and container), its number, and when it started."""

    host: str
    pid: int
    started: str

    @classmethod
    def current(cls) -> ProcessIdentity:
        """This process."""
        return _owner(os.getpid())

    @classmethod
    def parse(cls, text: str) -> ProcessIdentity:
        """An owner as `str(owner)` wrote it."""
        return cls(**json.loads(text))

    def __str__(self) -> str:
        return json.dumps({"host": self.host, "pid": self.pid, "started": self.started})

    def is_known_dead(self) -> bool:
        """Whether the process ran on this machine and is gone; False where nobody here can tell."""
        if self.host != _host():
            return False
        if not _exists(self.pid):
            return True
        # Of another user's process `/proc` may show nothing (hidepid): then it may be the one.
        return _is_visible(self.pid) and _start_time(self.pid) != self.started

    def is_stopped(self) -> bool:
        """Whether the process is on this machine and does not run: SIGSTOP. It may never be continued."""
        if self.host != _host():
            return False
        _, _, rest = _read(f"/proc/{self.pid}/stat").rpartition(")")
        return rest.split()[:1] == ["T"] and _start_time(self.pid) == self.started

    def describe(self) -> str:
        """The owner in words."""
        return f"process {self.pid} on {self.host.split('/')[0]}"


@cache
def _owner(pid: int) -> ProcessIdentity:
    return ProcessIdentity(_host(), pid, _start_time(pid))


@cache
def _host() -> str:
    """The machine since its last boot, and the container: the space in which process ids mean something."""
    return f"{socket.gethostname()}/{boot_id()}/{_namespace()}"


def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _exists(pid: int) -> bool:
    """Whether there is a process of that number, whoever's."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _is_visible(pid: int) -> bool:
    return not os.path.exists("/proc/self/stat") or bool(_read(f"/proc/{pid}/stat"))


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
