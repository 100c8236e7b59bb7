"""WorkflowAgent: seed 002, `components.md` 8, and the defects Q1 to Q7, Q41 to Q44 and Q46."""

from __future__ import annotations

import asyncio
import json
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
from jiuwen_lg.engine.store import open_store
from jiuwen_lg.testing.server import ModelServer
from tests import forked
from tests.flows import Ask, Call, FailOnce, Gate, turn
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
        printed = (await asyncio.to_thread(forked.run, "-c", code, env=child_env)).stdout
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
            ("assistant", "name?"),
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
        with pytest.raises(ValueError, match="no workflow"):
            one.add_workflows([lambda: flow("w")])  # type: ignore[list-item]

    async def test_runner_opens_the_same_door(self) -> None:
        one = agent(flow("w"))
        assert result(await Runner.run_agent(one, {"query": "q"})) == {"q": "q"}
        frames = [f async for f in Runner.run_agent_streaming(one, {"query": "q"})]
        assert result(frames[-1].payload) == {"q": "q"}
        double = LocalFunction("double", "doubles", [Param("n", "a number", "integer")], lambda n: 2 * n)
        assert await Runner.run_tool(double, {"n": 4}) == 8


class TestGoingOn:
    async def test_an_answer_repeated_after_a_failure_goes_on(self) -> None:
        fails = FailOnce(times=1)
        one = agent(flow("w", ("ask", Ask("name?")), ("fails", fails)))
        await say(one, "hello")
        with pytest.raises(JiuWenBaseException):
            await say(one, "ann")
        assert result(await say(one, "ann"))["ask"]["answer"] == "ann"
        kept = [(m.role, m.content) for m in one.context_engine.get_agent_context("c").get_messages()]
        assert kept[:4] == [("user", "hello"), ("assistant", "name?"), ("user", "ann"), ("user", "ann")]

    async def test_another_text_after_a_failure_starts_anew_and_says_so(self, caplog: pytest.LogCaptureFixture) -> None:
        one = agent(flow("w", ("ask", Ask("name?")), ("fails", FailOnce())))
        await say(one, "hello")
        with pytest.raises(JiuWenBaseException):
            await say(one, "ann")
        assert questions(await say(one, "bob")) == [("ask", "name?")]
        assert "workflow [w] failed" in caplog.text
        assert "connection timeout" in caplog.text

    async def test_the_same_text_with_other_inputs_is_another_message(self) -> None:
        first = Call()
        one = agent(flow("w", ("first", first), ("fails", FailOnce())))
        with pytest.raises(JiuWenBaseException):
            await say(one, "q", x=1, nothing=None)
        assert result(await say(one, "q", x=2))["x"] == 2
        assert first.executions == 2

    def test_killed_with_an_answer_in_hand(self, child_env: dict[str, str]) -> None:
        """The same answer again goes on; what had finished does not run again."""
        code = (
            "import asyncio, os, sys\nfrom tests.agents.test_workflow_agent import agent, flow, result, say\n"
            "from tests.flows import Ask, Call\n"
            "def runs(inputs, runtime):\n"
            "    print('runs', flush=True)\n"
            "    return os.kill(os.getpid(), 9) if sys.argv[2] == 'dies' else 'ok'\n"
            "def asked(inputs, runtime):\n"
            "    print('asked', flush=True)\n"
            "one = agent(flow('w', ('ask', Ask('name?')), ('asked', Call(asked)), ('runs', Call(runs))))\n"
            "print(asyncio.run(say(one, sys.argv[1])))"
        )

        def said(text: str, fate: str) -> tuple[int, str]:
            done = forked.run("-c", code, text, fate, env=child_env)
            return done.returncode, done.stdout

        assert said("hello", "lives")[0] == 0
        assert said("ann", "dies") == (-9, "asked\nruns\n")
        code_then, printed = said("ann", "lives")
        assert code_then == 0
        assert printed.startswith("runs\n")
        assert "'answer': 'ann'" in printed

    async def test_a_question_asked_beside_a_failure_is_answered(self) -> None:
        built = flow("w", ("a", Ask("a?")))
        built.add_workflow_comp("b", FailOnce(times=2), inputs_schema={})
        built.add_connection("s", "b").add_connection("b", "e")
        one = agent(built)
        with pytest.raises(JiuWenBaseException):
            await say(one, "hello")
        assert [p.output.value for p in await one.pending()] == ["a?"]
        with pytest.raises(JiuWenBaseException):
            await say(one, "hello")
        assert result(await say(one, "A"))["a"]["answer"] == "A"
        assert await one.pending() == []

    async def test_a_changed_workflow_goes_on_if_it_is_told_to(self) -> None:
        await say(agent(flow("w", ("ask", Ask("name?")))), "hello")
        changed = flow("w", ("ask", Ask("name?")), ("more", Call()))
        with pytest.raises(JiuWenBaseException) as error:
            await say(agent(changed), "ann")
        assert error.value.error_code == 100906
        assert result(await say(agent(changed, on_change="continue"), "ann"))["ask"]["answer"] == "ann"


