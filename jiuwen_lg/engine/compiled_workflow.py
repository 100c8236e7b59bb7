"""A compiled workflow with its identity: what a turn needs to know of it."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from jiuwen_lg.config import WorkflowConfig
from jiuwen_lg.engine.compiler import compile_graph
from jiuwen_lg.engine.execution.stream_output import END_FRAME
from jiuwen_lg.engine.graph.abilities import streaming_end
from jiuwen_lg.engine.graph.checks import findings
from jiuwen_lg.engine.graph.definition import Definition
from jiuwen_lg.engine.graph.fingerprint import Identity, fingerprint, shape_of
from jiuwen_lg.engine.graph.reachability import after
from jiuwen_lg.engine.storage.saver import FencedSaver
from jiuwen_lg.engine.workflow_graph import WorkflowGraph
from jiuwen_lg.output import OutputSchema
from jiuwen_lg.timeline import Journal
from jiuwen_lg.tools.tool_info import Parameters

_logger = logging.getLogger(__name__)


class CompiledWorkflow:
    """One state of a workflow's definition, ready to run; it holds nothing of any run.

    Args:
        definition: The definition.
        config: The workflow's configuration.
        keep_history: Whether a finished run's checkpoints are kept.
        cache: Where outputs are kept of components that say so.
        journal: How its runs are recorded; None for not at all.

    Raises:
        JiuWenBaseException: 110006, a connection or a reference leads to a component that was never added.
    """

    def __init__(
        self,
        definition: Definition,
        config: WorkflowConfig,
        *,
        keep_history: bool,
        cache: Any = None,
        journal: Journal | None = None,
    ) -> None:
        shape = shape_of(definition)
        metadata = config.metadata
        self.version: int = definition.version()
        self.identity: Identity = Identity(metadata.id if metadata.is_named else "", fingerprint(shape), shape)
        self.config = config
        self.definition = definition
        self.keep_history = keep_history
        self.journal = journal
        self._inside = dict(definition.walk(config.workflow_max_nesting_depth))
        self.ids: list[str] = [*self._inside]
        self.component_ids: list[str] = [id for id, spec in self._inside.items() if spec.nested is None]
        self._order = {id: position for position, id in enumerate(self._inside)}
        self.has_subgraphs: bool = any(spec.nested is not None for spec in definition.components.values())
        self._streaming_end = streaming_end(definition)
        self.is_streaming: bool = self._streaming_end is not None
        self._graph = compile_graph(definition, config, **({} if cache is None else {"cache": cache}))
        workflows = {"": definition, **self._sub_workflows()}
        for parent, inside in workflows.items():
            for end in inside.unreachable_ends():
                id = f"{parent}{end}"
                _logger.warning("end component [%s] can never be reached: nothing leads to it from a start", id)
        self._findings = findings(definition, Parameters.of(config.workflow_inputs_schema).properties)
        self._producers = {id: definition.producers_of(id) for id in definition.ends}
        self._joins = [
            (parent, join)
            for parent, inside in workflows.items()
            if not self._is_in_loop(parent)
            for join in inside.joins()
            if len(join.sources) > 1
        ]
        self._graphs: dict[FencedSaver | None, WorkflowGraph] = {None: self._graph}

    def warn_once(self, inputs: Mapping[str, Any]) -> None:
        """Log, before the first run, what in the workflow means nothing with these inputs."""
        for found in self._findings:
            if not found.input or found.input not in inputs:
                _logger.warning("%s", found)
        self._findings = []

    def _sub_workflows(self) -> dict[str, Definition]:
        """The workflows inside, by what stands before the ids of their components."""
        nested = {id: spec.nested for id, spec in self._inside.items() if spec.nested is not None}
        return {f"{id}.": inside.definition for id, inside in nested.items() if inside.rounds is None}

    def _is_in_loop(self, parent: str) -> bool:
        parts = parent.removesuffix(".").split(".")
        return any(self.is_loop(".".join(parts[:length])) for length in range(1, len(parts) + 1))

    def graph(self, saver: FencedSaver | None) -> WorkflowGraph:
        """Return the graph bound to a saver; None for the graph without one."""
        found = self._graphs.get(saver)
        if found is None:
            found = self._graphs[saver] = self._graph.copy({"checkpointer": saver})
        return found

    def require(self, ids: Iterable[str], reason: str) -> None:
        """Check that components of the workflow itself are there: 110006 names those that are not."""
        self.definition.require_ids(ids, reason)

    def after(self, ids: Iterable[str]) -> frozenset[str]:
        """Components of the workflow itself, and those that may run after them."""
        return after(self.definition, ids)

    def skipped_joins(self, completed: Collection[str]) -> list[str]:
        """Return a warning for each join that did not fire since some of its predecessors never ran."""
        return [
            f"component [{parent}{join.target}] did not run: it waits for {list(join.sources)}, of which "
            f"{[i for i in join.sources if f'{parent}{i}' not in completed]} were skipped"
            for parent, join in self._joins
            if f"{parent}{join.target}" not in completed and any(f"{parent}{i}" in completed for i in join.sources)
        ]

    def frames_of_end(self, state: Mapping[str, Any], completed: Collection[str]) -> list[OutputSchema]:
        """The frames of an End that gives frames, if it finished in an earlier turn."""
        end = self._streaming_end
        if end is None or end not in completed:
            return []
        items = state.get("frames", {}).get(end, {}).get("items", [])
        return [OutputSchema(type=END_FRAME, index=index, payload=item) for index, item in enumerate(items)]

    def shown(self, frames: Mapping[str, Any], completed: Collection[str]) -> dict[str, Any]:
        """Of the frames that Ends have given so far, those that will come again: their producers have all ended."""
        return {id: count for id, count in frames.items() if all(p in completed for p in self._producers.get(id, ()))}

    def order_of(self, executable_id: str) -> Any:
        """A sort key: components in the order in which they were added, those inside another after it."""
        return self._order.get(executable_id, len(self._order))

    def is_loop(self, executable_id: str) -> bool:
        """Whether a component is a loop."""
        spec = self._inside.get(executable_id)
        return spec is not None and spec.nested is not None and spec.nested.rounds is not None
