"""Failures, timeouts and cancellations: `engine.md` 6 and seed 000."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from jiuwen_lg import End, InteractiveInput, JiuWenBaseException, LoopComponent, LoopGroup, Start, WorkflowRuntime
from jiuwen_lg.testing import killed, run
from tests.flows import Ask, Call, FailOnce, Gate, asked, chain, parallel, turn, workflow


async def fails(flow: Any, given: Any, code: int = 100005, **runtime: Any) -> JiuWenBaseException:
    with pytest.raises(JiuWenBaseException) as caught:
        await turn(flow, given, **runtime)
    assert caught.value.error_code == code
    return caught.value


async def test_only_what_did_not_finish_runs_again() -> None:
    first, broken, last = Call(), FailOnce(), Call()
    flow = chain(("first", first), ("broken", broken), ("last", last))
    error = await fails(flow, {"q": "hello"})
    assert error.message == (
        "component [broken] encountered an exception while executing ability [invoke], error detail: connection timeout"
    )
    assert error.details == {"node_id": "broken", "ability": "invoke", "error": "connection timeout"}
    assert isinstance(error.__cause__, RuntimeError)
    output = await turn(flow, InteractiveInput())
    assert output.result["output"]["last"] == {"q": "hello"}
    assert (first.executions, broken.executions, last.executions) == (1, 2, 1)


async def test_a_component_may_fail_again_and_again() -> None:
    first, broken = Call(), FailOnce(times=4)
    flow = chain(("first", first), ("broken", broken))
    await fails(flow, {"q": 1})
    for _ in range(3):
        await fails(flow, InteractiveInput())
    assert (await turn(flow, InteractiveInput())).result["output"]["broken"] == {"q": 1}
    assert first.executions == 1


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (KeyError("kk"), "KeyError: 'kk'"),
        (Exception(), "Exception"),
        (JiuWenBaseException(101074, "too many answers"), "too many answers"),
    ],
)
async def test_the_detail_is_the_text_of_the_inner_error(error: Exception, detail: str) -> None:
    caught = await fails(chain(("broken", FailOnce(error=error))), {"q": 1})
    assert caught.message.endswith(f"error detail: {detail}")
    assert caught.root is error


async def test_the_codes_of_a_wrapped_error_stay_readable() -> None:
    caught = await fails(chain(("broken", FailOnce(error=JiuWenBaseException(101074, "x")))), {"q": 1})
    assert caught.codes == (100005, 101074)


async def test_siblings_that_finished_are_kept_and_running_ones_run_again() -> None:
    done, gate = Call(), Gate()

    async def fail_when_both_run(inputs: Any, runtime: Any) -> Any:
        await gate.begun.wait()
        if not gate.open.is_set():
            raise RuntimeError("first time")

    flow = parallel(("done", done), ("running", gate), ("broken", Call(fail_when_both_run)))
    await fails(flow, {"q": 1})
    gate.open.set()
    await turn(flow, InteractiveInput())
    assert (done.executions, gate.executions) == (1, 2)


async def test_a_failure_beats_a_question_of_the_same_step() -> None:
    ask = Ask()
    flow = parallel(("ask", ask), ("broken", FailOnce()))
    await fails(flow, {"q": 1})
    assert asked(await turn(flow, InteractiveInput())) == [("ask", 0, "ok?")]
    output = await turn(flow, InteractiveInput("yes"))
    assert output.result["output"]["ask"]["answer"] == "yes"


@pytest.mark.parametrize("answer", [lambda v: InteractiveInput(v), lambda v: InteractiveInput().update("ask", v)])
async def test_an_answer_survives_a_later_failure_of_its_component(answer: Any) -> None:
    """0.1.1 asks again after a raw answer (Q-07)."""
    broken = [True]

    async def ask_then_fail(inputs: Any, runtime: Any) -> Any:
        first = await runtime.interact("q1?")
        if broken[0]:
            broken[0] = False
            raise RuntimeError("after the answer")
        return {"answers": [first, await runtime.interact("q2?")]}

    flow = chain(("ask", Call(ask_then_fail)))
    await turn(flow, {"q": 1})
    await fails(flow, answer("A"))
    assert asked(await turn(flow, InteractiveInput())) == [("ask", 1, "q2?")]
    output = await turn(flow, answer("B"))
    assert output.result["output"]["ask"]["answers"] == ["A", "B"]


async def test_private_state_of_a_failed_execution_is_dropped_and_of_a_question_kept() -> None:
    seen: list[Any] = []
    broken = [True]

    async def count(inputs: Any, runtime: Any) -> Any:
        seen.append(runtime.get_state("n"))
        runtime.update_state({"n": len(seen)})
        await runtime.interact("q?")
        runtime.update_state({"after": True})
        if broken[0]:
            broken[0] = False
            raise RuntimeError
        return runtime.get_state("after")

    flow = chain(("ask", Call(count)))
    await turn(flow, {"q": 1})
    await fails(flow, InteractiveInput("A"))
    await turn(flow, InteractiveInput())
    assert seen == [None, 1, 1]


class TestTimeouts:
    def runtime(self, seconds: float) -> WorkflowRuntime:
        runtime = WorkflowRuntime(session_id="s")
        runtime.config().set_envs({"_execute_timeout": seconds})
        return runtime

    async def test_a_run_that_takes_too_long_is_a_failure_like_any_other(self) -> None:
        first, gate = Call(), Gate()
        flow = chain(("first", first), ("gate", gate))
        with pytest.raises(JiuWenBaseException, match=r"\[100101\].*0\.05 s"):
            await flow.invoke({"q": 1}, self.runtime(0.05))
        gate.open.set()
        assert (await turn(flow, InteractiveInput())).result["output"]["gate"] == {"q": 1}
        assert (first.executions, gate.executions) == (1, 2)

    async def test_a_stream_has_a_code_of_its_own(self) -> None:
        flow = chain(("gate", Gate()))
        with pytest.raises(JiuWenBaseException, match=r"\[100102\]"):
            async for _ in flow.stream({"q": 1}, self.runtime(0.05), stream_modes=["output"]):
                pass

    @pytest.mark.parametrize("limit", [0, -1, None])
    async def test_no_limit_is_no_limit(self, limit: Any) -> None:
        assert (await chain(("call", Call())).invoke({"q": 1}, self.runtime(limit))).result

    async def test_the_limit_comes_from_the_environment_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("WORKFLOW_EXECUTE_TIMEOUT", "0.05")
        with pytest.raises(JiuWenBaseException, match=r"\[100101\]"):
            await turn(chain(("gate", Gate())), {"q": 1})


async def test_a_cancelled_run_frees_its_session_and_goes_on() -> None:
    first, gate = Call(), Gate()
    flow = chain(("first", first), ("gate", gate))
    task = asyncio.ensure_future(turn(flow, {"q": 1}))
    await gate.begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.open.set()
    assert (await turn(flow, InteractiveInput())).result["output"]["gate"] == {"q": 1}
    assert first.executions == 1


async def test_force_delete_starts_over() -> None:
    flow = chain(("ask", Ask()))
    await turn(flow, {"q": 1})
    runtime = WorkflowRuntime(session_id="s")
    runtime.config().set_envs({"_force_del_workflow_state": True})
    await flow.invoke({"q": 2}, runtime)
    snapshot = await flow.snapshot("s")
    assert snapshot is not None
    assert snapshot.state["inputs"] == {"q": 2}


async def test_discard_drops_the_session() -> None:
    flow = chain(("ask", Ask()))
    await turn(flow, {"q": 1})
    assert await flow.discard("s")
    assert not await flow.discard("s")
    assert await flow.snapshot("s") is None
    await turn(flow, {"q": 2})


async def test_a_component_that_returns_what_cannot_be_kept_fails_with_its_name() -> None:
    caught = await fails(chain(("odd", Call(lambda i, r: {1: "x"}))), {"q": 1}, code=100100)
    assert "[odd]" in caught.message


async def test_a_circle_without_an_end_is_stopped() -> None:
    from jiuwen_lg.engine.turns import graph_run

    flow = chain(("a", Call()))
    flow.add_connection("a", "a")
    limit, graph_run.RECURSION_LIMIT = graph_run.RECURSION_LIMIT, 30
    try:
        caught = await fails(flow, {"q": 1}, code=100100)
    finally:
        graph_run.RECURSION_LIMIT = limit
    assert "Recursion limit" in caught.message


async def test_inputs_of_another_type_are_refused_before_anything_is_stored() -> None:
    flow = chain(("a", Call()))
    await fails(flow, ["not", "a", "dict"], code=100100)
    assert await flow.snapshot("s") is None


@pytest.mark.parametrize("update", [{"l[5].k": 1}, {1: 2}, [1]])
@pytest.mark.parametrize("method", ["update_state", "update_global_state"])
async def test_an_update_that_cannot_be_applied_fails_its_component_which_can_be_retried(
    method: str, update: Any
) -> None:
    broken = [True]

    def change(inputs: Any, runtime: Any) -> Any:
        if broken:
            broken.pop()
            getattr(runtime, method)(update)
        return "fine"

    flow = chain(("a", Call(change)))
    await fails(flow, {"q": 1})
    assert (await turn(flow, InteractiveInput())).result["output"]["a"] == "fine"


async def test_a_cancellation_raised_by_a_component_escapes_as_it_is() -> None:
    def cancel(inputs: Any, runtime: Any) -> Any:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await turn(chain(("a", Call(cancel))), {"q": 1})


async def test_a_cancelled_start_behind_another_writer_leaves_the_session_free(db: Any) -> None:
    import sqlite3

    flow = chain(("a", Call()))
    await turn(flow, {"q": 1}, session="opens the file")
    other = sqlite3.connect(db, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    task = asyncio.ensure_future(turn(flow, {"q": 1}))
    await asyncio.sleep(0.2)
    task.cancel()
    await asyncio.sleep(0)
    other.close()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await turn(flow, InteractiveInput())).result["output"]["a"] == {"q": 1}


async def test_settings_are_read_as_what_they_are() -> None:
    flow = chain(("ask", Ask()))
    await turn(flow, {"q": 1})
    runtime = WorkflowRuntime(session_id="s")
    runtime.config().set_envs({"_force_del_workflow_state": "false", "_execute_timeout": "30"})
    with pytest.raises(JiuWenBaseException, match=r"\[100006\]"):
        await flow.invoke({"q": 2}, runtime)
    with pytest.raises(ValueError, match=r"_execute_timeout cannot be 'soon'"):
        runtime.config().set_envs({"_execute_timeout": "soon"})


async def test_an_answer_kept_before_the_first_component_is_not_lost() -> None:
    ask = Ask()
    flow = chain(("broken", FailOnce()), ("ask", ask))
    await fails(flow, {"q": 1})
    output = await turn(flow, InteractiveInput().update("ask", "early"))
    assert output.result["output"]["ask"]["answer"] == "early"
    assert ask.executions == 1


async def test_a_receipt_comes_before_the_unfinished_run_of_another_shape() -> None:
    first, second = chain(("a", Ask())), chain(("b", Ask()))
    reply = InteractiveInput.reply_to((await turn(first, {"q": 1})).result[0], "yes")
    await turn(second, {"q": 1})
    done = await turn(first, reply)
    assert await turn(first, reply) == done
    await fails(first, InteractiveInput(), code=100900)


async def test_a_refused_answer_leaves_the_shape_on_file() -> None:
    before, after = chain(("ask", Ask()), ("b", Call())), chain(("ask", Ask()), ("c", Call()))
    await turn(before, {"q": 1})
    await fails(after, InteractiveInput().update("nobody", 1), code=100901, on_change="continue")
    assert (await turn(before, InteractiveInput("yes"))).result["output"]["ask"]["answer"] == "yes"


async def test_a_cancellation_at_any_moment_loses_no_result_and_repeats_nothing() -> None:
    """The run is cancelled after each number of turns of the event loop that it may take."""
    ticks, finished_early = 0, False
    while not finished_early:
        first, last, session = Call(), Call(lambda i, r: i["q"]), f"after {ticks}"
        flow = chain(("first", first), ("last", last))
        task = asyncio.ensure_future(turn(flow, {"q": 5}, session))
        for _ in range(ticks):
            await asyncio.sleep(0)
        finished_early = task.done()
        task.cancel()
        try:
            output = await task
        except asyncio.CancelledError:
            snapshot = await flow.snapshot(session)
            if snapshot is None:  # cancelled before it began
                ticks += 1
                continue
            output = snapshot if snapshot.status == "done" else await turn(flow, InteractiveInput(), session)
        assert output.result == {"output": {"first": {"q": 5}, "last": 5}}, ticks
        assert (first.executions, last.executions) <= (2, 2), ticks
        ticks += 1
    assert ticks > 20


async def test_a_cancelled_answer_leaves_the_question_in_the_inbox_or_answered() -> None:
    ticks, finished_early = 0, False
    while not finished_early:
        flow, session = chain(("ask", Ask())), f"after {ticks}"
        await turn(flow, {"q": 5}, session)
        task = asyncio.ensure_future(turn(flow, InteractiveInput("yes"), session))
        for _ in range(ticks):
            await asyncio.sleep(0)
        finished_early = task.done()
        task.cancel()
        await asyncio.wait({task})
        snapshot = await flow.snapshot(session)
        assert snapshot is not None
        assert [p.output.id for p in await flow.pending(session)] == [q.id for q in snapshot.questions], ticks
        if snapshot.status != "done":
            output = await turn(flow, InteractiveInput("yes") if snapshot.questions else InteractiveInput(), session)
            assert output.result["output"]["ask"]["answer"] == "yes", ticks
        ticks += 1
    assert ticks > 10


async def test_the_question_beside_a_failed_sibling_is_in_the_inbox() -> None:
    flow = parallel(("ask", Ask()), ("broken", FailOnce()))
    await fails(flow, {"q": 1})
    assert [p.output.id for p in await flow.pending()] == ["ask"]


async def test_a_loop_that_ran_before_a_pause_is_not_told_of_as_skipped(caplog: pytest.LogCaptureFixture) -> None:
    """It waits for two components; what is known of them and of it comes from the file."""
    body = LoopGroup().add_workflow_comp("round", Call(), inputs_schema={})
    body.start_nodes(["round"])
    body.end_nodes(["round"])
    flow = workflow("w")
    flow.set_start_comp("start", Start(), inputs_schema={})
    for id in ("p", "q"):
        flow.add_workflow_comp(id, Call(), inputs_schema={}).add_connection("start", id)
    items = {"loop_type": "array", "loop_array": {"item": [1, 2]}}
    flow.add_workflow_comp("loop", LoopComponent(body, {}), inputs_schema=items)
    flow.add_workflow_comp("ask", Ask("?"), inputs_schema={})
    flow.set_end_comp("end", End(), inputs_schema={"answer": "${ask.answer}"})
    flow.add_connection(["p", "q"], "loop").add_connection("loop", "ask").add_connection("ask", "end")
    await turn(flow, {})
    await turn(flow, InteractiveInput("yes"))
    assert "did not run" not in caplog.text
    assert (await flow.snapshot("s")).status == "done"  # type: ignore[union-attr]


class TestClockJumps:
    async def test_forward(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A run of this process is known to go on, although its lease seems to have run out."""
        gate = Gate()
        flow = chain(("gate", gate), id="w")
        running = asyncio.create_task(turn(flow, {"q": 1}))
        await gate.begun.wait()
        now = time.time
        monkeypatch.setattr(time, "time", lambda: now() + 86400 * 365)
        with pytest.raises(JiuWenBaseException) as error:
            await turn(flow, InteractiveInput())
        assert error.value.error_code == 100904
        gate.open.set()
        assert (await running).result == {"output": {"gate": {"q": 1}}}

    @pytest.mark.parametrize("days", [-365, 365])
    async def test_while_a_session_waits(self, days: int, monkeypatch: pytest.MonkeyPatch) -> None:
        flow = chain(("ask", Ask("?")), ("fails", FailOnce()), id="w")
        await turn(flow, {})
        now = time.time
        monkeypatch.setattr(time, "time", lambda: now() + 86400 * days)
        assert len(await flow.pending()) == 1
        with pytest.raises(JiuWenBaseException, match="connection timeout"):
            await turn(flow, InteractiveInput("yes"))
        monkeypatch.setattr(time, "time", now)
        done = await turn(flow, InteractiveInput())
        assert done.result["output"]["ask"]["answer"] == "yes"
        assert (await flow.snapshot("s")).result == done.result  # type: ignore[union-attr]

    def test_a_killed_owner_whose_lease_lies_in_the_future(self) -> None:
        """It is known to be dead, so nobody waits for its lease."""
        from jiuwen_lg.engine.store import open_store

        flow = chain(("a", Call()), ("b", Call()), id="w")
        session = killed(flow, {"q": 1}, at="b")
        with open_store().database.transaction() as cursor:
            cursor.execute("UPDATE jiuwen_sessions SET lease_until = lease_until + 86400 * 365")
        assert run(flow, InteractiveInput(), session_id=session).ran == ["b", "end"]
