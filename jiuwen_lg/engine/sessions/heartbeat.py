"""Leases are renewed from a thread, so that a busy event loop loses none."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable

from jiuwen_lg.engine.storage.fence import Lease
from jiuwen_lg.environment import seconds_from_env

_logger = logging.getLogger(__name__)

DEFAULT_SECONDS = 30.0
_SHORTEST_SECONDS = 0.1


def lease_seconds() -> float:
    """How long an owner that shows no sign of life keeps a session (`JIUWEN_LG_LEASE_SECONDS`)."""
    return max(seconds_from_env("JIUWEN_LG_LEASE_SECONDS", DEFAULT_SECONDS), _SHORTEST_SECONDS)


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
