"""The same programs, unmodified, on openJiuwen 0.1.1 and here.

    make peer; python benchmarks/peer.py [--repeats 5]

`programs.py` runs in one process for each engine, and the two are timed turn about
(`pairs`). No store, and openJiuwen's logging off.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from pathlib import Path

from pairs import compare

HERE = Path(__file__).parent
PEER = HERE.parent / "parity" / ".peer" / "bin" / "python"
WORKLOADS = ["chain 100", "loop 1000", "frames 1000"]


async def start(*command: str, folder: str) -> Process:
    """An engine with the programs, ready."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": folder, "JIUWEN_LG_DB": "off"}
    engine = await asyncio.create_subprocess_exec(
        *command, str(HERE / "programs.py"), cwd=folder, env=environment, stdin=PIPE, stdout=PIPE
    )
    while await _line(engine) != "ready":
        pass
    return engine


async def seconds(engine: Process, workload: str) -> float:
    """How long the engine takes for a workload."""
    assert engine.stdin
    engine.stdin.write(f"{workload}\n".encode())
    return float(await _line(engine))


async def _line(engine: Process) -> str:
    assert engine.stdout
    if line := await engine.stdout.readline():
        return line.decode().strip()
    raise RuntimeError("the engine's process has ended: its error stands above")


async def main() -> None:
    """The comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--workloads", nargs="+", default=WORKLOADS)
    options = parser.parse_args()
    if not PEER.exists():
        print("openJiuwen: not installed (make peer)")
        return
    with tempfile.TemporaryDirectory() as folder:
        ours = await start(sys.executable, "-m", "jiuwen_lg.compat", folder=folder)
        theirs = await start(str(PEER), folder=folder)
        for workload in options.workloads:
            await compare(
                workload,
                lambda name=workload: seconds(ours, name),
                lambda name=workload: seconds(theirs, name),
                options.repeats,
                "openJiuwen 0.1.1",
            )
        for engine in (ours, theirs):
            engine.kill()
            await engine.wait()


if __name__ == "__main__":
    asyncio.run(main())
