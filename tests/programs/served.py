"""Workflows that a LangGraph server runs for the tests; their components write to `steps.log` what they do.

Each line is `<input> <what> <idempotency key>`. `hold` and `fail` wait, or fail, until there is the file `<input>.go`.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Literal

from langgraph.graph.state import CompiledStateGraph

from jiuwen_lg import End, Start, Workflow, WorkflowConfig, WorkflowMetadata


async def note(inputs: Any, runtime: Any, what: str) -> None:
    """A line in the log; the server warns of calls that stop its event loop."""
    line = f"{inputs['q']} {what} {runtime.idempotency_key}\n"
    await asyncio.to_thread(_append, line)


def _append(line: str) -> None:
    with open("steps.log", "a", encoding="utf-8") as file:
        file.write(line)


async def may_go(inputs: Any) -> bool:
    return await asyncio.to_thread(Path(f"{inputs['q']}.go").exists)


async def before(inputs: Any, runtime: Any) -> Any:
    await note(inputs, runtime, "before")
    return inputs


async def ask(inputs: Any, runtime: Any) -> Any:
    await note(inputs, runtime, "asks")
    answer = await runtime.interact("yes or no?", schema=Literal["yes", "no"])
    await note(inputs, runtime, f"got:{answer}")
    return {"answer": answer}


async def ask_again(inputs: Any, runtime: Any) -> Any:
    return {"answer": await runtime.interact("sure?")}


async def hold(inputs: Any, runtime: Any) -> Any:
    await note(inputs, runtime, "holds")
    while not await may_go(inputs):  # noqa: ASYNC110 - the other process has a file only
        await asyncio.sleep(0.02)
    return inputs


async def fail(inputs: Any, runtime: Any) -> Any:
    await note(inputs, runtime, "tries")
    if not await may_go(inputs):
        raise ConnectionError("connection timeout")
    return inputs


async def after(inputs: Any, runtime: Any) -> Any:
    await note(inputs, runtime, "after")
    return inputs


def build(id: str, **components: Any) -> CompiledStateGraph[Any, Any, Any, Any]:
    """start → the components, one after the other → end; compiled without a saver, as a server wants it."""
    flow = Workflow(WorkflowConfig(metadata=WorkflowMetadata(id=id)))
    flow.set_start_comp("start", Start(), inputs_schema={"q": "${q}"})
    previous = "start"
    for name, component in components.items():
        flow.add_workflow_comp(name, component, inputs_schema={"q": "${start.q}"})
        flow.add_connection(previous, name)
        previous = name
    flow.set_end_comp("end", End(), inputs_schema={name: f"${{{name}}}" for name in components})
    flow.add_connection(previous, "end")
    return flow.compile(name=id)


approval = build("approval", before=before, ask=ask, after=after)
twice = build("twice", ask=ask, sure=ask_again)
holds = build("holds", before=before, ask=ask, hold=hold, after=after)
fails = build("fails", before=before, fail=fail, after=after)
