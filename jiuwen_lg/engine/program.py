"""A compiled workflow with its identity: what a turn needs to know of it."""

from __future__ import annotations

from typing import Any

from jiuwen_lg.engine.compiler import WorkflowGraph, compile_graph
from jiuwen_lg.engine.definition import Definition
from jiuwen_lg.engine.fingerprint import fingerprint, shape_of
from jiuwen_lg.engine.sessions import Identity
from jiuwen_lg.engine.store import Store


class Program:
    """One state of a workflow's definition, ready to run; it holds nothing of any run.

    Args:
        definition: The definition.
        workflow_id: The id that the user gave the workflow; empty if none.
        keep_history: Whether a finished run's checkpoints are kept.
    """

    def __init__(self, definition: Definition, workflow_id: str, *, keep_history: bool) -> None:
        shape = shape_of(definition)
        self.edits = definition.edits
        self.identity = Identity(workflow_id, fingerprint(shape), shape)
        self.keep_history = keep_history
        self.component_ids = list(definition.components)
        self._order = {id: position for position, id in enumerate(self.component_ids)}
        self._graph = compile_graph(definition)
        self._graphs: dict[Store | None, WorkflowGraph] = {None: self._graph}

    def graph(self, store: Store | None) -> WorkflowGraph:
        """The graph, saving into `store`."""
        found = self._graphs.get(store)
        if found is None:
            assert store is not None
            found = self._graphs[store] = self._graph.copy({"checkpointer": store.saver})
        return found

    def order_of(self, executable_id: str) -> Any:
        """A sort key: components in the order in which they were added."""
        return self._order.get(executable_id.partition(".")[0], len(self._order))
