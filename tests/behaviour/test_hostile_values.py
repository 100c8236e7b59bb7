"""What comes from outside is bounded: what is nested too deeply, holds itself or is no plain data has a named error."""

from __future__ import annotations

import asyncio
import os
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from pydantic import BaseModel

from jiuwen_lg import InteractiveInput, JiuWenBaseException, Workflow, WorkflowExecutionState, WorkflowRuntime
from jiuwen_lg.engine import store
from jiuwen_lg.schema.values import MAX_DEPTH
from tests.flows import Call, asked, chain, turn, workflow


def nested(levels: int, kind: type) -> Any:
    value: Any = "bottom"
    for _ in range(levels):
        value = {"a": value} if kind is dict else [value]
    return value


def endless() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["itself"] = value
    return value


TOO_DEEP = {
    "a dict": nested(MAX_DEPTH + 1, dict),
    "a list": nested(MAX_DEPTH + 1, list),
    "a very deep dict": nested(100_000, dict),
    "itself": endless(),
}


def asks(schema: Any = None) -> Workflow:
    async def ask(inputs: Any, runtime: Any) -> Any:
        return await runtime.interact("?", schema=schema)

    return chain(("ask", ask), id="asks")


class TestWhatIsNestedTooDeeply:
    @pytest.fixture(params=TOO_DEEP.values(), ids=TOO_DEEP.keys())
    def value(self, request: pytest.FixtureRequest) -> Any:
        return request.param

    async def refused(self, code: int, flow: Workflow, given: Any) -> None:
        with pytest.raises(JiuWenBaseException, match=f"nested more than {MAX_DEPTH} levels deep") as error:
            await turn(flow, given)
        assert error.value.error_code == code
        assert len(str(error.value)) < 1000

    async def test_as_inputs(self, value: Any) -> None:
        await self.refused(100100, asks(), {"q": value})
        assert await asks().snapshot("s") is None

    @pytest.mark.parametrize("schema", [None, {}, {"type": ["object", "array"]}])
    async def test_as_an_answer(self, value: Any, schema: Any) -> None:
        """The question stays."""
        await turn(asks(schema), {"q": 1})
        await self.refused(100000, asks(schema), InteractiveInput(value))
        await self.refused(100000, asks(schema), InteractiveInput().update("ask", value))
        assert asked(await turn(asks(schema), InteractiveInput())) == [("ask", 0, "?")]
        assert (await turn(asks(schema), InteractiveInput([1]))).result == {"output": {"ask": [1]}}

    async def test_as_an_output(self, value: Any) -> None:
        await self.refused(100100, chain(("gives", Call(lambda i, r: value)), id="w"), {"q": 1})

    async def test_as_a_state(self, value: Any) -> None:
        for method in ("update_state", "update_global_state"):
            flow = chain(("sets", Call(lambda i, r, method=method: getattr(r, method)({"x": value}))), id=method)
            await self.refused(100005, flow, {"q": 1})

    async def test_as_a_question(self) -> None:
        async def ask(inputs: Any, runtime: Any) -> Any:
            return await runtime.interact(nested(MAX_DEPTH + 1, dict))

        await self.refused(100005, chain(("ask", ask), id="w"), {"q": 1})

    @pytest.mark.parametrize("name", ["a dict", "a very deep dict", "itself"])
    def test_as_a_schema(self, name: str) -> None:
        with pytest.raises(JiuWenBaseException, match=r"110003.*\[a\] cannot be added.*levels deep"):
            workflow("w").add_workflow_comp("a", Call(), inputs_schema=TOO_DEEP[name])

    async def test_as_the_input_of_a_graph(self, value: Any) -> None:
        graph = asks().compile(InMemorySaver())
        with pytest.raises(JiuWenBaseException, match="levels deep|a compiled workflow takes"):
            await graph.ainvoke({"inputs": {"q": value}}, {"configurable": {"thread_id": "1"}})
        with pytest.raises(JiuWenBaseException, match="a compiled workflow takes"):
            await graph.ainvoke({"q": value}, {"configurable": {"thread_id": "2"}})

    async def test_what_is_just_not_too_deep_is_kept(self) -> None:
        for kind in (dict, list):
            value = nested(MAX_DEPTH - 10, kind)  # inputs and outputs lie a few levels below
            flow = chain(("gives", Call()), ("asks", asks_once), ("gives_again", Call()), id=kind.__name__)
            await turn(flow, {"q": value})
            for opened in store._stores.values():
                opened.database.close()
            done = await turn(flow, InteractiveInput(nested(MAX_DEPTH, kind)))
            assert done.result["output"]["gives"] == {"q": value}


