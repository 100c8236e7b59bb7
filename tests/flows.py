"""Components and workflows that several tests use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from jiuwen_lg import (
    End,
    SimpleComponent,
    Start,
    Workflow,
    WorkflowConfig,
    WorkflowMetadata,
    WorkflowOutput,
    WorkflowRuntime,
)


class Ask(SimpleComponent):
    """Asks its questions one after the other and returns the answers."""

    def __init__(self, *questions: Any) -> None:
        self.questions = questions or ("ok?",)
        self.executions = 0

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        self.executions += 1
        answers = [await runtime.interact(question) for question in self.questions]
        return {"answer": answers[0], "answers": answers}


class Call(SimpleComponent):
    """Runs a function of `(inputs, runtime)` and counts its executions."""

    def __init__(self, function: Callable[..., Any] = lambda inputs, runtime: inputs) -> None:
        self.function = function
        self.executions = 0

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        self.executions += 1
        result = self.function(inputs, runtime)
        return await result if asyncio.iscoroutine(result) else result


class FailOnce(SimpleComponent):
    """Fails in its first executions, then passes its inputs on."""

    def __init__(self, times: int = 1, error: Exception | None = None) -> None:
        self.times = times
        self.error = error or RuntimeError("connection timeout")
        self.executions = 0

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        self.executions += 1
        if self.executions <= self.times:
            raise self.error
        return inputs


class Gate(SimpleComponent):
    """Says that it has begun, and waits to be let through."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.open = asyncio.Event()
        self.executions = 0

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        self.executions += 1
        self.begun.set()
        await self.open.wait()
        return inputs


def workflow(id: str | None = None, **options: Any) -> Workflow:
    """A workflow, named if an id is given."""
    metadata = WorkflowMetadata(id=id) if id else WorkflowMetadata()
    return Workflow(WorkflowConfig(metadata=metadata), **options)


def chain(*components: tuple[str, Any], id: str | None = None, **options: Any) -> Workflow:
    """start → the components → end; each gets `{"q": ${start.q}}`, end collects their outputs."""
    flow = workflow(id, **options)
    flow.set_start_comp("start", Start(), inputs_schema={"q": "${q}"})
    previous = "start"
    for name, component in components:
        flow.add_workflow_comp(name, component, inputs_schema={"q": "${start.q}"})
        flow.add_connection(previous, name)
        previous = name
    flow.set_end_comp("end", End(), inputs_schema={name: f"${{{name}}}" for name, _ in components})
    return flow.add_connection(previous, "end")


def parallel(*components: tuple[str, Any], id: str | None = None) -> Workflow:
    """start → all components at once → end, which waits for all of them."""
    flow = workflow(id)
    flow.set_start_comp("start", Start(), inputs_schema={"q": "${q}"})
    flow.set_end_comp("end", End(), inputs_schema={name: f"${{{name}}}" for name, _ in components})
    for name, component in components:
        flow.add_workflow_comp(name, component, inputs_schema={"q": "${start.q}"})
        flow.add_connection("start", name)
    return flow.add_connection([name for name, _ in components], "end")


async def turn(flow: Workflow, inputs: Any, session: str = "s", **runtime: Any) -> WorkflowOutput:
    """One `invoke` in a session."""
    return await flow.invoke(inputs, WorkflowRuntime(session_id=session, **runtime))


def asked(output: WorkflowOutput) -> list[tuple[str, int, Any]]:
    """The questions of a result: (id, index, value)."""
    return [(f.payload.id, f.index, f.payload.value) for f in output.result if f.type == "__interaction__"]
