"""Two workflows whose components write down every run of theirs in `demo.log`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jiuwen_lg import (
    ComponentExecutable,
    End,
    Start,
    Workflow,
    WorkflowComponent,
    WorkflowConfig,
    WorkflowMetadata,
)

LOG = Path("demo.log")


class Logged(ComponentExecutable, WorkflowComponent):
    """A component that notes when it has finished."""

    def done(self, runtime: Any) -> None:
        with LOG.open("a", encoding="utf-8") as log:
            log.write(f"{runtime.session_id()}/{runtime.executable_id()}\n")


class Prepare(Logged):
    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        self.done(runtime)
        return inputs


class Confirm(Logged):
    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        answer = await runtime.interact(f"Do you want to execute the command '{inputs['command']}'?")
        self.done(runtime)
        return {"answer": answer}


class FailsOnce(Logged):
    failed = False

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        if not self.failed:
            self.failed = True
            raise ConnectionError("connection timeout")
        self.done(runtime)
        return inputs


def named(id: str) -> Workflow:
    return Workflow(WorkflowConfig(metadata=WorkflowMetadata(id=id)))


def approval() -> Workflow:
    """start → prepare → confirm → end."""
    flow = named("approval")
    flow.set_start_comp("start", Start(), inputs_schema={"command": "${cmd}"})
    flow.add_workflow_comp("prepare", Prepare(), inputs_schema={"command": "${start.command}"})
    flow.add_workflow_comp("confirm", Confirm(), inputs_schema={"command": "${prepare.command}"})
    flow.set_end_comp("end", End(), inputs_schema={"result": "${confirm.answer}"})
    return flow.add_connection("start", "prepare").add_connection("prepare", "confirm").add_connection("confirm", "end")


def recovery() -> Workflow:
    """start → normal_node → abnormal_node → end."""
    flow = named("recovery")
    flow.set_start_comp("start", Start(), inputs_schema={"query": "${query}"})
    flow.add_workflow_comp("normal_node", Prepare(), inputs_schema={"query": "${start.query}"})
    flow.add_workflow_comp("abnormal_node", FailsOnce(), inputs_schema={"query": "${start.query}"})
    flow.set_end_comp("end", End(), inputs_schema={"result": "${abnormal_node.query}"})
    flow.add_connection("start", "normal_node").add_connection("normal_node", "abnormal_node")
    return flow.add_connection("abnormal_node", "end")
