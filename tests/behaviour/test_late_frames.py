"""Frames where a consumer's turn comes late, again or never: behind branches, in rounds, in a second run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from jiuwen_lg import (
    BranchComponent,
    InteractiveInput,
    JiuWenBaseException,
    LoopComponent,
    LoopGroup,
    Start,
    SubWorkflowComponent,
    Workflow,
    WorkflowRuntime,
)
from tests.behaviour.test_frames import STREAM, Gives, Takes, V, failure, flow_of, passing, values
from tests.flows import Call, turn, workflow
from tests.loops import number


class GivesRounds(Gives):
    """Two frames that name the round."""

    async def stream(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
        for position in range(2):
            yield {"v": [inputs["i"], position]}
            await asyncio.sleep(0)


class Asks(Gives):
    """Three frames; it asks for the second."""

    async def stream(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
        yield {"v": 1}
        yield {"v": await runtime.interact("?")}
        yield {"v": 3}


def branching(*ways: tuple[str, Any]) -> BranchComponent:
    branch = BranchComponent()
    for condition, target in ways:
        branch.add_branch(condition, target)
    return branch


def looping(group: LoopGroup, first: str, rounds: int) -> Workflow:
    """The group as a loop that shows what `t` gave in every round."""
    loop = LoopComponent(group.start_nodes([first]).end_nodes(["t"]), {"v": "${t}"})
    return flow_of(("l", loop, {"inputs_schema": number(rounds)}), edges="s>l l>e", inputs_schema={"v": "${l.v}"})


def fail_once() -> Call:
    def function(inputs: Any, runtime: Any) -> None:
        if call.executions == 1:
            raise RuntimeError("late")

    call = Call(function)
    return call


INDEX = {"i": "${l.index}"}


class TestRounds:
    async def test_a_branch_chooses_the_producer_of_each_round(self) -> None:
        group = LoopGroup()
        group.add_workflow_comp("b", branching(("${l.index} % 2 == 1", "g1"), ("true", "g2")))
        for name in ("g1", "g2"):
            group.add_workflow_comp(name, GivesRounds(), inputs_schema=INDEX).add_stream_connection(name, "t")
        group.add_workflow_comp("t", Takes(), stream_inputs_schema={"a": "${g1.v}", "b": "${g2.v}"})
        even, odd = [], [[1, 0], [1, 1]]
        shown = (await turn(looping(group, "b", 3), {})).result["output"]["v"]
        assert [item["a"] for item in shown] == [even, odd, even]
        assert [item["b"] for item in shown] == [[[0, 0], [0, 1]], [], [[2, 0], [2, 1]]]

    async def test_frames_and_batch_values_are_those_of_the_round(self) -> None:
        group = LoopGroup()
        group.add_workflow_comp("a", Call(), inputs_schema=INDEX)
        group.add_workflow_comp("x", Call(lambda inputs, _: {"x": inputs["i"]}), inputs_schema=INDEX)
        group.add_workflow_comp("g", GivesRounds(), inputs_schema=INDEX)
        group.add_workflow_comp("t", Takes(), stream_inputs_schema={"v": "${g.v}", "b": "${x.x}"})
        group.add_connection("a", "x").add_connection("a", "g").add_connection("x", "t").add_stream_connection("g", "t")
        shown = (await turn(looping(group, "a", 3), {})).result["output"]["v"]
        assert [item["b"] for item in shown] == [0, 1, 2]
        assert [item["v"] for item in shown] == [[[n, 0], [n, 1]] for n in range(3)]

    async def test_what_began_in_a_round_without_a_turn_is_given_up(self) -> None:
        """In every other round a router passes the consumer by, though its producer gives frames."""
        group = LoopGroup()
        group.add_workflow_comp("a", Call(), inputs_schema=INDEX)
        group.add_workflow_comp("b", branching(("${l.index} % 2 == 1", ["g", "x"]), ("true", "g")))
        group.add_workflow_comp("g", GivesRounds(), inputs_schema=INDEX, comp_ability=[STREAM])
        group.add_workflow_comp("x", Call(lambda *_: {"x": 1}))
        taker = Takes()
        group.add_workflow_comp("t", taker, stream_inputs_schema=V, wait_for_all=True)
        group.add_connection("a", "b").add_connection("x", "t").add_stream_connection("g", "t")
        shown = (await turn(looping(group, "a", 4), {})).result["output"]["v"]
        assert [item["v"] for item in shown] == [[[n, 0], [n, 1]] for n in range(4)]

    async def test_a_cycle_brings_new_batch_values(self) -> None:
        count, seen = Call(lambda *_: {"n": count.executions}), []
        show = Call(lambda inputs, _: seen.append(inputs["t"]))
        flow = flow_of(
            ("hub", Call(), {}),
            ("count", count, {}),
            ("g", Gives(1), {}),
            ("t", Takes(), {"stream_inputs_schema": {"v": "${g.v}", "n": "${count.n}"}}),
            ("show", show, {"inputs_schema": {"t": "${t}"}}),
            edges="s>hub hub>count hub>g count>t g=t t>show",
        )
        flow.add_conditional_connection("show", lambda: "hub" if show.executions < 3 else "e")
        await turn(flow, {})
        assert [(item["v"], item["n"]) for item in seen] == [([1], 1), ([1], 2), ([1], 3)]

    async def test_a_sub_workflow_streams_in_every_round(self) -> None:
        inner = flow_of(
            ("g", GivesRounds(), {"inputs_schema": {"i": "${s.q}"}}),
            edges="s>g g=e",
            stream_inputs_schema=V,
            response_mode="streaming",
        )
        group = LoopGroup()
        group.add_workflow_comp("sub", SubWorkflowComponent(inner), inputs_schema={"q": "${l.index}"})
        group.add_workflow_comp("t", Takes(), stream_inputs_schema={"v": "${sub.output.v}"})
        group.add_stream_connection("sub", "t")
        shown = (await turn(looping(group, "sub", 2), {})).result["output"]["v"]
        assert [item["v"] for item in shown] == [[[0, 0], [0, 1]], [[1, 0], [1, 1]]]


class TestBranches:
    @pytest.mark.parametrize("mode", ["streaming", None])
    async def test_two_that_wait_for_the_end_let_one_another_go_first(self, mode: str | None) -> None:
        taker = Takes()
        flow = flow_of(
            ("b", branching(("true", "g1"), ("false", "g2")), {}),
            ("g1", Gives(1, 2), {}),
            ("g2", Gives(3), {}),
            ("c", Gives(9), {}),
            ("t", taker, {"stream_inputs_schema": {"v": "${g1.v}"}}),
            edges="s>b s>c g1=t g2=t t=e c=e",
            stream_inputs_schema={"t": "${t.v}", "c": "${c.v}"},
            response_mode=mode,
        )
        result = (await turn(flow, {})).result
        given = result["collect_output"] if mode is None else [frame.payload["output"] for frame in result]
        assert given == [{"t": 10}, {"t": 20}, {"c": 9}]
        assert taker.executions == 1

    @pytest.mark.parametrize("mode", ["streaming", None])
    @pytest.mark.parametrize(("chosen", "expected"), [("frames", "<123>"), ("batch", "<9>")])
    async def test_one_end_for_a_streaming_way_and_a_batch_one(
        self, chosen: str, expected: str, mode: str | None
    ) -> None:
        flow = flow_of(
            ("b", branching(("${s.q} == 'frames'", "g"), ("true", "y")), {}),
            ("g", Gives(1, 2, 3), {}),
            ("y", Call(lambda *_: {"y": 9}), {}),
            edges="s>b g=e y>e",
            conf={"responseTemplate": "<{{v}}{{y}}>"},
            stream_inputs_schema=V,
            inputs_schema={"y": "${y.y}"},
            response_mode=mode,
        )
        result = (await turn(flow, {"q": chosen})).result
        said = [result["responseContent"]] if mode is None else [str(frame.payload["answer"]) for frame in result]
        assert "".join(said) == expected

    @pytest.mark.parametrize("order", [["g", "t"], ["t", "g"]])
    async def test_a_router_may_lead_to_producer_and_consumer_at_once(self, order: list[str]) -> None:
        flow = flow_of(
            ("b", Call(), {}),
            ("g", Gives(1, 2), {"comp_ability": [STREAM]}),
            ("t", Takes(), {"stream_inputs_schema": V}),
            edges="s>b g=t t>e",
            inputs_schema={"t": "${t.v}"},
        )
        flow.add_conditional_connection("b", lambda: order)
        assert (await turn(flow, {})).result["output"]["t"] == [1, 2]


class TestStops:
    async def test_a_consumer_does_not_finish_on_half_of_the_frames(self) -> None:
        finished: list[Any] = []

        class Notes(Takes):
            async def collect(self, inputs: Any, runtime: Any, context: Any) -> Any:
                finished.append(await super().collect(inputs, runtime, context))
                return finished[-1]

        taker = ("t", Notes(), {"stream_inputs_schema": V})
        failing = flow_of(("g", Gives(1, 2, 3, fails_at=1), {}), taker, edges="s>g g=t t>e")
        await failure(failing, {})
        assert finished == []
        await turn(failing, InteractiveInput())
        assert finished == [{"v": [1, 2, 3]}]

        finished.clear()
        asks = flow_of(("g", Asks(), {}), taker, edges="s>g g=t t>e")
        await turn(asks, {}, "asks")
        assert finished == []
        await turn(asks, InteractiveInput(2), "asks")
        assert finished == [{"v": [1, 2, 3]}]

    async def test_an_end_says_nothing_after_a_frame_that_did_not_come(self) -> None:
        flow = flow_of(
            ("g", Gives("a", "b", fails_at=1), {}),
            edges="s>g g=e",
            conf={"responseTemplate": "He said: {{v}}! Bye."},
            stream_inputs_schema=V,
            response_mode="streaming",
        )
        said = []
        with pytest.raises(JiuWenBaseException):
            async for frame in flow.stream({}, WorkflowRuntime(session_id="s")):
                said += [frame.payload["answer"]] if hasattr(frame, "index") else []
        assert said == ["He said: ", "a"]

    @pytest.mark.parametrize("mode", ["streaming", None])
    async def test_what_an_end_gave_before_another_failure_is_in_the_result(self, mode: str | None) -> None:
        flow = flow_of(
            ("g", Gives(1, 2), {}),
            ("x", Call(), {}),
            ("y", Call(), {}),
            ("z", fail_once(), {}),
            edges="s>g g=e s>x x>y y>z",
            stream_inputs_schema=V,
            response_mode=mode,
        )
        await failure(flow, {})
        result = (await turn(flow, InteractiveInput())).result
        given = result["collect_output"] if mode is None else [frame.payload["output"] for frame in result]
        assert given == [{"v": 1}, {"v": 2}]

    async def test_a_transformer_that_fails_leaves_nothing_running(self) -> None:
        attempts = iter([True, False])

        def transformer(state: Any) -> dict[str, Any]:
            if next(attempts):
                raise RuntimeError("no inputs")
            return {"q": 1}

        flow = flow_of(
            ("g", Gives(1, 2), {}),
            edges="s>g g=e",
            conf={"responseTemplate": "<{{v}}|{{q}}>"},
            stream_inputs_schema=V,
            inputs_transformer=transformer,
        )
        assert "no inputs" in str(await failure(flow, {}))
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert (await turn(flow, InteractiveInput())).result == {"responseContent": "<12|1>"}


class TestNewRuns:
    async def test_frames_of_a_run_that_failed_are_not_taken_by_the_next(self) -> None:
        flow = flow_of(
            ("b", branching(("${s.q} == 'old'", "g1"), ("true", "g2")), {}),
            ("g1", Gives("old"), {}),
            ("g2", Gives("new"), {}),
            ("t", Takes(fails_at=0), {"stream_inputs_schema": {"a": "${g1.v}", "b": "${g2.v}"}}),
            edges="s>b g1=t g2=t t>e",
            inputs_schema={"t": "${t}"},
        )
        graph, config = flow.compile(InMemorySaver()), {"configurable": {"thread_id": "1"}}
        with pytest.raises(JiuWenBaseException):
            await graph.ainvoke({"inputs": {"q": "old"}}, config)
        found = await graph.ainvoke({"inputs": {"q": "new"}}, config)
        assert found["result"]["output"]["t"] == {"a": [], "b": ["new"]}


class TestSubWorkflows:
    def streaming(self) -> Workflow:
        return passing(Gives(1, 2, 3), Takes())

    def host(self) -> Workflow:
        sub = ("sub", SubWorkflowComponent(self.streaming()), {"inputs_schema": {"q": "${s.q}"}})
        return flow_of(
            sub,
            edges="s>sub sub=e",
            conf={"responseTemplate": "<{{v}}{{q}}>"},
            stream_inputs_schema={"v": "${sub.output.v}"},
            inputs_schema={"q": "${s.q}"},
            response_mode="streaming",
        )

    def test_a_synchronous_caller_gets_the_frames_from_inside(self) -> None:
        graph = self.host().compile()
        frames = graph.stream({"inputs": {"q": 1}}, stream_mode="custom")
        assert [frame.payload["answer"] for frame in frames] == ["<", "10", "20", "30", "1", ">"]

    def test_with_a_checkpointer_too(self) -> None:
        graph, config = self.host().compile(InMemorySaver()), {"configurable": {"thread_id": "1"}}
        result = graph.invoke({"inputs": {"q": 1}}, config)
        assert result.keys() == {"result"}

    async def test_as_a_streaming_end_it_gives_its_frames_once(self) -> None:
        flow = workflow()
        flow.set_start_comp("s", Start(), inputs_schema={"q": "${q}"})
        inner = SubWorkflowComponent(self.streaming())
        flow.set_end_comp("e", inner, inputs_schema={"q": "${s.q}"}, response_mode="streaming")
        flow.add_connection("s", "e")
        assert values((await turn(flow, {"q": 1})).result) == [10, 20, 30]
        frames = [frame async for frame in flow.stream({"q": 1}, WorkflowRuntime())]
        assert values([frame for frame in frames if hasattr(frame, "index")]) == [10, 20, 30]
