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
from jiuwen_lg.errors import StatusCode

LEASE_KEY = "__jlg_lease"
"""Key of a run's `configurable` under which a saver finds the lease that its writes need."""


@dataclass(slots=True, eq=False)
class Lease:
    """The right of one run to write to its thread.

    Attributes:
        fence: The number of this ownership; a newer one voids it.
        is_lost: Whether another run has taken over.
        on_lost: Called once, from any thread, when that is noticed.
        loop: The event loop that its run is in.
        workflow_id: The workflow; what the run writes is sealed for it.
    """

    session_id: str
    thread_id: str
    fence: int
    is_lost: bool = False
    on_lost: Callable[[], None] = field(default=lambda: None)
    loop: asyncio.AbstractEventLoop | None = None
    workflow_id: str = ""

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
