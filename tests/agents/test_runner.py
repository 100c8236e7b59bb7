"""Runner and resource_mgr: `agents.md` 8, and the defects R-11 to R-13."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from jiuwen_lg import (
    AgentConfig,
    BaseAgent,
    InteractiveInput,
    JiuWenBaseException,
    LocalFunction,
    ModelMgr,
    Runner,
    Workflow,
    WorkflowAgent,
    WorkflowAgentConfig,
    WorkflowMgr,
    WorkflowRuntime,
    WorkflowSchema,
    generate_workflow_key,
    resource_mgr,
)
from jiuwen_lg.resources import global_resources
from jiuwen_lg.testing import ModelServer
from tests.agents.tools import calls, one_step, order, plus, react, say
from tests.flows import Call


def echo(id: str = "echo") -> Workflow:
    return one_step(id, "n", Call(lambda inputs, runtime: {"answer": inputs["query"]}))


def code(caught: pytest.ExceptionInfo[JiuWenBaseException]) -> int:
    return caught.value.error_code


class Mirror(BaseAgent):
    """Gives what it is given."""

    async def invoke(self, inputs: Any, runtime: Any = None) -> Any:
        return inputs

    async def stream(self, inputs: Any, runtime: Any = None) -> Any:
        for key in inputs:
            yield key


class TestAgents:
    async def test_by_id_by_object_and_made(self) -> None:
        mirror = Mirror(AgentConfig(id="m"))
        Runner.add_agent("m", mirror)
        Runner.add_agent("made", lambda: Mirror(AgentConfig(id="made")))
        assert await Runner.run_agent("m", {"a": 1}) == await Runner.run_agent(mirror, {"a": 1}) == {"a": 1}
        assert await Runner.run_agent("made", {"b": 2}) == {"b": 2}
        assert [key async for key in Runner.run_agent_streaming("m", {"p": 1, "q": 2})] == ["p", "q"]
        assert Runner.remove_agent("m") is mirror
        assert Runner.remove_agent("m") is None
        assert Runner.remove_agent("made") is None

    async def test_refusals(self) -> None:
        for agent in ("nobody", None):
            with pytest.raises(JiuWenBaseException) as caught:
                await Runner.run_agent(agent, {})
            assert code(caught) == 134002
        for id, given in (("", Mirror(AgentConfig())), ("k", None)):
            with pytest.raises(JiuWenBaseException) as caught:
                Runner.add_agent(id, given)
            assert code(caught) == 190050
        with pytest.raises(JiuWenBaseException) as caught:
            Runner.remove_agent("")
        assert code(caught) == 190052

    async def test_starting_and_stopping_may_be_left_out(self) -> None:
        assert await Runner.start() is None
        assert await Runner.stop() is None
        queue = Runner.message_queue()
        assert (await queue.start(), await queue.stop()) == (None, None)

    def test_an_agents_runtime_leads_to_the_registry(self) -> None:
        assert Mirror(AgentConfig(id="m"))._runtime.resource_mgr() is resource_mgr


class TestWorkflows:
    async def test_by_key_by_object_and_built(self) -> None:
        async def later() -> Workflow:
            return echo("later")

        flows = resource_mgr.workflow()
        one = echo()
        flows.add_workflows(
            [(generate_workflow_key("echo", "1"), one), ("made", lambda: echo("made")), ("later", later)]
        )
        assert await flows.get_workflow("echo_1") is one
        for target in ("echo_1", one, "made", "later"):
            assert (await Runner.run_workflow(target, {"query": "x"})).result == {"output": {"said": "x"}}
        frames = [frame async for frame in Runner.run_workflow_streaming("echo_1", {"query": "y"})]
        assert frames[-1].payload == {"output": {"said": "y"}}
        assert [info.name for info in flows.get_tool_infos(["echo_1"]) if info] == ["echo"]
        assert flows.get_tool_infos(["nope"]) == [None]
        assert flows.remove_workflow("echo_1") is one
        assert flows.remove_workflow("echo_1") is None

    async def test_a_question_and_its_answer(self) -> None:
        resource_mgr.workflow().add_workflow("ask", order())
        await Runner.run_workflow("ask", {"query": "hat"}, runtime=WorkflowRuntime(session_id="s"))
        answer = InteractiveInput().update("size", "L")
        done = await Runner.run_workflow("ask", answer, runtime=WorkflowRuntime(session_id="s"))
        assert done.result == {"output": {"said": "hat/L"}}

    async def test_refusals(self) -> None:
        flows = resource_mgr.workflow()
        for id, given in (("", echo()), (None, echo()), ("k", None), ("k", "no workflow")):
            with pytest.raises(JiuWenBaseException) as caught:
                flows.add_workflow(id, given)  # type: ignore[arg-type]
            assert code(caught) == 190002
        for target in ("nope", None, lambda: 5):
            with pytest.raises(JiuWenBaseException) as caught:
                await Runner.run_workflow(target, {})
            assert code(caught) == 190001
        with pytest.raises(JiuWenBaseException) as caught:
            flows.remove_workflow("")
        assert code(caught) == 190003

    async def test_one_built_by_an_async_function_is_awaited(self) -> None:
        async def later() -> Workflow:
            return echo()

        flows = WorkflowMgr()
        flows.add_workflow("later", later)
        with pytest.raises(JiuWenBaseException, match="await get_workflow"):
            flows.get_workflow_sync("later")
        assert isinstance(await flows.get_workflow("later"), Workflow)

    def test_without_a_loop_it_is_built(self) -> None:
        async def later() -> Workflow:
            return echo()

        flows = WorkflowMgr()
        flows.add_workflow("later", later)
        assert isinstance(flows.get_workflow_sync("later"), Workflow)

    async def test_an_agent_finds_its_workflow_there(self) -> None:
        resource_mgr.workflow().add_workflow("echo_1", echo())
        schema = WorkflowSchema(id="echo", version="1", name="echo")
        agent = WorkflowAgent(WorkflowAgentConfig(id="wa", workflows=[schema]))
        assert (await agent.invoke({"query": "hi"}))["output"].result == {"output": {"said": "hi"}}
        assert [flow.config().metadata.id for flow in agent.workflows] == ["echo"]

    async def test_the_runtime_of_an_agent_runs_what_the_agent_has(self) -> None:
        agent = Mirror(AgentConfig(id="m"))
        agent.add_workflows([echo()])
        runtime = await agent._runtime.pre_run(session_id="s")
        assert (await Runner.run_workflow(echo(), {"query": "x"}, runtime=runtime)).result == {"output": {"said": "x"}}
        with pytest.raises(JiuWenBaseException) as caught:
            await Runner.run_workflow(echo("other"), {"query": "x"}, runtime=runtime)
        assert code(caught) == 134003


class TestTools:
    async def test_by_id_by_object_and_of_an_agent(self) -> None:
        resource_mgr.tool().add_tool("shared", plus())
        assert await Runner.run_tool("shared", {"left": 1, "right": 2}) == 3
        agent = Mirror(AgentConfig(id="m"))
        agent.add_tools([LocalFunction("own", "d", [], lambda: "own")])
        runtime = await agent._runtime.pre_run(session_id="s")
        assert await Runner.run_tool("own", {}, runtime=runtime) == "own"
        assert [part async for part in Runner.run_tool_streaming("own", {}, runtime=runtime)] == ["own"]
        with pytest.raises(JiuWenBaseException) as caught:
            await Runner.run_tool("shared", {}, runtime=runtime)
        assert code(caught) == 134004
        for unknown in ("nope", None):
            with pytest.raises(JiuWenBaseException) as caught:
                await Runner.run_tool(unknown, {})
            assert code(caught) == 134005

    async def test_an_agent_whose_configuration_names_one(self, llm: ModelServer) -> None:
        resource_mgr.tool().add_tool("plus", plus())
        agent = react(llm.config())
        agent.agent_config.tools = ["plus"]
        llm.replies = [calls(("plus", {"left": 1, "right": 2})), "three"]
        await say(agent, "go")
        assert llm.asked()[-1]["content"] == "3"

    def test_refusals(self) -> None:
        for id, given in (("", plus()), ("k", None)):
            with pytest.raises(JiuWenBaseException) as caught:
                resource_mgr.tool().add_tool(id, given)
            assert code(caught) == 190101
        with pytest.raises(JiuWenBaseException) as caught:
            resource_mgr.tool().add_tool("k", 5)
        assert code(caught) == 102000


@pytest.mark.parametrize(("kind", "added", "gotten"), [("model", 190302, 190301), ("prompt", 190202, 190201)])
def test_models_and_prompts(kind: str, added: int, gotten: int) -> None:
    class Thing:
        ainvoke = None

    manager = getattr(resource_mgr, kind)()
    add, get = getattr(manager, f"add_{kind}"), getattr(manager, f"get_{kind}")
    thing = Thing()
    add("", thing)
    getattr(manager, f"add_{kind}s")([("b", thing)])
    assert get("") is get("b") is thing
    assert get("c") is None
    assert getattr(manager, f"remove_{kind}")("b") is thing
    assert get("b") is None
    for refused, expected in (
        (lambda: add(None, thing), added),
        (lambda: add("x", None), added),
        (lambda: get(None), gotten),
    ):
        with pytest.raises(JiuWenBaseException) as caught:
            refused()
        assert code(caught) == expected


def test_a_manager_of_ones_own_is_apart() -> None:
    own = ModelMgr()
    own.add_model("m", plus())
    assert resource_mgr.model().get_model("m") is None


class TestNothingLeaks:
    """What a test leaves in the registry of the process, the next one does not find."""

    @pytest.mark.parametrize("turn", [1, 2])
    def test_between_tests(self, turn: int) -> None:
        assert not any(global_resources.all_of(kind) for kind in ("agent", "tool", "workflow", "model", "prompt"))
        Runner.add_agent("left", Mirror(AgentConfig(id="left")))
        resource_mgr.tool().add_tool("left", plus())


SERVER = Path(__file__).parents[1] / "programs" / "mcp_server.py"


class TestMcpServers:
    """Real servers, as processes of their own."""

    @staticmethod
    def config(**params: Any) -> Any:
        from jiuwen_lg import ToolServerConfig

        given = {"command": sys.executable, "args": [str(SERVER)], **params}
        return ToolServerConfig(server_name="bank", server_path="-", client_type="stdio", params=given)

    async def test_its_tools_are_listed_called_and_left(self) -> None:
        pytest.importorskip("langchain_mcp_adapters")
        assert await resource_mgr.tool().add_tool_servers(self.config()) == [True]
        assert sorted(info.name for info in await Runner.list_tools("bank")) == ["count", "rate"]
        names = [info.name for info in await Runner.list_tools("bank", name_delimiter="-")]
        assert sorted(names) == ["bank-count", "bank-rate"]
        assert await Runner.run_tool("rate", {"currency": "欧元"}) == {"result": "欧元: 1.1"}
        assert "no such currency" in (await Runner.run_tool("rate", {"currency": "bad"}))["error"]
        assert "error" in await Runner.run_tool("rate", {})
        assert [(await Runner.run_tool("count", {}))["result"] for _ in range(2)] == ["1", "2"]  # one process
        await Runner.stop()
        assert await Runner.list_tools("bank") is None
        assert resource_mgr.tool().get_tool("rate") is None

    async def test_an_agent_calls_one(self, llm: ModelServer) -> None:
        pytest.importorskip("langchain_mcp_adapters")
        await resource_mgr.tool().add_tool_servers(self.config())
        llm.replies = [calls(("rate", {"currency": "EUR"})), "1.1"]
        agent = react(llm.config(), resource_mgr.tool().get_tool("rate"))
        assert await say(agent, "the rate?") == {"output": "1.1", "result_type": "answer"}
        assert llm.asked()[-1]["content"] == "{'result': 'EUR: 1.1'}"
        parameters = llm.requests[0]["tools"][0]["function"]["parameters"]
        assert (parameters["required"], [*parameters["properties"]]) == (["currency"], ["currency"])
        await Runner.stop()

    async def test_tools_of_langchains_own_client(self, llm: ModelServer) -> None:
        client = pytest.importorskip("langchain_mcp_adapters.client")
        connection = {"transport": "stdio", "command": sys.executable, "args": [str(SERVER)]}
        tools = await client.MultiServerMCPClient({"bank": connection}).get_tools()
        llm.replies = [calls(("rate", {"currency": "EUR"})), "1.1"]
        await say(react(llm.config(), *tools), "the rate?")
        assert "EUR: 1.1" in llm.asked()[-1]["content"]

    async def test_a_server_that_is_not_there(self) -> None:
        pytest.importorskip("langchain_mcp_adapters")
        from jiuwen_lg import SseClient, ToolServerConfig

        nowhere = ToolServerConfig(server_name="x", server_path="http://127.0.0.1:9/sse")
        unknown = ToolServerConfig(server_name="y", server_path="-", client_type="pigeon")
        missing = self.config(command="/no/such/program")
        assert await resource_mgr.tool().add_tool_servers([nowhere, unknown, missing]) == [False, False, False]
        assert await Runner.list_tools(["x", "y"]) == [None, None]
        client = SseClient("http://127.0.0.1:9/sse", "x")
        assert (await client.connect(), await client.disconnect()) == (False, True)
        with pytest.raises(RuntimeError, match="not connected"):
            await client.list_tools()

    def test_another_event_loop_connects_again(self) -> None:
        pytest.importorskip("langchain_mcp_adapters")
        import asyncio

        async def first() -> Any:
            await resource_mgr.tool().add_tool_servers(self.config())
            return await Runner.run_tool("rate", {"currency": "A"})

        assert asyncio.run(first()) == {"result": "A: 1.1"}
        assert asyncio.run(Runner.run_tool("rate", {"currency": "B"})) == {"result": "B: 1.1"}
