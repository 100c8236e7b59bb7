"""What components see of inputs, outputs and state: `engine.md` 2.3, 2.4, 3.2, 3.3."""

from __future__ import annotations

from typing import Any

import pytest

from jiuwen_lg import End, JiuWenBaseException, Start, Workflow
from tests.flows import Call, chain, turn, workflow


async def test_own_updates_show_only_after_the_call() -> None:
    async def update(inputs: Any, runtime: Any) -> Any:
        runtime.update_state({"x": 1})
        runtime.update_global_state({"x": 1})
        return [runtime.get_state("x"), runtime.get_global_state("x")]

    assert (await turn(chain(("a", Call(update))), {"q": 1})).result["output"]["a"] == [None, None]


async def test_global_state_is_seen_by_successors_and_private_state_is_not() -> None:
    async def update(inputs: Any, runtime: Any) -> Any:
        runtime.update_state({"x": 1})
        runtime.update_global_state({"x": {"y": 2}})

    async def read(inputs: Any, runtime: Any) -> Any:
        return [runtime.get_state("x"), runtime.get_global_state("x.y"), runtime.get_global_state("${x.y}")]

    flow = chain(("a", Call(update)), ("b", Call(read)))
    assert (await turn(flow, {"q": 1})).result["output"]["b"] == [None, 2, 2]


async def test_global_state_falls_back_to_outputs_and_inputs() -> None:
    async def read(inputs: Any, runtime: Any) -> Any:
        return [
            runtime.get_global_state("start.q"),
            runtime.get_global_state("q"),
            runtime.get_global_state("nothing"),
            runtime.get_global_state({"a": "${start.q}", "b": "${q}"}),
            runtime.get_global_state(None),
        ]

    output = await turn(chain(("a", Call(read))), {"q": 7})
    assert output.result["output"]["a"] == [7, 7, None, {"a": 7, "b": 7}, None]


async def test_none_deletes_a_global_key() -> None:
    flow = chain(
        ("a", Call(lambda i, r: r.update_global_state({"x": 1, "y": {"z": 1, "w": 2}}))),
        ("b", Call(lambda i, r: r.update_global_state({"x": None, "y.z": None}))),
        ("c", Call(lambda i, r: [r.get_global_state("x"), r.get_global_state("y")])),
    )
    assert (await turn(flow, {"q": 1})).result["output"]["c"] == [None, {"w": 2}]


async def test_of_siblings_that_write_one_key_the_last_id_wins() -> None:
    flow = workflow()
    flow.set_start_comp("start", Start())
    for name in ("z", "a", "m"):
        flow.add_workflow_comp(name, Call(lambda i, r: r.update_global_state({"who": r.executable_id()})))
        flow.add_connection("start", name)
    flow.add_workflow_comp("read", Call(lambda i, r: {"who": r.get_global_state("who")}))
    flow.add_connection(["z", "a", "m"], "read")
    flow.set_end_comp("end", End(), inputs_schema={"who": "${read.who}"}).add_connection("read", "end")
    assert (await turn(flow, {})).result == {"output": {"who": "z"}}


@pytest.mark.parametrize("method", ["update_state", "update_global_state"])
async def test_a_state_that_is_no_dict_is_refused(method: str) -> None:
    with pytest.raises(JiuWenBaseException, match=method):
        await turn(chain(("a", Call(lambda i, r: getattr(r, method)([1])))), {"q": 1})


async def test_a_component_sees_its_session_and_settings() -> None:
    from jiuwen_lg import WorkflowRuntime

    runtime = WorkflowRuntime(session_id="abc")
    runtime.config().set_envs({"colour": "red"})
    flow = chain(("a", Call(lambda i, r: [r.session_id(), r.executable_id(), r.get_env("colour"), r.get_env("no")])))
    assert (await flow.invoke({"q": 1}, runtime)).result["output"]["a"] == ["abc", "a", "red", None]


async def test_the_context_is_handed_on() -> None:
    class Remember(Call):
        async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
            return {"context": context}

    assert (await chain(("a", Remember())).invoke({"q": 1}, None, "the context")).result["output"]["a"] == {
        "context": "the context"
    }


async def test_changing_inputs_or_outputs_changes_no_state() -> None:
    kept: list[Any] = []

    def change(inputs: Any, runtime: Any) -> Any:
        inputs["q"].append("changed")
        kept.append({"list": [1]})
        return kept[0]

    flow = chain(("a", Call(change)), ("b", Call(lambda i, r: kept[0]["list"].append(2))))
    assert (await turn(flow, {"q": []})).result["output"] == {"a": {"list": [1]}}

    async def read(inputs: Any, runtime: Any) -> Any:
        return runtime.get_global_state("start.q")

    flow = chain(("a", Call(change)), ("b", Call(read)))
    assert (await turn(flow, {"q": []}, "t")).result["output"]["b"] == []


async def test_outputs_schema_selects_and_drops_none_except_at_the_end() -> None:
    flow = workflow()
    flow.set_start_comp("s", Start(), inputs_schema={"q": "${q}"})
    flow.add_workflow_comp(
        "a", Call(lambda i, r: {"x": {"y": 1}}), outputs_schema={"z": "${x.y}", "no": "${nope}", "n": {"m": "${nope}"}}
    )
    flow.set_end_comp(
        "e", Call(lambda i, r: i), inputs_schema={"a": "${a}"}, outputs_schema={"r": "${a}", "no": "${n}"}
    )
    flow.add_connection("s", "a").add_connection("a", "e")
    assert (await turn(flow, {"q": 1})).result == {"r": {"z": 1, "n": {"m": None}}, "no": None}


