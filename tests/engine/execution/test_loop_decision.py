"""Whether a loop has another iteration; no event loop, no store."""

from __future__ import annotations

import pytest

from jiuwen_lg import JiuWenBaseException
from jiuwen_lg.engine.execution.loop_decision import begins_iteration, next_index


def test_the_index_counts_the_iterations_that_have_ended() -> None:
    assert [next_index(None), next_index(0), next_index(41)] == [0, 1, 42]


@pytest.mark.parametrize(
    ("holds", "broken", "index", "limit", "expected"),
    [
        (True, False, 0, 1000, True),
        (True, False, 999, 1000, True),
        (True, False, 10**9, None, True),
        (False, False, 0, 1000, False),
        (False, False, 1000, 1000, False),
        (True, True, 1, 1000, False),
        (True, True, 1000, 1000, False),
        (True, False, 0, 0, None),
        (True, False, 1000, 1000, None),
    ],
)
def test_the_decision(holds: bool, broken: bool, index: int, limit: int | None, expected: bool | None) -> None:
    if expected is not None:
        found = begins_iteration(condition_holds=holds, is_broken=broken, index=index, limit=limit)
        assert found is expected
        return
    with pytest.raises(JiuWenBaseException, match="_loop_max_limit") as error:
        begins_iteration(condition_holds=holds, is_broken=broken, index=index, limit=limit)
    assert error.value.error_code == 101151
