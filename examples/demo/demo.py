"""The main job in four parts: `python demo.py`.

One process asks and exits, a second one answers; a component fails once and the run
goes on; then the drawn graph, and what the components wrote down about their runs.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from flows import LOG, approval, recovery

from jiuwen_lg import InteractiveInput, JiuWenBaseException, WorkflowRuntime


def ask() -> None:
    """First process: start, and stop at the question."""
    print(asyncio.run(approval().invoke({"cmd": "delete all files"}, WorkflowRuntime(session_id="demo-1"))))


def answer() -> None:
    """Second process: answer."""
    print(asyncio.run(approval().invoke(InteractiveInput("Yes"), WorkflowRuntime(session_id="demo-1"))).result)


def fail() -> None:
    """Third process: fail once, go on."""
    flow = recovery()
    try:
        asyncio.run(flow.invoke({"query": "hello"}, WorkflowRuntime(session_id="demo-2")))
    except JiuWenBaseException as error:
        print(error)
    output = asyncio.run(flow.invoke(InteractiveInput(), WorkflowRuntime(session_id="demo-2")))
    print(output.result["output"]["result"])


PARTS = {
    "1. A process asks and exits": ask,
    "2. Another process answers": answer,
    "3. A component fails once; the run goes on": fail,
}


def main() -> None:
    """All parts, each of the first three in a process of its own, in an empty folder."""
    env = {name: value for name, value in os.environ.items() if name != "JIUWEN_LG_DB"}
    with tempfile.TemporaryDirectory() as folder:
        for title, part in PARTS.items():
            print(f"\n{title}", flush=True)
            subprocess.run([sys.executable, __file__, part.__name__], cwd=folder, env=env, check=True)
        print("\n4. The graph, and who ran how often\n")
        print(approval().to_mermaid())
        runs = Counter((Path(folder) / LOG).read_text(encoding="utf-8").splitlines())
        for component, times in runs.items():
            print(f"{component:<24} finished {times} time(s)")
        assert set(runs.values()) == {1}, "a finished component ran again"
        print("No finished component ran twice.")


if __name__ == "__main__":
    {part.__name__: part for part in PARTS.values()}[sys.argv[1]]() if len(sys.argv) > 1 else main()
