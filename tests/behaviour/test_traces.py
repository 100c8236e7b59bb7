"""Trace frames: what each component received and produced, while it runs."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
from collections.abc import AsyncIterator
from typing import Any

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage

from jiuwen_lg import (
    BaseStreamMode,
    BranchComponent,
    ComponentAbility,
    End,
    InteractiveInput,
    JiuWenBaseException,
    SimpleComponent,
    Start,
    SubWorkflowComponent,
    TraceSchema,
    Workflow,
    WorkflowConfig,
    WorkflowMetadata,
    WorkflowRuntime,
)
from tests.flows import Ask, Call, chain, turn, workflow
from tests.loops import body, counted

KEYS = [
    *("traceId", "startTime", "endTime", "inputs", "outputs", "error", "invokeId", "parentInvokeId", "executionId"),
    *("onInvokeData", "componentId", "componentName", "componentType", "loopNodeId", "loopIndex", "status"),
    "parentNodeId",
]
"""In the order in which seed 002 prints them."""


async def traced(flow: Workflow, given: Any, session: str = "s") -> list[dict[str, Any]]:
    """The payloads of a turn's trace frames; a failure ends them."""
    frames: list[dict[str, Any]] = []
    try:
        async for frame in flow.stream(given, WorkflowRuntime(session_id=session), stream_modes=[BaseStreamMode.TRACE]):
            if isinstance(frame, TraceSchema):
                assert frame.type == "tracer_workflow"
                frames.append(frame.payload)
    except JiuWenBaseException:
        frames.append({"invokeId": "raised", "status": "", "parentInvokeId": None})
    return frames


def story(frames: list[dict[str, Any]]) -> list[tuple[str, str, str | None]]:
    """Who, what, after whom."""
    return [(frame["invokeId"], frame["status"], frame["parentInvokeId"]) for frame in frames]


async def tell(inputs: Any, runtime: Any) -> Any:
    await runtime.trace({"on_invoke_data": "extra trace data"})
    return inputs


class Tells(Ask):
    """Asks after it has told something."""

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        await runtime.trace({"on_invoke_data": "extra trace data"})
        return await super().invoke(inputs, runtime, context)


async def test_a_straight_run_has_seven_frames_of_seed_002s_shape() -> None:
    frames = await traced(chain(("questioner", Call(tell))), {"q": 1})
    assert story(frames) == [
        ("start", "start", None),
        ("start", "finish", None),
        ("questioner", "start", "start"),
        ("questioner", "running", "start"),
        ("questioner", "finish", "start"),
        ("end", "start", "questioner"),
        ("end", "finish", "questioner"),
    ]
    assert all([*frame] == KEYS for frame in frames)
    assert len({frame["traceId"] for frame in frames} | {frame["executionId"] for frame in frames}) == 1
    begin, running, finish = frames[2:5]
    assert (begin["inputs"], begin["outputs"], begin["onInvokeData"]) == ({"q": 1}, None, [])
    assert running["onInvokeData"] == finish["onInvokeData"] == [{"on_invoke_data": "extra trace data"}]
    assert (finish["outputs"], finish["componentType"], finish["parentNodeId"]) == ({"q": 1}, "questioner", "")
    assert isinstance(begin["startTime"], datetime.datetime)
    assert begin["endTime"] is None
    assert finish["endTime"] >= finish["startTime"] == begin["startTime"]


async def test_an_interrupted_run_has_four_and_its_resumption_five() -> None:
    flow = chain(("questioner", Tells()))
    first = await traced(flow, {"q": 1})
    assert [frame["status"] for frame in first] == ["start", "finish", "start", "running"]
    second = await traced(flow, InteractiveInput("yes"))
    assert story(second) == [
        ("questioner", "start", None),
        ("questioner", "running", None),
        ("questioner", "finish", None),
        ("end", "start", "questioner"),
        ("end", "finish", "questioner"),
    ]
    assert first[0]["traceId"] != second[0]["traceId"]


async def test_a_failure_is_an_error_frame() -> None:
    flow = chain(("bad", Call(lambda i, r: 1 / 0)))
    frames = await traced(flow, {"q": 1})
    assert story(frames)[2:] == [("bad", "start", "start"), ("bad", "error", "start"), ("raised", "", None)]
    assert frames[3]["error"]["error_code"] == 100005
    assert "division by zero" in frames[3]["error"]["message"]
    assert frames[3]["endTime"] is not None


async def test_trace_error_tells_and_the_component_closes_as_failed() -> None:
    async def tells(inputs: Any, runtime: Any) -> None:
        await runtime.trace_error(ValueError("odd"))
        await runtime.trace_error(JiuWenBaseException(7, "known"))

    frames = await traced(chain(("a", Call(tells))), {"q": 1})
    of_a = [frame for frame in frames if frame["invokeId"] == "a"]
    assert [frame["status"] for frame in of_a] == ["start", "error", "error", "error"]
    assert of_a[1]["error"]["error_code"] == 100100
    assert of_a[2]["error"] == {"error_code": 7, "message": "known"}


