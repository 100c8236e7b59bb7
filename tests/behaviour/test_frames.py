"""Frames between components: who takes whose, when, and what happens to them after a stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import interrupt

from jiuwen_lg import (
    BaseStreamMode,
    BranchComponent,
    ComponentAbility,
    CustomSchema,
    End,
    InteractiveInput,
    JiuWenBaseException,
    LoopComponent,
    LoopGroup,
    OutputSchema,
    SimpleComponent,
    Start,
    SubWorkflowComponent,
    Workflow,
    WorkflowRuntime,
)
from jiuwen_lg.engine.concurrency import frame_buffer as reader
from tests.flows import Ask, Call, asked, turn, workflow
from tests.loops import number

INVOKE, STREAM = ComponentAbility.INVOKE, ComponentAbility.STREAM
COLLECT, TRANSFORM = ComponentAbility.COLLECT, ComponentAbility.TRANSFORM
V = {"v": "${g.v}"}


class Gives(SimpleComponent):
    """Gives items as frames `{"v": item}`, letting others run in between; may fail once before the n-th."""

    def __init__(self, *items: Any, fails_at: int | None = None, raw: bool = False) -> None:
        self.items = items
        self.fails_at = fails_at
        self.raw = raw
        self.executions = 0

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        return {"batch": inputs}

    async def stream(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
        self.executions += 1
        for position, item in enumerate(self.items):
            if position == self.fails_at:
                self.fails_at = None
                raise RuntimeError("mid-stream")
            yield item if self.raw else {"v": item}
            await asyncio.sleep(0)


class Takes(SimpleComponent):
    """Collects what comes into lists; passes it on times ten. May fail once at the n-th item."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.fails_at = fails_at
        self.executions = 0
        self.seen: list[Any] = []

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        return {"batch": inputs}

    async def collect(self, inputs: Any, runtime: Any, context: Any) -> Any:
        self.executions += 1
        return {key: await self._all(value) for key, value in inputs.items()}

    async def transform(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
        self.executions += 1
        async for item in self._items(inputs["v"]):
            yield {"v": item * 10}

    async def _all(self, value: Any) -> Any:
        return [item async for item in self._items(value)] if hasattr(value, "__aiter__") else value

    async def _items(self, value: AsyncIterator[Any]) -> AsyncIterator[Any]:
        position = 0
        async for item in value:
            if position == self.fails_at:
                self.fails_at = None
                raise RuntimeError("in the consumer")
            position += 1
            self.seen.append(item)
            yield item


def flow_of(*parts: tuple[str, Any, dict[str, Any]], edges: str, conf: Any = None, **end: Any) -> Workflow:
    """start, the parts, an End; of the edges `a>b` is a connection, `a=b` a stream connection."""
    flow = workflow()
    flow.set_start_comp("s", Start(), inputs_schema={"q": "${q}"})
    for name, part, options in parts:
        flow.add_workflow_comp(name, part, **options)
    flow.set_end_comp("e", End(conf), **end)
    for edge in edges.split():
        source, target = edge.replace("=", ">").split(">")
        (flow.add_stream_connection if "=" in edge else flow.add_connection)(source, target)
    return flow


def collecting(producer: Any, consumer: Any | None = None, **options: Any) -> Workflow:
    """s > g = t > e, with t collecting and e showing it."""
    taker = ("t", consumer or Takes(), {"stream_inputs_schema": V})
    return flow_of(
        ("g", producer, options), taker, edges="s>g g=t t>e", inputs_schema={"t": "${t.v}", "batch": "${t.batch}"}
    )


def passing(producer: Any, *consumers: Any) -> Workflow:
    """s > g = t0 = t1 … = e, a streaming End; every consumer transforms."""
    names = ["g", *(f"t{position}" for position in range(len(consumers)))]
    parts = [
        (name, consumer, {"stream_inputs_schema": {"v": f"${{{before}.v}}"}})
        for name, consumer, before in zip(names[1:], consumers, names, strict=False)
    ]
    edges = " ".join(["s>g", *(f"{a}={b}" for a, b in zip(names, [*names[1:], "e"], strict=True))])
    end = {"stream_inputs_schema": {"v": f"${{{names[-1]}.v}}"}, "response_mode": "streaming"}
    return flow_of(("g", producer, {}), *parts, edges=edges, **end)


async def watched(flow: Workflow, given: Any, session: str = "s", modes: Any = None) -> list[Any]:
    """The output frames of one turn."""
    modes = modes or [BaseStreamMode.OUTPUT]
    return [f async for f in flow.stream(given, WorkflowRuntime(session_id=session), stream_modes=modes)]


def values(frames: list[OutputSchema]) -> list[Any]:
    """What the frames of an End without a template hold."""
    return [frame.payload["output"]["v"] for frame in frames if frame.type == "end node stream"]


async def failure(flow: Workflow, given: Any) -> JiuWenBaseException:
    with pytest.raises(JiuWenBaseException) as error:
        await turn(flow, given)
    return error.value


class TestLive:
    """Frames arrive while they are made."""

    def relay(self) -> tuple[Workflow, asyncio.Semaphore]:
        """A chain of three whose producer makes a frame only when the reader has had the one before."""
        may_go_on = asyncio.Semaphore(1)

        class Waits(Gives):
            async def stream(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
                for item in range(5):
                    await may_go_on.acquire()
                    yield {"v": item}

        return passing(Waits(), Takes(), Takes()), may_go_on

    async def test_a_frame_reaches_the_reader_before_the_next_is_made(self) -> None:
        flow, may_go_on = self.relay()
        found = []
        async for frame in flow.stream({"q": 1}, WorkflowRuntime(), stream_modes=[BaseStreamMode.OUTPUT]):
            found.append(frame)
            may_go_on.release()
        assert values(found) == [0, 100, 200, 300, 400]
        assert [frame.index for frame in found] == [0, 1, 2, 3, 4]

    @pytest.mark.parametrize("saver", [True, False])
    async def test_it_does_through_the_compiled_graph_too(self, *, saver: bool) -> None:
        flow, may_go_on = self.relay()
        graph = flow.compile(InMemorySaver() if saver else None)
        found = []
        config: Any = {"configurable": {"thread_id": "t"}}
        async for frame in graph.astream({"inputs": {"q": 1}}, config, stream_mode="custom"):
            found.append(frame)
            may_go_on.release()
        assert values(found) == [0, 100, 200, 300, 400]

    def test_a_synchronous_caller_gets_them_too(self) -> None:
        graph = passing(Gives(1, 2), Takes()).compile()
        found = [*graph.stream({"inputs": {"q": 1}}, stream_mode="custom")]
        assert values(found) == [10, 20]

    async def test_frames_flow_out_of_a_sub_workflow(self) -> None:
        """Q-39: there they are held back until it has finished."""
        inner, may_go_on = self.relay()
        sub = ("sub", SubWorkflowComponent(inner), {"inputs_schema": {"q": "${s.q}"}})
        schema = {"stream_inputs_schema": {"v": "${sub.output.v}"}, "response_mode": "streaming"}
        flow = flow_of(sub, edges="s>sub sub=e", **schema)
        found = []
        async for frame in flow.stream({"q": 1}, WorkflowRuntime(), stream_modes=[BaseStreamMode.OUTPUT]):
            found.append(frame)
            may_go_on.release()
        assert values(found) == [0, 100, 200, 300, 400]

    async def test_frames_flow_in_a_loop(self) -> None:
        """The producer of each round waits until its consumer has the frame before."""
        may_go_on = asyncio.Semaphore(1)

        class Waits(Gives):
            async def stream(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
                for item in range(3):
                    await may_go_on.acquire()
                    yield {"v": [inputs["i"], item]}

        class Lets(Takes):
            async def collect(self, inputs: Any, runtime: Any, context: Any) -> Any:
                found = []
                async for item in inputs["v"]:
                    found.append(item)
                    may_go_on.release()
                return {"v": found}

        group = LoopGroup().add_workflow_comp("g", Waits(), inputs_schema={"i": "${l.index}"})
        group.add_workflow_comp("t", Lets(), stream_inputs_schema=V).add_stream_connection("g", "t")
        loop = LoopComponent(group.start_nodes(["g"]).end_nodes(["t"]), {"v": "${t.v}"})
        flow = flow_of(("l", loop, {"inputs_schema": number(2)}), edges="s>l l>e", inputs_schema={"v": "${l.v}"})
        found = (await turn(flow, {})).result["output"]["v"]
        assert found == [[[round_, item] for item in range(3)] for round_ in range(2)]


class TestEdges:
    async def test_q10_a_generator_ends_when_its_own_producer_ends(self) -> None:
        class Slow(Gives):
            async def stream(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
                async for frame in super().stream(inputs, runtime, context):
                    for _ in range(50):
                        await asyncio.sleep(0)
                    yield frame

        for slow in ("a", "b"):
            parts = [(name, (Slow if name == slow else Gives)(1, 2, 3), {}) for name in "ab"]
            taker = ("t", Takes(), {"stream_inputs_schema": {"a": "${a.v}", "b": "${b.v}"}})
            flow = flow_of(*parts, taker, edges="s>a s>b a=t b=t t>e", inputs_schema={"t": "${t}"})
            assert (await turn(flow, {}, slow)).result["output"]["t"] == {"a": [1, 2, 3], "b": [1, 2, 3]}

    async def test_producers_that_run_at_different_times_feed_one_consumer(self) -> None:
        parts = [("a", Gives(1, 2), {}), ("x", Call(), {"inputs_schema": {}}), ("b", Gives(3), {})]
        taker = ("t", Takes(), {"stream_inputs_schema": {"a": "${a.v}", "b": "${b.v}", "whole": "${b}"}})
        flow = flow_of(*parts, taker, edges="s>a s>x x>b a=t b=t t>e", inputs_schema={"t": "${t}"})
        assert (await turn(flow, {})).result["output"]["t"] == {"a": [1, 2], "b": [3], "whole": [{"v": 3}]}

    async def test_one_producer_feeds_several_and_gives_a_batch_output_too(self) -> None:
        parts = [("g", Gives(1, 2), {"inputs_schema": {"q": "${s.q}"}})]
        parts += [(name, Takes(), {"stream_inputs_schema": V}) for name in ("t", "u")]
        parts.append(("b", Call(), {"inputs_schema": {"batch": "${g.batch}"}}))
        shown = {"t": "${t.v}", "u": "${u.v}", "b": "${b.batch.q}"}
        flow = flow_of(*parts, edges="s>g g=t g=u g>b t>e u>e b>e", inputs_schema=shown)
        assert (await turn(flow, {"q": 7})).result["output"] == {"t": [1, 2], "u": [1, 2], "b": 7}

    async def test_batch_and_stream_on_one_component(self) -> None:
        taker = ("t", Takes(), {"stream_inputs_schema": V, "inputs_schema": {"q": "${s.q}"}})
        flow = flow_of(("g", Gives(1, 2), {}), taker, edges="s>g s>t g=t t>e", inputs_schema={"t": "${t}"})
        assert (await turn(flow, {"q": 7})).result["output"]["t"] == {"v": [1, 2], "batch": {"q": 7}}

    async def test_q10_stream_and_transform_on_one_component(self) -> None:
        class Both(Takes):
            async def stream(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
                yield {"v": inputs["q"]}

        both = {"stream_inputs_schema": V, "inputs_schema": {"q": "${s.q}"}, "comp_ability": [STREAM, TRANSFORM]}
        flow = flow_of(
            ("g", Gives(1, 2), {}), ("b", Both(), both), ("t", Takes(), {"stream_inputs_schema": {"v": "${b.v}"}}),
            edges="s>g s>b g=b b=t t>e", inputs_schema={"t": "${t.v}"},
        )  # fmt: skip
        assert (await turn(flow, {"q": 7})).result["output"]["t"] == [10, 20, 7]

    @pytest.mark.parametrize("chosen", ["a", "b"])
    @pytest.mark.parametrize("mode", [None, "streaming"])
    async def test_q46_a_branch_may_choose_one_of_several_producers(self, chosen: str, mode: str | None) -> None:
        branch = BranchComponent()
        branch.add_branch("${s.q} == 'a'", "a")
        branch.add_branch("true", "b")
        parts = [("way", branch, {}), ("a", Gives(1, 2, 3), {}), ("b", Gives(4), {})]
        schema = {"stream_inputs_schema": {"a": "${a.v}", "b": "${b.v}"}, "response_mode": mode}
        flow = flow_of(*parts, edges="s>way a=e b=e", **schema)
        expected = [{"a": item} for item in (1, 2, 3)] if chosen == "a" else [{"b": 4}]
        result = (await turn(flow, {"q": chosen})).result
        found = result["collect_output"] if mode is None else [frame.payload["output"] for frame in result]
        assert found == expected

    async def test_q22_branches_and_starts_count_when_abilities_are_inferred(self) -> None:
        branch = BranchComponent()
        branch.add_branch("true", "g")
        taker = ("t", Takes(), {"stream_inputs_schema": V})
        flow = flow_of(
            ("way", branch, {}), ("g", Gives(1), {}), taker, edges="s>way g=t t>e", inputs_schema={"t": "${t.v}"}
        )
        assert (await turn(flow, {})).result["output"]["t"] == [1]
        flow = workflow()
        flow.set_start_comp("g", Gives(1, 2)).set_end_comp("e", End(), stream_inputs_schema=V)
        flow.add_stream_connection("g", "e")
        assert (await turn(flow, {}, "start")).result["collect_output"] == [{"v": 1}, {"v": 2}]

    async def test_a_consumer_entered_again_by_a_cycle_takes_only_new_frames(self) -> None:
        class Counts(Gives):
            async def stream(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
                self.executions += 1
                yield {"v": self.executions}

        times = iter(["g", "g", "e"])
        kept: list[Any] = []
        keep = Call(lambda inputs, runtime: kept.append(inputs["v"]))
        parts = [("g", Counts(), {"comp_ability": [STREAM]}), ("t", Takes(), {"stream_inputs_schema": V})]
        flow = flow_of(*parts, ("keep", keep, {"inputs_schema": {"v": "${t.v}"}}), edges="s>g g=t t>keep")
        flow.add_conditional_connection("keep", lambda: next(times))
        await turn(flow, {})
        assert kept == [[1], [2], [3]]

    @pytest.mark.parametrize("missing", ["g", "t"])
    async def test_an_unknown_end_of_a_connection_is_110006(self, missing: str) -> None:
        flow = flow_of(edges="s>e").add_stream_connection(*("ghost", "e") if missing == "g" else ("s", "ghost"))
        assert (await failure(flow, {})).error_code == 110006

    def test_a_missing_end_of_a_connection_is_110004(self) -> None:
        with pytest.raises(JiuWenBaseException) as error:
            workflow().add_stream_connection("a", "")
        assert error.value.error_code == 110004


class TestInputs:
    async def test_their_shape_is_kept_and_false_constants_are_left_out(self) -> None:
        schema = {
            "n": {"v": "${g.v}", "k": 5, "z": 0, "e": ""},
            "l": ["${g.v}", "text", None],
            "no": None,
            "batch": "${s.q}",
        }
        seen: list[Any] = []

        class Sees(Takes):
            async def collect(self, inputs: Any, runtime: Any, context: Any) -> Any:
                seen.append(inputs)
                return {"n": await self._all(inputs["n"]["v"]), "l": await self._all(inputs["l"][0])}

        taker = ("t", Sees(), {"stream_inputs_schema": schema})
        flow = flow_of(("g", Gives(1, 2), {}), taker, edges="s>g g=t t>e", inputs_schema={"t": "${t}"})
        assert (await turn(flow, {"q": 7})).result["output"]["t"] == {"n": [1, 2], "l": [1, 2]}
        [inputs] = seen
        assert inputs["n"].keys() == {"v", "k"}
        assert inputs["l"][1:] == ["text"]
        assert inputs["batch"] == 7
        assert inputs.keys() == {"n", "l", "batch"}

    async def test_a_batch_value_that_comes_later_is_waited_for(self) -> None:
        """The consumer then starts in its own turn, with the frames that were kept."""
        parts = [("g", Gives(1, 2), {}), ("x", Call(), {"inputs_schema": {}}), ("y", Call(lambda i, r: {"n": 5}), {})]
        taker = ("t", Takes(), {"stream_inputs_schema": {"v": "${g.v}", "n": "${y.n}"}, "wait_for_all": True})
        flow = flow_of(*parts, taker, edges="s>g s>x x>y g=t y>t t>e", inputs_schema={"t": "${t.v}", "n": "${t.n}"})
        assert (await turn(flow, {})).result["output"] == {"t": [1, 2], "n": 5}

    @pytest.mark.parametrize(
        "items", [("a", "b"), ([1, 2],), (OutputSchema(type="x", index=0, payload=1),), (5, None), ("END_1", "END_")]
    )
    async def test_q09_frames_that_a_reference_does_not_match_are_passed_over(self, items: Any) -> None:
        """Q-09 and Q-47: nothing hangs, and no text means an end."""
        assert (await turn(collecting(Gives(*items, raw=True)), {})).result["output"]["t"] == []
        flow = flow_of(
            ("g", Gives(*items, raw=True), {}), ("t", Takes(), {"stream_inputs_schema": {"v": "${g}"}}),
            edges="s>g g=t t>e", inputs_schema={"t": "${t.v}"},
        )  # fmt: skip
        found = (await turn(flow, {}, "whole")).result["output"]["t"]
        assert found == [item for item in items if item is not None]

    async def test_frames_are_shaped_by_schema_or_transformer(self) -> None:
        for options in (
            {"stream_outputs_schema": {"v": "${v.a}", "none": "${v.b}"}},
            {"stream_outputs_transformer": lambda frame: {"v": frame["v"]["a"], "none": None}},
        ):
            seen = Takes()
            flow = flow_of(
                ("g", Gives({"a": 1}, {"a": 2}), {**options, "comp_ability": [STREAM]}),
                ("t", seen, {"stream_inputs_schema": {"v": "${g}"}}),
                edges="s>g g=t t>e",
            )
            await turn(flow, {}, str(options))
            assert seen.seen == [{"v": 1, "none": None}, {"v": 2, "none": None}]

    async def test_a_producer_may_change_one_dict_and_give_it_again(self) -> None:
        class Changes(Gives):
            async def stream(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
                frame: dict[str, Any] = {}
                for item in range(3):
                    frame["v"] = item
                    yield frame

        assert values((await turn(passing(Changes()), {})).result) == [0, 1, 2]
        flow = workflow()
        flow.set_start_comp("s", Start()).set_end_comp("e", Changes(), response_mode="streaming")
        result = (await turn(flow.add_connection("s", "e"), {}, "end")).result
        assert [frame.payload for frame in result] == [{"v": 0}, {"v": 1}, {"v": 2}]
        assert (await turn(collecting(Changes()), {})).result["output"]["t"] == [0, 1, 2]

    async def test_a_frame_that_a_consumer_changes_stays_as_it_was(self) -> None:
        class Spoils(Takes):
            async def collect(self, inputs: Any, runtime: Any, context: Any) -> Any:
                async for item in inputs["v"]:
                    item.clear()

        parts = [
            ("g", Gives({"a": 1}), {}),
            ("bad", Spoils(), {"stream_inputs_schema": V}),
            ("t", Takes(), {"stream_inputs_schema": V}),
        ]
        flow = flow_of(*parts, edges="s>g g=bad g=t bad>e t>e", inputs_schema={"t": "${t.v}"})
        assert (await turn(flow, {})).result["output"]["t"] == [{"a": 1}]


class TestErrors:
    async def test_no_frames_are_193005_for_everybody_but_an_end(self) -> None:
        assert (await failure(collecting(Gives()), {})).error_code == 193005
        flow = flow_of(("g", Gives(), {}), edges="s>g g=e", stream_inputs_schema=V)
        assert (await turn(flow, {}, "end")).result == {"output": None}

    @pytest.mark.parametrize("ability", [STREAM, COLLECT, TRANSFORM])
    async def test_an_ability_without_its_method_is_196101(self, ability: ComponentAbility) -> None:
        options = {"comp_ability": [ability], "stream_inputs_schema": V}
        flow = flow_of(("g", Gives(1), {}), ("t", Call(), options), edges="s>g g=t t>e")
        error = await failure(flow, {})
        assert error.codes == (100005, 196101)
        assert f"[{ability.ability_name}]" in error.message

    @pytest.mark.parametrize("ability", ["collect", "transform"])
    async def test_asking_while_frames_stream_in_is_100004(self, ability: str) -> None:
        class Asks(Takes):
            async def collect(self, inputs: Any, runtime: Any, context: Any) -> Any:
                await runtime.interact("?")

            async def transform(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
                yield await runtime.interact("?")

        flow = collecting(Gives(1), Asks()) if ability == "collect" else passing(Gives(1), Asks())
        assert (await failure(flow, {})).codes == (100005, 100004)

    def test_a_component_that_takes_frames_waits_for_all(self) -> None:
        with pytest.raises(JiuWenBaseException) as error:
            workflow().add_workflow_comp("t", Takes(), wait_for_all=False, comp_ability=[COLLECT])
        assert error.value.error_code == -1

    async def test_a_consumer_that_never_ends_is_stopped_at_its_limit(self) -> None:
        class Never(Takes):
            async def collect(self, inputs: Any, runtime: Any, context: Any) -> Any:
                await asyncio.Event().wait()

        runtime = WorkflowRuntime()
        runtime.config().set_envs({"_comp_stream_call_timeout": 0.05})
        with pytest.raises(JiuWenBaseException) as error:
            await collecting(Gives(1), Never()).invoke({}, runtime)
        assert error.value.error_code == 193003

    async def test_a_producer_that_is_too_slow_fails_its_consumer(self) -> None:
        class Stalls(Gives):
            async def stream(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
                yield {"v": 1}
                await asyncio.sleep(0.3)
                yield {"v": 2}

        runtime = WorkflowRuntime()
        runtime.config().set_envs({"_stream_input_generator_timeout": 0.05})
        with pytest.raises(JiuWenBaseException) as error:
            await collecting(Stalls()).invoke({}, runtime)
        assert error.value.error_code == 100005
        assert "[t]" in error.value.message

    @pytest.mark.parametrize("setting", ["_comp_stream_call_timeout", "_stream_input_generator_timeout"])
    async def test_a_slow_reader_is_not_the_producers_fault(
        self, setting: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Writes(Gives):
            async def stream(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
                for item in range(6):
                    await runtime.write_stream({"type": "note", "index": item, "payload": item})
                    yield {"v": item}

        monkeypatch.setattr(reader, "CAPACITY", 2)
        runtime = WorkflowRuntime()
        runtime.config().set_envs({setting: 0.1})
        found = []
        async for frame in passing(Writes(), Takes()).stream({}, runtime, stream_modes=[BaseStreamMode.OUTPUT]):
            found.append(frame)
            await asyncio.sleep(0.15)  # the reader is slow: that is the experiment
        assert values(found) == [0, 10, 20, 30, 40, 50]

    async def test_a_timeout_of_the_component_itself_is_its_failure(self) -> None:
        class Calls(Takes):
            async def collect(self, inputs: Any, runtime: Any, context: Any) -> Any:
                raise TimeoutError("the service did not answer")

        runtime = WorkflowRuntime()
        runtime.config().set_envs({"_comp_stream_call_timeout": 100})
        with pytest.raises(JiuWenBaseException, match="the service did not answer") as error:
            await collecting(Gives(1), Calls()).invoke({}, runtime)
        assert error.value.error_code == 100005

    async def test_langgraphs_own_interrupt_is_100004_in_a_consumer(self) -> None:
        class Interrupts(Takes):
            async def transform(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
                async for _ in inputs["v"]:
                    yield interrupt("?")

        error = await failure(passing(Gives(1), Interrupts()), {})
        assert error.codes == (100005, 100004)
        assert "[t0]" in error.message

    @pytest.mark.parametrize("slot", ["{{ v | upper }}", "{{n}}", "{{l}}"])
    async def test_a_slot_stands_for_one_stream_of_frames(self, slot: str) -> None:
        flow = flow_of(
            ("g", Gives("a"), {}),
            edges="s>g g=e",
            conf={"responseTemplate": slot},
            stream_inputs_schema={**V, "n": {"v": "${g.v}"}, "l": ["${g.v}"]},
            response_mode="streaming",
        )
        error = await failure(flow, {})
        assert "write {{name}}" in error.message

    async def test_q36_an_end_does_not_hide_its_errors(self) -> None:
        schema: dict[str, Any] = {"inputs_schema": {"a": "${s.q}"}, "response_mode": "streaming"}
        flow = flow_of(edges="s>e", conf={"responseTemplate": "before {{ a / 0 }}"}, **schema)
        frames = []
        with pytest.raises(JiuWenBaseException) as error:
            async for frame in flow.stream({"q": 1}, WorkflowRuntime(), stream_modes=[BaseStreamMode.OUTPUT]):
                frames.append(frame.payload)
        assert error.value.error_code == 100005
        assert frames == [{"answer": "before "}]

    @pytest.mark.parametrize(
        "build", [lambda: collecting(Gives(1, 2, fails_at=1)), lambda: collecting(Gives(1, 2), Takes(1))]
    )
    async def test_nothing_runs_on_after_a_failure(self, build: Callable[[], Workflow]) -> None:
        await failure(build(), {})
        await asyncio.sleep(0)
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        assert left == []


class TestResuming:
    """After an answer, a failure or a kill nothing is lost, and nothing is twice in the result."""

    async def test_a_producer_that_failed_mid_stream_starts_anew_and_so_does_its_consumer(self) -> None:
        producer, consumer = Gives(1, 2, 3, fails_at=2), Takes()
        flow = collecting(producer, consumer)
        assert "[stream]" in (await failure(flow, {})).message
        assert (await turn(flow, InteractiveInput())).result["output"]["t"] == [1, 2, 3]
        assert producer.executions == 2

    async def test_q08_a_consumer_that_failed_gets_the_frames_again_from_the_state(self) -> None:
        for build in (collecting, passing):
            producer, consumer = Gives(1, 2, 3), Takes(fails_at=1)
            flow = build(producer, consumer)
            with pytest.raises(JiuWenBaseException, match="in the consumer") as error:
                await turn(flow, {}, build.__name__)
            assert ("[collect]" if build is collecting else "[transform]") in error.value.message
            result = (await turn(flow, InteractiveInput(), build.__name__)).result
            assert (result["output"]["t"] if build is collecting else values(result)) == (
                [1, 2, 3] if build is collecting else [10, 20, 30]
            )
            assert (producer.executions, consumer.executions) == (1, 2)

    async def test_a_failure_of_another_component_between_them(self) -> None:
        producer, consumer = Gives(1, 2), Takes()

        def fail_once(inputs: Any, runtime: Any) -> None:
            if other.executions == 1:
                raise RuntimeError("between")

        other = Call(fail_once)
        taker = ("t", consumer, {"stream_inputs_schema": V, "wait_for_all": True})
        flow = flow_of(
            ("g", producer, {}), ("x", Call(), {"inputs_schema": {}}), ("f", other, {}), taker,
            edges="s>g s>x x>f f>t g=t t>e", inputs_schema={"t": "${t.v}"},
        )  # fmt: skip
        await failure(flow, {})
        assert (await turn(flow, InteractiveInput())).result["output"]["t"] == [1, 2]
        assert producer.executions == 1

    async def test_a_producer_asks_and_gives_its_frames_again(self) -> None:
        class AsksBetween(Gives):
            async def stream(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
                yield {"v": 1}
                for _ in range(10):  # the reader has the frame by then
                    await asyncio.sleep(0)
                yield {"v": await runtime.interact("?")}

        flow = passing(AsksBetween(), Takes())
        first = await watched(flow, {})
        assert sorted(f.type for f in first) == ["__interaction__", "end node stream"]
        assert values(await watched(flow, InteractiveInput(2))) == [10, 20]

    async def test_a_sibling_asks_and_the_frames_are_kept(self) -> None:
        producer = Gives(1, 2)
        parts = [
            ("g", producer, {}),
            ("ask", Ask(), {}),
            ("t", Takes(), {"stream_inputs_schema": V, "wait_for_all": True}),
        ]
        flow = flow_of(*parts, edges="s>g s>ask g=t ask>t t>e", inputs_schema={"t": "${t.v}"})
        assert asked(await turn(flow, {})) == [("ask", 0, "ok?")]
        assert (await turn(flow, InteractiveInput("yes"))).result["output"]["t"] == [1, 2]
        assert producer.executions == 1

    @pytest.mark.parametrize("fails", [False, True])
    async def test_frames_of_an_end_that_were_shown_are_not_shown_again(self, *, fails: bool) -> None:
        """The End had them all but not its turn, when a sibling asked (or failed) in the producer's superstep."""
        shown = asyncio.Event()

        async def wait(inputs: Any, runtime: Any) -> Any:
            await shown.wait()
            if fails and other.executions == 1:
                raise RuntimeError("beside")
            return {"answer": 1 if fails else await runtime.interact("ok?")}

        other = Call(wait)
        schema = {"stream_inputs_schema": V, "response_mode": "streaming"}
        flow = flow_of(("g", Gives(1, 2), {}), ("ask", other, {}), edges="s>g s>ask g=e ask>e", **schema)
        first: list[Any] = []
        try:
            async for frame in flow.stream({}, WorkflowRuntime(session_id="s"), stream_modes=[BaseStreamMode.OUTPUT]):
                first.append(frame)
                if len(first) == 2:
                    shown.set()
        except JiuWenBaseException:
            assert fails
        assert values(first) == [1, 2]
        assert values(await watched(flow, InteractiveInput() if fails else InteractiveInput("yes"))) == []

    async def test_state_that_a_consumer_changes_counts_from_its_turn_on(self) -> None:
        class Counts(Takes):
            async def collect(self, inputs: Any, runtime: Any, context: Any) -> Any:
                found = await super().collect(inputs, runtime, context)
                runtime.update_state({"n": len(found["v"])})
                runtime.update_global_state({"g": len(found["v"])})
                return {**found, "before": runtime.get_state("n")}

        after = Call(lambda i, r: {"g": r.get_global_state("g")})
        flow = flow_of(
            ("g", Gives(1, 2), {}), ("t", Counts(), {"stream_inputs_schema": V}), ("after", after, {}),
            edges="s>g g=t t>after after>e", inputs_schema={"g": "${after.g}", "before": "${t.before}"},
        )  # fmt: skip
        assert (await turn(flow, {})).result["output"] == {"g": 2}

    async def test_many_sessions_at_once(self) -> None:
        class GivesInput(Gives):
            async def stream(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
                for _ in range(3):
                    yield {"v": inputs["q"]}
                    await asyncio.sleep(0)

        flow = collecting(GivesInput(), inputs_schema={"q": "${s.q}"})
        outputs = await asyncio.gather(*(turn(flow, {"q": n}, str(n)) for n in range(20)))
        assert [output.result["output"]["t"] for output in outputs] == [[n] * 3 for n in range(20)]

    async def test_a_streams_reader_that_leaves_early_leaves_the_session_resumable(self) -> None:
        flow = passing(Gives(1, 2, 3), Takes())
        stream = flow.stream({}, WorkflowRuntime(session_id="s"), stream_modes=[BaseStreamMode.OUTPUT])
        assert values([await anext(stream)]) == [10]
        await stream.aclose()
        assert values(await watched(flow, InteractiveInput())) == [10, 20, 30]


class TestEnd:
    @pytest.mark.parametrize("batch", [True, False])
    async def test_template_order_is_kept_while_frames_arrive(self, *, batch: bool) -> None:
        conf = {"responseTemplate": "A{{b}}B{{q}}C{{a}}D{{missing}}"}
        parts = [("a", Gives(1, 2), {}), ("b", Gives(3), {})]
        schema: dict[str, Any] = {"stream_inputs_schema": {"a": "${a.v}", "b": "${b.v}"}, "response_mode": "streaming"}
        if batch:
            schema["inputs_schema"] = {"q": "${s.q}"}
        flow = flow_of(*parts, edges="s>a s>b a=e b=e", conf=conf, **schema)
        found = await watched(flow, {"q": 0})
        middle = ["0"] if batch else []
        assert [frame.payload["answer"] for frame in found] == ["A", "3", "B", *middle, "C", "1", "2", "D"]
        assert [frame.index for frame in found] == [*range(len(found))]

    async def test_a_collected_template_with_batch_inputs(self) -> None:
        conf = {"responseTemplate": "<{{v}}|{{q}}|{{n.x}}>"}
        flow = flow_of(("g", Gives("a", "b"), {}), edges="s>g g=e", conf=conf, stream_inputs_schema=V,
                       inputs_schema={"q": "${s.q}", "n": {"x": "${s.q}"}})  # fmt: skip
        assert (await turn(flow, {"q": 7})).result == {"responseContent": "<ab|7|7>"}

    async def test_batch_and_frames_without_a_template_count_apart(self) -> None:
        flow = flow_of(("g", Gives(1, 2), {}), edges="s>g g=e", stream_inputs_schema=V, inputs_schema={"q": "${s.q}"},
                       response_mode="streaming")  # fmt: skip
        found = await watched(flow, {"q": 7})
        assert sorted((str(f.payload["output"]), f.index) for f in found) == [
            ("{'q': 7}", 0),
            ("{'v': 1}", 0),
            ("{'v': 2}", 1),
        ]

    async def test_q11_an_outputs_schema_sees_both_halves(self) -> None:
        schema = {"all": "${collect_output}", "q": "${output.q}"}
        flow = flow_of(("g", Gives(1, 2), {}), edges="s>g g=e", stream_inputs_schema=V, inputs_schema={"q": "${s.q}"},
                       outputs_schema=schema)  # fmt: skip
        assert (await turn(flow, {"q": 7})).result == {"all": [{"v": 1}, {"v": 2}], "q": 7}

    async def test_q37_an_empty_slot_waits_for_nothing(self) -> None:
        schema: dict[str, Any] = {"inputs_schema": {"q": "${s.q}", "no": "${s.no}"}, "response_mode": "streaming"}
        flow = flow_of(edges="s>e", conf={"responseTemplate": "a{{no}}b{{q}}"}, **schema)
        async with asyncio.timeout(4):
            assert [frame.payload["answer"] for frame in await watched(flow, {"q": 1})] == ["a", "b", "1"]

    async def test_a_custom_end_gives_frames_of_its_own(self) -> None:
        class Custom(SimpleComponent):
            async def stream(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
                yield {"plain": 1}
                yield OutputSchema(type="mine", index=9, payload=2)
                yield "text"

        flow = workflow()
        flow.set_start_comp("s", Start()).set_end_comp("e", Custom(), response_mode="streaming").add_connection(
            "s", "e"
        )
        found = await watched(flow, {})
        assert [(f.type, f.index, f.payload) for f in found] == [
            ("end node stream", 0, {"plain": 1}), ("mine", 9, 2), ("end node stream", 2, "text"),
        ]  # fmt: skip

    async def test_a_custom_schema_from_an_end_is_193001(self) -> None:
        class Custom(SimpleComponent):
            async def stream(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[Any]:
                yield CustomSchema(a=1)

        flow = workflow()
        flow.set_start_comp("s", Start()).set_end_comp("e", Custom(), response_mode="streaming").add_connection(
            "s", "e"
        )
        assert (await failure(flow, {})).codes == (100005, 193001)

    async def test_a_result_is_whole_whatever_was_read_of_it(self) -> None:
        flow = passing(Gives(1, 2))
        runtime = WorkflowRuntime(session_id="s", turn_id="once")
        assert [frame async for frame in flow.stream({}, runtime, stream_modes=[BaseStreamMode.TRACE])]
        again = await flow.invoke({}, WorkflowRuntime(session_id="s", turn_id="once"))
        assert values(again.result) == [1, 2]

    async def test_invoke_gives_all_frames_and_the_receipt_has_them_too(self) -> None:
        flow = passing(Gives(1, 2))
        runtime = WorkflowRuntime(session_id="s", turn_id="once")
        first = await flow.invoke({}, runtime)
        assert values(first.result) == [1, 2]
        again = await flow.invoke({}, WorkflowRuntime(session_id="s", turn_id="once"))
        assert again.result == first.result


class TestSubWorkflows:
    def inner(self, **end: Any) -> Workflow:
        return flow_of(
            ("g", Gives(1, 2), {}),
            edges="s>g g=e",
            **(end or {"stream_inputs_schema": V, "response_mode": "streaming"}),
        )

    async def test_a_streaming_end_gives_all_frames_at_once(self) -> None:
        sub = ("sub", SubWorkflowComponent(self.inner()), {"inputs_schema": {"q": 1}})
        flow = flow_of(sub, edges="s>sub sub>e", inputs_schema={"f": "${sub.stream}"})
        assert (await turn(flow, {})).result["output"]["f"] == [{"output": {"v": 1}}, {"output": {"v": 2}}]

    async def test_q40_both_halves_of_its_end_arrive(self) -> None:
        inner = self.inner(stream_inputs_schema=V, inputs_schema={"q": "${s.q}"}, response_mode="streaming")
        sub = ("sub", SubWorkflowComponent(inner), {"inputs_schema": {"q": 7}})
        taker = ("t", Takes(), {"stream_inputs_schema": {"v": "${sub.output.v}", "q": "${sub.output.q}"}})
        flow = flow_of(sub, taker, edges="s>sub sub=t t>e", inputs_schema={"t": "${t}"})
        assert (await turn(flow, {})).result["output"]["t"] == {"v": [1, 2], "q": [7]}

    async def test_it_runs_once_for_its_frames_and_its_output(self) -> None:
        runs = Call()
        inner = self.inner()
        inner.add_workflow_comp("runs", runs).add_connection("s", "runs")
        sub = ("sub", SubWorkflowComponent(inner), {"inputs_schema": {"q": 1}})
        taker = ("t", Takes(), {"stream_inputs_schema": {"v": "${sub.output.v}"}})
        after = ("a", Call(), {"inputs_schema": {"all": "${sub.stream}"}})
        shown = {"t": "${t.v}", "all": "${a.all}"}
        flow = flow_of(sub, taker, after, edges="s>sub sub=t sub>a t>e a>e", inputs_schema=shown)
        all_of_it = [{"output": {"v": 1}}, {"output": {"v": 2}}]
        assert (await turn(flow, {})).result["output"] == {"t": [1, 2], "all": all_of_it}
        assert runs.executions == 1

    async def test_q38_a_batch_end_gives_one_frame(self) -> None:
        inner = self.inner(inputs_schema={"v": "${s.q}"})
        sub = ("sub", SubWorkflowComponent(inner), {"inputs_schema": {"q": 7}})
        taker = ("t", Takes(), {"stream_inputs_schema": {"v": "${sub.output.v}"}})
        flow = flow_of(sub, taker, edges="s>sub sub=t t>e", inputs_schema={"t": "${t.v}"})
        assert (await turn(flow, {})).result["output"]["t"] == [7]

    async def test_a_failure_after_the_frames_inside_loses_none(self) -> None:
        inner = self.inner()

        def fail_once(inputs: Any, runtime: Any) -> None:
            if late.executions == 1:
                raise RuntimeError("late")

        late = Call(fail_once)
        inner.add_workflow_comp("late", late).add_connection("e", "late")
        sub = ("sub", SubWorkflowComponent(inner), {"inputs_schema": {"q": 1}})
        taker = ("t", Takes(), {"stream_inputs_schema": {"v": "${sub.output.v}"}})
        flow = flow_of(sub, taker, edges="s>sub sub=t t>e", inputs_schema={"t": "${t.v}"})
        await failure(flow, {})
        assert (await turn(flow, InteractiveInput())).result["output"]["t"] == [1, 2]

    @pytest.mark.parametrize("ability", [COLLECT, TRANSFORM])
    async def test_it_takes_no_frames(self, ability: ComponentAbility) -> None:
        options = {"stream_inputs_schema": V, "comp_ability": [ability]}
        flow = flow_of(
            ("g", Gives(1), {}), ("sub", SubWorkflowComponent(self.inner()), options), edges="s>g g=sub sub>e"
        )
        assert (await failure(flow, {})).codes == (100005, 196101)

    async def test_a_loop_gives_no_frames(self) -> None:
        group = LoopGroup().add_workflow_comp("a", Call()).start_nodes(["a"]).end_nodes(["a"])
        loop = ("l", LoopComponent(group, {}), {"inputs_schema": number(1), "comp_ability": [STREAM]})
        flow = flow_of(loop, ("t", Takes(), {"stream_inputs_schema": {"v": "${l.v}"}}), edges="s>l l=t t>e")
        assert (await failure(flow, {})).codes == (100005, 196101)
