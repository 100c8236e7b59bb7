"""`Workflow.stream` as far as chains go: questions, frames, the final frame, closing early."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jiuwen_lg import (
    BaseStreamMode,
    CustomSchema,
    InteractiveInput,
    JiuWenBaseException,
    OutputSchema,
    Workflow,
    WorkflowRuntime,
)
from jiuwen_lg.engine.concurrency import frame_buffer as reader
from tests.flows import Ask, Call, Gate, asked, chain, turn

NO_TRACE = [BaseStreamMode.OUTPUT, BaseStreamMode.CUSTOM]


async def frames(flow: Workflow, given: Any, modes: Any = NO_TRACE, session: str = "s") -> list[Any]:
    """The frames of one turn, without its trace unless that is asked for."""
    return [f async for f in flow.stream(given, WorkflowRuntime(session_id=session), stream_modes=modes)]


async def write(inputs: Any, runtime: Any) -> Any:
    await runtime.write_stream({"type": "note", "index": "3", "payload": "a", "extra": 1})
    await runtime.write_stream(OutputSchema(type="note", index=4, payload="b"))
    await runtime.write_custom_stream({"progress": 0.5})
    await runtime.write_custom_stream(CustomSchema(done=True))
    return inputs


NOTES = [OutputSchema(type="note", index=3, payload="a"), OutputSchema(type="note", index=4, payload="b")]
CUSTOM = [CustomSchema(progress=0.5), CustomSchema(done=True)]
FINAL = [OutputSchema(type="workflow_final", index=0, payload={"output": {"write": {"q": 1}}})]


@pytest.mark.parametrize(
    ("modes", "expected"),
    [
        (NO_TRACE, NOTES + CUSTOM + FINAL),
        ([BaseStreamMode.OUTPUT], NOTES + FINAL),
        ([BaseStreamMode.CUSTOM], CUSTOM + FINAL),
        ([], FINAL),
        (["output"], NOTES + FINAL),
    ],
)
async def test_frames_come_in_order_and_the_result_last(modes: Any, expected: list[Any]) -> None:
    assert await frames(chain(("write", Call(write))), {"q": 1}, modes) == expected


async def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="loud"):
        await frames(chain(("write", Call(write))), {"q": 1}, ["loud"])


@pytest.mark.parametrize(("frame", "code"), [(None, 193002), ({"type": "x"}, 193001), ({"index": "no"}, 193001)])
async def test_a_malformed_frame_is_refused(frame: Any, code: int) -> None:
    async def bad(inputs: Any, runtime: Any) -> None:
        await runtime.write_stream(frame)

    with pytest.raises(JiuWenBaseException) as caught:
        await frames(chain(("bad", Call(bad))), {"q": 1})
    assert caught.value.codes == (100005, code)


async def test_a_question_is_a_frame_and_the_answered_stream_ends_with_the_result() -> None:
    flow = chain(("ask", Ask()))
    question = await frames(flow, {"q": 1})
    assert [(f.type, f.index, f.payload.id, f.payload.value) for f in question] == [
        ("__interaction__", 0, "ask", "ok?")
    ]
    assert await frames(flow, InteractiveInput()) == question
    final = await frames(flow, InteractiveInput.reply_to(question[0], "yes"))
    assert final[-1].type == "workflow_final"
    assert final[-1].payload["output"]["ask"]["answer"] == "yes"


@pytest.mark.parametrize(("result", "shown"), [({"output": None}, True), ({}, False), (None, False), (0, False)])
async def test_a_final_frame_comes_only_with_a_result(result: Any, shown: bool) -> None:
    flow = Workflow()
    flow.set_start_comp("s", Call(lambda i, r: None))
    flow.set_end_comp("e", Call(lambda i, r: result)).add_connection("s", "e")
    assert bool(await frames(flow, {})) is shown


async def test_frames_made_before_a_failure_are_delivered() -> None:
    async def write_then_fail(inputs: Any, runtime: Any) -> Any:
        await write(inputs, runtime)
        raise RuntimeError("broken")

    seen: list[Any] = []
    with pytest.raises(JiuWenBaseException, match="broken"):
        async for frame in chain(("bad", Call(write_then_fail))).stream({"q": 1}, stream_modes=NO_TRACE):
            seen.append(frame)
    assert seen == NOTES + CUSTOM


async def test_a_frame_arrives_while_its_component_still_runs() -> None:
    gate = Gate()

    async def write_and_wait(inputs: Any, runtime: Any) -> Any:
        await runtime.write_stream({"type": "note", "index": 0, "payload": 1})
        await gate.open.wait()
        return inputs

    stream = chain(("slow", Call(write_and_wait))).stream({"q": 1}, stream_modes=NO_TRACE)
    assert (await anext(stream)).payload == 1
    gate.open.set()
    assert (await anext(stream)).type == "workflow_final"


async def test_closing_early_stops_the_run_and_leaves_it_resumable() -> None:
    first, gate = Call(write), Gate()
    flow = chain(("first", first), ("gate", gate))
    stream = flow.stream({"q": 1}, WorkflowRuntime(session_id="s"), stream_modes=NO_TRACE)
    await anext(stream)
    await gate.begun.wait()
    await stream.aclose()
    gate.open.set()
    assert (await turn(flow, InteractiveInput())).result["output"]["gate"] == {"q": 1}
    assert first.executions == 1


async def test_a_writer_waits_for_a_slow_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "CAPACITY", 5)
    written = []

    async def write_many(inputs: Any, runtime: Any) -> Any:
        for number in range(50):
            await runtime.write_stream({"type": "note", "index": number, "payload": number})
            written.append(number)

    stream = chain(("many", Call(write_many))).stream({"q": 1}, stream_modes=NO_TRACE)
    first = await anext(stream)
    assert len(written) <= 6
    rest = [frame async for frame in stream]
    assert [f.index for f in [first, *rest] if f.type == "note"] == list(range(50))


@pytest.mark.parametrize("setting", ["_execute_timeout", "_stream_frame_timeout"])
async def test_the_time_that_a_slow_reader_takes_counts_for_no_timeout(
    setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "CAPACITY", 2)

    async def write_many(inputs: Any, runtime: Any) -> Any:
        for number in range(6):
            await runtime.write_stream({"type": "note", "index": number, "payload": number})

    runtime = WorkflowRuntime()
    runtime.config().set_envs({setting: 0.2})
    found = []
    async for frame in chain(("many", Call(write_many))).stream({"q": 1}, runtime, stream_modes=NO_TRACE):
        found.append(frame)
        await asyncio.sleep(0.15)  # the reader is slow: that is the experiment
    assert [frame.type for frame in found] == ["note"] * 6 + ["workflow_final"]


async def test_frames_are_dropped_from_a_finished_invoke_and_kept_with_a_question() -> None:
    async def write_and_ask(inputs: Any, runtime: Any) -> Any:
        await write(inputs, runtime)
        return {"answer": await runtime.interact("ok?")}

    flow = chain(("ask", Call(write_and_ask)))
    output = await turn(flow, {"q": 1})
    assert output.result[:2] == NOTES
    assert asked(output) == [("ask", 0, "ok?")]
    assert (await turn(flow, InteractiveInput("yes"))).result["output"]["ask"] == {"answer": "yes"}
