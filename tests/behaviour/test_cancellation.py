"""Whatever cancels a turn, however often: it ends when its components have ended, and its session goes on."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from jiuwen_lg import InteractiveInput, JiuWenBaseException, WorkflowRuntime
from jiuwen_lg.engine.concurrency.cancellation import cancel_and_wait, result_of, wait_until_ended
from jiuwen_lg.engine.store import open_store
from tests.behaviour.test_soak import scaled
from tests.flows import Ask, Call, chain, turn
from tests.storm import WAYS, Storm, ticks

MOMENTS = 12


async def storm(way: str, count: int, seed: int = 1) -> list[str]:
    """Cancel so many sessions, each up to three times at any await of a whole run; what went wrong."""
    dice = random.Random(f"{seed} {way}")
    storm = Storm(dice)
    last = await storm.count_ticks()
    for number in range(count):
        first = last * number // count
        moments = [ticks(first), *(ticks(dice.randrange(last)) for _ in range(dice.randrange(3)))]
        await storm.cancel_at(f"{way} {number}", way, *moments)
    return storm.site.faults


@pytest.mark.parametrize("way", WAYS)
async def test_a_storm(way: str) -> None:
    assert await storm(way, MOMENTS) == []


def _uvloop() -> Any:
    return pytest.importorskip("uvloop").new_event_loop()


@pytest.mark.parametrize(("factory", "is_debug"), [(_uvloop, False), (asyncio.new_event_loop, True)])
def test_a_storm_in_other_loops(factory: Callable[[], Any], is_debug: bool) -> None:
    with asyncio.Runner(debug=is_debug, loop_factory=factory) as runner:
        for way in ("twice", "scope"):
            assert runner.run(storm(way, MOMENTS // 3)) == []


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("loop", ["asyncio", "uvloop", "debug"])
def test_a_long_storm(way: str, loop: str) -> None:
    """With the one in Postgres 10,000 turns are cancelled."""
    factory = _uvloop if loop == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(debug=loop == "debug", loop_factory=factory) as runner:
        assert runner.run(storm(way, scaled(300), seed=2)) == []


async def pausing(inputs: Any, runtime: Any) -> Any:
    await runtime.write_stream({"type": "note", "index": 0, "payload": "x"})
    await asyncio.sleep(0)
    return {"ok": 1}


class TestAReaderThatLeaves:
    @pytest.mark.parametrize("frame", ["note", "__interaction__"])
    async def test_it_may_resume_in_the_same_tick(self, frame: str) -> None:
        """The interpreter closes what `break` has left a moment later only; that turn is waited for."""
        flow = chain(("pausing", pausing), ("ask", Ask()), id="w")
        async for read in flow.stream({"q": 1}, WorkflowRuntime(session_id="s")):
            if read.type == frame:
                break
        if frame == "note":
            await turn(flow, InteractiveInput())
        assert (await turn(flow, InteractiveInput("yes"))).result["output"]["ask"]["answer"] == "yes"

    async def test_from_a_generator_around_it_too(self) -> None:
        flow = chain(("pausing", pausing), id="w")

        async def events() -> Any:
            async for read in flow.stream({"q": 1}, WorkflowRuntime(session_id="s")):
                yield read

        async for _ in events():
            break
        assert (await turn(flow, InteractiveInput())).result["output"]["pausing"] == {"ok": 1}

    async def test_one_that_has_not_left_keeps_the_session(self) -> None:
        flow = chain(("pausing", pausing), ("stays", Call(lambda i, r: asyncio.sleep(0.01, i))), id="w")
        frames = flow.stream({"q": 1}, WorkflowRuntime(session_id="s"))
        await anext(frames)
        with pytest.raises(JiuWenBaseException, match="100904"):
            await turn(flow, InteractiveInput())
        assert [frame.type async for frame in frames][-1] == "workflow_final"

    async def test_a_turn_that_was_cancelled_a_moment_ago_is_waited_for(self) -> None:
        begun = asyncio.Event()

        async def holds(inputs: Any, runtime: Any) -> Any:
            if not begun.is_set():
                begun.set()
                await asyncio.Event().wait()
            return {"ok": 1}

        flow = chain(("holds", holds), id="w")
        task = asyncio.ensure_future(turn(flow, {"q": 1}))
        await begun.wait()
        task.cancel()
        assert (await turn(flow, InteractiveInput())).result["output"]["holds"] == {"ok": 1}


async def test_an_answer_whose_caller_is_cancelled_is_stored_or_not_at_all() -> None:
    """At any await: given again, it counts once, and the run goes on."""
    flow, asks = chain(("ask", Ask()), id="w"), 0
    for count in range(40):
        session = f"s{count}"
        asked = await turn(flow, {"q": 1}, session)
        reply = InteractiveInput.reply_to(asked.result[0], "yes")
        task = asyncio.ensure_future(turn(flow, reply, session))
        await ticks(count)()
        task.cancel()
        await asyncio.wait({task})
        done = await turn(flow, reply, session)
        if done.result is None or not isinstance(done.result, dict):
            done = await turn(flow, InteractiveInput(), session)
            asks += 1
        assert done.result["output"]["ask"]["answer"] == "yes"
    assert asks <= 40


class TestWaiting:
    async def test_a_task_is_cancelled_once_however_often_its_caller_is(self) -> None:
        cancelled = []

        async def winds_up() -> str:
            for _ in range(3):
                try:
                    await asyncio.sleep(0.001)
                except asyncio.CancelledError:
                    cancelled.append(1)
            return "done"

        work = asyncio.ensure_future(winds_up())
        caller = asyncio.ensure_future(result_of(work))
        await asyncio.sleep(0)
        while not caller.done():
            caller.cancel()
            await asyncio.sleep(0)
        assert (caller.result(), len(cancelled)) == ("done", 1)

    async def test_a_scope_of_anyio_does_not_spin_meanwhile(self) -> None:
        """Its cancellations would wake the task in every turn of the loop."""
        woken = 0

        async def count() -> None:
            nonlocal woken
            while True:
                await asyncio.sleep(0.001)
                woken += 1

        counting = asyncio.ensure_future(count())
        with anyio.CancelScope() as scope:
            scope.cancel()
            await wait_until_ended(asyncio.ensure_future(asyncio.sleep(0.05)))
        assert scope.cancelled_caught
        await cancel_and_wait(counting)
        assert woken > 5

    async def test_a_grace_ends_the_wait(self) -> None:
        never = asyncio.get_running_loop().create_future()
        waiting = asyncio.ensure_future(wait_until_ended(never, grace=0.01))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting


async def test_a_component_is_never_left_behind_by_a_sibling_that_fails() -> None:
    """LangGraph cancels a sub-workflow twice then: when its sibling has failed, and when it winds up."""
    from jiuwen_lg import End, Start, SubWorkflowComponent, Workflow

    inside, begun = [0], asyncio.Event()

    async def slow(inputs: Any, runtime: Any) -> Any:
        inside[0] += 1
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            with anyio.CancelScope(shield=True):
                await asyncio.sleep(0.01)
            inside[0] -= 1

    async def fails(inputs: Any, runtime: Any) -> Any:
        await begun.wait()
        raise ValueError("no")

    flow = Workflow()
    flow.set_start_comp("start", Start(), inputs_schema={"q": "${q}"})
    flow.add_workflow_comp("sub", SubWorkflowComponent(chain(("slow", slow))), inputs_schema={"q": "${start.q}"})
    flow.add_workflow_comp("fails", fails, inputs_schema={"q": "${start.q}"})
    flow.set_end_comp("end", End(), inputs_schema={"a": "${sub}"})
    flow.add_connection("start", "sub").add_connection("start", "fails").add_connection("sub", "end")
    with pytest.raises(JiuWenBaseException, match="no"):
        await flow.invoke({"q": 1}, WorkflowRuntime(session_id="s"))
    assert inside == [0]
    assert not open_store().sessions._heartbeat.held()