async def test_transformers_replace_schemas() -> None:
    flow = workflow()
    flow.set_start_comp("s", Start(), inputs_schema={"q": "${q}"})
    flow.add_workflow_comp(
        "a",
        Call(lambda i, r: i),
        inputs_schema={"ignored": "${q}"},
        inputs_transformer=lambda state: [state.get("s.q"), state.get("${q}"), state.get({"x": "${s.q}"})],
        outputs_transformer=lambda result: {"n": len(result), "got": result},
    )
    flow.set_end_comp("e", End(), inputs_schema={"a": "${a}"}, outputs_transformer=lambda r: r["output"]["a"]["n"])
    flow.add_connection("s", "a").add_connection("a", "e")
    assert (await turn(flow, {"q": 5})).result == 3


async def test_without_inputs_schema_inputs_are_none() -> None:
    flow = workflow()
    flow.set_start_comp("s", Call(lambda i, r: {"got": i}))
    flow.add_workflow_comp("a", Call(lambda i, r: {"got": i}), inputs_schema={})
    flow.set_end_comp("e", End(), inputs_schema={"s": "${s}", "a": "${a}"})
    flow.add_connection("s", "a").add_connection("a", "e")
    assert (await turn(flow, {"q": 5})).result == {"output": {"s": {"got": None}, "a": {"got": {}}}}


async def test_a_workflow_without_start_or_end_finishes_with_none() -> None:
    assert (await turn(Workflow(), {"q": 1})).result is None
    alone = Workflow().set_start_comp("s", Start())
    assert (await turn(alone, {"q": 1}, "t")).result is None


async def test_a_plain_object_with_an_async_invoke_is_a_component() -> None:
    class Plain:
        async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
            return {"plain": inputs}

    assert (await turn(chain(("a", Plain())), {"q": 1})).result["output"]["a"] == {"plain": {"q": 1}}


async def test_a_join_waits_for_all_and_a_plain_target_fires_for_each() -> None:
    def build(**options: Any) -> tuple[Workflow, Call]:
        flow, target = workflow(), Call()
        flow.set_start_comp("s", Start())
        for name in ("a", "b", "b2"):
            flow.add_workflow_comp(name, Call())
        flow.add_workflow_comp("t", target, **options)
        for source, to in [("s", "a"), ("s", "b"), ("b", "b2"), ("a", "t"), ("b2", "t")]:
            flow.add_connection(source, to)
        return flow, target

    flow, target = build(wait_for_all=True)
    await turn(flow, {}, "all")
    assert target.executions == 1
    flow, target = build()
    await turn(flow, {}, "any")
    assert target.executions == 2


async def test_an_edit_after_a_run_takes_effect() -> None:
    flow = chain(("a", Call()))
    await turn(flow, {"q": 1})
    late = Call()
    flow.add_workflow_comp("late", late).add_connection("start", "late")
    await turn(flow, {"q": 1})
    assert late.executions == 1


class TestBuilding:
    @pytest.mark.parametrize("id", ["", "a b", "ä", "x" * 101, "a\n", "a.b", None, 5])
    def test_a_malformed_id_is_refused(self, id: Any) -> None:
        with pytest.raises(JiuWenBaseException) as caught:
            Workflow().add_workflow_comp(id, Call())
        assert caught.value.error_code == -1

    def test_a_used_id_is_refused(self) -> None:
        with pytest.raises(JiuWenBaseException, match=r"\[110003\]"):
            Workflow().set_start_comp("a", Start()).set_end_comp("a", End())

    def test_what_cannot_run_is_refused(self) -> None:
        from jiuwen_lg import WorkflowComponent

        for component in (WorkflowComponent(), object(), None):
            with pytest.raises(JiuWenBaseException, match=r"\[100002\]"):
                Workflow().add_workflow_comp("a", component)

    @pytest.mark.parametrize("ends", [(None, "a"), ("a", None), (["a", None], "a"), ([], "a"), ("", "a")])
    def test_a_connection_needs_both_ends(self, ends: Any) -> None:
        with pytest.raises(JiuWenBaseException, match=r"\[110004\]"):
            Workflow().add_connection(*ends)

    async def test_a_connection_to_nobody_is_refused_at_every_run(self) -> None:
        flow = chain(("a", Call())).add_connection("a", "ghost")
        for _ in range(2):
            with pytest.raises(JiuWenBaseException) as caught:
                await turn(flow, {"q": 1})
            assert caught.value.error_code == 110006
            assert caught.value.details["missing"] == ["ghost"]

    def test_low_level_start_and_end_need_a_component(self) -> None:
        with pytest.raises(JiuWenBaseException, match=r"\[110001\]"):
            Workflow().start_comp("a")
        with pytest.raises(JiuWenBaseException, match=r"\[110002\]"):
            Workflow().end_comp("a")

    def test_a_schema_must_be_a_dict(self) -> None:
        with pytest.raises(ValueError, match="inputs_schema"):
            Workflow().add_workflow_comp("a", Call(), inputs_schema="${q}")  # type: ignore[arg-type]

    async def test_a_component_may_bear_the_name_of_a_channel(self) -> None:
        names = ["inputs", "result", "io", "own", "world", "state"]
        output = await turn(chain(*((name, Call(lambda i, r: r.executable_id())) for name in names)), {"q": 1})
        assert output.result["output"] == {name: name for name in names}
