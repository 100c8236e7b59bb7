"""A definition compiled, once, into an ordinary LangGraph graph: one node a component."""

from __future__ import annotations

import reprlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig, ensure_config
from langchain_core.runnables.config import var_child_runnable_config
from langgraph.cache.base import BaseCache
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.constants import END, START
from langgraph.graph import StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.pregel._write import ChannelWrite, ChannelWriteEntry, ChannelWriteTupleEntry
from langgraph.types import Command, Durability

from jiuwen_lg.config import WorkflowConfig
from jiuwen_lg.engine.abilities import abilities_of, streaming_end
from jiuwen_lg.engine.channels import (
    NEW,
    RESET,
    ROUND,
    WORLD,
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
    is_trigger,
    quickened,
    with_frames,
)
from jiuwen_lg.engine.definition import ComponentSpec, Definition, Nested
from jiuwen_lg.engine.host import HOST_KEY
from jiuwen_lg.engine.interaction import shown
from jiuwen_lg.engine.loop import Rounds
from jiuwen_lg.engine.loop_thread import run_in_loop_thread
from jiuwen_lg.engine.node import ComponentNode, Diverted
from jiuwen_lg.engine.paths import late, late_before, repeating
from jiuwen_lg.engine.performance import Performer
from jiuwen_lg.engine.policies import OutputCache
from jiuwen_lg.engine.rounds import RoundEnd, RoundNode, last_component
from jiuwen_lg.engine.router import Router
from jiuwen_lg.engine.scope import SCOPE_KEY, scope_of
from jiuwen_lg.engine.serializer import StrictSerializer
from jiuwen_lg.engine.streams import STREAMS_KEY, Streams
from jiuwen_lg.engine.subgraph import Subgraph
from jiuwen_lg.engine.task import Task
from jiuwen_lg.errors import StatusCode
from jiuwen_lg.schema.values import MAX_DEPTH, require_room
from jiuwen_lg.tool_info import Parameters

_STOPS = ("interrupt_before", "interrupt_after")


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
        self._require_targets(input)
        config, streams = self._entered(config, kwargs)
        chunks = super().stream(
            _checked(input, config), config, durability=self._durability(durability, config), **kwargs
        )
        try:
            yield from map(_shown, chunks)
        finally:
            run_in_loop_thread(streams.cancel())

    async def astream(
        self, input: Any, config: RunnableConfig | None = None, *, durability: Durability | None = None, **kwargs: Any
    ) -> AsyncIterator[Any]:
        """LangGraph's `astream`."""
        self._require_targets(input)
        config, streams = self._entered(config, kwargs)
        chunks: Any = super().astream(
            _checked(input, config), config, durability=self._durability(durability, config), **kwargs
        )
        try:
            async with aclosing(chunks):
                async for chunk in chunks:
                    yield _shown(chunk)
        finally:
            await streams.cancel()

    def _entered(self, config: RunnableConfig | None, options: Mapping[str, Any]) -> tuple[RunnableConfig, Streams]:
        """The config of a run of its own: a scope and streams, and no host if a component starts it."""
        given = config or {}
        if "configurable" not in given and var_child_runnable_config.get() is not None:
            given = ensure_config(config)
        streams = Streams()
        configurable = {k: v for k, v in given.get("configurable", {}).items() if k != HOST_KEY}
        scope = scope_of({"configurable": configurable})
        if SCOPE_KEY in configurable and _is_nested(given):
            scope = scope.inside()
        if any((self.interrupt_before_nodes, self.interrupt_after_nodes)) or any(map(options.get, _STOPS)):
            scope.is_stepwise = True
        configurable |= {SCOPE_KEY: scope, STREAMS_KEY: streams}
        return {**given, "configurable": configurable}, streams

    def _require_targets(self, input: Any) -> None:
        """LangGraph passes over a `goto` that leads nowhere."""
        goto = input.goto if isinstance(input, Command) else ()
        names = [name for name in (goto if isinstance(goto, (list, tuple)) else [goto]) if isinstance(name, str)]
        if not names:
            return
        ids = [id for id in self.nodes if not id.startswith("__")]
        if missing := [name for name in names if name not in ids]:
            raise StatusCode.WORKFLOW_COMPONENT_CONFIG_ERROR.error(
                missing=missing, reason="goto names them", node_ids=ids
            )

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
    if not known or (not input.keys() <= {"inputs", WORLD, NEW} and not _is_nested(config)):
        raise StatusCode.WORKFLOW_EXECUTE_INNER_ERROR.error(
            error=f"a compiled workflow takes {{'inputs': {{...}}}}, not {reprlib.repr(input)}"
        )
    taken = {key: input[key] for key in ("inputs", WORLD, NEW) if key in input}
    try:
        require_room(taken, MAX_DEPTH + 1)
    except ValueError as error:
        raise StatusCode.WORKFLOW_EXECUTE_INNER_ERROR.error(error=f"the inputs cannot be kept: {error}") from error
    return taken


