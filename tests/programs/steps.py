"""A workflow of logged steps, driven from the command line by tests that kill and revive it.

    python -m tests.programs.steps FLOW start|answer|go SESSION [VALUE]

Every component appends a line to `steps.log` in the working directory. `hold` announces
itself there and then waits for the file `go`. The output's result is printed as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from jiuwen_lg import (
    End,
    InteractiveInput,
    JiuWenBaseException,
    SimpleComponent,
    Start,
    Workflow,
    WorkflowConfig,
    WorkflowMetadata,
    WorkflowRuntime,
)


def log(text: str) -> None:
    """One line, written whole even by several processes."""
    with open("steps.log", "a", encoding="utf-8") as file:
        file.write(f"{text}\n")


class Step(SimpleComponent):
    """Logs that it ran."""

    def __init__(self, size: int = 0) -> None:
        self.size = size

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        log(f"{runtime.session_id()} {runtime.executable_id()}")
        return {"by": runtime.executable_id(), "blob": "x" * self.size}


class Hold(Step):
    """Waits for the file `go`; without it, until it is killed."""

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        log(f"{runtime.session_id()} hold")
        while not Path("go").exists():
            time.sleep(0.01)
        return {"by": "hold"}


class Ask(Step):
    """Asks."""

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        answer = await runtime.interact(f"{runtime.executable_id()}?")
        log(f"{runtime.session_id()} {runtime.executable_id()} got {answer}")
        return {"answer": answer}


class Die(Step):
    """Kills its process, as `kill -9` would, while it handles its answer."""

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        answer = await runtime.interact("die?")
        if not Path("go").exists():
            os.kill(os.getpid(), 9)
        log(f"{runtime.session_id()} die got {answer}")
        return {"answer": answer}


FLOWS: dict[str, list[tuple[str, SimpleComponent]]] = {
    "approval": [("before", Step()), ("ask", Ask()), ("after", Step())],
    "hold": [("before", Step()), ("hold", Hold()), ("after", Step())],
    "die": [("before", Step()), ("die", Die()), ("after", Step())],
    "long": [*((f"n{n}", Step(10_000)) for n in range(49)), ("hold", Hold()), ("after", Step())],
    "big": [*((f"n{n}", Step(10_000)) for n in range(100)), ("ask", Ask())],
}


def build(name: str) -> Workflow:
    """start → the flow's components → end."""
    flow = Workflow(WorkflowConfig(metadata=WorkflowMetadata(id=name)))
    flow.set_start_comp("start", Start(), inputs_schema={"q": "${q}"})
    previous = "start"
    for id, component in FLOWS[name]:
        flow.add_workflow_comp(id, component, inputs_schema={"q": "${start.q}"})
        flow.add_connection(previous, id)
        previous = id
    flow.set_end_comp("end", End(), inputs_schema={"last": f"${{{previous}}}", "q": "${start.q}"})
    return flow.add_connection(previous, "end")


def given(verb: str, value: str) -> Any:
    """The input for a verb."""
    return {"start": {"q": value}, "answer": InteractiveInput(value), "go": InteractiveInput()}[verb]


async def main(name: str, verb: str, session: str, value: str = "value") -> None:
    """One turn."""
    await play(build(name), verb, session, value)


async def play(flow: Workflow, verb: str, session: str, value: str = "value") -> None:
    """One turn of a workflow."""
    try:
        output = await flow.invoke(given(verb, value), WorkflowRuntime(session_id=session))
    except JiuWenBaseException as error:
        print(json.dumps({"code": error.error_code, "message": error.message}))
        return
    shown = output.result if isinstance(output.result, dict) else [f.payload.value for f in output.result]
    print(json.dumps({"state": output.state.value, "result": shown}))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
