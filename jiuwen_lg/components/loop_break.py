"""Break: ends the loop around it after this round.

Source: seed 003, `engine.md` 8.5.
"""

from __future__ import annotations

from typing import Any

from jiuwen_lg.component import SimpleComponent


class BreakComponent(SimpleComponent):
    """Ends the loop around it; what else is in this round still runs, and the round counts."""

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> None:
        """Break.

        Raises:
            JiuWenBaseException: 101180, there is no loop around.
        """
        runtime.break_loop()
