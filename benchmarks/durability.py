"""Whether every step is durable in the runs that are measured: a process is killed in the middle.

    python benchmarks/durability.py [--length 100] [--at 50]

A chain runs in a process that is killed (`kill -9`) when a component begins; another process goes on. No
component before it may run again, and SQLite must be `synchronous` at least at NORMAL.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from jiuwen_lg import End, InteractiveInput, SimpleComponent, Start, Workflow, WorkflowRuntime


class Notes(SimpleComponent):
    """Notes on file that it runs; the process may die of it."""

    def __init__(self, number: int, *, dies: bool) -> None:
        self.number = number
        self.dies = dies

    def note(self) -> None:
        """One more line in the file."""
        with Path("ran").open("a", encoding="utf-8") as file:
            file.write(f"{self.number}\n")

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        """`{"x": x + 1}`."""
        self.note()
        if self.dies:
            os.kill(os.getpid(), signal.SIGKILL)
        return {"x": inputs["x"] + 1}


def chain(length: int, dies_at: int) -> Workflow:
    """Start → components 1, 2, ... → End."""
    flow, before = Workflow(), "start"
    flow.set_start_comp("start", Start(), inputs_schema={"x": "${x}"})
    for number in range(1, length + 1):
        component = Notes(number, dies=number == dies_at)
        flow.add_workflow_comp(f"n{number}", component, inputs_schema={"x": f"${{{before}.x}}"})
        flow.add_connection(before, f"n{number}")
        before = f"n{number}"
    flow.set_end_comp("end", End(), inputs_schema={"x": f"${{{before}.x}}"})
    return flow.add_connection(before, "end")


async def run(length: int, dies_at: int) -> None:
    """Run to the kill, or go on to the end."""
    given: Any = {"x": 0} if dies_at else InteractiveInput()
    done = await chain(length, dies_at).invoke(given, WorkflowRuntime(session_id="durable"))
    assert done.result == {"output": {"x": length}}, done
    from jiuwen_lg.engine.store import current_store

    store = await current_store()
    assert store is not None
    print(store.database.connection.execute("PRAGMA synchronous").fetchone()[0])


def check(length: int, at: int) -> str:
    """Kill a run and let it go on.

    Returns:
        What was seen, in words.

    Raises:
        AssertionError: A step was not durable.
    """
    with tempfile.TemporaryDirectory() as folder:
        here = str(Path(__file__).parents[1])
        environment = {**os.environ, "JIUWEN_LG_DB": str(Path(folder) / "sessions.db"), "PYTHONPATH": here}

        def play(dies_at: int) -> subprocess.CompletedProcess[str]:
            command = [sys.executable, __file__, "--length", str(length), "--play", str(dies_at)]
            return subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=False)

        assert play(at).returncode == -signal.SIGKILL
        rest = play(0)
        assert rest.returncode == 0
        ran = Counter(map(int, (Path(folder) / "ran").read_text(encoding="utf-8").split()))
    assert ran == {**dict.fromkeys(range(1, length + 1), 1), at: 2}, ran
    synchronous = int(rest.stdout)
    assert synchronous >= 1, synchronous
    return f"killed at component {at} of {length}, {at - 1} were not repeated; SQLite's synchronous is {synchronous}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--length", type=int, default=100)
    parser.add_argument("--at", type=int, default=50)
    parser.add_argument("--play", type=int, help="be the process that is killed at this component; 0 goes on")
    options = parser.parse_args()
    if options.play is None:
        print(f"every step durable: {check(options.length, options.at)}")
    else:
        asyncio.run(run(options.length, options.play))
