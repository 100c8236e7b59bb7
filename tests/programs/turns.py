"""The workflows that tests' workers serve: each step is a line in `steps.log`.

jiuwen-lg worker tests.programs.turns
"""

from __future__ import annotations

import asyncio
import os
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage

from jiuwen_lg import (
    End,
    LocalFunction,
    Param,
    ReActAgent,
    SimpleComponent,
    Start,
    Workflow,
    create_react_agent_config,
)
from jiuwen_lg.testing import ScriptedChatModel
from tests.agents.tools import one_step
from tests.flows import Call, workflow
from tests.programs.steps import log


class Step(SimpleComponent):
    """Logs that it ran."""

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        log(f"{runtime.session_id()} {runtime.executable_id()} {runtime.idempotency_key}")
        return inputs


class Ask(Step):
    """Asks, and gives the answer."""

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        answer = await runtime.interact(f"{runtime.executable_id()}?")
        await super().invoke(inputs, runtime, context)
        return {"answer": answer}


class Hold(Step):
    """Waits for the file `go`; without it, until it is killed."""

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        await super().invoke(inputs, runtime, context)
        while not Path("go").exists():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        return {}


class Fails(Step):
    """Fails until there is the file `go`."""

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        await super().invoke(inputs, runtime, context)
        if not Path("go").exists():
            raise RuntimeError("not yet")
        return {}


class Poison(SimpleComponent):
    """Raises, or ends the process, as it is told; with the file `go` it does no harm."""

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        kind = inputs["n"]
        log(f"{runtime.session_id()} {kind} {runtime.idempotency_key}")
        if Path("go").exists():
            return {}
        if kind == "cancelled":  # what it awaits was cancelled by somebody
            inner = asyncio.create_task(asyncio.sleep(60))
            inner.cancel()
            await inner
        if kind == "exit in a thread":
            await asyncio.to_thread(sys.exit, 4)
        if kind == "crash":
            os._exit(9)
        raise {"group": BaseExceptionGroup("g", [KeyboardInterrupt()]), "key": KeyboardInterrupt()}.get(
            kind, SystemExit(3)
        )


def _flow(id: str, *components: tuple[str, SimpleComponent], **schema: Any) -> Workflow:
    flow = workflow(id)
    flow.set_start_comp("start", Start(), inputs_schema={"n": "${n}"})
    names = ["start", *(name for name, _ in components), "end"]
    for name, component in components:
        flow.add_workflow_comp(name, component, inputs_schema={"n": "${start.n}"})
    flow.set_end_comp("end", End(), inputs_schema={"n": "${start.n}", **schema})
    for source, target in pairwise(names):
        flow.add_connection(source, target)
    return flow


approval = _flow("approval", ("before", Step()), ("ask", Ask()), ("after", Step()), answer="${ask.answer}")
twice = _flow("twice", ("one", Ask()), ("two", Ask()), first="${one.answer}", second="${two.answer}")
holds = _flow("holds", ("before", Step()), ("hold", Hold()))
poison = _flow("poison", ("poison", Poison()))
fails = _flow("fails", ("gate", Fails()))


def _log_note(text: str) -> str:
    log(f"note {text}")
    return text


def _agent() -> ReActAgent:
    """An agent whose model, played by itself, takes a note and asks."""
    asked = one_step("order", "size", Call(_ask_size))
    made = ReActAgent(create_react_agent_config("desk", "1", "", ScriptedChatModel(*[_reply] * 100), []))
    made.add_tools([LocalFunction("note", "takes a note", [Param("text", "what")], _log_note)])
    made.add_workflows([asked])
    return made


async def _ask_size(inputs: Any, runtime: Any) -> Any:
    return {"answer": f"{inputs['query']}/{await runtime.interact('Which size?')}"}


def _reply(messages: list[Any]) -> Any:
    """Calls both, then repeats what the last call gave."""
    if messages[-1].type == "tool":
        return str(messages[-1].content)
    wanted = [("note", {"text": "x"}), ("order", {"query": "hat"})]
    return AIMessage("", tool_calls=[{"name": name, "args": args, "id": name} for name, args in wanted])


desk = _agent()
