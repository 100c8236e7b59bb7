"""A graph inside a component: run within the component's task, in its own checkpoint namespace.

LangGraph resumes it where it stopped, since the namespace is made of the ids of the tasks
around it, which are the same when a task runs again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, TypeAlias

from langchain_core.runnables import RunnableConfig, patch_config
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command

from jiuwen_lg.constants import LOOP_MAX_LIMIT_KEY
from jiuwen_lg.engine.execution.loop_iteration import last_component
from jiuwen_lg.engine.execution.stream_input import STREAMS_KEY, Streams
from jiuwen_lg.engine.graph.abilities import streaming_end
from jiuwen_lg.engine.graph.definition import ComponentSpec, SubgraphSpec
from jiuwen_lg.engine.graph.state import OWN, ROUND, WORLD, shielded
from jiuwen_lg.engine.pregel.attempts import resuming
from jiuwen_lg.engine.pregel.keys import is_streaming_updates
from jiuwen_lg.engine.runtime.component_runtime import ComponentRuntime
from jiuwen_lg.engine.runtime.interrupts import inner_state, is_resumed
from jiuwen_lg.engine.runtime.parent import PARENT_KEY, ParentComponent
from jiuwen_lg.environment import seconds
from jiuwen_lg.errors import StatusCode

RECURSION_LIMIT = 10_000
"""Supersteps in one run, or in one round of a loop; a resume grants as many again."""

_Graph: TypeAlias = CompiledStateGraph[Any, Any, Any, Any]
_NO_LIMIT = 2**31
_OUTPUTS = ["result", "own", "told"]


class Subgraph:
    """The graph inside a component of a workflow.

    Args:
        spec: The component.
        nested: Its executable.
        graph: The compiled graph inside; None if workflows are nested too deeply there.
    """

    def __init__(self, spec: ComponentSpec, nested: SubgraphSpec, graph: _Graph | None) -> None:
        self.graph = graph
        self._spec = spec
        self._nested = nested
        self._ids = frozenset(nested.definition.components)
        self._sets = frozenset(nested.definition.values_set())
        self._streaming_end = streaming_end(nested.definition)
        self._waits = nested.rounds is not None and last_component(nested.definition) is None
        self._outputs = [*_OUTPUTS, "frames"] if self._streaming_end is not None else _OUTPUTS

    async def run(self, inputs: Any, runtime: ComponentRuntime, config: RunnableConfig, *, is_sync: bool) -> Any:
        """Run the graph to its end.

        Args:
            inputs: The component's resolved inputs.
            runtime: The component's runtime, which takes over what the graph changed.
            config: The config of the component's node.
            is_sync: Whether the caller of the whole run is synchronous; then the savers may be, too.

        Returns:
            The graph's result.

        Raises:
            JiuWenBaseException: 101141, workflows are nested more deeply than is allowed.
        """
        graph = self._graph()
        parent = self._parent(runtime)
        config = resuming(config) if runtime.attempt > 1 else config
        state = runtime.view.channels
        given: Any = {
            "inputs": self._nested.begin(inputs, runtime.run_context.envs),
            WORLD: state["world"],
            OWN: {id: own for id, own in state["own"].items() if id.startswith(f"{parent.id}.")},
        }
        if (runtime.run_context.global_delta or runtime.run_context.allow_changed) and await is_resumed(config):
            given = await self._continuation(runtime, config) or given
        streams = Streams()
        try:
            values = await self._values(graph, given, self._config(config, parent, streams), is_sync=is_sync)
        finally:
            await streams.cancel()
        runtime.apply_subgraph(values.get("own") or {}, values.get("told") or [])
        return values.get("result") if self._streaming_end is None else self._frames(values)

    async def _continuation(self, runtime: ComponentRuntime, config: RunnableConfig) -> Command[Any] | None:
        """Return how a run inside resumes after its surroundings have changed; None if nothing has."""
        global_delta = shielded(list(runtime.run_context.global_delta))
        update: Any = {"world": global_delta, "told": global_delta} if global_delta else None
        goto: list[str] = []
        if self._waits and runtime.run_context.allow_changed:
            state = (await inner_state(self._graph(), config)).values
            # A round that began when its last component was known now needs the loop's own node to end it.
            goto = [] if state["loop"].get("waits") else [ROUND]
        return Command(update=update, goto=goto) if update or goto else None

    def _frames(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The result of a workflow whose End gives frames: all of them."""
        end = (values.get("frames") or {}).get(self._streaming_end, {})
        return {"stream": end.get("items", [])}

    def _graph(self) -> _Graph:
        if self.graph is None:
            reason = f"[{self._spec.id}] lies deeper than WorkflowConfig.workflow_max_nesting_depth allows"
            raise StatusCode.SUB_WORKFLOW_COMPONENT_RUNNING_ERROR.error(error_msg=reason)
        return self.graph

    def _parent(self, runtime: ComponentRuntime) -> ParentComponent:
        nested = self._nested
        is_loop = nested.rounds is not None
        around = runtime.get_current_workflow_config()
        return ParentComponent(
            id=runtime.executable_id(),
            local_id=self._spec.id,
            ids=self._ids,
            resolve_outer=runtime.view.read if is_loop else None,
            inputs_around=runtime.view.read_input,
            workflow_config=around if nested.workflow_config is None else nested.workflow_config,
            frame_sink=runtime.frame_sink,
            limit=loop_limit(runtime.run_context.envs) if is_loop else None,
            sets=self._sets,
            iteration=runtime.iteration,
        )

    def _config(self, config: RunnableConfig, parent: ParentComponent, streams: Streams) -> RunnableConfig:
        limit = _NO_LIMIT if parent.is_loop else RECURSION_LIMIT
        inner = patch_config(config, recursion_limit=limit)
        inner["configurable"] = {**inner["configurable"], PARENT_KEY: parent, STREAMS_KEY: streams}
        return inner

    async def _values(self, graph: _Graph, given: Any, config: RunnableConfig, *, is_sync: bool) -> Mapping[str, Any]:
        outputs = [*self._outputs, "io"] if is_streaming_updates(config) else self._outputs
        options: Any = {"stream_mode": "values", "output_keys": outputs}
        last: Any = {}
        if is_sync:
            stream = CompiledStateGraph.stream(graph, given, config, **options)
            last = (await asyncio.to_thread(list, stream))[-1:]
            return last[0] if last else {}
        async for values in CompiledStateGraph.astream(graph, given, config, **options):
            last = values
        return last or {}


def loop_limit(envs: Mapping[str, Any]) -> int | None:
    """The most rounds of a loop; None for no limit."""
    limit = seconds(envs.get(LOOP_MAX_LIMIT_KEY, 1000))
    return None if limit is None else int(limit)
