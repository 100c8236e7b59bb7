"""A definition compiled, once, into an ordinary LangGraph graph: one node a component."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from langgraph.cache.base import BaseCache
from langgraph.constants import END, START
from langgraph.graph import StateGraph

from jiuwen_lg.config import WorkflowConfig
from jiuwen_lg.engine.concurrency.cancellation import result_of
from jiuwen_lg.engine.execution.loop_iteration import IterationEnd, IterationNode, last_component
from jiuwen_lg.engine.execution.node import ComponentNode, FallbackCommand
from jiuwen_lg.engine.execution.streaming_node import StreamingNode
from jiuwen_lg.engine.execution.subgraph import Subgraph
from jiuwen_lg.engine.graph.abilities import abilities_of, streaming_end
from jiuwen_lg.engine.graph.definition import ComponentSpec, Definition, SubgraphSpec
from jiuwen_lg.engine.graph.loop_protocol import LoopProtocol
from jiuwen_lg.engine.graph.output_cache import ExpiringCache, OutputCache
from jiuwen_lg.engine.graph.reachability import deferred, deferred_before, repeating
from jiuwen_lg.engine.graph.router import Router
from jiuwen_lg.engine.graph.state import (
    ROUND,
    BodyNodeState,
    GraphInput,
    GraphOutput,
    InnerState,
    LoopState,
    NodeState,
    RoundNodeState,
    State,
    fresh_start,
    input_type,
    shielded,
    with_frames,
)
from jiuwen_lg.engine.pregel import patches
from jiuwen_lg.engine.pregel.triggers import RESET, is_join, replace_triggers
from jiuwen_lg.engine.serializer import StrictSerializer
from jiuwen_lg.engine.workflow_graph import BREAKPOINTS, WorkflowGraph
from jiuwen_lg.tools.tool_info import Parameters


def compile_graph(
    definition: Definition, config: WorkflowConfig, *, checkpointer: Any = None, **options: Any
) -> WorkflowGraph:
    """Compile a definition.

    Args:
        definition: What was built.
        config: Its workflow's configuration: the schema of its inputs, which the graph's input
            schema shows, and how deep workflows may be nested.
        checkpointer: A LangGraph saver.
        options: Those of LangGraph's `StateGraph.compile`.

    Raises:
        JiuWenBaseException: 110006, a connection names a component that was never added.
    """
    parameters = Parameters.of(config.workflow_inputs_schema)
    for name in BREAKPOINTS:
        definition.require_ids(() if options.get(name) == "*" else options.get(name) or (), f"{name} names them")
    state, reads = _types(definition, State, NodeState)
    builder = StateGraph(state, input_schema=input_type(parameters), output_schema=GraphOutput)
    result_of = definition.ends[-1] if definition.ends else None
    cache = options.get("cache") or ExpiringCache(serde=StrictSerializer())
    workflow = (config.metadata.id if config.metadata.is_named else "", config.metadata.version)
    inside = _SubgraphCompiler(config.workflow_max_nesting_depth, cache, workflow)
    inside.add_components(builder, definition, reads, result_of=result_of)
    _add_edges(builder, definition)
    return _with_fresh_starts(builder.compile(checkpointer, **options), definition)


class _SubgraphCompiler:
    """Compiles the graphs inside a graph: each definition once for each depth.

    Args:
        room: How many workflows may still be nested in another here.
        cache: Where outputs are kept.
        workflow: The id and the version of the workflow that they belong to.
    """

    def __init__(self, room: int, cache: BaseCache[Any], workflow: tuple[str, str]) -> None:
        self._room = room
        self._cache = cache
        self._workflow_named = workflow
        self._compiled: dict[int, WorkflowGraph] = {}
        self._below: _SubgraphCompiler | None = None

    def add_components(
        self, builder: Any, definition: Definition, reads: type, *, result_of: str | None, loop: _Loop | None = None
    ) -> None:
        """Add the nodes of a definition's components, with the graphs inside them."""
        ids = frozenset(definition.components)
        streaming_nodes, deferred_ids = _streaming_nodes(definition), deferred(definition)
        for spec in definition.components.values():
            routers = [Router(function) for function in definition.routers.get(spec.id, ())]
            is_last = loop is not None and spec.id == loop.last
            node = ComponentNode(
                spec,
                gives_result=spec.id == result_of,
                routers=routers,
                ids=ids,
                subgraph=self._subgraph(spec),
                round_end=IterationEnd(loop.rounds, loop.starts) if loop is not None and is_last else None,
                streaming=streaming_nodes.get(spec.id),
                predecessors=definition.predecessors_of(spec.id),
                first=deferred_before(definition, spec.id) if spec.id in deferred_ids else {},
                cache=self._outputs_of(spec),
            )
            known = {t: label for router in routers for t, label in router.known_targets().items() if t in ids}
            known |= dict.fromkeys(spec.policies.targets, "on failure")
            builder.add_node(
                spec.id,
                node,
                input_schema=loop.reads if loop is not None and is_last else reads,
                defer=spec.id in deferred_ids,
                retry_policy=spec.policies.retry,
                destinations=(known if any(known.values()) else tuple(known)) or None,
            )

    def _outputs_of(self, spec: ComponentSpec) -> OutputCache | None:
        policy = spec.policies.cache
        if policy is None:
            return None
        nested = spec.nested
        inner = None if nested is None else (nested.definition, nested.workflow_config, nested.rounds)
        component = (type(spec.executable), spec.executable if nested is None else inner)
        return OutputCache(self._cache, policy, self._workflow_named, component)

    def _subgraph(self, spec: ComponentSpec) -> Subgraph | None:
        nested = spec.nested
        if nested is None:
            return None
        nested.require_place(spec.id)
        if nested.rounds is not None:
            return Subgraph(spec, nested, self._once(id(nested), lambda: self._body(nested)))
        if self._room <= 0:
            return Subgraph(spec, nested, None)
        if self._below is None:
            self._below = _SubgraphCompiler(self._room - 1, self._cache, self._workflow_named)
        return Subgraph(spec, nested, self._below.workflow(nested))

    def _once(self, key: int, compile: Callable[[], WorkflowGraph]) -> WorkflowGraph:
        if key not in self._compiled:
            self._compiled[key] = compile()
        return self._compiled[key]

    def workflow(self, nested: SubgraphSpec) -> WorkflowGraph:
        """The graph of a workflow inside another, the same one wherever it stands at this depth."""
        return self._once(id(nested.definition), lambda: self._workflow(nested))

    def _workflow(self, nested: SubgraphSpec) -> WorkflowGraph:
        definition = nested.definition
        state, reads = _types(definition, InnerState, NodeState)
        builder: Any = StateGraph(state, input_schema=GraphInput, output_schema=GraphOutput)
        result_of = definition.ends[-1] if definition.ends else None
        self.add_components(builder, definition, reads, result_of=result_of)
        _add_edges(builder, definition)
        return _with_fresh_starts(builder.compile(), definition)

    def _body(self, nested: SubgraphSpec) -> WorkflowGraph:
        """The body of a loop: its node for rounds begins, and the body leads back to it or to its starts."""
        definition = nested.definition
        assert nested.rounds is not None
        last = last_component(definition)
        # A deferred node that is asked for runs when nothing else is left to run.
        starts = definition.starts if last else [*definition.starts, ROUND]
        state, reads = _types(definition, LoopState, BodyNodeState)
        _, reads_at_end = _types(definition, LoopState, RoundNodeState)
        loop = _Loop(nested.rounds, starts, last, reads_at_end)
        builder: Any = StateGraph(state, input_schema=GraphInput, output_schema=GraphOutput)
        self.add_components(builder, definition, reads, result_of=None, loop=loop)
        node = IterationNode(loop.rounds, loop.starts, deferred(definition))
        builder.add_node(ROUND, node, input_schema=reads_at_end, defer=True, destinations=tuple(loop.starts))
        builder.add_edge(START, ROUND)
        _add_joins(builder, definition)
        return _with_fresh_iterations(_with_fresh_starts(builder.compile(), definition))


