"""Components that put themselves into the graph: routers, nodes and starts of their own; hooks."""

from __future__ import annotations

from typing import Any

import pytest

from jiuwen_lg import (
    BranchRouter,
    ComponentExecutable,
    End,
    Executable,
    Graph,
    InteractiveInput,
    JiuWenBaseException,
    LoopComponent,
    LoopGroup,
    Start,
    Workflow,
    WorkflowComponent,
    WorkflowRuntime,
)
from tests.loops import number


class Note(ComponentExecutable, WorkflowComponent):
    """Gives its own id."""

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        return {"by": runtime.executable_id(), **(inputs or {})}


class Fork(Note):
    """Chooses by a router of its own."""

    def __init__(self, router: Any) -> None:
        self.router = router
        self.built: list[Any] = []

    def add_component(self, graph: Graph, node_id: str, wait_for_all: bool = False) -> None:
        self.built.append((node_id, wait_for_all, sorted(graph.get_nodes())))
        graph.add_node(node_id, self.to_executable(), wait_for_all=wait_for_all)
        graph.add_conditional_edges(node_id, self.router)

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        if isinstance(self.router, BranchRouter):
            self.router.set_runtime(runtime)
        return {"size": len(inputs["text"])}


def flow(middle: Any, wait: bool | None = None) -> Workflow:
    """start → the component, which leads to `short` or `long` → end."""
    built = Workflow()
    built.set_start_comp("start", Start(), inputs_schema={"text": "${text}"})
    built.add_workflow_comp("middle", middle, inputs_schema={"text": "${start.text}"}, wait_for_all=wait)
    for name in ("short", "long"):
        built.add_workflow_comp(name, Note()).add_connection(name, "end")
    built.set_end_comp("end", End(), inputs_schema={"short": "${short.by}", "long": "${long.by}"})
    return built.add_connection("start", "middle")


async def result(built: Workflow, inputs: dict[str, Any]) -> Any:
    return (await built.invoke(inputs)).result


class TestRouters:
    @pytest.mark.parametrize(("text", "way"), [("甲乙", "short"), ("abcdef", "long")])
    async def test_a_branch_router_of_its_own(self, text: str, way: str) -> None:
        router = BranchRouter()
        router.add_branch("${middle.size} > 3", ["long"])
        router.add_branch("${middle.size} <= 3", "short")
        assert await result(flow(Fork(router)), {"text": text}) == {"output": {way: way}}

    async def test_no_branch_is_101102(self) -> None:
        router = BranchRouter()
        router.add_branch("${middle.size} > 99", "long")
        with pytest.raises(JiuWenBaseException) as raised:
            await flow(Fork(router)).invoke({"text": "x"})
        assert raised.value.error_code == 101102

    async def test_a_function(self) -> None:
        async def both() -> list[str]:
            return ["short", "long"]

        assert await result(flow(Fork(both)), {"text": "x"}) == {"output": {"short": "short", "long": "long"}}

    def test_what_add_component_is_given(self) -> None:
        fork = Fork(lambda: "long")
        flow(fork, wait=True)
        flow(fork)
        assert fork.built == [("middle", True, ["start"]), ("middle", False, ["start"])]


