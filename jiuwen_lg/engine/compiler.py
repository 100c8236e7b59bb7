"""A definition compiled, once, into an ordinary LangGraph graph: one node a component."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.constants import END, START
from langgraph.graph import StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.pregel._write import ChannelWrite, ChannelWriteTupleEntry
from langgraph.types import Command, Durability

from jiuwen_lg.config import WorkflowInputsSchema
from jiuwen_lg.engine.channels import WORLD, GraphOutput, Join, NodeState, State, fresh_start, input_type
from jiuwen_lg.engine.definition import Definition
from jiuwen_lg.engine.interaction import shown
from jiuwen_lg.engine.node import ComponentNode
from jiuwen_lg.engine.router import Router
from jiuwen_lg.errors import StatusCode
from jiuwen_lg.tool_info import Parameters


class WorkflowGraph(CompiledStateGraph[Any, Any, Any, Any]):
    """A compiled workflow: LangGraph's own graph with two defaults changed.

    Its input is `{"inputs": {...}}`, its output `{"result": ...}`. Every step is durable
    (`durability="sync"`) unless the caller says otherwise, and an input of another shape
    is refused instead of silently dropped.
    """

    def stream(
        self, input: Any, config: RunnableConfig | None = None, *, durability: Durability | None = None, **kwargs: Any
    ) -> Iterator[Any]:
        """LangGraph's `stream`."""
        chunks = super().stream(
            _checked(input, config), config, durability=self._durability(durability, config), **kwargs
        )
        return map(_shown, chunks)

    async def astream(
        self, input: Any, config: RunnableConfig | None = None, *, durability: Durability | None = None, **kwargs: Any
    ) -> AsyncIterator[Any]:
        """LangGraph's `astream`."""
        chunks: Any = super().astream(
            _checked(input, config), config, durability=self._durability(durability, config), **kwargs
        )
        async with aclosing(chunks):
            async for chunk in chunks:
                yield _shown(chunk)

    def _durability(self, asked: Durability | None, config: RunnableConfig | None) -> Durability | None:
        """The caller's word; else durable at every step, where there is a saver to be durable in."""
        if asked is None and isinstance(self.checkpointer, BaseCheckpointSaver):
            return None if _is_nested(config) else "sync"
        return asked


def _is_nested(config: RunnableConfig | None) -> bool:
    """Whether another graph runs this one as its node."""
    return "__pregel_task_id" in (config or {}).get("configurable", {})


def _checked(input: Any, config: RunnableConfig | None) -> Any:
    """The input, refused if it is of another shape; of a parent graph's state only `inputs` is taken."""
    if input is None or isinstance(input, Command):
        return input
    known = isinstance(input, dict) and isinstance(input.get("inputs", 0), (dict, type(None)))
    if not known or (not input.keys() <= {"inputs", WORLD} and not _is_nested(config)):
        raise StatusCode.WORKFLOW_EXECUTE_INNER_ERROR.error(
            error=f"a compiled workflow takes {{'inputs': {{...}}}}, not {input!r}"
        )
    return {key: input[key] for key in ("inputs", WORLD) if key in input}


def _shown(chunk: Any) -> Any:
    """A chunk of a stream; what questions carry for the engine is taken out of them."""
    if isinstance(chunk, tuple):
        return tuple(map(_shown, chunk))
    if not isinstance(chunk, dict) or "__interrupt__" not in chunk:
        return chunk
    interrupts = chunk["__interrupt__"]
    return {**chunk, "__interrupt__": type(interrupts)(shown(interrupt) for interrupt in interrupts)}


def compile_graph(
    definition: Definition, inputs: WorkflowInputsSchema, *, checkpointer: Any = None, **options: Any
) -> WorkflowGraph:
    """Compile a definition.

    Args:
        definition: What was built.
        inputs: The JSON schema of the workflow's inputs, which the graph's input schema shows.
        checkpointer: A LangGraph saver.
        options: Those of LangGraph's `StateGraph.compile`.

    Raises:
        JiuWenBaseException: 110006, a connection names a component that was never added.
    """
    parameters = Parameters.of(inputs)
    definition.require_references(parameters.properties)
    builder = StateGraph(State, input_schema=input_type(parameters), output_schema=GraphOutput)
    result_of = definition.ends[-1] if definition.ends else None
    ids = frozenset(definition.components)
    for spec in definition.components.values():
        routers = [Router(function) for function in definition.routers.get(spec.id, ())]
        node = ComponentNode(spec, gives_result=spec.id == result_of, routers=routers, ids=ids)
        known = tuple(target for router in routers for target in router.known_targets())
        builder.add_node(spec.id, node, input_schema=NodeState, destinations=known or None)
    _add_edges(builder, definition)
    return _with_fresh_starts(builder.compile(checkpointer, **options))


def _add_edges(builder: Any, definition: Definition) -> None:
    for start in definition.starts or [END]:
        builder.add_edge(START, start)
    for join in definition.joins():
        builder.add_edge(join.sources[0] if len(join.sources) == 1 else list(join.sources), join.target)


def _with_fresh_starts(compiled: Any) -> WorkflowGraph:
    """Let every new run on a thread start clean, joins included.

    LangGraph's START node runs once for each new input; it gets a write that empties
    what an earlier run on the thread may have left.
    """
    graph = WorkflowGraph(**{k: v for k, v in vars(compiled).items() if k != "__orig_class__"})
    joins = [name for name in graph.channels if name.startswith("join:")]
    for name in joins:
        graph.channels[name] = _join(graph.channels[name])
    # Drawing runs the writers too, without an input: then there is nothing to reset.
    reset = ChannelWriteTupleEntry(mapper=lambda given: None if given is None else fresh_start(given, joins))
    graph.nodes[START].writers.append(ChannelWrite((reset,)))
    return graph


def _join(barrier: Any) -> Join:
    join = Join(barrier.typ, barrier.names)
    join.key = barrier.key
    return join
