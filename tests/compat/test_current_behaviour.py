"""What the adapters of today's layout do besides printing what openJiuwen prints: its defects are not copied."""

from __future__ import annotations

import asyncio
import logging
import pickle
from pathlib import Path
from typing import Any

import pytest

from jiuwen_lg.compat.current.agent import WorkflowAgent, WorkflowAgentConfig
from jiuwen_lg.compat.current.callbacks import TIMED_OUT, WorkflowEvents, callback_framework
from jiuwen_lg.compat.current.card import ComponentAbility, WorkflowCard, WorkflowConfig
from jiuwen_lg.compat.current.checkpointer import CheckpointerConfig, CheckpointerFactory
from jiuwen_lg.compat.current.codes import StatusCode
from jiuwen_lg.compat.current.component import WorkflowComponent
from jiuwen_lg.compat.current.context import ContextEngine, ContextEngineConfig
from jiuwen_lg.compat.current.edges import BranchComponent
from jiuwen_lg.compat.current.end import End, Start
from jiuwen_lg.compat.current.errors import BaseError, ExecutionError, ValidationError, build_error
from jiuwen_lg.compat.current.http import RateLimit
from jiuwen_lg.compat.current.http_config import HttpRateLimitConfig
from jiuwen_lg.compat.current.interaction import InteractiveInput
from jiuwen_lg.compat.current.loop import LoopGroup, SubWorkflowComponent
from jiuwen_lg.compat.current.message import AssistantMessageChunk, ToolCall, UserMessage
from jiuwen_lg.compat.current.model import ModelClientConfig
from jiuwen_lg.compat.current.prompt import PromptTemplate
from jiuwen_lg.compat.current.request import Request, sent
from jiuwen_lg.compat.current.runner import Runner, RunnerConfig
from jiuwen_lg.compat.current.session import create_agent_session, create_workflow_session, get_current_session
from jiuwen_lg.compat.current.workflow import Workflow
from jiuwen_lg.output import BaseStreamMode
from tests.service import Service


class Waits(WorkflowComponent):
    def __init__(self, gate: asyncio.Event | None = None) -> None:
        super().__init__()
        self.gate = gate

    async def invoke(self, inputs: Any, session: Any, context: Any) -> Any:
        if self.gate is not None:
            await self.gate.wait()
        return {"v": inputs["x"]}


class Asks(WorkflowComponent):
    async def invoke(self, inputs: Any, session: Any, context: Any) -> Any:
        return {"v": await session.interact("well?")}


class Letters(WorkflowComponent):
    async def stream(self, inputs: Any, session: Any, context: Any) -> Any:
        for letter in inputs["x"]:
            yield {"v": letter}


def straight(component: Any, name: str = "w", **options: Any) -> Workflow:
    flow = Workflow(card=WorkflowCard(id=name, name=name))
    flow.set_start_comp("in", Start(), inputs_schema={"x": "${x}"})
    flow.add_workflow_comp("a", component, inputs_schema={"x": "${in.x}"}, **options)
    flow.set_end_comp("out", End(), inputs_schema={"v": "${a.v}"})
    return flow.add_connection("in", "a").add_connection("a", "out")


async def test_runs_of_one_workflow_at_the_same_time_each_have_their_result() -> None:
    flow = straight(Waits())
    runs = [flow.invoke({"x": number}, create_workflow_session()) for number in range(5)]
    assert [out.result["output"]["v"] for out in await asyncio.gather(*runs)] == [0, 1, 2, 3, 4]


async def test_one_sub_workflow_in_two_parallel_places_has_both_results() -> None:
    inner = straight(Waits(), "inner")
    flow = Workflow()
    flow.set_start_comp("in", Start(), inputs_schema={"x": "${x}"})
    for name in ("one", "two"):
        flow.add_workflow_comp(name, SubWorkflowComponent(inner), inputs_schema={"x": f"${{in.x.{name}}}"})
        flow.add_connection("in", name)
    flow.set_end_comp("out", End(), inputs_schema={"one": "${one.output.v}", "two": "${two.output.v}"})
    flow.add_connection(["one", "two"], "out")
    out = await flow.invoke({"x": {"one": 1, "two": 2}}, create_workflow_session())
    assert out.result == {"output": {"one": 1, "two": 2}}


