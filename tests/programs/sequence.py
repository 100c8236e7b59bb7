"""Runs sessions one after the other and tells of memory and file.

    python -m tests.programs.sequence COUNT EARLY

Prints the resident memory (bytes) after EARLY sessions and at the end, and the size of the store's files.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
from pathlib import Path

from jiuwen_lg import WorkflowRuntime
from tests.flows import Call, chain


def resident() -> int:
    """This process's resident memory in bytes."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def main(count: int, early: int) -> None:
    """Run the sessions."""
    flow = chain(("a", Call()), id="sequence")
    then = 0
    for number in range(count):
        output = await flow.invoke({"q": number}, WorkflowRuntime(session_id=f"s{number}"))
        assert output.result == {"output": {"a": {"q": number}}}
        if number + 1 == early:
            then = resident()
    files = sum(path.stat().st_size for path in Path.cwd().glob("sessions.db*"))
    print(json.dumps({"early": then, "end": resident(), "files": files}))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
