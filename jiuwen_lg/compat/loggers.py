"""openJiuwen's loggers, as a thin face of Python's `logging`.

Unlike openJiuwen's they are quiet: nothing is printed and no file is made until a program says where to
(`configure_log`, `reconfigure`, or handlers of its own). The loggers are called `openjiuwen.<type>`.
Facts: openJiuwen 0.1.1, `agents.md` 17.1 (its R-20, R-23 and R-24 left out).
"""

from __future__ import annotations

import logging
import sys
from abc import ABC, abstractmethod
from contextvars import ContextVar
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, ClassVar

from jiuwen_lg.compat.log_config import level_of, log_config
from jiuwen_lg.errors import StatusCode

_LARGEST = 100 * 1024 * 1024
_session: ContextVar[str] = ContextVar("openjiuwen_trace_id", default="")


def set_thread_session(trace_id: str = "default_trace_id") -> None:
    """Set the `trace_id` of what is logged from here on in this context."""
    _session.set(trace_id)


def get_thread_session() -> str:
    """Return the `trace_id` of this context."""
    return _session.get()


def get_log_max_bytes(max_bytes_config: Any) -> int:
    """Return the size of a log file in bytes; 100 MB for one that is not positive or larger.

    Raises:
        JiuWenBaseException: -1, it is no number.
    """
    try:
        size = int(max_bytes_config)
    except ValueError as error:
        raise StatusCode.ERROR.error(reason=f"max_bytes is a number, not {max_bytes_config!r}") from error
    return size if 0 < size < _LARGEST else _LARGEST


