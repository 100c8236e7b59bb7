"""Each cell of the two tables of a consumer's life; no event loop, no store."""

from __future__ import annotations

from itertools import product

import pytest

from jiuwen_lg.engine.execution.consumer_state import ConsumerState, OnFrame, OnTurn, on_frame, on_turn

ABSENT, STARTED, OUTDATED, BLOCKED = ConsumerState


@pytest.mark.parametrize(
    ("state", "is_ready", "expected"),
    [
        (ABSENT, True, OnFrame.BEGIN),
        (ABSENT, False, OnFrame.RECORD),
        (STARTED, True, OnFrame.DELIVER),
        (STARTED, False, OnFrame.DELIVER),
        (OUTDATED, True, OnFrame.RESTART),
        (OUTDATED, False, OnFrame.RECORD),
        (BLOCKED, True, OnFrame.RECORD),
        (BLOCKED, False, OnFrame.RECORD),
    ],
)
def test_a_frame(state: ConsumerState, is_ready: bool, expected: OnFrame) -> None:
    assert on_frame(state, is_ready=is_ready, is_stepwise=False) is expected


@pytest.mark.parametrize(("state", "is_ready"), [*product(ConsumerState, (False, True))])
def test_with_breakpoints_every_frame_waits_for_the_consumers_turn(state: ConsumerState, is_ready: bool) -> None:
    assert on_frame(state, is_ready=is_ready, is_stepwise=True) is OnFrame.RECORD


@pytest.mark.parametrize(
    ("state", "running", "frames", "needed", "expected"),
    [
        (STARTED, False, False, True, OnTurn.JOIN),
        (STARTED, True, False, True, OnTurn.SHARE),
        (OUTDATED, False, False, True, OnTurn.JOIN),
        (ABSENT, True, False, True, OnTurn.BEGIN_SHARED),
        (ABSENT, True, True, False, OnTurn.BEGIN_SHARED),
        (ABSENT, False, True, True, OnTurn.BEGIN),
        (ABSENT, False, False, False, OnTurn.BEGIN),
        (ABSENT, False, False, True, OnTurn.REFUSE),
        (BLOCKED, False, False, True, OnTurn.REFUSE),
        (BLOCKED, False, True, True, OnTurn.BEGIN),
    ],
)
def test_its_own_turn(state: ConsumerState, running: bool, frames: bool, needed: bool, expected: OnTurn) -> None:
    found = on_turn(state, has_running_producers=running, has_frames=frames, needs_frames=needed)
    assert found is expected
