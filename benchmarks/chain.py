"""A chain of trivial components beside the same graph written by hand in LangGraph.

    python benchmarks/chain.py [--length 100] [--repeats 7]

Both sides run in one process, turn about, so that the machine's moods hit both alike;
the ratio of the medians is what counts. Without a store both compile without a saver.
With SQLite, jiuwen_lg keeps its default (every step durable) and LangGraph uses its own
`AsyncSqliteSaver` with `durability="sync"`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any, TypedDict

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph

from jiuwen_lg import End, SimpleComponent, Start, Workflow, WorkflowRuntime


class Increment(SimpleComponent):
    """Adds one."""

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        """`{"out": x + 1}`."""
        return {"out": inputs["x"] + 1}


class Slot(TypedDict):
    """The state that a person would write for a chain."""

    x: int


def ours(length: int) -> Workflow:
    """Start → length components → end."""
    flow = Workflow()
    flow.set_start_comp("start", Start({}), inputs_schema={"x": "${x}"})
    previous, reference = "start", "${start.x}"
    for number in range(length):
        flow.add_workflow_comp(f"n{number}", Increment(), inputs_schema={"x": reference})
        flow.add_connection(previous, f"n{number}")
        previous, reference = f"n{number}", f"${{n{number}.out}}"
    flow.set_end_comp("end", End(), inputs_schema={"x": reference})
    return flow.add_connection(previous, "end")


def by_hand(length: int, saver: Any = None) -> Any:
    """The same chain, as many nodes, in LangGraph."""

    async def increment(state: Slot) -> Slot:
        return {"x": state["x"] + 1}

    async def same(state: Slot) -> Slot:
        return {"x": state["x"]}

    graph: Any = StateGraph(Slot)
    names = ["start", *(f"n{number}" for number in range(length)), "end"]
    for name in names:
        graph.add_node(name, increment if name.startswith("n") else same)
    for source, target in zip([START, *names], [*names, END], strict=True):
        graph.add_edge(source, target)
    return graph.compile(saver)


async def time_ours(flow: Workflow, length: int) -> float:
    """Seconds for one run."""
    runtime = WorkflowRuntime()
    runtime.config().set_envs({"_execute_timeout": -1})
    began = time.perf_counter()
    output = await flow.invoke({"x": 0}, runtime)
    elapsed = time.perf_counter() - began
    assert output.result == {"output": {"x": length}}, output
    return elapsed


async def time_hand(graph: Any, length: int) -> float:
    """Seconds for one run."""
    config: Any = {"configurable": {"thread_id": uuid.uuid4().hex}, "recursion_limit": 10_000}
    began = time.perf_counter()
    state = await graph.ainvoke({"x": 0}, config, **({"durability": "sync"} if graph.checkpointer else {}))
    elapsed = time.perf_counter() - began
    assert state == {"x": length}, state
    return elapsed


async def compare(name: str, length: int, repeats: int, setting: str, saver: Any = None) -> None:
    """Print the medians of both sides and their ratio."""
    os.environ["JIUWEN_LG_DB"] = setting
    flow, graph = ours(length), by_hand(length, saver)
    ours_s, hand_s = [], []
    for repeat in range(repeats + 1):
        pair = await time_ours(flow, length), await time_hand(graph, length)
        if repeat:  # the first warms both up
            ours_s.append(pair[0])
            hand_s.append(pair[1])
    a, b = statistics.median(ours_s), statistics.median(hand_s)
    print(f"{name:<28} {a * 1e3:8.1f} ms   LangGraph by hand {b * 1e3:8.1f} ms   ratio {a / b:.2f}")


async def main() -> None:
    """Both comparisons."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--length", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    length, repeats = options.length, options.repeats
    await compare(f"chain of {length}, no store", length, repeats, "off")
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncSqliteSaver.from_conn_string(str(Path(folder) / "hand.db")) as saver:
            await compare(f"chain of {length}, SQLite", length, repeats, str(Path(folder) / "ours.db"), saver)


if __name__ == "__main__":
    asyncio.run(main())
