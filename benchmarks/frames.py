"""1000 frames through one stream connection, beside a hand-written LangGraph custom stream.

    python benchmarks/frames.py [--frames 1000] [--repeats 7]

Here the frames go from a producer to the End, which hands each to the reader; by hand, a
node writes them to LangGraph's `get_stream_writer()`. Both sides run in one process, turn
about (`pairs`), without a store.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any, TypedDict

from langgraph.config import get_stream_writer
from langgraph.graph import END, START, StateGraph
from pairs import compare, seconds

from jiuwen_lg import BaseStreamMode, End, SimpleComponent, Start, Workflow, WorkflowRuntime


class Counts(SimpleComponent):
    """Gives so many frames, yielding to the event loop after each."""

    async def stream(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
        """Gives `{"n": 0}`, `{"n": 1}` and so on."""
        for number in range(inputs["frames"]):
            yield {"n": number}
            await asyncio.sleep(0)


def ours() -> Workflow:
    """Start → the producer = a streaming End."""
    flow = Workflow()
    flow.set_start_comp("start", Start(), inputs_schema={"frames": "${frames}"})
    flow.add_workflow_comp("counts", Counts(), inputs_schema={"frames": "${start.frames}"})
    flow.set_end_comp("end", End(), stream_inputs_schema={"n": "${counts.n}"}, response_mode="streaming")
    return flow.add_connection("start", "counts").add_stream_connection("counts", "end")


class Slot(TypedDict):
    """How many frames."""

    frames: int


def by_hand() -> Any:
    """A node that writes as many."""

    async def counts(state: Slot) -> Any:
        write = get_stream_writer()
        for number in range(state["frames"]):
            write({"n": number})
            await asyncio.sleep(0)
        return {}

    graph: Any = StateGraph(Slot)
    graph.add_node("counts", counts)
    graph.add_edge(START, "counts")
    graph.add_edge("counts", END)
    return graph.compile()


async def read_ours(flow: Workflow, frames: int) -> int:
    """The last frame."""
    last = None
    async for frame in flow.stream({"frames": frames}, WorkflowRuntime(), stream_modes=[BaseStreamMode.OUTPUT]):
        last = frame.payload["output"]["n"]
    return last


async def read_hand(graph: Any, frames: int) -> int:
    """The same by hand."""
    last = None
    async for frame in graph.astream({"frames": frames}, stream_mode="custom"):
        last = frame["n"]
    return last


async def main() -> None:
    """The comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    os.environ["JIUWEN_LG_DB"] = "off"
    flow, graph, frames = ours(), by_hand(), options.frames
    await compare(
        f"{frames} frames, no store",
        lambda: seconds(read_ours(flow, frames), frames - 1),
        lambda: seconds(read_hand(graph, frames), frames - 1),
        options.repeats,
    )


if __name__ == "__main__":
    asyncio.run(main())
