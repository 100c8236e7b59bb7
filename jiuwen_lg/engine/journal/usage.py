"""Tokens that models read and write inside an execution, heard of through LangChain's callbacks.

The handler reaches models through a context variable: one in the run's config would make every node tell
its callbacks of itself.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.tracers.context import register_configure_hook


class UsageCounter(BaseCallbackHandler):
    """Counts the tokens of the models that finish while it is there."""

    def __init__(self) -> None:
        self.tokens: tuple[int, int] = (0, 0)

    def on_llm_end(self, response: Any, **kwargs: Any) -> None:
        """A model has answered."""
        for generations in response.generations:
            for generation in generations:
                usage = getattr(getattr(generation, "message", None), "usage_metadata", None) or {}
                read, written = usage.get("input_tokens") or 0, usage.get("output_tokens") or 0
                self.tokens = self.tokens[0] + read, self.tokens[1] + written


_counter: ContextVar[UsageCounter | None] = ContextVar("jiuwen_lg_usage", default=None)
register_configure_hook(_counter, inheritable=True)


def count_here() -> UsageCounter:
    """Count the tokens of what this task runs from now on; components inside loops and sub-workflows count their own.

    A component runs in a task of its own, with which the counter goes.
    """
    counter = UsageCounter()
    _counter.set(counter)
    return counter
