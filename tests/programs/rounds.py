"""Workflows with loops, driven from the command line by tests that kill and revive them.

    python -m tests.programs.rounds FLOW start|answer|go SESSION [VALUE]

The body's components log `SESSION ID INDEX`; `asks` asks in round 60 of 100, `holds` waits
in round 700 of 1000 for the file `go`, `deep` does so inside `sub.loop`.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

from jiuwen_lg import (
    End,
    LoopComponent,
    LoopGroup,
    Start,
    SubWorkflowComponent,
    Workflow,
    WorkflowConfig,
    WorkflowMetadata,
)
from tests.programs.steps import Step, log, play


class Round(Step):
    """Logs its round and gives it back, with so many characters."""

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        log(f"{runtime.session_id()} {runtime.executable_id()} {inputs['i']}")
        return {"i": inputs["i"], "blob": "x" * self.size}


class AskInRound(Round):
    """Asks in one round."""

    def __init__(self, index: int) -> None:
        super().__init__()
        self.index = index

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        found = await super().invoke(inputs, runtime, context)
        return {**found, "answer": await runtime.interact("go on?") if inputs["i"] == self.index else None}


class HoldInRound(AskInRound):
    """Waits in one round for the file `go`; without it, until it is killed."""

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        found = await Round.invoke(self, inputs, runtime, context)
        while inputs["i"] == self.index and not Path("go").exists():
            time.sleep(0.01)
        return found


def looping(middle: Round, rounds: int, size: int = 0, *, id: str | None = None) -> Workflow:
    """start → a loop of first, middle, last → end."""
    body = LoopGroup()
    for name, component in (("first", Round(size)), ("middle", middle), ("last", Round())):
        body.add_workflow_comp(name, component, inputs_schema={"i": "${loop.index}"})
    body.add_connection("first", "middle").add_connection("middle", "last")
    body.start_nodes(["first"]).end_nodes(["last"])
    loop = LoopComponent(body, {"i": "${last.i}", "answers": "${middle.answer}", "blobs": "${first.blob}"})
    flow = Workflow(WorkflowConfig(metadata=WorkflowMetadata(id=id)) if id else None)
    flow.set_start_comp("start", Start(), inputs_schema={"q": "${q}"})
    flow.add_workflow_comp("loop", loop, inputs_schema={"loop_type": "number", "loop_number": rounds})
    flow.set_end_comp("end", End(), inputs_schema={"i": "${loop.i}", "answers": "${loop.answers}"})
    return flow.add_connection("start", "loop").add_connection("loop", "end")


def build(name: str) -> Workflow:
    """One of the workflows."""
    if name == "asks":
        return looping(AskInRound(60), 100, id=name)
    if name == "holds":
        return looping(HoldInRound(700), 1000, id=name)
    if name == "big":
        return looping(AskInRound(999), 1000, 1000, id=name)
    rounds = int(name.removeprefix("deep") or 5)
    flow = Workflow(WorkflowConfig(metadata=WorkflowMetadata(id=name)))
    flow.set_start_comp("start", Start())
    flow.add_workflow_comp("sub", SubWorkflowComponent(looping(HoldInRound(3), rounds)), inputs_schema={"q": 1})
    flow.set_end_comp("end", End(), inputs_schema={"i": "${sub.output.i}"})
    return flow.add_connection("start", "sub").add_connection("sub", "end")


if __name__ == "__main__":
    asyncio.run(play(build(sys.argv[1]), *sys.argv[2:]))
