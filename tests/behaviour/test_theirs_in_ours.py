"""What others wrote as components: runnables, tools, LangGraph graphs, functions; and the run's config inside."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypedDict

import pytest
from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.language_models import FakeListChatModel
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from pydantic import BaseModel

from jiuwen_lg import (
    BaseStreamMode,
    End,
    InteractiveInput,
    JiuWenBaseException,
    Start,
    TaskRuntime,
    Workflow,
    WorkflowExecutionState,
    WorkflowRuntime,
)
from tests.flows import Ask, Call, asked, chain, turn


class Q(TypedDict):
    q: Any


async def result(component: Any, q: Any = 1) -> Any:
    """What a component gives of `{"q": 1}`."""
    return (await chain(("c", component)).invoke({"q": q})).result["output"].get("c")


def their_graph(*functions: Callable[..., Any]) -> Any:
    """A compiled LangGraph graph: one node a function."""
    graph = StateGraph(Q)
    before = START
    for number, function in enumerate(functions):
        graph.add_node(f"n{number}", function)
        graph.add_edge(before, f"n{number}")
        before = f"n{number}"
    graph.add_edge(before, END)
    return graph.compile()


class TestRunnables:
    async def test_a_chain_gets_the_inputs_and_a_message_becomes_a_dict(self) -> None:
        prompt = ChatPromptTemplate.from_messages([("user", "{q}?")])
        said = await result(prompt | FakeListChatModel(responses=["hi"]))
        assert (said["content"], said["type"]) == ("hi", "ai")

    async def test_a_model_gets_the_messages(self) -> None:
        flow = Workflow()
        flow.set_start_comp("s", Start(), inputs_schema={"q": "${q}"})
        schema = {"messages": [{"role": "user", "content": "${s.q}"}]}
        flow.add_workflow_comp("model", FakeListChatModel(responses=["hi"]), inputs_schema=schema)
        flow.set_end_comp("e", End(), inputs_schema={"said": "${model.content}"})
        flow.add_connection("s", "model").add_connection("model", "e")
        assert (await flow.invoke({"q": "hello"})).result == {"output": {"said": "hi"}}

    async def test_a_tool(self) -> None:
        @tool
        def double(q: int) -> int:
            """Doubles."""
            return 2 * q

        assert await result(double, 4) == 8

    async def test_a_pydantic_model_becomes_a_dict(self) -> None:
        class Found(BaseModel):
            city: str

        assert await result(RunnableLambda(lambda given: [Found(city=given["q"])]), "杭州") == [{"city": "杭州"}]

    async def test_its_failure_is_the_components(self) -> None:
        with pytest.raises(JiuWenBaseException, match="division by zero") as error:
            await result(RunnableLambda(lambda _: 1 / 0))
        assert error.value.error_code == 100005

    async def test_it_streams(self) -> None:
        flow = Workflow()
        flow.set_start_comp("s", Start(), inputs_schema={"q": "${q}"})
        model = FakeListChatModel(responses=["abc"])
        flow.add_workflow_comp("m", model, inputs_schema={"messages": [{"role": "user", "content": "${s.q}"}]})
        flow.set_end_comp("e", End(), stream_inputs_schema={"t": "${m.content}"}, response_mode="streaming")
        flow.add_connection("s", "m").add_stream_connection("m", "e")
        frames = [f async for f in flow.stream({"q": "x"}, stream_modes=[BaseStreamMode.OUTPUT])]
        assert [f.payload["output"]["t"] for f in frames if f.payload["output"]["t"]] == ["a", "b", "c"]


class TestGraphs:
    async def test_a_graph_runs_inside(self) -> None:
        assert await result(their_graph(lambda s: {"q": s["q"] + 1}, lambda s: {"q": s["q"] * 10})) == {"q": 20}

    async def test_it_asks_and_goes_on(self) -> None:
        """Its first node does not run again; the answer comes from another workflow object."""
        ran = []

        def first(state: Q) -> Q:
            ran.append("first")
            return {"q": [state["q"]]}

        def second(state: Q) -> Q:
            return {"q": [*state["q"], interrupt("name?"), interrupt("age?")]}

        def built() -> Workflow:
            return chain(("c", their_graph(first, second)), id="w")

        assert asked(await turn(built(), {"q": 1})) == [("c", 0, "name?")]
        assert asked(await turn(built(), InteractiveInput("ann"))) == [("c", 0, "age?")]
        done = await turn(built(), InteractiveInput().update("c", 7))
        assert done.result == {"output": {"c": {"q": [1, "ann", 7]}}}
        assert ran == ["first"]

    async def test_two_ask_at_once(self) -> None:
        from tests.flows import parallel

        def asks(state: Q) -> Q:
            return {"q": interrupt(f"{state['q']}?")}

        flow = parallel(("a", their_graph(asks)), ("b", their_graph(asks)), id="w")
        assert asked(await turn(flow, {"q": 1})) == [("a", 0, "1?"), ("b", 0, "1?")]
        assert asked(await turn(flow, InteractiveInput().update("b", "B"))) == [("a", 0, "1?")]
        done = await turn(flow, InteractiveInput("A"))
        assert done.result == {"output": {"a": {"q": "A"}, "b": {"q": "B"}}}

    async def test_through_the_compiled_graph(self) -> None:
        graph = chain(("c", their_graph(lambda s: {"q": interrupt("?")}))).compile(InMemorySaver())
        config: RunnableConfig = {"configurable": {"thread_id": "1"}}
        paused = await graph.ainvoke({"inputs": {"q": 1}}, config)
        assert [i.value for i in paused["__interrupt__"]] == ["?"]
        assert (await graph.ainvoke(Command(resume="yes"), config))["result"] == {"output": {"c": {"q": "yes"}}}


class TestFunctions:
    async def test_sync_functions_run_in_a_thread(self) -> None:
        def where(inputs: Any) -> Any:
            return {"main": threading.current_thread() is threading.main_thread(), **inputs}

        assert await result(where) == {"main": False, "q": 1}

    @pytest.mark.parametrize(
        "function",
        [lambda inputs: inputs["q"] + 1, lambda: 2, lambda *inputs: inputs[0]["q"] + 1, lambda q=None, /: q["q"] + 1],
        ids=["inputs", "none", "star", "default"],
    )
    async def test_what_a_function_takes(self, function: Callable[..., Any]) -> None:
        assert await result(function) == 2

    async def test_async_functions_and_callable_objects(self) -> None:
        async def later(inputs: Any) -> Any:
            await asyncio.sleep(0)
            return inputs["q"]

        class Adds:
            async def __call__(self, inputs: Any) -> Any:
                return inputs["q"] + 1

        assert [await result(later), await result(Adds())] == [1, 2]

    async def test_it_asks_through_the_runtime(self) -> None:
        async def ask(inputs: Any, runtime: Any, context: Any) -> Any:
            runtime.update_global_state({"seen": context})
            return await runtime.interact(f"{inputs['q']}?")

        flow = chain(("c", ask), ("d", Call(lambda i, r: r.get_global_state("seen"))), id="w")
        output = await flow.invoke({"q": 1}, WorkflowRuntime(session_id="s"), "the context")
        assert output.state is WorkflowExecutionState.INPUT_REQUIRED
        done = await flow.invoke(InteractiveInput("yes"), WorkflowRuntime(session_id="s"), "the context")
        assert done.result == {"output": {"c": "yes", "d": "the context"}}

    async def test_generators_give_frames(self) -> None:
        async def later(inputs: Any) -> AsyncIterator[Any]:
            yield {"n": inputs["q"]}
            yield {"n": 2}

        def now(inputs: Any) -> Iterator[Any]:
            yield from ({"n": inputs["q"]}, {"n": 2})

        for function in (later, now):
            flow = Workflow()
            flow.set_start_comp("s", Start(), inputs_schema={"q": "${q}"})
            flow.add_workflow_comp("c", function, inputs_schema={"q": "${s.q}"})
            flow.set_end_comp("e", End(), stream_inputs_schema={"n": "${c.n}"}, response_mode="streaming")
            flow.add_connection("s", "c").add_stream_connection("c", "e")
            frames = [f.payload async for f in flow.stream({"q": 1}, stream_modes=[BaseStreamMode.OUTPUT])]
            assert frames == [{"output": {"n": 1}}, {"output": {"n": 2}}]
            assert await result(function) == {"n": 2}

    @pytest.mark.parametrize(
        "function", [lambda a, b: a, lambda inputs, *, other: other], ids=["two parameters", "a keyword"]
    )
    def test_one_that_takes_anything_else_is_refused(self, function: Callable[..., Any]) -> None:
        with pytest.raises(JiuWenBaseException, match="one dict, and by these names runtime, context, config") as error:
            Workflow().add_workflow_comp("c", function)
        assert error.value.error_code == 100002

    @pytest.mark.parametrize("thing", [3, "text", Call])
    def test_what_is_no_component_is_refused(self, thing: Any) -> None:
        with pytest.raises(JiuWenBaseException) as error:
            Workflow().add_workflow_comp("c", thing)
        assert error.value.error_code == 100002


class TestConfig:
    async def test_it_reaches_everything_inside(self) -> None:
        class Seen(AsyncCallbackHandler):
            def __init__(self) -> None:
                self.tags: list[list[str] | None] = []

            async def on_chat_model_start(self, *_: Any, tags: list[str] | None = None, **__: Any) -> None:
                self.tags.append(tags)

        seen = Seen()
        told: dict[str, Any] = {}

        async def looks(inputs: Any, runtime: Any, config: Any) -> None:
            told["runtime"], told["config"] = runtime.config, config

        prompt = ChatPromptTemplate.from_messages([("user", "{q}")])
        flow = chain(("c", prompt | FakeListChatModel(responses=["hi"])), ("f", looks))
        config: RunnableConfig = {
            "callbacks": [seen],
            "tags": ["ours"],
            "metadata": {"who": "us"},
            "configurable": {"tenant": 7},
        }
        await flow.invoke({"q": 1}, WorkflowRuntime(config=config))
        await flow.compile().ainvoke({"inputs": {"q": 1}}, config)
        assert len(seen.tags) == 2
        assert all(tags is not None and "ours" in tags for tags in seen.tags)
        assert told["runtime"] is told["config"]
        assert told["config"]["metadata"]["who"] == "us"
        assert told["config"]["configurable"]["tenant"] == 7

    async def test_it_cannot_take_the_session(self) -> None:
        flow = chain(("c", lambda inputs, runtime: runtime.session_id()))
        config: RunnableConfig = {"configurable": {"thread_id": "other"}, "recursion_limit": 1}
        done = await flow.invoke({"q": 1}, WorkflowRuntime(session_id="mine", config=config))
        assert done.result == {"output": {"c": "mine"}}


class TestWorkflowsInside:
    """A compiled workflow as a component of another: its questions are that component's, its state its own."""

    def flow(self) -> Workflow:
        inner = chain(("ask", Ask("inner?", "and?")), ("tells", Call(tell)))
        return chain(("w", inner.as_runnable()), ("ask", Ask("outer?")), id="outer")

    async def test_its_questions_are_the_components(self) -> None:
        assert asked(await turn(self.flow(), {"q": 1})) == [("w.ask", 0, "inner?")]
        assert asked(await turn(self.flow(), InteractiveInput().update("w.ask", "a"))) == [("w.ask", 1, "and?")]
        (waits,) = await self.flow().pending()
        assert waits.output.id == "w.ask"
        output = await turn(self.flow(), InteractiveInput.reply_to(waits.output, "b"))
        assert asked(output) == [("ask", 0, "outer?")]
        done = (await turn(self.flow(), InteractiveInput("c"))).result["output"]
        assert done["w"]["output"]["ask"]["answers"] == ["a", "b"]
        assert done["ask"]["answer"] == "c"

    async def test_an_answer_for_the_outer_one_is_not_taken(self) -> None:
        await turn(self.flow(), {"q": 1})
        output = await turn(self.flow(), InteractiveInput().update("ask", "for the outer"))
        assert asked(output) == [("w.ask", 0, "inner?")]

    async def test_its_global_state_stays_inside(self) -> None:
        task = TaskRuntime(trace_id="t")
        inner = chain(("tells", Call(tell)))
        flow = chain(("w", RunnableLambda(lambda given: {"inputs": given}) | inner.compile()), id="outer")
        await flow.invoke({"q": 1}, task.create_workflow_runtime())
        assert task.get_global_state("secret") is None

    async def test_the_config_of_a_component_starts_a_run_of_its_own(self) -> None:
        inner = chain(("ask", Ask("inner?")), id="inner")

        async def starts(inputs: Any, runtime: Any) -> Any:
            output = await inner.invoke({"q": 1}, WorkflowRuntime(session_id="other", config=runtime.config))
            return output.state.name

        done = await turn(chain(("c", starts), id="outer"), {"q": 1})
        assert done.result == {"output": {"c": "INPUT_REQUIRED"}}
        assert asked(await turn(inner, InteractiveInput(), "other")) == [("ask", 0, "inner?")]


