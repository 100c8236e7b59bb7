"""The workflows that an agent is given, and how it knows them.

Facts: openJiuwen 0.1.1, `components.md` 8.2.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, TypeAlias

from jiuwen_lg.agents.config import WorkflowSchema
from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.workflow import Workflow

Key: TypeAlias = tuple[str, str]
"""A workflow's id and version."""


class Provider(Protocol):
    """Something that builds a workflow, such as a `WorkflowFactory`."""

    id: str
    version: str

    def __call__(self) -> Workflow:
        """Build it."""


class BoundWorkflows:
    """An agent's workflows, in the order in which they came; one of the same key replaces the last one.

    A workflow without an id is known by its name; without that, by its place among those (`#1`, `#2`).

    Args:
        schemas: What the agent's configuration says of them.
    """

    def __init__(self, schemas: Iterable[WorkflowSchema]) -> None:
        self._schemas = {schema.key: schema for schema in schemas}
        self._bound: dict[Key, Workflow | Provider] = {}
        self._nameless = 0

    @property
    def schemas(self) -> dict[Key, WorkflowSchema]:
        """What is known of each."""
        return self._schemas

    def add(self, workflow: Any) -> None:
        """Bind a workflow, or what builds one.

        Raises:
            JiuWenBaseException: 123003, it is neither.
        """
        schema = self._schema_of(workflow)
        self._schemas.setdefault(schema.key, schema)
        self._bound[schema.key] = workflow

    def remove(self, id: str, version: str) -> None:
        """Forget one."""
        by_own_id = [key for key, bound in self._bound.items() if _own_key(bound) == (id, version)]
        for key in ((id, version), *by_own_id):
            self._schemas.pop(key, None)
            self._bound.pop(key, None)

    def get(self, schema: WorkflowSchema) -> Workflow:
        """The workflow, built if need be.

        Raises:
            JiuWenBaseException: 123003, nothing is bound, or what is built is no workflow.
        """
        bound = self._bound.get(schema.key)
        if bound is None:
            reason = f"workflow {schema.id!r} of version {schema.version!r} was not found: add_workflows([...])"
            raise agent_failed(reason)
        if isinstance(bound, Workflow):
            return bound
        built = bound()
        if not isinstance(built, Workflow):
            raise agent_failed(f"the provider of workflow {schema.id!r} gave {built!r}, which is no workflow")
        self._bound[schema.key] = built
        return built

    def _schema_of(self, workflow: Any) -> WorkflowSchema:
        given: Any = workflow.config().metadata if isinstance(workflow, Workflow) else workflow
        if not isinstance(workflow, Workflow) and not (callable(given) and hasattr(given, "id")):
            raise agent_failed(f"{workflow!r} is no workflow, and nothing that builds one (workflow_provider)")
        id, version = self._key_of(workflow)
        return WorkflowSchema(
            id=id,
            version=version,
            name=getattr(given, "name", ""),
            description=getattr(given, "description", ""),
            inputs=getattr(given, "inputs", {}),
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


def agent_failed(reason: str) -> JiuWenBaseException:
    """The error of an agent."""
    return StatusCode.CONTROLLER_RUNTIME_ERROR.error(error_msg=reason)


def _own_key(workflow: Any) -> Key:
    given = workflow.config().metadata if isinstance(workflow, Workflow) else workflow
    return str(given.id), str(getattr(given, "version", ""))
