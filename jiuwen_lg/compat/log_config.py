"""openJiuwen's settings of its log, by kind of log. Facts: openJiuwen 0.1.1, `agents.md` 17.1."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

_FORMAT = (
    "%(asctime)s | %(log_type)s | %(filename)s | %(lineno)d | %(funcName)s | %(trace_id)s | %(levelname)s | %(message)s"
)
_DEFAULTS: dict[str, Any] = {
    "level": "INFO",
    "log_path": "./logs/",
    "output": ["console", "file"],
    "log_file": "run/jiuwen.log",
    "interface_output": ["console", "file"],
    "interface_log_file": "interface/jiuwen_interface.log",
    "prompt_builder_interface_log_file": "interface/jiuwen_prompt_builder_interface.log",
    "performance_output": ["console", "file"],
    "performance_log_file": "performance/jiuwen_performance.log",
    "backup_count": 20,
    "max_bytes": 20 * 1024 * 1024,
    "format": _FORMAT,
    "log_file_pattern": None,
    "backup_file_pattern": None,
}
_COMMON_KEYS = ("backup_count", "max_bytes", "format", "log_file_pattern", "backup_file_pattern")


class LogConfig:
    """The settings of every kind of log.

    Args:
        config_path: A YAML file whose `logging` says otherwise than the defaults; one that is not there is ignored.
    """

    def __init__(self, config_path: str | None = None) -> None:
        self._settings = dict(_DEFAULTS)
        self.is_given: bool = False
        if config_path is not None:
            self.reload(config_path)

    def reload(self, config_path: str) -> None:
        """Read a YAML file; its settings win over the defaults."""
        import yaml  # type: ignore[import-untyped]

        if not Path(config_path).is_file():
            return
        given = yaml.safe_load(Path(config_path).read_text(encoding="utf-8")) or {}
        self._settings = {**_DEFAULTS, **(given.get("logging") or {})}
        self.is_given = True

    def get_common_config(self) -> dict[str, Any]:
        """Return the settings of the log of runs."""
        return self._config("log_file", "output")

    def get_interface_config(self) -> dict[str, Any]:
        """Return those of the log of interfaces."""
        return self._config("interface_log_file", "interface_output")

    def get_prompt_builder_config(self) -> dict[str, Any]:
        """Return those of the log of prompt builders."""
        return self._config("prompt_builder_interface_log_file", "interface_output")

    def get_performance_config(self) -> dict[str, Any]:
        """Return those of the log of times."""
        return self._config("performance_log_file", "performance_output")

    def get_custom_config(self, log_type: str, **kwargs: Any) -> dict[str, Any]:
        """Return those of a kind of one's own, with what is said otherwise."""
        return {**self.get_common_config(), "log_file": self._path(f"{log_type}.log"), **kwargs}

    def get_all_configs(self) -> dict[str, dict[str, Any]]:
        """Return those of all kinds."""
        return {
            "common": self.get_common_config(),
            "interface": self.get_interface_config(),
            "prompt_builder": self.get_prompt_builder_config(),
            "performance": self.get_performance_config(),
        }

    def _config(self, file: str, output: str) -> dict[str, Any]:
        common = {key: self._settings[key] for key in _COMMON_KEYS}
        level = level_of(self._settings["level"])
        return {"log_file": self._path(file), "output": list(self._settings[output]), "level": level, **common}

    def _path(self, file: str) -> str:
        return f"{str(self._settings['log_path']).rstrip('/')}/{self._settings.get(file, file)}"


def level_of(level: int | str) -> int:
    """Return a level of `logging` by its number or name, INFO for an unknown one."""
    return level if isinstance(level, int) else logging.getLevelNamesMapping().get(str(level).upper(), logging.INFO)


log_config: LogConfig = LogConfig()
"""The settings of this process."""

config: dict[str, Any] = {"logging": {**_DEFAULTS, "level": logging.INFO}}
"""openJiuwen's settings as a dict."""
