"""The workflows that an agent is given, and how it knows them.

Facts: openJiuwen 0.1.1, `components.md` 8.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, TypeAlias

from jiuwen_lg.agents.config import WorkflowSchema
from jiuwen_lg.config import WorkflowInputsSchema
from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.resources import generate_workflow_key, global_resources
from jiuwen_lg.tools.tool_info import Parameters, ToolInfo
from jiuwen_lg.workflow import Workflow

Key: TypeAlias = tuple[str, str]
"""A workflow's id and version."""


class Provider(Protocol):
    """A factory of workflows, such as a `WorkflowFactory`."""

    id: str
    version: str

    def __call__(self) -> Workflow:
        """Build it."""


class BoundWorkflows:
    """An agent's workflows, in the order in which they came; one of the same key replaces the last one.

    A workflow without an id is known by its name; without that, by its place among those (`#1`, `#2`).

    Args:
        listed: The list of the agent's configuration; what is added and removed is added and removed there, too.
    """

    def __init__(self, listed: list[WorkflowSchema]) -> None:
        self._listed = listed
        self._schemas = {schema.key: schema for schema in listed}
        self._bound: dict[Key, Workflow | Provider] = {}
        self._given: dict[Key, Workflow | Provider] = {}
        self._nameless = 0

    @property
    def schemas(self) -> dict[Key, WorkflowSchema]:
        """The schemas of the workflows."""
        return self._schemas

    def add(self, workflow: Any) -> None:
        """Bind a workflow, or what builds one.

        Raises:
            ValueError: It is neither.
        """
        schema = self._schema_of(workflow)
        if schema.key not in self._schemas:
            self._schemas[schema.key] = schema
            self._listed.append(schema.model_copy(update={"inputs": {}}))
        self._bound[schema.key] = workflow

    def remove(self, id: str, version: str) -> None:
        """Forget one."""
        by_own_id = [key for key, bound in self._bound.items() if _own_key(bound) == (id, version)]
        for key in ((id, version), *by_own_id):
            self._schemas.pop(key, None)
            self._bound.pop(key, None)
            self._listed[:] = [schema for schema in self._listed if schema.key != key]

    def __iter__(self) -> Iterator[tuple[WorkflowSchema, Workflow]]:
        """What can be run, in the order in which it came."""
        for schema in self._schemas.values():
            if schema.key in self._bound or self._registered(schema) is not None:
                yield schema, self.get(schema)

    def info_of(self, schema: WorkflowSchema) -> ToolInfo:
        """Return a workflow's description for a model; that of a provider wins."""
        info, bound = self.get(schema)._as_told(None, None), self._given.get(schema.key)  # noqa: SLF001
        told: dict[str, Any] = {"name": schema.name or info.name, "description": schema.description or info.description}
        inputs = getattr(bound, "input_schema", None)
        if inputs:
            wanted = inputs if isinstance(inputs, WorkflowInputsSchema) else _as_schema(inputs)
            told["parameters"] = Parameters.of(wanted)
        return info.model_copy(update=told)

    def is_provided(self, schema: WorkflowSchema) -> bool:
        """Whether a provider builds a workflow."""
        return schema.key in self._given or not isinstance(
            self._bound.get(schema.key, self), (Workflow, BoundWorkflows)
        )

    def get(self, schema: WorkflowSchema) -> Workflow:
        """The workflow, built if need be.

        Raises:
            JiuWenBaseException: 123003, nothing is bound, or what is built is no workflow.
        """
        bound = self._bound.get(schema.key) or self._registered(schema)
        if bound is None:
            reason = f"workflow {schema.id!r} of version {schema.version!r} was not found: add_workflows([...])"
            raise agent_failed(reason)
        if isinstance(bound, Workflow):
            return bound
        built = bound()
        if not isinstance(built, Workflow):
            raise agent_failed(f"the provider of workflow {schema.id!r} gave {built!r}, which is no workflow")
        self._given[schema.key] = bound
        self._bound[schema.key] = built
        return built

    def _registered(self, schema: WorkflowSchema) -> Any:
        """What `resource_mgr` has under the workflow's key."""
        return global_resources.find("workflow", generate_workflow_key(schema.id, schema.version))

    def _schema_of(self, workflow: Any) -> WorkflowSchema:
        given: Any = workflow.config().metadata if isinstance(workflow, Workflow) else workflow
        if not isinstance(workflow, Workflow) and not (callable(given) and hasattr(given, "id")):
            raise ValueError(f"{workflow!r} is no workflow, and nothing that builds one (workflow_provider)")
        id, version = self._key_of(workflow)
        return WorkflowSchema(
            id=id,
            version=version,
            name=getattr(given, "name", ""),
            description=getattr(given, "description", ""),
            inputs=inputs if isinstance(inputs := getattr(given, "inputs", {}), dict) else {},
        )

    def _key_of(self, workflow: Any) -> Key:
        if not isinstance(workflow, Workflow) or workflow.config().metadata.is_named:
            return _own_key(workflow)
        metadata = workflow.config().metadata
        known = [key for key, bound in self._bound.items() if bound is workflow]
        if known or metadata.name:
            return known[0] if known else (metadata.name, metadata.version)
        self._nameless += 1
        return f"#{self._nameless}", metadata.version


def _as_schema(inputs: dict[str, Any]) -> WorkflowInputsSchema:
    """A dict of a provider as a schema: a JSON schema, or properties by name."""
    if isinstance(inputs.get("properties"), dict):
        return WorkflowInputsSchema(**inputs)
    return WorkflowInputsSchema(type="object", properties=inputs)


def agent_failed(reason: str) -> JiuWenBaseException:
    """The error of an agent."""
    return StatusCode.CONTROLLER_RUNTIME_ERROR.error(error_msg=reason)


def _own_key(workflow: Any) -> Key:
    given = workflow.config().metadata if isinstance(workflow, Workflow) else workflow
    return str(given.id), str(getattr(given, "version", ""))
