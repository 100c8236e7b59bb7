"""The same workflows on both paths: in straight stretches, and by LangGraph alone, step by step the same.

Compared are the stored checkpoints and writes (ids made comparable), what components find in their configs, the
history, the results, the errors, and how often each component ran.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphRecursionError
from langgraph.func import task as langgraph_task
from langgraph.types import Command

from jiuwen_lg import InteractiveInput, JiuWenBaseException, SubWorkflowComponent, Workflow, WorkflowRuntime
from jiuwen_lg.engine.pregel import stretch
from tests.flows import Ask, Call, asked, chain, parallel, turn
from tests.loops import body, counted

SWITCH = "JIUWEN_LG_STRETCHES"


class Seen(Call):
    """Notes the config that it finds, and how often it runs."""

    def __init__(self, notes: list[Any], run: Any = lambda inputs, runtime: inputs) -> None:
        super().__init__(run)
        self._notes = notes

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        config = runtime.config
        self._notes.append(
            {
                "keys": sorted(config["configurable"]),
                "rest": sorted(set(config) - {"configurable"}),
                "metadata": {k: v for k, v in config["metadata"].items() if k.startswith("langgraph_")},
                "tags": config.get("tags"),
                "callbacks": sorted(config["callbacks"].tags) if config.get("callbacks") else None,
                "attempt": config["configurable"]["__pregel_runtime"].execution_info.node_attempt,
                "info": config["configurable"]["__pregel_runtime"].execution_info.task_id,
                "task": config["configurable"]["__pregel_task_id"],
                "map": config["configurable"]["checkpoint_map"],
            }
        )
        return await super().invoke(inputs, runtime, context)


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Choose a path; ids of checkpoints are then numbered, so that task ids are the same on both."""
    from langgraph.pregel import _checkpoint, _loop

    def choose(is_straight: bool) -> None:
        monkeypatch.setenv(SWITCH, str(is_straight).lower())
        numbers = itertools.count(1)

        class Numbered(str):
            __slots__ = ()

        def numbered(*_: Any, **__: Any) -> str:
            return Numbered(f"00000000-0000-6000-8000-{next(numbers):012d}")

        for module in (_checkpoint, stretch, _loop):
            if hasattr(module, "uuid6"):
                monkeypatch.setattr(module, "uuid6", numbered)

    return choose


def stored(saver: InMemorySaver, thread: str = "1") -> list[Any]:
    """The checkpoints and writes of a thread, without what differs from run to run."""
    return [
        {
            "checkpoint": {
                "values": saved.checkpoint["channel_values"],
                "versions": {k: _number(v) for k, v in saved.checkpoint["channel_versions"].items()},
                "seen": {
                    n: {k: _number(v) for k, v in of.items()} for n, of in saved.checkpoint["versions_seen"].items()
                },
                "updated": saved.checkpoint.get("updated_channels"),
                "id": saved.checkpoint["id"],
            },
            "metadata": saved.metadata,
            "parent": saved.parent_config and saved.parent_config["configurable"]["checkpoint_id"],
            "writes": saved.pending_writes,
        }
        for saved in saver.list({"configurable": {"thread_id": thread}})
    ]


def _number(version: Any) -> int:
    return int(str(version).partition(".")[0])


def on(thread: str = "1", **more: Any) -> Any:
    return {"configurable": {"thread_id": thread}, "recursion_limit": 1000, **more}


async def values(graph: Any, given: Any, config: Any) -> Any:
    """Run as a turn does, and give the last value or the error."""
    try:
        chunks = [chunk async for chunk in graph.astream(given, config, stream_mode="values", output_keys="result")]
    except Exception as error:
        return type(error), str(error), getattr(error, "__notes__", None)
    return chunks


def boom(_: Any, __: Any) -> Any:
    raise ValueError("boom")


def cancelled(_: Any, __: Any) -> Any:
    raise asyncio.CancelledError


@langgraph_task
async def doubled(n: int) -> int:
    return 2 * n


async def calls_a_task(inputs: Any, runtime: Any) -> Any:
    return {"n": await doubled(2)}


def writes_state(inputs: Any, runtime: Any) -> Any:
    runtime.update_state({"n": (runtime.get_state("n") or 0) + 1})
    runtime.update_global_state({"role": "user", "list": [1, 2]})
    return {"n": runtime.get_state("n")}


CASES: dict[str, Callable[[list[Any]], Any]] = {
    "chain": lambda notes: chain(*((f"n{i}", Seen(notes)) for i in range(12))),
    "state": lambda notes: chain(*((f"n{i}", Seen(notes, writes_state)) for i in range(5))),
    "question": lambda notes: chain(("a", Seen(notes)), ("ask", Ask()), ("b", Seen(notes)), ("c", Seen(notes))),
    "failure": lambda notes: chain(("a", Seen(notes)), ("b", Seen(notes)), ("bad", Seen(notes, boom))),
    "cancelled": lambda notes: chain(("a", Seen(notes)), ("b", Seen(notes)), ("bad", Seen(notes, cancelled))),
    "parallel": lambda notes: parallel(*((f"n{i}", Seen(notes)) for i in range(3))),
    "loop": lambda notes: counted(body(("a", Seen(notes)), ("b", Seen(notes))), {"i": "${b.i}"}, 3),
    "sub": lambda notes: chain(
        ("a", Seen(notes)),
        ("sub", SubWorkflowComponent(chain(("x", Seen(notes)), ("y", Seen(notes))))),
        ("b", Seen(notes)),
        ("c", Seen(notes)),
    ),
    "task": lambda notes: chain(("a", Seen(notes)), ("t", Seen(notes, calls_a_task)), ("b", Seen(notes))),
    "snapshot": lambda notes: chain(*((f"n{i}", Call()) for i in range(230))),
    "empty": lambda notes: chain(*((f"n{i}", Seen(notes, lambda i, r: None)) for i in range(4))),
}


