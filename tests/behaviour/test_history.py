"""A run's steps, and forks of it with other outputs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Overwrite

from jiuwen_lg import End, InteractiveInput, JiuWenBaseException, LoopComponent, LoopGroup, Start, Workflow
from tests import forked
from tests.flows import Ask, Call, asked, chain, turn

RAN: list[str] = []


def adds(letter: str) -> Any:
    """A component that appends its letter to what the one before gave."""

    def add(inputs: Any, runtime: Any) -> Any:
        RAN.append(letter)
        before = runtime.get_global_state(f"{chr(ord(letter) - 1)}.text") or ""
        return {"text": before + letter}

    return Call(add)


def line(*, asks: bool = False, **options: Any) -> Workflow:
    components: list[tuple[str, Any]] = [(letter, adds(letter)) for letter in "abcd"]
    if asks:
        components[2] = ("c", Ask("c?"))
    return chain(*components, id="line", **options)


@pytest.fixture(autouse=True)
def _nothing_ran() -> None:
    RAN.clear()


async def text(flow: Workflow, session: str) -> str:
    found: str = (await turn(flow, InteractiveInput(), session)).result["output"]["d"]["text"]
    return found


class TestHistory:
    async def test_of_a_finished_run(self) -> None:
        flow = line(keep_history=True)
        await turn(flow, {"q": 1})
        steps = await flow.history("s")
        assert [(step.ran, step.next_nodes) for step in steps] == [
            (["end"], []),
            (["d"], ["end"]),
            (["c"], ["d"]),
            (["b"], ["c"]),
            (["a"], ["b"]),
            (["start"], ["a"]),
            ([], ["start"]),
            ([], ["__start__"]),
        ]
        assert [step.step for step in steps] == [6, 5, 4, 3, 2, 1, 0, -1]
        assert steps[3].state["io"]["b"] == {"text": "ab"}

    async def test_of_an_unfinished_one_and_of_none(self) -> None:
        flow = line(asks=True)
        await turn(flow, {"q": 1})
        assert [step.ran for step in await flow.history("s")][:2] == [["b"], ["a"]]
        assert await flow.history("nobody") == []
        await turn(flow, InteractiveInput("yes"))
        assert await flow.history("s") == []


class TestFork:
    async def test_an_old_step_with_another_output(self) -> None:
        flow = line(keep_history=True)
        first = await turn(flow, {"q": 1})
        before = await flow.history("s")
        fork = await flow.fork("s", before[3], outputs={"b": {"text": "AB"}})
        snapshot = await flow.snapshot(fork)
        assert snapshot is not None
        assert (snapshot.status, snapshot.next_nodes, snapshot.state["io"]["b"]) == ("waiting", ["c"], {"text": "AB"})
        RAN.clear()
        assert await text(flow, fork) == "ABcd"
        assert RAN == ["c", "d"]
        assert await flow.history("s") == before
        assert first.result["output"]["d"]["text"] == "abcd"
        assert (await flow.history(fork))[0].state["io"]["b"] == {"text": "AB"}

    async def test_of_an_unfinished_run_which_goes_on_as_it_was(self) -> None:
        flow = line(asks=True)
        await turn(flow, {"q": 1})
        fork = await flow.fork("s", 3, outputs={"a": {"text": "A"}}, new_session_id="t")
        assert fork == "t"
        assert asked(await turn(flow, InteractiveInput(), "t")) == [("c", 0, "c?")]
        done = (await turn(flow, InteractiveInput("no"), "t")).result["output"]
        assert (done["a"], done["c"]["answer"]) == ({"text": "A"}, "no")
        done = (await turn(flow, InteractiveInput("yes"))).result["output"]
        assert (done["a"], done["c"]["answer"]) == ({"text": "a"}, "yes")

    async def test_it_asks_again_what_was_answered(self) -> None:
        flow = line(asks=True, keep_history=True)
        await turn(flow, {"q": 1})
        await turn(flow, InteractiveInput("yes"))
        before_c = next(step for step in await flow.history("s") if step.next_nodes == ["c"])
        fork = await flow.fork("s", before_c.checkpoint_id)
        assert asked(await turn(flow, InteractiveInput(), fork)) == [("c", 0, "c?")]
        assert (await turn(flow, InteractiveInput("no"), fork)).result["output"]["c"]["answer"] == "no"

    async def test_another_process_goes_on_with_it(self, child_env: dict[str, str]) -> None:
        flow = line(keep_history=True)
        await turn(flow, {"q": 1})
        await flow.fork("s", 3, outputs={"b": {"text": "AB"}}, new_session_id="t")
        code = (
            "import asyncio\nfrom tests.behaviour.test_history import line, text\n"
            "print(asyncio.run(text(line(keep_history=True), 't')))\n"
        )
        assert (await asyncio.to_thread(forked.run, "-c", code, env=child_env)).stdout == "ABcd\n"

    async def test_of_a_fork(self) -> None:
        flow = line(keep_history=True)
        await turn(flow, {"q": 1})
        one = await flow.fork("s", 2, outputs={"a": {"text": "A"}})
        assert await text(flow, one) == "Abcd"
        step = next(step for step in await flow.history(one) if step.next_nodes == ["d"])
        two = await flow.fork(one, step, outputs={"c": {"text": "C"}})
        assert await text(flow, two) == "Cd"

    async def test_after_a_loop(self) -> None:
        group = LoopGroup()
        group.add_workflow_comp("body", Call(lambda i, r: i["x"]), inputs_schema={"x": "${loop.item}"})
        group.start_nodes(["body"])
        group.end_nodes(["body"])
        flow = Workflow(keep_history=True)
        flow.set_start_comp("s", Start(), inputs_schema={"l": "${l}"})
        schema = {"loop_type": "array", "loop_array": {"item": "${s.l}"}}
        flow.add_workflow_comp("loop", LoopComponent(group, {"all": "${body}"}), inputs_schema=schema)
        flow.set_end_comp("e", End(), inputs_schema={"all": "${loop.all}"})
        flow.add_connection("s", "loop").add_connection("loop", "e")
        await turn(flow, {"l": [1, 2]})
        before = next(step for step in await flow.history("s") if step.next_nodes == ["loop"])
        fork = await flow.fork("s", before, outputs={"s": {"l": [3, 4, 5]}})
        assert (await turn(flow, InteractiveInput(), fork)).result == {"output": {"all": [3, 4, 5]}}

    async def test_what_cannot_be_forked(self) -> None:
        flow = line(asks=True)
        await turn(flow, {"q": 1})
        await turn(flow, {"q": 1}, "t")
        with pytest.raises(JiuWenBaseException, match=r"no step 99; its steps are \[3, 2, 1, 0, -1\]") as error:
            await flow.fork("s", 99)
        assert error.value.error_code == 100900
        with pytest.raises(JiuWenBaseException) as error:
            await flow.fork("nobody", 1)
        assert error.value.error_code == 100900
        with pytest.raises(JiuWenBaseException, match="outputs names them") as error:
            await flow.fork("s", 3, outputs={"x": 1})
        assert error.value.error_code == 110006
        with pytest.raises(JiuWenBaseException) as error:
            await flow.fork("s", 3, new_session_id="t")
        assert error.value.error_code == 100006

    async def test_through_the_compiled_graph(self) -> None:
        graph = line().compile(InMemorySaver())
        config: RunnableConfig = {"configurable": {"thread_id": "1"}}
        await graph.ainvoke({"inputs": {"q": 1}}, config)
        states = [state async for state in graph.aget_state_history(config)]
        before = next(state for state in states if state.next == ("c",))
        outputs = {**before.values["io"], "b": {"text": "AB"}}
        forked = await graph.aupdate_state(before.config, {"io": Overwrite(outputs)}, as_node="b")
        assert (await graph.ainvoke(None, forked))["result"]["output"]["d"]["text"] == "ABcd"
        assert [s async for s in graph.aget_state_history(config)][-len(states) :] == states


class TestForksThatMeetTrouble:
    def test_a_fork_killed_in_its_first_component_goes_on(self, child_env: dict[str, str]) -> None:
        flow = line(keep_history=True)
        asyncio.run(turn(flow, {"q": 1}))
        asyncio.run(flow.fork("s", 3, outputs={"b": {"text": "AB"}}, new_session_id="t"))
        code = (
            "import asyncio, os\nfrom tests.behaviour import test_history\n"
            "test_history.adds = lambda letter: test_history.Call(lambda i, r: os._exit(9))\n"
            "asyncio.run(test_history.text(test_history.line(keep_history=True), 't'))\n"
        )
        for _ in range(2):
            assert forked.run("-c", code, env=child_env).returncode == 9
        snapshot = asyncio.run(flow.snapshot("t"))
        assert snapshot is not None
        assert snapshot.state["io"]["b"] == {"text": "AB"}
        assert asyncio.run(text(flow, "t")) == "ABcd"

    async def test_a_jump_keeps_the_outputs(self) -> None:
        flow = line(keep_history=True)
        await turn(flow, {"q": 1})
        fork = await flow.fork("s", 2, outputs={"a": {"text": "A"}})
        done = (await turn(flow, InteractiveInput(), fork, resume_from=["b"])).result["output"]
        assert done["d"]["text"] == "Abcd"
        other = await flow.fork("s", 3, outputs={"a": {"text": "A"}, "b": {"text": "AB"}})
        done = (await turn(flow, InteractiveInput(), other, resume_from=["d"])).result["output"]
        assert (done["a"], done["b"]) == ({"text": "A"}, {"text": "AB"})

    async def test_a_fork_of_a_fork_at_its_own_step_has_its_outputs(self) -> None:
        flow = line(keep_history=True)
        await turn(flow, {"q": 1})
        one = await flow.fork("s", 3, outputs={"b": {"text": "AB"}})
        two = await flow.fork(one, (await flow.history(one))[0])
        assert (await flow.history(two))[0].state["io"]["b"] == {"text": "AB"}
        assert [await text(flow, fork) for fork in (two, one)] == ["ABcd", "ABcd"]

    async def test_a_run_that_finishes_meanwhile_is_not_copied_empty(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from jiuwen_lg import workflow

        flow = line(asks=True)
        await turn(flow, {"q": 1})
        read = workflow.read_history

        async def read_and_finish(*args: Any) -> Any:
            steps = await read(*args)
            await turn(flow, InteractiveInput("yes"))
            return steps

        monkeypatch.setattr(workflow, "read_history", read_and_finish)
        with pytest.raises(JiuWenBaseException, match="has finished") as error:
            await flow.fork("s", 3, new_session_id="t")
        assert error.value.error_code == 100900
        assert await flow.snapshot("t") is None

    async def test_outputs_that_cannot_be_kept_are_refused(self) -> None:
        flow = line(asks=True)
        await turn(flow, {"q": 1})
        with pytest.raises(JiuWenBaseException, match="must be strings") as error:
            await flow.fork("s", 3, outputs={"a": {1: 2}})
        assert error.value.error_code == 100000
