"""The settings of a run: timeouts and switches, by environment key.

Facts: openJiuwen 0.1.1, `engine.md` 4.2. A run's own `set_envs` wins over the
context variable, which wins over the operating system.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

workflow_runtime_vars: ContextVar[Mapping[str, Any] | None] = ContextVar("workflow_runtime_vars", default=None)
"""Settings by operating-system name for the runtimes made in this context."""

EXECUTE_TIMEOUT = "_execute_timeout"
FORCE_DEL_WORKFLOW_STATE = "_force_del_workflow_state"


def _truth(text: Any) -> bool:
    words = {"true": True, "false": False}
    return words[str(text).strip().lower()]


_SETTINGS: dict[str, tuple[str, Callable[[Any], Any], Any]] = {
    EXECUTE_TIMEOUT: ("WORKFLOW_EXECUTE_TIMEOUT", float, 60.0),
    FORCE_DEL_WORKFLOW_STATE: ("FORCE_DEL_WORKFLOW_STATE", _truth, False),
}
"""Key → (operating-system name, parser, default); times in seconds."""


def default_environment() -> dict[str, Any]:
    """The settings that a new runtime starts with; a text that makes no sense leaves the default."""
    context = workflow_runtime_vars.get() or {}
    return {
        key: _parsed(context.get(name, os.environ.get(name)), parse, default)
        for key, (name, parse, default) in _SETTINGS.items()
    }


def parse_setting(key: str, value: Any) -> Any:
    """A value that the user set for a key, as what the key holds.

    Raises:
        ValueError: It makes no sense for this key.
    """
    if key not in _SETTINGS or value is None:
        return value
    _, parse, default = _SETTINGS[key]
    try:
        return parse(value)
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{key} cannot be {value!r}: it is a {type(default).__name__}, such as {default!r}") from error


def _parsed(text: Any, parse: Callable[[Any], Any], default: Any) -> Any:
    if text is None:
        return default
    try:
        return parse(text)
    except (ValueError, TypeError, KeyError):
        return default


def seconds(value: Any) -> float | None:
    """A timeout setting as a number of seconds, or None for "unlimited" (None, 0 or less)."""
    return float(value) if value is not None and float(value) > 0 else None


def seconds_from_env(name: str, default: float) -> float:
    """A number of seconds from the operating system's environment, `default` if it is absent or no number."""
    return float(_parsed(os.environ.get(name), float, default))
