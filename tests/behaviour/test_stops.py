"""Static interrupts and jumps, alone and with questions: seed 004's InterruptBefore, InterruptAfter and ResumeFrom."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from jiuwen_lg import (
    BaseStreamMode,
    End,
    InteractiveInput,
    JiuWenBaseException,
    SimpleComponent,
    Start,
    Workflow,
    WorkflowConfig,
    WorkflowExecutionState,
    WorkflowMetadata,
    WorkflowOutput,
    WorkflowRuntime,
)
from tests import forked
from tests.flows import Ask, Call, asked, chain, parallel, turn

LETTERS = "abcdef"
WHOLE = {"output": {letter: letter for letter in LETTERS}}


class Line:
    """A workflow of six components in a line, and what has run."""

    def __init__(self, asks: bool = False, **options: Any) -> None:
        self.ran: list[str] = []
        self.flow = self.build(asks, **options)

    def build(self, asks: bool, **options: Any) -> Workflow:
        components: list[tuple[str, Any]] = [(letter, Call(self.run(letter))) for letter in LETTERS]
        if asks:
            components[2] = ("c", Ask("c?"))
        return chain(*components, id="line", **options)

    def run(self, letter: str) -> Any:
        return lambda inputs, runtime: self.ran.append(letter) or letter  # type: ignore[func-returns-value]


def stopped(output: WorkflowOutput) -> tuple[Any, list[str]]:
    """The node and the next ones of a run that stopped by itself."""
    assert output.state is WorkflowExecutionState.INPUT_REQUIRED
    assert output.result == []
    assert output.snapshot is not None
    return output.snapshot.node, output.snapshot.next_nodes


class TestStops:
    async def test_before_a_component_in_one_run(self) -> None:
        line = Line()
        output = await turn(line.flow, {"q": 1}, interrupt_before=["c"])
        assert stopped(output) == ("c", ["c"])
        assert output.snapshot is not None
        assert output.snapshot.status == "waiting"
        assert output.snapshot.state["io"] == {"start": {"q": 1}, "a": "a", "b": "b"}
        assert line.ran == ["a", "b"]
        assert (await turn(line.flow, InteractiveInput())).result == WHOLE
        assert line.ran == list(LETTERS)

    async def test_in_every_run_of_a_workflow(self) -> None:
        line = Line(interrupt_before=["c"], interrupt_after=["d"])
        assert stopped(await turn(line.flow, {"q": 1})) == ("c", ["c"])
        assert stopped(await turn(line.flow, InteractiveInput())) == ("e", ["e"])
        assert (await turn(line.flow, InteractiveInput())).result == WHOLE
        assert (await turn(line.flow, {"q": 1}, "t", interrupt_before=[], interrupt_after=[])).result == WHOLE

    async def test_before_each(self) -> None:
        line = Line()
        output = await turn(line.flow, {"q": 1}, interrupt_before="*")
        nodes = []
        while output.state is WorkflowExecutionState.INPUT_REQUIRED:
            nodes.append(stopped(output)[0])
            output = await turn(line.flow, InteractiveInput(), interrupt_before="*")
        assert nodes == ["start", *LETTERS, "end"]
        assert output.result == WHOLE
        assert line.ran == list(LETTERS)

    async def test_the_snapshot_is_the_same_from_another_process(self, child_env: dict[str, str]) -> None:
        line = Line()
        output = await turn(line.flow, {"q": 1}, interrupt_after=["c"])
        code = "import asyncio\nfrom tests.behaviour.test_stops import Line\n"
        code += "print(asyncio.run(Line().flow.snapshot('s')))\n"
        command = [sys.executable, "-c", code]
        printed = await asyncio.to_thread(subprocess.check_output, command, env=child_env, text=True)
        assert printed.strip() == repr(output.snapshot)

    async def test_a_stopped_session_is_not_started_again(self) -> None:
        line = Line()
        await turn(line.flow, {"q": 1}, interrupt_before=["c"])
        with pytest.raises(JiuWenBaseException, match=r"told to stop before \['c'\]") as error:
            await turn(line.flow, {"q": 1})
        assert error.value.error_code == 100006
        with pytest.raises(JiuWenBaseException) as error:
            await turn(line.flow, InteractiveInput("x"))
        assert error.value.error_code == 100900
        assert await line.flow.pending() == []
        found = await line.flow.snapshot("s")
        assert found is not None
        assert found.status == "waiting"

    async def test_a_stream_ends_there(self) -> None:
        line = Line()
        modes = [BaseStreamMode.OUTPUT]
        runtime = WorkflowRuntime(session_id="s", interrupt_before=["c"])
        assert [f async for f in line.flow.stream({"q": 1}, runtime, stream_modes=modes)] == []
        frames = [f async for f in line.flow.stream(InteractiveInput(), WorkflowRuntime(session_id="s"))]
        assert frames[-1].payload == WHOLE

    async def test_through_the_compiled_graph(self) -> None:
        line = Line()
        config: RunnableConfig = {"configurable": {"thread_id": "1"}}
        graph = line.flow.compile(InMemorySaver(), interrupt_before=["c"])
        await graph.ainvoke({"inputs": {"q": 1}}, config)
        assert (await graph.aget_state(config)).next == ("c",)
        assert (await graph.ainvoke(None, config))["result"] == WHOLE
        config = {"configurable": {"thread_id": "2"}}
        graph = line.flow.compile(InMemorySaver())
        graph.invoke({"inputs": {"q": 1}}, config, interrupt_after=["c"])
        assert graph.get_state(config).next == ("d",)
        assert graph.invoke(None, config)["result"] == WHOLE

    async def test_an_unknown_name_is_refused_with_the_ids(self) -> None:
        line = Line()
        for options in ({"interrupt_before": ["x"]}, {"interrupt_after": ["aa"]}, {"resume_from": ["c", "x"]}):
            with pytest.raises(JiuWenBaseException, match=r"'a', 'b', 'c', 'd', 'e', 'f', 'end'\]") as error:
                await turn(line.flow, {"q": 1}, **options)
            assert error.value.error_code == 110006
        with pytest.raises(JiuWenBaseException, match="did you mean 'a'"):
            line.flow.compile(interrupt_before=["aa"])
        assert line.ran == []


class TestWithQuestions:
    async def test_before_a_component_that_asks(self) -> None:
        line = Line(asks=True)
        assert stopped(await turn(line.flow, {"q": 1}, interrupt_before=["c"])) == ("c", ["c"])
        assert asked(await turn(line.flow, InteractiveInput(), interrupt_before=["c"])) == [("c", 0, "c?")]
        done = (await turn(line.flow, InteractiveInput("yes"), interrupt_before=["c"])).result["output"]
        assert done["c"]["answer"] == "yes"

    async def test_an_answer_may_come_with_the_word_to_go_on(self) -> None:
        line = Line(asks=True)
        await turn(line.flow, {"q": 1}, interrupt_before=["c"])
        done = await turn(line.flow, InteractiveInput().update("c", "yes"))
        assert done.result["output"]["c"]["answer"] == "yes"

    async def test_after_a_component_that_asks(self) -> None:
        line = Line(asks=True)
        assert asked(await turn(line.flow, {"q": 1}, interrupt_after=["c"])) == [("c", 0, "c?")]
        answered = await turn(line.flow, InteractiveInput("yes"), interrupt_after=["c"])
        assert stopped(answered) == ("d", ["d"])
        assert (await turn(line.flow, InteractiveInput())).result["output"]["f"] == "f"

    def test_through_the_compiled_graph(self) -> None:
        graph = Line(asks=True).flow.compile(InMemorySaver(), interrupt_before=["c"], interrupt_after=["c"])
        config: RunnableConfig = {"configurable": {"thread_id": "1"}}
        graph.invoke({"inputs": {"q": 1}}, config)
        (question,) = graph.invoke(None, config)["__interrupt__"]
        assert question.value["value"] == "c?"
        graph.invoke(Command(resume="yes"), config)
        assert graph.get_state(config).next == ("d",)
        assert graph.invoke(None, config)["result"]["output"]["c"]["answer"] == "yes"


class TestJumps:
    async def test_over_components(self) -> None:
        line = Line()
        await turn(line.flow, {"q": 1}, interrupt_before=["c"])
        done = await turn(line.flow, InteractiveInput(), resume_from=["e"])
        assert done.result == {"output": {letter: letter for letter in "abef"}}
        assert line.ran == ["a", "b", "e", "f"]

    async def test_back_to_a_component(self) -> None:
        line = Line()
        await turn(line.flow, {"q": 1}, interrupt_before=["c"])
        assert (await turn(line.flow, InteractiveInput(), resume_from=["b"])).result == WHOLE
        assert line.ran == ["a", "b", "b", "c", "d", "e", "f"]

    async def test_to_where_it_is_anyway(self) -> None:
        line = Line(asks=True)
        await turn(line.flow, {"q": 1})
        done = await turn(line.flow, InteractiveInput("yes"), resume_from=["c"])
        assert done.result["output"]["c"]["answer"] == "yes"

    @pytest.mark.parametrize("given", [InteractiveInput("yes"), InteractiveInput().update("c", "yes")])
    async def test_with_an_answer_for_a_component_that_asked_before(self, given: InteractiveInput) -> None:
        line = Line(asks=True, interrupt_after=["d"])
        await turn(line.flow, {"q": 1})
        await turn(line.flow, InteractiveInput("no"))
        done = await turn(line.flow, given, resume_from=["c"], interrupt_after=[])
        assert done.result["output"]["c"]["answer"] == "yes"
        assert line.ran == ["a", "b", "d", "d", "e", "f"]

    async def test_without_an_answer_it_asks(self) -> None:
        line = Line(asks=True, interrupt_after=["d"])
        await turn(line.flow, {"q": 1})
        await turn(line.flow, InteractiveInput("no"))
        assert asked(await turn(line.flow, InteractiveInput(), resume_from=["c"])) == [("c", 0, "c?")]
        assert stopped(await turn(line.flow, InteractiveInput("yes"))) == ("e", ["e"])

    async def test_away_from_a_question(self) -> None:
        """The question is not asked any more; an answer to it finds nothing."""
        line = Line(asks=True)
        question = (await turn(line.flow, {"q": 1})).result[0]
        done = await turn(line.flow, InteractiveInput(), resume_from=["d"])
        assert done.result == {"output": {letter: letter for letter in "abdef"}}
        with pytest.raises(JiuWenBaseException) as error:
            await turn(line.flow, InteractiveInput.reply_to(question, "yes"))
        assert error.value.error_code == 100900

    async def test_to_several_at_once(self) -> None:
        line = Line()
        await turn(line.flow, {"q": 1}, interrupt_before=["b"])
        await turn(line.flow, InteractiveInput(), resume_from=["e", "c"], interrupt_after="*")
        assert sorted(line.ran) == ["a", "c", "e"]

    async def test_a_run_that_failed_goes_on_elsewhere(self) -> None:
        def fail(inputs: Any, runtime: Any) -> None:
            raise ValueError("no")

        flow = chain(("a", Call()), ("b", Call(fail)), ("c", Call(lambda i, r: "c")), id="w")
        with pytest.raises(JiuWenBaseException):
            await turn(flow, {"q": 1})
        assert (await turn(flow, InteractiveInput(), resume_from=["c"])).result["output"]["c"] == "c"

    async def test_it_takes_an_unfinished_run(self) -> None:
        line = Line()
        with pytest.raises(JiuWenBaseException, match="takes an InteractiveInput"):
            await turn(line.flow, {"q": 1}, resume_from=["c"])
        with pytest.raises(JiuWenBaseException) as error:
            await turn(line.flow, InteractiveInput(), resume_from=["c"])
        assert error.value.error_code == 100900

    def test_through_the_compiled_graph(self) -> None:
        line = Line()
        graph = line.flow.compile(InMemorySaver(), interrupt_before=["c"])
        config: RunnableConfig = {"configurable": {"thread_id": "1"}}
        graph.invoke({"inputs": {"q": 1}}, config)
        graph.update_state(config, None, as_node="__end__")
        graph.invoke(Command(goto=["e"]), config)
        assert line.ran == ["a", "b", "e", "f"]
        with pytest.raises(JiuWenBaseException, match="goto names them") as error:
            graph.invoke(Command(goto=["x"]), config)
        assert error.value.error_code == 110006

    def test_a_process_killed_in_between_goes_on_there(self, child_env: dict[str, str]) -> None:
        """Killed before what was next is cleared, after it, and in the component that was jumped to."""
        code = (
            "import asyncio, os, sys\n"
            "from jiuwen_lg import InteractiveInput, WorkflowRuntime\n"
            "from jiuwen_lg.engine.turns.breakpoints import ResumeTarget\n"
            "from tests.flows import turn\nfrom tests.behaviour.test_stops import Line\n"
            "step, line = sys.argv[1], Line()\n"
            "clear = ResumeTarget.make\n"
            "async def cleared(self, *args):\n"
            "    if step == 'before': os._exit(9)\n"
            "    await clear(self, *args)\n"
            "    if step == 'after': os._exit(9)\n"
            "if step == 'inside': line.run = lambda letter: (lambda i, r: os._exit(9) if letter == 'e' else letter)\n"
            "line.flow = line.build(False)\n"
            "ResumeTarget.make = cleared\n"
            "asyncio.run(turn(line.flow, {'q': 1}, step, interrupt_before=['c']))\n"
            "asyncio.run(turn(line.flow, InteractiveInput(), step, resume_from=['e']))\n"
        )
        for step in ("before", "after", "inside"):
            assert forked.run("-c", code, step, env=child_env).returncode == 9
            line = Line()
            done = asyncio.run(turn(line.flow, InteractiveInput(), step))
            assert done.result == {"output": {letter: letter for letter in "abef"}}
            assert line.ran == ["e", "f"]


class TestRedelivery:
    """A message that is delivered twice does not let a stopped run go on."""

    async def test_of_a_start(self) -> None:
        line = Line()
        for _ in range(2):
            output = await turn(line.flow, {"q": 1}, turn_id="job", interrupt_before=["e"])
            assert stopped(output) == ("e", ["e"])
        assert line.ran == ["a", "b", "c", "d"]

    async def test_of_an_answer(self) -> None:
        line = Line(asks=True)
        question = (await turn(line.flow, {"q": 1})).result[0]
        for _ in range(2):
            answer = InteractiveInput.reply_to(question, "yes")
            assert stopped(await turn(line.flow, answer, interrupt_before=["e"])) == ("e", ["e"])
        assert (await turn(line.flow, InteractiveInput())).result["output"]["f"] == "f"


class TestJumpsThatMeetTrouble:
    async def test_an_answer_is_for_the_component_that_is_next_anyway(self) -> None:
        line = Line(asks=True)
        await turn(line.flow, {"q": 1}, interrupt_before=["c"])
        done = await turn(line.flow, InteractiveInput("yes"), resume_from=["c"])
        assert done.result["output"]["c"]["answer"] == "yes"

    async def test_an_answer_survives_a_failure_of_the_component(self) -> None:
        tries = []

        async def ask(inputs: Any, runtime: Any) -> Any:
            answer = await runtime.interact("?")
            tries.append(answer)
            if len(tries) == 2:
                raise ValueError("no")
            return answer

        flow = chain(("c", ask), ("d", Call(lambda i, r: "d")), id="w")
        await turn(flow, {"q": 1}, interrupt_after=["c"])
        await turn(flow, InteractiveInput("first"), interrupt_after=["c"])
        with pytest.raises(JiuWenBaseException):
            await turn(flow, InteractiveInput("second"), resume_from=["c"])
        assert (await turn(flow, InteractiveInput())).result["output"]["c"] == "second"
        assert tries == ["first", "second", "second"]

    async def test_an_answer_may_be_for_a_component_after_the_target(self) -> None:
        line = Line(asks=True, interrupt_after=["d"])
        await turn(line.flow, {"q": 1})
        await turn(line.flow, InteractiveInput("no"))
        given = InteractiveInput().update("c", "yes")
        done = await turn(line.flow, given, resume_from=["b"], interrupt_after=[])
        assert done.result["output"]["c"]["answer"] == "yes"

    async def test_a_run_that_never_began_cannot_jump_and_stays_free(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from jiuwen_lg.engine.turns.graph_run import GraphRun

        line = Line()

        async def die(*_: Any, **__: Any) -> Any:
            raise OSError("disk full")

        with monkeypatch.context() as broken:
            broken.setattr(GraphRun, "execute", die)
            with pytest.raises(JiuWenBaseException):
                await turn(line.flow, {"q": 1})
        for _ in range(2):
            with pytest.raises(JiuWenBaseException, match="before it began") as error:
                await turn(line.flow, InteractiveInput(), resume_from=["c"])
            assert error.value.error_code == 100900
        assert (await turn(line.flow, InteractiveInput())).result == WHOLE

    async def test_one_that_fails_leaves_the_session_free(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from jiuwen_lg.engine.turns.breakpoints import ResumeTarget

        line = Line()
        await turn(line.flow, {"q": 1}, interrupt_before=["c"])

        async def fail(*_: Any) -> None:
            raise OSError("disk full")

        with monkeypatch.context() as broken:
            broken.setattr(ResumeTarget, "make", fail)
            with pytest.raises(JiuWenBaseException, match="disk full"):
                await turn(line.flow, InteractiveInput(), resume_from=["e"])
        assert (await turn(line.flow, InteractiveInput(), resume_from=["e"])).result["output"].keys() == {*"abef"}

    async def test_into_one_branch_of_a_join_it_warns(self, caplog: pytest.LogCaptureFixture) -> None:
        flow = parallel(("a", Call()), ("b", Call()), id="w")
        await turn(flow, {"q": 1}, interrupt_before=["end"])
        done = await turn(flow, InteractiveInput(), resume_from=["b"])
        assert done.result is None
        assert "component [end] did not run" in caplog.text

    async def test_back_to_a_producer_its_frames_are_shown_again(self) -> None:
        async def gives(inputs: Any) -> Any:
            yield {"n": 1}
            yield {"n": 2}

        flow = Workflow(WorkflowConfig(metadata=WorkflowMetadata(id="w")))
        flow.set_start_comp("s", Start())
        flow.add_workflow_comp("p", gives, inputs_schema={})
        flow.add_workflow_comp("z", Ask("?"), inputs_schema={})
        flow.set_end_comp("e", End(), stream_inputs_schema={"n": "${p.n}"}, response_mode="streaming")
        flow.add_connection("s", "p").add_connection("s", "z").add_stream_connection("p", "e").add_connection("z", "e")

        async def frames(given: Any, **options: Any) -> list[Any]:
            runtime = WorkflowRuntime(session_id="s", **options)
            read = flow.stream(given, runtime, stream_modes=[BaseStreamMode.OUTPUT])
            return [f.payload["output"]["n"] async for f in read if f.type != "__interaction__"]

        assert await frames({}) == [1, 2]
        assert await frames(InteractiveInput(), resume_from=["p", "z"]) == [1, 2]

    async def test_an_answer_that_nobody_asked_for_is_told_of(self, caplog: pytest.LogCaptureFixture) -> None:
        line = Line()
        await turn(line.flow, {"q": 1}, interrupt_before=["c"])
        assert (await turn(line.flow, InteractiveInput("yes"), resume_from=["e"])).result["output"].keys() == {*"abef"}
        assert "no component asked for the answers to ['e']" in caplog.text


class TestStepwise:
    async def test_no_component_begins_on_frames_before_its_turn(self) -> None:
        began: list[str] = []

        class Takes(SimpleComponent):
            async def transform(self, inputs: Any, runtime: Any, context: Any) -> Any:
                began.append("c")
                async for item in inputs["n"]:
                    yield {"n": item}

        async def gives(inputs: Any) -> Any:
            yield {"n": 1}
            yield {"n": 2}

        flow = Workflow(WorkflowConfig(metadata=WorkflowMetadata(id="w")))
        flow.set_start_comp("s", Start())
        flow.add_workflow_comp("p", gives, inputs_schema={})
        flow.add_workflow_comp("c", Takes(), stream_inputs_schema={"n": "${p.n}"})
        flow.set_end_comp("e", End(), stream_inputs_schema={"n": "${c.n}"}, response_mode="streaming")
        flow.add_connection("s", "p").add_stream_connection("p", "c").add_stream_connection("c", "e")
        await turn(flow, {}, interrupt_before="*")
        results = []
        for _ in range(4):
            results.append((await turn(flow, InteractiveInput(), interrupt_before="*")).result)
        assert began == ["c"]
        assert [[f.payload for f in frames] for frames in results] == [
            [],
            [],
            [],
            [{"output": {"n": 1}}, {"output": {"n": 2}}],
        ]

    async def test_without_a_store_there_is_no_stopping(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("JIUWEN_LG_DB", "off")
        with pytest.raises(JiuWenBaseException, match="breakpoints") as error:
            await turn(Line().flow, {"q": 1}, interrupt_before=["c"])
        assert error.value.error_code == 100909
