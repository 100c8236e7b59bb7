"""Leases are renewed from a thread, so that a busy event loop loses none."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from weakref import WeakSet

from jiuwen_lg.engine.sessions.host_locks import host_locks
from jiuwen_lg.engine.storage.fence import Lease
from jiuwen_lg.environment import seconds_from_env

_logger = logging.getLogger(__name__)

DEFAULT_SECONDS = 30.0
_SHORTEST_SECONDS = 0.1


def lease_seconds() -> float:
    """How long a lease is valid that is not renewed (`JIUWEN_LG_LEASE_SECONDS`)."""
    return max(seconds_from_env("JIUWEN_LG_LEASE_SECONDS", DEFAULT_SECONDS), _SHORTEST_SECONDS)


class Heartbeat:
    """Renews the leases that this process holds in a store."""

    def __init__(self, renew: Callable[[], None]) -> None:
        self._renew = renew
        self.start_over()
        _all.add(self)

    def start_over(self) -> None:
        """Hold nothing: at first, and in a forked child, where the lock may be held and the thread is gone."""
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._held: dict[str, Lease] = {}
        self._thread: threading.Thread | None = None

    def held(self) -> dict[str, Lease]:
        """The leases of this process by thread id (a forked child holds none)."""
        with self._lock:
            for lease in [lease for lease in self._held.values() if lease.is_abandoned]:
                self._drop(lease)
            return dict(self._held)

    def find(self, thread_id: str) -> Lease | None:
        """The lease that this process holds on a thread."""
        with self._lock:
            lease = self._held.get(thread_id)
            if lease is not None and lease.is_abandoned:
                self._drop(lease)
                return None
            return lease

    def add(self, lease: Lease) -> None:
        """Keep a lease alive until `remove`."""
        with self._lock:
            self._held[lease.thread_id] = lease
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._beat, name="jiuwen_lg heartbeat", daemon=True)
                self._thread.start()

    def remove(self, lease: Lease) -> None:
        """Let a lease go."""
        with self._lock:
            self._drop(lease)
        lease.end()

    def _drop(self, lease: Lease) -> None:
        if self._held.get(lease.thread_id) is lease:
            del self._held[lease.thread_id]
        host_locks.free(lease.host_lock)

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


_all: WeakSet[Heartbeat] = WeakSet()
"""Of all stores: a database may be open under two names."""


def held_here(thread_id: str) -> Lease | None:
    """The lease that this process holds on a thread, in whichever store."""
    return next((lease for heartbeat in [*_all] if (lease := heartbeat.find(thread_id))), None)


def _start_over() -> None:
    for heartbeat in [*_all]:
        heartbeat.start_over()


os.register_at_fork(after_in_child=_start_over)
