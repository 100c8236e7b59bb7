"""Sub-workflows: mapping, isolation, depth, and what is resumed inside them."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Command

from jiuwen_lg import (
    End,
    InteractiveInput,
    JiuWenBaseException,
    LoopComponent,
    LoopGroup,
    Start,
    SubWorkflowComponent,
    TaskRuntime,
    Workflow,
    WorkflowConfig,
    WorkflowInputsSchema,
    WorkflowMetadata,
)
from tests.flows import Ask, Call, asked, chain, turn, workflow
from tests.loops import body, number


def around(inner: Workflow, schema: dict[str, Any] | None = None, **options: Any) -> Workflow:
    """start → sub → end, which shows the sub-workflow's whole output."""
    flow = workflow(**options)
    flow.set_start_comp("start", Start(), inputs_schema={"q": "${q}"})
    flow.add_workflow_comp("sub", SubWorkflowComponent(inner), inputs_schema=schema or {"q": "${start.q}"})
    flow.set_end_comp("end", End(), inputs_schema={"sub": "${sub}"})
    return flow.add_connection("start", "sub").add_connection("sub", "end")


async def given(flow: Workflow, inputs: Any, session: str = "s") -> Any:
    return (await turn(flow, inputs, session)).result["output"]["sub"]


def in_loop(inner: Any, output: dict[str, Any], rounds: int = 2, name: str = "sub") -> Workflow:
    """start → a loop of sub-workflows → end; the sub-workflow gets `{"q": index}`."""
    group = body((name, SubWorkflowComponent(inner)), **{name: {"q": "${loop.index}"}})
    flow = workflow()
    flow.set_start_comp("start", Start(), inputs_schema={"q": "${q}"})
    flow.add_workflow_comp("loop", LoopComponent(group, output), inputs_schema=number(rounds))
    flow.set_end_comp("end", End(), inputs_schema={"sub": {key: f"${{loop.{key}}}" for key in output}})
    return flow.add_connection("start", "loop").add_connection("loop", "end")


