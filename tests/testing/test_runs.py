"""`run`, traces, faults, crashes and virtual time, beyond what the guide's suite shows."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from dataclasses import dataclass
from typing import Any

import pytest

from jiuwen_lg import (
    End,
    InteractiveInput,
    JiuWenBaseException,
    LoopGroup,
    SimpleComponent,
    Start,
    SubWorkflowComponent,
    Workflow,
)
from jiuwen_lg.components.loop import LoopComponent
from jiuwen_lg.testing import arun, failing, killed, run
from tests.flows import Ask, Call, chain, parallel, workflow


def looping() -> Workflow:
    """start → loop(a) over three items → sub(x) → end."""
    body = LoopGroup()
    body.add_workflow_comp("a", Call(), inputs_schema={"item": "${loop.item}"})
    body.start_nodes(["a"])
    body.end_nodes(["a"])
    flow = workflow("looping")
    flow.set_start_comp("start", Start(), inputs_schema={})
    loop = LoopComponent(body, {"items": "${a.item}"})
    schema = {"loop_type": "array", "loop_array": {"item": [1, 2, 3]}}
    flow.add_workflow_comp("loop", loop, inputs_schema=schema)
    flow.add_workflow_comp("sub", SubWorkflowComponent(chain(("x", Call()))), inputs_schema={"q": "${loop.items}"})
    flow.set_end_comp("end", End(), inputs_schema={"out": "${loop.items}"})
    return flow.add_connection("start", "loop").add_connection("loop", "sub").add_connection("sub", "end")


class TestTraces:
    def test_inside_loops_and_sub_workflows(self) -> None:
        trace = run(looping(), {})
        assert trace.result == {"output": {"out": [1, 2, 3]}}
        assert [execution.inputs for execution in trace.of("loop.a")] == [{"item": 1}, {"item": 2}, {"item": 3}]
        assert trace.count("sub.x") == trace.count("sub") == 1
        assert {execution.status for execution in trace.executions} == {"finished"}

    def test_what_failed_and_what_asked(self) -> None:
        flow = chain(("asks", Ask("?")), ("fails", Call(lambda i, r: 1 / 0)), id="w")
        trace = run(flow, {"q": 1}, {"asks": 1}, raises=False)
        assert [(e.id, e.status) for e in trace.executions] == [
            ("start", "finished"),
            ("asks", "asked"),
            ("asks", "finished"),
            ("fails", "failed"),
        ]
        assert "division" in str(trace.of("fails")[0].error)
        assert isinstance(trace.error.root, ZeroDivisionError)  # type: ignore[union-attr]

    def test_an_end_that_gives_frames(self) -> None:
        flow = workflow("w")
        flow.set_start_comp("start", Start(), inputs_schema={"q": "${q}"})
        schema = {"q": "${start.q}"}
        flow.set_end_comp("end", End({"responseTemplate": "A{{q}}"}), inputs_schema=schema, response_mode="streaming")
        trace = run(flow.add_connection("start", "end"), {"q": "x"})
        assert [frame.payload for frame in trace.result] == [{"answer": "A"}, {"answer": "x"}]

    def test_answers_in_turn_and_by_function(self) -> None:
        flow = chain(("a", Ask("1?", "2?")), ("b", Ask("3?", "4?")), id="w")
        trace = run(flow, {}, {"a": ["x", ["y"]], "b": str.upper})
        assert trace.result["output"]["a"]["answers"] == ["x", ["y"]]
        assert trace.asked == [("a", "1?"), ("a", "2?"), ("b", "3?"), ("b", "4?")]

    def test_answers_that_nobody_asked_for(self) -> None:
        flow = chain(("a", Ask("1?")), id="w")
        for answers in ({"a": ["x", "y"]}, {"a": "x", "b": "z"}, {"a": "x", "b": str.upper}):
            with pytest.raises(AssertionError, match="nobody asked for these answers"):
                run(flow, {}, answers)

    async def test_inside_a_running_loop(self) -> None:
        flow = chain(("a", Call()), id="w")
        assert run(flow, {"q": 1}).result == (await arun(flow, {"q": 1})).result

    async def test_settings(self) -> None:
        seen: list[Any] = []
        flow = chain(("a", Call(lambda i, r: seen.append((r.session_id(), r.get_env("mine"))))), id="w")
        await arun(flow, {}, session_id="s", envs={"mine": 5})
        assert seen == [("s", 5)]

    def test_a_question_beside_a_failure(self) -> None:
        flow = parallel(("asks", Ask("?")), ("fails", Call(lambda i, r: 1 / 0)), id="w")
        trace = run(flow, {}, raises=False)
        assert trace.asked == [("asks", "?")]
        assert trace.is_paused
        assert trace.codes == (100005,)

    def test_a_refused_answer_leaves_the_question(self) -> None:
        async def count(inputs: Any, runtime: Any) -> Any:
            return await runtime.interact("how many?", schema=int)

        trace = run(chain(("c", count), id="w"), {}, {"c": "many"}, raises=False)
        assert trace.codes == (100000,)
        assert trace.asked == [("c", "how many?")]
        assert [question.id for question in trace.pending] == ["c"]

    def test_an_answer_that_is_awaited(self) -> None:
        async def answer(question: str) -> str:
            return question.upper()

        assert run(chain(("a", Ask("x?")), id="w"), {}, {"a": answer}).result["output"]["a"]["answer"] == "X?"

    def test_arguments_of_a_wrong_kind(self) -> None:
        flow = chain(("a", Ask("x?")), id="w")
        with pytest.raises(TypeError, match="a dict by executable id"):
            run(flow, {}, ["x"])  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="times"), failing(flow, "a", "x"):  # type: ignore[arg-type]
            pass
        with pytest.raises(AssertionError, match=r"those who asked are \['a'\]"):
            run(flow, {}, {"a": "x", "b": "y"})

    def test_errors_are_those_of_the_run_alone(self) -> None:
        """Nothing of how `run` found its loop is in their chain."""
        with pytest.raises(JiuWenBaseException) as error:
            run(chain(("fails", Call(lambda i, r: 1 / 0)), id="w"), {})
        chained: list[BaseException] = [error.value]
        while (last := chained[-1].__cause__ or chained[-1].__context__) is not None:
            chained.append(last)
        assert not any("event loop" in str(each) for each in chained)


class TestFaults:
    def test_each_kind_of_component(self) -> None:
        """Functions, and what is inside of loops and sub-workflows; shared objects fail where it is meant."""
        flow = looping()
        for id in ("loop.a", "sub.x"):
            with failing(flow, id), pytest.raises(JiuWenBaseException, match="the test wants it"):
                run(flow, {})
        assert run(flow, {}).result == {"output": {"out": [1, 2, 3]}}

        async def plain(inputs: Any) -> Any:
            return inputs

        shared = Call()
        flow = chain(("plain", plain), ("one", shared), ("two", shared), id="w")
        for id, ran in (("plain", 2), ("two", 4)):
            with failing(flow, id, times=2):
                for _ in range(2):
                    trace = run(flow, {}, raises=False)
                    assert (trace.ran[-1], len(trace.ran)) == (id, ran)
                assert run(flow, {}).codes == ()

    def test_streams(self) -> None:
        async def gives(inputs: Any) -> Any:
            yield {"n": 1}

        flow = workflow("w")
        flow.set_start_comp("start", Start(), inputs_schema={})
        flow.add_workflow_comp("gives", gives, inputs_schema={})
        flow.set_end_comp("end", End(), stream_inputs_schema={"n": "${gives.n}"}, response_mode="streaming")
        flow.add_connection("start", "gives").add_stream_connection("gives", "end")
        with failing(flow, "gives", error=OSError("no line")), pytest.raises(JiuWenBaseException, match="no line"):
            run(flow, {})
        assert run(flow, {}).payloads("end node stream")

    def test_overlapping_and_frozen(self) -> None:
        """Each ends by itself, and the component is what it was."""

        @dataclass(frozen=True)
        class Frozen(SimpleComponent):
            async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
                return "ran"

        flow = chain(("a", Frozen()), id="w")
        first, second = failing(flow, "a", 9, OSError("first")), failing(flow, "a", 9, OSError("second"))
        first.__enter__()
        second.__enter__()
        with pytest.raises(JiuWenBaseException, match="first"):
            run(flow, {})
        first.__exit__(None, None, None)
        with pytest.raises(JiuWenBaseException, match="second"):
            run(flow, {})
        second.__exit__(None, None, None)
        assert run(flow, {}).result == {"output": {"a": "ran"}}
        assert not vars(flow.definition.components["a"].executable)

    @pytest.mark.parametrize("id", ["nobody", "sub", "loop"])
    def test_what_cannot_fail_by_itself(self, id: str) -> None:
        with pytest.raises(JiuWenBaseException, match=r"loop\.a.*sub\.x") as error, failing(looping(), id):
            pass
        assert error.value.error_code == 110006


class TestCrashes:
    def test_in_the_second_round_of_a_loop(self) -> None:
        flow = looping()
        session = killed(flow, {}, at="sub.x")
        trace = run(flow, InteractiveInput(), session_id=session)
        assert (trace.count("loop.a"), trace.count("sub.x")) == (0, 1)

    async def test_out_of_a_running_loop(self) -> None:
        flow = chain(("a", Call()), ("b", Call()), id="w")
        session = killed(flow, {"q": 1}, at="b")
        assert (await arun(flow, InteractiveInput(), session_id=session)).ran == ["b", "end"]

    def test_what_is_not_reached(self) -> None:
        flow = chain(("a", Ask("?")), ("b", Call()), id="w")
        with pytest.raises(AssertionError, match=r"ended before \[b\] began \(exit code 0\)"):
            killed(flow, {}, at="b")

    def test_a_wrong_argument_is_told_here(self) -> None:
        """Not in a copy of this process that goes on with the tests."""
        flow = chain(("a", Call()), id="w")
        with pytest.raises(TypeError, match="sesion_id"):
            killed(flow, {}, at="a", sesion_id="s")
        assert run(flow, InteractiveInput(), session_id=killed(flow, {}, at="a", envs={"mine": 1})).ran == ["a", "end"]

    def test_another_death_is_no_kill(self) -> None:
        flow = chain(("dies", Call(lambda i, r: os.kill(os.getpid(), signal.SIGTERM))), ("b", Call()), id="w")
        with pytest.raises(AssertionError, match=r"ended before \[b\] began \(exit code -15\)"):
            killed(flow, {}, at="b")


class TestVirtualTime:
    def test_a_process_is_waited_for(self) -> None:
        async def starts(inputs: Any) -> Any:
            process = await asyncio.create_subprocess_exec(sys.executable, "-c", "import time; time.sleep(0.3)")
            return await process.wait()

        flow = chain(("starts", starts), id="w")
        assert run(flow, {}, virtual_time=True, envs={"_execute_timeout": 30}).result["output"]["starts"] == 0

    def test_an_hour(self) -> None:
        async def slow(inputs: Any) -> Any:
            began, really = asyncio.get_running_loop().time(), time.monotonic()
            await asyncio.sleep(3600)
            return {"felt": asyncio.get_running_loop().time() - began, "took": time.monotonic() - really}

        flow = chain(("slow", slow), id="w")
        took = run(flow, {}, virtual_time=True, envs={"_execute_timeout": 7200}).of("slow")[0].outputs
        assert took["felt"] >= 3600
        assert took["took"] < 3600

    def test_timeouts_are_hit_and_threads_are_waited_for(self) -> None:
        async def never(inputs: Any) -> None:
            await asyncio.Event().wait()

        with pytest.raises(JiuWenBaseException) as error:
            run(chain(("never", never), id="w"), {}, virtual_time=True)
        assert error.value.error_code == 100101

        async def threaded(inputs: Any) -> Any:
            return await asyncio.to_thread(lambda: time.sleep(0.2) or "done")

        flow = chain(("threaded", threaded), id="w")
        assert run(flow, {}, virtual_time=True, envs={"_execute_timeout": 5}).result["output"]["threaded"] == "done"
