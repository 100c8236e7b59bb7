"""Which workflows are served: a row for each workflow of a living worker, renewed from a thread."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self
from uuid import uuid4

from jiuwen_lg.engine.storage.database import Database

_logger = logging.getLogger(__name__)

NOW = "extract(epoch FROM clock_timestamp())"
"""The database's clock in SQL, in seconds since 1970: those of hosts may differ by minutes."""
SERVED = f"EXISTS (SELECT 1 FROM jiuwen_workers AS w WHERE w.workflow_id = t.workflow_id AND w.until > {NOW})"
"""Whether a living worker serves the workflow of a row of `jiuwen_turns AS t`, in SQL."""
_FORGOTTEN = 3600.0
"""Seconds until the row of a worker that died is dropped."""


class Presence:
    """Lets a worker be seen while the block runs, even if its event loop is busy.

    Args:
        database: Where the rows are.
        workflow_ids: What the worker serves.
        seconds: How long a row counts; it is renewed four times as often.

    Attributes:
        ahead: Seconds that the database's clock is ahead of this host's.
    """

    def __init__(self, database: Database, workflow_ids: Iterable[str], seconds: float) -> None:
        self._database = database
        self._rows = [(uuid4().hex, id) for id in workflow_ids]
        self._seconds = seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="jiuwen_lg worker's presence", daemon=True)
        self.ahead: float = 0.0

    def __enter__(self) -> Self:
        self._beat()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, at: TracebackType | None
    ) -> None:
        self._ended.set()
        try:
            with self._database.transaction() as cursor:
                cursor.executemany("DELETE FROM jiuwen_workers WHERE worker_id = ? AND workflow_id = ?", self._rows)
        except Exception as error:  # noqa: BLE001 (the rows run out by themselves)
            _logger.info("the worker's rows were not dropped: %r", error)

    def _renew(self) -> None:
        while not self._ended.wait(self._seconds / 4):
            try:
                self._beat()
            except Exception as error:  # noqa: BLE001 (the next one tries again; clients get an error only after a while)
                _logger.warning("the worker could not be announced: %r", error)

    def _beat(self) -> None:
        insert = f"INSERT INTO jiuwen_workers (worker_id, workflow_id, until) VALUES (?, ?, {NOW} + ?)"
        update = "ON CONFLICT (worker_id, workflow_id) DO UPDATE SET until = excluded.until"
        with self._database.transaction() as cursor:
            cursor.executemany(f"{insert} {update}", [(*row, self._seconds) for row in self._rows])
            cursor.execute(f"DELETE FROM jiuwen_workers WHERE until < {NOW} - ?", (_FORGOTTEN,))
            began = time.time()
            theirs = float(cursor.execute(f"SELECT {NOW}").fetchone()[0])
            self.ahead = theirs - (began + time.time()) / 2
