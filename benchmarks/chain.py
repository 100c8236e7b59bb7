"""A chain of trivial components beside the same graph written by hand in LangGraph.

    python benchmarks/chain.py [--length 100] [--repeats 7]

Both sides run in one process, turn about (`pairs`). Without a store both compile without a saver.
With SQLite, jiuwen_lg keeps its default (every step durable) and LangGraph uses its own
`AsyncSqliteSaver` with `durability="sync"`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import uuid
from pathlib import Path
from typing import Any, TypedDict

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from pairs import compare, seconds

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


async def run_ours(flow: Workflow) -> Any:
    """The result of a run."""
    runtime = WorkflowRuntime()
    runtime.config().set_envs({"_execute_timeout": -1})
    return (await flow.invoke({"x": 0}, runtime)).result["output"]["x"]


async def run_hand(graph: Any) -> Any:
    """The same by hand."""
    config: Any = {"configurable": {"thread_id": uuid.uuid4().hex}, "recursion_limit": 10_000}
    state = await graph.ainvoke({"x": 0}, config, **({"durability": "sync"} if graph.checkpointer else {}))
    return state["x"]


async def beside(name: str, length: int, repeats: int, setting: str, saver: Any = None) -> None:
    """Compare the two with one kind of store."""
    os.environ["JIUWEN_LG_DB"] = setting
    flow, graph = ours(length), by_hand(length, saver)
    await compare(
        f"chain of {length}, {name}",
        lambda: seconds(run_ours(flow), length),
        lambda: seconds(run_hand(graph), length),
        repeats,
    )


async def main() -> None:
    """Both comparisons."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--length", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    length, repeats = options.length, options.repeats
    await beside("no store", length, repeats, "off")
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncSqliteSaver.from_conn_string(str(Path(folder) / "hand.db")) as saver:
            await beside("SQLite", length, repeats, str(Path(folder) / "ours.db"), saver)


if __name__ == "__main__":
    asyncio.run(main())
