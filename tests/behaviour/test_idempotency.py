"""`runtime.idempotency_key`: one execution, one key, however often it is repeated."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, RetryPolicy

from jiuwen_lg import (
    End,
    InteractiveInput,
    JiuWenBaseException,
    LoopComponent,
    LoopGroup,
    SimpleComponent,
    Start,
    SubWorkflowComponent,
    Workflow,
    WorkflowRuntime,
)
from tests.flows import chain, parallel, turn, workflow
from tests.loops import body, counted, number


class Keys:
    """A component's function that notes its keys, and fails or asks as it is told."""

    def __init__(self, fails: int = 0, question: Any = None) -> None:
        self.keys: list[str] = []
        self.fails = fails
        self.question = question

    async def __call__(self, inputs: Any, runtime: Any) -> Any:
        self.keys.append(runtime.idempotency_key)
        if self.question is not None:
            await runtime.interact(self.question)
            self.keys.append(runtime.idempotency_key)
        self.fails -= 1
        if self.fails >= 0:
            raise ConnectionError("line is down")
        return {"key": runtime.idempotency_key}


async def test_it_stays_over_answers_failures_and_retries() -> None:
    keys = Keys(fails=2, question="go?")
    flow = workflow("w")
    flow.set_start_comp("s", Start(), inputs_schema={})
    flow.add_workflow_comp("a", keys, inputs_schema={}, retry=RetryPolicy(max_attempts=2, initial_interval=0.001))
    flow.set_end_comp("e", End(), inputs_schema={"key": "${a.key}"})
    flow.add_connection("s", "a").add_connection("a", "e")
    await turn(flow, {})
    with pytest.raises(JiuWenBaseException):
        await turn(flow, InteractiveInput("yes"))
    done = await turn(flow, InteractiveInput())
    assert len(keys.keys) >= 5
    assert set(keys.keys) == {done.result["output"]["key"]}
    assert len(keys.keys[0]) == 32


async def test_it_stays_beside_a_component_that_had_finished() -> None:
    fails, other = Keys(fails=1), Keys()
    flow = parallel(("fails", fails), ("other", other), id="w")
    with pytest.raises(JiuWenBaseException):
        await turn(flow, {})
    await turn(flow, InteractiveInput())
    assert len(fails.keys) == 2
    assert len(set(fails.keys)) == 1
    assert fails.keys[0] != other.keys[0]


async def test_it_differs_between_rounds_runs_sessions_and_places() -> None:
    keys = Keys()
    flow = workflow("w")
    flow.set_start_comp("s", Start(), inputs_schema={})
    flow.add_workflow_comp(
        "loop", LoopComponent(body(("a", keys), a={}), {"keys": "${a.key}"}), inputs_schema=number(3)
    )
    flow.add_workflow_comp("sub", SubWorkflowComponent(chain(("a", keys))), inputs_schema={})
    flow.set_end_comp("e", End(), inputs_schema={})
    flow.add_connection("s", "loop").add_connection("loop", "sub").add_connection("sub", "e")
    for session in ("one", "one", "two"):
        await turn(flow, {}, session)
    assert len(keys.keys) == 12
    assert set(Counter(keys.keys).values()) == {1}


async def test_a_round_that_fails_keeps_its_key() -> None:
    seen: list[str] = []

    async def second_fails(inputs: Any, runtime: Any) -> None:
        seen.append(runtime.idempotency_key)
        if len(seen) == 2:
            raise ConnectionError("line is down")

    flow = counted(body(("a", second_fails), a={}), {}, 3, id="w")
    with pytest.raises(JiuWenBaseException):
        await turn(flow, {})
    await turn(flow, InteractiveInput())
    first, second, again, third = seen
    assert second == again
    assert len({first, second, third}) == 3


async def test_a_fork_is_another_execution() -> None:
    keys = Keys()
    flow = Workflow(workflow("w").config(), keep_history=True)
    flow.set_start_comp("s", Start(), inputs_schema={})
    flow.add_workflow_comp("a", keys, inputs_schema={})
    flow.set_end_comp("e", End(), inputs_schema={})
    flow.add_connection("s", "a").add_connection("a", "e")
    await turn(flow, {})
    step = next(step for step in await flow.history("s") if step.next_nodes == ["a"])
    fork = await flow.fork("s", step)
    await flow.invoke(InteractiveInput(), WorkflowRuntime(session_id=fork))
    assert len(set(keys.keys)) == 2


async def test_inside_a_langgraph_app() -> None:
    keys = Keys(question="go?")
    graph: Any = chain(("a", keys), id="w").compile(checkpointer=InMemorySaver())
    for thread in ("1", "2"):
        config = {"configurable": {"thread_id": thread}}
        await graph.ainvoke({"inputs": {}}, config)
        await graph.ainvoke(Command(resume="yes"), config)
    assert Counter(Counter(keys.keys).values()) == {3: 2}


async def test_without_a_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIUWEN_LG_DB", "off")
    one, two = Keys(), Keys()
    flow = chain(("a", one), ("b", two), id="w")
    await turn(flow, {})
    await turn(flow, {})
    assert len({*one.keys, *two.keys}) == 4


async def test_who_takes_frames_keeps_its_key_and_differs_between_rounds() -> None:
    seen: list[str] = []

    class Letters(SimpleComponent):
        async def stream(self, inputs: Any, runtime: Any, context: Any) -> Any:
            for letter in "AB":
                yield {"letter": letter}

    class Joins(SimpleComponent):
        async def collect(self, inputs: Any, runtime: Any, context: Any) -> Any:
            seen.append(runtime.idempotency_key)
            text = "".join([letter async for letter in inputs["letter"]])
            if len(seen) == 2:
                raise ConnectionError("line is down")
            return {"text": text}

    group = LoopGroup()
    group.add_workflow_comp("letters", Letters(), inputs_schema={})
    group.add_workflow_comp("joins", Joins(), stream_inputs_schema={"letter": "${letters.letter}"})
    group.start_nodes(["letters"]).end_nodes(["joins"])
    group.add_stream_connection("letters", "joins")
    flow = counted(group, {"texts": "${joins.text}"}, 3, id="w")
    with pytest.raises(JiuWenBaseException):
        await turn(flow, {})
    done = await turn(flow, InteractiveInput())
    assert done.result == {"output": {"l": {"texts": ["AB", "AB", "AB"]}}}
    first, second, again, third = seen
    assert second == again
    assert len({first, second, third}) == 3
