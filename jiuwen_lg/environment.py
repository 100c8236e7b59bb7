"""The settings of a run: timeouts, limits and switches, by key.

Facts: openJiuwen 0.1.1, `engine.md` 4.2. A run's own `set_envs` wins over the context
variable `workflow_runtime_vars`, which wins over the operating system. A text that makes
no sense in the last two leaves the default; in `set_envs` it is refused.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from jiuwen_lg import constants as key

workflow_runtime_vars: ContextVar[Mapping[str, Any] | None] = ContextVar("workflow_runtime_vars", default=None)
"""Settings by operating-system name for the runtimes made in this context."""


def _number(text: Any) -> float:
    """A number of seconds, whole if it is one."""
    number = float(text)
    return int(number) if number.is_integer() else number


def _truth(text: Any) -> bool:
    return {"true": True, "false": False}[text.strip().lower()] if isinstance(text, str) else bool(text)


def _trace_format(text: Any) -> str:
    return {"seeds": "seeds", "0.1.1": "0.1.1"}[text]


@dataclass(frozen=True, slots=True)
class _Setting:
    """One setting: its names in the environment (the first one wins), its kind and its default."""

    names: tuple[str, ...]
    parse: Callable[[Any], Any]
    default: Any

    def from_outside(self, context: Mapping[str, Any]) -> Any:
        found = next((source[n] for source in (context, os.environ) for n in self.names if n in source), None)
        return _parsed(found, self.parse, self.default)


_SETTINGS: dict[str, _Setting] = {
    key.WORKFLOW_EXECUTE_TIMEOUT: _Setting((key.WORKFLOW_EXECUTE_TIMEOUT_ENV_KEY,), _number, 60),
    key.WORKFLOW_STREAM_FRAME_TIMEOUT: _Setting((key.WORKFLOW_STREAM_FRAME_TIMEOUT_ENV_KEY,), _number, -1),
    key.WORKFLOW_STREAM_FIRST_FRAME_TIMEOUT: _Setting((key.WORKFLOW_STREAM_FIRST_FRAME_TIMEOUT_ENV_KEY,), _number, -1),
    key.COMP_STREAM_CALL_TIMEOUT_KEY: _Setting((key.COMP_STREAM_CALL_TIMEOUT_ENV_KEY,), _number, -1),
    key.STREAM_INPUT_GEN_TIMEOUT_KEY: _Setting((key.STREAM_INPUT_GEN_TIMEOUT_ENV_KEY,), _number, -1),
    # The limit once held for loops over a number only, hence its old name.
    key.LOOP_MAX_LIMIT_KEY: _Setting(
        (key.LOOP_MAX_LIMIT_ENV_KEY, key.LOOP_NUMBER_MAX_LIMIT_ENV_KEY), int, key.LOOP_NUMBER_MAX_LIMIT_DEFAULT
    ),
    key.LOOP_NUMBER_MAX_LIMIT_KEY: _Setting(
        (key.LOOP_NUMBER_MAX_LIMIT_ENV_KEY,), int, key.LOOP_NUMBER_MAX_LIMIT_DEFAULT
    ),
    key.FORCE_DEL_WORKFLOW_STATE_KEY: _Setting((key.FORCE_DEL_WORKFLOW_STATE_ENV_KEY,), _truth, default=False),
    key.TRACE_DETAILS_KEY: _Setting((), _truth, default=False),
    key.TRACE_FORMAT_KEY: _Setting((key.TRACE_FORMAT_ENV_KEY,), _trace_format, default="seeds"),
    key.END_COMP_TEMPLATE_RENDER_POSITION_TIMEOUT_KEY: _Setting((), _number, 5),
    key.END_COMP_TEMPLATE_BATCH_READER_TIMEOUT_KEY: _Setting((), _number, 5),
}


def default_environment() -> dict[str, Any]:
    """The settings that a new runtime starts with."""
    context = workflow_runtime_vars.get() or {}
    return {name: setting.from_outside(context) for name, setting in _SETTINGS.items()}


def parse_setting(name: str, value: Any) -> Any:
    """A value that the user set for a key, as what the key holds.

    Raises:
        ValueError: It makes no sense for this key.
    """
    if name not in _SETTINGS or value is None:
        return value
    setting = _SETTINGS[name]
    try:
        return setting.parse(value)
    except (ValueError, TypeError, KeyError) as error:
        kind = type(setting.default).__name__
        raise ValueError(f"{name} cannot be {value!r}: it is a {kind}, such as {setting.default!r}") from error


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


def is_switched_off(name: str) -> bool:
    """Whether the operating system's environment says `false`; anything else leaves the switch on."""
    return os.environ.get(name, "").strip().lower() == "false"