class TestMapping:
    async def test_inputs_go_in_and_the_result_comes_out_and_nothing_else(self) -> None:
        """Q-15: nothing of what is inside shows outside."""
        assert await given(around(chain(("a", Call()))), {"q": 1}) == {"output": {"a": {"q": 1}}}

    async def test_a_template_inside(self) -> None:
        inner = workflow()
        inner.set_start_comp("s", Start(), inputs_schema={"q": "${q}"})
        inner.set_end_comp("e", End({"responseTemplate": "<{{q}}>"}), inputs_schema={"q": "${s.q}"})
        inner.add_connection("s", "e")
        assert await given(around(inner), {"q": "文"}) == {"responseContent": "<文>"}

    async def test_schemas_and_transformers_of_the_component(self) -> None:
        inner = chain(("a", Call()))
        flow = workflow()
        flow.set_start_comp("start", Start(), inputs_schema={"q": "${q}"})
        flow.add_workflow_comp(
            "sub",
            SubWorkflowComponent(inner),
            inputs_transformer=lambda state: {"q": state.get("start.q") + 1},
            outputs_schema={"found": "${output.a.q}"},
        )
        flow.set_end_comp("end", End(), inputs_schema={"sub": "${sub}"})
        flow.add_connection("start", "sub").add_connection("sub", "end")
        assert await given(flow, {"q": 1}) == {"found": 2}

    @pytest.mark.parametrize("schema", [{}, {"q": "${nothing}"}])
    async def test_without_inputs(self, schema: dict[str, Any]) -> None:
        inner = workflow()
        inner.set_start_comp("s", Start(), inputs_schema={"q": "${q}", "x": 1})
        inner.set_end_comp("e", End(), inputs_schema={"s": "${s}"}).add_connection("s", "e")
        flow = workflow()
        flow.set_start_comp("start", Start())
        flow.add_workflow_comp("sub", SubWorkflowComponent(inner), inputs_schema=schema or None)
        flow.set_end_comp("end", End(), inputs_schema={"sub": "${sub}"})
        flow.add_connection("start", "sub").add_connection("sub", "end")
        assert await given(flow, {"q": 1}) == {"output": {"s": {"q": None, "x": 1}}}

    async def test_inputs_that_are_no_dict_fail_the_component(self) -> None:
        flow = workflow()
        flow.set_start_comp("start", Start())
        sub = SubWorkflowComponent(chain(("a", Call())))
        flow.add_workflow_comp("sub", sub, inputs_transformer=lambda state: [1]).add_connection("start", "sub")
        with pytest.raises(JiuWenBaseException) as error:
            await turn(flow, {})
        assert error.value.codes == (100005, 100100)

    async def test_an_end_that_is_not_reached_gives_nothing(self) -> None:
        inner = workflow()
        inner.set_start_comp("s", Start(), inputs_schema={"q": "${q}"})
        inner.set_end_comp("e", End())
        output = (await turn(around(inner), {"q": 1})).result
        assert output == {"output": {}}

    @pytest.mark.parametrize("inner", [None, "x", Call(), LoopGroup()])
    def test_only_a_workflow_can_be_inside(self, inner: Any) -> None:
        with pytest.raises(JiuWenBaseException) as error:
            SubWorkflowComponent(inner)
        assert error.value.error_code == 101140

    async def test_an_edit_inside_takes_effect(self) -> None:
        inner = workflow()
        inner.set_start_comp("s", Start(), inputs_schema={"q": "${q}"})
        inner.set_end_comp("e", End(), inputs_schema={"q": "${s.q}", "a": "${a.q}"}).add_connection("s", "e")
        flow = around(inner)
        assert await given(flow, {"q": 1}, "one") == {"output": {"q": 1}}
        inner.add_workflow_comp("a", Call(), inputs_schema={"q": "${s.q}"})
        inner.add_connection("s", "a").add_connection("a", "e")
        assert await given(flow, {"q": 2}, "two") == {"output": {"q": 2, "a": 2}}