class TestNodes:
    async def test_an_inner_node_runs_and_can_be_read(self) -> None:
        class Pair(Note):
            def add_component(self, graph: Graph, node_id: str, wait_for_all: bool = False) -> None:
                graph.add_node(node_id, self, wait_for_all=wait_for_all).add_node("tail", Note())
                graph.add_edge(node_id, "tail").add_edge("tail", "end")

        built = Workflow().set_start_comp("start", Start(), inputs_schema={"q": "${q}"})
        built.add_workflow_comp("pair", Pair(), inputs_schema={"q": "${start.q}"}).add_connection("start", "pair")
        built.set_end_comp("end", End(), inputs_schema={"q": "${pair.q}", "by": "${tail.by}"})
        assert await result(built, {"q": 1}) == {"output": {"q": 1, "by": "tail"}}

    async def test_a_start_of_its_own(self) -> None:
        class Beginning(Note):
            def add_component(self, graph: Graph, node_id: str, wait_for_all: bool = False) -> None:
                graph.start_node(node_id).add_node(node_id, self)

        built = Workflow().add_workflow_comp("first", Beginning(), inputs_schema={"q": "${q}"})
        built.set_end_comp("end", End(), inputs_schema={"q": "${first.q}"}).add_connection("first", "end")
        assert await result(built, {"q": 1}) == {"output": {"q": 1}}

    async def test_in_the_body_of_a_loop(self) -> None:
        class Twice(Note):
            def add_component(self, graph: Graph, node_id: str, wait_for_all: bool = False) -> None:
                graph.add_node(node_id, self).add_node("again", Note()).add_edge(node_id, "again")

        body = LoopGroup().add_workflow_comp("a", Twice(), inputs_schema={"i": "${loop.index}"})
        body.start_nodes(["a"]).end_nodes(["again"])
        built = Workflow().set_start_comp("start", Start())
        loop = LoopComponent(body, {"i": "${a.i}", "by": "${again.by}"})
        built.add_workflow_comp("loop", loop, inputs_schema=number(2)).add_connection("start", "loop")
        built.set_end_comp("end", End(), inputs_schema={"i": "${loop.i}", "by": "${loop.by}"})
        built.add_connection("loop", "end")
        assert await result(built, {}) == {"output": {"i": [0, 1], "by": ["loop.again", "loop.again"]}}

    def test_a_component_that_adds_no_node_is_refused(self) -> None:
        class Nothing(Note):
            def add_component(self, graph: Graph, node_id: str, wait_for_all: bool = False) -> None: ...

        with pytest.raises(JiuWenBaseException, match=r"\[x\].*graph.add_node") as raised:
            Workflow().add_workflow_comp("x", Nothing())
        assert raised.value.error_code == 110003

    async def test_an_inner_node_that_asks_is_answered(self) -> None:
        class Ask(Note):
            async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
                return {"answer": await runtime.interact("谁？")}

        class Asking(Note):
            def add_component(self, graph: Graph, node_id: str, wait_for_all: bool = False) -> None:
                graph.add_node(node_id, self).add_node("ask", Ask()).add_edge(node_id, "ask").add_edge("ask", "end")

        built = Workflow().set_start_comp("start", Start()).add_workflow_comp("a", Asking())
        built.set_end_comp("end", End(), inputs_schema={"x": "${ask.answer}"}).add_connection("start", "a")
        await built.invoke({}, WorkflowRuntime(session_id="s"))
        answer = InteractiveInput().update("ask", "我")
        output = await built.invoke(answer, WorkflowRuntime(session_id="s"))
        assert output.result == {"output": {"x": "我"}}


def around(component: Any) -> Workflow:
    built = Workflow().set_start_comp("start", Start(), inputs_schema={"q": "${q}"})
    built.add_workflow_comp("own", component, inputs_schema={"q": "${start.q}"}).add_connection("start", "own")
    return built.set_end_comp("end", End(), inputs_schema={"own": "${own}"}).add_connection("own", "end")


def echo() -> Workflow:
    built = Workflow().set_start_comp("s", Start(), inputs_schema={"q": "${q}"})
    return built.set_end_comp("e", End(), inputs_schema={"q": "${s.q}"}).add_connection("s", "e")


class TestHooks:
    async def test_on_invoke_runs(self) -> None:
        class Low(WorkflowComponent, Executable):
            async def on_invoke(self, inputs: Any, runtime: Any) -> Any:
                return {"q": inputs["q"], "id": runtime.executable_id()}

        assert await result(around(Low()), {"q": 1}) == {"output": {"own": {"q": 1, "id": "own"}}}

    async def test_one_that_invokes_a_graph_gets_the_config_too(self) -> None:
        class Sub(WorkflowComponent, Executable):
            def graph_invoker(self) -> bool:
                return True

            async def on_invoke(self, inputs: Any, runtime: Any) -> Any:
                return await echo().sub_invoke(inputs["inputs"], runtime, inputs["config"])

        assert await result(around(Sub()), {"q": 5}) == {"output": {"own": {"output": {"q": 5}}}}


class TestNestedRuns:
    async def test_frames(self) -> None:
        class Frames(Note):
            async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
                return [payload async for payload in echo().sub_stream(inputs, runtime.base())]

        assert await result(around(Frames()), {"q": 5}) == {"output": {"own": [{"output": {"q": 5}}]}}

    @pytest.mark.parametrize("is_streamed", [False, True])
    async def test_a_question_is_refused_and_leaves_no_session(self, is_streamed: bool) -> None:
        class Ask(Note):
            async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
                return await runtime.interact("?")

        inner = around(Ask())

        async def run() -> None:
            if is_streamed:
                [_ async for _ in inner.sub_stream({"q": 1})]
            else:
                await inner.sub_invoke({"q": 1})

        with pytest.raises(JiuWenBaseException, match="SubWorkflowComponent") as raised:
            await run()
        assert raised.value.error_code == 101141
        assert await inner.pending() == []