def _shown(chunk: Any) -> Any:
    """A chunk of a stream; what questions carry for the engine is taken out of them."""
    if isinstance(chunk, tuple):
        return tuple(map(_shown, chunk))
    if not isinstance(chunk, dict) or "__interrupt__" not in chunk:
        return chunk
    interrupts = chunk["__interrupt__"]
    return {**chunk, "__interrupt__": type(interrupts)(shown(interrupt) for interrupt in interrupts)}


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
    definition.require_references(parameters.properties)
    for name in _STOPS:
        definition.require_ids(() if options.get(name) == "*" else options.get(name) or (), f"{name} names them")
    state, reads = _types(definition, State, NodeState)
    builder = StateGraph(state, input_schema=input_type(parameters), output_schema=GraphOutput)
    result_of = definition.ends[-1] if definition.ends else None
    cache = options.get("cache") or InMemoryCache(serde=StrictSerializer())
    inside = _Inside(config.workflow_max_nesting_depth, cache, config.metadata.id if config.metadata.is_named else "")
    inside.add_components(builder, definition, reads, result_of=result_of)
    _add_edges(builder, definition)
    return _with_fresh_starts(builder.compile(checkpointer, **options), definition)


class _Inside:
    """Compiles the graphs inside a graph: each definition once for each depth.

    Args:
        room: How many workflows may still be nested in another here.
        cache: Where outputs are kept.
        workflow_id: Whose they are.
    """

    def __init__(self, room: int, cache: BaseCache[Any], workflow_id: str) -> None:
        self._room = room
        self._cache = cache
        self._workflow_id = workflow_id
        self._compiled: dict[int, WorkflowGraph] = {}
        self._below: _Inside | None = None

    def add_components(
        self, builder: Any, definition: Definition, reads: type, *, result_of: str | None, loop: _Loop | None = None
    ) -> None:
        """Add the nodes of a definition's components, with the graphs inside them."""
        ids = frozenset(definition.components)
        performers, late_ones = _performers(definition), late(definition)
        for spec in definition.components.values():
            routers = [Router(function) for function in definition.routers.get(spec.id, ())]
            is_last = loop is not None and spec.id == loop.last
            node = ComponentNode(
                spec,
                gives_result=spec.id == result_of,
                routers=routers,
                ids=ids,
                subgraph=self._subgraph(spec),
                round_end=RoundEnd(loop.rounds, loop.starts) if loop is not None and is_last else None,
                performer=performers.get(spec.id),
                predecessors=definition.predecessors_of(spec.id),
                first=late_before(definition, spec.id) if spec.id in late_ones else {},
                cache=self._outputs_of(spec),
            )
            known = {t: label for router in routers for t, label in router.known_targets().items() if t in ids}
            known |= dict.fromkeys(spec.policies.targets, "on failure")
            builder.add_node(
                spec.id,
                node,
                input_schema=loop.reads if loop is not None and is_last else reads,
                defer=spec.id in late_ones,
                retry_policy=spec.policies.retry,
                destinations=(known if any(known.values()) else tuple(known)) or None,
            )

    def _outputs_of(self, spec: ComponentSpec) -> OutputCache | None:
        policy = spec.policies.cache
        name = type(spec.executable).__qualname__
        return None if policy is None else OutputCache(self._cache, policy, (self._workflow_id, spec.id, name))

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
            self._below = _Inside(self._room - 1, self._cache, self._workflow_id)
        return Subgraph(spec, nested, self._below.workflow(nested))

    def _once(self, key: int, compile: Callable[[], WorkflowGraph]) -> WorkflowGraph:
        if key not in self._compiled:
            self._compiled[key] = compile()
        return self._compiled[key]

    def workflow(self, nested: Nested) -> WorkflowGraph:
        """The graph of a workflow inside another, the same one wherever it stands at this depth."""
        return self._once(id(nested.inside), lambda: self._workflow(nested))

    def _workflow(self, nested: Nested) -> WorkflowGraph:
        definition = nested.inside
        definition.require_references(Parameters.of(nested.workflow_config.workflow_inputs_schema).properties)
        state, reads = _types(definition, InnerState, NodeState)
        builder: Any = StateGraph(state, input_schema=GraphInput, output_schema=GraphOutput)
        result_of = definition.ends[-1] if definition.ends else None
        self.add_components(builder, definition, reads, result_of=result_of)
        _add_edges(builder, definition)
        return _with_fresh_starts(builder.compile(), definition)

    def _body(self, nested: Nested) -> WorkflowGraph:
        """The body of a loop: its node for rounds begins, and the body leads back to it or to its starts."""
        definition = nested.inside
        assert nested.rounds is not None
        last = last_component(definition)
        # A deferred node that is asked for runs when nothing else is left to run.
        starts = definition.starts if last else [*definition.starts, ROUND]
        state, reads = _types(definition, LoopState, BodyNodeState)
        _, reads_at_end = _types(definition, LoopState, RoundNodeState)
        loop = _Loop(nested.rounds, starts, last, reads_at_end)
        builder: Any = StateGraph(state, input_schema=GraphInput, output_schema=GraphOutput)
        self.add_components(builder, definition, reads, result_of=None, loop=loop)
        node = RoundNode(loop.rounds, loop.starts, late(definition))
        builder.add_node(ROUND, node, input_schema=reads_at_end, defer=True, destinations=tuple(loop.starts))
        builder.add_edge(START, ROUND)
        _add_joins(builder, definition)
        return _with_fresh_rounds(_with_fresh_starts(builder.compile(), definition))


