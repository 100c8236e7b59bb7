"""The same programs on openJiuwen 0.1.1, in an environment of its own, and here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from parity import tool_agents
from parity.__main__ import Difference, Tally, search
from parity.compare import DIFFERENT, SAME
from parity.corpus import INTENDED, PRELUDE, PROGRAMS
from parity.engines import PEER, Engines
from tests.needs import needs

DIFFERENCES = (Path(__file__).parents[2] / "docs" / "differences.md").read_text(encoding="utf-8")
pytestmark = pytest.mark.xdist_group("peer")  # its tests share the engines
needs_peer = needs(PEER.exists(), "openJiuwen 0.1.1 is not in parity/.peer (make peer)")


@pytest.fixture(scope="module")
def engines() -> Iterator[Engines]:
    engines = Engines()
    yield engines
    engines.close()


@needs_peer
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_prints_the_same_on_both(name: str, engines: Engines) -> None:
    ours, theirs = engines.play({"program": PRELUDE + PROGRAMS[name]})
    assert "ended with" not in ours["printed"]
    is_same = ours in theirs
    assert is_same is not (name in INTENDED), (ours, theirs)


@needs_peer
def test_generated_workflows_give_the_same_on_both(engines: Engines) -> None:
    search(engines.play, tally := Tally(), 150, 20261120)
    assert tally.verdicts[SAME] > 100


@needs_peer
@pytest.mark.parametrize("seed", range(12))
def test_a_generated_conversation_goes_the_same_on_both(seed: int, engines: Engines) -> None:
    ours, theirs = engines.play({"program": PRELUDE + tool_agents.script(Random(seed))})
    assert "ended with" not in ours["printed"]
    assert ours in theirs, (ours, theirs)


def test_a_difference_is_shown_in_its_smallest_form() -> None:
    def play(case: dict) -> tuple[dict, list[dict]]:
        """Engines that disagree about a component that asks and counts."""
        differ = any(part.get("asks") and part.get("counts") for part in case["parts"])
        return {"ran": 1}, [{"ran": 2 if differ else 1}]

    with pytest.raises(Difference) as found:
        search(play, tally := Tally(), 200, 1)
    case, ours, theirs = found.value.args
    assert ours != theirs
    assert tally.verdicts[DIFFERENT] > 1
    (part,) = case["parts"]
    assert {key for key, value in part.items() if value} == {"id", "asks", "counts"}


def test_every_intended_difference_is_in_the_table() -> None:
    assert {name: line for name, line in INTENDED.items() if line not in DIFFERENCES} == {}
    assert INTENDED.keys() <= PROGRAMS.keys()
