"""Every cell of the specification's table "What each input does".

Columns are situations of a session, rows are inputs; whatever is refused leaves
everything as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from jiuwen_lg import InteractiveInput, JiuWenBaseException, Workflow, WorkflowRuntime
from tests.flows import Ask, Call, FailOnce, Gate, asked, chain, parallel, turn

NOT_PENDING, UNKNOWN_ID, AMBIGUOUS, BUSY, EXISTS = 100900, 100901, 100902, 100904, 100006


def answer(node_id: str, value: Any = "yes") -> InteractiveInput:
    return InteractiveInput().update(node_id, value)


async def refused(flow: Workflow, given: Any, code: int) -> JiuWenBaseException:
    """`given` is refused with `code`, and the session is as it was."""
    before = await flow.snapshot("s")
    with pytest.raises(JiuWenBaseException) as caught:
        await turn(flow, given)
    assert caught.value.error_code == code
    assert await flow.snapshot("s") == before
    return caught.value


INPUTS: list[Callable[[], Any]] = [
    InteractiveInput,
    lambda: InteractiveInput("yes"),
    lambda: answer("ask"),
    lambda: answer("later"),
    lambda: answer("start"),
    lambda: answer("nobody"),
]


class TestNothingUnfinished:
    async def test_a_dict_starts(self) -> None:
        flow = chain(("call", Call()))
        assert (await turn(flow, {"q": 1})).result == {"output": {"call": {"q": 1}}}
        assert (await turn(flow, {"q": 2})).result == {"output": {"call": {"q": 2}}}

    @pytest.mark.parametrize("given", INPUTS)
    async def test_answers_find_nothing_on_a_fresh_session(self, given: Callable[[], Any]) -> None:
        await refused(chain(("ask", Ask())), given(), NOT_PENDING)

    @pytest.mark.parametrize("given", INPUTS)
    async def test_answers_find_nothing_after_the_end(self, given: Callable[[], Any]) -> None:
        flow = chain(("call", Call()))
        await turn(flow, {"q": 1})
        await refused(flow, given(), NOT_PENDING)


class TestFailed:
    async def failed(self) -> tuple[Workflow, dict[str, Any]]:
        parts = {"first": Call(), "broken": FailOnce(), "ask": Ask()}
        flow = chain(*parts.items())
        with pytest.raises(JiuWenBaseException, match="100005"):
            await turn(flow, {"q": 1})
        return flow, parts

    async def test_a_dict_is_refused(self) -> None:
        flow, _ = await self.failed()
        error = await refused(flow, {"q": 2}, EXISTS)
        assert "connection timeout" in error.message

    async def test_an_empty_input_goes_on(self) -> None:
        flow, parts = await self.failed()
        assert asked(await turn(flow, InteractiveInput())) == [("ask", 0, "ok?")]
        assert (parts["first"].executions, parts["broken"].executions) == (1, 2)

    async def test_a_raw_answer_is_refused(self) -> None:
        flow, _ = await self.failed()
        await refused(flow, InteractiveInput("yes"), NOT_PENDING)

    async def test_an_answer_to_what_is_not_reached_yet_is_kept(self) -> None:
        flow, _ = await self.failed()
        output = await turn(flow, answer("ask", "early"))
        assert output.result["output"]["ask"]["answer"] == "early"

    @pytest.mark.parametrize("node_id", ["start", "first", "nobody", ""])
    async def test_an_answer_to_a_finished_or_unknown_id_is_refused(self, node_id: str) -> None:
        flow, _ = await self.failed()
        error = await refused(flow, answer(node_id), UNKNOWN_ID)
        assert "'ask'" in error.message


class TestQuestionsPending:
    async def one(self) -> Workflow:
        flow = chain(("ask", Ask()), ("later", Ask("later?")))
        await turn(flow, {"q": 1})
        return flow

    async def several(self) -> tuple[Workflow, dict[str, Any]]:
        parts = {"b": Ask("b?"), "a": Ask("a?"), "done": Call()}
        flow = parallel(*parts.items())
        assert asked(await turn(flow, {"q": 1})) == [("b", 0, "b?"), ("a", 0, "a?")]
        return flow, parts

    async def test_a_dict_is_refused(self) -> None:
        flow = await self.one()
        error = await refused(flow, {"q": 2}, EXISTS)
        assert "[ask] asks 'ok?'" in error.message
        assert "flow.discard('s')" in error.message

    async def test_an_empty_input_lists_the_questions_and_runs_nothing(self) -> None:
        flow, parts = await self.several()
        before = await flow.snapshot("s")
        assert asked(await turn(flow, InteractiveInput())) == [("b", 0, "b?"), ("a", 0, "a?")]
        assert [part.executions for part in parts.values()] == [1, 1, 1]
        assert await flow.snapshot("s") == before

    async def test_a_raw_answer_goes_to_the_only_question(self) -> None:
        assert asked(await turn(await self.one(), InteractiveInput("yes"))) == [("later", 0, "later?")]

    async def test_a_raw_answer_to_several_is_ambiguous(self) -> None:
        flow, _ = await self.several()
        error = await refused(flow, InteractiveInput("yes"), AMBIGUOUS)
        assert error.details["node_ids"] == ["b", "a"]

    async def test_an_answered_question_is_delivered_and_the_others_are_asked_again(self) -> None:
        flow, parts = await self.several()
        assert asked(await turn(flow, answer("a", "A"))) == [("b", 0, "b?")]
        output = await turn(flow, answer("b", "B"))
        assert output.result["output"]["a"]["answer"] == "A"
        assert output.result["output"]["b"]["answer"] == "B"
        assert parts["done"].executions == 1

    async def test_an_answer_to_what_is_not_reached_yet_is_kept(self) -> None:
        flow = await self.one()
        assert asked(await turn(flow, answer("later", "early"))) == [("ask", 0, "ok?")]
        output = await turn(flow, answer("ask", "now"))
        assert output.result["output"]["later"]["answer"] == "early"

    @pytest.mark.parametrize("node_id", ["start", "nobody"])
    async def test_an_answer_to_a_finished_or_unknown_id_is_refused(self, node_id: str) -> None:
        await refused(await self.one(), answer(node_id), UNKNOWN_ID)

    async def test_one_unknown_id_refuses_the_whole_input(self) -> None:
        flow, parts = await self.several()
        await refused(flow, answer("a").update("nobody", 1), UNKNOWN_ID)
        assert parts["a"].executions == 1


class TestRunInProgress:
    @pytest.mark.parametrize("given", [lambda: {"q": 2}, *INPUTS])
    async def test_everything_is_busy(self, given: Callable[[], Any]) -> None:
        gate = Gate()
        flow = chain(("gate", gate))
        first = flow.stream({"q": 1}, WorkflowRuntime(session_id="s"), stream_modes=["output"])
        running = anext(first)
        task = __import__("asyncio").ensure_future(running)
        await gate.begun.wait()
        with pytest.raises(JiuWenBaseException) as caught:
            await turn(flow, given())
        assert caught.value.error_code == BUSY
        gate.open.set()
        assert (await task).payload == {"output": {"gate": {"q": 1}}}
        assert gate.executions == 1
        await first.aclose()


class TestTokens:
    """One "yes" delivered twice never approves a second question."""

    async def test_a_reply_delivered_twice_does_not_answer_the_next_question(self) -> None:
        flow = chain(("ask", Ask("first?", "second?")))
        first = await turn(flow, {"q": 1})
        reply = InteractiveInput.reply_to(first.result[0], "yes")
        assert asked(await turn(flow, reply)) == [("ask", 1, "second?")]
        assert asked(await turn(flow, reply)) == [("ask", 1, "second?")]
        output = await turn(flow, InteractiveInput("two"))
        assert output.result["output"]["ask"]["answers"] == ["yes", "two"]

    async def test_a_reply_delivered_after_the_end_gets_the_result(self) -> None:
        ask = Ask()
        flow = chain(("ask", ask))
        reply = InteractiveInput.reply_to((await turn(flow, {"q": 1})).result[0], "yes")
        first = await turn(flow, reply)
        assert await turn(flow, reply) == first
        assert ask.executions == 2

    async def test_a_reply_to_an_earlier_run_of_the_session_is_known_as_such(self) -> None:
        flow = chain(("ask", Ask()))
        reply = InteractiveInput.reply_to((await turn(flow, {"q": 1})).result[0], "old")
        await turn(flow, reply)
        await turn(flow, {"q": 2})
        assert asked(await turn(flow, reply)) == [("ask", 0, "ok?")]

    async def test_a_reply_to_another_sessions_question_is_unknown(self) -> None:
        flow = chain(("ask", Ask()))
        other = await turn(flow, {"q": 1}, "other")
        await turn(flow, {"q": 1})
        await refused(flow, InteractiveInput.reply_to(other.result[0], "yes"), UNKNOWN_ID)

    async def test_a_turn_delivered_twice_runs_once(self) -> None:
        call = Call()
        flow = chain(("call", call))
        first = await turn(flow, {"q": 1}, turn_id="t1")
        assert await turn(flow, {"q": 1}, turn_id="t1") == first
        assert call.executions == 1
        await turn(flow, {"q": 2}, turn_id="t2")
        assert call.executions == 2

    async def test_a_turn_delivered_again_after_a_failure_goes_on(self) -> None:
        first, broken = Call(), FailOnce()
        flow = chain(("first", first), ("broken", broken))
        with pytest.raises(JiuWenBaseException):
            await turn(flow, {"q": 1}, turn_id="t")
        assert (await turn(flow, {"q": 1}, turn_id="t")).result["output"]["broken"] == {"q": 1}
        assert first.executions == 1
