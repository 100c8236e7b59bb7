"""A loop of three trivial components beside the same loop written by hand in LangGraph.

    python benchmarks/loop.py [--rounds 1000] [--repeats 5]

As in `chain.py`. By hand the loop is a cycle in the graph. The last line tells whether a
round costs the same late and early: (t1000 - t100) / 900 over (t110 - t10) / 100, with a
component that puts out 1 KB a round, all of which is collected, in SQLite.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import statistics
import tempfile
import uuid
from pathlib import Path
from typing import Any, TypedDict

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from pairs import compare, seconds

from jiuwen_lg import End, LoopComponent, LoopGroup, SimpleComponent, Start, Workflow, WorkflowRuntime


class Pass(SimpleComponent):
    """Gives its input back, and so many characters."""

    def __init__(self, size: int = 0) -> None:
        self.size = size

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        """`{"x": ..., "blob": ...}`."""
        return {"x": inputs["x"], "blob": "x" * self.size}


def ours(components: int, size: int = 0) -> Workflow:
    """Start → a loop of so many components → end; the number of rounds is an input."""
    body, names = LoopGroup(), [f"n{number}" for number in range(components)]
    for name in names:
        body.add_workflow_comp(name, Pass(size), inputs_schema={"x": "${loop.index}"})
    for source, target in itertools.pairwise(names):
        body.add_connection(source, target)
    body.start_nodes(names[:1]).end_nodes(names[-1:])
    loop = LoopComponent(body, {"x": f"${{{names[-1]}.x}}", "blob": f"${{{names[-1]}.blob}}"})
    flow = Workflow()
    flow.set_start_comp("start", Start(), inputs_schema={"rounds": "${rounds}"})
    flow.add_workflow_comp("loop", loop, inputs_schema={"loop_type": "number", "loop_number": "${start.rounds}"})
    flow.set_end_comp("end", End(), inputs_schema={"last": "${loop.x[-1]}"})
    return flow.add_connection("start", "loop").add_connection("loop", "end")


class Slot(TypedDict):
    """The state that a person would write for a loop."""

    index: int
    rounds: int
    x: int
    collected: list[int]


def by_hand(saver: Any = None) -> Any:
    """The same three components in a cycle."""

    async def pass_on(state: Slot) -> Any:
        return {"x": state["index"]}

    async def last(state: Slot) -> Any:
        return {"x": state["index"], "index": state["index"] + 1, "collected": [*state["collected"], state["index"]]}

    graph: Any = StateGraph(Slot)
    for name, node in (("n0", pass_on), ("n1", pass_on), ("n2", last)):
        graph.add_node(name, node)
    for source, target in ((START, "n0"), ("n0", "n1"), ("n1", "n2")):
        graph.add_edge(source, target)
    graph.add_conditional_edges("n2", lambda state: "n0" if state["index"] < state["rounds"] else END)
    return graph.compile(saver)


async def run_ours(flow: Workflow, rounds: int) -> Any:
    """The result of a run."""
    runtime = WorkflowRuntime()
    runtime.config().set_envs({"_execute_timeout": -1})
    return (await flow.invoke({"rounds": rounds}, runtime)).result["output"]["last"]


async def run_hand(graph: Any, rounds: int) -> Any:
    """The same by hand."""
    config: Any = {"configurable": {"thread_id": uuid.uuid4().hex}, "recursion_limit": 10 * rounds}
    given = {"index": 0, "rounds": rounds, "x": 0, "collected": []}
    state = await graph.ainvoke(given, config, **({"durability": "sync"} if graph.checkpointer else {}))
    return state["collected"][-1]


async def growth(repeats: int) -> float:
    """What a late round costs over what an early one costs."""
    flow, times = ours(1, 1000), dict[int, list[float]]()
    for _ in range(repeats):
        for rounds in (10, 110, 100, 1000):
            times.setdefault(rounds, []).append(await seconds(run_ours(flow, rounds), rounds - 1))
    t = {rounds: statistics.median(found) for rounds, found in times.items()}
    return ((t[1000] - t[100]) / 900) / ((t[110] - t[10]) / 100)


async def main() -> None:
    """Both comparisons, and the growth."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    flow, rounds = ours(3), options.rounds

    async def beside(name: str, graph: Any) -> None:
        await compare(
            f"loop of {rounds} x 3, {name}",
            lambda: seconds(run_ours(flow, rounds), rounds - 1),
            lambda: seconds(run_hand(graph, rounds), rounds - 1),
            options.repeats,
        )

    os.environ["JIUWEN_LG_DB"] = "off"
    await beside("no store", by_hand())
    with tempfile.TemporaryDirectory() as folder:
        os.environ["JIUWEN_LG_DB"] = str(Path(folder) / "ours.db")
        async with AsyncSqliteSaver.from_conn_string(str(Path(folder) / "hand.db")) as saver:
            await beside("SQLite", by_hand(saver))
        print(f"a late round over an early one, 1 KB collected, SQLite: {await growth(options.repeats):.2f}")


if __name__ == "__main__":
    asyncio.run(main())
