"""The sides of a comparison: each a program in a process of its own, asked turn about."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PEERS = Path(os.environ.get("BENCH_PEERS", HERE / ".peers"))
FIRST = HERE.parent / "parity" / ".peer"


def python_of(engine: str) -> Path | None:
    """The interpreter that has an engine; None if nobody has installed it."""
    folders = {"here": [Path(sys.prefix)], "0.1.1": [FIRST, PEERS / "0.1.1"], "0.1.19": [PEERS / "0.1.19"]}
    found = [folder / "bin" / "python" for folder in folders[engine]]
    return next((python for python in found if python.exists()), None)


@dataclass(frozen=True, slots=True)
class Side:
    """Who runs a workload, and where its sessions are kept.

    Attributes:
        program: `jiuwen`, `by_hand` or `cold`.
        engine: `here`, or a release of openJiuwen.
        store: Whether there is one.
        arguments: Of the workload, where they differ from the other side's.
    """

    program: str
    engine: str = "here"
    store: bool = False
    arguments: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The side in words."""
        if self.program == "jiuwen":
            return "jiuwen_lg" if self.engine == "here" else f"openJiuwen {self.engine}"
        return "LangGraph by hand" if self.program == "by_hand" else str(self.arguments["module"])

    @property
    def is_installed(self) -> bool:
        """Whether it can be measured."""
        return python_of(self.engine) is not None

    async def start(self, folder: str) -> Running:
        """A new process, ready to be asked."""
        engine = [self.engine] if self.program == "jiuwen" else []
        store = str(Path(folder) / "sessions.db") if self.store else "off"
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": folder,
            "PYTHONPATH": str(HERE.parent) if self.engine == "here" else "",
        }
        command = [str(python_of(self.engine)), str(HERE / f"{self.program}.py"), *engine, store]
        process = await asyncio.create_subprocess_exec(*command, cwd=folder, env=environment, stdin=PIPE, stdout=PIPE)
        running = Running(self, process)
        assert await running.line() == "ready"
        return running


@dataclass(frozen=True, slots=True)
class Running:
    """A side's process."""

    side: Side
    process: Process

    async def line(self) -> str:
        """The next line of its output."""
        assert self.process.stdout
        if line := await self.process.stdout.readline():
            return line.decode().strip()
        raise RuntimeError(f"{self.side.name} has ended: its error stands above")

    async def ask(self, work: str, arguments: dict[str, Any]) -> dict[str, float]:
        """What one run of a workload took."""
        assert self.process.stdin
        asked = {"work": work, **arguments, **self.side.arguments}
        self.process.stdin.write(f"{json.dumps(asked)}\n".encode())
        found: dict[str, float] = json.loads(await self.line())
        return found

    async def stop(self) -> None:
        """End it."""
        self.process.kill()
        await self.process.wait()


async def measured(
    sides: list[Side], work: str, arguments: dict[str, Any], *, repeats: int, turns: int, warm: int = 1
) -> list[list[dict[str, float]]]:
    """What each turn took on each side.

    Each repeat has new processes; in it the sides take turns, and another one begins each time, so that the
    machine's moods hit all alike.

    Args:
        turns: How often each side runs in a repeat, and counts.
        warm: How often before that.
    """
    found: list[list[dict[str, float]]] = [[] for _ in sides]
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            homes = [Path(folder) / str(number) for number in range(len(sides))]
            for home in homes:
                home.mkdir()
            running = [await side.start(str(home)) for side, home in zip(sides, homes, strict=True)]
            try:
                for turn in range(-warm, turns):
                    order = [(turn + number) % len(sides) for number in range(len(sides))]
                    for number in order:
                        took = await running[number].ask(work, arguments)
                        if turn >= 0:
                            found[number].append(took)
            finally:
                for one in running:
                    await one.stop()
    return found
