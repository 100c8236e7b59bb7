"""The states of a component that takes frames, and the decisions that follow from them (pure)."""

from __future__ import annotations

from enum import Enum, auto


class ConsumerState(Enum):
    """The life of a consumer within one run of its graph."""

    ABSENT = auto()
    """It has not begun."""
    STARTED = auto()
    """It works on frames beside a producer; its own turn has not come."""
    OUTDATED = auto()
    """It had started, and its turn never came: the producer that gives frames now had ended for it."""
    BLOCKED = auto()
    """It begins on frames no more, since a producer of it stopped in the middle."""


class OnFrame(Enum):
    """The fate of a frame that a producer gives."""

    DELIVER = auto()
    """The consumer that has started gets it."""
    BEGIN = auto()
    """The consumer begins with it."""
    RESTART = auto()
    """What had started is cancelled, and the consumer begins with it."""
    RECORD = auto()
    """It is recorded only: the consumer gets it in its own turn."""


def on_frame(state: ConsumerState, *, is_ready: bool, is_stepwise: bool) -> OnFrame:
    """Decide what becomes of a frame.

    Args:
        state: Where the consumer stands.
        is_ready: Whether the batch values that the consumer refers to are there.
        is_stepwise: Whether the run may stop between any two steps; then no component begins before its turn.
    """
    if is_stepwise or state is ConsumerState.BLOCKED:
        return OnFrame.RECORD
    if state is ConsumerState.STARTED:
        return OnFrame.DELIVER
    if not is_ready:
        return OnFrame.RECORD
    return OnFrame.RESTART if state is ConsumerState.OUTDATED else OnFrame.BEGIN


class OnTurn(Enum):
    """The action of a consumer in its own superstep."""

    SHARE = auto()
    """Join what has started; producers that run still feed it, so it stays registered."""
    JOIN = auto()
    """Join what has started; its producers have ended."""
    BEGIN_SHARED = auto()
    """Begin with the recorded frames; producers that run still feed it."""
    BEGIN = auto()
    """Begin with the recorded frames."""
    REFUSE = auto()
    """There are no frames, and it cannot do without: 193005."""


def on_turn(state: ConsumerState, *, has_running_producers: bool, has_frames: bool, needs_frames: bool) -> OnTurn:
    """Decide what a consumer does in its own superstep.

    Args:
        state: Where it stands.
        has_running_producers: Whether a producer of it runs in the same superstep.
        has_frames: Whether frames are recorded that it has not taken.
        needs_frames: Whether it can do nothing without frames.
    """
    if state in (ConsumerState.STARTED, ConsumerState.OUTDATED):
        return OnTurn.SHARE if has_running_producers else OnTurn.JOIN
    if has_running_producers:
        return OnTurn.BEGIN_SHARED
    return OnTurn.BEGIN if has_frames or not needs_frames else OnTurn.REFUSE
