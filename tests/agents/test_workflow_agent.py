"""WorkflowAgent: seed 002, `components.md` 8, and the defects Q1 to Q7, Q41 to Q44 and Q46."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import Any

import pytest

from jiuwen_lg import (
    BaseStreamMode,
    DefaultResponse,
    End,
    InteractiveInput,
    JiuWenBaseException,
    LocalFunction,
    Param,
    Runner,
    Start,
    Workflow,
    WorkflowAgent,
    WorkflowAgentConfig,
    WorkflowConfig,
    WorkflowMetadata,
    WorkflowSchema,
    workflow_provider,
)
from tests.flows import Ask, Call, FailOnce, Gate
from tests.model_server import ModelServer
from tests.models.config import config


def flow(id: str, *components: tuple[str, Any], end: End | None = None, **connected: Any) -> Workflow:
    """start → the components → end, which tells what was asked and what each gave."""
    built = Workflow(WorkflowConfig(metadata=WorkflowMetadata(id=id, name=id, version="1", description=f"does {id}")))
    built.set_start_comp("s", Start(), inputs_schema={"query": "${query}", "x": "${x}"})
    before = "s"
    for name, component in components:
        built.add_workflow_comp(name, component, inputs_schema={"query": "${s.query}"})
        built.add_connection(before, name)
        before = name
    schema = {"q": "${s.query}", "x": "${s.x}", **{name: f"${{{name}}}" for name, _ in components}}
    built.set_end_comp("e", end or End(), inputs_schema=schema, **connected)
    return built.add_connection(before, "e")


def agent(*flows: Workflow, id: str = "a", **options: Any) -> WorkflowAgent:
    made = WorkflowAgent(WorkflowAgentConfig(id=id, **options))
    made.add_workflows(flows)
    return made


async def say(agent: WorkflowAgent, query: Any, conversation: str = "c", **more: Any) -> Any:
    return await agent.invoke({"conversation_id": conversation, "query": query, **more})


def result(said: Any) -> Any:
    assert said["result_type"] == "answer"
    return said["output"].result["output"]


def questions(said: Any) -> list[tuple[str, Any]]:
    return [(frame.payload.id, frame.payload.value) for frame in said]


class TestOneWorkflow:
    async def test_a_text_starts_it_and_answers_it(self) -> None:
        one = agent(flow("w", ("ask", Ask("name?", "age?"))))
        assert questions(await say(one, "hello")) == [("ask", "name?")]
        assert questions(await say(one, "ann")) == [("ask", "age?")]
        assert result(await say(one, "7"))["ask"]["answers"] == ["ann", "7"]
        assert questions(await say(one, "again")) == [("ask", "name?")]

    async def test_answers_by_id_and_all_questions_at_once(self) -> None:
        built = flow("w", ("a", Ask("a?")))
        built.add_workflow_comp("b", Ask("b?"), inputs_schema={})
        built.add_connection("s", "b").add_connection("b", "e")
        one = agent(built)
        assert questions(await say(one, "hello")) == [("a", "a?"), ("b", "b?")]
        assert [(p.session_id, p.output.id) for p in await one.pending()] == [("c", "a"), ("c", "b")]
        assert questions(await say(one, InteractiveInput().update("b", "B"))) == [("a", "a?")]
        assert result(await say(one, "A"))["a"]["answer"] == "A"
        assert await one.pending() == []

    async def test_another_process_answers(self, child_env: dict[str, str]) -> None:
        await say(agent(flow("w", ("ask", Ask("name?")))), "hello")
        code = (
            "import asyncio\nfrom tests.agents.test_workflow_agent import agent, flow, result, say\n"
            "from tests.flows import Ask\n"
            "print(result(asyncio.run(say(agent(flow('w', ('ask', Ask('name?')))), 'ann')))['ask'])\n"
        )
        command = [sys.executable, "-c", code]
        printed = await asyncio.to_thread(subprocess.check_output, command, env=child_env, text=True)
        assert eval(printed) == {"answer": "ann", "answers": ["ann"]}

    async def test_many_conversations_at_once(self) -> None:
        """Q1: one object, and no answer is crossed."""
        one = agent(flow("w", ("ask", Ask("name?"))))
        names = [f"n{number}" for number in range(200)]
        await asyncio.gather(*(say(one, "hello", name) for name in names))
        answered = await asyncio.gather(*(say(one, name, name) for name in names))
        assert [result(said)["ask"]["answer"] for said in answered] == names

    async def test_a_failed_turn_goes_on_when_it_is_said_again(self) -> None:
        """Q2."""
        first = Call()
        one = agent(flow("w", ("first", first), ("fails", FailOnce())))
        with pytest.raises(JiuWenBaseException) as error:
            await say(one, "hello")
        assert error.value.error_code == 100005
        assert result(await say(one, "hello"))["q"] == "hello"
        assert first.executions == 1
        with pytest.raises(JiuWenBaseException):
            await say(agent(flow("w", ("first", first), ("fails", FailOnce(times=9)))), "hello")
        again = agent(flow("w", ("first", first), ("fails", FailOnce(times=0))))
        assert result(await say(again, "something else"))["q"] == "something else"

    async def test_agents_that_share_a_workflow_do_not_share_its_runs(self) -> None:
        """Q3 and Q4: each runs its own object; what one asks, the other does not answer."""
        one = agent(flow("w", ("ask", Ask("one?"))), id="one")
        two = agent(flow("w", ("ask", Ask("two?"))), id="two")
        assert questions(await say(one, "hello")) == [("ask", "one?")]
        assert questions(await say(two, "hello")) == [("ask", "two?")]
        assert result(await say(one, "1"))["ask"]["answer"] == "1"
        assert [p.output.value for p in await two.pending("c")] == ["two?"]

    async def test_an_id_with_a_dot(self) -> None:
        """Q5."""
        one = agent(flow("x.y", ("ask", Ask("name?"))))
        await say(one, "hello")
        assert result(await say(one, "ann"))["ask"]["answer"] == "ann"

    async def test_frames_of_a_component_that_asks_come_once(self) -> None:
        """Q6."""

        async def shows(inputs: Any, runtime: Any) -> Any:
            await runtime.write_stream({"type": "shown", "index": 0, "payload": 1})
            return await runtime.interact("?")

        one = agent(flow("w", ("shows", shows)))
        frames = [f async for f in one.stream({"conversation_id": "c", "query": "q"})]
        assert [f.type for f in frames if f.type != "tracer_workflow"] == ["shown", "__interaction__"]

    async def test_an_end_that_streams_gives_its_frames(self) -> None:
        """Q7."""
        one = agent(flow("w", end=End({"responseTemplate": "A{{q}}"}), response_mode="streaming"))
        said = await say(one, "hello")
        assert [f.payload for f in said["output"].result] == [{"answer": "A"}, {"answer": "hello"}]

    @pytest.mark.parametrize(("query", "heard"), [(None, ""), (5, "5"), ("", "")])
    async def test_what_is_no_text_is_made_one(self, query: Any, heard: str) -> None:
        """Q44."""
        assert result(await say(agent(flow("w")), query))["q"] == heard

    async def test_inputs_of_one_turn_are_gone_in_the_next(self) -> None:
        """Q46."""
        one = agent(flow("w"))
        assert result(await say(one, "q", x=1)) == {"q": "q", "x": 1}
        assert result(await say(one, "q")) == {"q": "q"}

    async def test_a_schema_chooses_the_inputs(self) -> None:
        for inputs in ({"query": {"type": "string"}}, {"type": "object", "properties": {"query": {}}}):
            schema = WorkflowSchema(id="w", version="1", inputs=inputs)
            assert result(await say(agent(flow("w"), workflows=[schema]), "q", x=1)) == {"q": "q"}

    async def test_what_was_said_is_kept(self) -> None:
        """Q41 and Q42: values that are no text, and several questions."""
        one = agent(flow("w", ("ask", Ask({"value": "name?"}))))
        await say(one, 5)
        await say(one, InteractiveInput({"name": "ann"}))
        kept = one.context_engine.get_agent_context("c").get_messages()
        assert [(m.role, m.content) for m in kept][:3] == [
            ("user", "5"),
            ("assistant", '{"value": "name?"}'),
            ("user", '{"name": "ann"}'),
        ]

    async def test_a_message_while_the_last_one_is_worked_on_is_refused(self) -> None:
        gate = Gate()
        one = agent(flow("w", ("gate", gate)))
        working = asyncio.create_task(say(one, "q"))
        await gate.begun.wait()
        for text in ("q", "other"):
            with pytest.raises(JiuWenBaseException) as error:
                await say(one, text)
            assert error.value.error_code == 100904
        gate.open.set()
        assert result(await working)["q"] == "q"

    async def test_a_conversation_is_cleared(self) -> None:
        one = agent(flow("w", ("ask", Ask("name?"))))
        for conversation in ("c", "d"):
            await say(one, "hello", conversation)
        await one.clear_session("c")
        assert [p.session_id for p in await one.pending()] == ["d"]
        assert one.context_engine.get_agent_context("c").get_messages() == []
        with pytest.raises(JiuWenBaseException) as error:
            await say(one, InteractiveInput("ann"))
        assert error.value.error_code == 100900
        await one.clear_session("nobody")

    async def test_without_workflows_it_says_so(self) -> None:
        bound = WorkflowSchema(id="w", version="1")
        for one in (agent(), agent(workflows=[bound])):
            with pytest.raises(JiuWenBaseException, match="add_workflows") as error:
                await say(one, "q")
            assert error.value.error_code == 123003
        removed = agent(flow("w"))
        removed.remove_workflows([("w", "1")])
        with pytest.raises(JiuWenBaseException):
            await say(removed, "q")

    async def test_a_provider_builds_its_workflow_once_it_is_needed(self) -> None:
        built: list[int] = []

        @workflow_provider("w", "1", "w", "does w", inputs={"query": {"type": "string"}})
        def build() -> Workflow:
            built.append(1)
            return flow("w", ("ask", Ask("name?")))

        one = WorkflowAgent(WorkflowAgentConfig(id="a"))
        one.bind_workflows([build])
        assert built == []
        await say(one, "hello", x=1)
        assert result(await say(one, "ann")) == {"q": "hello", "ask": {"answer": "ann", "answers": ["ann"]}}
        assert built == [1]
        with pytest.raises(JiuWenBaseException, match="workflow_provider"):
            one.add_workflows([lambda: flow("w")])  # type: ignore[list-item]

    async def test_runner_opens_the_same_door(self) -> None:
        one = agent(flow("w"))
        assert result(await Runner.run_agent(one, {"query": "q"})) == {"q": "q"}
        frames = [f async for f in Runner.run_agent_streaming(one, {"query": "q"})]
        assert result(frames[-1].payload) == {"q": "q"}
        double = LocalFunction("double", "doubles", [Param("n", "a number", "integer")], lambda n: 2 * n)
        assert await Runner.run_tool(double, {"n": 4}) == 8


class TestTextsWhileAQuestionIsOpen:
    async def test_it_is_shown_again(self) -> None:
        one = agent(flow("w", ("ask", Ask("name?"))), on_question="ask_again")
        for text in ("hello", "ann"):
            assert questions(await say(one, text)) == [("ask", "name?")]
        assert result(await say(one, InteractiveInput("ann")))["ask"]["answer"] == "ann"

    async def test_it_is_dropped(self) -> None:
        one = agent(flow("w", ("ask", Ask("name?"))), on_question="restart")
        for text in ("hello", "again"):
            assert questions(await say(one, text)) == [("ask", "name?")]
        assert result(await say(one, InteractiveInput("ann")))["q"] == "again"

    async def test_it_is_answered_without_asking_a_model(self, llm: ModelServer) -> None:
        llm.replies = ['{"result": 2}']
        several = agent(flow("v"), flow("w", ("ask", Ask("name?"))), model=config(llm), on_question="answer")
        await say(several, "hello")
        assert result(await say(several, "ann"))["ask"]["answer"] == "ann"
        assert len(llm.requests) == 1

    async def test_what_an_earlier_process_asked_is_told_of(self, caplog: pytest.LogCaptureFixture) -> None:
        asks = agent(flow("w", ("ask", Ask("name?", "age?"))))
        await say(asks, "hello")
        await say(asks, "ann")
        assert "asked earlier" not in caplog.text
        later = agent(flow("w", ("ask", Ask("name?", "age?"))))
        await say(later, "7")
        assert "conversation [c]: a text answers what [ask] asked earlier: 'age?'" in caplog.text


class TestSeveralWorkflows:
    def three(self, llm: ModelServer, **options: Any) -> WorkflowAgent:
        flows = (flow("weather", ("city", Ask("city?"))), flow("stocks", ("name", Ask("name?"))), flow("plain"))
        return agent(*flows, model=config(llm), **options)

    async def test_a_model_chooses_and_a_question_waits_meanwhile(self, llm: ModelServer) -> None:
        llm.replies = ['{"result": 1}', "It is ```json\n{'result': '2'}\n```", '{"result": 3}', '{"result": 1}']
        assert questions(await say(self.three(llm), "rain?")) == [("city", "city?")]
        assert questions(await say(self.three(llm), "shares?")) == [("name", "name?")]
        assert "1 asks: city?" in llm.asked()[-1]["content"]
        assert result(await say(self.three(llm), "hi")) == {"q": "hi"}
        assert result(await say(self.three(llm), "杭州"))["city"]["answer"] == "杭州"
        assert [p.output.id for p in await self.three(llm).pending("c")] == ["name"]

    async def test_answers_by_id_need_no_model(self, llm: ModelServer) -> None:
        llm.replies = ['{"result": 1}', '{"result": 2}']
        await say(self.three(llm), "rain?")
        await say(self.three(llm), "shares?")
        assert result(await say(self.three(llm), InteractiveInput().update("city", "杭州")))["city"]["answer"] == "杭州"
        assert len(llm.requests) == 2

    @pytest.mark.parametrize("reply", ['{"result": 0}', '{"result": 9}', '{"result": null}', "no idea", "", 500])
    async def test_nothing_usable_is_the_default_response(self, reply: Any, llm: ModelServer) -> None:
        """Q43."""
        llm.replies = [reply]
        default = DefaultResponse(type="text", text="what?")
        said = await say(self.three(llm, default_response=default), "?")
        assert said == {"status": "default_response", "output": {"answer": "what?"}, "result_type": "answer"}
        frames = [f async for f in self.three(llm, default_response=default).stream({"query": "?"})]
        assert [(f.type, f.payload) for f in frames] == [("workflow_final", {"responseContent": "what?", "output": {}})]
        assert questions(await say(self.three(llm), "?")) == [("city", "city?")]

    async def test_the_prompt_template_comes_first(self, llm: ModelServer) -> None:
        llm.replies = ['{"result": 3}']
        before = [{"role": "system", "content": "你是一个AI助手。"}]
        await say(self.three(llm, prompt_template=before), "hi")
        assert llm.asked()[0] == before[0]
        assert "1: does weather\n2: does stocks\n3: does plain" in llm.asked()[1]["content"]

    def test_six_turns_with_a_kill_after_each(self, llm: ModelServer, child_env: dict[str, str]) -> None:
        """The transcript is that of an undisturbed run."""
        said = ["rain?", "shares?", "杭州", "hi", "AAA", "rain again?"]
        numbers = dict(zip(said, (1, 2, 1, 3, 2, 1), strict=True))

        def answer(body: dict[str, Any]) -> str:
            heard = body["messages"][-1]["content"].split("now\n")[1].split("\n")[0]
            return json.dumps({"result": numbers[heard]})

        llm.answer = answer
        code = (
            "import asyncio, os, sys\nfrom tests.agents.test_workflow_agent import TestSeveralWorkflows, say\n"
            "from types import SimpleNamespace\n"
            "one = TestSeveralWorkflows().three(SimpleNamespace(url=sys.argv[1]))\n"
            "print(asyncio.run(say(one, sys.argv[3], sys.argv[2])), flush=True)\nos.kill(os.getpid(), 9)\n"
        )
        printed = []
        for text in said:
            command = [sys.executable, "-c", code, llm.url, "killed", text]
            done = subprocess.run(command, env=child_env, capture_output=True, text=True, check=False)
            assert done.returncode == -9
            printed.append(done.stdout.strip())
        one = self.three(llm)

        async def undisturbed() -> list[str]:
            return [str(await say(one, text, "whole")) for text in said]

        assert printed == asyncio.run(undisturbed())
        contexts = [one.context_engine.get_agent_context(name).get_messages() for name in ("killed", "whole")]
        assert contexts[0] == contexts[1]


class TestStream:
    async def test_seed_002s_frames(self) -> None:
        one = agent(flow("w", ("ask", Ask("name?"))))
        first = [f async for f in one.stream({"conversation_id": "c", "query": "q"})]
        assert [f.type for f in first] == ["tracer_workflow"] * 3 + ["__interaction__"]
        second = [f async for f in one.stream({"conversation_id": "c", "query": "ann"})]
        assert [f.type for f in second] == ["tracer_workflow"] * 4 + ["workflow_final"]
        assert second[-1].payload["output"].result["output"]["ask"]["answer"] == "ann"
        assert BaseStreamMode.CUSTOM not in {type(f) for f in second}