def tell(inputs: Any, runtime: Any) -> None:
    runtime.update_global_state({"secret": 1})


class TestTrouble:
    async def test_a_function_that_raises_stop_iteration_fails(self) -> None:
        with pytest.raises(JiuWenBaseException, match="StopIteration") as error:
            await result(lambda inputs: next(iter(())))
        assert error.value.error_code == 100005

    async def test_two_questions_of_one_graph_are_answered_one_by_one(self) -> None:
        class Both(TypedDict):
            q: Annotated[Any, lambda old, new: new]

        graph = StateGraph(Both)
        graph.add_node("files", lambda state: {"q": f"files {interrupt('files?')}"})
        graph.add_node("mail", lambda state: interrupt("mail?") and None)
        graph.add_edge(START, "files")
        graph.add_edge(START, "mail")
        flow = chain(("c", graph.compile()), id="w")
        questions = {f.payload.value: f for f in (await turn(flow, {"q": 1})).result}
        left = await turn(flow, InteractiveInput.reply_to(questions["mail?"], "no"))
        assert [f.payload.value for f in left.result] == ["files?"]
        done = await turn(flow, InteractiveInput.reply_to(left.result[0], "yes"))
        assert done.result == {"output": {"c": {"q": "files yes"}}}

    def test_a_synchronous_caller_with_a_synchronous_saver(self, tmp_path: Path) -> None:
        with SqliteSaver.from_conn_string(str(tmp_path / "theirs.db")) as saver:
            graph = chain(("c", their_graph(lambda s: {"q": interrupt("?")}))).compile(saver)
            config: RunnableConfig = {"configurable": {"thread_id": "1"}}
            assert graph.invoke({"inputs": {"q": 1}}, config)["__interrupt__"][0].value == "?"
            assert graph.invoke(Command(resume="yes"), config)["result"] == {"output": {"c": {"q": "yes"}}}

    async def test_a_bound_model_gets_the_messages_too(self) -> None:
        model = FakeListChatModel(responses=["hi"])
        for bound in (model.bind(stop=["x"]), model.with_retry(), model.with_fallbacks([model])):
            assert (await _of_messages(bound))["content"] == "hi"

    async def test_callable_objects_may_generate(self) -> None:
        class Later:
            async def __call__(self, inputs: Any) -> AsyncIterator[Any]:
                yield inputs["q"]

        assert await result(Later()) == 1

    @pytest.mark.parametrize("function", [lambda **kw: kw, lambda runtime, /: 1], ids=["catch-all", "positional"])
    def test_what_could_never_be_given_is_refused(self, function: Any) -> None:
        with pytest.raises(JiuWenBaseException) as error:
            Workflow().add_workflow_comp("c", function)
        assert error.value.error_code == 100002

    async def test_a_named_tuple_stays_one(self) -> None:
        assert await result(lambda inputs: Point(1, 2)) == Point(1, 2)


class Point(NamedTuple):
    x: int
    y: int


async def _of_messages(model: Any) -> Any:
    flow = Workflow()
    flow.set_start_comp("s", Start())
    flow.add_workflow_comp("m", model, inputs_schema={"messages": [{"role": "user", "content": "q"}]})
    flow.set_end_comp("e", End(), inputs_schema={"m": "${m}"})
    flow.add_connection("s", "m").add_connection("m", "e")
    return (await flow.invoke({})).result["output"]["m"]
