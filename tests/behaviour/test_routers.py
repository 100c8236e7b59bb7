"""`add_conditional_connection`: `engine.md` 1.6."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from jiuwen_lg import End, InteractiveInput, JiuWenBaseException, RouterRuntime, Start, Workflow, WorkflowRuntime
from tests.flows import Ask, Call, FailOnce, turn, workflow


def routed(*routers: Any, id: str | None = None) -> tuple[Workflow, dict[str, Call]]:
    """start →(routers)→ a, b, c; each of them leads to end."""
    flow, parts = workflow(id), {name: Call(lambda i, r: {"by": r.executable_id()}) for name in "abc"}
    flow.set_start_comp("start", Start(), inputs_schema={"q": "${q}"})
    flow.set_end_comp("end", End(), inputs_schema={name: f"${{{name}.by}}" for name in parts})
    for name, part in parts.items():
        flow.add_workflow_comp(name, part).add_connection(name, "end")
    for router in routers:
        flow.add_conditional_connection("start", router)
    return flow, parts


async def ran(flow: Workflow, parts: dict[str, Call], q: Any = 1) -> list[str]:
    await turn(flow, {"q": q})
    return [name for name, part in parts.items() if part.executions]


class Chooser:
    def __init__(self, *targets: str) -> None:
        self.targets = targets

    def __call__(self) -> tuple[str, ...]:
        return self.targets


async def chosen_later() -> str:
    return "b"


def by_input(runtime: Any) -> str:
    return "a" if runtime.get_global_state("start.q") == 1 else "c"


@pytest.mark.parametrize(
    ("routers", "expected"),
    [
        ([lambda: "a"], ["a"]),
        ([lambda: ["a", "c"]], ["a", "c"]),
        ([lambda: ("b", "b")], ["b"]),
        ([lambda: {"a", "b"}], ["a", "b"]),
        ([lambda: (n for n in "ab")], ["a", "b"]),
        ([list], []),
        ([lambda: "__end__"], []),
        ([lambda: ["a", "__end__"]], ["a"]),
        ([chosen_later], ["b"]),
        ([Chooser("a", "b")], ["a", "b"]),
        ([by_input], ["a"]),
        ([lambda: "a", lambda: "b"], ["a", "b"]),
        ([lambda runtime=None: "c"], ["c"]),
        ([lambda: {"a": 1, "c": 2}], ["a", "c"]),
    ],
)
async def test_a_router_chooses(routers: list[Any], expected: list[str]) -> None:
    assert await ran(*routed(*routers)) == expected


async def test_plain_connections_and_routers_add_up() -> None:
    flow, parts = routed(lambda: "a")
    flow.add_connection("start", "c")
    assert await ran(flow, parts) == ["a", "c"]


@pytest.mark.parametrize(
    ("router", "words"),
    [
        (lambda: None, "not None"),
        (lambda: 5, "not 5"),
        (lambda: "nobody", "nobody"),
        (lambda: "", "['']"),
        (lambda: ["a", "nobody"], "nobody"),
        (lambda: 1 / 0, "division by zero"),
        (lambda other: "a", "other"),
    ],
)
async def test_a_router_that_goes_wrong_makes_its_source_fail(router: Any, words: str) -> None:
    flow, parts = routed(router)
    with pytest.raises(JiuWenBaseException) as caught:
        await turn(flow, {"q": 1})
    assert caught.value.error_code == 100100
    assert "[start]" in caught.value.message
    assert words in caught.value.message
    assert not any(part.executions for part in parts.values())


async def test_a_failed_router_is_repeated_with_its_source() -> None:
    broken, source = [True], Call()

    def route() -> str:
        if broken:
            broken.pop()
            raise RuntimeError("not yet")
        return "after"

    flow = workflow()
    flow.set_start_comp("start", source).add_conditional_connection("start", route)
    flow.set_end_comp("after", Call(lambda i, r: "reached"))
    with pytest.raises(JiuWenBaseException, match="not yet"):
        await turn(flow, {})
    assert (await turn(flow, InteractiveInput())).result == "reached"
    assert source.executions == 2


async def test_an_error_with_a_code_passes_a_router_as_it_is() -> None:
    def route() -> str:
        raise JiuWenBaseException(101102, "no branch")

    with pytest.raises(JiuWenBaseException, match=r"\[101102\] no branch"):
        await turn(routed(route)[0], {"q": 1})


async def test_a_router_sees_its_sources_output_and_not_its_queued_writes() -> None:
    seen: dict[str, Any] = {}

    def route(runtime: RouterRuntime) -> str:
        seen["output"] = runtime.get_global_state("source.x")
        seen["both"] = runtime.get_global_state({"x": "${source.x}", "q": "${q}"})
        seen["queued"] = [runtime.get_global_state("w"), runtime.get_state("p")]
        seen["session"] = runtime.session_id()
        seen["nothing"] = [runtime.get_env("_execute_timeout"), runtime.stream_writer(), runtime.custom_writer()]
        runtime.update_state({"p": 1})
        runtime.update_global_state({"w": 1})
        return "end"

    def source(inputs: Any, runtime: Any) -> Any:
        runtime.update_state({"p": 2})
        runtime.update_global_state({"w": 2})
        return {"x": 5}

    flow = workflow()
    flow.set_start_comp("source", Call(source)).add_conditional_connection("source", route)
    flow.set_end_comp("end", Call(lambda i, r: {"w": r.get_global_state("w")}))
    assert (await turn(flow, {"q": 7})).result == {"w": 2}
    assert seen == {
        "output": 5,
        "both": {"x": 5, "q": 7},
        "queued": [None, None],
        "session": "s",
        "nothing": [None, None, None],
    }
    with pytest.raises(AttributeError):
        RouterRuntime(None, None).executable_id()  # type: ignore[attr-defined, arg-type]


async def test_a_router_passes_a_join_by() -> None:
    flow, target = workflow(), Call()
    flow.set_start_comp("start", Start()).add_conditional_connection("start", lambda: "join")
    flow.add_workflow_comp("never", Call())
    flow.add_workflow_comp("join", target, wait_for_all=True)
    flow.add_connection("start", "never").add_connection("never", "join").add_connection("start", "join")
    await turn(flow, {})
    assert target.executions == 2


async def test_a_cycle_runs_until_its_router_leaves_it() -> None:
    def count(inputs: Any, runtime: Any) -> Any:
        runtime.update_state({"n": (runtime.get_state("n") or 0) + 1})
        return {"n": (inputs["n"] or 0) + 1, f"seen{inputs['n']}": True}

    flow, counter = workflow(), Call(count)
    flow.set_start_comp("start", Start())
    flow.add_workflow_comp("count", counter, inputs_schema={"n": "${count.n}"}).add_connection("start", "count")
    flow.add_conditional_connection(
        "count", lambda runtime: "count" if runtime.get_global_state("count.n") < 4 else "end"
    )
    flow.set_end_comp("end", End(), inputs_schema={"count": "${count}"})
    output = await turn(flow, {})
    assert output.result["output"]["count"] == {"n": 4, "seen3": True}
    assert counter.executions == 4


async def test_a_question_in_a_cycle_is_asked_in_every_round() -> None:
    """0.1.1 reuses a raw answer once (Q-06)."""
    answers: list[Any] = []

    async def ask(inputs: Any, runtime: Any) -> Any:
        answers.append(await runtime.interact(len(answers)))

    flow = workflow()
    flow.set_start_comp("ask", Call(ask))
    flow.add_conditional_connection("ask", lambda: "ask" if len(answers) < 4 else "end")
    flow.set_end_comp("end", End())
    await turn(flow, {})
    for answer in "abcd":
        await turn(flow, InteractiveInput(answer))
    assert answers == ["a", "b", "c", "d"]


async def test_a_retry_after_a_router_goes_on_from_its_target() -> None:
    source, broken = Call(), FailOnce()
    flow = workflow()
    flow.set_start_comp("source", source).add_conditional_connection("source", lambda: "broken")
    flow.add_workflow_comp("broken", broken)
    flow.set_end_comp("end", End()).add_connection("broken", "end")
    with pytest.raises(JiuWenBaseException):
        await turn(flow, {})
    await turn(flow, InteractiveInput())
    assert source.executions == 1


@pytest.mark.parametrize(("source", "router"), [(None, lambda: "a"), ("", lambda: "a"), ("a", None), ("a", "b")])
def test_a_router_needs_a_source_and_a_function(source: Any, router: Any) -> None:
    with pytest.raises(JiuWenBaseException, match=r"\[110005\]"):
        Workflow().add_conditional_connection(source, router)


async def test_a_router_of_nobody_is_refused_when_the_workflow_runs() -> None:
    flow, _ = routed(lambda: "a")
    flow.add_conditional_connection("strat", lambda: "a")
    with pytest.raises(JiuWenBaseException, match=r"\[110006\].*router of strat.*did you mean 'start'"):
        await turn(flow, {"q": 1})


async def test_an_annotated_router_is_drawn_by_langgraph() -> None:
    def route() -> Literal["a", "b"]:
        return "a"

    flow, _ = routed(route)
    drawing = flow.compile().get_graph().draw_mermaid()
    assert "start -.-> a" in drawing
    assert "start -.-> b" in drawing


async def test_a_paused_session_goes_on_behind_a_router() -> None:
    flow, _ = routed(lambda: ["a", "ask"])
    flow.add_workflow_comp("ask", Ask()).add_connection("ask", "end")
    await turn(flow, {"q": 1})
    output = await flow.invoke(InteractiveInput("yes"), WorkflowRuntime(session_id="s"))
    assert output.result["output"] == {"a": "a"}
