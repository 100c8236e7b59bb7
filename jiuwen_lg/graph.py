"""The graph that a component is given when it is added, to put itself and its own connections into.

Facts: openJiuwen 0.1.1, `agents.md` 12.1.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import TYPE_CHECKING, Any, Self, TypeAlias

if TYPE_CHECKING:
    from jiuwen_lg.builder import BaseWorkFlow

Router: TypeAlias = Callable[..., Hashable | list[Hashable]] | Callable[..., Awaitable[Hashable | list[Hashable]]]
"""What chooses where a run goes on: it returns a component's id, or several."""


class Graph:
    """What a component's `add_component` builds with; ids are those of the workflow around.

    Args:
        workflow: The workflow, or the loop's body, that the component is added to.
        own_id: The component's own id.
        add_own: Adds the component's executable with the schemas that it was added with.
    """

    def __init__(self, workflow: BaseWorkFlow, own_id: str, add_own: Callable[..., None]) -> None:
        self._workflow = workflow
        self._own_id = own_id
        self._add_own = add_own

    def add_node(self, node_id: str, node: Any, *, wait_for_all: bool = False) -> Self:
        """Add an executable: under the component's own id the component, under another one a further node.

        Raises:
            JiuWenBaseException: -1 for a malformed id, 110003 for a used one, 100002 for an object that cannot run.
        """
        if node_id == self._own_id:
            self._add_own(node, wait_for_all=wait_for_all)
        else:
            self._workflow.add_workflow_comp(node_id, node, wait_for_all=wait_for_all)
        return self

    def add_edge(self, source_node_id: str | list[str], target_node_id: str) -> Self:
        """Let the target run after the source; after all of them, if a list is given."""
        self._workflow.add_connection(source_node_id, target_node_id)
        return self

    def add_conditional_edges(self, source_node_id: str, router: Router) -> Self:
        """Let a router choose, after the source has run, where the run goes on."""
        self._workflow.add_conditional_connection(source_node_id, router)
        return self

    def start_node(self, node_id: str) -> Self:
        """Let runs begin at a node."""
        self._workflow.definition.start_at(node_id)
        return self

    def end_node(self, node_id: str) -> Self:
        """Mark a node as an exit; the result is that of the End component."""
        return self

    def get_nodes(self) -> dict[str, Any]:
        """Return the executables that were added so far, by id."""
        return {id: spec.executable for id, spec in self._workflow.definition.components.items()}
