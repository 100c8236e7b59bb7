"""A clock that the processes of a host share, and that nobody puts forward or back."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable

from jiuwen_lg.engine.storage.host import boot_id


def boot_clock(connection: sqlite3.Connection) -> Callable[[], float]:
    """The seconds since 1970 as they were when this boot's first process looked, counted on from there.

    Leases in a file are judged by it: they outlast a change of the time of day, in one process or in all.

    Args:
        connection: A connection to the file, which remembers the beginning.
    """
    boot, since_boot = boot_id(), _since_boot()
    if not boot or since_boot is None:
        return time.time
    find = "SELECT began FROM jiuwen_clock WHERE boot = ?"
    connection.execute("CREATE TABLE IF NOT EXISTS jiuwen_clock (boot TEXT PRIMARY KEY, began REAL NOT NULL)")
    row = connection.execute(find, (boot,)).fetchone()
    if row is None:
        began = time.time() - since_boot()
        connection.execute("INSERT OR IGNORE INTO jiuwen_clock (boot, began) VALUES (?, ?)", (boot, began))
        row = connection.execute(find, (boot,)).fetchone()
    return lambda: float(row[0] + since_boot())


def _since_boot() -> Callable[[], float] | None:
    clock: int | None = getattr(time, "CLOCK_BOOTTIME", None)
    return None if clock is None else lambda: time.clock_gettime(clock)
