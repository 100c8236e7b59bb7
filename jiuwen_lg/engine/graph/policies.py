"""Policies: retries, time limits, fallbacks and cached outputs of components.

Retries and cache policies are LangGraph's own. Its time limits refuse synchronous callers and its error
handlers lead away from a component's connections, so these two are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeAlias

from langgraph.types import CachePolicy, Command, RetryPolicy

from jiuwen_lg.engine.graph.digest import digest_of
from jiuwen_lg.error_text import described
from jiuwen_lg.errors import JiuWenBaseException, StatusCode, is_engine_error
from jiuwen_lg.schema.path import MISSING
from jiuwen_lg.schema.values import maybe_await

Retry: TypeAlias = int | RetryPolicy | None
Timeout: TypeAlias = float | timedelta | None
Cache: TypeAlias = bool | int | CachePolicy[Any] | None

_AGAIN = frozenset((408, 425, 429))
_NETWORK = ("ConnectionError", "TimeoutError", "NodeTimeoutError", "TransportError", "APIConnectionError")
_MISTAKES = (
    ValueError,
    TypeError,
    ArithmeticError,
    ImportError,
    LookupError,
    NameError,
    SyntaxError,
    RuntimeError,
    OSError,
)


def is_worth_retrying(error: BaseException) -> bool:
    """Whether what failed may go well the next time.

    So it is after a timeout, a lost connection, "too many requests" and failures of a service, and for
    errors of kinds that nothing is known of. It is not where a service refused (401, 404), where a value
    or a program is wrong, and for errors of this library.
    """
    chain = list(_causes(error))
    statuses = [status for one in chain if isinstance(status := _status(one), int)]
    if statuses:
        return statuses[0] in _AGAIN or statuses[0] >= 500
    if any(cls.__name__ in _NETWORK for one in chain for cls in type(one).__mro__):
        return True
    root = chain[-1]
    return not isinstance(root, (*_MISTAKES, JiuWenBaseException))


def _status(error: BaseException) -> Any:
    found = getattr(error, "status_code", None)
    return found if found is not None else getattr(getattr(error, "response", None), "status_code", None)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies of a component.

    Attributes:
        retry: How often and when it runs again.
        timeout: For one attempt, in seconds.
        cache: How its outputs are kept for inputs that come again.
        fallback: What counts instead of its output when it has failed for good; `MISSING` for nothing.
    """

    retry: RetryPolicy | None = None
    timeout: float | None = None
    cache: CachePolicy[Any] | None = None
    fallback: Any = MISSING

    @classmethod
    def of(cls, retry: Retry, timeout: Timeout, cache: Cache, fallback: Any) -> Policies:
        """Return the policies that a user asked for.

        Raises:
            JiuWenBaseException: -1, it makes no sense.
        """
        return cls(_retry(retry), _seconds(timeout), _cache(cache), fallback)

    @property
    def targets(self) -> tuple[str, ...]:
        """The components that a fallback leads to, if it is a branch."""
        if not isinstance(self.fallback, Command):
            return ()
        goto = self.fallback.goto
        return (goto,) if isinstance(goto, str) else tuple(str(target) for target in goto)  # type: ignore[union-attr]

    def is_final(self, error: Exception, attempt: int) -> bool:
        """Whether a failure is not followed by another attempt."""
        retry = self.retry
        return retry is None or attempt >= retry.max_attempts or not retry.retry_on(error)  # type: ignore[operator]

    async def output_instead(self, error: BaseException) -> Any:
        """The fallback's output; a branch tells what went wrong: `{"error": "…"}`."""
        if self.targets:
            return {"error": described(error)}
        return await maybe_await(self.fallback(error)) if callable(self.fallback) else self.fallback


NO_POLICIES = Policies()


def _refused(reason: str) -> JiuWenBaseException:
    return StatusCode.ERROR.error(reason=reason)


def _retry(retry: Retry) -> RetryPolicy | None:
    if retry is None:
        return None
    if isinstance(retry, RetryPolicy):
        is_default = retry.retry_on is RetryPolicy().retry_on
        return retry._replace(retry_on=is_worth_retrying if is_default else _on_causes(retry.retry_on))
    if isinstance(retry, bool) or not isinstance(retry, int) or retry < 1:
        raise _refused(f"retry is {retry!r}; it is the number of attempts, at least 1, or a RetryPolicy")
    return RetryPolicy(max_attempts=retry, retry_on=is_worth_retrying)


def _on_causes(retry_on: Any) -> Callable[[Exception], bool]:
    """A user's condition, asked of the component's own error and of what caused it."""
    if isinstance(retry_on, (type, Sequence)):
        kinds = retry_on if isinstance(retry_on, type) else tuple(retry_on)
        return lambda error: not is_engine_error(error) and any(isinstance(one, kinds) for one in _causes(error))
    return lambda error: (
        not is_engine_error(error) and any(retry_on(one) for one in list(_causes(error))[1:] or [error])
    )


def _seconds(timeout: Timeout) -> float | None:
    if timeout is None:
        return None
    limit = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
    if isinstance(limit, bool) or not isinstance(limit, (int, float)) or limit <= 0:
        raise _refused(f"timeout is {timeout!r}; it is a number of seconds above 0, or a timedelta")
    return float(limit)


def _cache(cache: Cache) -> CachePolicy[Any] | None:
    if cache is None or cache is False:
        return None
    if isinstance(cache, CachePolicy):
        return replace(cache, key_func=digest_of) if cache.key_func is CachePolicy().key_func else cache
    if cache is True:
        return CachePolicy(key_func=digest_of)
    if not isinstance(cache, int) or cache < 1:
        raise _refused(f"cache is {cache!r}; it is True, a number of seconds, at least 1, or a CachePolicy")
    return CachePolicy(key_func=digest_of, ttl=cache)