class TestAddressing:
    def two(self, llm: ModelServer) -> WorkflowAgent:
        llm.replies = ['{"result": 1}', '{"result": 2}']
        return agent(flow("v", ("ask", Ask("v?"))), flow("w", ("ask", Ask("w?"))), model=config(llm))

    async def test_a_token_finds_its_question(self, llm: ModelServer) -> None:
        two = self.two(llm)
        await say(two, "first")
        second = await say(two, "second")
        reply = InteractiveInput.reply_to(second[0], "W")
        once, twice = await say(two, reply), await say(two, reply)
        assert result(once) == result(twice) == {"q": "second", "ask": {"answer": "W", "answers": ["W"]}}
        assert [p.output.value for p in await two.pending()] == ["v?"]

    async def test_of_equal_ids_the_oldest_question_is_answered(self, llm: ModelServer) -> None:
        two = self.two(llm)
        await say(two, "first")
        await say(two, "second")
        assert result(await say(two, InteractiveInput().update("ask", "V")))["q"] == "first"

    async def test_a_raw_answer_needs_one_addressee(self, llm: ModelServer) -> None:
        two = self.two(llm)
        await say(two, "first")
        await say(two, "second")
        with pytest.raises(JiuWenBaseException) as error:
            await say(two, InteractiveInput("?"))
        assert error.value.error_code == 100902
        await say(two, InteractiveInput().update("ask", "V"))
        assert result(await say(two, InteractiveInput("W")))["q"] == "second"

    async def test_going_on_prefers_what_failed(self, llm: ModelServer) -> None:
        llm.replies = ['{"result": 1}', '{"result": 2}']
        two = agent(flow("v", ("fails", FailOnce())), flow("w", ("ask", Ask("w?"))), model=config(llm))
        with pytest.raises(JiuWenBaseException):
            await say(two, "first")
        await say(two, "second")
        assert result(await say(two, InteractiveInput()))["q"] == "first"

    async def test_keys_that_look_alike(self) -> None:
        """No agent and no workflow is taken for another one."""
        for first, second in (
            (("a", "1_2"), ("a_1", "2")),
            (("a", "1\x1f2"), ("a\x1f1", "2")),
            (('a", "b', "1"), ("a", 'b", "1')),
        ):
            one = agent(flow("w", ("ask", Ask("one?"))), id=first[0])
            one.remove_workflows([("w", "1")])
            two = agent(id=second[0])
            for each, (_, version) in ((one, first), (two, second)):
                built = flow("w", ("ask", Ask("?")))
                built.config().metadata.version = version
                each.add_workflows([built])
                await say(each, "hello", "same")
            await one.clear_session("same")
            assert len(await two.pending("same")) == 1
            assert await one.pending() == []

    async def test_a_workflow_without_an_id_is_known_in_another_process(self) -> None:
        def nameless(name: str = "") -> Workflow:
            built = flow("w", ("ask", Ask("name?")))
            built.config().metadata = WorkflowMetadata(name=name)
            return built

        for name in ("", "greeter"):
            first = agent(nameless(name), id=f"agent {name}")
            await say(first, "hello")
            assert [p.workflow_id for p in await first.pending()] == [name or "#1"]
            second = nameless(name)
            later = agent(second, second, id=f"agent {name}")
            assert result(await say(later, "ann"))["ask"]["answer"] == "ann"
            later.remove_workflows([(second.config().metadata.id, "")])
            with pytest.raises(JiuWenBaseException, match="add_workflows"):
                await say(later, "hello")

    async def test_a_conversations_id_is_a_text(self) -> None:
        one = agent(flow("w", ("ask", Ask("name?"))))
        await one.invoke({"conversation_id": 0, "query": "q"})
        assert [p.session_id for p in await one.pending()] == ["0"]

    async def test_messages_without_an_id_share_no_conversation(self) -> None:
        one = agent(flow("w", ("ask", Ask("name?"))))
        for message in ({}, {"conversation_id": None}, {"conversation_id": ""}, {}):
            found = await one.invoke({**message, "query": "q"})
            assert found[0].payload.value == "name?"
        assert len({p.session_id for p in await one.pending()}) == 4
        with pytest.raises(JiuWenBaseException, match=r"\[100900\].*conversation_id"):
            await one.invoke({"query": InteractiveInput("Li")})

    @pytest.mark.parametrize("inputs", ["hello", None, 5])
    async def test_what_is_no_message_is_refused(self, inputs: Any) -> None:
        with pytest.raises(JiuWenBaseException, match="conversation_id") as error:
            await agent(flow("w")).invoke(inputs)
        assert error.value.error_code == 123003


