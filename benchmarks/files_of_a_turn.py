"""Counts the files of ours that one question runs through: `start → ask → end`, asked and answered.

Lower is better: so many files has a newcomer to read. `--list` names them.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

os.environ["JIUWEN_LG_DB"] = os.path.join(tempfile.mkdtemp(), "sessions.db")

import jiuwen_lg
from jiuwen_lg import End, InteractiveInput, SimpleComponent, Start, Workflow, WorkflowRuntime

PACKAGE = str(Path(jiuwen_lg.__file__).parent)


class Ask(SimpleComponent):
    """Asks for a name."""

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        """Ask."""
        return {"name": await runtime.interact("name?")}


def question() -> Workflow:
    """Return the workflow."""
    flow = Workflow()
    flow.set_start_comp("start", Start(), inputs_schema={"q": "${q}"})
    flow.add_workflow_comp("ask", Ask(), inputs_schema={"q": "${start.q}"})
    flow.set_end_comp("end", End(), inputs_schema={"name": "${ask.name}"})
    flow.add_connection("start", "ask")
    flow.add_connection("ask", "end")
    return flow


async def turns(flow: Workflow) -> None:
    """Ask and answer."""
    await flow.invoke({"q": 1}, WorkflowRuntime(session_id="s"))
    await flow.invoke(InteractiveInput("ann"), WorkflowRuntime(session_id="s"))


def main() -> None:
    """Print the counts."""
    asyncio.run(turns(question()))  # imports and tables are no part of it
    seen: set[tuple[str, str]] = set()

    def note(frame: Any, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            seen.add((frame.f_code.co_filename.removeprefix(f"{PACKAGE}/"), frame.f_code.co_qualname))

    flow = question()
    threading.setprofile(note)
    sys.setprofile(note)
    asyncio.run(turns(flow))
    sys.setprofile(None)
    files = sorted({file for file, _ in seen})
    packages = {file.rpartition("/")[0] for file in files}
    print(f"files {len(files)}  packages {len(packages)}  functions {len(seen)}")
    if "--list" in sys.argv:
        print("\n".join(files))


main()
