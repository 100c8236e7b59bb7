"""Three programs for openJiuwen, which `peer` times on both engines.

They run as they stand on openJiuwen 0.1.1 and through `python -m jiuwen_lg.compat`. Every
line of the input, `frames 1000` say, is answered with the seconds that one run took.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import sys
import time

from openjiuwen.core.component.base import WorkflowComponent
from openjiuwen.core.component.end_comp import End
from openjiuwen.core.component.loop_comp import LoopComponent, LoopGroup
from openjiuwen.core.component.start_comp import Start
from openjiuwen.core.runtime.base import ComponentExecutable
from openjiuwen.core.runtime.workflow import WorkflowRuntime
from openjiuwen.core.stream.base import BaseStreamMode
from openjiuwen.core.workflow.base import Workflow


class Passes(ComponentExecutable, WorkflowComponent):
    """Gives its inputs on."""

    async def invoke(self, inputs, runtime, context):
        """Gives its inputs on."""
        return inputs


class Counts(ComponentExecutable, WorkflowComponent):
    """Gives so many frames, yielding to the event loop after each."""

    async def stream(self, inputs, runtime, context):
        """Gives `{"n": 0}`, `{"n": 1}` and so on."""
        for number in range(inputs["frames"]):
            yield {"n": number}
            await asyncio.sleep(0)


def chain(size):
    """Start → so many components, one after the other → End."""
    flow, before = Workflow(), "start"
    flow.set_start_comp("start", Start({}), inputs_schema={"n": "${n}"})
    for number in range(size):
        flow.add_workflow_comp(f"c{number}", Passes(), inputs_schema={"n": f"${{{before}.n}}"})
        flow.add_connection(before, f"c{number}")
        before = f"c{number}"
    flow.set_end_comp("end", End(), inputs_schema={"n": f"${{{before}.n}}"})
    flow.add_connection(before, "end")
    return flow


def loop(rounds):
    """So many rounds of three components, collecting what the last one gave."""
    group = LoopGroup()
    group.add_workflow_comp("a", Passes(), inputs_schema={"n": "${loop.index}"})
    group.add_workflow_comp("b", Passes(), inputs_schema={"n": "${a.n}"})
    group.add_workflow_comp("c", Passes(), inputs_schema={"n": "${b.n}"})
    group.start_nodes(["a"])
    group.end_nodes(["c"])
    group.add_connection("a", "b")
    group.add_connection("b", "c")
    flow = Workflow()
    flow.set_start_comp("start", Start({}), inputs_schema={"n": "${n}"})
    inputs = {"loop_type": "number", "loop_number": rounds}
    flow.add_workflow_comp("loop", LoopComponent(group, {"n": "${c.n}"}), inputs_schema=inputs)
    flow.set_end_comp("end", End(), inputs_schema={"n": "${loop.n}"})
    flow.add_connection("start", "loop")
    flow.add_connection("loop", "end")
    return flow


def frames(number):
    """Start → a producer = a streaming End."""
    flow = Workflow()
    flow.set_start_comp("start", Start({}), inputs_schema={"frames": "${n}"})
    flow.add_workflow_comp("counts", Counts(), inputs_schema={"frames": "${start.frames}"})
    flow.set_end_comp("end", End(), stream_inputs_schema={"n": "${counts.n}"}, response_mode="streaming")
    flow.add_connection("start", "counts")
    flow.add_stream_connection("counts", "end")
    return flow


async def read(flow, number):
    """The last frame's number."""
    last = None
    async for frame in flow.stream({"n": number}, WorkflowRuntime(), stream_modes=[BaseStreamMode.OUTPUT]):
        last = frame.payload["output"]["n"]
    return last


async def result(flow, number):
    """The result's number, or the last of its numbers."""
    found = (await flow.invoke({"n": number}, WorkflowRuntime())).result["output"]["n"]
    return found[-1] if isinstance(found, list) else found


PROGRAMS = {
    "chain": (chain, result, 0),
    "loop": (loop, result, -1),
    "frames": (frames, read, -1),
}
"""How each is built and run, and by how much the last number differs from the size."""


@functools.cache
def built(name, size):
    """The workflow, once for all runs."""
    return PROGRAMS[name][0](size)


async def seconds(name, size):
    """How long one run takes; building the workflow does not count."""
    _, run, less = PROGRAMS[name]
    flow = built(name, size)
    began = time.perf_counter()
    with contextlib.redirect_stdout(None):
        found = await run(flow, size)
    elapsed = time.perf_counter() - began
    assert found == size + less, found
    return elapsed


def be_quiet():
    """Have nothing logged, by openJiuwen's own public means: it would take most of the time."""
    from openjiuwen.core.common.logging import LogManager

    class Quiet:
        def __getattr__(self, name):
            return lambda *_, **__: {}

    for kind in ("common", "interface", "prompt_builder", "performance"):
        LogManager.register_logger(kind, Quiet())


if __name__ == "__main__":
    os.environ["WORKFLOW_EXECUTE_TIMEOUT"] = "-1"
    with contextlib.suppress(ImportError):
        be_quiet()
    print("ready", flush=True)
    for line in sys.stdin:
        name, size = line.split()
        print(asyncio.run(seconds(name, int(size))), flush=True)