@dataclass(frozen=True, slots=True)
class _Loop:
    """What a loop's body is compiled with.

    Attributes:
        starts: The nodes with which a round begins.
        last: The component that ends every round; None if that is not known beforehand.
        reads: What a node reads that decides on rounds.
    """

    rounds: Rounds
    starts: list[str]
    last: str | None
    reads: Any


def _performers(definition: Definition) -> dict[str, Performer]:
    """The components that exchange frames with others, or that do more than `invoke`."""
    ids, again = frozenset(definition.components), repeating(definition) if definition.has_streams else frozenset()
    everybody = {
        id: Performer(spec, abilities_of(definition, spec), definition.producers_of(id), ids, again)
        for id, spec in definition.components.items()
    }
    for id, performer in everybody.items():
        performer.consumers = [everybody[consumer] for consumer in definition.consumers_of(id)]
    return {id: performer for id, performer in everybody.items() if not performer.is_plain or performer.consumers}


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
    """Let every new run on a thread start clean, joins included.

    LangGraph's START node runs once for each new input; it gets a write that empties
    what an earlier run on the thread may have left.
    """
    graph = WorkflowGraph(**{k: v for k, v in vars(compiled).items() if k != "__orig_class__"})
    joins, has_frames = quickened(graph.channels), "frames" in graph.channels

    def fresh(given: Any) -> list[tuple[str, Any]] | None:
        """Nothing to reset where there is no input: drawing runs the writers, too."""
        return fresh_start(given, joins, has_frames=has_frames) if isinstance(given, dict) else None

    reset = ChannelWriteTupleEntry(mapper=fresh)
    graph.nodes[START].writers.append(ChannelWrite((reset,)))
    _show_subgraphs(graph)
    for spec in definition.components.values():
        if spec.policies.targets:
            _let_divert(graph.nodes[spec.id])
    _quicken(graph)
    return graph


def _quicken(graph: WorkflowGraph) -> None:
    """Have the nodes run without what nobody listens to."""
    for node in graph.nodes.values():
        if isinstance(node.bound, ComponentNode) and len(node.flat_writers) == 1:
            assert node.node is not None
            node.node = Task(node.node, node.bound, node.flat_writers[0])


def _let_divert(node: Any) -> None:
    """Let a node whose fallback is a branch leave its connections alone when it takes it."""
    for writer in node.writers:
        if isinstance(writer, ChannelWrite):
            writer.writes = [_unless_diverted(entry) for entry in writer.writes]


def _unless_diverted(entry: Any) -> Any:
    if not isinstance(entry, ChannelWriteEntry) or not is_trigger(entry.channel):
        return entry
    writes = [(entry.channel, entry.value)]
    return ChannelWriteTupleEntry(mapper=lambda given: None if isinstance(given, Diverted) else writes)


def _show_subgraphs(graph: WorkflowGraph) -> None:
    """Put the graphs inside components where LangGraph looks for them: states, drawings, streams."""
    for node in graph.nodes.values():
        if isinstance(node.bound, ComponentNode) and (inside := node.bound.inside) is not None:
            node.subgraphs = [inside]


def _with_fresh_rounds(graph: WorkflowGraph) -> WorkflowGraph:
    """Let every round of a loop find its joins empty."""
    if joins := [name for name in graph.channels if name.startswith("join:")]:
        resets = [(join, RESET) for join in joins]
        entry = ChannelWriteTupleEntry(mapper=lambda given: None if given is None else resets)
        graph.nodes[ROUND].writers.append(ChannelWrite((entry,)))
    return graph
