"""The error classes of openJiuwen 0.1.19."""

from __future__ import annotations

import json
from typing import Any, ClassVar, NoReturn

from jiuwen_lg.compat.current.codes import StatusCode


class BaseError(Exception):
    """An error with a status code.

    Args:
        status: The code.
        msg: A text in place of the code's own.
        details: Anything that belongs to it.
        cause: The error behind it; also its `__cause__`.
        params: What the code's text is made from.
    """

    recoverable: ClassVar[bool] = False
    fatal: ClassVar[bool] = False

    def __init__(
        self,
        status: StatusCode,
        *,
        msg: str | None = None,
        details: Any = None,
        cause: BaseException | None = None,
        **params: Any,
    ) -> None:
        self.status: StatusCode = status
        self.params: dict[str, Any] = params
        self.raw_message: str | None = msg
        self.details: Any = details
        self.message: str = msg if msg is not None else status.message(params)
        self.__cause__ = cause
        super().__init__(self.message)

    @property
    def code(self) -> int:
        """The number of the status code."""
        return self.status.code

    @property
    def cause(self) -> BaseException | None:
        """The error behind it."""
        return self.__cause__

    def __str__(self) -> str:
        return f"[{self.code}] {self.message}"

    def __reduce__(self) -> Any:
        return _rebuilt, (type(self), self.status, self.message, self.details, self.params)

    def to_dict(self) -> dict[str, Any]:
        """The error as plain data."""
        return {
            "code": self.code,
            "status": self.status.name,
            "message": self.message,
            "params": dict(self.params),
            "raw_message": self.raw_message,
            "details": self.details,
        }

    def to_json(self) -> str:
        """The error as JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False, default=str)


def _rebuilt(cls: type[BaseError], status: StatusCode, message: str, details: Any, params: dict[str, Any]) -> BaseError:
    return cls(status, msg=message, details=details, **params)


class FrameworkError(BaseError):
    """An error of the framework, its settings or a service."""

    fatal = True


class ConfigurationError(FrameworkError):
    """A setting that cannot be used."""


class CryptError(FrameworkError):
    """An error of encryption."""


class ValidationError(BaseError):
    """Something that was given cannot be used."""


class GuardrailError(ValidationError):
    """Something that a guard refuses."""


class ExecutionError(BaseError):
    """A run that failed."""

    recoverable = True


class ApplicationError(ExecutionError):
    """An error of the application."""


class ExternalServiceError(ExecutionError):
    """An error of a service."""


class ExternalDataError(ExecutionError):
    """An error of data from outside."""


class WorkflowError(ExecutionError):
    """An error of a workflow."""


class ComponentError(ExecutionError):
    """An error of a component."""


class AgentError(ExecutionError):
    """An error of an agent."""


class RunnerError(ExecutionError):
    """An error of the Runner."""


class GraphError(ExecutionError):
    """An error of the graph."""


class ModelError(ExecutionError):
    """An error of a model."""


class ToolError(ExecutionError):
    """An error of a tool."""


class ToolchainError(ExecutionError):
    """An error of the toolchain."""


class ContextError(ExecutionError):
    """An error of a conversation."""


class SessionError(ExecutionError):
    """An error of a session."""


class SysOperationError(ExecutionError):
    """An error of an operation of the system."""


class StoreError(ExecutionError):
    """An error of a store."""


class Termination(BaseError):
    """A run that is ended on purpose."""


class RunnerTermination(Termination):
    """A Runner that is ended on purpose."""


def build_error(
    status: StatusCode,
    *,
    msg: str | None = None,
    details: Any = None,
    cause: BaseException | None = None,
    **params: Any,
) -> BaseError:
    """Make the error of a status code, of the class that belongs to it."""
    cls: type[BaseError] = globals().get(status.kind, ExecutionError)
    return cls(status, msg=msg, details=details, cause=cause, **params)


def raise_error(
    status: StatusCode,
    *,
    msg: str | None = None,
    details: Any = None,
    cause: BaseException | None = None,
    **params: Any,
) -> NoReturn:
    """Raise the error of a status code."""
    raise build_error(status, msg=msg, details=details, cause=cause, **params)