class TestIsolation:
    async def test_nothing_of_the_surroundings_is_seen_but_the_global_state(self) -> None:
        keys = ("start.q", "q", "outer", "before.x", "g")
        look = Call(
            lambda i, r: {key: r.get_global_state(key) for key in keys} | {"schema": i, "id": r.executable_id()}
        )
        inner = workflow()
        inner.set_start_comp("s", Start(), inputs_schema={"mine": "${mine}"})
        inner.add_workflow_comp("look", look, inputs_schema={"q": "${q}", "before": "${before.x}", "mine": "${s.mine}"})
        inner.set_end_comp("e", End(), inputs_schema={"look": "${look}"})
        inner.add_connection("s", "look").add_connection("look", "e")
        flow = workflow()
        flow.set_start_comp("start", Start(), inputs_schema={"q": "${q}"})
        flow.add_workflow_comp("before", Call(lambda i, r: r.update_global_state({"g": "G"}) or {"x": 1}))
        flow.add_workflow_comp("sub", SubWorkflowComponent(inner), inputs_schema={"mine": "${start.q}"})
        flow.set_end_comp("end", End(), inputs_schema={"sub": "${sub}"})
        flow.add_connection("start", "before").add_connection("before", "sub").add_connection("sub", "end")
        found = (await given(flow, {"q": 7, "outer": 8}))["output"]["look"]
        assert found["g"] == "G"
        assert found["schema"] == {"q": None, "before": None, "mine": 7}
        assert found["id"] == "sub.look"
        assert (found["start.q"], found["before.x"]) == (None, None)
        assert (found["q"], found["outer"]) == (7, 8)  # openJiuwen has a workflow's raw inputs in its global state

    async def test_global_state_is_shared_both_ways(self) -> None:
        def step(inputs: Any, runtime: Any) -> Any:
            seen = runtime.get_global_state("list") or []
            runtime.update_global_state({"list": [*seen, runtime.executable_id()], "gone": None})
            return {"seen": seen}

        inner = chain(("a", Call(step)), ("b", Call(step)))
        flow = workflow()
        flow.set_start_comp("start", Call(lambda i, r: r.update_global_state({"gone": 1, "list": ["start"]})))
        flow.add_workflow_comp("sub", SubWorkflowComponent(inner), inputs_schema={"q": 1})
        flow.add_workflow_comp("after", Call(lambda i, r: [r.get_global_state("list"), r.get_global_state("gone")]))
        flow.set_end_comp("end", End(), inputs_schema={"sub": "${after}"})
        flow.add_connection("start", "sub").add_connection("sub", "after").add_connection("after", "end")
        assert await given(flow, {}) == [["start", "sub.a", "sub.b"], None]

    async def test_q31_inputs_inside_leave_the_global_state_alone(self) -> None:
        flow = workflow()
        flow.set_start_comp("start", Call(lambda i, r: r.update_global_state({"q": "A"})))
        flow.add_workflow_comp("sub", SubWorkflowComponent(chain(("a", Call()))), inputs_schema={"q": "B"})
        flow.add_workflow_comp("after", Call(lambda i, r: r.get_global_state("q")))
        flow.set_end_comp("end", End(), inputs_schema={"sub": "${after}"})
        flow.add_connection("start", "sub").add_connection("sub", "after").add_connection("after", "end")
        assert await given(flow, {}) == "A"

    async def test_q27_transformers_and_routers_inside_see_the_inside(self) -> None:
        inner = workflow()
        inner.set_start_comp("start", Start(), inputs_schema={"q": "${q}"})
        inner.add_workflow_comp("a", Call(), inputs_transformer=lambda state: {"q": state.get("start.q")})
        inner.add_conditional_connection(
            "a", lambda runtime: "end" if runtime.get_global_state("start.q") == "inner" else []
        )
        inner.set_end_comp("end", End(), inputs_schema={"a": "${a.q}"}).add_connection("start", "a")
        assert await given(around(inner, {"q": "inner"}), {"q": "outer"}) == {"output": {"a": "inner"}}

    async def test_private_state_lasts_for_the_run_when_it_is_entered_again(self) -> None:
        def count(inputs: Any, runtime: Any) -> dict[str, int]:
            n = (runtime.get_state("n") or 0) + 1
            runtime.update_state({"n": n})
            return {"n": n}

        times = iter(["sub", "sub", "end"])
        flow = around(chain(("a", Call(count))))
        kept: list[Any] = []
        flow.add_workflow_comp("keep", Call(lambda i, r: kept.append(i["n"])), inputs_schema={"n": "${sub.output.a.n}"})
        flow.add_conditional_connection("keep", lambda: next(times)).add_connection("sub", "keep")
        await turn(flow, {"q": 1})
        assert kept == [1, 2, 3]

    async def test_components_inside_see_their_own_workflows_configuration(self) -> None:
        name = Call(lambda i, r: r.get_current_workflow_config().metadata.name)
        inner = Workflow(WorkflowConfig(metadata=WorkflowMetadata(name="inner")))
        inner.set_start_comp("s", Start())
        inner.add_workflow_comp("a", LoopComponent(body(("n", name)), {"n": "${n}"}), inputs_schema=number(1))
        inner.set_end_comp("e", End(), inputs_schema={"a": "${a.n}"}).add_connection("s", "a").add_connection("a", "e")
        assert await given(around(inner), {"q": 1}) == {"output": {"a": ["inner"]}}


