"""The benchmarks run, check their own results, and measure what they say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def run(env: dict[str, str], file: str, *arguments: str) -> str:
    command = [sys.executable, BENCHMARKS / file, *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    ("words", "rows"),
    [
        ("chain of 100, in memory", 2),
        ("fan-out of 10,", 1),
        ("loop of 1000", 2),
        ("SQLite", 3),
        ("bytes", 1),
        ("1000 frames", 1),
        ("component of 2000", 1),
        ("import", 1),
        ("a late round", 1),
    ],
)
def test_the_rows_of_the_table_run(words: str, rows: int, child_env: dict[str, str]) -> None:
    printed = run(child_env, "table.py", "--small", "--repeats", "1", "--rows", words)
    assert len([line for line in printed.splitlines() if line.startswith("| ")]) == 1 + rows - missing(printed)


def missing(printed: str) -> int:
    """The rows of peers that are not installed are named."""
    return printed.count("left out, not installed: ")


def test_a_peer_that_is_not_installed_is_named(child_env: dict[str, str], tmp_path: Path) -> None:
    env = {**child_env, "BENCH_PEERS": str(tmp_path)}
    printed = run(env, "table.py", "--small", "--repeats", "1", "--rows", "openJiuwen 0.1.19")
    assert "left out, not installed: chain of 100, in memory against openJiuwen 0.1.19" in printed


def test_every_step_is_durable_in_what_is_measured(child_env: dict[str, str]) -> None:
    printed = run(child_env, "durability.py", "--length", "60", "--at", "50")
    assert "killed at component 50 of 60, 49 were not repeated" in printed


def test_fifty_conversations_are_checked(child_env: dict[str, str]) -> None:
    assert "ratio" in run(child_env, "questioners.py", "--conversations", "3", "--repeats", "1")
