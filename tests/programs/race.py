"""Answers sessions one after the other, each as soon as it is told to, racing other processes.

    python -m tests.programs.race

Reads session ids from standard input and prints what became of each answer.
"""

from __future__ import annotations

import asyncio
import sys

from jiuwen_lg import InteractiveInput, JiuWenBaseException, WorkflowRuntime
from tests.programs.steps import build


async def main() -> None:
    """Answer until the input ends."""
    flow = build("approval")
    print("ready", flush=True)
    for line in sys.stdin:
        try:
            output = await flow.invoke(InteractiveInput("yes"), WorkflowRuntime(session_id=line.strip()))
            print(output.state.value, flush=True)
        except JiuWenBaseException as error:
            print(error.error_code, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
