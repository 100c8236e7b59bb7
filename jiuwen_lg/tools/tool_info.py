"""The description of a workflow or a tool for a language model: name, description, JSON schema.

Source: `components.md` 5.2; the shape of OpenAI's function calling.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from jiuwen_lg.config import WorkflowInputsSchema


class Parameters(BaseModel):
    """The JSON schema of the arguments."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow")

    type: str = "object"
    properties: dict[str, Any] = Field(default_factory=dict)
    required: list[str] = Field(default_factory=list)

    @classmethod
    def of(cls, schema: WorkflowInputsSchema) -> Parameters:
        """A workflow's input schema; `"required": true` inside a property (seed 002) is lifted."""
        properties = {name: _without_required(value) for name, value in schema.properties.items()}
        inside = [name for name, value in schema.properties.items() if _says_required(value)]
        required = [*schema.required, *(name for name in inside if name not in schema.required)]
        more = schema.model_extra or {}
        return cls(type=schema.type or "object", properties=properties, required=required, **more)

    @property
    def json_schema(self) -> dict[str, Any] | None:
        """The schema, if it says anything."""
        return self.model_dump() if self.properties or self.required or self.model_extra else None


class ToolInfo(BaseModel):
    """The description that a model needs to call a tool."""

    type: str = "function"
    name: str = ""
    description: str = ""
    parameters: Parameters = Field(default_factory=Parameters)


def _says_required(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("required"), (bool, str)) and _truth(value["required"])


def _truth(value: bool | str) -> bool:
    return value.strip().lower() == "true" if isinstance(value, str) else value


def _without_required(value: Any) -> Any:
    if not isinstance(value, dict) or isinstance(value.get("required"), list):
        return value
    return {name: part for name, part in value.items() if name != "required"}
