"""The picture of a session, which a notebook updates in place while the session runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Any, TypeAlias

from jiuwen_lg.drawing.model import Mark
from jiuwen_lg.drawing.picture import Picture
from jiuwen_lg.output import SessionSnapshot
from jiuwen_lg.timeline import Timeline

Look: TypeAlias = Callable[[], Awaitable[SessionSnapshot | None]]
"""Reads where the session stands; None before its first run."""

_EVERY = 0.3
"""Seconds between two looks at the session."""
_QUIET = 600.0
"""Seconds without a change after which a picture is left as it is."""

_following: set[asyncio.Task[None]] = set()
"""The tasks that update pictures; an event loop itself does not hold them."""


class SessionPicture(Picture):
    """A workflow, and where a session of it stands.

    Displayed in a notebook, it is updated in place until the session's run has finished, or ten minutes have
    passed without a change.

    Args:
        picture: How the workflow is drawn.
        look: Reads where the session stands.
        first: Where it stands now.
    """

    def __init__(self, picture: Picture, look: Look, first: SessionSnapshot | None) -> None:
        self.__dict__.update(vars(picture))
        self._look = look
        self.status: str | None = None
        self.marks: dict[str, Mark] = picture.marks
        self.timeline: Timeline | None = picture.timeline
        self.show(first)

    def show(self, snapshot: SessionSnapshot | None) -> bool:
        """Show where the session stands; whether that is news."""
        if snapshot is None:
            return False
        before = (self.status, self.marks, self.timeline)
        self.status, self.marks = snapshot.status, dict(snapshot.picture.marks)
        self.timeline = snapshot.picture.timeline
        return before != (self.status, self.marks, self.timeline)

    def _ipython_display_(self, **_: Any) -> None:
        """Display it, and follow the session."""
        from IPython.display import display

        show: Any = display  # it has no types
        handle = show(self._repr_mimebundle_(), raw=True, display_id=True)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # no cell runs that could be followed
            return
        # Outside of this cell's context, so that an update belongs to the cell that runs then: nbclient drops others.
        task = loop.create_task(self._follow(handle), context=Context())
        _following.add(task)
        task.add_done_callback(_following.discard)

    async def _follow(self, handle: Any) -> None:
        quiet = 0.0
        while self.status != "done" and quiet < _QUIET:
            await asyncio.sleep(_EVERY)
            quiet += _EVERY
            if self.show(await self._look()):
                handle.update(self._repr_mimebundle_(), raw=True)
                quiet = 0.0