@pytest.mark.parametrize("name", CASES)
async def test_both_paths_store_and_show_the_same(name: str, both: Callable[[bool], None]) -> None:
    found: list[Any] = []
    for is_straight in (False, True):
        both(is_straight)
        notes: list[Any] = []
        graph, saver = CASES[name](notes), InMemorySaver()
        compiled = graph.compile(saver)
        outcomes = [await values(compiled, {"inputs": {"q": 1}}, on())]
        state = await compiled.aget_state(on())
        if state.interrupts:
            resume = Command(resume={i.id: "yes" for i in state.interrupts})
            outcomes.append(await values(compiled, resume, on()))
        history = [(s.next, s.values, s.metadata, len(s.tasks)) async for s in compiled.aget_state_history(on())]
        notes.sort(key=lambda note: (note["metadata"]["langgraph_step"], note["task"]))
        found.append((outcomes, stored(saver), notes, history))
    plain, straight = found
    for part in range(4):
        assert straight[part] == plain[part]


@pytest.mark.parametrize("name", [name for name in CASES if name not in ("question", "snapshot")])
@pytest.mark.parametrize("store", ["off", ":memory:", "file"])
async def test_both_paths_run_the_same_without_and_with_a_store(
    name: str, store: str, both: Callable[[bool], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    if store != "file":
        monkeypatch.setenv("JIUWEN_LG_DB", store)
    found = []
    for is_straight in (False, True):
        both(is_straight)
        notes: list[Any] = []
        try:
            outcome: Any = (await CASES[name](notes).invoke({"q": 1}, WorkflowRuntime())).result
        except (JiuWenBaseException, asyncio.CancelledError) as error:
            outcome = repr(error)
        for note in notes:
            note |= {"task": 0, "map": 0, "info": 0, "metadata": {**note["metadata"], "langgraph_checkpoint_ns": 0}}
        found.append((outcome, sorted(notes, key=repr)))
    assert found[0] == found[1]


def line_with_a_fault(ran: Counter[str], fails: dict[str, int]) -> Workflow:
    def part(name: str) -> Call:
        def run(_: Any, runtime: Any) -> Any:
            ran[name] += 1
            if fails.get(name, 0) >= ran[name]:
                raise ValueError(f"{name} fails")
            return {"by": name, "key": runtime.idempotency_key}

        return Call(run)

    names = [f"n{i}" for i in range(30)]
    return chain(*((name, Ask() if name == "n20" else part(name)) for name in names))


async def test_a_failure_and_a_question_in_a_stretch_repeat_nothing() -> None:
    ran: Counter[str] = Counter()
    flow = line_with_a_fault(ran, {"n10": 1})
    with pytest.raises(JiuWenBaseException, match=r"\[n10\].*n10 fails"):
        await turn(flow, {"q": 1})
    assert [id for id, *_ in asked(await turn(flow, InteractiveInput()))] == ["n20"]
    done = await turn(flow, InteractiveInput("yes"))
    assert done.result["output"]["n29"]["by"] == "n29"
    assert ran == {**{f"n{i}": 1 for i in range(30) if i != 20}, "n10": 2}


async def test_a_circle_of_plain_components_is_stopped() -> None:
    flow = chain(("a", Call()), ("b", Call()))
    flow.add_connection("b", "a")
    graph = flow.compile(InMemorySaver())
    with pytest.raises(GraphRecursionError):
        async for _ in graph.astream({"inputs": {"q": 1}}, on(), stream_mode="values"):
            """It never gives a result."""


async def test_cancelling_a_stretch_stops_its_component_and_keeps_what_had_finished() -> None:
    began, ran = asyncio.Event(), Counter[str]()

    async def waits(_: Any, __: Any) -> Any:
        ran["slow"] += 1
        if ran["slow"] == 1:
            began.set()
            try:
                await asyncio.Event().wait()
            finally:
                ran["ended"] += 1
        return {"done": True}

    def first(_: Any, __: Any) -> Any:
        ran["a"] += 1
        return {}

    flow = chain(("a", Call(first)), ("b", Call(first)), ("slow", Call(waits)), ("c", Call()))
    running = asyncio.ensure_future(turn(flow, {"q": 1}))
    await began.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ran["ended"] == 1
    done = await turn(flow, InteractiveInput())
    assert done.result["output"]["slow"] == {"done": True}
    assert (ran["a"], ran["slow"]) == (2, 2)


async def test_the_switch_turns_them_off(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    executed = stretch._executed

    async def noted(task: Any, *more: Any) -> Any:
        ran.append(task.name)
        return await executed(task, *more)

    monkeypatch.setattr(stretch, "_executed", noted)
    flow = chain(("a", Call()), ("b", Call()))
    await flow.invoke({"q": 1}, WorkflowRuntime())
    assert ran == ["start", "a", "b"]
    monkeypatch.setenv(SWITCH, "false")
    await flow.invoke({"q": 1}, WorkflowRuntime())
    assert ran == ["start", "a", "b"]