class TestPlaces:
    @pytest.mark.parametrize("together", [False, True])
    async def test_one_workflow_in_two_places(self, *, together: bool) -> None:
        """Q-02: openJiuwen loses a result when both run at once."""
        inner = chain(("ask", Ask()), ("a", Call()))
        flow = workflow()
        flow.set_start_comp("start", Start())
        for name in ("one", "two"):
            flow.add_workflow_comp(name, SubWorkflowComponent(inner), inputs_schema={"q": name})
        flow.add_connection("start", "one").add_connection("start" if together else "one", "two")
        flow.set_end_comp("end", End(), inputs_schema={"one": "${one.output}", "two": "${two.output}"})
        flow.add_connection(["one", "two"] if together else "two", "end")
        found = await turn(flow, {})
        if together:
            assert asked(found) == [("one.ask", 0, "ok?"), ("two.ask", 0, "ok?")]
            found = await turn(flow, InteractiveInput().update("two.ask", 2).update("one.ask", 1))
        else:
            await turn(flow, InteractiveInput().update("one.ask", 1))
            found = await turn(flow, InteractiveInput().update("two.ask", 2))
        for number_, name in enumerate(("one", "two"), start=1):
            assert found.result["output"][name] == {
                "ask": {"answer": number_, "answers": [number_]},
                "a": {"q": name},
            }

    async def test_many_sessions_at_once(self) -> None:
        flow = in_loop(chain(("a", Call())), {"a": "${sub.output.a.q}"}, 3)
        found = await asyncio.gather(*(given(flow, {"q": n}, str(n)) for n in range(20)))
        assert found == [{"a": [0, 1, 2]}] * 20

    async def test_a_loop_in_a_sub_workflow_in_a_loop(self) -> None:
        """Q-16."""
        inner = workflow()
        inner.set_start_comp("s", Start(), inputs_schema={"q": "${q}"})
        group = body(("x", Call()), x={"i": "${loop.index}", "q": "${s.q}"})
        inner.add_workflow_comp("loop", LoopComponent(group, {"x": "${x}"}), inputs_schema=number("${s.q}"))
        inner.set_end_comp("e", End(), inputs_schema={"x": "${loop.x}"})
        inner.add_connection("s", "loop").add_connection("loop", "e")
        found = await given(in_loop(inner, {"x": "${sub.output.x}"}, 3), {})
        assert found == {"x": [[], [{"i": 0, "q": 1}], [{"i": 0, "q": 2}, {"i": 1, "q": 2}]]}


class TestDepth:
    def nested(self, depth: int) -> Workflow:
        flow = chain(("a", Call()))
        for _ in range(depth - 1):
            flow = around(flow)
        return flow

    @pytest.mark.parametrize(("allowed", "depth", "fits"), [(5, 5, True), (5, 6, False), (1, 1, True), (0, 1, False)])
    async def test_it_is_limited_by_the_outermost_workflow(self, allowed: int, depth: int, *, fits: bool) -> None:
        flow = Workflow(WorkflowConfig(workflow_max_nesting_depth=allowed))
        flow.set_start_comp("start", Start(), inputs_schema={"q": "${q}"})
        flow.add_workflow_comp("sub", SubWorkflowComponent(self.nested(depth)), inputs_schema={"q": "${start.q}"})
        flow.set_end_comp("end", End(), inputs_schema={"sub": "${sub.output}"})
        flow.add_connection("start", "sub").add_connection("sub", "end")
        if fits:
            assert (await turn(flow, {"q": 1})).state.value == "COMPLETED"
            return
        with pytest.raises(JiuWenBaseException) as error:
            await turn(flow, {"q": 1})
        assert error.value.codes == (100005, 101141)
        assert "workflow_max_nesting_depth" in error.value.message

    async def test_a_workflow_in_itself_ends_at_the_limit(self) -> None:
        flow = chain(("a", Call()))
        flow.add_workflow_comp("again", SubWorkflowComponent(flow), inputs_schema={"q": 1})
        flow.add_workflow_comp("twice", SubWorkflowComponent(flow), inputs_schema={"q": 1})
        flow.add_connection("a", "again")
        with pytest.raises(JiuWenBaseException) as error:
            await turn(flow, {"q": 1})
        assert error.value.codes == (100005, 101141)

    def test_a_reference_inside_that_leads_nowhere_is_told_where_inputs_are_declared(self) -> None:
        schema = WorkflowInputsSchema(type="object", properties={"q": {"type": "string"}})
        inner = Workflow(WorkflowConfig(workflow_inputs_schema=schema))
        inner.set_start_comp("s", Start(), inputs_schema={"q": "${query}"})
        assert any("${query}" in finding for finding in around(inner).check())