async def asks_once(inputs: Any, runtime: Any) -> Any:
    return len(str(await runtime.interact("?")))


# --- fuzzing ---

EXAMPLES = int(os.environ.get("FUZZ", "30"))

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
keys = st.text() | st.integers() | st.sampled_from(["a.b", "a[0]", "a['k']", "a[9999999]", ""])
values = st.recursive(
    scalars | st.just(object()),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text() | st.integers() | st.sampled_from(["a.b", "a[0]", "a['k']", "a[9999999]", ""]), inner, max_size=4
        )
        | st.tuples(inner, inner)
    ),
    max_leaves=8,
)


class Trip(BaseModel):
    city: str
    days: int


SCHEMAS: dict[str, Any] = {
    "none": None,
    "int": int,
    "words": Literal["yes", "no"],
    "model": Trip,
    "dict": dict[str, int],
    "json": {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "number"}}}},
}


@pytest.mark.filterwarnings("ignore:.*cannot be stored:RuntimeWarning")
@pytest.mark.parametrize("name", SCHEMAS)
@settings(
    max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(answer=values, by_id=st.booleans())
@example(answer={"city": "x", "days": 10**400}, by_id=True)
@example(answer=float("nan"), by_id=False)
@example(answer="\ud800", by_id=False)
def test_any_answer_is_taken_or_refused_by_name_and_then_a_good_one_is_taken(
    name: str, answer: Any, by_id: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JIUWEN_LG_DB", ":memory:")
    good = {"words": "yes", "model": {"city": "杭州", "days": 1}, "dict": {"a": 1}, "json": {"a": [1]}}.get(name, 1)

    async def play() -> None:
        flow = asks(SCHEMAS[name])
        await turn(flow, {"q": 1})
        try:
            given = InteractiveInput().update("ask", answer) if by_id else InteractiveInput(answer)
            output = await turn(flow, given)
        except JiuWenBaseException as error:
            assert error.error_code in (100000, 100907)
        else:
            if output.state is WorkflowExecutionState.COMPLETED:
                return
        assert asked(await turn(flow, InteractiveInput()))[0][0] == "ask"
        assert (await turn(flow, InteractiveInput(good))).state is WorkflowExecutionState.COMPLETED

    try:
        asyncio.run(play())
    finally:
        store.close_store(":memory:")


numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
scalars_of_json = st.none() | st.booleans() | numbers | st.text()
jsons = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=EXAMPLES, derandomize=True, deadline=None)
@given(body=jsons)
@example(body={"inputs": {"q": 1}, "io": {}})
@example(body={"__jlg_world__": 5})
@example(body={"[": None, "": None})
def test_whatever_json_a_graph_is_given_is_run_or_refused_by_name(body: Any) -> None:
    """The form in which a server hands over what its clients send."""
    graph = asks(int).compile(InMemorySaver())
    config: RunnableConfig = {"configurable": {"thread_id": "1"}}
    if body is not None:
        try:
            graph.invoke(body, config)
        except JiuWenBaseException as error:
            assert error.error_code == 100100
    graph.invoke({"inputs": {"q": 1}}, config)
    if body not in ({}, None):  # LangGraph takes an empty one for no answer, and stumbles over None
        graph.invoke(Command(resume=body), config)
    graph.invoke({"inputs": {"q": 1}}, config)
    assert graph.invoke(Command(resume=5), config)["result"] == {"output": {"ask": 5}}


@pytest.mark.parametrize("name", ["session_id", "turn_id"])
def test_an_id_that_no_store_can_hold_is_refused(name: str) -> None:
    with pytest.raises(JiuWenBaseException, match=r"100000.*'hi \\ud800'.*half a surrogate pair"):
        WorkflowRuntime(**{name: "hi \ud800"})


async def test_looking_for_an_id_that_no_store_can_hold() -> None:
    flow = chain(("a", Call()), id="w")
    for look in (flow.snapshot("\ud800"), flow.pending("\ud800"), flow.discard("\ud800")):
        with pytest.raises(JiuWenBaseException, match="100908"):
            await look


async def test_an_error_that_no_text_file_can_hold_ends_its_turn() -> None:
    def fails(inputs: Any, runtime: Any) -> Any:
        raise ValueError("half \ud800")

    flow = chain(("a", Call(fails)), id="w")
    with pytest.raises(JiuWenBaseException, match="half"):
        await turn(flow, {"q": 1})
    snapshot = await flow.snapshot("s")
    assert snapshot is not None
    assert snapshot.status == "failed"
