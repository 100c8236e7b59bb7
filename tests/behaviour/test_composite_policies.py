"""Policies of components that run other components: sub-workflows, loops, functions that await a workflow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from langgraph.types import Command, RetryPolicy

from jiuwen_lg import (
    BaseStreamMode,
    End,
    InteractiveInput,
    JiuWenBaseException,
    LoopComponent,
    LoopGroup,
    Start,
    SubWorkflowComponent,
    Workflow,
    WorkflowExecutionState,
    WorkflowRuntime,
)
from tests.flows import Call, asked, chain, parallel, turn, workflow

AT_ONCE = RetryPolicy(initial_interval=0, jitter=False, max_attempts=3)


def fail(inputs: Any, runtime: Any) -> Any:
    raise ConnectionError("away")


def sub(component: Any) -> Any:
    return SubWorkflowComponent(chain(("x", component))), {"q": "${start.q}"}


def twice(component: Any) -> Any:
    return SubWorkflowComponent(chain(("inner", sub(component)[0]))), {"q": "${start.q}"}


def loop(component: Any) -> Any:
    body = LoopGroup().add_workflow_comp("x", component, inputs_schema={"q": "${c.index}"})
    body.add_workflow_comp("after", Call()).add_connection("x", "after").start_nodes(["x"]).end_nodes(["after"])
    return LoopComponent(body, {"x": "${x}"}), {"loop_type": "number", "loop_number": 1}


def loop_of_one(component: Any) -> Any:
    body = LoopGroup().add_workflow_comp("x", component, inputs_schema={"q": "${c.index}"})
    return LoopComponent(body.start_nodes(["x"]).end_nodes(["x"]), {"x": "${x}"}), {
        "loop_type": "number",
        "loop_number": 1,
    }


def in_a_loop(component: Any) -> Any:
    return loop(sub(component)[0])


def awaited(component: Any) -> Any:
    inner = chain(("x", component))

    async def run(inputs: Any) -> Any:
        return (await inner.invoke({"q": 1})).result

    return run, {}


COMPOSITES: dict[str, Callable[[Any], Any]] = {
    "sub-workflow": sub,
    "two levels": twice,
    "loop": loop,
    "loop of one": loop_of_one,
    "sub-workflow in a loop": in_a_loop,
    "awaited": awaited,
}
FALLBACKS: dict[str, Any] = {
    "value": "sorry",
    "function": lambda error: "sorry",
    "async function": None,
    "command": Command(goto="other"),
}


async def sorry(error: Any) -> str:
    return "sorry"


FALLBACKS["async function"] = sorry


def flow_of(made: Any, **policies: Any) -> Workflow:
    component, schema = made
    flow = workflow().set_start_comp("start", Start(), inputs_schema={"q": "${q}"})
    flow.add_workflow_comp("c", component, inputs_schema=schema, **policies)
    flow.set_end_comp("end", End(), inputs_schema={"c": "${c}", "other": "${other}"})
    flow.add_connection("start", "c").add_connection("c", "end")
    if isinstance(policies.get("fallback"), Command):
        flow.add_workflow_comp("other", lambda inputs: "sorry").add_connection("other", "end")
    return flow


@pytest.mark.parametrize("retry", [None, AT_ONCE], ids=["once", "retried"])
@pytest.mark.parametrize("fallback", FALLBACKS)
@pytest.mark.parametrize("composite", COMPOSITES)
async def test_a_fallback_counts_whatever_failed_inside(composite: str, fallback: str, retry: Any) -> None:
    component = Call(fail)
    flow = flow_of(COMPOSITES[composite](component), fallback=FALLBACKS[fallback], retry=retry)
    found = (await flow.invoke({"q": 1})).result["output"]
    assert found.get("other", found["c"]) == "sorry"
    assert component.executions == (3 if retry else 1)
    if fallback == "command":
        assert "away" in found["c"]["error"]


@pytest.mark.parametrize("composite", ["sub-workflow", "two levels", "loop"])
async def test_also_in_a_compiled_graph(composite: str) -> None:
    graph = flow_of(COMPOSITES[composite](Call(fail)), fallback="sorry").compile()
    assert (await graph.ainvoke({"inputs": {"q": 1}}))["result"] == {"output": {"c": "sorry"}}
    assert graph.invoke({"inputs": {"q": 1}})["result"] == {"output": {"c": "sorry"}}


async def test_a_question_beside_the_failure_is_dropped() -> None:
    """Nobody can answer what nobody waits for."""
    begun = asyncio.Event()

    async def ask(inputs: Any, runtime: Any) -> Any:
        begun.set()
        return await runtime.interact("?")

    async def broken(inputs: Any, runtime: Any) -> Any:
        await begun.wait()
        await asyncio.sleep(0)
        raise ValueError("no")

    inner = parallel(("ask", Call(ask)), ("broken", Call(broken)))
    flow = flow_of((SubWorkflowComponent(inner), {"q": "${start.q}"}), fallback="sorry")
    output = await turn(flow, {"q": 1})
    assert (output.state, output.result) == (WorkflowExecutionState.COMPLETED, {"output": {"c": "sorry"}})


class Step:
    """Counts, and tells each execution's idempotency key."""

    def __init__(self, failures: int = 0) -> None:
        self.keys: list[str] = []
        self.failures = failures

    def __call__(self, inputs: Any, runtime: Any) -> Any:
        self.keys.append(runtime.idempotency_key)
        if len(self.keys) <= self.failures:
            raise ConnectionError("away")
        return {"n": len(self.keys)}


