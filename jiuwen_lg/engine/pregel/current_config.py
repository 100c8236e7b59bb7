"""The config of the node that a task runs in: LangChain keeps it in a context variable."""

from __future__ import annotations

from contextvars import Context

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import var_child_runnable_config


def current_config(context: Context | None = None) -> RunnableConfig | None:
    """Return the config in a context (the running one by default); None outside a node."""
    return var_child_runnable_config.get() if context is None else context.get(var_child_runnable_config)


def set_config(context: Context, config: RunnableConfig) -> None:
    """Let what runs in a context find a config."""
    context.run(var_child_runnable_config.set, config)