@dataclass(frozen=True, slots=True)
class _Loop:
    """The loop that a body is compiled for.

    Attributes:
        starts: The nodes with which a round begins.
        last: The component that ends every round; None if that is not known beforehand.
        reads: What a node reads that decides on rounds.
    """

    rounds: LoopProtocol
    starts: list[str]
    last: str | None
    reads: Any


def _streaming_nodes(definition: Definition) -> dict[str, StreamingNode]:
    """The components that exchange frames with others, or that do more than `invoke`."""
    ids, again = frozenset(definition.components), repeating(definition) if definition.has_streams else frozenset()
    everybody = {
        id: StreamingNode(spec, abilities_of(definition, spec), definition.producers_of(id), ids, again)
        for id, spec in definition.components.items()
    }
    for id, streaming in everybody.items():
        streaming.consumers = [everybody[consumer] for consumer in definition.consumers_of(id)]
    return {id: streaming for id, streaming in everybody.items() if not streaming.is_plain or streaming.consumers}


def _types(definition: Definition, state: Any, reads: Any) -> tuple[Any, Any]:
    """The types of a graph's state and of what its nodes read: frames too, if there are any to keep."""
    return with_frames(state, reads) if definition.has_streams or streaming_end(definition) else (state, reads)


def _add_edges(builder: Any, definition: Definition) -> None:
    for start in definition.starts or [END]:
        builder.add_edge(START, start)
    _add_joins(builder, definition)


def _add_joins(builder: Any, definition: Definition) -> None:
    for join in definition.joins():
        builder.add_edge(join.sources[0] if len(join.sources) == 1 else list(join.sources), join.target)


def _with_fresh_starts(compiled: Any, definition: Definition) -> WorkflowGraph:
    """Let every new run on a thread start clean, joins included."""
    graph = WorkflowGraph(**{k: v for k, v in vars(compiled).items() if k != "__orig_class__"})
    joins, has_frames = replace_triggers(graph.channels), "frames" in graph.channels

    def fresh(given: Any) -> list[tuple[str, Any]] | None:
        """Nothing to reset where there is no input: drawing runs the writers, too."""
        return fresh_start(given, joins, has_frames=has_frames) if isinstance(given, dict) else None

    patches.write_at_start(graph, fresh)
    for id, node in graph.nodes.items():
        patches.change_writes(node, shielded)
        if isinstance(node.bound, ComponentNode):
            patches.show_subgraph(node, node.bound.subgraph)
            if definition.components[id].policies.targets:
                patches.drop_connections(node, FallbackCommand)
            patches.skip_unobserved_callbacks(node, result_of, is_plain=node.bound.is_plain)
    return graph


def _with_fresh_iterations(graph: WorkflowGraph) -> WorkflowGraph:
    """Let every iteration of a loop find its joins empty."""
    if joins := [name for name in graph.channels if is_join(name)]:
        resets = [(join, RESET) for join in joins]
        patches.write_after(graph.nodes[ROUND], lambda given: None if given is None else resets)
    return graph
