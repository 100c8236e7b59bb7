"""The workloads as somebody writes them by hand in LangGraph.

    python benchmarks/by_hand.py off|FILE

With a file: LangGraph's own `AsyncSqliteSaver` as it comes, `durability="sync"`.
"""

from __future__ import annotations

import asyncio
import itertools
import operator
import sys
import uuid
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Annotated, Any, TypedDict

from langgraph.config import get_stream_writer
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from program import checkpoints, in_lanes, serve, timed, used_bytes


def merge(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Outputs by node."""
    return {**one, **other}


class Slot(TypedDict):
    """What a person keeps for a chain: one number, which each node replaces."""

    x: int


class Asked(Slot):
    """The same with an answer."""

    answer: str


class Outputs(TypedDict):
    """The outputs of all nodes, as openJiuwen keeps them."""

    outputs: Annotated[dict[str, Any], merge]
    answer: str
    result: dict[str, Any]


class Loop(TypedDict):
    """What a person keeps for a loop."""

    index: int
    rounds: int
    x: int
    results: Annotated[list[int], operator.add]


class Workloads:
    """What is measured; each method is described in `jiuwen`.

    Args:
        store: `off`, or the file that threads live in.
    """

    def __init__(self, store: str) -> None:
        self.store = store
        self.saver: Any = None
        self.chain_of = cache(self._chain)
        self.outputs_of = cache(self._outputs)
        self.fan_of = cache(self._fan)
        self.loop_of = cache(self._loop)
        self.frames_of = cache(self._frames)

    async def open(self) -> None:
        """Open the saver."""
        if self.store != "off":
            from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

            self._opened = AsyncSqliteSaver.from_conn_string(self.store)
            self.saver = await self._opened.__aenter__()
            await self.saver.setup()

    # --- graphs ---

    def _graph(self, state: type, nodes: dict[str, Callable[[Any], Awaitable[Any]]]) -> Any:
        graph: Any = StateGraph(state)
        for name, node in nodes.items():
            graph.add_node(name, node)
        names = [START, *nodes, END]
        for source, target in itertools.pairwise(names):
            graph.add_edge(source, target)
        return graph.compile(self.saver)

    def _chain(self, length: int, *, asks: bool = False) -> Any:
        async def increment(state: Slot) -> Any:
            return {"x": state["x"] + 1}

        nodes: dict[str, Any] = {f"n{number}": increment for number in range(length)}
        return self._graph(Asked if asks else Slot, {**nodes, "ask": ask, "end": nothing} if asks else nodes)

    def _outputs(self, length: int, size: int) -> Any:
        def increment(number: int) -> Any:
            before, blob = f"n{number - 1}" if number else "start", (f"{number:08d}" * (size // 8 + 1))[:size]

            async def node(state: Outputs) -> Any:
                return {"outputs": {f"n{number}": {"out": state["outputs"][before]["out"] + 1, "blob": blob}}}

            return node

        nodes = {f"n{number}": increment(number) for number in range(length)}
        return self._graph(Outputs, {**nodes, "ask": ask, "end": nothing})

    def _fan(self, width: int) -> Any:
        graph: Any = StateGraph(Outputs)
        names = [f"n{number}" for number in range(width)]

        def branch(name: str) -> Any:
            async def node(state: Outputs) -> Any:
                return {"outputs": {name: {"out": state["outputs"]["start"]["out"] + 1}}}

            return node

        async def end(state: Outputs) -> Any:
            return {"result": {name: state["outputs"][name]["out"] for name in names}}

        graph.add_node("start", nothing)
        graph.add_edge(START, "start")
        graph.add_node("end", end)
        for name in names:
            graph.add_node(name, branch(name))
            graph.add_edge("start", name)
        graph.add_edge(names, "end")
        graph.add_edge("end", END)
        return graph.compile(self.saver)

    def _loop(self) -> Any:
        async def a(state: Loop) -> Any:
            return {"x": state["index"] + 1}

        async def b(state: Loop) -> Any:
            return {"x": state["x"] + 1}

        async def c(state: Loop) -> Any:
            return {"x": state["x"] + 1, "index": state["index"] + 1, "results": [state["x"] + 1]}

        graph: Any = StateGraph(Loop)
        for name, node in (("a", a), ("b", b), ("c", c)):
            graph.add_node(name, node)
        for source, target in ((START, "a"), ("a", "b"), ("b", "c")):
            graph.add_edge(source, target)
        graph.add_conditional_edges("c", lambda state: "a" if state["index"] < state["rounds"] else END, ["a", END])
        return graph.compile(self.saver)

    def _frames(self) -> Any:
        async def produce(state: Slot) -> Any:
            write = get_stream_writer()
            for number in range(state["x"]):
                await asyncio.sleep(0)
                write({"token": number})
            return {"x": 0}

        return self._graph(Slot, {"produce": produce})

    # --- workloads ---

    async def _run(self, graph: Any, given: Any, id: str | None = None) -> Any:
        config: Any = {"configurable": {"thread_id": id or uuid.uuid4().hex}, "recursion_limit": 1_000_000}
        return await graph.ainvoke(given, config, **({"durability": "sync"} if self.saver else {}))

    async def chain(self, length: int) -> dict[str, float]:
        graph, measured = self.chain_of(length), {}
        with timed(measured):
            done = await self._run(graph, {"x": 0})
        assert done == {"x": length}, done
        return measured

    async def fan(self, width: int) -> dict[str, float]:
        graph, measured = self.fan_of(width), {}
        with timed(measured):
            done = await self._run(graph, {"outputs": {"start": {"out": 0}}})
        assert done["result"] == {f"n{number}": 1 for number in range(width)}, done
        return measured

    async def loop(self, rounds: int) -> dict[str, float]:
        graph, measured = self.loop_of(), {}
        with timed(measured):
            done = await self._run(graph, {"index": 0, "x": 0, "rounds": rounds, "results": []})
        assert done["results"] == [n + 3 for n in range(rounds)], done
        return measured

    async def question(self, before: int) -> dict[str, float]:
        graph, measured, id = self.chain_of(before, asks=True), {}, uuid.uuid4().hex
        with timed(measured):
            asked = await self._run(graph, {"x": 0}, id)
        resume = Command(resume={found.id: "yes" for found in asked["__interrupt__"]})
        with timed(measured):
            done = await self._run(graph, resume, id)
        assert done == {"x": before, "answer": "yes"}, done
        return measured

    async def answer(self, before: int) -> dict[str, float]:
        graph, measured, id = self.chain_of(before, asks=True), {}, uuid.uuid4().hex
        await self._run(graph, {"x": 0}, id)
        with timed(measured):
            done = await self._run(graph, Command(resume="yes"), id)
        assert done == {"x": before, "answer": "yes"}, done
        return measured

    async def sessions(self, total: int, lanes: int) -> dict[str, float]:
        graph, measured, run = self.chain_of(5), {}, uuid.uuid4().hex

        async def one(number: int) -> None:
            await asyncio.sleep(0)
            done = await self._run(graph, {"x": number}, f"{run} {number}")
            assert done == {"x": number + 5}, done

        with timed(measured):
            await in_lanes(total, lanes, one)
        return measured

    async def disk(self, total: int, length: int, size: int = 0) -> dict[str, float]:
        graph = self.outputs_of(length, size) if size else self.chain_of(length, asks=True)
        given = {"outputs": {"start": {"out": 0}}} if size else {"x": 0}
        await self._run(graph, given)
        before, known = used_bytes(self.store), checkpoints(self.store)
        for _ in range(total):
            await self._run(graph, given)
        return {"bytes": (used_bytes(self.store) - before) / (checkpoints(self.store) - known)}

    async def frames(self, count: int) -> dict[str, float]:
        graph, measured, found = self.frames_of(), {}, 0
        with timed(measured):
            async for _ in graph.astream({"x": count}, stream_mode="custom"):
                found += 1
        assert found == count, found
        return measured

    async def growth(self, short: int, long: int) -> dict[str, float]:
        costs = [await self.chain(length) for length in (short, long)]
        return {name: costs[1][name] / long - costs[0][name] / short for name in costs[0]}


async def ask(state: Any) -> Any:
    """A node that asks."""
    return {"answer": interrupt("ok?")}


async def nothing(state: Any) -> Any:
    """A node that does nothing."""
    return {}


if __name__ == "__main__":
    serve(Workloads(sys.argv[1]))
