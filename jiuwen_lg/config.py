"""The configuration of a workflow: metadata, schemas of its components, abilities.

Facts: openJiuwen 0.1.1, `engine.md` 1.1.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, ClassVar
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, field_validator


class ComponentAbility(Enum):
    """The ways in which a component takes and gives data: at once (batch) or frame by frame (stream)."""

    INVOKE = ("invoke", "batch in, batch out")
    STREAM = ("stream", "batch in, stream out")
    COLLECT = ("collect", "stream in, batch out")
    TRANSFORM = ("transform", "stream in, stream out")

    @property
    def ability_name(self) -> str:
        """The name of the component's method."""
        return self.value[0]

    @property
    def desc(self) -> str:
        """A line about it."""
        return self.value[1]


class WorkflowMetadata(BaseModel):
    """The identity of a workflow. Give an `id` to every workflow that is resumed by another process."""

    name: str = ""
    id: str = Field(default_factory=lambda: uuid4().hex)
    version: str = ""
    description: str = ""

    @property
    def is_named(self) -> bool:
        """Whether the user gave the id (a generated one differs in every process)."""
        return "id" in self.model_fields_set


class WorkflowInputsSchema(BaseModel):
    """A JSON schema of the workflow's inputs, further keywords such as `additionalProperties` and `$defs` included.

    It feeds tool infos, and is enforced where others call the workflow: as a tool, a node or a runnable, as a
    compiled graph, by a server, by workers. `Workflow.invoke` enforces it with `WorkflowConfig(validate_inputs=True)`.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow")

    type: str = ""
    properties: dict[str, Any] = Field(default_factory=dict)
    required: list[str] = Field(default_factory=list)


class CompIOConfig(BaseModel):
    """The schemas of a component: where its inputs come from, and which of its outputs are stored."""

    inputs_schema: dict[str, Any] | None = None
    outputs_schema: dict[str, Any] | None = None
    inputs_transformer: Callable[..., Any] | None = None
    outputs_transformer: Callable[..., Any] | None = None


class NodeSpec(BaseModel):
    """The configuration of one component."""

    io_config: CompIOConfig = Field(default_factory=CompIOConfig)
    stream_io_configs: CompIOConfig = Field(default_factory=CompIOConfig)
    abilities: list[ComponentAbility] = Field(default_factory=list)


class WorkflowSpec(BaseModel):
    """The configuration of all components and the connections between them."""

    comp_configs: dict[str, NodeSpec] = Field(default_factory=dict)
    edges: dict[str, list[str]] = Field(default_factory=dict)
    stream_edges: dict[str, list[str]] = Field(default_factory=dict)


class WorkflowConfig(BaseModel):
    """The configuration of a workflow; `workflow_max_nesting_depth` counts sub-workflows (0 to 10).

    `workflow_inputs_schema` may also be a dict, or a pydantic model. With `validate_inputs` it is enforced by
    `Workflow.invoke` and `stream`, too.
    """

    metadata: WorkflowMetadata = Field(default_factory=WorkflowMetadata)
    spec: WorkflowSpec = Field(default_factory=WorkflowSpec)
    workflow_inputs_schema: WorkflowInputsSchema = Field(default_factory=WorkflowInputsSchema)
    workflow_max_nesting_depth: int = Field(default=5, ge=0, le=10)
    validate_inputs: bool = Field(default=False, repr=False)

    @field_validator("metadata", "spec", "workflow_inputs_schema", mode="before")
    @classmethod
    def _absent_is_default(cls, value: Any, info: Any) -> Any:
        if isinstance(value, type) and issubclass(value, BaseModel):
            return value.model_json_schema()
        if value is not None:
            return value
        factory = cls.model_fields[info.field_name].default_factory
        return factory()  # type: ignore[misc, call-arg]
