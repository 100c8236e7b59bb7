"""The component inside which a graph runs: a loop, or a sub-workflow's component.

It is made anew for each execution of that component and travels, like the scope, in the
config of the run inside; nothing of it is stored.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jiuwen_lg.schema.path import MISSING
from jiuwen_lg.schema.reference import Reader

PARENT_KEY = "__jlg_host"

LOOP_ID = "__sys_loop_id"
"""Inside a loop, this name stands for the loop's id."""


@dataclass(frozen=True, slots=True)
class ParentComponent:
    """One execution of a component that is a graph.

    Attributes:
        id: Its executable id.
        local_id: The id by which its own surroundings know it.
        ids: The components inside.
        outside: For a loop, what the names of its surroundings stand for; None for a
            sub-workflow, which sees nothing of them.
        inputs_around: The inputs of the workflows around, which `get_global_state` finds last.
        workflow_config: The configuration of the workflow inside.
        outlet: Takes the frames of the End inside, while they are made; None if nobody does.
        limit: The most rounds of a loop; None for no limit.
        sets: For a loop, the names that components of its body set besides the loop's variables.
        iteration: The indexes of the loops around it, outermost first.
        failures: What a decision on the next round failed with, for the loop's own node to raise.
    """

    id: str
    local_id: str
    ids: frozenset[str]
    resolve_outer: Reader | None
    inputs_around: Reader
    workflow_config: Any
    frame_sink: Callable[[Any], Awaitable[None]] | None = None
    limit: int | None = None
    iteration: tuple[int, ...] = ()
    failures: list[Exception] = field(default_factory=list)
    sets: frozenset[str] = frozenset()

    @property
    def is_loop(self) -> bool:
        """Whether the graph inside is the body of a loop."""
        return self.resolve_outer is not None

    def executable_id(self, local_id: str) -> str:
        """The executable id of a component inside."""
        return f"{self.id}.{local_id}"

    def read(self, name: str, loop: Mapping[str, Any]) -> Any:
        """Inside a loop: what a name stands for that is no output of the body's."""
        if name == self.local_id:
            return variables(loop)
        if name == LOOP_ID:
            return self.local_id
        if name in self.ids or self.resolve_outer is None:
            return MISSING
        return self.resolve_outer(name)


def variables(loop: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `${loop}` stands for inside the loop: its variables and the index of the iteration."""
    return {**loop.get("vars", {}), "index": loop.get("index")}


def parent_component_of(config: Mapping[str, Any]) -> ParentComponent | None:
    """The component inside which a node runs; None at the top."""
    parent: ParentComponent | None = config["configurable"].get(PARENT_KEY)
    return parent
