"""Cards and configurations of workflows and their components."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, ClassVar, TypeAlias
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field

from jiuwen_lg.config import ComponentAbility as OurAbility

Schema: TypeAlias = dict[str, Any] | Callable[..., Any] | None
"""A schema of a component: a dict with references, or a function of the state (of the output)."""


def generate_workflow_key(workflow_id: str, workflow_version: str) -> str:
    """The key by which an agent and the resource manager know a workflow."""
    return f"{workflow_id}_{workflow_version}"


class WorkflowCard(BaseModel):
    """Name, version and input schema of a workflow.

    Args:
        id: The workflow's id; give one to every workflow that another process resumes.
        name: Its name.
        description: A line about it, by which a model chooses it.
        version: Its version.
        input_params: A JSON schema of its inputs, or a pydantic class; checked whenever it starts.
    """

    id: str = Field(default_factory=lambda: uuid4().hex)
    name: str = ""
    description: str = ""
    version: str = ""
    input_params: dict[str, Any] | type[BaseModel] | None = None

    @property
    def is_named(self) -> bool:
        """Whether the user gave the id."""
        return "id" in self.model_fields_set

    @property
    def input_schema(self) -> dict[str, Any]:
        """The inputs as a JSON schema."""
        params = self.input_params
        return params.model_json_schema() if isinstance(params, type) else dict(params or {})

    def tool_info(self) -> Any:
        """Return the workflow's description for a model."""
        from jiuwen_lg.compat.current.tool import ToolInfo

        return ToolInfo(name=self.name, description=self.description, parameters=self.input_schema)


class ComponentAbility(Enum):
    """A way to run: batch or frames come in, batch or frames go out."""

    INVOKE = ("invoke", "batch in, batch out")
    STREAM = ("stream", "batch in, stream out")
    COLLECT = ("collect", "stream in, batch out")
    TRANSFORM = ("transform", "stream in, stream out")

    @property
    def name(self) -> str:
        """The name of the component's method."""
        return str(self.value[0])

    @property
    def desc(self) -> str:
        """A line about it."""
        return str(self.value[1])

    @property
    def ours(self) -> OurAbility:
        """The same ability in `jiuwen_lg`."""
        return OurAbility[self._name_]


class ExceptionConfig(BaseModel):
    """Settings for the handlers of a component's failures.

    Args:
        handle_type: A word for the handlers of `component_error_recovery`, as are all further fields.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow")

    handle_type: str = "interrupt"


class CompIOConfig(BaseModel):
    """The schemas of a component's inputs and outputs."""

    inputs_schema: Any = None
    outputs_schema: Any = None


class NodeSpec(BaseModel):
    """The configuration of one component."""

    io_configs: CompIOConfig = Field(default_factory=CompIOConfig)
    stream_io_configs: CompIOConfig = Field(default_factory=CompIOConfig)
    abilities: list[ComponentAbility] = Field(default_factory=list)
    max_retries: int = Field(default=0, ge=0)
    timeout: float = -1.0
    exception_config: ExceptionConfig | None = None
    name: str | None = None


class WorkflowSpec(BaseModel):
    """The configuration of all components and the connections between them."""

    edges: dict[str, list[str]] = Field(default_factory=dict)
    stream_edges: dict[str, list[str]] = Field(default_factory=dict)
    comp_configs: dict[str, NodeSpec] = Field(default_factory=dict)
    stream_source_groups: dict[str, Any] = Field(default_factory=dict)
    start_nodes: list[str] = Field(default_factory=list)


class WorkflowConfig(BaseModel):
    """The configuration of a workflow."""

    card: WorkflowCard | None = None
    spec: WorkflowSpec = Field(default_factory=WorkflowSpec)
    workflow_max_nesting_depth: int = Field(default=5, ge=0, le=10)
