"""Retries, time limits and handlers of failures, by our own policies."""

from __future__ import annotations

from typing import Any

from langgraph.types import RetryPolicy

from jiuwen_lg.compat.current.callbacks import RECOVERY, TIMED_OUT, callback_framework
from jiuwen_lg.compat.current.card import ComponentAbility
from jiuwen_lg.compat.current.codes import StatusCode
from jiuwen_lg.compat.current.errors import build_error
from jiuwen_lg.compat.current.session import get_current_session
from jiuwen_lg.compat.current.translation import translated

_BATCH = ("invoke", "collect")
"""The abilities whose output a handler may supply."""


def retry_policy(max_retries: int) -> RetryPolicy | None:
    """As many further attempts after any failure, at once.

    Raises:
        ValidationError: 100014, it is no number from 0.
    """
    if isinstance(max_retries, bool) or not isinstance(max_retries, int) or max_retries < 0:
        reason = f"max_retries is {max_retries!r}; it is a whole number from 0"
        raise build_error(StatusCode.WORKFLOW_COMPONENT_SCHEMA_INVALID, reason=reason)
    if max_retries == 0:
        return None
    return RetryPolicy(max_attempts=max_retries + 1, initial_interval=0.0, jitter=False, retry_on=lambda _: True)


def time_limit(timeout: float | None) -> float | None:
    """The limit of one attempt in seconds; None for 0 and less, which mean no limit."""
    if timeout is not None and (isinstance(timeout, bool) or not isinstance(timeout, (int, float))):
        reason = f"timeout is {timeout!r}; it is a number of seconds, -1 for no limit"
        raise build_error(StatusCode.WORKFLOW_COMPONENT_SCHEMA_INVALID, reason=reason)
    return timeout if timeout is not None and timeout > 0 else None


class Recovery:
    """The fallback of a component: asks the handlers of `component_error_recovery` for an output.

    Args:
        node_id: The component.
        timeout: Its time limit.
        exception_config: Its settings for the handlers.
    """

    def __init__(self, node_id: str, timeout: float | None, exception_config: Any) -> None:
        self._node_id = node_id
        self._timeout = timeout
        self._exception_config = exception_config

    async def __call__(self, error: Exception) -> Any:
        """The output that a handler gives; without one, the failure stays what it is."""
        failure = await self._failure(error)
        ability = getattr(error, "details", {}).get("ability", "invoke")
        if ability in _BATCH and callback_framework.has_subscribers(RECOVERY):
            output = await callback_framework.first(
                RECOVERY,
                error=failure,
                session=self._session(),
                node_id=self._node_id,
                ability=ComponentAbility[ability.upper()],
                exception_config=self._exception_config,
            )
            if output is not None:
                return output
        raise failure from failure.__cause__

    async def _failure(self, error: Exception) -> BaseException:
        """The failure as today's; a handler of `component_timeout_error` may put another in its place."""
        failure = translated(error)
        is_timeout = isinstance(error.__cause__, TimeoutError)
        if not is_timeout or not callback_framework.has_subscribers(TIMED_OUT):
            return failure
        found = await callback_framework.first(
            TIMED_OUT,
            cause=error.__cause__,
            timeout=self._timeout,
            node_id=self._node_id,
            exception_config=self._exception_config,
            session=self._session(),
        )
        return found if isinstance(found, BaseException) else failure

    def _session(self) -> Any:
        """The session of the component, if its method runs in this task."""
        session = get_current_session()
        return session if session is not None and session.get_component_id() == self._node_id else None
