"""Caches of components: whose output counts for which inputs."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from langgraph.cache.memory import InMemoryCache
from langgraph.types import CachePolicy

from jiuwen_lg import (
    End,
    LoopComponent,
    LoopGroup,
    SimpleComponent,
    Start,
    SubWorkflowComponent,
    Workflow,
    WorkflowConfig,
    WorkflowMetadata,
)
from jiuwen_lg.engine.graph.output_cache import ExpiringCache


def upper(inputs: Any) -> Any:
    return inputs["q"].upper()


def reverse(inputs: Any) -> Any:
    return inputs["q"][::-1]


class Prefix(SimpleComponent):
    """Puts a text in front."""

    def __init__(self, text: str) -> None:
        self.text = text

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        return self.text + inputs["q"]


def with_default(text: str) -> Any:
    return lambda inputs, given=text: given + inputs["q"]


def with_closure(text: str) -> Any:
    return lambda inputs: text + inputs["q"]


def with_a_lock(text: str) -> Any:
    lock = threading.Lock()

    def work(inputs: Any) -> Any:
        with lock:
            return text + inputs["q"]

    return work


def flow_of(component: Any, metadata: dict[str, str] | None = None, **options: Any) -> Workflow:
    """start → c, cached → end."""
    flow = Workflow(WorkflowConfig(metadata=WorkflowMetadata(**(metadata or {}))), **options)
    flow.set_start_comp("start", Start(), inputs_schema={"q": "${q}"})
    flow.add_workflow_comp("c", component, inputs_schema={"q": "${start.q}"}, cache=True)
    flow.set_end_comp("end", End(), inputs_schema={"c": "${c}"})
    return flow.add_connection("start", "c").add_connection("c", "end")


async def output(flow: Workflow, q: Any = "moon") -> Any:
    return (await flow.invoke({"q": q})).result["output"]["c"]


PAIRS = [
    (upper, reverse),
    (Prefix("a-"), Prefix("b-")),
    (with_default("a-"), with_default("b-")),
    (with_closure("a-"), with_closure("b-")),
    (with_a_lock("a-"), with_a_lock("b-")),
    (Prefix("a-").invoke, Prefix("b-").invoke),
]
NAMES = ["functions", "objects", "defaults", "closures", "locks", "methods"]


def bound(component: Any) -> Any:
    """A bound method of a component as a function of the inputs alone."""
    if hasattr(component, "__self__"):
        owner = component.__self__

        async def call(inputs: Any) -> Any:
            return await owner.invoke(inputs, None, None)

        return call
    return component


@pytest.mark.parametrize("pair", PAIRS, ids=NAMES)
class TestNeighbours:
    async def test_two_workflows_with_one_cache(self, pair: Any) -> None:
        cache: Any = InMemoryCache()
        found = [await output(flow_of(bound(c), {"id": "w"}, cache=cache)) for c in pair]
        assert found[0] != found[1]

    async def test_two_sub_workflows_with_equal_ids_inside(self, pair: Any) -> None:
        flow = Workflow()
        flow.set_start_comp("start", Start(), inputs_schema={"q": "${q}"})
        for id, component in zip("ab", pair, strict=True):
            flow.add_workflow_comp(
                id, SubWorkflowComponent(flow_of(bound(component))), inputs_schema={"q": "${start.q}"}
            )
            flow.add_connection("start", id)
        flow.set_end_comp("end", End(), inputs_schema={"c": ["${a.output.c}", "${b.output.c}"]})
        found = await output(flow.add_connection(["a", "b"], "end"))
        assert len(set(found)) == 2

    async def test_two_cached_sub_workflows(self, pair: Any) -> None:
        cache: Any = InMemoryCache()
        found = [await output(flow_of(SubWorkflowComponent(flow_of(bound(c))), {"id": "w"}, cache=cache)) for c in pair]
        assert found[0] != found[1]

    async def test_two_loop_bodies(self, pair: Any) -> None:
        flow = Workflow()
        flow.set_start_comp("start", Start(), inputs_schema={"q": "${q}"})
        for id, component in zip("ab", pair, strict=True):
            body = LoopGroup().add_workflow_comp(
                "c", bound(component), inputs_schema={"q": f"${{{id}.item}}"}, cache=True
            )
            loop = LoopComponent(body.start_nodes(["c"]).end_nodes(["c"]), {"v": "${c}"})
            flow.add_workflow_comp(id, loop, inputs_schema={"loop_type": "array", "loop_array": {"item": "${start.q}"}})
            flow.add_connection("start", id)
        flow.set_end_comp("end", End(), inputs_schema={"c": {"a": "${a.v}", "b": "${b.v}"}})
        found = await output(flow.add_connection(["a", "b"], "end"), ["moon", "sun", "moon"])
        assert found["a"] != found["b"]
        assert found["a"][0] == found["a"][2]


async def test_two_versions_of_one_workflow() -> None:
    cache: Any = InMemoryCache()
    calls: list[int] = []

    class Count(SimpleComponent):
        async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
            calls.append(1)
            return inputs["q"]

    for version in ("1", "2", "1"):
        await output(flow_of(Count(), {"id": "w", "version": version}, cache=cache))
    assert len(calls) == 2


class Money:
    """An amount; two of one content are equal to anybody who looks inside."""

    def __init__(self, amount: Any) -> None:
        self.amount = amount


@pytest.mark.parametrize("content", [threading.Lock(), (n for n in "ab")])
@pytest.mark.filterwarnings("ignore:.*cannot be stored")
async def test_inputs_that_cannot_be_told_apart_are_not_cached_and_it_says_so_once(
    content: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JIUWEN_LG_DB", "off")
    calls: list[int] = []
    flow = flow_of(lambda inputs: calls.append(1) or 1)  # type: ignore[func-returns-value]
    for _ in range(3):
        await output(flow, Money(content))
    assert len(calls) == 3
    assert caplog.text.count("the inputs of component [c]: not cached") == 1


@pytest.mark.parametrize("made", [lambda: range(3), lambda: 1 + 2j, lambda: "cut \ud83d"])
@pytest.mark.filterwarnings("ignore:.*cannot be stored")
async def test_an_output_that_the_cache_changes_is_not_cached(
    made: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JIUWEN_LG_DB", "off")
    flow = flow_of(lambda inputs: made())
    assert [await output(flow), await output(flow)] == [made(), made()]
    assert caplog.text.count("the output of component [c]: not cached") == 1


async def test_a_key_function_of_ones_own_decides() -> None:
    calls: list[int] = []
    flow = Workflow()
    flow.set_start_comp("start", Start(), inputs_schema={"q": "${q}"})
    policy: Any = CachePolicy(key_func=lambda inputs: "all")
    flow.add_workflow_comp("c", lambda i: calls.append(1) or i["q"], inputs_schema={"q": "${start.q}"}, cache=policy)  # type: ignore[func-returns-value]
    flow.set_end_comp("end", End(), inputs_schema={"c": "${c}"})
    flow.add_connection("start", "c").add_connection("c", "end")
    assert [await output(flow, q) for q in (1, 2)] == [1, 1]


def test_entries_whose_time_is_over_leave_the_memory() -> None:
    cache = ExpiringCache()
    names = [(("a",), "1"), (("a",), "2"), (("b",), "1"), (("b",), "for ever")]
    cache.set({name: ("x", None if name[1] == "for ever" else -1) for name in names})
    cache.set({(("c",), "1"): ("x", 60)})
    assert {key: list(values) for key, values in cache._cache.items()} == {("b",): ["for ever"], ("c",): ["1"]}


async def test_a_component_that_changes_its_inputs() -> None:
    """Its output is found under the inputs that it got, not under what it made of them."""
    runs: list[Any] = []

    def takes(inputs: Any) -> Any:
        runs.append(taken := inputs.pop("q"))
        inputs["q"] = "sun"
        return taken

    flow = flow_of(takes)
    assert [await output(flow, q) for q in ("moon", "moon", "sun")] == ["moon", "moon", "sun"]
    assert runs == ["moon", "sun"]