async def test_an_answer_to_nothing_is_an_error_and_starts_nothing() -> None:
    flow = straight(Asks())
    with pytest.raises(ExecutionError, match="100900"):
        await flow.invoke(InteractiveInput("yes"), create_workflow_session(session_id="never"))


async def test_a_raw_answer_to_one_of_two_questions_is_refused_and_both_stay_open() -> None:
    flow = Workflow()
    flow.set_start_comp("in", Start())
    for name in ("one", "two"):
        flow.add_workflow_comp(name, Asks())
        flow.add_connection("in", name)
    flow.set_end_comp("out", End(), inputs_schema={"one": "${one.v}", "two": "${two.v}"})
    flow.add_connection(["one", "two"], "out")
    session = create_workflow_session()
    out = await flow.invoke({}, session)
    with pytest.raises(ExecutionError, match="one.*two"):
        await flow.invoke(InteractiveInput("raw"), session)
    answers = InteractiveInput().update("one", 1).update("two", 2)
    assert len(out.result) == 2
    assert (await flow.invoke(answers, session)).result == {"output": {"one": 1, "two": 2}}


async def test_an_agent_whose_workflow_failed_answers_the_next_query() -> None:
    class Once(WorkflowComponent):
        calls = 0

        async def invoke(self, inputs: Any, session: Any, context: Any) -> Any:
            self.calls += 1
            if self.calls == 1:
                raise ConnectionError("down")
            return {"v": inputs["x"]}

    flow = Workflow(card=WorkflowCard(id="w", name="w"))
    flow.set_start_comp("in", Start(), inputs_schema={"x": "${query}"})
    flow.add_workflow_comp("a", Once(), inputs_schema={"x": "${in.x}"})
    flow.set_end_comp("out", End(), inputs_schema={"v": "${a.v}"})
    flow.add_connection("in", "a").add_connection("a", "out")
    agent = WorkflowAgent(WorkflowAgentConfig(id="stuck"))
    agent.add_workflows([flow])
    with pytest.raises(ExecutionError, match="100054.*down"):
        await agent.invoke({"conversation_id": "c", "query": "one"})
    answer = await agent.invoke({"conversation_id": "c", "query": "two"})
    assert answer["output"].result == {"output": {"v": "two"}}


async def test_a_question_needs_no_reader_of_output_frames() -> None:
    flow, session = straight(Asks()), create_workflow_session()
    frames = [frame async for frame in flow.stream({"x": 1}, session, stream_modes=[BaseStreamMode.CUSTOM])]
    assert [frame.payload.value for frame in frames] == ["well?"]
    assert (await flow.invoke(InteractiveInput("fine"), session)).result == {"output": {"v": "fine"}}


async def test_a_components_time_limit_names_the_component() -> None:
    with pytest.raises(ExecutionError, match="component 'a'") as caught:
        await straight(Waits(asyncio.Event()), timeout=0.05).invoke({"x": 1}, create_workflow_session())
    assert caught.value.code == 100101


async def test_a_time_limit_of_0_is_none() -> None:
    assert (await straight(Waits(), timeout=0).invoke({"x": 1}, create_workflow_session())).result == {
        "output": {"v": 1}
    }


async def test_a_handler_may_supply_the_error_of_a_time_limit() -> None:
    async def mine(cause: Any, node_id: str, **rest: Any) -> Exception:
        return build_error(
            StatusCode.WORKFLOW_EXECUTION_ERROR, cause=cause, reason=f"{node_id} after {rest['timeout']:g}"
        )

    callback_framework.register_sync(TIMED_OUT, mine)
    try:
        with pytest.raises(BaseError, match="a after 0.05") as caught:
            await straight(Waits(asyncio.Event()), timeout=0.05).invoke({"x": 1}, create_workflow_session())
        assert caught.value.code == 100102
    finally:
        callback_framework.unregister_sync(TIMED_OUT, mine)


async def test_a_component_finds_its_session() -> None:
    class Looks(WorkflowComponent):
        async def invoke(self, inputs: Any, session: Any, context: Any) -> Any:
            assert get_current_session() is session
            return {"v": sorted(session.dump_state())[:2]}

    out = await straight(Looks()).invoke({"x": 1}, create_workflow_session())
    assert out.result == {"output": {"v": ["comp_state", "comp_state_updates"]}}


async def test_the_settings_of_run_workflow_count() -> None:
    class Reads(WorkflowComponent):
        async def invoke(self, inputs: Any, session: Any, context: Any) -> Any:
            return {"v": session.get_env("mine")}

    out = await Runner.run_workflow(straight(Reads()), {"x": 1}, session="s", envs={"mine": 5})
    assert out.result == {"output": {"v": 5}}


