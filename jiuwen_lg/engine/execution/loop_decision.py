"""Whether a loop has another iteration: a pure decision."""

from __future__ import annotations

from jiuwen_lg.errors import StatusCode


def next_index(index: int | None) -> int:
    """Return how many iterations have ended, now that one has; None before the loop has begun."""
    return 0 if index is None else index + 1


def begins_iteration(*, condition_holds: bool, is_broken: bool, index: int, limit: int | None) -> bool:
    """Decide whether another iteration begins.

    Args:
        condition_holds: What the loop's condition said; it is not asked after a break.
        is_broken: Whether a `BreakComponent` has run in the iteration that has ended.
        index: How many iterations have ended.
        limit: The most iterations; None for no limit.

    Raises:
        JiuWenBaseException: 101151, the loop has had as many iterations as are allowed.
    """
    if is_broken or not condition_holds:
        return False
    if limit is not None and index >= limit:
        raise StatusCode.LOOP_COMPONENT_EXECUTION_ERROR.error(error_msg=f"it has not ended, {allowed(limit)}")
    return True


def allowed(limit: int) -> str:
    """Return the words for a loop that has too many iterations, with the setting that allows more."""
    return f"{limit} rounds are allowed; allow more with set_envs({{'_loop_max_limit': ...}}) or LOOP_MAX_LIMIT"