def two_steps(first: Any, second: Any) -> Any:
    return chain(("a", Call(first)), ("b", Call(second)))


def body_of_two(first: Any, second: Any) -> LoopComponent:
    body = LoopGroup().add_workflow_comp("a", Call(first)).add_workflow_comp("b", Call(second)).add_connection("a", "b")
    return LoopComponent(body.start_nodes(["a"]).end_nodes(["b"]), {"b": "${b.n}"})


RETRIED = {
    "sub-workflow": lambda a, b: (SubWorkflowComponent(two_steps(a, b)), {"q": "${start.q}"}),
    "two levels": lambda a, b: twice_of(a, b),
    "loop": lambda a, b: (body_of_two(a, b), {"loop_type": "number", "loop_number": 1}),
}


def twice_of(a: Any, b: Any) -> Any:
    return SubWorkflowComponent(chain(("inner", SubWorkflowComponent(two_steps(a, b))))), {"q": "${start.q}"}


@pytest.mark.parametrize("composite", RETRIED)
async def test_a_retry_resumes_inside(composite: str) -> None:
    first, second = Step(), Step(failures=2)
    flow = flow_of(RETRIED[composite](first, second), retry=AT_ONCE)
    await flow.invoke({"q": 1}, WorkflowRuntime(session_id="s"))
    assert len(first.keys) == 1
    assert len(second.keys) == 3
    assert len(set(second.keys)) == 1


async def test_a_retry_resumes_in_the_iteration_that_failed() -> None:
    first, second = Step(), Step()
    second.failures = 0
    tries: list[int] = []

    def third_fails(inputs: Any, runtime: Any) -> Any:
        tries.append(1)
        if len(tries) == 3:
            raise ConnectionError("away")
        return {"n": len(tries)}

    made = (body_of_two(first, third_fails), {"loop_type": "number", "loop_number": 4})
    await flow_of(made, retry=AT_ONCE).invoke({"q": 1}, WorkflowRuntime(session_id="s"))
    assert (len(first.keys), len(tries)) == (4, 5)


@pytest.mark.parametrize("composite", RETRIED)
async def test_a_retry_asks_nothing_again(composite: str) -> None:
    executions: list[str] = []
    second = Step(failures=2)

    async def ask(inputs: Any, runtime: Any) -> Any:
        executions.append(runtime.executable_id())
        return await runtime.interact("?")

    flow = flow_of(RETRIED[composite](ask, second), retry=AT_ONCE)
    assert len(asked(await turn(flow, {"q": 1}))) == 1
    output = await turn(flow, InteractiveInput("yes"))
    assert output.state is WorkflowExecutionState.COMPLETED
    assert (len(executions), len(second.keys)) == (2, 3)


async def test_an_open_question_is_announced_once() -> None:
    """A sibling of the failing component asks; the retry goes well, and the question waits."""
    tries: list[int] = []

    async def flaky(inputs: Any, runtime: Any) -> Any:
        tries.append(1)
        await asyncio.sleep(0.01)
        if len(tries) == 1:
            raise ConnectionError("away")
        return "well"

    inner = parallel(("ask", Call(lambda i, r: r.interact("?"))), ("flaky", Call(flaky)))
    flow = flow_of((SubWorkflowComponent(inner), {"q": "${start.q}"}), retry=AT_ONCE)
    runtime = WorkflowRuntime(session_id="s")
    frames = [f async for f in flow.stream({"q": 1}, runtime, stream_modes=[BaseStreamMode.OUTPUT])]
    assert [frame.type for frame in frames].count("__interaction__") == 1
    output = await turn(flow, InteractiveInput("yes"))
    assert output.result["output"]["c"] == {"output": {"ask": "yes", "flaky": "well"}}


async def test_a_retry_without_a_store_runs_the_whole_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIUWEN_LG_DB", "off")
    first, second = Step(), Step(failures=1)
    await flow_of(RETRIED["sub-workflow"](first, second), retry=AT_ONCE).invoke({"q": 1})
    assert (len(first.keys), len(second.keys)) == (2, 2)


async def test_a_timeout_of_a_composite_is_a_failure_like_any_other() -> None:
    async def hang(inputs: Any, runtime: Any) -> None:
        await asyncio.Event().wait()

    for made in (sub(Call(hang)), loop(Call(hang)), twice(Call(hang))):
        flow = flow_of(made, timeout=0.1, fallback=lambda error: str(error.root.__class__.__name__))
        assert (await flow.invoke({"q": 1})).result["output"]["c"]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (KeyError("x"), "KeyError: 'x'"),
        (ValueError("no"), "ValueError: no"),
        (ValueError(), "ValueError"),
        (ValueError("a sentence of its own"), "a sentence of its own"),
        (Exception("timeout"), "timeout"),
        (StopAsyncIteration(), "StopAsyncIteration"),
        (type("QuotaError", (Exception,), {})("limit of 5 reached"), "QuotaError: limit of 5 reached"),
    ],
)
async def test_an_exception_is_told_with_its_class_where_its_text_does_not_tell(error: Exception, told: str) -> None:
    def work(inputs: Any, runtime: Any) -> None:
        raise error

    with pytest.raises(JiuWenBaseException) as caught:
        await flow_of((Call(work), {})).invoke({"q": 1})
    assert caught.value.message.endswith(f"error detail: {told}")
