"""One workflow object serves any number of sessions, threads and event loops at once."""

from __future__ import annotations

import asyncio
import random
import threading
from typing import Any

from jiuwen_lg import InteractiveInput, Workflow, WorkflowRuntime
from tests.flows import Ask, Call, chain, parallel, turn


async def yield_often(inputs: Any, runtime: Any) -> Any:
    """Gives way to the other sessions a few times."""
    for _ in range(random.randrange(4)):
        await asyncio.sleep(0)
    return inputs


def busy_flow() -> Workflow:
    return parallel(("a", Call(yield_often)), ("b", Call(yield_often)))


async def test_a_thousand_runs_in_fifty_concurrent_sessions_give_no_wrong_answer() -> None:
    """openJiuwen: 980 of 1000 wrong."""
    flow = busy_flow()

    async def session(number: int) -> int:
        wrong = 0
        for run in range(20):
            value = f"{number}-{run}"
            output = await turn(flow, {"q": value}, session=str(number))
            wrong += output.result != {"output": {"a": {"q": value}, "b": {"q": value}}}
        return wrong

    assert sum(await asyncio.gather(*map(session, range(50)))) == 0


async def test_concurrent_sessions_pause_and_resume_independently() -> None:
    flow = chain(("ask", Ask("a?", "b?")))

    async def session(number: int) -> Any:
        await turn(flow, {"q": number}, session=str(number))
        await turn(flow, InteractiveInput(f"A{number}"), session=str(number))
        return await turn(flow, InteractiveInput(f"B{number}"), session=str(number))

    outputs = await asyncio.gather(*map(session, range(50)))
    assert [o.result["output"]["ask"]["answers"] for o in outputs] == [[f"A{n}", f"B{n}"] for n in range(50)]


async def test_two_streams_read_alternately_in_one_task_keep_apart() -> None:
    async def report(inputs: Any, runtime: Any) -> Any:
        await runtime.write_stream({"type": "who", "index": 0, "payload": runtime.session_id()})
        await asyncio.sleep(0)
        return {"who": runtime.session_id(), "q": inputs["q"]}

    flow = chain(*((f"n{n}", Call(report)) for n in range(6)))
    streams = {
        s: flow.stream({"q": s}, WorkflowRuntime(session_id=s), stream_modes=["output"]) for s in ("left", "right")
    }
    seen: dict[str, list[Any]] = {"left": [], "right": []}
    for _ in range(7):
        for session, stream in streams.items():
            seen[session].append(await anext(stream))
    for session, frames in seen.items():
        assert [f.payload for f in frames[:6]] == [session] * 6
        assert frames[6].payload["output"] == {f"n{n}": {"who": session, "q": session} for n in range(6)}


async def test_two_streams_of_the_compiled_graph_read_alternately_keep_apart() -> None:
    flow = chain(*((f"n{n}", Call(lambda i, r: [r.session_id(), i["q"]])) for n in range(3)))
    graph = flow.compile()
    streams = {
        t: graph.astream({"inputs": {"q": t}}, {"configurable": {"thread_id": t}}, stream_mode="updates")
        for t in ("left", "right")
    }
    for _ in range(5):
        for thread, stream in streams.items():
            for update in (await anext(stream)).values():
                for id, output in update["io"].items():
                    if id.startswith("n"):
                        assert output == [thread, thread]


def test_turn_after_turn_in_event_loops_of_their_own() -> None:
    flow = chain(("ask", Ask("a?", "b?")))
    run = lambda given: asyncio.run(turn(flow, given))  # noqa: E731
    run({"q": 1})
    run(InteractiveInput("A"))
    assert run(InteractiveInput("B")).result["output"]["ask"]["answers"] == ["A", "B"]


def test_a_workflow_is_built_without_an_event_loop() -> None:
    asyncio.run(asyncio.sleep(0))
    chain(("ask", Ask()))


def test_four_threads_with_their_own_loops_share_a_workflow() -> None:
    flow, wrong = busy_flow(), []

    async def many(thread: int) -> None:
        async def one(number: int) -> None:
            value = f"{thread}-{number}"
            output = await turn(flow, {"q": value}, session=value)
            if output.result != {"output": {"a": {"q": value}, "b": {"q": value}}}:
                wrong.append(value)

        await asyncio.gather(*map(one, range(25)))

    threads = [threading.Thread(target=lambda n=n: asyncio.run(many(n))) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


async def test_a_component_may_run_another_session() -> None:
    inner = chain(("inner", Call(lambda i, r: [r.session_id(), i["q"]])))

    async def call_inner(inputs: Any, runtime: Any) -> Any:
        output = await inner.invoke({"q": "inner"}, WorkflowRuntime(session_id="other"))
        return [runtime.session_id(), output.result["output"]["inner"]]

    output = await turn(chain(("outer", Call(call_inner))), {"q": "outer"})
    assert output.result["output"]["outer"] == ["s", ["other", "inner"]]


async def test_unnamed_workflows_of_different_shape_share_a_session() -> None:
    first, second = chain(("ask", Ask("a?"))), chain(("other", Ask("b?")))
    await turn(first, {"q": 1})
    await turn(second, {"q": 2})
    assert (await turn(first, InteractiveInput("A"))).result["output"]["ask"]["answer"] == "A"
    assert (await turn(second, InteractiveInput("B"))).result["output"]["other"]["answer"] == "B"