async def test_q43_the_parent_is_the_predecessor_that_triggered_it() -> None:
    flow = workflow()
    flow.set_start_comp("s", Start())
    branch = BranchComponent()
    branch.add_branch("true", ["c"])
    for name in ("b", "a"):
        flow.add_workflow_comp(name, Call()).add_connection("s", name)
    flow.add_workflow_comp("way", branch).add_connection("a", "way").add_connection("b", "way")
    flow.add_workflow_comp("c", Call()).add_workflow_comp("d", Call())
    flow.add_conditional_connection("c", lambda: "d")
    parents = {frame["invokeId"]: frame["parentInvokeId"] for frame in await traced(flow, {})}
    assert parents == {"s": None, "a": "s", "b": "s", "way": "b", "c": "way", "d": "c"}


async def test_what_is_inside_another_component() -> None:
    inner = chain(("k", Call()))
    group = body(("a", Call()), ("sub", SubWorkflowComponent(inner)), sub={"q": "${l.index}"})
    frames = await traced(counted(group, {"i": "${a.i}"}, 2), {})
    told = [(f["invokeId"], f["parentInvokeId"], f["parentNodeId"], f["loopNodeId"], f["loopIndex"]) for f in frames]
    begun = [who for who, frame in zip(told, frames, strict=True) if frame["status"] == "start"]
    inside = [("l.sub.start", None), ("l.sub.k", "l.sub.start"), ("l.sub.end", "l.sub.k")]
    rounds = []
    for index, before in ((0, None), (1, "l.sub")):
        rounds += [("l.a", before, "l", "l", index), ("l.sub", "l.a", "l", "l", index)]
        rounds += [(id, parent, "l.sub", None, None) for id, parent in inside]
    assert begun == [("s", None, "", None, None), ("l", "s", "", None, None), *rounds, ("e", "l", "", None, None)]


async def test_q44_tracing_never_changes_a_result() -> None:
    def spoil(inputs: Any, runtime: Any) -> Any:
        return [1, {"a": 2}]

    async def spoils(flow: Workflow, session: str) -> list[Any]:
        found = []
        async for frame in flow.stream({"q": {"k": 1}}, WorkflowRuntime(session_id=session)):
            if isinstance(frame, TraceSchema):
                for value in (frame.payload["inputs"], frame.payload["outputs"]):
                    if isinstance(value, dict):
                        value.clear()
            else:
                found.append(frame.payload)
        return found

    def build() -> Workflow:
        flow = workflow()
        flow.set_start_comp("s", Start(), inputs_schema={"q": "${q}"})
        flow.add_workflow_comp("list", Call(spoil), inputs_transformer=lambda state: [state.get("s.q")])
        flow.set_end_comp("e", End(), inputs_schema={"q": "${s.q}", "l": "${list}"})
        return flow.add_connection("s", "list").add_connection("list", "e")

    plain = (await turn(build(), {"q": {"k": 1}}, "plain")).result
    assert await spoils(build(), "traced") == [plain]