class TestResuming:
    async def test_a_question_inside_runs_only_what_asked(self) -> None:
        before, inside = Call(), Call()
        inner = chain(("a", inside), ("ask", Ask("one", "two")))
        flow = around(inner)
        flow.add_workflow_comp("before", before).add_connection("start", "before")
        assert asked(await turn(flow, {"q": 1})) == [("sub.ask", 0, "one")]
        assert asked(await turn(flow, InteractiveInput(1))) == [("sub.ask", 1, "two")]
        found = await turn(flow, InteractiveInput().update("sub.ask", 2))
        assert found.result["output"]["sub"]["output"]["ask"]["answers"] == [1, 2]
        assert (before.executions, inside.executions) == (1, 1)

    @pytest.mark.parametrize("id", ["ask", "sub", "sub.a", "sub.nothing", "start"])
    async def test_other_ids_are_unknown(self, id: str) -> None:
        flow = around(chain(("a", Call()), ("ask", Ask())))
        await turn(flow, {"q": 1})
        with pytest.raises(JiuWenBaseException) as error:
            await turn(flow, InteractiveInput().update(id, 1))
        assert error.value.error_code == 100901
        assert "sub.ask" in error.value.message

    async def test_an_answer_inside_is_kept_until_it_is_asked_for(self) -> None:
        flow = around(chain(("first", Ask("first?")), ("second", Ask("second?"))))
        await turn(flow, {"q": 1})
        assert asked(await turn(flow, InteractiveInput().update("sub.second", 2))) == [("sub.first", 0, "first?")]
        found = await turn(flow, InteractiveInput(1))
        assert [found.result["output"]["sub"]["output"][n]["answer"] for n in ("first", "second")] == [1, 2]

    async def test_a_failure_is_retried_inside_a_loop_inside_a_sub_workflow(self) -> None:
        """Failure then retry inside `sub.loop.node`: finished rounds and components are not repeated."""
        before, inside = Call(), Call()
        rounds = iter([0, 1, RuntimeError("in round 2"), 2, 3])

        def maybe(inputs: Any, runtime: Any) -> Any:
            if isinstance(error := next(rounds), Exception):
                raise error
            return inputs

        fail = Call(maybe)
        group = body(("b", before), ("fail", fail), b={"i": "${loop.index}"}, fail={"i": "${loop.index}"})
        inner = workflow()
        inner.set_start_comp("s", Start(), inputs_schema={"q": "${q}"})
        inner.add_workflow_comp("a", inside)
        loop = LoopComponent(group, {"i": "${fail.i}", "b": "${b.i}"})
        inner.add_workflow_comp("loop", loop, inputs_schema=number(4))
        inner.set_end_comp("e", End(), inputs_schema={"l": {"i": "${loop.i}", "b": "${loop.b}"}})
        inner.add_connection("s", "a").add_connection("a", "loop").add_connection("loop", "e")
        flow = around(inner)
        with pytest.raises(JiuWenBaseException, match=r"component \[fail\]"):
            await turn(flow, {"q": 1})
        snapshot = await flow.snapshot("s")
        assert snapshot is not None
        assert (snapshot.status, snapshot.next_nodes) == ("failed", ["sub.loop.fail"])
        found = await given(flow, InteractiveInput())
        assert found == {"output": {"l": {"i": [0, 1, 2, 3], "b": [0, 1, 2, 3]}}}
        assert (inside.executions, before.executions, fail.executions) == (1, 4, 5)

    async def test_questions_deep_inside_are_listed_in_the_order_of_their_components(self) -> None:
        inner = in_loop(chain(("ask", Ask("deep?"))), {"a": "${sub.output.ask.answer}"}, 2)
        flow = workflow()
        flow.set_start_comp("start", Start())
        flow.add_workflow_comp("b", SubWorkflowComponent(inner), inputs_schema={"q": 1})
        flow.add_workflow_comp("a", Ask("flat?"))
        flow.set_end_comp("end", End(), inputs_schema={"b": "${b.output.sub.a}", "a": "${a.answer}"})
        flow.add_connection("start", "a").add_connection("start", "b").add_connection(["a", "b"], "end")
        assert asked(await turn(flow, {})) == [("b.loop.sub.ask", 0, "deep?"), ("a", 0, "flat?")]
        found = await turn(flow, InteractiveInput().update("b.loop.sub.ask", 1).update("a", "A"))
        assert asked(found) == [("b.loop.sub.ask", 0, "deep?")]
        assert (await turn(flow, InteractiveInput(2))).result == {"output": {"b": [1, 2], "a": "A"}}

    async def test_a_failure_after_the_inside_has_finished_does_not_repeat_it(self) -> None:
        inside = Call()
        times = iter([RuntimeError("once"), None])

        def transform(output: Any) -> Any:
            if (error := next(times)) is not None:
                raise error
            return output

        flow = workflow()
        flow.set_start_comp("start", Start())
        sub = SubWorkflowComponent(chain(("a", inside), ("ask", Ask())))
        flow.add_workflow_comp("sub", sub, inputs_schema={"q": 1}, outputs_transformer=transform)
        flow.set_end_comp("end", End(), inputs_schema={"sub": "${sub}"})
        flow.add_connection("start", "sub").add_connection("sub", "end")
        await turn(flow, {})
        with pytest.raises(JiuWenBaseException, match="once"):
            await turn(flow, InteractiveInput("yes"))
        snapshot = await flow.snapshot("s")
        assert snapshot is not None
        assert (snapshot.status, snapshot.next_nodes) == ("failed", ["sub"])
        assert (await given(flow, InteractiveInput()))["output"]["a"] == {"q": 1}
        assert inside.executions == 1

    async def test_answers_are_kept_however_deep_they_are_asked(self) -> None:
        """Loops do not count as levels of nesting."""
        inner = chain(("x", Ask()), ("y", Ask()))
        for _ in range(3):
            inner = in_loop(inner, {"a": "${sub.output}"}, 1)
        await turn(inner, {"q": 1})
        deep = "loop.sub." * 3
        assert asked(await turn(inner, InteractiveInput().update(f"{deep}y", 1))) == [(f"{deep}x", 0, "ok?")]
        assert (await turn(inner, InteractiveInput(2))).state.value == "COMPLETED"

    async def test_arrays_in_private_state_survive_being_entered_again(self) -> None:
        def add(inputs: Any, runtime: Any) -> Any:
            n = runtime.get_state("n")
            n = (np.zeros(2) if n is None else n) + 1
            runtime.update_state({"n": n})
            return {"v": n.tolist()}

        flow = in_loop(chain(("a", Call(add))), {"v": "${sub.output.a.v}"}, 2)
        assert await given(flow, {}) == {"v": [[1, 1], [2, 2]]}

    async def test_a_conversation_reaches_inside(self) -> None:
        """What a TaskRuntime is told while a question inside is open, and what was told there, is one state."""
        see = Call(lambda i, r: {"x": r.get_global_state("x"), "y": r.get_global_state("y")})
        put = Call(lambda i, r: r.update_global_state({"x": 1}))
        for position, flow in enumerate(
            (
                chain(("put", put), ("ask", Ask()), ("see", see)),
                around(chain(("put", put), ("ask", Ask()), ("see", see))),
            )
        ):
            seen = "see" if position == 0 else "sub"
            task = TaskRuntime(f"told{position}")
            await flow.invoke({"q": 1}, task.create_workflow_runtime())
            task.update_global_state({"y": 2, "x": None})
            found = (await flow.invoke(InteractiveInput(1), task.create_workflow_runtime())).result["output"][seen]
            found = found if position == 0 else found["output"]["see"]
            assert found == {"x": None, "y": 2}
            assert task.get_global_state("x") is None
            await flow.invoke({"q": 1}, TaskRuntime(f"new{position}").create_workflow_runtime())
            fresh = TaskRuntime(f"new{position}")
            await flow.invoke(InteractiveInput(1), fresh.create_workflow_runtime())
            assert fresh.get_global_state("x") == 1

    async def test_warnings_are_given_inside_too(self, caplog: pytest.LogCaptureFixture) -> None:
        inner = workflow()
        inner.set_start_comp("s", Start()).set_end_comp("e", End())
        await turn(around(inner), {"q": 1})
        assert "[sub.e] can never be reached" in caplog.text

    async def test_a_cancellation_raised_inside_escapes_as_it_is(self) -> None:
        async def cancel(inputs: Any, runtime: Any) -> None:
            raise asyncio.CancelledError("mine")

        with pytest.raises(asyncio.CancelledError, match="mine"):
            await turn(around(chain(("a", Call(cancel)))), {"q": 1})

    async def test_a_changed_inside_is_noticed(self) -> None:
        await turn(around(chain(("ask", Ask()))), {"q": 1})
        changed = around(chain(("ask", Ask()), ("more", Call())))
        with pytest.raises(JiuWenBaseException) as error:
            await turn(changed, InteractiveInput(1))
        assert error.value.error_code == 100906
        assert "sub" in error.value.message


