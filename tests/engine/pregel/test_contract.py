"""The contract with LangGraph: each test names one thing that LangGraph keeps private and that `engine/pregel` uses.

When one of them fails, LangGraph has changed; its message says where our side of the contract is.
"""

from __future__ import annotations

import ast
from contextvars import copy_context
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.constants import END, START
from langgraph.graph import StateGraph
from langgraph.types import Command, Overwrite, RetryPolicy, interrupt
from typing_extensions import TypedDict

import jiuwen_lg
from jiuwen_lg import WorkflowRuntime
from jiuwen_lg.engine.pregel import (
    attempts,
    current_config,
    keys,
    patches,
    pending_writes,
    support,
    triggers,
    wire_format,
)
from tests.flows import Call, chain

PACKAGE = Path(jiuwen_lg.__file__).parent


class Plain(TypedDict, total=False):
    a: Any
    b: Any
    c: Any


def built(**nodes: Any) -> StateGraph[Any, Any, Any, Any]:
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(Plain)
    for name, node in nodes.items():
        builder.add_node(name, node)
    return builder


def fan_in() -> Any:
    builder = built(x=lambda _: {"a": 1}, y=lambda _: {"b": 1}, z=lambda _: {"c": 1})
    builder.add_edge(START, "x")
    builder.add_edge(START, "y")
    builder.add_edge(["x", "y"], "z")
    builder.add_edge("z", END)
    return builder.compile(InMemorySaver())


def on(thread: str = "1") -> Any:
    return {"configurable": {"thread_id": thread}}


def test_channels_that_start_nodes_have_their_names_and_attributes() -> None:
    channels = fan_in().channels
    single = channels["branch:to:x"]
    assert triggers.is_trigger("branch:to:x"), "pregel/triggers: the channel of an edge is called branch:to:NODE"
    assert {"typ", "guard"} <= {*dir(single)}, "pregel/triggers: EphemeralValue has `typ` and `guard`"
    (name,) = [name for name in channels if triggers.is_join(name)]
    assert name == "join:x+y:z", "pregel/triggers: the channel of a join is called join:SOURCES:TARGET"
    assert channels[name].names == {"x", "y"}, "pregel/triggers: NamedBarrierValue keeps its sources in `names`"
    assert channels[name].seen == set(), "pregel/triggers: NamedBarrierValue keeps those that finished in `seen`"


async def test_replaced_triggers_run_the_same_graph() -> None:
    plain, ours = fan_in(), fan_in()
    triggers.replace_triggers(ours.channels)
    for graph in (plain, ours):
        assert await graph.ainvoke({"a": 0}, on()) == {"a": 1, "b": 1, "c": 1}
    steps = [[(s.next, s.values) for s in graph.get_state_history(on())] for graph in (plain, ours)]
    assert steps[0] == steps[1], "pregel/triggers: a replaced trigger fires exactly when LangGraph's own does"


async def test_checkpoints_without_spent_triggers_resume_the_same() -> None:
    class Lean(InMemorySaver):
        def put(self, config: Any, checkpoint: Any, *more: Any) -> Any:
            return super().put(config, triggers.without_spent_triggers(checkpoint), *more)

    def graph(saver: Any) -> Any:
        builder = built(x=lambda _: {"a": 1}, y=lambda _: {"b": interrupt("?")}, z=lambda _: {"c": 1})
        builder.add_edge(START, "x")
        builder.add_edge("x", "y")
        builder.add_edge(["x", "y"], "z")
        return builder.compile(saver)

    results = []
    for saver in (InMemorySaver(), Lean()):
        made = graph(saver)
        await made.ainvoke({"a": 0}, on())
        results.append(await made.ainvoke(Command(resume="yes"), on()))
    assert results == [{"a": 1, "b": "yes", "c": 1}] * 2, "pregel/triggers: a spent trigger is needed after all"
    versions = Lean().get_tuple(on())
    assert versions is None


async def test_a_node_finds_its_place_in_its_config() -> None:
    seen: list[dict[str, Any]] = []

    async def node(_: Any, config: RunnableConfig) -> Any:
        seen.append(config["configurable"])
        interrupt("?")

    graph = built(x=node).add_edge(START, "x").compile(InMemorySaver())
    await graph.ainvoke({"a": 0}, on())
    await graph.ainvoke(Command(resume=1), on())
    first, again = seen
    assert keys.is_nested({"configurable": first}), "pregel/keys: a task finds __pregel_task_id"
    assert keys.task_id_of({"configurable": first}) == keys.task_id_of({"configurable": again}), (
        "pregel/keys: a task that runs again has the same id, at the end of checkpoint_ns"
    )
    assert (first.get(keys.RESUMING), again.get(keys.RESUMING)) in ((None, True), (False, True)), (
        "pregel/keys: __pregel_resuming says whether a task runs again"
    )
    assert isinstance(first[keys.CHECKPOINTER], InMemorySaver), "pregel/keys: the saver is at __pregel_checkpointer"
    outer = keys.namespace_around(first["checkpoint_ns"])
    assert outer in again[keys.CHECKPOINT_MAP], "pregel/keys: checkpoint_map has the checkpoint of each graph around"


