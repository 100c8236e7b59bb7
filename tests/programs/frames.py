"""A workflow with a stream connection, driven from the command line by tests that kill it.

    python -m tests.programs.frames producer|consumer|between start|go SESSION

`HOLD` says where it waits for the file `go`: in the producer after its second frame, in
the consumer after the second, or in a component that runs after the producer.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from jiuwen_lg import ComponentAbility, End, SimpleComponent, Start, Workflow, WorkflowConfig, WorkflowMetadata
from tests.programs.steps import log, play


def hold(where: str) -> None:
    """Wait for the file `go`."""
    log(f"hold {where}")
    while not Path("go").exists():
        time.sleep(0.01)


class Gives(SimpleComponent):
    """Four frames."""

    def __init__(self, *, holds: bool) -> None:
        self.holds = holds

    async def stream(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
        log("gives")
        for number in range(4):
            if number == 2 and self.holds:
                hold("producer")
            yield {"v": number}
            await asyncio.sleep(0)


class Takes(SimpleComponent):
    """All of them."""

    def __init__(self, *, holds: bool) -> None:
        self.holds = holds

    async def collect(self, inputs: Any, runtime: Any, context: Any) -> Any:
        log("takes")
        found = []
        async for item in inputs["v"]:
            found.append(item)
            if item == 1 and self.holds:
                await asyncio.sleep(0.2)  # the producer ends first, and is committed
                hold("consumer")
        return {"v": found}


class Between(SimpleComponent):
    """Runs after the producer and before the consumer's turn."""

    def __init__(self, *, holds: bool) -> None:
        self.holds = holds

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        log("between")
        if self.holds:
            hold("between")
        return {"done": True}


def build(where: str) -> Workflow:
    """start → gives = takes → end, with a component that the consumer waits for."""
    flow = Workflow(WorkflowConfig(metadata=WorkflowMetadata(id=where)))
    flow.set_start_comp("start", Start())
    flow.add_workflow_comp("gives", Gives(holds=where == "producer"))
    takes = Takes(holds=where == "consumer")
    collects = [ComponentAbility.COLLECT]
    flow.add_workflow_comp("takes", takes, stream_inputs_schema={"v": "${gives.v}"}, comp_ability=collects)
    flow.add_workflow_comp("before", Between(holds=False))
    flow.add_workflow_comp("between", Between(holds=where == "between"))
    flow.set_end_comp("end", End(), inputs_schema={"v": "${takes.v}"})
    flow.add_connection("start", "gives").add_stream_connection("gives", "takes").add_connection("takes", "end")
    flow.add_connection("start", "before").add_connection("before", "between")
    return flow.add_connection("between", "takes")


if __name__ == "__main__":
    asyncio.run(play(build(sys.argv[1]), *sys.argv[2:]))
