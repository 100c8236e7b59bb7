"""ReActAgent: `agents.md` 3, and the defects R-01 to R-06."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import tool as langchain_tool
from langgraph.types import interrupt
from pydantic import ValidationError

from jiuwen_lg import ConstrainConfig, InteractiveInput, JiuWenBaseException, LocalFunction, Param, Runner
from jiuwen_lg.testing import ModelServer, ScriptedChatModel
from tests.agents.tools import calls, one_step, order, plus, react, say, told
from tests.flows import Call, Gate


def answered(text: str) -> dict[str, Any]:
    return {"output": text, "result_type": "answer"}


def function(name: str, run: Any, *params: Param) -> LocalFunction:
    return LocalFunction(name, f"does {name}", list(params), run)


def broken(query: Any, runtime: Any) -> Any:
    raise RuntimeError("no power")


class TestTools:
    async def test_the_model_calls_a_tool_and_answers(self, llm: ModelServer) -> None:
        llm.replies = [calls(("plus", {"left": 19, "right": 23}), content="let me see"), "It is 42."]
        assert await say(react(llm.config(), plus()), "19 + 23?") == answered("It is 42.")
        assert told(llm.asked(0)) == [("system", "Be brief."), ("user", "19 + 23?")]
        assert told(llm.asked(1))[2:] == [("assistant", "let me see", ["plus"]), ("tool", "42", "c0")]
        request = llm.requests[0]
        assert request["tool_choice"] == "auto"
        assert request["tools"][0]["function"]["parameters"]["required"] == ["left", "right"]

    async def test_without_tools_none_are_offered(self, llm: ModelServer) -> None:
        assert await say(react(llm.config()), "hello") == answered("hi")
        assert "tools" not in llm.requests[0]
        assert "tool_choice" not in llm.requests[0]

    async def test_several_calls_run_in_order(self, llm: ModelServer) -> None:
        ran: list[str] = []

        async def slow() -> None:
            await asyncio.sleep(0)
            ran.append("slow")

        tools = [function("slow", slow), function("quick", lambda: ran.append("quick") or {"a": [1]})]
        llm.replies = [calls(("slow", {}), ("quick", {}), ("slow", {})), "done"]
        await say(react(llm.config(), *tools), "go")
        assert ran == ["slow", "quick", "slow"]
        assert told(llm.asked())[3:] == [("tool", "None", "c0"), ("tool", "{'a': [1]}", "c1"), ("tool", "None", "c2")]

    async def test_a_tool_that_fails_is_told_to_the_model(self, llm: ModelServer) -> None:
        def fails(x: str) -> None:
            raise KeyError(x)

        llm.replies = [calls(("fails", {"x": "k"}), ("plus", {"left": 1, "right": 1})), "sorry"]
        agent = react(llm.config(), function("fails", fails, Param("x", "x")), plus())
        assert await say(agent, "go") == answered("sorry")
        assert told(llm.asked())[3:] == [
            ("tool", "[FAILED - [120001] Tool execution error: KeyError: 'k']", "c0"),
            ("tool", "2", "c1"),
        ]

    async def test_arguments_that_are_no_json_are_told_to_the_model_and_nothing_runs(self, llm: ModelServer) -> None:
        ran: list[int] = []
        reply = calls(("note", {}))
        reply["tool_calls"][0]["function"]["arguments"] = "{broken"
        agent = react(llm.config(), function("note", lambda: ran.append(1)))
        llm.replies = [reply, "sorry", "fine"]
        assert await say(agent, "go") == answered("sorry")
        assert llm.asked()[-1]["content"].startswith("[FAILED - [123005]")
        assert await say(agent, "again") == answered("fine")  # the conversation goes on
        assert ran == []

    @pytest.mark.parametrize("arguments", ["null", "", "{}"])
    async def test_no_arguments(self, llm: ModelServer, arguments: str) -> None:
        reply = calls(("note", {}))
        reply["tool_calls"][0]["function"]["arguments"] = arguments
        llm.replies = [reply, "ok"]
        assert await say(react(llm.config(), function("note", lambda: 7)), "go") == answered("ok")
        assert llm.asked()[-1]["content"] == "7"

    async def test_a_tool_that_does_not_exist_is_told_to_the_model(self, llm: ModelServer) -> None:
        llm.replies = [calls(("nobody", {})), "sorry"]
        assert await say(react(llm.config(), plus()), "go") == answered("sorry")
        assert llm.asked()[-1]["content"].startswith("[FAILED - [120000] the agent has no tool 'nobody'")

    async def test_langchain_tools_and_models(self) -> None:
        @langchain_tool
        def weather(city: str) -> str:
            """The weather of a city."""
            return f"{city}: rain"

        call = {"name": "weather", "args": {"city": "杭州"}, "id": "1"}
        model = ScriptedChatModel(AIMessage("", tool_calls=[call]), "It rains.")
        agent = react(model, weather)
        assert await say(agent, "杭州?") == answered("It rains.")
        assert model.requests[1][-1].text == "杭州: rain"
        assert [bound["function"]["name"] for bound in model.tools[0]] == ["weather"]

    async def test_a_tool_of_the_same_name_replaces_the_first(self, llm: ModelServer) -> None:
        agent = react(llm.config(), plus())
        agent.add_tools([function("plus", lambda **given: "new")])
        llm.replies = [calls(("plus", {})), "done"]
        await say(agent, "go")
        assert llm.asked()[-1]["content"] == "new"
        assert [len(request["tools"]) for request in llm.requests] == [1, 1]
        assert agent.agent_config.tools == ["plus"]
        assert [plugin.name for plugin in agent.agent_config.plugins] == ["plus"]


class TestLimits:
    @pytest.mark.parametrize("limit", [1, 3])
    async def test_a_model_that_never_answers_is_stopped(self, llm: ModelServer, limit: int) -> None:
        ran: list[int] = []
        agent = react(llm.config(), function("tick", lambda: ran.append(1)))
        agent.agent_config.constrain = ConstrainConfig(max_iteration=limit)
        llm.replies = [calls(("tick", {}))]
        assert await say(agent, "go") == {"output": "Exceeded max iteration", "result_type": "error"}
        assert (len(llm.requests), len(ran)) == (limit, limit)

    async def test_what_is_no_query(self, llm: ModelServer) -> None:
        agent = react(llm.config())
        refused = {"output": "No query provided", "result_type": "error"}
        assert await agent.invoke({"conversation_id": "c"}) == await agent.invoke({}) == refused
        with pytest.raises(ValidationError):
            await say(agent, 5)
        with pytest.raises(JiuWenBaseException, match="123003"):
            await agent.invoke("hello")  # type: ignore[arg-type]
        assert llm.requests == []

    async def test_a_model_that_is_down_is_asked_again_for_the_same_text(self, llm: ModelServer) -> None:
        agent = react(llm.config())
        llm.replies = [500, 500, "back"]
        for _ in range(2):
            with pytest.raises(JiuWenBaseException) as caught:
                await say(agent, "hello?")
            assert caught.value.error_code == 181001
        assert await say(agent, "hello?") == answered("back")
        assert told(llm.asked()) == [("system", "Be brief."), ("user", "hello?")]

    async def test_another_text_after_a_failure_is_a_new_turn(self, llm: ModelServer) -> None:
        agent = react(llm.config())
        llm.replies = [500, "yes"]
        with pytest.raises(JiuWenBaseException):
            await say(agent, "one")
        await say(agent, "two")
        assert told(llm.asked())[1:] == [("user", "one"), ("user", "two")]

    async def test_no_model(self) -> None:
        with pytest.raises(JiuWenBaseException) as caught:
            await say(react(None), "hello")
        assert caught.value.error_code == 181000

    async def test_one_turn_at_a_time(self, llm: ModelServer) -> None:
        agent = react(llm.config())
        llm.gate.clear()
        first = asyncio.create_task(say(agent, "one"))
        await asyncio.to_thread(llm.wait_for, 1)
        with pytest.raises(JiuWenBaseException) as caught:
            await say(agent, "two")
        assert caught.value.error_code == 100904
        llm.gate.set()
        assert await first == answered("hi")
        assert await say(agent, "two") == answered("hi")


class TestHistory:
    async def test_turns_are_remembered_and_conversations_are_apart(self, llm: ModelServer) -> None:
        agent = react(llm.config())
        for conversation, text in (("a", "one"), ("b", "uno"), ("a", "two"), ("a", "two")):
            await say(agent, text, conversation)
        assert told(llm.asked())[1:] == [
            ("user", "one"),
            ("assistant", "hi"),
            ("user", "two"),
            ("assistant", "hi"),
            ("user", "two"),
        ]

    async def test_old_messages_fall_out_but_no_call_is_cut_from_its_answer(self, llm: ModelServer) -> None:
        agent = react(llm.config(), plus())
        agent.agent_config.constrain = ConstrainConfig(reserved_max_chat_rounds=1)
        adding = ("plus", {"left": 1, "right": 1})
        llm.replies = [calls(adding, adding), "two", "ok"]
        await say(agent, "1 + 1?")
        assert [one[0] for one in told(llm.asked())] == ["system", "user", "assistant", "tool", "tool"]
        await say(agent, "more")
        assert told(llm.asked())[1:] == [("assistant", "two"), ("user", "more")]
        agent.agent_config.constrain = ConstrainConfig(reserved_max_chat_rounds=3)
        await say(agent, "again")
        assert told(llm.asked())[1:] == [
            ("assistant", "two"),
            ("user", "more"),
            ("assistant", "ok"),
            ("user", "again"),
        ]  # the tools' answers would be the first, without their calls

    async def test_what_the_context_engine_has(self, llm: ModelServer) -> None:
        agent = react(llm.config(), plus())
        llm.replies = [calls(("plus", {"left": 1, "right": 1})), "two"]
        await say(agent, "1 + 1?")
        messages = agent.context_engine.get_agent_context("c").get_messages()
        assert [type(one).__name__ for one in messages] == ["HumanMessage", "AIMessage", "ToolMessage", "AIMessage"]
        assert [call.index for call in messages[1].tool_calls] == [0]
        assert messages[-1].tool_calls == []

    async def test_the_model_can_be_asked_beside_the_conversation(self, llm: ModelServer) -> None:
        agent = react(llm.config(), plus())
        await say(agent, "one", "c")
        reply = await agent.call_model("aside", await agent._runtime.pre_run(session_id="c"), is_first_call=True)
        assert (reply.content, told(llm.asked())[1:]) == (
            "hi",
            [("user", "one"), ("assistant", "hi"), ("user", "aside")],
        )
        assert len(agent.context_engine.get_agent_context("c").get_messages()) == 2

    async def test_a_cleared_conversation_begins_anew(self, llm: ModelServer) -> None:
        agent = react(llm.config(), order())
        llm.replies = [calls(("order", {"query": "hat"})), "fine"]
        await say(agent, "a hat")
        await agent.clear_session("c")
        assert await agent.pending() == []
        assert await say(agent, "hello") == answered("fine")
        assert told(llm.asked()) == [("system", "Be brief."), ("user", "hello")]


class TestWorkflows:
    async def test_a_workflow_is_run_and_its_result_told(self, llm: ModelServer) -> None:
        reverse = one_step("reverse", "r", Call(lambda inputs, runtime: {"answer": inputs["query"][::-1]}))
        llm.replies = [calls(("reverse", {"query": "abc"})), "cba it is"]
        assert await say(react(llm.config(), plus(), reverse), "turn abc") == answered("cba it is")
        assert llm.asked()[-1]["content"] == '{"output": {"said": "cba"}}'
        names = [one["function"]["name"] for one in llm.requests[0]["tools"]]
        assert names == ["plus", "reverse"]

    async def test_a_workflow_that_fails_is_told_and_begun_anew(self, llm: ModelServer) -> None:
        llm.replies = [calls(("lamp", {"query": "on"})), calls(("lamp", {"query": "off"}), first=1), "dark"]
        lamp = one_step("lamp", "l", Call(broken))
        assert await say(react(llm.config(), lamp), "light!") == answered("dark")
        failures = [one["content"] for one in llm.asked() if one["role"] == "tool"]
        assert [text.startswith("[FAILED - [120003]") for text in failures] == [True, True]
        assert all("no power" in text for text in failures)

    @pytest.mark.parametrize("kind", ["update", "raw", "reply", "text"])
    async def test_a_question_waits_and_its_answer_resumes(self, llm: ModelServer, kind: str) -> None:
        agent = react(llm.config(), order())
        llm.replies = [calls(("order", {"query": "shirt"})), "Ordered."]
        (asked,) = await say(agent, "a shirt please")
        assert (asked.payload.id, asked.payload.value) == ("size", "Which size?")
        assert [(one.workflow_id, one.agent_id) for one in await Runner.pending()] == [("order", "desk")]
        given = {
            "update": InteractiveInput().update("size", "XL"),
            "raw": InteractiveInput("XL"),
            "reply": InteractiveInput.reply_to(asked, "XL"),
            "text": "XL",
        }[kind]
        assert await say(react(llm.config(), order()), given) == answered("Ordered.")
        assert told(llm.asked())[1:] == [
            ("user", "a shirt please"),
            ("assistant", "", ["order"]),
            ("tool", "[INTERRUPTED - Waiting for user input]", "c0"),
            ("user", "XL"),
            ("assistant", "", ["order"]),
            ("tool", '{"output": {"said": "shirt/XL"}}', "c0"),
        ]
        assert len(llm.requests) == 2
        assert await Runner.pending() == []

    async def test_calls_behind_a_question_wait_and_run_once(self, llm: ModelServer) -> None:
        ran: list[str] = []
        note = function("note", lambda x: ran.append(x) or x, Param("x", "x"))
        agent = react(llm.config(), note, order(), order("Which card?", "pay", "card"))
        llm.replies = [
            calls(("note", {"x": "1"}), ("order", {"query": "hat"}), ("note", {"x": "2"}), ("pay", {"query": "5"})),
            "done",
        ]
        (asked,) = await say(agent, "go")
        assert (asked.payload.value, ran) == ("Which size?", ["1"])
        (asked,) = await say(agent, InteractiveInput.reply_to(asked, "L"))
        assert (asked.payload.value, ran) == ("Which card?", ["1", "2"])
        assert await say(agent, InteractiveInput.reply_to(asked, "visa")) == answered("done")
        assert ran == ["1", "2"]
        for number, request in enumerate(llm.requests):  # each call has an answer, in every request
            messages = request["messages"]
            for place, message in enumerate(messages):
                wanted = [call["id"] for call in message.get("tool_calls") or ()]
                given = [one.get("tool_call_id") for one in messages[place + 1 : place + 1 + len(wanted)]]
                assert given == wanted, number
        assert [one["content"] for one in llm.asked()[-4:]] == [
            "1",
            '{"output": {"said": "hat/L"}}',
            "2",
            '{"output": {"said": "5/visa"}}',
        ]

    async def test_an_answer_delivered_twice_counts_once(self, llm: ModelServer) -> None:
        agent = react(llm.config(), order())
        llm.replies = [calls(("order", {"query": "shirt"})), "Ordered."]
        (asked,) = await say(agent, "a shirt")
        answer = InteractiveInput.reply_to(asked, "XL")
        assert await say(agent, answer) == await say(agent, answer) == answered("Ordered.")
        assert len(llm.requests) == 2
        assert len(agent.context_engine.get_agent_context("c").get_messages()) == 7

    async def test_what_waits_is_listed_again_and_nothing_runs(self, llm: ModelServer) -> None:
        agent = react(llm.config(), order())
        llm.replies = [calls(("order", {"query": "shirt"})), "Ordered."]
        asked = await say(agent, "a shirt")
        assert await say(agent, InteractiveInput()) == asked
        assert len(llm.requests) == 1
        await say(agent, "XL")
        with pytest.raises(JiuWenBaseException) as caught:
            await say(agent, InteractiveInput())
        assert caught.value.error_code == 100900

    async def test_an_answer_that_does_not_fit_changes_nothing(self, llm: ModelServer) -> None:
        async def ask(inputs: Any, runtime: Any) -> Any:
            return {"answer": await runtime.interact("How many?", int)}

        agent = react(llm.config(), one_step("order", "n", Call(ask)))
        llm.replies = [calls(("order", {"query": "shirt"})), "Ordered."]
        await say(agent, "shirts")
        with pytest.raises(JiuWenBaseException) as caught:
            await say(agent, InteractiveInput().update("n", "many"))
        assert caught.value.error_code == 100000
        assert await say(agent, InteractiveInput().update("n", 3)) == answered("Ordered.")
        assert llm.asked()[-1]["content"] == '{"output": {"said": 3}}'

    async def test_a_question_of_another_conversation_is_refused(self, llm: ModelServer) -> None:
        agent = react(llm.config(), order())
        llm.replies = [calls(("order", {"query": "shirt"})), "Ordered."]
        (asked,) = await say(agent, "a shirt", "one")
        with pytest.raises(JiuWenBaseException) as caught:
            await say(agent, InteractiveInput.reply_to(asked, "XL"), "two")
        assert caught.value.error_code == 100901
        assert await say(agent, InteractiveInput.reply_to(asked, "XL"), "one") == answered("Ordered.")

    async def test_questions_whose_values_have_dots_and_brackets(self, llm: ModelServer) -> None:
        form = {"a.b": 1, "c[0]": {"d.e": ["f"]}}

        async def ask(inputs: Any, runtime: Any) -> Any:
            answer = await runtime.interact("form?")
            return {"answer": len(answer)}

        agent = react(llm.config(), one_step("order", "n", Call(ask)))
        llm.replies = [calls(("order", {"query": "x"})), "ok"]
        await say(agent, "go")
        assert await say(agent, InteractiveInput().update("n", form)) == answered("ok")

    async def test_a_tool_asks_by_langgraphs_interrupt(self, llm: ModelServer) -> None:
        @langchain_tool
        def delete(path: str) -> str:
            """Deletes a file."""
            return f"{path}: {interrupt({'delete': path})}"

        llm.replies = [calls(("delete", {"path": "/tmp/x"})), "Gone."]
        (asked,) = await say(react(llm.config(), delete), "delete it")
        assert asked.payload.value == {"delete": "/tmp/x"}
        assert [one.agent_id for one in await Runner.pending()] == ["desk"]
        assert await say(react(llm.config(), delete), InteractiveInput.reply_to(asked, "yes")) == answered("Gone.")
        assert llm.asked()[-1]["content"] == "/tmp/x: yes"


class TestStream:
    async def test_frames_of_a_tool_and_the_answer(self, llm: ModelServer) -> None:
        llm.replies = [calls(("plus", {"left": 1, "right": 2})), "three"]
        stream = react(llm.config(), plus()).stream({"query": "1 + 2?", "conversation_id": "c"})
        frames = [frame async for frame in stream]
        assert [frame.type for frame in frames] == ["tracer_agent", "tracer_agent", "answer"]
        start, end = frames[0].payload, frames[1].payload
        assert (start["inputs"], start["outputs"]) == ({"inputs": {"left": 1, "right": 2}}, None)
        assert (end["outputs"], end["invokeType"], end["name"]) == ({"outputs": 3}, "plugin", "plus")
        assert start["invokeId"] == end["invokeId"]
        assert frames[2].payload == {"output": answered("three"), "result_type": "answer"}

    async def test_an_error_leaves_the_stream(self, llm: ModelServer) -> None:
        llm.replies = [500]
        with pytest.raises(JiuWenBaseException) as caught:
            _ = [frame async for frame in react(llm.config()).stream({"query": "q"})]
        assert caught.value.error_code == 181001

    async def test_a_question_is_a_frame_once(self, llm: ModelServer) -> None:
        agent = react(llm.config(), order())
        llm.replies = [calls(("order", {"query": "shirt"})), "Ordered."]
        frames = [frame async for frame in agent.stream({"conversation_id": "c", "query": "a shirt"})]
        assert [frame.type for frame in frames if not frame.type.startswith("tracer")] == ["__interaction__"]
        again = [frame async for frame in agent.stream({"conversation_id": "c", "query": InteractiveInput()})]
        assert [frame.payload for frame in again] == [frames[-1].payload] or len(again) == 1
        last = [frame async for frame in agent.stream({"conversation_id": "c", "query": "XL"})][-1]
        assert last.payload["output"] == answered("Ordered.")

    async def test_frames_go_to_a_runtime_of_ones_own(self, llm: ModelServer) -> None:
        agent = react(llm.config(), plus())
        llm.replies = [calls(("plus", {"left": 1, "right": 2})), "three", "again"]
        runtime = await agent._runtime.pre_run(session_id="own", inputs={})
        yielded = [result async for result in agent.stream({"query": "1 + 2?"}, runtime)]
        await runtime.post_run()
        assert yielded == [answered("three")]
        assert [frame.type async for frame in runtime.stream_iterator()] == ["tracer_agent", "tracer_agent", "answer"]
        assert await agent.invoke({"query": "more"}, await agent._runtime.pre_run(session_id="own")) == answered(
            "again"
        )
        assert len(llm.asked()) == 6  # the session of the runtime, not the default one


class TestProcesses:
    """What an agent does survives its process, and is gone on with by others."""

    @staticmethod
    def killed(turn: Any) -> None:
        """Run a turn in a copy of this process, which is killed in it."""
        child = os.fork()
        if child == 0:
            try:
                asyncio.run(turn())
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status)

    @pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
    def test_a_turn_killed_in_a_tool_goes_on_there(self) -> None:
        def once(x: str) -> str:
            with Path("ran.log").open("a", encoding="utf-8") as log:
                log.write(f"{x}\n")
            if x == "2" and not Path("go").exists():
                Path("go").touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return x

        def agent() -> Any:
            wanted = [{"name": "once", "args": {"x": x}, "id": x} for x in ("1", "2")]
            model = ScriptedChatModel(AIMessage("", tool_calls=wanted))
            return react(model, function("once", once, Param("x", "x"))), model

        first, _ = agent()
        self.killed(lambda: say(first, "go"))
        second, model = agent()
        model.replies[:] = ["done"]
        assert asyncio.run(say(second, "go")) == answered("done")
        assert Path("ran.log").read_text(encoding="utf-8").split() == ["1", "2", "2"]
        assert [one.type for one in model.requests[0]] == ["system", "human", "ai", "tool", "tool"]
        assert len(second.context_engine.get_agent_context("c").get_messages()) == 5

    @pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
    def test_a_turn_killed_in_a_workflow_goes_on_inside_it(self) -> None:
        def log(name: str) -> None:
            with Path("ran.log").open("a", encoding="utf-8") as ran:
                ran.write(f"{name}\n")

        def first_step(inputs: Any, runtime: Any) -> Any:
            log("first")
            return {"answer": inputs["query"]}

        def second_step(inputs: Any, runtime: Any) -> Any:
            log("second")
            if not Path("go").exists():
                Path("go").touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return {}

        def agent(*replies: Any) -> Any:
            flow = one_step("flow", "one", Call(first_step))
            flow.add_workflow_comp("two", Call(second_step), inputs_schema={})
            flow.add_connection("one", "two").add_connection("two", "e")
            return react(ScriptedChatModel(*replies), flow)

        call = {"name": "flow", "args": {"query": "x"}, "id": "1"}
        self.killed(lambda: say(agent(AIMessage("", tool_calls=[call])), "go"))
        assert asyncio.run(say(agent("done"), InteractiveInput())) == answered("done")
        assert Path("ran.log").read_text(encoding="utf-8").split() == ["first", "second", "second"]

    @pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
    def test_an_answer_whose_turn_was_killed_is_delivered_again(self) -> None:
        def note(answer: str) -> None:
            with Path("ran.log").open("a", encoding="utf-8") as log:
                log.write(f"{answer}\n")

        async def ask(inputs: Any, runtime: Any) -> Any:
            answer = await runtime.interact("Which size?")
            note(answer)
            return {"answer": answer}

        def stop(inputs: Any, runtime: Any) -> Any:
            if not Path("go").exists():
                Path("go").touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return {}

        def agent(*replies: Any) -> Any:
            flow = one_step("order", "ask", Call(ask))
            flow.add_workflow_comp("stop", Call(stop), inputs_schema={})
            flow.add_connection("ask", "stop").add_connection("stop", "e")
            return react(ScriptedChatModel(*replies), flow)

        call = {"name": "order", "args": {"query": "x"}, "id": "1"}
        (asked,) = asyncio.run(say(agent(AIMessage("", tool_calls=[call])), "go"))
        answer = InteractiveInput.reply_to(asked, "茶")
        self.killed(lambda: say(agent(), answer))
        second = agent("done")
        assert asyncio.run(say(second, answer)) == answered("done")
        assert asyncio.run(say(second, answer)) == answered("done")
        assert Path("ran.log").read_text(encoding="utf-8").split() == ["茶"]
        messages = second.context_engine.get_agent_context("c").get_messages()
        assert [one.role for one in messages] == ["user", "assistant", "tool", "user", "assistant", "tool", "assistant"]

    async def test_a_turn_of_the_same_name_is_one(self, llm: ModelServer) -> None:
        agent = react(llm.config())
        llm.replies = ["one", "two"]
        given = {"query": "hello", "conversation_id": "c"}
        first = await agent.invoke(given, turn_id="t")
        assert await agent.invoke(given, turn_id="t") == first == answered("one")
        assert await agent.invoke(given, turn_id="u") == answered("two")

    async def test_leaving_a_stream_early_stops_the_turn_and_loses_nothing(self, llm: ModelServer) -> None:
        gate = Gate()
        agent = react(llm.config(), one_step("slow", "g", gate))
        llm.replies = [calls(("slow", {"query": "x"})), "done"]
        stream = agent.stream({"query": "go", "conversation_id": "c"})
        async for _ in stream:
            if gate.begun.is_set():
                break
        await stream.aclose()
        gate.open.set()
        assert await say(agent, "go") == answered("done")
        assert (gate.executions, len(llm.requests)) == (2, 2)