async def test_graphs_inside_nodes_have_the_namespaces_that_we_make() -> None:
    inner = built(i=lambda _: {"a": interrupt("?")}).add_edge(START, "i").compile()
    graph = built(x=inner).add_edge(START, "x").compile(InMemorySaver())
    await graph.ainvoke({"a": 0}, on())
    (task,) = (await graph.aget_state(on())).tasks
    namespace = keys.namespace_below("", "x", task.id)
    assert task.state["configurable"]["checkpoint_ns"] == namespace, "pregel/keys: a namespace is NAME:TASK"
    assert keys.namespace_below(namespace, "i", "t") == f"{namespace}|i:t"


async def test_pending_writes_name_questions_answers_and_errors() -> None:
    saver = InMemorySaver()

    def fail_second(_: Any) -> Any:
        interrupt("?")
        raise ValueError("no")

    graph = built(x=fail_second).add_edge(START, "x").compile(saver)
    await graph.ainvoke({"a": 0}, on())
    with pytest.raises(ValueError, match="no"):
        await graph.ainvoke(Command(resume="yes"), on())
    saved = saver.get_tuple(on())
    assert saved is not None
    channels = {channel for _, channel, _ in saved.pending_writes or ()}
    assert {keys.INTERRUPT, keys.RESUME} <= channels, "pregel/keys: interrupts and answers are pending writes"
    assert channels <= keys.CONTROL, "pregel/keys: an unfinished task has only writes about itself"


def test_nodes_have_the_attributes_that_we_change() -> None:
    graph = fan_in()
    node = graph.nodes["x"]
    for name in ("writers", "flat_writers", "bound", "subgraphs", "node"):
        assert hasattr(node, name), f"pregel/patches: PregelNode has `{name}`"
    assert len(node.flat_writers) == 1, "pregel/patches: the writes of a node are one runnable"
    patches.write_at_start(graph, lambda given: [("b", "fresh")] if isinstance(given, dict) else None)
    assert graph.invoke({"a": 0}, on())["b"] == 1
    assert [s.values["b"] for s in graph.get_state_history(on()) if s.next == ("x", "y")] == ["fresh"], (
        "pregel/patches: START runs once for each input, and its writers after LangGraph's own"
    )


def test_a_node_can_leave_its_connections_alone() -> None:
    class Elsewhere(Command[Any]):
        """A way on that is no connection."""

    builder = built(x=lambda _: Elsewhere(goto="z"), y=lambda _: {"b": 1}, z=lambda _: {"c": 1})
    builder.add_edge(START, "x")
    builder.add_edge("x", "y")
    graph = builder.compile()
    patches.drop_connections(graph.nodes["x"], Elsewhere)
    assert graph.invoke({"a": 0}) == {"a": 0, "c": 1}, "pregel/patches: connections are entries of a ChannelWrite"


async def test_the_silent_task_runs_a_node_in_a_task_of_its_own_with_its_config() -> None:
    async def node(_: Any) -> Any:
        config = current_config.current_config()
        return {"a": keys.is_nested(config)}

    graph = built(x=RunnableLambda(node)).add_edge(START, "x").compile(InMemorySaver())
    patches.skip_unobserved_callbacks(graph.nodes["x"], is_plain=False)
    assert await graph.ainvoke({"a": 0}, on()) == {"a": True}, "pregel/silent_task: LangChain's context variable"


def test_a_config_can_be_put_into_a_context() -> None:
    context = copy_context()
    current_config.set_config(context, {"tags": ["t"]})
    assert current_config.current_config(context) == {"tags": ["t"]}
    assert current_config.current_config() is None


async def test_writes_of_no_task_are_stored_as_langgraph_stores_a_command() -> None:
    saver = InMemorySaver()
    graph = built(x=lambda _: {"a": 1}, y=lambda _: {"b": 1}).add_edge(START, "x").compile(saver)
    await graph.ainvoke({"a": 0}, on())
    assert pending_writes.overwrite("a", {"n": 1}) == [("a", Overwrite({"n": 1}))]
    latest = (await graph.aget_state(on())).config
    await saver.aput_writes(latest, pending_writes.goto(["y"]), pending_writes.NO_TASK)
    await graph.aupdate_state(on(), None, as_node=END)
    assert (await graph.aget_state(on())).next == ("y",), "pregel/pending_writes: a goto makes nodes the next ones"