class LoggerProtocol(ABC):
    """The methods of a logger."""

    @abstractmethod
    def debug(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Log at DEBUG."""

    @abstractmethod
    def info(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Log at INFO."""

    @abstractmethod
    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Log at WARNING."""

    @abstractmethod
    def error(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Log at ERROR."""

    @abstractmethod
    def critical(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Log at CRITICAL."""

    @abstractmethod
    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Log at ERROR, with the exception that is being handled."""

    @abstractmethod
    def log(self, level: int, msg: str, *args: Any, **kwargs: Any) -> None:
        """Log at a level."""

    @abstractmethod
    def set_level(self, level: int) -> None:
        """Leave out what is below a level."""

    @abstractmethod
    def add_handler(self, handler: logging.Handler) -> None:
        """Add a handler."""

    @abstractmethod
    def remove_handler(self, handler: logging.Handler) -> None:
        """Remove a handler."""

    @abstractmethod
    def add_filter(self, filter: Any) -> None:
        """Add a filter."""

    @abstractmethod
    def remove_filter(self, filter: Any) -> None:
        """Remove a filter."""

    @abstractmethod
    def get_config(self) -> dict[str, Any]:
        """Return a copy of the settings."""

    @abstractmethod
    def reconfigure(self, config: dict[str, Any]) -> None:
        """Replace the settings."""


class _Columns(logging.Filter):
    """Adds the columns that openJiuwen's format has."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.trace_id = get_thread_session()
        record.log_type = record.name.rpartition(".")[2]
        return True


class DefaultLogger(LoggerProtocol):
    """A logger of Python's.

    Args:
        log_type: Its kind: `common`, or one of the program's own.
        config: Its settings.
    """

    def __init__(self, log_type: str, config: dict[str, Any]) -> None:
        self.log_type = log_type
        self.config: dict[str, Any] = dict(config)
        self._own: list[logging.Handler] = []
        self._logger = logging.getLogger(f"openjiuwen.{log_type}")
        if not any(isinstance(known, _Columns) for known in self._logger.filters):
            self._logger.addFilter(_Columns())
            self._logger.addHandler(logging.NullHandler())
        self._logger.setLevel(level_of(self.config.get("level", logging.INFO)))
        if log_config.is_given:
            self.reconfigure(self.config)

    def debug(self, msg: str, *args: Any, **kwargs: Any) -> None:
        self._put(logging.DEBUG, msg, args, kwargs)

    def info(self, msg: str, *args: Any, **kwargs: Any) -> None:
        self._put(logging.INFO, msg, args, kwargs)

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        self._put(logging.WARNING, msg, args, kwargs)

    def error(self, msg: str, *args: Any, **kwargs: Any) -> None:
        self._put(logging.ERROR, msg, args, kwargs)

    def critical(self, msg: str, *args: Any, **kwargs: Any) -> None:
        self._put(logging.CRITICAL, msg, args, kwargs)

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        self._put(logging.ERROR, msg, args, {"exc_info": True, **kwargs})

    def log(self, level: int, msg: str, *args: Any, **kwargs: Any) -> None:
        self._put(level, msg, args, kwargs)

    def _put(self, level: int, msg: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._logger.log(level, msg, *args, **{**kwargs, "stacklevel": kwargs.get("stacklevel", 1) + 2})

    def set_level(self, level: int) -> None:
        self._logger.setLevel(level)

    def add_handler(self, handler: logging.Handler) -> None:
        self._logger.addHandler(handler)

    def remove_handler(self, handler: logging.Handler) -> None:
        self._logger.removeHandler(handler)

    def add_filter(self, filter: Any) -> None:
        self._logger.addFilter(filter)

    def remove_filter(self, filter: Any) -> None:
        self._logger.removeFilter(filter)

    def get_config(self) -> dict[str, Any]:
        return dict(self.config)

    def reconfigure(self, config: dict[str, Any]) -> None:
        """Replace the settings, and write where they say: to the console, to the file, or to both."""
        self.config = dict(config)
        self._logger.setLevel(level_of(config.get("level", logging.INFO)))
        for handler in self._own:
            self._logger.removeHandler(handler)
            handler.close()
        self._own = _handlers(self.config)
        for handler in self._own:
            self._logger.addHandler(handler)

    setLevel = set_level  # noqa: N815 - openJiuwen's pages call these by the names of `logging`
    addHandler = add_handler  # noqa: N815
    removeHandler = remove_handler  # noqa: N815


def _handlers(config: dict[str, Any]) -> list[logging.Handler]:
    handlers: list[logging.Handler] = []
    if "console" in config.get("output", ()):
        handlers.append(logging.StreamHandler(sys.stdout))
    if "file" in config.get("output", ()) and config.get("log_file"):
        Path(config["log_file"]).parent.mkdir(parents=True, exist_ok=True)
        size, copies = get_log_max_bytes(config.get("max_bytes", 0)), int(config.get("backup_count", 20))
        handlers.append(
            RotatingFileHandler(config["log_file"], maxBytes=size, backupCount=copies, encoding="utf-8", delay=True)
        )
    for handler in handlers:
        handler.setFormatter(logging.Formatter(config.get("format"), datefmt="%Y-%m-%d %H:%M:%S"))
    return handlers


class LogManager:
    """The loggers of this process by kind."""

    _loggers: ClassVar[dict[str, LoggerProtocol]] = {}
    _class: ClassVar[Any] = DefaultLogger

    @classmethod
    def initialize(cls) -> None:
        """Make the loggers of the kinds that openJiuwen has."""
        for log_type, config in log_config.get_all_configs().items():
            if log_type not in cls._loggers:
                cls._loggers[log_type] = cls._class(log_type, config)

    @classmethod
    def get_logger(cls, log_type: str) -> LoggerProtocol:
        """Return the logger of a kind; a new one for a new kind."""
        cls.initialize()
        if log_type not in cls._loggers:
            cls._loggers[log_type] = cls._class(log_type, log_config.get_custom_config(log_type))
        return cls._loggers[log_type]

    @classmethod
    def register_logger(cls, log_type: str, logger: LoggerProtocol) -> None:
        """Let a logger be that of a kind.

        Raises:
            TypeError: It is no `LoggerProtocol`.
        """
        if not isinstance(logger, LoggerProtocol):
            raise TypeError(f"the logger of {log_type!r} must be a LoggerProtocol, not {type(logger).__name__}")
        cls._loggers[log_type] = logger

    @classmethod
    def get_all_loggers(cls) -> dict[str, LoggerProtocol]:
        """Return the loggers of all kinds."""
        cls.initialize()
        return dict(cls._loggers)

    @classmethod
    def set_default_logger_class(cls, logger_class: type[LoggerProtocol]) -> None:
        """Make loggers of this class, called with the kind and its settings; those that there are stay."""
        cls._class = logger_class

    @classmethod
    def reset(cls) -> None:
        """Drop all loggers, and the class for new ones."""
        cls._loggers.clear()
        cls._class = DefaultLogger


def configure_log(config_path: str) -> None:
    """Read the settings of this process from a YAML file, and write where they say from here on."""
    log_config.reload(config_path)
    configs = log_config.get_all_configs()
    for log_type, logger in LogManager.get_all_loggers().items():
        logger.reconfigure(configs.get(log_type) or log_config.get_custom_config(log_type))


class LazyLogger:
    """The logger of the kind `common`, whichever that is when it is used."""

    def __getattr__(self, name: str) -> Any:
        return getattr(LogManager.get_logger("common"), name)


logger: LazyLogger = LazyLogger()
"""The program's logger."""
