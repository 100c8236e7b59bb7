"""Retry, timeout, cache and fallback of a component."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from typing import Any

import pytest
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import CachePolicy, Command, RetryPolicy

from jiuwen_lg import (
    BaseStreamMode,
    End,
    InteractiveInput,
    JiuWenBaseException,
    LoopComponent,
    LoopGroup,
    Start,
    StatusCode,
    Workflow,
    WorkflowConfig,
    WorkflowMetadata,
)
from jiuwen_lg.engine.graph.policies import is_worth_retrying
from tests.flows import Ask, Call, FailOnce, asked, chain, turn

AT_ONCE = RetryPolicy(initial_interval=0, jitter=False, retry_on=is_worth_retrying)


def flow(component: Any, *more: str, **policies: Any) -> Workflow:
    """start → c → end, and components that a fallback may lead to."""
    built = Workflow(WorkflowConfig(metadata=WorkflowMetadata(id="w")))
    built.set_start_comp("start", Start(), inputs_schema={"q": "${q}"})
    built.add_workflow_comp("c", component, inputs_schema={"q": "${start.q}"}, **policies)
    built.set_end_comp("end", End(), inputs_schema={"c": "${c}", **{id: f"${{{id}}}" for id in more}})
    for id in more:
        built.add_workflow_comp(id, Call(lambda i, r: i), inputs_schema={"why": "${c.error}"})
        built.add_connection(id, "end")
    return built.add_connection("start", "c").add_connection("c", "end")


async def output(flow: Workflow, q: Any = 1) -> Any:
    return (await flow.invoke({"q": q})).result["output"].get("c")


class Http(Exception):
    def __init__(self, status_code: int) -> None:
        super().__init__(f"HTTP {status_code}")
        self.status_code = status_code


class TestRetry:
    @pytest.mark.parametrize(
        ("error", "is_worth_it"),
        [
            (TimeoutError("slow"), True),
            (ConnectionResetError("gone"), True),
            (Http(429), True),
            (Http(503), True),
            (Http(404), False),
            (Http(401), False),
            (ValueError("wrong"), False),
            (KeyError("k"), False),
            (FileNotFoundError("f"), False),
            (RuntimeError("r"), False),
            (Exception("anything"), True),
            (StatusCode.MODEL_PROVIDER_INVALID_ERROR.error(error_msg="x"), False),
        ],
        ids=repr,
    )
    async def test_what_is_worth_another_attempt(self, error: Exception, is_worth_it: bool) -> None:
        component = FailOnce(error=error)
        built = flow(component, retry=AT_ONCE._replace(max_attempts=2))
        if is_worth_it:
            assert await output(built) == {"q": 1}
        else:
            with pytest.raises(JiuWenBaseException) as failed:
                await output(built)
            assert failed.value.error_code == 100005
        assert component.executions == 1 + is_worth_it

    async def test_so_many_attempts_and_no_more(self) -> None:
        component = FailOnce(times=9, error=TimeoutError("slow"))
        with pytest.raises(JiuWenBaseException, match="slow"):
            await output(flow(component, retry=AT_ONCE._replace(max_attempts=3)))
        assert component.executions == 3

    async def test_a_number_is_the_number_of_attempts(self) -> None:
        component = FailOnce(error=TimeoutError("slow"))
        built = flow(component, retry=2)
        assert built.definition.components["c"].policies.retry == RetryPolicy(
            max_attempts=2, retry_on=is_worth_retrying
        )
        with pytest.raises(JiuWenBaseException):
            await output(flow(FailOnce(error=TimeoutError("slow")), retry=1))

    @pytest.mark.parametrize("retry_on", [KeyError, [KeyError, IndexError], lambda error: isinstance(error, KeyError)])
    async def test_a_condition_of_ones_own_is_asked_of_the_components_error(self, retry_on: Any) -> None:
        component = FailOnce(error=KeyError("k"))
        policy = RetryPolicy(initial_interval=0, jitter=False, retry_on=retry_on)
        assert await output(flow(component, retry=policy)) == {"q": 1}

    async def test_answers_survive_an_attempt(self) -> None:
        tries = []

        async def ask(inputs: Any, runtime: Any) -> Any:
            answer = await runtime.interact("?")
            tries.append(answer)
            if len(tries) == 1:
                raise TimeoutError("slow")
            return answer

        built = flow(ask, retry=AT_ONCE)
        assert asked(await turn(built, {"q": 1})) == [("c", 0, "?")]
        assert (await turn(built, InteractiveInput("yes"))).result == {"output": {"c": "yes"}}
        assert tries == ["yes", "yes"]

    def test_for_synchronous_callers(self) -> None:
        component = FailOnce(error=TimeoutError("slow"))
        graph = flow(component, retry=AT_ONCE).compile(InMemorySaver())
        found = graph.invoke({"inputs": {"q": 1}}, {"configurable": {"thread_id": "1"}})
        assert found["result"] == {"output": {"c": {"q": 1}}}

    async def test_in_a_loop_only_the_round_is_repeated(self) -> None:
        seen: list[Any] = []

        def fail_once(inputs: Any, runtime: Any) -> Any:
            seen.append(inputs["x"])
            if seen == [1, 2]:
                raise TimeoutError("slow")
            return inputs["x"]

        group = LoopGroup()
        group.add_workflow_comp("body", Call(fail_once), inputs_schema={"x": "${loop.item}"}, retry=AT_ONCE)
        group.start_nodes(["body"])
        group.end_nodes(["body"])
        built = Workflow()
        built.set_start_comp("s", Start(), inputs_schema={"l": "${l}"})
        schema = {"loop_type": "array", "loop_array": {"item": "${s.l}"}}
        built.add_workflow_comp("loop", LoopComponent(group, {"all": "${body}"}), inputs_schema=schema)
        built.set_end_comp("e", End(), inputs_schema={"all": "${loop.all}"})
        built.add_connection("s", "loop").add_connection("loop", "e")
        assert (await built.invoke({"l": [1, 2, 3]})).result == {"output": {"all": [1, 2, 3]}}
        assert seen == [1, 2, 2, 3]


class TestTimeout:
    @pytest.mark.parametrize("limit", [0.05, timedelta(milliseconds=50)])
    async def test_an_attempt_that_takes_too_long_fails_its_component(self, limit: Any) -> None:
        async def wait(inputs: Any) -> None:
            await asyncio.Event().wait()

        with pytest.raises(JiuWenBaseException, match=r"timeout of 0.05 s") as error:
            await output(flow(wait, timeout=limit))
        assert (error.value.error_code, type(error.value.root)) == (100005, asyncio.CancelledError)

    async def test_each_attempt_has_its_own(self) -> None:
        tries = []

        async def wait_once(inputs: Any) -> Any:
            tries.append(1)
            if len(tries) == 1:
                await asyncio.Event().wait()
            return "done"

        assert await output(flow(wait_once, timeout=0.05, retry=AT_ONCE)) == "done"

    async def test_a_time_out_of_the_components_own_is_its_own(self) -> None:
        with pytest.raises(JiuWenBaseException, match="slow"):
            await output(flow(FailOnce(error=TimeoutError("slow")), timeout=60))


class TestCache:
    async def test_equal_inputs_give_what_they_gave(self) -> None:
        component = Call(lambda i, r: {"n": component.executions})
        built = flow(component, cache=True)
        assert [(await output(built, q))["n"] for q in (1, 2, 1, {"a": 1, "b": 2}, {"b": 2, "a": 1})] == [1, 2, 1, 3, 3]
        assert component.executions == 3

    async def test_only_while_it_is_fresh_and_by_what_counts(self) -> None:
        component = Call(lambda i, r: component.executions)
        built = flow(component, cache=CachePolicy(key_func=lambda inputs: str(inputs["q"] % 2)))
        assert [await output(built, q) for q in (1, 3, 2, 4)] == [1, 1, 2, 2]
        assert flow(component, cache=60).definition.components["c"].policies.cache.ttl == 60

    async def test_traces_and_joins_know_it_ran(self, caplog: pytest.LogCaptureFixture) -> None:
        built = flow(Call(lambda i, r: i), cache=True)
        await output(built)
        frames = [f async for f in built.stream({"q": 1}, stream_modes=[BaseStreamMode.TRACE])]
        assert [f.payload["status"] for f in frames if f.payload.get("invokeId") == "c"] == ["start", "finish"]
        assert "did not run" not in caplog.text

    async def test_what_was_asked_is_asked_again(self) -> None:
        built = flow(Ask("?"), cache=True)
        for answer in ("a", "b"):
            await turn(built, {"q": 1})
            done = (await turn(built, InteractiveInput(answer))).result["output"]["c"]
            assert done["answer"] == answer

    async def test_a_failure_is_not_kept(self) -> None:
        component = FailOnce(error=ValueError("no"))
        built = flow(component, cache=True)
        with pytest.raises(JiuWenBaseException):
            await output(built)
        assert await output(built) == {"q": 1}

    async def test_a_cache_of_ones_own(self) -> None:
        cache: Any = InMemoryCache()
        for _ in range(2):
            component = Call(lambda i, r: "kept")
            built = Workflow(WorkflowConfig(metadata=WorkflowMetadata(id="w")), cache=cache)
            built.set_start_comp("start", Start(), inputs_schema={"q": "${q}"})
            built.add_workflow_comp("c", component, inputs_schema={"q": "${start.q}"}, cache=True)
            built.set_end_comp("end", End(), inputs_schema={"c": "${c}"})
            built.add_connection("start", "c").add_connection("c", "end")
            assert await output(built) == "kept"
            assert (await built.compile(cache=cache).ainvoke({"inputs": {"q": 1}}))["result"] == {
                "output": {"c": "kept"}
            }
        assert component.executions == 0


class TestFallback:
    @pytest.mark.parametrize(
        ("fallback", "found"),
        [
            ({"sorry": True}, {"sorry": True}),
            (None, None),
            (lambda error: {"why": error.codes}, {"why": [100005]}),
            (0, 0),
        ],
    )
    async def test_an_output_counts_instead(self, fallback: Any, found: Any) -> None:
        assert await output(flow(FailOnce(times=9), fallback=fallback)) == found

    async def test_an_async_function_gives_one(self) -> None:
        async def sorry(error: Exception) -> str:
            return f"sorry: {error.root}"  # type: ignore[attr-defined]

        assert await output(flow(FailOnce(times=9), fallback=sorry)) == "sorry: connection timeout"

    async def test_only_after_the_last_attempt(self) -> None:
        component = FailOnce(times=1, error=TimeoutError("slow"))
        assert await output(flow(component, retry=AT_ONCE, fallback="never")) == {"q": 1}
        component = FailOnce(times=9, error=TimeoutError("slow"))
        assert await output(flow(component, retry=AT_ONCE, fallback="sorry")) == "sorry"
        assert component.executions == 3
        component = FailOnce(times=9, error=ValueError("wrong"))
        assert await output(flow(component, retry=AT_ONCE, fallback="sorry")) == "sorry"
        assert component.executions == 1

    async def test_what_the_failed_component_queued_is_dropped(self) -> None:
        def fail(inputs: Any, runtime: Any) -> None:
            runtime.update_global_state({"lost": 1})
            runtime.update_state({"lost": 1})
            raise ValueError("no")

        built = chain(("a", Call()), id="w")
        built.add_workflow_comp("c", Call(fail), fallback="sorry")
        built.add_workflow_comp("d", Call(lambda i, r: [r.get_global_state("lost")]))
        built.add_connection("start", "c").add_connection("c", "d")
        built.set_end_comp("last", End(), inputs_schema={"c": "${c}", "d": "${d}"})
        built.add_connection("d", "last")
        assert (await built.invoke({"q": 1})).result == {"output": {"c": "sorry", "d": [None]}}

    async def test_a_branch_leads_elsewhere_and_tells_why(self) -> None:
        built = flow(FailOnce(times=9), "manual", fallback=Command(goto="manual"))
        found = (await built.invoke({"q": 1})).result["output"]
        assert found == {"c": {"error": found["c"]["error"]}, "manual": {"why": found["c"]["error"]}}
        assert "connection timeout" in found["c"]["error"]
        fine = flow(Call(lambda i, r: "fine"), "manual", fallback=Command(goto=["manual"]))
        assert (await fine.invoke({"q": 1})).result == {"output": {"c": "fine"}}
        assert '|"on failure"|' in built.to_mermaid()

    async def test_a_branch_leaves_its_connections_alone(self) -> None:
        ran: list[str] = []
        built = Workflow()
        built.set_start_comp("s", Start())
        built.add_workflow_comp("c", FailOnce(times=9), fallback=Command(goto="other"))
        for id in ("next", "other"):
            built.add_workflow_comp(id, Call(lambda i, r, name=id: ran.append(name)))
        built.add_workflow_comp("join", Call(lambda i, r: ran.append("join")), wait_for_all=True)
        built.set_end_comp("e", End(), inputs_schema={})
        built.add_connection("s", "c").add_connection("s", "next").add_connection("c", "join")
        built.add_connection("next", "join").add_connection("join", "e").add_connection("other", "e")
        await built.invoke({})
        assert sorted(ran) == ["next", "other"]

    async def test_a_question_is_no_failure(self) -> None:
        built = flow(Ask("?"), fallback="sorry")
        assert asked(await turn(built, {"q": 1})) == [("c", 0, "?")]
        assert (await turn(built, InteractiveInput("yes"))).result["output"]["c"]["answer"] == "yes"

    def test_a_branch_to_nowhere_is_110006(self) -> None:
        with pytest.raises(JiuWenBaseException, match="fallback of c") as error:
            flow(Call(), fallback=Command(goto="nowhere")).compile()
        assert error.value.error_code == 110006


@pytest.mark.parametrize(
    "policies",
    [{"retry": 0}, {"retry": "3"}, {"retry": True}, {"timeout": 0}, {"timeout": "1"}, {"cache": 0.5}, {"cache": "yes"}],
    ids=str,
)
def test_a_policy_that_makes_no_sense_is_refused(policies: dict[str, Any]) -> None:
    with pytest.raises(JiuWenBaseException, match="; it is") as error:
        flow(Call(), **policies)
    assert error.value.error_code == -1


class TestThreads:
    """A synchronous function runs in a thread, which cannot be stopped."""

    async def test_a_retry_waits_for_the_thread_of_the_attempt_before(self) -> None:
        running, most, let_go = [0], [0], threading.Event()
        begun: list[int] = []

        def work(inputs: Any) -> Any:
            running[0] += 1
            most[0] = max(most)
            most.append(running[0])
            begun.append(1)
            if len(begun) == 1:
                let_go.wait(10)
            running[0] -= 1
            return len(begun)

        loop = asyncio.get_running_loop()
        loop.call_later(0.3, let_go.set)
        assert await output(flow(work, timeout=0.2, retry=AT_ONCE)) == 2
        assert max(most) == 1

    async def test_a_thread_that_does_not_end_fails_each_attempt(self) -> None:
        let_go, begun = threading.Event(), []

        def work(inputs: Any) -> Any:
            begun.append(1)
            let_go.wait(10)

        try:
            assert await output(flow(work, timeout=0.05, retry=AT_ONCE, fallback="sorry")) == "sorry"
            assert len(begun) == 1
        finally:
            let_go.set()

    async def test_other_executions_run_beside_it(self) -> None:
        meet = threading.Barrier(2, timeout=10)
        built = flow(lambda inputs: meet.wait() >= 0)
        assert await asyncio.gather(output(built), output(built)) == [True, True]
