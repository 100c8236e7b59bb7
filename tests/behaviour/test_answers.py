"""Which answer counts for which question, when a component asks otherwise in its next execution."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jiuwen_lg import InteractiveInput, JiuWenBaseException, Workflow, WorkflowExecutionState, WorkflowOutput
from tests.flows import Call, chain, turn


def executions(runtime: Any) -> int:
    """How often the component ran before."""
    number: int = runtime.get_state("n") or 0
    runtime.update_state({"n": number + 1})
    return number


Respond = Callable[[Any], InteractiveInput]


def exact(frame: Any) -> InteractiveInput:
    return InteractiveInput.reply_to(frame, f"yes to {frame.payload.value}")


def by_id(frame: Any) -> InteractiveInput:
    return InteractiveInput().update(frame.payload.id, f"yes to {frame.payload.value}")


def raw(frame: Any) -> InteractiveInput:
    return InteractiveInput(f"yes to {frame.payload.value}")


async def talk(flow: Workflow, respond: Respond, *, session: str = "s", limit: int = 12) -> tuple[list[Any], Any]:
    """Answer what is asked first until the run has ended: the questions shown, and the result."""
    output: WorkflowOutput = await turn(flow, {"q": 1}, session)
    shown: list[Any] = []
    while output.state is WorkflowExecutionState.INPUT_REQUIRED:
        assert len(shown) < limit, shown
        shown.append(output.result[0].payload.value)
        output = await turn(flow, respond(output.result[0]), session)
    return shown, output.result["output"]["c"]


def is_right(answers: dict[str, str]) -> bool:
    return all(answer == f"yes to {question}" for question, answer in answers.items())


ORDERS = st.lists(st.lists(st.sampled_from("ABCD"), unique=True, max_size=4), min_size=1, max_size=5)


@given(ORDERS, st.booleans())
@settings(max_examples=60, deadline=None)
@example([["A", "B", "C"], ["A", "C", "B"]], True)
async def test_an_answer_with_a_token_counts_for_its_own_question_only(orders: list[list[str]], at_once: bool) -> None:
    """Whatever is asked in each execution, in whatever order, one after the other or at once."""

    async def ask(inputs: Any, runtime: Any) -> Any:
        questions = orders[min(executions(runtime), len(orders) - 1)]
        if at_once:
            return dict(zip(questions, await asyncio.gather(*map(runtime.interact, questions)), strict=True))
        return {question: await runtime.interact(question) for question in questions}

    shown, answers = await talk(chain(("c", Call(ask))), exact, session=str(orders) + str(at_once))
    assert is_right(answers)
    assert sorted(set(shown)) == sorted(shown)


def last(frames: list[Any]) -> Any:
    """The question that came last."""
    return frames[-1]


@given(ORDERS)
@settings(max_examples=30, deadline=None)
@example([["A", "B"], ["C"], ["A", "C"]])
async def test_so_it_does_when_the_last_question_is_answered_first(orders: list[list[str]]) -> None:
    async def ask(inputs: Any, runtime: Any) -> Any:
        questions = orders[min(executions(runtime), len(orders) - 1)]
        return dict(zip(questions, await asyncio.gather(*map(runtime.interact, questions)), strict=True))

    flow = chain(("c", Call(ask)))
    output = await turn(flow, {"q": 1}, str(orders))
    for _ in range(12):
        if output.state is WorkflowExecutionState.COMPLETED:
            break
        output = await turn(flow, exact(last(output.result)), str(orders))
    assert is_right(output.result["output"]["c"])


@pytest.mark.parametrize("respond", [exact, by_id, raw])
async def test_the_same_question_twice_has_two_answers(respond: Respond) -> None:
    async def ask(inputs: Any, runtime: Any) -> Any:
        return [await runtime.interact("again?"), await runtime.interact("again?")]

    assert await talk(chain(("c", Call(ask))), respond) == (["again?"] * 2, ["yes to again?"] * 2)


async def ask_count(inputs: Any, runtime: Any, **how: Any) -> Any:
    """A question whose text is another one in each execution, up to a point."""
    question = f"Delete {min(executions(runtime), 3)} files?"
    return {"asked": question, "answer": await runtime.interact(question, **how)}


async def test_a_changed_question_is_asked_instead_and_says_so() -> None:
    flow = chain(("c", Call(ask_count)))
    first = (await turn(flow, {"q": 1})).result[0]
    second = (await turn(flow, exact(first))).result[0]
    assert (second.payload.value, second.payload.error) == (
        "Delete 1 files?",
        "the question has changed: the answer was given to 'Delete 0 files?'",
    )
    again = (await turn(flow, exact(first))).result[0]
    assert again.payload.value == "Delete 1 files?"
    shown, found = await talk(flow, exact, session="other")
    assert found == {"asked": "Delete 3 files?", "answer": "yes to Delete 3 files?"}
    assert len(shown) == 4


@pytest.mark.parametrize("respond", [by_id, raw])
async def test_an_answer_without_a_token_counts_for_it_with_a_warning(
    respond: Respond, caplog: pytest.LogCaptureFixture
) -> None:
    shown, found = await talk(chain(("c", Call(ask_count))), respond)
    assert (shown, found["answer"]) == (["Delete 0 files?"], "yes to Delete 0 files?")
    assert "asked 'Delete 0 files?' and now asks 'Delete 1 files?' in its place" in caplog.text


@pytest.mark.parametrize("respond", [exact, by_id, raw])
async def test_a_named_question_may_vary(respond: Respond, caplog: pytest.LogCaptureFixture) -> None:
    flow = chain(("c", Call(lambda i, r: ask_count(i, r, id="delete"))))
    shown, found = await talk(flow, respond)
    assert (shown, found["asked"]) == (["Delete 0 files?"], "Delete 1 files?")
    assert caplog.text == ""


@pytest.mark.parametrize("how", [{"strict": True}, {"strict": True, "id": "delete"}])
@pytest.mark.parametrize("respond", [exact, by_id, raw])
async def test_a_strict_question_takes_no_answer_to_another_text(respond: Respond, how: Any) -> None:
    shown, found = await talk(chain(("c", Call(lambda i, r: ask_count(i, r, **how)))), respond)
    assert len(shown) == 4
    assert found == {"asked": "Delete 3 files?", "answer": "yes to Delete 3 files?"}


async def test_two_generated_questions_reach_their_end_with_raw_answers() -> None:
    async def ask(inputs: Any, runtime: Any) -> Any:
        n = executions(runtime)
        return [await runtime.interact(f"first, wording {n}"), await runtime.interact(f"second, wording {n}")]

    shown, found = await talk(chain(("c", Call(ask))), raw)
    assert len(shown) == 2
    assert found == [f"yes to {question}" for question in shown]


async def test_what_is_not_asked_again_leaves_the_others_alone() -> None:
    """A component that remembers its first answer in its state does not ask for it again."""

    async def ask(inputs: Any, runtime: Any) -> Any:
        if runtime.get_state("a") is None:
            runtime.update_state({"a": await runtime.interact("A")})
        return {
            "A": runtime.get_state("a") or "new",
            "B": await runtime.interact("B"),
            "C": await runtime.interact("C"),
        }

    for respond in (exact, raw):
        shown, answers = await talk(chain(("c", Call(ask))), respond, session=respond.__name__)
        assert shown == ["A", "B", "C"]
        assert is_right({key: answers[key] for key in "BC"})


async def test_a_deployment_that_asks_something_else() -> None:
    for respond, expected in ((exact, ["Delete one?", "Delete ALL?"]), (raw, ["Delete one?"])):
        shown = []
        session = respond.__name__
        output = await turn(chain(("c", Call(lambda i, r: r.interact("Delete one?")))), {"q": 1}, session)
        while output.state is WorkflowExecutionState.INPUT_REQUIRED:
            shown.append(output.result[0].payload.value)
            newer = chain(("c", Call(lambda i, r: r.interact("Delete ALL?"))))
            output = await turn(newer, respond(output.result[0]), session)
        assert shown == expected


async def test_an_exact_answer_stays_exact_when_the_component_fails_after_it() -> None:
    async def ask(inputs: Any, runtime: Any) -> Any:
        n = tries.append(1) or len(tries)  # type: ignore[func-returns-value]
        answer = await runtime.interact("Delete one?" if n < 3 else "Delete ALL?")
        if n == 2:
            raise ConnectionError("away")
        return answer

    tries: list[int] = []
    flow = chain(("c", Call(ask)))
    first = (await turn(flow, {"q": 1})).result[0]
    with pytest.raises(JiuWenBaseException, match="away"):
        await turn(flow, exact(first))
    assert (await turn(flow, InteractiveInput())).result[0].payload.value == "Delete ALL?"


@pytest.mark.parametrize("question", [{"text": "ok?", "rows": [1, (2, 3)]}, ("a", 1), 5, "", "好吗？", 1.5, [None]])
async def test_a_question_of_any_kind_is_recognized(question: Any) -> None:
    flow = chain(("c", Call(lambda i, r: r.interact(question, strict=True))))
    asked = (await turn(flow, {"q": 1})).result[0]
    assert (await turn(flow, InteractiveInput.reply_to(asked, "yes"))).result["output"]["c"] == "yes"


class TestNotAwaited:
    """A question that nothing awaits is no answer."""

    @pytest.mark.parametrize("respond", [False, True])
    async def test_its_truth_is_refused(self, respond: bool) -> None:
        def asks(inputs: Any, runtime: Any) -> Any:
            return "deleted" if runtime.interact("Delete?") else "kept"

        with pytest.raises(JiuWenBaseException, match=r"interact\(\.\.\.\) is not awaited \(.*test_answers\.py:\d+\)"):
            await turn(chain(("c", Call(asks))), {"q": 1})

    @pytest.mark.parametrize(
        "work",
        [
            lambda i, r: "deleted" if r.interact("Delete?") == "yes" else "kept",
            lambda i, r: {"answer": str(r.interact("Delete?"))},
            lambda i, r: [r.interact("Delete?"), "deleted"][1],
        ],
    )
    @pytest.mark.parametrize("policies", [{}, {"cache": True}, {"fallback": "deleted"}, {"retry": 2}])
    async def test_a_component_that_returns_without_it_fails(self, work: Any, policies: Any) -> None:
        flow = chain()
        flow.add_workflow_comp("c", work_of(work), **policies).add_connection("start", "c")
        for _ in range(2):
            with pytest.raises(JiuWenBaseException, match=r"is not awaited \(.*test_answers\.py:\d+\)") as error:
                await flow.invoke({"q": 1})
            assert error.value.error_code == 100005

    async def test_all_ways_of_awaiting_do(self) -> None:
        async def ask(inputs: Any, runtime: Any) -> Any:
            task = asyncio.create_task(runtime.interact("task"))
            gathered = await asyncio.gather(runtime.interact("gathered"), task)
            waited = await asyncio.wait_for(runtime.interact("waited"), 5)
            async with asyncio.TaskGroup() as group:
                grouped = group.create_task(runtime.interact("grouped"))
            return [*gathered, waited, grouped.result()]

        shown, found = await talk(chain(("c", Call(ask))), exact)
        assert sorted(found) == sorted(f"yes to {question}" for question in shown)


def work_of(work: Any) -> Any:
    def run(inputs: Any, runtime: Any) -> Any:
        return work(inputs, runtime)

    return run
