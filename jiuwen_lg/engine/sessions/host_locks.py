"""Locks that every process of a host can see, whoever runs it, and that the kernel frees when their holder dies.

A lease is held as long as its holder's process lives and has not let it go. The kernel knows this without a clock,
without `/proc` and without the interpreter of the holder, which may be busy for longer than a lease.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import struct
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

from jiuwen_lg.engine.storage.host import boot_id

_NAME = "jiuwen_lg.leases"
_SHARED_MEMORY = "/dev/shm"  # noqa: S108 - a service's own /tmp (systemd's PrivateTmp) is not seen by other services
_FLOCK = "hhqqi4x"
"""`struct flock` of 64-bit Linux: type, whence, start, length, process."""


class HostLocks:
    """One byte of a file for each lock.

    The file says nothing and never changes; it can be read by all, and locks need no more. Where there is none (it
    cannot be made, or this is not Linux), there are no locks, and `is_held` knows nothing.

    Args:
        folder: Where the file is; by default shared memory, or where temporary files are.
    """

    def __init__(self, folder: str | None = None) -> None:
        self._path = os.path.join(folder or _folder(), _NAME)
        self._lock = threading.Lock()
        self._file = -1
        self._space = ""

    def hold(self) -> str | None:
        """Lock a byte that nobody else uses; returns its name for `is_held` and `free`, None if that cannot be."""
        space = self._opened()
        if not space:
            return None
        number = secrets.randbits(62)
        try:
            self._set(fcntl.F_RDLCK, number)
        except OSError:  # the kernel's table is full
            return None
        return f"{space}/{number}"

    def free(self, name: str | None) -> None:
        """Unlock a byte."""
        space, _, number = (name or "").partition("/")
        if space and space == self._space:
            with suppress(OSError):
                self._set(fcntl.F_UNLCK, int(number))

    def is_held(self, name: str | None) -> bool | None:
        """Whether another process holds a lock; None if this host cannot tell."""
        space, _, number = (name or "").partition("/")
        if not space or space != self._opened() or not number.isdecimal():
            return None
        found = fcntl.fcntl(self._file, fcntl.F_GETLK, _flock(fcntl.F_WRLCK, int(number)))
        return bool(struct.unpack(_FLOCK, found)[0] != fcntl.F_UNLCK)

    def _set(self, kind: int, number: int) -> None:
        fcntl.fcntl(self._file, fcntl.F_SETLK, _flock(kind, number))

    def _opened(self) -> str:
        """Open the file, once; returns what tells it from the file of any other host, container or boot."""
        with self._lock:
            if self._file < 0 and not self._space and sys.platform == "linux" and sys.maxsize > 2**32:
                with suppress(OSError):
                    self._file = _open_or_make(self._path)
                    self._space = _space_of(self._file)
            return self._space

    def renew_lock(self) -> None:
        """After a fork: in the child the lock may be held for ever. Locks of bytes stay the parent's."""
        self._lock = threading.Lock()


def _folder() -> str:
    return _SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK | os.X_OK) else tempfile.gettempdir()


def _open_or_make(path: str) -> int:
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
    with suppress(FileNotFoundError):
        return os.open(path, flags)
    made = f"{path}.{secrets.token_hex(8)}"
    try:
        Path(made).write_text(secrets.token_hex(16), encoding="ascii")
        os.chmod(made, 0o444)
        with suppress(FileExistsError):
            os.link(made, path)  # it appears with its content, or not at all
    finally:
        with suppress(OSError):
            os.unlink(made)
    return os.open(path, flags)


def _space_of(file: int) -> str:
    status = os.fstat(file)
    parts = (os.pread(file, 64, 0), boot_id().encode(), b"%d:%d" % (status.st_dev, status.st_ino))
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:24]


def _flock(kind: int, number: int) -> bytes:
    return struct.pack(_FLOCK, kind, os.SEEK_SET, number, 1, 0)


host_locks: HostLocks = HostLocks()
"""Those of this process."""
os.register_at_fork(after_in_child=host_locks.renew_lock)
