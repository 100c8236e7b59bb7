"""A user's answers."""

from __future__ import annotations

from typing import Any

from jiuwen_lg.compat.current.translation import translating
from jiuwen_lg.interaction import _UNSET
from jiuwen_lg.interaction import InteractiveInput as OurInput


class InteractiveInput(OurInput):
    """Answers to what a paused session asked, or (empty) the wish to resume a failed one."""

    def __init__(self, raw_inputs: Any = _UNSET) -> None:
        with translating():
            super().__init__(raw_inputs)

    def update(self, node_id: str, value: Any) -> InteractiveInput:
        """Answer the question of one component."""
        with translating():
            super().update(node_id, value)
        return self