async def test_an_async_router_and_several_on_one_source_count() -> None:
    async def to_b(session: Any) -> str:
        await asyncio.sleep(0)
        return "b" if session.get_global_state("a.v") == 1 else "out"

    flow = straight(Waits())
    flow.add_workflow_comp("b", Waits(), inputs_schema={"x": "${in.x}"}).add_workflow_comp(
        "c", Waits(), inputs_schema={"x": 3}
    )
    flow.add_conditional_connection("in", to_b).add_conditional_connection("a", to_b)
    flow.add_conditional_connection("a", lambda: ["c"])
    flow.set_end_comp("end", End(), inputs_schema={"b": "${b.v}", "c": "${c.v}"})
    flow.add_connection(["b", "c"], "end")
    assert (await flow.invoke({"x": 1}, create_workflow_session())).result == {"output": {"b": 1, "c": 3}}


async def test_a_config_with_a_card_is_used_and_unknown_words_are_refused() -> None:
    assert Workflow(workflow_config=WorkflowConfig(card=WorkflowCard(id="mine"))).card.id == "mine"
    with pytest.raises(TypeError, match="metadata"):
        Workflow(metadata={"id": "x"})  # type: ignore[call-arg]


async def test_the_defaults_of_a_card_are_filled_in() -> None:
    schema = {"type": "object", "properties": {"x": {"type": "string", "default": "absent"}}}
    flow = straight(Waits())
    flow.card.input_params = schema
    assert (await flow.invoke({}, create_workflow_session())).result == {"output": {"v": "absent"}}
    with pytest.raises(ValidationError, match="100016"):
        await flow.invoke({"x": ["no"]}, create_workflow_session())


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"max_retries": -1}, 100014),
        ({"timeout": "soon"}, 100014),
        ({"comp_ability": [ComponentAbility.COLLECT], "wait_for_all": False}, 100011),
        ({"comp_ability": ["fly"]}, 100011),
        ({"stream_inputs_schema": {"x": "${in.x}"}}, 100014),
        ({"stream_inputs_schema": lambda state: {}}, 100014),
        ({"outputs_schema": {"k": {"l": 1}}, "stream_outputs_schema": {"k": {"l": 2}}}, 100014),
    ],
)
def test_what_cannot_be_added_is_refused_and_not_there(options: dict[str, Any], code: int) -> None:
    flow = Workflow()
    with pytest.raises(ValidationError, match=str(code)):
        flow.add_workflow_comp("a", Waits(), inputs_schema={"x": 1}, **options)
    assert "a" not in flow.engine.definition.components


@pytest.mark.parametrize("component", [None, Waits])
def test_no_component_is_a_clear_error(component: Any) -> None:
    with pytest.raises(ValidationError, match="112101.*'a'"):
        Workflow().add_workflow_comp("a", component)


async def test_a_branch_that_is_never_reached_may_have_a_syntax_error() -> None:
    branch = BranchComponent()
    branch.add_branch("${in.x} == 1", ["out"])
    branch.add_branch("${in.x} ==", ["out"])
    flow = Workflow()
    flow.set_start_comp("in", Start(), inputs_schema={"x": "${x}"})
    flow.add_workflow_comp("branch", branch).add_connection("in", "branch")
    flow.set_end_comp("out", End(), inputs_schema={"x": "${in.x}"})
    assert (await flow.invoke({"x": 1}, create_workflow_session())).result == {"output": {"x": 1}}
    with pytest.raises(BaseError, match="101024"):
        await flow.invoke({"x": 2}, create_workflow_session())


@pytest.mark.parametrize(
    ("template", "expected"),
    [(None, {"output": {"v": "abc"}}), ("<{{v}}>", {"response": "<abc>", "output": {"response": "<abc>"}})],
)
async def test_cache_stream_merges_the_frames_of_a_sub_workflow(template: str | None, expected: Any) -> None:
    inner = Workflow()
    inner.set_start_comp("in", Start(), inputs_schema={"x": "${x}"})
    inner.add_workflow_comp("letters", Letters(), inputs_schema={"x": "${in.x}"}).add_connection("in", "letters")
    conf = {"responseTemplate": template} if template else None
    inner.set_end_comp("out", End(conf), stream_inputs_schema={"v": "${letters.v}"}, response_mode="streaming")
    inner.add_stream_connection("letters", "out")
    flow = Workflow()
    flow.set_start_comp("in", Start(), inputs_schema={"x": "${x}"})
    flow.add_workflow_comp("sub", SubWorkflowComponent(inner, cache_stream=True), inputs_schema={"x": "${in.x}"})
    flow.set_end_comp("out", End(), inputs_schema={"all": "${sub}"})
    flow.add_connection("in", "sub").add_connection("sub", "out")
    assert (await flow.invoke({"x": "abc"}, create_workflow_session())).result == {"output": {"all": expected}}


