"""Traces in the form of openJiuwen 0.1.1's own, for those who set `_trace_format`."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from jiuwen_lg import (
    End,
    InteractiveInput,
    JiuWenBaseException,
    Start,
    SubWorkflowComponent,
    TraceSchema,
    Workflow,
    WorkflowConfig,
    WorkflowMetadata,
    WorkflowRuntime,
)
from tests.flows import Ask, Call, chain
from tests.loops import body, counted

OF_WORKFLOW = [
    *("traceId", "startTime", "inputs", "invokeId", "executionId", "workflowId", "workflowVersion", "workflowName"),
    *("status", "parentNodeId", "streamOutputs", "onInvokeData"),
]
OF_COMPONENT = [
    *("traceId", "startTime", "inputs", "invokeId", "parentInvokeId", "executionId", "workflowId"),
    *("componentId", "componentName", "componentType", "status", "parentNodeId", "onInvokeData"),
]


def named(*components: tuple[str, Any]) -> Workflow:
    """start → the components → end, of the id `w`."""
    metadata = WorkflowMetadata(id="w", name="名", version="2")
    flow = Workflow(WorkflowConfig(metadata=metadata)).set_start_comp("s", Start(), inputs_schema={"q": "${q}"})
    last = "s"
    for name, component in components:
        flow.add_workflow_comp(name, component, inputs_schema={"q": "${s.q}"}).add_connection(last, name)
        last = name
    return flow.set_end_comp("e", End(), inputs_schema={"x": f"${{{last}}}"}).add_connection(last, "e")


async def traced(flow: Workflow, given: Any) -> list[dict[str, Any]]:
    """The payloads of a turn's trace frames; a failure ends them."""
    runtime = WorkflowRuntime(session_id="s")
    runtime.config().set_envs({"_trace_format": "0.1.1"})
    found: list[dict[str, Any]] = []
    with contextlib.suppress(JiuWenBaseException):
        async for frame in flow.stream(given, runtime):
            if isinstance(frame, TraceSchema):
                found.append(frame.payload)
    return found


def story(frames: list[dict[str, Any]]) -> list[tuple[str, str, str | None]]:
    return [(frame["invokeId"], frame["status"], frame.get("parentInvokeId")) for frame in frames]


async def test_a_straight_run() -> None:
    frames = await traced(named(("a", Call(lambda i, r: i))), {"q": 1})
    assert story(frames) == [
        ("w", "start", None),
        ("s", "start", "w"),
        ("s", "finish", "w"),
        ("a", "start", "s"),
        ("a", "finish", "s"),
        ("e", "start", "a"),
        ("e", "finish", "a"),
        ("w", "finish", None),
    ]
    assert list(frames[0]) == OF_WORKFLOW
    assert list(frames[1]) == OF_COMPONENT
    assert set(frames[2]) == {*OF_COMPONENT, "endTime", "outputs", "streamOutputs"}
    assert frames[3]["componentType"] == "Call"
    assert frames[-1]["outputs"] == {"output": {"x": {"q": 1}}}
    assert None not in [value for frame in frames for value in frame.values()]


async def test_a_question_and_its_answer() -> None:
    flow = named(("ask", Ask()))
    asked = await traced(flow, {"q": 1})
    assert story(asked)[3:] == [("ask", "start", "s"), ("ask", "interrupted", "s"), ("w", "finish", None)]
    assert "outputs" not in asked[-1]
    answered = await traced(flow, InteractiveInput().update("ask", "好"))
    assert answered[0]["inputs"] == {"user_inputs": {"ask": "好"}}
    assert story(answered)[1:3] == [("ask", "start", "w"), ("ask", "finish", "w")]


async def test_a_failure() -> None:
    frames = await traced(named(("a", Call(lambda i, r: 1 / 0))), {"q": 1})
    assert story(frames)[-2:] == [("a", "error", "s"), ("w", "finish", None)]
    assert frames[-2]["error"]["error_code"] == 100005
    assert not {"error", "outputs"} & frames[-1].keys()


async def test_the_body_of_a_loop() -> None:
    frames = await traced(counted(body(("a", Call()), ("b", Call())), {}, 2), {})
    inside = [frame for frame in frames if frame["parentNodeId"] == "l"]
    assert [(*one, frame["loopIndex"]) for one, frame in zip(story(inside), inside, strict=True)] == [
        (f"l.{name}", status, parent, index)
        for index in range(2)
        for name, parent in (("a", None), ("b", "l.a"))
        for status in ("start", "finish")
    ]
    assert not {"startTime", "onInvokeData", "streamOutputs"} & inside[0].keys()
    assert len({frame["workflowId"] for frame in inside}) == 1


async def test_a_sub_workflow() -> None:
    inner = chain(("a", Call()))
    frames = await traced(named(("sub", SubWorkflowComponent(inner))), {"q": 1})
    inside = [frame for frame in frames if frame["parentNodeId"] == "sub"]
    assert inside[0].get("parentInvokeId") is None
    assert {frame["workflowId"] for frame in inside} == {inner.config().metadata.id}


async def test_the_environment_can_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIUWEN_LG_TRACE_FORMAT", "0.1.1")
    frames = [f async for f in named().stream({"q": 1}, WorkflowRuntime()) if isinstance(f, TraceSchema)]
    assert story([frame.payload for frame in frames])[0] == ("w", "start", None)


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="_trace_format cannot be '0.1.2'"):
        WorkflowRuntime().config().set_envs({"_trace_format": "0.1.2"})
