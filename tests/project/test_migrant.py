"""The programs that openJiuwen's documents print, moved over by `docs/migrating-from-openjiuwen.md` alone.

`test_seeds.py` plays them through the alias; here the guide's command replaces their imports, and they run as they are.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.behaviour import test_seeds

pytestmark = [pytest.mark.soak, test_seeds.pytestmark]
GUIDE = Path(__file__).parents[2] / "docs" / "migrating-from-openjiuwen.md"


def moved(program: str, env: dict[str, str]) -> str:
    """What a program prints after the guide's first step."""
    steps = re.findall(r"^```sh\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (step,) = [step for step in steps if step.startswith("sed")]
    Path("program.py").write_text(program, encoding="utf-8")
    subprocess.run(["bash", "-ec", step], check=True)
    assert "openjiuwen" not in Path("program.py").read_text(encoding="utf-8")
    done = subprocess.run([sys.executable, "program.py"], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(autouse=True)
def migrant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_seeds, "run", moved)


class TestSeed000(test_seeds.TestSeed000):
    """Interrupts and recovery."""


class TestSeed001(test_seeds.TestSeed001):
    """`InteractiveInput` and `InteractionOutput`."""


class TestSeed002(test_seeds.TestSeed002):
    """`WorkflowAgent`."""


class TestSeed003(test_seeds.TestSeed003):
    """The components."""