class TestDetails:
    """What openJiuwen's own traces tell besides, for who asks for it with `_trace_details`."""

    async def traced(self, flow: Workflow, given: Any) -> list[dict[str, Any]]:
        runtime = WorkflowRuntime(session_id="s")
        runtime.config().set_envs({"_trace_details": True})
        found: list[dict[str, Any]] = []
        with contextlib.suppress(JiuWenBaseException):
            async for frame in flow.stream(given, runtime, stream_modes=[BaseStreamMode.TRACE]):
                if isinstance(frame, TraceSchema):
                    found.append(frame.payload)
        return found

    async def test_q41_the_workflow_is_told_of_with_its_name(self) -> None:
        metadata = WorkflowMetadata(id="w", name="named", version="2")
        flow = Workflow(WorkflowConfig(metadata=metadata))
        flow.set_start_comp("s", Start()).set_end_comp("e", End(), inputs_schema={"x": 1}).add_connection("s", "e")
        first, start, *_, last = await self.traced(flow, {"q": 1})
        for frame in (first, last):
            assert (frame["workflowId"], frame["workflowName"], frame["workflowVersion"]) == ("w", "named", "2")
        assert (first["status"], first["inputs"]) == ("start", {"q": 1})
        assert (last["status"], last["outputs"]) == ("finish", {"output": {"x": 1}})
        assert (start["componentId"], start["componentType"], start["workflowId"]) == ("s", "Start", "w")

    @pytest.mark.parametrize(("component", "status"), [(Ask(), "interrupted"), (Call(lambda i, r: 1 / 0), "error")])
    async def test_q42_it_is_told_how_a_turn_ended(self, component: Any, status: str) -> None:
        frames = await self.traced(chain(("a", component)), {"q": 1})
        assert frames[-1]["status"] == status
        assert (frames[-1]["error"] is not None) is (status == "error")

    async def test_frames_are_told_of(self) -> None:
        class Streams(SimpleComponent):
            async def stream(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
                yield {"v": 1}
                yield {"v": 2}

        flow = workflow()
        flow.set_start_comp("g", Streams()).add_stream_connection("g", "e")
        flow.set_end_comp("e", End(), stream_inputs_schema={"v": "${g.v}"}, response_mode="streaming")
        closing = {frame["invokeId"]: frame for frame in await self.traced(flow, {}) if frame["status"] == "finish"}
        assert closing["g"]["streamOutputs"] == [{"v": 1}, {"v": 2}]
        assert closing["e"]["streamInputs"] == [{"g.v": 1}, {"g.v": 2}]
        assert closing["e"]["streamOutputs"] == [{"output": {"v": 1}}, {"output": {"v": 2}}]


@pytest.mark.parametrize("ability", [ComponentAbility.COLLECT, ComponentAbility.TRANSFORM])
async def test_a_consumer_of_frames_tells_of_itself(ability: ComponentAbility) -> None:
    class Takes(SimpleComponent):
        async def collect(self, inputs: Any, runtime: Any, context: Any) -> Any:
            await runtime.trace({"note": "COLLECT"})
            return [item async for item in inputs["v"]]

        async def transform(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
            await runtime.trace({"note": "TRANSFORM"})
            async for item in inputs["v"]:
                yield {"v": item}

    class Gives(SimpleComponent):
        async def stream(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
            yield {"v": 1}

    flow = workflow()
    flow.set_start_comp("g", Gives()).add_stream_connection("g", "t")
    flow.add_workflow_comp("t", Takes(), stream_inputs_schema={"v": "${g.v}"}, comp_ability=[ability])
    flow.set_end_comp("e", End()).add_connection("t", "e")
    told = [frame for frame in await traced(flow, {}) if frame["invokeId"] == "t"]
    assert [frame["status"] for frame in told] == ["start", "running", "finish"]
    assert told[-1]["onInvokeData"] == [{"note": ability.name}]


async def test_without_the_mode_nothing_is_told() -> None:
    flow = chain(("a", Call(tell)))
    frames = [f async for f in flow.stream({"q": 1}, WorkflowRuntime(), stream_modes=[BaseStreamMode.OUTPUT])]
    assert [frame.type for frame in frames] == ["workflow_final"]


class Writes(Call):
    """Lets a language model write."""

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        model = GenericFakeChatModel(messages=iter([AIMessage("one two three")]))
        return {"text": (await model.ainvoke("?")).content}


class TestForLangChain:
    """The same run seen by LangChain's own means, with the components' ids as names."""

    def flow(self) -> Workflow:
        return counted(body(("writes", Writes()), ("after", Call())), {"t": "${writes.text}"}, 1)

    async def test_events_name_the_components(self) -> None:
        names = [
            event["name"]
            async for event in self.flow().compile().astream_events({"inputs": {}}, version="v2")
            if event["event"] == "on_chain_start"
        ]
        assert [name for name in names if name in ("s", "l", "writes", "after", "e")] == [
            "s", "l", "writes", "after", "e",
        ]  # fmt: skip

    async def test_messages_are_streamed_with_the_component_that_writes(self) -> None:
        chunks = [
            (message.content, metadata["langgraph_node"])
            async for _, (message, metadata) in self.flow()
            .compile()
            .astream({"inputs": {}}, stream_mode="messages", subgraphs=True)
        ]
        assert "".join(text for text, _ in chunks) == "one two three"
        assert {node for _, node in chunks} == {"writes"}

    async def test_a_consumer_writes_in_its_own_name(self) -> None:
        """Although it works beside its producer."""

        class Rewrites(SimpleComponent):
            async def stream(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
                yield {"v": 1}

            async def collect(self, inputs: Any, runtime: Any, context: Any) -> Any:
                assert [item async for item in inputs["v"]] == [1]
                return await Writes().invoke(inputs, runtime, context)

        flow = workflow()
        flow.set_start_comp("s", Rewrites()).add_workflow_comp("t", Rewrites(), stream_inputs_schema={"v": "${s.v}"})
        flow.add_stream_connection("s", "t").set_end_comp("e", End(), inputs_schema={"t": "${t.text}"})
        flow.add_connection("t", "e")
        nodes = {
            metadata["langgraph_node"]
            async for _, metadata in flow.compile().astream({"inputs": {}}, stream_mode="messages")
        }
        assert nodes == {"t"}

    async def test_many_runs_at_once_are_told_apart(self) -> None:
        flow = chain(("a", Call(tell)))
        stories = await asyncio.gather(*(traced(flow, {"q": n}, str(n)) for n in range(10)))
        assert [frames[2]["inputs"] for frames in stories] == [{"q": n} for n in range(10)]
        assert len({frame["traceId"] for frames in stories for frame in frames}) == 10
