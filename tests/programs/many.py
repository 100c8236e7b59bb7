"""Starts and answers many sessions at once in one process; prints how many went wrong.

python -m tests.programs.many NAME COUNT
"""

from __future__ import annotations

import asyncio
import sys

from jiuwen_lg import InteractiveInput, WorkflowRuntime
from tests.programs.steps import build


async def session(flow: object, id: str) -> bool:
    """Whether one session went through its question to the right result."""
    run = flow.invoke  # type: ignore[attr-defined]
    asked = await run({"q": id}, WorkflowRuntime(session_id=id))
    answer = InteractiveInput.reply_to(asked.result[0], f"answer to {id}")
    output = await run(answer, WorkflowRuntime(session_id=id))
    return bool(output.result["output"]["q"] == id)


async def main(name: str, count: str) -> None:
    """All sessions at once."""
    flow = build("approval")
    right = await asyncio.gather(*(session(flow, f"{name}-{n}") for n in range(int(count))))
    print(right.count(False))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
