"""The two engines as child processes that play cases."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PEER = Path(os.environ.get("PARITY_PEER", HERE / ".peer")) / "bin" / "python"
SEEDS = ("0", "1", "4")
"""Values of PYTHONHASHSEED: openJiuwen's order of parallel nodes depends on it."""


class Engine:
    """A worker process."""

    def __init__(self, *command: str, **env: str) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._process = subprocess.Popen(
            [*command],
            cwd=self._folder.name,
            env={**os.environ, **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout
        while (line := self._process.stdout.readline()) != "ready\n":
            if not line:
                raise RuntimeError(f"{command[0]} did not start: is it set up? (make parity does it)")

    def ask(self, case: dict[str, Any]) -> None:
        """Begin to play a case."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps(case) + "\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """What came of it."""
        assert self._process.stdout
        line = self._process.stdout.readline()
        return json.loads(line) if line else {"crash": "the process died"}

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()
        self._folder.cleanup()


class Engines:
    """jiuwen_lg, and openJiuwen once for each hash seed."""

    def __init__(self) -> None:
        worker = str(HERE / "worker.py")
        root = str(HERE.parent)
        self._ours = Engine(sys.executable, "-m", "jiuwen_lg.compat", worker, PYTHONPATH=root, JIUWEN_LG_DB=":memory:")
        self._theirs = [Engine(str(PEER), worker, PYTHONHASHSEED=seed) for seed in SEEDS]

    def play(self, case: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """What a case gives here, and there under each hash seed."""
        for engine in (self._ours, *self._theirs):
            engine.ask(case)
        return self._ours.answer(), [engine.answer() for engine in self._theirs]

    def close(self) -> None:
        """End all processes."""
        for engine in (self._ours, *self._theirs):
            engine.close()
