"""ControllerAgent and agents of one's own: `agents.md` 2, 6 and 7, and the defect R-10."""

from __future__ import annotations

from typing import Any

import pytest

from jiuwen_lg import (
    AgentConfig,
    BaseAgent,
    BaseController,
    ControllerAgent,
    InteractiveInput,
    JiuWenBaseException,
    LocalFunction,
    Message,
    OutputSchema,
    PluginSchema,
    ReActAgent,
    Runner,
    create_react_agent_config,
)
from jiuwen_lg.runtime import TaskRuntime


class Postman(BaseController):
    """Delivers, asks before it delivers money, and counts what it did in the conversation."""

    def __init__(self) -> None:
        super().__init__()
        self.handled: list[Message] = []

    async def handle_message(self, message: Message, runtime: TaskRuntime) -> Any:
        self.handled.append(message)
        query = message.content.get_query()
        if query == "break":
            raise ValueError("torn")
        if query == "refuse":
            raise JiuWenBaseException(7, "refused")
        count = (runtime.get_state("count") or 0) + 1
        runtime.update_state({"count": count})
        await runtime.write_stream(OutputSchema(type="stamp", index=0, payload=query))
        await runtime.write_custom_stream({"weight": message.content.extensions.get("weight")})
        if query == "money":
            return {"output": f"{query}, {await runtime.interact('Sign here')}", "count": count}
        return {"output": query, "count": count}


def post() -> ControllerAgent:
    return ControllerAgent(AgentConfig(id="post"), Postman())


async def test_the_message_that_a_controller_gets() -> None:
    agent = post()
    given = {"query": "letter", "conversation_id": 7, "user_id": "ann", "weight": 20}
    assert await agent.invoke(given) == {"output": "letter", "count": 1}
    (message,) = agent.controller.handled
    assert (message.source.user_id, message.context.conversation_id) == ("ann", "7")
    assert message.content.extensions == {"weight": 20}


async def test_the_state_of_a_conversation_is_stored() -> None:
    await post().invoke({"query": "a", "conversation_id": "c"})
    assert (await post().invoke({"query": "b", "conversation_id": "c"}))["count"] == 2
    assert (await post().invoke({"query": "b", "conversation_id": "d"}))["count"] == 1
    await post().clear_session("c")
    assert (await post().invoke({"query": "b", "conversation_id": "c"}))["count"] == 1


async def test_the_stream_has_what_is_written() -> None:
    frames = [frame async for frame in post().stream({"query": "parcel", "weight": 3})]
    assert [getattr(frame, "type", None) for frame in frames] == ["stamp", None]
    assert frames[1].weight == 3


@pytest.mark.parametrize("kind", ["text", "answer"])
async def test_what_a_controller_asks_waits_and_is_answered_by_another_object(kind: str) -> None:
    (asked,) = await post().invoke({"query": "money", "conversation_id": "c", "weight": 9})
    assert asked.payload.value == "Sign here"
    assert [(one.agent_id, one.session_id) for one in await Runner.pending()] == [("post", "c")]
    agent = post()
    given = "ann" if kind == "text" else InteractiveInput.reply_to(asked, "ann")
    assert (await agent.invoke({"query": given, "conversation_id": "c"}))["output"] == "money, ann"
    assert [one.content.extensions for one in agent.controller.handled] == [{"weight": 9}]
    assert await Runner.pending() == []


async def test_a_question_is_a_frame_of_the_stream() -> None:
    frames = [frame async for frame in post().stream({"query": "money"})]
    assert [frame.type for frame in frames if hasattr(frame, "type")] == ["stamp", "__interaction__"]


@pytest.mark.parametrize(("query", "code"), [("break", 123003), ("refuse", 7)])
async def test_failures(query: str, code: int) -> None:
    agent = post()
    with pytest.raises(JiuWenBaseException) as caught:
        await agent.invoke({"query": query})
    assert caught.value.error_code == code
    assert (await agent.invoke({"query": "letter"}))["output"] == "letter"


async def test_without_a_controller() -> None:
    agent = ControllerAgent(AgentConfig(id="late"))
    with pytest.raises(RuntimeError, match="no controller"):
        await agent.invoke({"query": "x"})
    with pytest.raises(RuntimeError, match="no controller"):
        _ = [frame async for frame in agent.stream({"query": "x"})]
    agent.controller = Postman()
    assert agent.controller.agent_config is agent.agent_config
    assert (await agent.invoke({"query": "x"}))["output"] == "x"


async def test_a_controller_outside_a_group_sends_nothing() -> None:
    for call in (Postman().send_to_agent("a", Message(), None), Postman().publish(Message(), None)):
        with pytest.raises(JiuWenBaseException, match="123003"):
            await call


class Own(BaseAgent):
    """An agent of one's own."""

    async def invoke(self, inputs: Any, runtime: Any = None) -> Any:
        own = runtime or await self._runtime.pre_run(session_id=inputs["conversation_id"], inputs=inputs)
        own.update_global_state({"seen": [*(own.get_global_state("seen") or []), inputs["query"]]})
        await own.write_stream({"type": "said", "index": 0, "payload": inputs["query"]})
        await own.post_run()
        return own.get_global_state("seen")

    async def stream(self, inputs: Any, runtime: Any = None) -> Any:
        own = await self._runtime.pre_run(session_id=inputs["conversation_id"], inputs=inputs)
        await self.invoke(inputs, own)
        async for frame in own.stream_iterator():
            yield frame


class TestOwnAgents:
    async def test_state_and_frames(self) -> None:
        agent = Own(AgentConfig(id="own"))
        assert await agent.invoke({"query": "a", "conversation_id": "c"}) == ["a"]
        assert await Own(AgentConfig(id="own")).invoke({"query": "b", "conversation_id": "c"}) == ["a", "b"]
        frames = [frame async for frame in agent.stream({"query": "d", "conversation_id": "c"})]
        assert [(frame.type, frame.payload) for frame in frames] == [("said", "d")]
        await agent._runtime.release("c")
        assert await agent.invoke({"query": "e", "conversation_id": "c"}) == ["e"]

    async def test_frames_need_a_shape(self) -> None:
        runtime = await Own(AgentConfig(id="own"))._runtime.pre_run(session_id="s")
        with pytest.raises(JiuWenBaseException, match="193001"):
            await runtime.write_stream({"payload": 1})
        with pytest.raises(JiuWenBaseException, match="100003"):
            await runtime.interact("sure?")

    def test_its_configuration_and_tools(self) -> None:
        config = AgentConfig(id="own")
        agent = Own(config)
        assert agent.config().get_agent_config() is agent.agent_config is config
        agent.add_tools([LocalFunction("t", "d", [], lambda: 1)])
        assert (config.tools, [tool.name for tool in agent.tools]) == (["t"], ["t"])
        agent.add_prompt([{"role": "system", "content": "x"}])  # it has none, as of plugins
        agent.add_plugins([PluginSchema(id="p")])
        with pytest.raises(TypeError):
            agent.add_tools(None)  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            BaseAgent(config)  # type: ignore[abstract]

    def test_prompts_and_plugins_of_an_agent_that_has_them(self) -> None:
        agent = ReActAgent(create_react_agent_config("r", "1", "", None, []))
        agent.add_prompt([{"role": "system", "content": "x"}])
        agent.add_plugins([PluginSchema(id="p")])
        assert agent.agent_config.prompt_template == [{"role": "system", "content": "x"}]
        assert [plugin.id for plugin in agent.agent_config.plugins] == ["p"]