# --- where sessions are kept ---


async def test_sessions_are_kept_in_the_file_that_a_checkpointer_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JIUWEN_LG_DB", ":memory:")
    before = CheckpointerFactory.get_checkpointer()
    config = CheckpointerConfig(type="persistence", conf={"db_type": "sqlite", "db_path": str(tmp_path / "kept")})
    Runner.set_config(RunnerConfig(checkpointer_config=config))
    try:
        assert await Runner.start()
        flow, session = straight(Asks()), create_workflow_session(session_id="kept")
        await flow.invoke({"x": 1}, session)
        assert (tmp_path / "kept.db").exists()
        kept = CheckpointerFactory.get_checkpointer()
        assert await kept.session_exists("kept")
        CheckpointerFactory.set_default_checkpointer(await CheckpointerFactory.create(CheckpointerConfig()))
        assert not await CheckpointerFactory.get_checkpointer().session_exists("kept")
        CheckpointerFactory.set_default_checkpointer(kept)
        await kept.release("kept")
        assert not await kept.session_exists("kept")
    finally:
        Runner.set_config(RunnerConfig())
        CheckpointerFactory._default = before


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (CheckpointerConfig(type="redis"), "postgresql"),
        (CheckpointerConfig(type="tape"), "'in_memory'"),
        (CheckpointerConfig(type="persistence", conf={"db_type": "shelve"}), "shelve"),
    ],
)
async def test_another_kind_of_checkpointer_is_refused_with_the_reason(config: CheckpointerConfig, reason: str) -> None:
    with pytest.raises(ValidationError, match=f"111124.*{reason}"):
        await CheckpointerFactory.create(config)


# --- smaller parts ---


def test_an_error_survives_pickling() -> None:
    error = build_error(StatusCode.MODEL_CALL_FAILED, reason="down", details={"a": 1})
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.code, again.details, type(again)) == (str(error), 181001, {"a": 1}, type(error))
    assert "<missing" not in str(build_error(StatusCode.WORKFLOW_COMPONENT_EXECUTION_ERROR))


@pytest.mark.parametrize("event", [WorkflowEvents.WORKFLOW_INVOKE_INPUT, WorkflowEvents.COMPONENT_BATCH_OUTPUT])
def test_a_hook_that_is_not_provided_is_refused(event: str) -> None:
    with pytest.raises(NotImplementedError, match="transform"):
        callback_framework.on(event)(lambda: None)
    with pytest.raises(NotImplementedError, match="filters"):
        callback_framework.on(WorkflowEvents.WORKFLOW_STARTED, filters=[object()])(lambda: None)


async def test_a_handler_that_fails_disturbs_no_run(caplog: pytest.LogCaptureFixture) -> None:
    def fails(**named: Any) -> None:
        raise ValueError("mine")

    callback_framework.register_sync(WorkflowEvents.WORKFLOW_STARTED, fails, once=True)
    assert (await straight(Waits()).invoke({"x": 1}, create_workflow_session())).result == {"output": {"v": 1}}
    assert "mine" in caplog.text
    assert not callback_framework.has_subscribers(WorkflowEvents.WORKFLOW_STARTED)


def test_a_key_is_not_shown() -> None:
    config = ModelClientConfig(
        client_provider="OpenAI", api_key="secret", api_base="http://x", custom_headers={"k": "secret"}
    )
    assert "secret" not in repr(config)


def test_parts_of_a_message_are_joined() -> None:
    joined = AssistantMessageChunk(content="a", finish_reason="null") + AssistantMessageChunk(
        content="b", finish_reason="stop"
    )
    assert (joined.content, joined.finish_reason) == ("ab", "stop")


