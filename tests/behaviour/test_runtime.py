"""Runtimes, conversations, settings and what a run logs: `engine.md` 3 and 4."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jiuwen_lg import (
    End,
    InteractiveInput,
    JiuWenBaseException,
    Start,
    TaskRuntime,
    Workflow,
    WorkflowConfig,
    WorkflowInputsSchema,
    WorkflowMetadata,
    WorkflowRuntime,
    constants,
    workflow_runtime_vars,
)
from tests.flows import Ask, Call, Gate, chain, turn, workflow


class TestConversation:
    """Runs made from one TaskRuntime share its global state and its resources."""

    async def test_global_state_goes_in_and_comes_out(self) -> None:
        task = TaskRuntime(trace_id="t")
        task.update_global_state({"given": {"deep": 1}})

        def component(inputs: Any, runtime: Any) -> Any:
            runtime.update_global_state({"made": 2, "given.more": 3})
            return [runtime.get_global_state("given.deep"), runtime.session_id()]

        output = await chain(("a", Call(component))).invoke({"q": 5}, task.create_workflow_runtime())
        assert output.result["output"]["a"] == [1, "t"]
        assert task.get_global_state("made") == 2
        assert task.get_global_state("given") == {"deep": 1, "more": 3}
        assert task.get_global_state("q") == 5

    async def test_a_later_run_sees_what_an_earlier_one_made(self) -> None:
        task = TaskRuntime()
        make = chain(("a", Call(lambda i, r: r.update_global_state({"x": 1, "gone": 1}))))
        read = chain(("b", Call(lambda i, r: [r.get_global_state("x"), r.get_global_state("gone")])))
        await make.invoke({"q": 1}, task.create_workflow_runtime())
        task.update_global_state({"gone": None})
        output = await read.invoke({"q": 1}, task.create_workflow_runtime())
        assert output.result["output"]["b"] == [1, None]

    async def test_runs_that_share_nothing_but_a_session_keep_apart(self) -> None:
        make = chain(("a", Call(lambda i, r: r.update_global_state({"x": 1}))))
        read = chain(("b", Call(lambda i, r: r.get_global_state("x"))))
        await turn(make, {"q": 1})
        assert (await turn(read, {"q": 1})).result["output"] == {}

    async def test_global_state_is_restored_through_a_new_task_runtime(self) -> None:
        """0.1.1 loses it (Q-29)."""
        flow = chain(
            ("make", Call(lambda i, r: r.update_global_state({"x": 1}))),
            ("ask", Ask()),
            ("read", Call(lambda i, r: r.get_global_state("x"))),
        )
        await flow.invoke({"q": 1}, TaskRuntime(trace_id="t").create_workflow_runtime())
        task = TaskRuntime(trace_id="t")
        output = await flow.invoke(InteractiveInput("yes"), task.create_workflow_runtime())
        assert output.result["output"]["read"] == 1
        assert task.get_global_state("x") == 1

    async def test_a_later_run_sees_its_own_inputs(self) -> None:
        task = TaskRuntime()
        flow = chain(("a", Call(lambda i, r: r.get_global_state("q"))))
        for q in ("one", "two"):
            output = await flow.invoke({"q": q}, task.create_workflow_runtime())
            assert output.result["output"]["a"] == q

    async def test_what_was_changed_meanwhile_reaches_the_resumed_run(self) -> None:
        flow = chain(
            ("make", Call(lambda i, r: r.update_global_state({"old": 1, "gone": 1, "same": {"x": 1}}))),
            ("ask", Ask()),
            ("read", Call(lambda i, r: [r.get_global_state(k) for k in ("old", "gone", "same", "new")])),
        )
        task = TaskRuntime()
        await flow.invoke({"q": 1}, task.create_workflow_runtime())
        task.update_global_state({"old": 2, "gone": None, "new": [3]})
        output = await flow.invoke(InteractiveInput("yes"), task.create_workflow_runtime())
        assert output.result["output"]["read"] == [2, None, {"x": 1}, [3]]
        assert task.get_global_state("gone") is None

    async def test_it_works_without_a_store(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("JIUWEN_LG_DB", "off")
        await self.test_global_state_goes_in_and_comes_out()

    def test_its_own_state_changes_at_once(self) -> None:
        task = TaskRuntime()
        task.update_state({"a.b": 1})
        assert (task.get_state("a"), task.get_state()) == ({"b": 1}, {"a": {"b": 1}})
        task.update_global_state({"x": 1})
        assert (task.get_global_state("x"), task.get_global_state()) == (1, None)
        assert task.is_from_group()

    def test_two_without_an_id_are_two(self) -> None:
        assert TaskRuntime().session_id() != TaskRuntime().session_id()


class TestResources:
    async def test_components_of_one_conversation_share_them(self) -> None:
        task = TaskRuntime()
        task.add_tool("hammer", "a hammer")

        def use(inputs: Any, runtime: Any) -> Any:
            runtime.add_prompt("p", "a prompt")
            return [runtime.get_tool("hammer"), runtime.get_prompt("p"), runtime.get_model("none")]

        output = await chain(("a", Call(use))).invoke({"q": 1}, task.create_workflow_runtime())
        assert output.result["output"]["a"] == ["a hammer", "a prompt", None]
        assert task.get_prompt("p") == "a prompt"
        other = await turn(chain(("a", Call(lambda i, r: [r.get_tool("hammer")]))), {"q": 1})
        assert other.result["output"]["a"] == [None]

    @pytest.mark.parametrize("kind", ["prompt", "model", "tool", "workflow"])
    async def test_each_kind_can_be_added_found_and_removed(self, kind: str) -> None:
        task = TaskRuntime()
        getattr(task, f"add_{kind}s")([("a", "A"), ("b", "B")])
        get = task.get_workflow_sync if kind == "workflow" else getattr(task, f"get_{kind}")
        assert (get("a"), get("c")) == ("A", None)
        assert getattr(task, f"remove_{kind}")("a") == "A"
        assert (get("a"), getattr(task, f"remove_{kind}")("a")) == (None, None)
        for id, thing in [("", "x"), ("x", None)]:
            with pytest.raises(JiuWenBaseException, match=rf"\[190\d02\].*{kind}"):
                getattr(task, f"add_{kind}")(id, thing)
        assert await task.get_workflow("nothing") is None

    def test_infos_of_tools_and_workflows(self) -> None:
        task, flow = TaskRuntime(), described()
        task.add_workflow("w", flow)
        assert task.get_tool_info() == task.get_tool_info(workflow_id=["w", "none"]) == [flow.get_tool_info()]
        assert task.get_tool_info(tool_id=["w"]) == []

    def test_workflow_configs(self) -> None:
        task = TaskRuntime()
        task.add_workflow_config("w", "config")
        assert (task.get_workflow_config("w"), task.get_workflow_config("x")) == ("config", None)


def described() -> Workflow:
    schema = WorkflowInputsSchema(
        type="object",
        properties={
            "query": {"type": "string", "description": "what", "required": True},
            "note": {"type": "string", "required": "false"},
            "nested": {"type": "object", "required": ["inner"], "properties": {"inner": {"type": "integer"}}},
        },
        required=["nested"],
    )
    metadata = WorkflowMetadata(id="w", name="weather", description="tells the weather")
    flow = Workflow(WorkflowConfig(metadata=metadata, workflow_inputs_schema=schema))
    flow.set_start_comp("start", Start(), inputs_schema={"query": "${query}"})
    flow.set_end_comp("end", End(), inputs_schema={"answer": "${start.query}"})
    return flow.add_connection("start", "end")


class TestDescriptions:
    def test_the_tool_info_lifts_required_out_of_its_properties(self) -> None:
        info = described().get_tool_info()
        assert (info.type, info.name, info.description) == ("function", "weather", "tells the weather")
        assert info.parameters.required == ["nested", "query"]
        assert info.parameters.properties["query"] == {"type": "string", "description": "what"}
        assert info.parameters.properties["nested"]["required"] == ["inner"]
        assert "required" not in info.parameters.properties["note"]

    def test_the_compiled_graph_shows_the_same_schema(self) -> None:
        shown = described().compile().get_input_jsonschema()["properties"]["inputs"]
        assert shown == {"title": "Inputs", **described().get_tool_info().parameters.model_dump()}

    async def test_a_graph_with_a_schema_runs(self) -> None:
        graph = described().compile()
        given = {"query": "x", "nested": {"inner": 1}}
        assert await graph.ainvoke({"inputs": given}) == {"result": {"output": {"answer": "x"}}}

    def test_the_config_tells_what_was_built(self) -> None:
        given = WorkflowConfig()
        flow = Workflow(given)
        flow.set_start_comp("a", Start(), inputs_schema={"x": "${x}"})
        flow.add_workflow_comp("b", Call(), outputs_schema={"y": "${y}"})
        flow.add_connection("a", "b").add_connection("a", "b")
        spec = flow.config().spec
        assert spec.comp_configs["a"].io_config.inputs_schema == {"x": "${x}"}
        assert spec.comp_configs["b"].io_config.outputs_schema == {"y": "${y}"}
        assert spec.edges == {"a": ["b", "b"]}
        assert given.spec.comp_configs == {}

    async def test_a_component_sees_its_workflows_config(self) -> None:
        flow = chain(("a", Call(lambda i, r: r.get_current_workflow_config().metadata.id)), id="named")
        assert (await turn(flow, {"q": 1})).result["output"]["a"] == "named"

    @pytest.mark.parametrize(("reference", "near"), [("${strat.query}", "start"), ("${qeury}", "query")])
    async def test_a_reference_that_no_declared_input_fits_is_a_warning(
        self, reference: str, near: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        flow = described()
        flow.add_workflow_comp("b", Call(), inputs_schema={"deep": [{"x": reference}]}).add_connection("start", "b")
        right = reference.replace("strat", near).replace("qeury", near)
        assert [f"did you mean {right}?" in warning for warning in flow.check()] == [True]
        for _ in range(2):
            await turn(flow, {"query": 1})
        assert caplog.text.count(f"component [b], inputs_schema['deep'][0]['x']: {reference}") == 1

    async def test_without_declared_inputs_a_name_may_be_an_input(self) -> None:
        flow = workflow()
        flow.set_start_comp("s", Start(), inputs_schema={"x": "${anything.at.all}"})
        flow.set_end_comp("e", End(), inputs_schema={"x": "${s.x}"}).add_connection("s", "e")
        assert (await turn(flow, {"anything": {"at": {"all": 1}}})).result == {"output": {"x": 1}}


class TestSettings:
    def test_the_keys_and_their_defaults(self) -> None:
        config = WorkflowRuntime().config()
        assert config.get_env(constants.WORKFLOW_EXECUTE_TIMEOUT) == 60
        assert config.get_env(constants.WORKFLOW_STREAM_FRAME_TIMEOUT) == -1
        assert config.get_env(constants.WORKFLOW_STREAM_FIRST_FRAME_TIMEOUT) == -1
        assert config.get_env(constants.COMP_STREAM_CALL_TIMEOUT_KEY) == -1
        assert config.get_env(constants.STREAM_INPUT_GEN_TIMEOUT_KEY) == -1
        assert config.get_env(constants.LOOP_NUMBER_MAX_LIMIT_KEY) == 1000
        assert config.get_env(constants.LOOP_MAX_LIMIT_KEY) == 1000
        assert config.get_env(constants.FORCE_DEL_WORKFLOW_STATE_KEY) is False
        assert config.get_env(constants.END_COMP_TEMPLATE_RENDER_POSITION_TIMEOUT_KEY) == 5
        assert config.get_env("unknown", "default") == "default"

    @pytest.mark.parametrize(
        ("key", "name", "text", "value"),
        [
            ("_execute_timeout", "WORKFLOW_EXECUTE_TIMEOUT", "7", 7),
            ("_execute_timeout", "WORKFLOW_EXECUTE_TIMEOUT", "soon", 60),
            ("_stream_frame_timeout", "WORKFLOW_STREAM_FRAME_TIMEOUT", "1.5", 1.5),
            ("_stream_first_frame_timeout", "WORKFLOW_STREAM_FIRST_FRAME_TIMEOUT", "2", 2),
            ("_comp_stream_call_timeout", "COMP_STREAM_CALL_TIMEOUT", "3", 3),
            ("_stream_input_generator_timeout", "STREAM_INPUT_GEN_TIMEOUT", "4", 4),
            ("_loop_number_max_limit", "LOOP_NUMBER_MAX_LIMIT", "5", 5),
            ("_loop_max_limit", "LOOP_NUMBER_MAX_LIMIT", "5", 5),
            ("_loop_max_limit", "LOOP_MAX_LIMIT", "6", 6),
            ("_force_del_workflow_state", "FORCE_DEL_WORKFLOW_STATE", "TRUE", True),
            ("_force_del_workflow_state", "FORCE_DEL_WORKFLOW_STATE", "maybe", False),
        ],
    )
    def test_a_setting_comes_from_the_system_the_context_or_the_run(
        self, key: str, name: str, text: str, value: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(name, text)
        assert WorkflowRuntime().config().get_env(key) == value
        monkeypatch.setenv(name, "1")
        token = workflow_runtime_vars.set({name: text})
        try:
            runtime = WorkflowRuntime()
        finally:
            workflow_runtime_vars.reset(token)
        assert runtime.config().get_env(key) == value
        runtime.config().set_envs({key: "0" if value not in {True, False} else "false"})
        assert runtime.config().get_env(key) == 0

    async def test_a_component_reads_them(self) -> None:
        flow = chain(("a", Call(lambda i, r: [r.get_env("_execute_timeout"), r.get_env("unknown")])))
        assert (await turn(flow, {"q": 1})).result["output"]["a"] == [60, None]

    @pytest.mark.parametrize(("given", "id"), [("text", "text"), (5, "5")])
    def test_a_session_id_is_a_text(self, given: Any, id: str) -> None:
        assert WorkflowRuntime(session_id=given).session_id() == id

    def test_a_session_without_an_id_gets_one(self) -> None:
        assert WorkflowRuntime().session_id() != WorkflowRuntime(session_id=None).session_id()

    @pytest.mark.parametrize(("given", "value"), [(1, True), (0, False), ("false", False), (None, None)])
    def test_a_switch_is_read_as_what_it_says(self, given: Any, value: Any) -> None:
        config = WorkflowRuntime().config()
        config.set_envs(None)
        config.set_envs({"_force_del_workflow_state": given})
        assert config.get_env("_force_del_workflow_state") is value

    def test_a_runtime_takes_over_from_its_parent(self) -> None:
        parent = WorkflowRuntime(session_id="p", context="c")
        child = WorkflowRuntime(parent=parent)
        assert (child.session_id(), child.context()) == ("p", "c")
        child.set_context("d")
        assert (child.context(), parent.context()) == ("d", "c")


class TestFrameTimeouts:
    def runtime(self, **envs: float) -> WorkflowRuntime:
        runtime = WorkflowRuntime(session_id="s")
        runtime.config().set_envs({f"_{name}": value for name, value in envs.items()})
        return runtime

    def flow(self) -> tuple[Workflow, Gate]:
        gate = Gate()

        async def write(inputs: Any, runtime: Any) -> None:
            await runtime.write_stream({"type": "note", "index": 0, "payload": 0})

        return chain(("write", Call(write)), ("gate", gate)), gate

    async def test_a_late_first_frame(self) -> None:
        flow = chain(("gate", Gate()))
        with pytest.raises(JiuWenBaseException, match=r"\[193004\].*0\.05 s"):
            await flow.invoke({"q": 1}, self.runtime(stream_first_frame_timeout=0.05))

    async def test_a_late_further_frame_and_the_run_goes_on_later(self) -> None:
        flow, gate = self.flow()
        seen = []
        with pytest.raises(JiuWenBaseException, match=r"\[193003\]"):
            async for frame in flow.stream({"q": 1}, self.runtime(stream_frame_timeout=0.05), stream_modes=["output"]):
                seen.append(frame)
        assert len(seen) == 1
        gate.open.set()
        assert (await turn(flow, InteractiveInput())).result["output"]["gate"] == {"q": 1}

    async def test_a_frame_timeout_is_no_longer_than_the_run_may_be(self) -> None:
        with pytest.raises(JiuWenBaseException) as caught:
            await chain(("gate", Gate())).invoke(
                {"q": 1}, self.runtime(stream_first_frame_timeout=9, execute_timeout=0.05)
            )
        assert caught.value.error_code in {193004, 100101}

    async def test_a_run_in_time_is_left_alone(self) -> None:
        limits = {"stream_frame_timeout": 30, "stream_first_frame_timeout": 30}
        assert (await chain(("a", Call())).invoke({"q": 1}, self.runtime(**limits))).result


class TestLogging:
    async def test_a_run_says_little_and_no_values(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG, "jiuwen_lg")
        flow = chain(("ask", Ask("a secret question")))
        await turn(flow, {"q": "a secret input"})
        await turn(flow, InteractiveInput("a secret answer"))
        assert [record.getMessage() for record in caplog.records] == [
            "session [s]: turn with dict",
            "session [s]: waits for ['ask']",
            "session [s]: turn with InteractiveInput",
            "session [s]: finished",
        ]
        assert {record.levelno for record in caplog.records} == {logging.DEBUG}

    async def test_a_join_that_did_not_fire_is_a_warning(self, caplog: pytest.LogCaptureFixture) -> None:
        flow = workflow()
        flow.set_start_comp("s", Start()).add_conditional_connection("s", lambda: "a")
        for name in ("a", "b"):
            flow.add_workflow_comp(name, Call())
        flow.set_end_comp("e", End()).add_connection(["a", "b"], "e")
        assert (await turn(flow, {})).result is None
        assert caplog.messages == [
            "session [s]: component [e] did not run: it waits for ['a', 'b'], of which ['b'] were skipped"
        ]

    async def test_an_end_that_cannot_be_reached_is_a_warning(self, caplog: pytest.LogCaptureFixture) -> None:
        flow = Workflow().set_start_comp("s", Start()).set_end_comp("e", End())
        assert (await turn(flow, {})).result is None
        assert caplog.messages == ["end component [e] can never be reached: nothing leads to it from a start"]

    def test_importing_and_running_make_no_files_and_no_noise(self, child_env: dict[str, str]) -> None:
        """0.1.1 makes a `logs` folder when it is imported (Q-49)."""
        code = (
            "import asyncio; from tests.flows import *; import jiuwen_lg, jiuwen_lg.compat;"
            "asyncio.run(turn(chain(('a', Call())), {'q': 1}))"
        )
        done = subprocess.run([sys.executable, "-c", code], env=child_env, capture_output=True, text=True, check=True)
        assert (done.stdout, done.stderr) == ("", "")
        assert [path.name for path in Path().iterdir()] == ["sessions.db"]


class TestNodeRuntime:
    async def test_the_rest_of_its_methods(self) -> None:
        async def use(inputs: Any, runtime: Any) -> Any:
            await runtime.stream_writer().write({"type": "note", "index": 0, "payload": 1})
            await runtime.trace({"x": 1})
            await runtime.trace_error(ValueError())
            await runtime.pre_run()
            await runtime.post_run()
            await runtime.release("s")
            return [runtime.custom_writer(), runtime.base() is runtime, runtime.get_agent_config()]

        assert (await turn(chain(("a", Call(use))), {"q": 1})).result["output"]["a"] == [None, True, None]
        with pytest.raises(JiuWenBaseException) as caught:
            await turn(chain(("a", Call(lambda i, r: r.trace_error(None)))), {"q": 1}, "t")
        assert caught.value.codes == (100005, 191001)

    async def test_an_async_transformer_is_awaited(self) -> None:
        async def shout(value: Any) -> Any:
            return {"text": str(value["q"]).upper()}

        async def pick(state: Any) -> Any:
            return {"q": state.get("start.q")}

        flow = workflow()
        flow.set_start_comp("start", Start(), inputs_schema={"q": "${q}"})
        flow.add_workflow_comp("a", Call(), inputs_transformer=pick, outputs_transformer=shout)
        flow.set_end_comp("end", End(), inputs_schema={"a": "${a.text}"})
        flow.add_connection("start", "a").add_connection("a", "end")
        assert (await turn(flow, {"q": "x"})).result == {"output": {"a": "X"}}