class TestInbox:
    async def test_it_lists_agents_and_workflows(self) -> None:
        one = agent(flow("w", ("ask", Ask("agent?"))), id="helper")
        await say(one, "hello")
        await turn(flow("v", ("ask", Ask("flow?"))), {"query": "q"}, "s")
        listed = await Runner.pending()
        assert [(p.agent_id, p.workflow_id, p.session_id, p.output.id, p.output.value) for p in listed] == [
            ("helper", "w", "c", "ask", "agent?"),
            ("", "v", "s", "ask", "flow?"),
        ]
        assert listed[0].since <= listed[1].since
        assert [p.agent_id for p in await Runner.pending("c")] == ["helper"]
        await Runner.release("c")
        assert [p.agent_id for p in await Runner.pending()] == [""]

    async def test_what_is_being_answered_does_not_wait(self) -> None:
        gate = Gate()
        one = agent(flow("w", ("ask", Ask("name?")), ("gate", gate)))
        await say(one, "hello")
        working = asyncio.create_task(say(one, "ann"))
        await gate.begun.wait()
        assert await one.pending() == await Runner.pending() == []
        gate.open.set()
        await working

    async def test_a_damaged_row_hides_no_other(self) -> None:
        one = agent(flow("w", ("ask", Ask("name?"))))
        for conversation in ("c", "d"):
            await say(one, "hello", conversation)
        with open_store().database.transaction() as cursor:
            cursor.execute("UPDATE jiuwen_sessions SET questions = x'00' WHERE session_id = 'c'")
        with pytest.warns(RuntimeWarning, match=r"questions of session \[c\]"):
            assert [p.session_id for p in await one.pending()] == ["d"]


class TestWhatIsKept:
    async def kept(self, built: Workflow, **options: Any) -> list[tuple[str, str]]:
        """The conversation after `invoke`, which equals the one after `stream`."""
        one = agent(built)
        await say(one, "q", "a")
        async for _ in one.stream({"conversation_id": "b", "query": "q"}):
            pass
        of_a, of_b = (
            [(m.role, m.content) for m in one.context_engine.get_agent_context(c).get_messages()] for c in "ab"
        )
        assert of_a == of_b
        return of_a

    async def test_the_text_of_an_end_that_streams(self) -> None:
        built = flow("w", end=End({"responseTemplate": "A{{q}}"}), response_mode="streaming")
        assert await self.kept(built) == [("user", "q"), ("assistant", "Aq")]

    async def test_nothing_of_a_workflow_without_an_end(self) -> None:
        built = Workflow(WorkflowConfig(metadata=WorkflowMetadata(id="w")))
        built.set_start_comp("s", Start(), inputs_schema={"query": "${query}"})
        built.add_workflow_comp("a", Call(), inputs_schema={})
        assert await self.kept(built.add_connection("s", "a")) == [("user", "q")]

    async def test_what_was_refused_was_not_said(self) -> None:
        one = agent(flow("w", ("ask", Ask("name?"))))
        await say(one, "hello")
        with pytest.raises(JiuWenBaseException):
            await say(one, InteractiveInput().update("nobody", 1))
        assert len(one.context_engine.get_agent_context("c").get_messages()) == 2


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

    async def test_restarting_drops_what_all_workflows_ask(self, llm: ModelServer) -> None:
        llm.replies = ['{"result": 1}', '{"result": 2}']
        flows = flow("v", ("ask", Ask("v?"))), flow("w", ("ask", Ask("w?")))
        two = agent(*flows, model=config(llm), on_question="restart")
        await say(two, "first")
        await say(two, "second")
        assert [p.output.value for p in await two.pending()] == ["w?"]

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

    @pytest.mark.parametrize(
        "reply", ['{"result": 0}', '{"result": 9}', '{"result": null}', '{"result": "inf"}', "no idea", "", 500]
    )
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
            done = forked.run("-c", code, llm.url, "killed", text, env=child_env)
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

    async def test_custom_frames_pass(self) -> None:
        async def shows(inputs: Any, runtime: Any) -> Any:
            await runtime.write_custom_stream({"progress": 1})

        frames = [f async for f in agent(flow("w", ("shows", shows))).stream({"query": "q"})]
        assert [f.progress for f in frames if hasattr(f, "progress")] == [1]

    async def test_a_components_own_final_frame_is_not_the_result(self) -> None:
        async def shows(inputs: Any, runtime: Any) -> Any:
            await runtime.write_stream({"type": "workflow_final", "index": 0, "payload": "mine"})

        frames = [f async for f in agent(flow("w", ("shows", shows))).stream({"query": "q"})]
        finals = [f.payload for f in frames if f.type == "workflow_final"]
        assert finals[0] == "mine"
        assert result(finals[1]) == {"q": "q"}
        assert len(finals) == 2

    async def test_an_end_that_gives_frames_gives_nothing_else(self) -> None:
        one = agent(flow("w", end=End({"responseTemplate": "A{{q}}"}), response_mode="streaming"))
        frames = [f async for f in one.stream({"query": "q"}) if not f.type.startswith("tracer")]
        assert [f.payload for f in frames] == [{"answer": "A"}, {"answer": "q"}]

    async def test_leaving_early_stops_the_run(self) -> None:
        gate = Gate()
        one = agent(flow("w", ("gate", gate)))
        for door in (one.stream, lambda inputs: Runner.run_agent_streaming(one, inputs)):
            frames = door({"conversation_id": "c", "query": "q"})
            async for _ in frames:
                break
            await frames.aclose()
        gate.open.set()
        assert result(await say(one, "q"))["q"] == "q"