def test_fragments_of_a_call_are_one_call() -> None:
    first = AssistantMessageChunk(tool_calls=[ToolCall(id="c", name="f", arguments='{"a"', index=0)])
    joined = first + AssistantMessageChunk(tool_calls=[ToolCall(id="", name="", arguments=": 1}", index=0)])
    assert [(call.id, call.name, call.arguments) for call in joined.tool_calls or ()] == [("c", "f", '{"a": 1}')]


def test_contents_of_two_kinds_are_joined_as_parts() -> None:
    joined = AssistantMessageChunk(content="a") + AssistantMessageChunk(content=[{"type": "text", "text": "b"}])
    assert joined.content == ["a", {"type": "text", "text": "b"}]


async def test_tools_without_a_card_are_an_error_one_by_one() -> None:
    added = Runner.resource_mgr.add_tool([object(), object()])
    assert [one.is_err() for one in added] == [True, True]


async def test_too_long_an_answer_has_its_code(service: Service) -> None:
    service.body = b"x" * 1001
    with pytest.raises(ExecutionError) as caught:
        await sent(Request("GET", service.url), within=10, longest=1000)
    assert caught.value.code == 182102


async def test_an_answer_that_cannot_be_unpacked_is_an_error(service: Service) -> None:
    service.headers, service.body = {"Content-Encoding": "gzip"}, b"no gzip"
    with pytest.raises(ExecutionError, match="cannot be unpacked"):
        await sent(Request("GET", service.url), within=10, longest=1000)


@pytest.mark.parametrize("charset", ["utf8mb4", "unheard-of", "base64_codec"])
async def test_a_charset_is_not_trusted(service: Service, charset: str) -> None:
    service.kind, service.body = f"text/plain; charset={charset}", "月".encode()
    assert (await sent(Request("GET", service.url), within=10, longest=1000)).text == "月"


async def test_no_log_has_what_a_request_carries(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await sent(Request("GET", service.url, {"key": "s3cret"}, {"X-Key": "s3cret"}), within=10, longest=1000)
    assert service.requests[0]["query"] == {"key": ["s3cret"]}
    assert "s3cret" not in caplog.text


def test_a_template_leaves_what_it_does_not_know() -> None:
    template = PromptTemplate(content=[UserMessage(content="{{a}} {{b}}")])
    assert template.format({"a": "{{b}}"}).to_messages()[0].content == "{{b}} {{b}}"
    assert template.content[0].content == "{{a}} {{b}}"
    dollars = PromptTemplate(content="<a> <b>", placeholder_prefix="<", placeholder_suffix=">")
    assert dollars.format({"a": 1}).content == "1 <b>"


async def test_a_conversation_has_a_length_and_windows() -> None:
    context = await ContextEngine(ContextEngineConfig(max_context_message_num=3)).create_context("c", "s")
    await context.add_messages([UserMessage(content=str(number)) for number in range(5)])
    assert [one.content for one in context.get_messages()] == ["2", "3", "4"]
    window = await context.get_context_window(window_size=2)
    assert [one.content for one in window.get_messages()] == ["3", "4"]
    assert (context.session_id(), context.statistic().user_messages) == ("s", 3)
    with pytest.raises(NotImplementedError, match="processors"):
        await ContextEngine().create_context("c", processors=[("offload", None)])


async def test_a_conversations_workflows_share_its_state() -> None:
    class Counts(WorkflowComponent):
        async def invoke(self, inputs: Any, session: Any, context: Any) -> Any:
            count = (session.get_global_state("count") or 0) + 1
            session.update_global_state({"count": count})
            return {"v": count}

    conversation = create_agent_session(session_id="talk")
    flow = straight(Counts())
    counts = [await flow.invoke({"x": 1}, conversation.create_workflow_session()) for _ in range(2)]
    assert [out.result["output"]["v"] for out in counts] == [1, 2]


async def test_requests_over_the_rate_wait() -> None:
    limit = RateLimit(HttpRateLimitConfig(enabled=True, requests_per_unit=2, unit="hour"))
    await limit.wait()
    await limit.wait()
    third = asyncio.ensure_future(limit.wait())
    await asyncio.sleep(0)
    assert not third.done()
    third.cancel()


def test_a_body_without_an_end_is_refused() -> None:
    from jiuwen_lg.compat.current.loop import LoopComponent

    body = LoopGroup()
    body.add_workflow_comp("a", Waits())
    with pytest.raises(ValidationError, match="101030.*start_nodes"):
        LoopComponent(body, {})
