"""What a trace tells beyond who ran: paths, branches, iterations, and a table to compare with."""

from __future__ import annotations

import asyncio

import pytest

from jiuwen_lg import InteractiveInput
from jiuwen_lg.testing import VirtualTimeLoop, arun, run
from jiuwen_lg.testing.runs import run_to_end
from tests.behaviour.test_journal import expenses
from tests.flows import Ask, Call, FailOnce, chain, workflow

TABLE = """\
STEP          STATUS                INPUTS    OUTPUTS
start         finished              {"q": 1}  {"q": 1}
a             failed                {"q": 1}  [100005] component [a] encountered an exception while executing ability…
a             finished, attempt 2   {"q": 1}  {"q": 1}
ask 经理审批  asked                 {"q": 1}
ask 经理审批  finished              {"q": 1}  {"answer": "yes", "answers": ["yes"]}
end           finished              {"a": {"q": 1}, "ask": {"answer": "yes"…  {"output": {"a": {"q": 1}, "ask": {"ans…
asked ask: ok?
result: {"output": {"a": {"q": 1}, "ask": {"answer": "yes", "answers": ["yes"]}}}"""


def test_the_path_and_the_branch() -> None:
    trace = run(expenses(), {"n": 500}, {"approve": "yes"})
    assert trace.path == [
        *("start", "kind", "size", "large", "large.start", "large.items"),
        *("large.items[0].check", "large.items[1].check", "large.items[2].check", "large.end", "approve", "end"),
    ]
    assert trace.branch("size") == "large"
    assert trace.iterations("large.items") == 3
    assert run(expenses(), {"n": 1}, {"approve": "yes"}).branch("size") == "small"


def test_several_targets_and_several_choices() -> None:
    def both() -> list[str]:
        return ["a", "b"]

    flow = workflow("w").set_start_comp("start", Call(), inputs_schema={})
    for id in "ab":
        flow.add_workflow_comp(id, Call(), inputs_schema={})
    flow.add_conditional_connection("start", both)
    trace = run(flow, {})
    assert trace.branch("start") == ["a", "b"]
    assert trace.branches("start") == [["a", "b"]]


def test_what_did_not_choose_or_loop_says_so() -> None:
    trace = run(expenses(), {"n": 500})
    with pytest.raises(LookupError, match=r"\[kind\] has chosen nothing; those that chose are \['size'\]"):
        trace.branch("kind")
    with pytest.raises(LookupError, match=r"\[kind\] is no loop; the loops are \['large.items'\]"):
        trace.iterations("kind")


def test_the_table_is_the_same_in_every_run() -> None:
    def once() -> str:
        flow = workflow("w")
        from jiuwen_lg import End, Start

        flow.set_start_comp("start", Start(), inputs_schema={"q": "${q}"})
        flow.add_workflow_comp("a", FailOnce(1, ConnectionError("x" * 99)), inputs_schema={"q": "${start.q}"}, retry=2)
        flow.add_workflow_comp("ask", Ask("ok?"), inputs_schema={"q": "${start.q}"}, label="经理审批")
        flow.set_end_comp("end", End(), inputs_schema={"a": "${a}", "ask": "${ask}"})
        flow.add_connection("start", "a").add_connection("a", "ask").add_connection("ask", "end")
        trace = run(flow, {"q": 1}, {"ask": "yes"})
        assert trace == repr(trace) and trace != "something else"
        return repr(trace)

    first, second = once(), once()
    assert first == second
    words = [line.split() for line in first.splitlines()]
    assert [line[:2] for line in words[:7]] == [
        *(["STEP", "STATUS"], ["start", "finished"], ["a", "failed"], ["a", "finished,"], ["ask", "经理审批"]),
        *(["ask", "经理审批"], ["end", "finished"]),
    ]
    assert first.splitlines()[-2:] == TABLE.splitlines()[-2:]


def test_a_paused_and_a_failed_run() -> None:
    paused = run(chain(("a", Ask("x?")), id="w"), {"q": 1})
    assert repr(paused).splitlines()[-2:] == ["asked a: x?", "open: a"]
    failed = run(chain(("a", FailOnce()), id="w"), {"q": 1}, raises=False)
    assert "error: [100005]" in repr(failed) or "error: component [a]" in repr(failed)
    again = run(chain(("a", FailOnce(0)), id="w"), InteractiveInput(), session_id=failed.session_id)
    assert again.path == ["a", "end"]


def test_the_same_answer_in_run_and_invoke_when_time_is_up() -> None:
    async def slow(inputs: object) -> None:
        await asyncio.sleep(3600)

    trace = run(chain(("slow", slow), id="w"), {}, virtual_time=True, raises=False)
    assert trace.codes == (100101,)


class TestVirtualTime:
    async def test_in_a_coroutine(self) -> None:
        """The caller's loop goes on as ever; the workflow runs in one whose clock jumps."""

        async def slow(inputs: object) -> dict[str, str]:
            await asyncio.sleep(30)
            return {"loop": type(asyncio.get_running_loop()).__name__}

        trace = await arun(chain(("slow", slow), id="w"), {"q": 1}, virtual_time=True)
        assert trace.result["output"]["slow"] == {"loop": "VirtualTimeLoop"}
        assert not isinstance(asyncio.get_running_loop(), VirtualTimeLoop)

    def test_in_a_loop_that_jumps_anyway(self) -> None:
        seen = []

        async def main() -> None:
            async def where(inputs: object) -> None:
                seen.append(asyncio.get_running_loop())

            await arun(chain(("where", where), id="w"), {"q": 1}, virtual_time=True)
            seen.append(asyncio.get_running_loop())

        run_to_end(main(), VirtualTimeLoop)
        assert seen[0] is seen[1]

    def test_for_a_whole_suite(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("JIUWEN_LG_TEST_VIRTUAL_TIME", "1")

        async def which(inputs: object) -> dict[str, str]:
            return {"loop": type(asyncio.get_running_loop()).__name__}

        flow = chain(("which", which), id="w")
        assert run(flow, {"q": 1}).result["output"]["which"] == {"loop": "VirtualTimeLoop"}
        assert run(flow, {"q": 1}, virtual_time=False).result["output"]["which"] != {"loop": "VirtualTimeLoop"}
        assert run_to_end(arun(flow, {"q": 1})).result["output"]["which"] == {"loop": "VirtualTimeLoop"}
