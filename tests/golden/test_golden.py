"""Stores of released versions open, resume and keep their results."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from jiuwen_lg import InteractiveInput
from tests.flows import Call, asked, chain, turn
from tests.golden.make import FLOWS

STORES = sorted(Path(__file__).parent.glob("*.db"))


@pytest.fixture(params=STORES, ids=lambda path: path.stem)
def old(request: pytest.FixtureRequest, db: Path) -> Path:
    shutil.copy(request.param, db)
    return db


async def test_a_waiting_session_is_answered(old: Path) -> None:
    flow = FLOWS["asks"]()
    assert asked(await turn(flow, InteractiveInput(), "waiting")) == [("ask", 1, "second?")]
    assert [p.session_id for p in await flow.pending()] == ["waiting"]
    output = await turn(flow, InteractiveInput("two"), "waiting")
    assert output.result["output"]["ask"]["answers"] == ["one", "two"]
    assert output.result["output"]["before"] == {"q": {"nested": [1, None]}}


async def test_a_failed_session_goes_on(old: Path) -> None:
    snapshot = await FLOWS["fails"]().snapshot("failed")
    assert snapshot is not None
    assert (snapshot.status, snapshot.next_nodes) == ("failed", ["broken"])
    flow = FLOWS["fails"]()
    flow._definition.components["broken"].executable.times = 0
    assert (await turn(flow, InteractiveInput(), "failed")).result["output"]["broken"] == {"q": 1}


async def test_a_finished_session_still_has_its_result(old: Path) -> None:
    snapshot = await chain(("only", Call()), id="done").snapshot("done")
    assert snapshot is not None
    assert snapshot.result == {"output": {"only": {"q": 1}}}


def test_there_is_a_store_of_the_first_release() -> None:
    assert "0.1.0" in [path.stem for path in STORES]
