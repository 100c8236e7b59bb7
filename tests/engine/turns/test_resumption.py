"""What an input does with an unfinished run, decided without an event loop and without a store."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from jiuwen_lg import InteractiveInput, JiuWenBaseException
from jiuwen_lg.engine.runtime.interrupts import Question
from jiuwen_lg.engine.turns.breakpoints import JUMP
from jiuwen_lg.engine.turns.resume_plan import RunStatus
from jiuwen_lg.engine.turns.resumption import Resumption, plan_resumption
from jiuwen_lg.engine.turns.run_state import RunState

IDS = ["start", "ask", "other", "later", "end"]
ASK, OTHER = Question("ask", 0, "ok?", "t1:0"), Question("other", 0, "sure?", "t2:0")


def state(
    *questions: Question,
    broken: bool = False,
    stopped: bool = False,
    begun: bool = True,
    early: dict[str, Any] | None = None,
    next_ids: Iterable[str] = ("ask",),
) -> RunState:
    status = RunStatus("s", questions, broken, IDS, {"start"}, {"old:0"}, is_stopped=stopped)
    return RunState(status, begun, [], dict(early or {}), list(next_ids), {}, ("c2", "c1"))


def plan(given: InteractiveInput, at: RunState, *, resume_from: Iterable[str] = (), again: bool = False) -> Resumption:
    def after(ids: Iterable[str]) -> list[str]:
        return [*ids, "end"]

    return plan_resumption(given, at, {"old:0": "before"}, list(resume_from), after, is_redelivered=again)


def answer(**values: Any) -> InteractiveInput:
    given = InteractiveInput()
    for id, value in values.items():
        given.update(id, value)
    return given


def test_an_answer_joins_those_that_are_stored() -> None:
    todo = plan(InteractiveInput("yes"), state(ASK))
    assert (todo.runs, todo.answers, todo.still_open) == (True, {"old:0": "before", "t1:0": "yes"}, [])


def test_the_other_question_stays_open() -> None:
    todo = plan(answer(ask="yes"), state(ASK, OTHER))
    assert todo.still_open == [OTHER]
    assert todo.runs


def test_an_early_answer_joins_those_that_wait() -> None:
    todo = plan(answer(later="soon"), state(ASK, early={"end": "e"}))
    assert todo.early_answers == {"end": "e", "later": "soon"}
    assert todo.answers == {"old:0": "before"}
    assert todo.still_open == [ASK]


def test_nothing_runs_for_an_empty_input_while_a_question_is_open() -> None:
    assert not plan(InteractiveInput(), state(ASK)).runs
    assert plan(InteractiveInput(), state(broken=True)).runs


def test_a_start_that_is_delivered_twice_lets_a_stopped_run_rest() -> None:
    assert not plan(InteractiveInput(), state(broken=True, stopped=True), again=True).runs
    assert plan(InteractiveInput(), state(broken=True, stopped=True)).runs


def test_a_jump_drops_what_is_asked_and_is_stored_until_it_is_made() -> None:
    todo = plan(InteractiveInput(), state(ASK), resume_from=["later"])
    assert todo.jump is not None
    assert todo.early_answers[JUMP] == {"ids": ["later"], "at": "c2"}
    assert (todo.runs, todo.still_open) == (True, [])


def test_a_jump_that_was_stored_before_a_kill_is_made() -> None:
    todo = plan(InteractiveInput(), state(broken=True, early={JUMP: {"ids": ["later"], "at": "c2"}}))
    assert todo.jump is not None
    assert todo.jump.ids == ("later",)
    stale = plan(InteractiveInput(), state(broken=True, early={JUMP: {"ids": ["later"], "at": "c0"}}))
    assert stale.jump is None


@pytest.mark.parametrize(
    ("given", "at", "options", "code"),
    [
        (InteractiveInput("yes"), state(broken=True), {}, 100900),
        (InteractiveInput("yes"), state(ASK, OTHER), {}, 100902),
        (answer(start="yes"), state(ASK), {}, 100901),
        (answer(nobody="yes"), state(ASK), {}, 100901),
        (InteractiveInput(), state(begun=False), {"resume_from": ["later"]}, 100900),
        (answer(ask={1: "x"}), state(ASK), {}, 100000),
    ],
)
def test_what_does_not_fit_is_refused(given: InteractiveInput, at: RunState, options: Any, code: int) -> None:
    with pytest.raises(JiuWenBaseException) as error:
        plan(given, at, **options)
    assert error.value.error_code == code