class TestInGraphsOfOthers:
    @pytest.mark.parametrize("saver", ["memory", "sqlite"])
    def test_a_synchronous_caller_asks_and_answers(self, saver: str) -> None:
        flow = in_loop(chain(("ask", Ask())), {"a": "${sub.output.ask.answer}"}, 2)
        with SqliteSaver.from_conn_string(":memory:") as sqlite:
            graph = flow.compile(InMemorySaver() if saver == "memory" else sqlite)
            config: Any = {"configurable": {"thread_id": "t"}}
            found = graph.invoke({"inputs": {}}, config)
            for answer in (1, 2):
                [interrupt] = found["__interrupt__"]
                assert interrupt.value == {"id": "loop.sub.ask", "index": 0, "value": "ok?"}
                found = graph.invoke(Command(resume=answer), config)
            assert found == {"result": {"output": {"sub": {"a": [1, 2]}}}}

    async def test_a_compiled_graph_shows_what_is_inside(self) -> None:
        graph = around(chain(("a", Call()), ("ask", Ask()))).compile(InMemorySaver())
        config: Any = {"configurable": {"thread_id": "t"}}
        await graph.ainvoke({"inputs": {"q": 1}}, config)
        state = await graph.aget_state(config, subgraphs=True)
        [task] = state.tasks
        assert (task.name, task.state.next) == ("sub", ("ask",))
        assert task.state.values["io"]["a"] == {"q": 1}

    async def test_a_run_of_another_workflow_inside_a_loop_is_its_own(self) -> None:
        other = chain(("a", Call(lambda i, r: {"id": r.executable_id(), "outer": r.get_global_state("loop.index")})))
        graph = other.compile()

        class Runs(Call):
            async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
                ours = await other.invoke({"q": 1})
                return {"ours": ours.result, "theirs": await graph.ainvoke({"inputs": {"q": 1}})}

        group = LoopGroup().add_workflow_comp("run", Runs()).start_nodes(["run"]).end_nodes(["run"])
        flow = workflow()
        flow.set_start_comp("start", Start())
        flow.add_workflow_comp("loop", LoopComponent(group, {"run": "${run}"}), inputs_schema=number(1))
        flow.set_end_comp("end", End(), inputs_schema={"sub": "${loop.run}"})
        flow.add_connection("start", "loop").add_connection("loop", "end")
        [found] = await given(flow, {})
        expected = {"output": {"a": {"id": "a", "outer": None}}}
        assert found["ours"] == expected
        assert found["theirs"] == {"result": expected}
