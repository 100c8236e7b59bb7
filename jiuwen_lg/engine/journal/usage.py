"""Tokens that models read and write inside an execution, heard of through LangChain's callbacks.

The handler reaches models through a context variable: one in the run's config would make every node tell
its callbacks of itself.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, TypeAlias

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.tracers.context import register_configure_hook

Tally: TypeAlias = list[int]
"""Tokens read, and tokens written."""


class UsageCounter(BaseCallbackHandler):
    """Adds the tokens of every model that answers to the tally of the component that it runs in."""

    run_inline = True

    def on_llm_end(self, response: Any, **kwargs: Any) -> None:
        """A model has answered."""
        tally = _tally.get()
        if tally is None:
            return
        for generations in response.generations:
            for generation in generations:
                usage = getattr(getattr(generation, "message", None), "usage_metadata", None) or {}
                tally[0] += usage.get("input_tokens") or 0
                tally[1] += usage.get("output_tokens") or 0


_tally: ContextVar[Tally | None] = ContextVar("jiuwen_lg_tally", default=None)
_counter: ContextVar[UsageCounter | None] = ContextVar("jiuwen_lg_usage", default=None)
register_configure_hook(_counter, inheritable=True)
_listening = UsageCounter()


def listen() -> None:
    """Hear of the models of the run that begins in this task."""
    _counter.set(_listening)


def count_here() -> Tally:
    """Count the tokens of what this task runs from now on; components inside loops and sub-workflows count their own.

    A component runs in a task of its own, with which the tally goes.
    """
    tally = [0, 0]
    _tally.set(tally)
    return tally
