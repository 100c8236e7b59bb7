"""One LangGraph task, or one step of a straight stretch, for each execution of a component, in every mode."""

from __future__ import annotations

import contextvars
from collections import Counter
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.pregel import _retry, _runner

from jiuwen_lg import WorkflowRuntime
from jiuwen_lg.engine.pregel import stretch
from tests.flows import Call, chain, parallel
from tests.loops import body, counted


@pytest.fixture
def tasks(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often LangGraph has run a task of each name."""
    ran: Counter[str] = Counter()

    def counted_run(task: Any, *arguments: Any, **options: Any) -> Any:
        ran[task.name] += 1
        return _retry.run_with_retry(task, *arguments, **options)

    async def acounted_run(task: Any, *arguments: Any, **options: Any) -> Any:
        ran[task.name] += not isinstance(task.proc, stretch._Replay)
        return await _retry.arun_with_retry(task, *arguments, **options)

    executed = stretch._executed

    async def counted_step(task: Any, *arguments: Any) -> Any:
        ran[task.name] += 1
        return await executed(task, *arguments)

    monkeypatch.setattr(stretch, "_executed", counted_step)
    monkeypatch.setattr(_runner, "run_with_retry", counted_run)
    monkeypatch.setattr(_runner, "arun_with_retry", acounted_run)
    return ran


def flows() -> dict[str, tuple[Any, dict[str, int], dict[str, int]]]:
    """Workflows with what LangGraph's tasks must be: of components, and of its own and of loops."""
    line = {"s": 1, "e": 1}
    names = [f"n{number}" for number in range(5)]
    once = {"start": 1, "end": 1, **dict.fromkeys(names, 1)}
    rounds = counted(body(("a", Call()), ("b", Call())), {"i": "${b.i}"}, 4)
    return {
        "chain": (chain(*((name, Call()) for name in names)), once, {"__start__": 1}),
        "fan-out": (parallel(*((name, Call()) for name in names)), once, {"__start__": 1}),
        "loop": (rounds, {**line, "l": 1, "a": 4, "b": 4}, {"__start__": 2, "__round__": 1}),
    }


@pytest.mark.parametrize("mode", ["off", ":memory:", "file", "stream", "sync", "compiled", "compiled with a saver"])
@pytest.mark.parametrize("name", ["chain", "fan-out", "loop"])
async def test_a_component_is_one_task(
    name: str, mode: str, tasks: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    flow, components, others = flows()[name]
    if mode in {"off", ":memory:"}:
        monkeypatch.setenv("JIUWEN_LG_DB", mode)
    if mode.startswith("compiled"):
        graph = flow.compile(InMemorySaver() if "saver" in mode else None)
        await graph.ainvoke({"inputs": {"q": 1}}, {"configurable": {"thread_id": "t"}})
    elif mode == "sync":
        flow.compile().invoke({"inputs": {"q": 1}})
    elif mode == "stream":
        assert [frame async for frame in flow.stream({"q": 1}, WorkflowRuntime())]
    else:
        await flow.invoke({"q": 1}, WorkflowRuntime())
    assert tasks == {**components, **others}


class Hears(BaseCallbackHandler):
    """Notes which runs begin."""

    def __init__(self) -> None:
        self.names: list[Any] = []

    def on_chain_start(self, serialized: Any, inputs: Any, **kwargs: Any) -> None:
        self.names.append(kwargs.get("name"))


async def test_callbacks_are_told_of_components_wherever_somebody_listens() -> None:
    flow, hears = chain(("a", Call()), ("b", Call())), Hears()
    await flow.invoke({"q": 1}, WorkflowRuntime(config={"callbacks": [hears]}))
    assert {"start", "a", "b", "end"} <= set(hears.names)
    await flow.invoke({"q": 1}, WorkflowRuntime())  # and nothing of a run that has no callbacks
    assert hears.names.count("a") == 1


variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="untouched")


async def test_a_component_has_its_own_context() -> None:
    async def change(inputs: Any, runtime: Any) -> Any:
        seen = variable.get()
        variable.set("changed")
        return {"seen": seen}

    done = await chain(("a", Call(change)), ("b", Call(change))).invoke({"q": 1}, WorkflowRuntime())
    assert done.result == {"output": {"a": {"seen": "untouched"}, "b": {"seen": "untouched"}}}
    assert variable.get() == "untouched"
