"""The classes that a component author subclasses.

A component is anything with the right async methods, called positionally with
`(inputs, runtime, context)`. Facts: openJiuwen 0.1.1, `engine.md` 0.4.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import uuid4

from jiuwen_lg.errors import StatusCode

if TYPE_CHECKING:
    from jiuwen_lg.runtime import Runtime

Input: TypeAlias = Any
"""What `inputs_schema` resolves to; None without a schema."""
Output: TypeAlias = Any
"""What a component returns or yields; stored under the component's id."""


class Executable:
    """The executable of a component. Override the methods of the abilities that the component has.

    Attributes:
        drawn_as: What drawings show it as: `component`, `model`, `question`, `tool` or `branch`.
    """

    drawn_as: str = "component"

    async def invoke(self, inputs: Input, runtime: Runtime, context: Any) -> Output:
        """Batch in, batch out."""
        raise _not_implemented(runtime, "invoke")

    async def stream(self, inputs: Input, runtime: Runtime, context: Any) -> AsyncIterator[Output]:
        """Batch in, frames out (an async generator)."""
        raise _not_implemented(runtime, "stream")
        yield

    async def collect(self, inputs: Input, runtime: Runtime, context: Any) -> Output:
        """Frames in, batch out; `inputs` holds async generators."""
        raise _not_implemented(runtime, "collect")

    async def transform(self, inputs: Input, runtime: Runtime, context: Any) -> AsyncIterator[Output]:
        """Frames in, frames out (an async generator)."""
        raise _not_implemented(runtime, "transform")
        yield


def _not_implemented(runtime: Any, ability: str) -> Exception:
    return StatusCode.RUNTIME_COMPONENT_ABILITY_NOT_IMPLEMENTED.error(node_id=runtime.executable_id(), ability=ability)


class ComponentExecutable(Executable):
    """The executable that a component author writes."""


@dataclass
class WorkflowComponentMetadata:
    """A component's own name (unused by the engine)."""

    node_id: str = field(default_factory=lambda: uuid4().hex)
    node_type: str = ""
    node_name: str = ""


@dataclass
class ComponentConfig:
    """Base of component configurations."""

    metadata: WorkflowComponentMetadata | None = None


class ComponentState:
    """Base of a component's private state (for type annotations)."""


class WorkflowComponent:
    """A component as it is added to a workflow: it makes the executable that runs."""

    def to_executable(self) -> Executable:
        """The executable: the component itself, if it is one.

        Raises:
            JiuWenBaseException: 100002, it is not.
        """
        if isinstance(self, Executable):
            return self
        raise StatusCode.COMPONENT_NOT_EXECUTABLE_ERROR.error(component=type(self).__qualname__)

    def add_component(self, graph: Any, node_id: str, wait_for_all: bool = False) -> None:
        """Put the component into the graph that is built; override it to add nodes and connections of its own.

        Args:
            graph: What to build with, a `Graph`; `graph.add_node(node_id, ...)` must be called.
            node_id: The id under which the component is added.
            wait_for_all: Whether it runs only when all its predecessors have run.

        Examples:
            >>> class Fork(WorkflowComponent, ComponentExecutable):
            ...     def add_component(self, graph, node_id, wait_for_all=False):
            ...         graph.add_node(node_id, self.to_executable(), wait_for_all=wait_for_all)
            ...         graph.add_conditional_edges(node_id, lambda: "left")
        """
        graph.add_node(node_id, self.to_executable(), wait_for_all=wait_for_all)


class SimpleComponent(ComponentExecutable, WorkflowComponent):
    """Both in one."""