def test_the_wire_format_is_langgraphs() -> None:
    from langgraph.checkpoint.serde import jsonplus

    assert wire_format.is_delta_snapshot(wire_format.DeltaSnapshot({"a": 1}))
    theirs = [
        jsonplus.EXT_CONSTRUCTOR_SINGLE_ARG,
        jsonplus.EXT_CONSTRUCTOR_POS_ARGS,
        jsonplus.EXT_CONSTRUCTOR_KW_ARGS,
        jsonplus.EXT_METHOD_SINGLE_ARG,
        jsonplus.EXT_PYDANTIC_V1,
        jsonplus.EXT_PYDANTIC_V2,
        jsonplus.EXT_NUMPY_ARRAY,
    ]
    ours = [
        wire_format.ONE_ARGUMENT,
        wire_format.ARGUMENTS,
        wire_format.FIELDS,
        wire_format.METHOD,
        wire_format.MODEL_V1,
        wire_format.MODEL,
        wire_format.ARRAY,
    ]
    assert theirs == ours, "pregel/wire_format: the extension codes of LangGraph's serializer"


def test_langgraphs_savers_have_the_doors_that_ours_replace() -> None:
    sqlite = pytest.importorskip("langgraph.checkpoint.sqlite")
    assert callable(sqlite.SqliteSaver.cursor), "storage/sqlite_saver: every call goes through `cursor`"
    postgres = pytest.importorskip("langgraph.checkpoint.postgres")
    assert callable(postgres.PostgresSaver._cursor), "storage/postgres_saver: every call goes through `_cursor`"
    assert postgres.PostgresSaver.MIGRATIONS, "storage: the tables' version is the number of MIGRATIONS"


def _private_imports(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("langgraph.", "langchain_core.")):
            names = [*str(node.module).split("."), *(alias.name for alias in node.names)]
            found += [name for name in names if name.startswith("_") or name == "var_child_runnable_config"]
    return found


def test_only_one_package_imports_what_langgraph_keeps_private() -> None:
    private = {str(path.relative_to(PACKAGE)): _private_imports(path) for path in PACKAGE.rglob("*.py")}
    assert {name for name, found in private.items() if found and not name.startswith("engine/pregel/")} == set()
    elsewhere = [path for path in PACKAGE.rglob("*.py") if "pregel" not in path.parts]
    assert [str(path) for path in elsewhere if "__pregel" in path.read_text(encoding="utf-8")] == []


def test_that_package_imports_nothing_of_ours() -> None:
    for path in (PACKAGE / "engine" / "pregel").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("jiuwen_lg"):
                assert str(node.module).startswith("jiuwen_lg.engine.pregel"), f"{path.name} imports {node.module}"


def test_this_langgraph_has_what_straight_stretches_rely_on() -> None:
    assert support.missing_parts() == [], "pregel/stretch and pregel/driver: see the names"


async def test_without_it_runs_take_langgraphs_own_path_with_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(support, "_LOOP", support._LOOP | {"no_such_attribute"})
    support.driver.cache_clear()
    flow = chain(("a", Call()), ("b", Call()))
    for _ in range(2):
        done = await flow.invoke({"q": 1}, WorkflowRuntime())
        assert done.result["output"]["b"] == {"q": 1}
    assert [record.message for record in caplog.records if "AsyncPregelLoop.no_such_attribute" in record.message] == [
        "this LangGraph has no AsyncPregelLoop.no_such_attribute: runs take its own, slower path"
    ]
    support.driver.cache_clear()


def test_a_retried_task_counts_the_graphs_inside_it_on_unless_it_is_told_to_resume() -> None:
    inner = built(x=lambda _: {"a": 1})
    inner.add_edge(START, "x")
    inside = inner.compile(checkpointer=True)
    tries: list[int] = []

    def run(state: Any, config: RunnableConfig) -> Any:
        tries.append(1)
        inside.invoke({"a": 0}, attempts.resuming(config) if len(tries) == 2 else config)
        if len(tries) < 3:
            raise ConnectionError("again")
        return {"b": 1}

    builder: StateGraph[Any, Any, Any, Any] = StateGraph(Plain)
    builder.add_node("n", run, retry_policy=RetryPolicy(initial_interval=0, jitter=False))
    builder.add_edge(START, "n")
    saver = InMemorySaver()
    builder.compile(saver).invoke({}, on())
    stored = {ns for ns in saver.storage["1"] if ns}
    assert len(stored) == 2, "pregel/attempts: `subgraph_counter` of the scratchpad numbers a task's graphs"
