"""The fence: a lease on a session, checked in the transaction of every write.

LangGraph does not lock, so two resumes of one thread would run everything twice. The fencing token grows with
every lease holder; a write that carries an old one is refused, so that a holder which stalled and comes back can
do no harm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from jiuwen_lg.engine.storage.database import Cursor
from jiuwen_lg.engine.storage.deadline import LINGER, Deadline
from jiuwen_lg.errors import StatusCode

LEASE_KEY = "__jlg_lease"
"""Key of a run's `configurable` under which a saver finds the lease that its writes need."""


@dataclass(slots=True, eq=False)
class Lease:
    """The right of one run to write to its thread.

    Attributes:
        fence: The number of this ownership; a newer one voids it.
        workflow_id: The workflow that runs; empty for one without an id.
        host_lock: The lock that tells other processes of this host that it is held.
        is_stored: Whether it is known to be committed.
        limit: Until when its run's writes may wait that are on their way.
        is_hurried: Whether its run is being stopped, so that what it still writes may wait for a moment only.
        is_ending: Whether its turn winds up.
        is_lost: Whether another run has taken over.
        on_lost: Called once, from any thread, when that is noticed.
        loop: The event loop that its run is in.
    """

    session_id: str
    thread_id: str
    fence: int
    workflow_id: str = ""
    host_lock: str | None = None
    is_stored: bool = False
    limit: Deadline = field(default_factory=Deadline)
    is_hurried: bool = False
    is_ending: bool = False
    is_lost: bool = False
    on_lost: Callable[[], None] = field(default=lambda: None)
    loop: asyncio.AbstractEventLoop | None = None
    _is_over: bool = False
    _watchers: list[Callable[[], None]] = field(default_factory=list)

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

    def hurry(self) -> None:
        """Let what is being written end soon, and what follows not wait for long either."""
        self.limit.hurry(LINGER)
        self.limit, self.is_hurried = Deadline(), True

    def on_ended(self, watcher: Callable[[], None]) -> None:
        """Call `watcher` when the lease has been let go; at once if it has been."""
        if self._is_over:
            watcher()
        else:
            self._watchers.append(watcher)

    def end(self) -> None:
        """Note that the lease has been let go."""
        self._is_over = True
        while self._watchers:
            self._watchers.pop()()

    def lose(self) -> None:
        """Note that another run has taken over."""
        if not self.is_lost:
            self.is_lost = True
            self.on_lost()

    def lost_error(self) -> Exception:
        """100905, SESSION_LOST."""
        return StatusCode.SESSION_LOST.error(session_id=self.session_id)
