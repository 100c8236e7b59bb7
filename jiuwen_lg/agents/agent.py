"""What is common to agents, and workflows that are built when they are needed.

Facts: openJiuwen 0.1.1, `components.md` 0.1 and 8.2.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable
from typing import Any

from jiuwen_lg.output import WorkflowChunk
from jiuwen_lg.workflow import Workflow


class BaseAgent(ABC):
    """Something that takes messages of conversations."""

    @abstractmethod
    async def invoke(self, inputs: dict[str, Any]) -> Any:
        """Take a message: `{"conversation_id": ..., "query": ...}`."""

    @abstractmethod
    def stream(self, inputs: dict[str, Any]) -> AsyncGenerator[WorkflowChunk, None]:
        """Take a message, and yield frames while they are made."""


class ControllerAgent(BaseAgent):
    """An agent whose next step something decides."""


class WorkflowFactory:
    """A workflow that is built when an agent first needs it.

    Args:
        build: Builds it.
        id: Its id.
        version: Its version.
        name: Its name.
        description: By which a model chooses it.
        inputs: Which of the conversation's inputs it gets; all if absent.
    """

    def __init__(
        self,
        build: Callable[[], Workflow],
        id: str,
        version: str = "",
        name: str = "",
        description: str = "",
        inputs: dict[str, Any] | None = None,
    ) -> None:
        self._build = build
        self.id = id
        self.version = version
        self.name = name
        self.description = description
        self.inputs: dict[str, Any] = inputs or {}

    def __call__(self) -> Workflow:
        """A new one."""
        return self._build()


def workflow_provider(
    workflow_id: str,
    workflow_version: str = "",
    workflow_name: str = "",
    workflow_description: str = "",
    inputs: dict[str, Any] | None = None,
) -> Callable[[Callable[[], Workflow]], WorkflowFactory]:
    """Make a function that builds a workflow something that an agent can be given (a decorator)."""

    def provide(build: Callable[[], Workflow]) -> WorkflowFactory:
        return WorkflowFactory(build, workflow_id, workflow_version, workflow_name, workflow_description, inputs)

    return provide
