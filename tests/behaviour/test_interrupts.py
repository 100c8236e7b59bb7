"""Questions: `engine.md` 5, seed 000 and the settled points on interrupts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jiuwen_lg import (
    BaseStreamMode,
    InteractionOutput,
    InteractionRequired,
    InteractiveInput,
    JiuWenBaseException,
    OutputSchema,
    WorkflowRuntime,
)
from tests.flows import Ask, Call, asked, chain, parallel, turn


async def test_several_questions_in_a_row_count_their_index() -> None:
    ask = Ask("a?", "b?", "c?")
    flow = chain(("ask", ask))
    output = await turn(flow, {"q": 1})
    for index, question in enumerate(["a?", "b?", "c?"]):
        assert asked(output) == [("ask", index, question)]
        output = await turn(flow, InteractiveInput(question.upper()))
    assert output.result["output"]["ask"]["answers"] == ["A?", "B?", "C?"]
    assert ask.executions == 4


@pytest.mark.parametrize("answer", ["", 0, False, [], {}])
async def test_a_falsy_answer_is_an_answer(answer: Any) -> None:
    flow = chain(("ask", Ask()))
    await turn(flow, {"q": 1})
    assert (await turn(flow, InteractiveInput(answer))).result["output"]["ask"]["answer"] == answer


async def test_an_answer_is_normalised() -> None:
    flow = chain(("ask", Ask()))
    await turn(flow, {"q": 1})
    output = await turn(flow, InteractiveInput({"b.c": (1, 2)}))
    assert output.result["output"]["ask"]["answer"] == {"b.c": [1, 2]}


@pytest.mark.parametrize("question", [None, {"ask": ["x", 1]}, 5, ""])
async def test_a_question_is_any_value(question: Any) -> None:
    assert asked(await turn(chain(("ask", Ask(question))), {"q": 1})) == [("ask", 0, question)]


async def test_start_and_end_components_may_ask() -> None:
    from tests.flows import workflow

    flow = workflow()
    flow.set_start_comp("in", Ask("in?"))
    flow.set_end_comp("out", Ask("out?"), inputs_schema={"x": "${in.answer}"})
    flow.add_connection("in", "out")
    assert asked(await turn(flow, {})) == [("in", 0, "in?")]
    assert asked(await turn(flow, InteractiveInput("a"))) == [("out", 0, "out?")]
    assert (await turn(flow, InteractiveInput("b"))).result == {"answer": "b", "answers": ["b"]}


async def test_questions_are_listed_in_the_order_in_which_components_were_added() -> None:
    names = ["z", "m", "a", "k"]
    flow = parallel(*((name, Ask(f"{name}?")) for name in names))
    for _ in range(3):
        assert [id for id, _, _ in asked(await turn(flow, {"q": 1}, session=str(_)))] == names
    assert [p.output.id for p in await flow.pending("0")] == names


async def test_frames_keep_their_place_among_the_questions() -> None:
    async def frame_then_ask(inputs: Any, runtime: Any) -> Any:
        await runtime.write_stream({"type": "note", "index": 0, "payload": runtime.executable_id()})
        return {"answer": await runtime.interact("ok?")}

    output = await turn(chain(("ask", Call(frame_then_ask))), {"q": 1})
    assert [f.type for f in output.result] == ["note", "__interaction__"]


async def test_two_questions_at_once_are_two_entries_answered_in_call_order() -> None:
    async def both(inputs: Any, runtime: Any) -> Any:
        return {"answers": await asyncio.gather(runtime.interact("a?"), runtime.interact("b?"))}

    flow = chain(("ask", Call(both)))
    assert asked(await turn(flow, {"q": 1})) == [("ask", 0, "a?"), ("ask", 0, "b?")]
    assert asked(await turn(flow, InteractiveInput().update("ask", "A"))) == [("ask", 1, "b?")]
    output = await turn(flow, InteractiveInput().update("ask", "B"))
    assert output.result["output"]["ask"]["answers"] == ["A", "B"]


async def test_a_group_of_questions_is_unwrapped() -> None:
    async def grouped(inputs: Any, runtime: Any) -> Any:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(runtime.interact(f"{n}?")) for n in "ab"]
        return {"answers": [task.result() for task in tasks]}

    flow = chain(("ask", Call(grouped)))
    assert [q for _, _, q in asked(await turn(flow, {"q": 1}))] == ["a?", "b?"]
    with pytest.raises(JiuWenBaseException, match=r"\[100902\]"):
        await turn(flow, InteractiveInput("A"))
    await turn(flow, InteractiveInput().update("ask", "A"))
    assert (await turn(flow, InteractiveInput("B"))).result["output"]["ask"]["answers"] == ["A", "B"]


async def test_a_failure_in_a_group_of_questions_is_a_failure() -> None:
    async def mixed(inputs: Any, runtime: Any) -> Any:
        async def fail() -> None:
            raise ValueError("broken")

        await runtime.interact("a?")
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())

    flow = chain(("ask", Call(mixed)))
    await turn(flow, {"q": 1})
    with pytest.raises(JiuWenBaseException, match=r"error detail: ValueError: broken"):
        await turn(flow, InteractiveInput("A"))


async def test_a_swallowed_question_is_an_error_and_can_be_retried() -> None:
    swallow = [True]

    async def careless(inputs: Any, runtime: Any) -> Any:
        try:
            return {"answer": await runtime.interact("ok?")}
        except Exception:
            if not swallow[0]:
                raise
            return {"answer": "default"}

    flow = chain(("ask", Call(careless)))
    with pytest.raises(JiuWenBaseException) as caught:
        await turn(flow, {"q": 1})
    assert caught.value.error_code == 100903
    assert "[ask] asked 'ok?'" in caught.value.message
    swallow[0] = False
    assert asked(await turn(flow, InteractiveInput())) == [("ask", 0, "ok?")]


async def test_a_question_that_is_handled_is_not_asked() -> None:
    async def careful(inputs: Any, runtime: Any) -> Any:
        try:
            return {"answer": await runtime.interact("ok?")}
        except InteractionRequired as question:
            question.handled()
            return {"answer": f"instead of {question.value} by {question.id}"}

    output = await turn(chain(("ask", Call(careful))), {"q": 1})
    assert output.result["output"]["ask"] == {"answer": "instead of ok? by ask"}


async def test_private_state_written_before_a_question_survives_it() -> None:
    seen: list[Any] = []

    async def count(inputs: Any, runtime: Any) -> Any:
        seen.append(runtime.get_state("n"))
        runtime.update_state({"n": (runtime.get_state("n") or 0) + 1})
        first = await runtime.interact("a?")
        second = await runtime.interact("b?")
        return {"answers": [first, second]}

    flow = chain(("ask", Call(count)))
    for given in [{"q": 1}, InteractiveInput("A"), InteractiveInput("B")]:
        await turn(flow, given)
    assert seen == [None, 1, 2]


async def test_global_state_queued_before_a_question_waits_for_the_component() -> None:
    async def count(inputs: Any, runtime: Any) -> Any:
        runtime.update_global_state({"n": (runtime.get_global_state("n") or 0) + 1})
        await runtime.interact("a?")

    async def read(inputs: Any, runtime: Any) -> Any:
        return {"n": runtime.get_global_state("n")}

    flow = chain(("ask", Call(count)), ("read", Call(read)))
    await turn(flow, {"q": 1})
    assert (await turn(flow, InteractiveInput("A"))).result["output"]["read"] == {"n": 1}


async def test_private_state_does_not_show_in_the_question() -> None:
    async def ask(inputs: Any, runtime: Any) -> Any:
        runtime.update_state({"secret": 1})
        await runtime.interact("a?")

    flow = chain(("ask", Call(ask)))
    output = await turn(flow, {"q": 1})
    assert output.result == [
        OutputSchema(type="__interaction__", index=0, payload=InteractionOutput(id="ask", value="a?"))
    ]
    assert "secret" not in repr(await flow.pending())


async def test_siblings_of_a_question_finish_and_are_not_run_again() -> None:
    async def slow(inputs: Any, runtime: Any) -> Any:
        for _ in range(20):
            await asyncio.sleep(0)
        return "done"

    sibling, after = Call(slow), Call()
    flow = parallel(("ask", Ask()), ("sibling", sibling))
    flow.add_workflow_comp("after", after)
    flow.add_connection("sibling", "after")
    await turn(flow, {"q": 1})
    output = await turn(flow, InteractiveInput("yes"))
    assert output.result["output"]["sibling"] == "done"
    assert (sibling.executions, after.executions) == (1, 1)


@pytest.mark.parametrize("mode", [BaseStreamMode.TRACE, BaseStreamMode.CUSTOM])
async def test_q35_a_question_is_asked_whatever_the_reader_reads(mode: BaseStreamMode) -> None:
    flow = chain(("ask", Ask()))
    runtime = WorkflowRuntime(session_id="s")
    frames = [frame async for frame in flow.stream({"q": 1}, runtime, stream_modes=[mode])]
    assert [frame.type for frame in frames if frame.type != "tracer_workflow"] == ["__interaction__"]
    assert (await turn(flow, InteractiveInput("yes"))).result["output"]["ask"]["answer"] == "yes"


async def test_the_same_input_object_serves_several_sessions() -> None:
    flow = chain(("ask", Ask()))
    answer = InteractiveInput().update("ask", "yes")
    for session in "ab":
        await turn(flow, {"q": 1}, session)
        assert (await turn(flow, answer, session)).result["output"]["ask"]["answer"] == "yes"


class TestInteractiveInput:
    def test_none_is_refused(self) -> None:
        for make in (
            lambda: InteractiveInput(None),
            lambda: InteractiveInput().update(None, 1),  # type: ignore[arg-type]
            lambda: InteractiveInput().update("a", None),
        ):
            with pytest.raises(JiuWenBaseException, match=r"\[100000\]"):
                make()

    def test_an_update_after_a_raw_answer_is_refused(self) -> None:
        for raw in ("yes", "", 0, [], False):
            with pytest.raises(JiuWenBaseException, match=r"\[100001\]"):
                InteractiveInput(raw).update("a", 1)

    def test_a_later_update_replaces_an_earlier_one(self) -> None:
        given = InteractiveInput().update("a", 1).update("a", 2)
        assert repr(given) == "InteractiveInput(user_inputs={'a': 2}, raw_inputs=None)"


class TestSlots:
    """Several `interact` calls in one component: each answer reaches the question it was given to."""

    async def test_each_of_two_questions_at_once_is_answered_on_its_own(self) -> None:
        async def pay(inputs: Any, runtime: Any) -> Any:
            paid = await asyncio.gather(runtime.interact("pay A?"), runtime.interact("pay B?"))
            return {"answers": [*paid, await runtime.interact("third?")]}

        flow = chain(("ask", Call(pay)))
        first = await turn(flow, {"q": 1})
        only_a = await turn(flow, InteractiveInput.reply_to(first.result[1], "B"))
        assert asked(only_a) == [("ask", 0, "pay A?")]
        third = await turn(flow, InteractiveInput.reply_to(first.result[0], "A"))
        assert asked(third) == [("ask", 2, "third?")]
        assert asked(await turn(flow, InteractiveInput.reply_to(first.result[1], "again"))) == [("ask", 2, "third?")]
        output = await turn(flow, InteractiveInput("C"))
        assert output.result["output"]["ask"]["answers"] == ["A", "B", "C"]

    async def test_answers_to_several_slots_survive_failures_in_between(self) -> None:
        broken = [True, True]

        async def pay(inputs: Any, runtime: Any) -> Any:
            answers = await asyncio.gather(*(runtime.interact(f"{n}?") for n in range(3)))
            if broken:
                broken.pop()
                raise RuntimeError("not yet")
            return {"answers": [*answers, await runtime.interact("last?")]}

        flow = chain(("ask", Call(pay)))
        first = await turn(flow, {"q": 1})
        await turn(flow, InteractiveInput.reply_to(first.result[2], "two"))
        await turn(flow, InteractiveInput.reply_to(first.result[0], "zero"))
        for given in (InteractiveInput.reply_to(first.result[1], "one"), InteractiveInput()):
            with pytest.raises(JiuWenBaseException, match="not yet"):
                await turn(flow, given)
        assert asked(await turn(flow, InteractiveInput())) == [("ask", 3, "last?")]
        output = await turn(flow, InteractiveInput("end"))
        assert output.result["output"]["ask"]["answers"] == ["zero", "one", "two", "end"]

    async def test_a_withdrawn_question_takes_no_answer(self) -> None:
        async def optional_first(inputs: Any, runtime: Any) -> Any:
            try:
                first = await runtime.interact("optional?")
            except InteractionRequired as question:
                question.handled()
                first = None
            return {"answers": [first, await runtime.interact("real?"), await runtime.interact("next?")]}

        flow = chain(("ask", Call(optional_first)))
        assert asked(await turn(flow, {"q": 1})) == [("ask", 0, "real?")]
        assert asked(await turn(flow, InteractiveInput("R"))) == [("ask", 1, "next?")]
        output = await turn(flow, InteractiveInput("N"))
        assert output.result["output"]["ask"]["answers"] == [None, "R", "N"]

    async def test_an_answer_kept_for_later_goes_to_the_first_question_without_one(self) -> None:
        broken = [True]

        async def ask_fail_ask(inputs: Any, runtime: Any) -> Any:
            first = await runtime.interact("q1?")
            if broken:
                broken.pop()
                raise RuntimeError("in between")
            return {"answers": [first, await runtime.interact("q2?"), await runtime.interact("q3?")]}

        flow = chain(("ask", Call(ask_fail_ask)))
        await turn(flow, {"q": 1})
        with pytest.raises(JiuWenBaseException, match="in between"):
            await turn(flow, InteractiveInput().update("ask", "A"))
        assert asked(await turn(flow, InteractiveInput().update("ask", "B"))) == [("ask", 2, "q3?")]
        output = await turn(flow, InteractiveInput("C"))
        assert output.result["output"]["ask"]["answers"] == ["A", "B", "C"]

    async def test_a_kept_answer_is_used_once(self) -> None:
        flow = chain(("first", Ask("first?")), ("ask", Ask("a?", "b?")))
        await turn(flow, {"q": 1})
        await turn(flow, InteractiveInput().update("ask", "kept"))
        output = await turn(flow, InteractiveInput().update("first", "go"))
        assert asked(output) == [("ask", 1, "b?")]
        output = await turn(flow, InteractiveInput("B"))
        assert output.result["output"]["ask"]["answers"] == ["kept", "B"]

    async def test_langgraphs_own_interrupt_is_a_question_too(self) -> None:
        from langgraph.types import interrupt

        flow = chain(("ask", Call(lambda i, r: {"answers": [interrupt("plain?"), interrupt({"more": 1})]})))
        first = await turn(flow, {"q": 1})
        assert asked(first) == [("ask", 0, "plain?")]
        second = await turn(flow, InteractiveInput.reply_to(first.result[0], "P"))
        assert asked(second) == [("ask", 0, {"more": 1})]
        output = await turn(flow, InteractiveInput().update("ask", "Q"))
        assert output.result["output"]["ask"]["answers"] == ["P", "Q"]

    async def test_what_a_question_carries_does_not_grow_with_its_repetitions(self) -> None:
        async def count(inputs: Any, runtime: Any) -> Any:
            runtime.update_state({"n": (runtime.get_state("n") or 0) + 1, "fixed": "x" * 100})
            for number in range(30):
                await runtime.interact(number)

        flow = chain(("ask", Call(count)))
        given: Any = {"q": 1}
        for _ in range(30):
            await turn(flow, given)
            given = InteractiveInput("x")
        snapshot = await flow.snapshot("s")
        assert snapshot is not None
        import sqlite3
        from contextlib import closing
        from pathlib import Path

        with closing(sqlite3.connect(Path("sessions.db"))) as connection:
            query = "SELECT max(length(value)) FROM writes WHERE channel = '__interrupt__'"
            assert connection.execute(query).fetchone()[0] < 600  # nine bytes a question


async def test_an_answer_that_has_no_place_in_the_state_is_refused() -> None:
    flow = chain(("ask", Ask()))
    await turn(flow, {"q": 1})
    for given in (InteractiveInput({1: 2}), InteractiveInput().update("ask", {1: 2})):
        with pytest.raises(JiuWenBaseException, match=r"\[100000\].*\[ask\]"):
            await turn(flow, given)
    assert (await turn(flow, InteractiveInput("yes"))).result["output"]["ask"]["answer"] == "yes"


@pytest.mark.parametrize("ours_first", [True, False])
async def test_asking_in_both_ways_is_refused(ours_first: bool) -> None:
    from langgraph.types import interrupt

    async def both(inputs: Any, runtime: Any) -> Any:
        if ours_first:
            return [await runtime.interact("one"), interrupt("two")]
        return [interrupt("two"), await runtime.interact("one")]

    flow = chain(("ask", Call(both)))
    await turn(flow, {"q": 1})
    with pytest.raises(JiuWenBaseException, match="ask in one way only"):
        for answer in ("A", "B"):
            await turn(flow, InteractiveInput().update("ask", answer))


async def test_a_frame_that_looks_like_a_question_stays_what_it_is() -> None:
    async def mimic(inputs: Any, runtime: Any) -> Any:
        await runtime.write_stream({"type": "__interaction__", "index": 9, "payload": "not one"})
        return await runtime.interact("a real one")

    output = await turn(chain(("ask", Call(mimic))), {"q": 1})
    assert [(f.index, getattr(f.payload, "value", f.payload)) for f in output.result] == [
        (9, "not one"),
        (0, "a real one"),
    ]
