"""WorkflowAgent: ours, over workflows and configurations of today."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

from pydantic import Field, field_validator

from jiuwen_lg.agents.agent import WorkflowFactory as OurFactory
from jiuwen_lg.agents.config import WorkflowAgentConfig as OurConfig
from jiuwen_lg.agents.config import WorkflowSchema
from jiuwen_lg.agents.workflow_agent import WorkflowAgent as OurAgent
from jiuwen_lg.compat.current.card import WorkflowCard
from jiuwen_lg.compat.current.output import of_today
from jiuwen_lg.compat.current.translation import translated, translating
from jiuwen_lg.compat.current.workflow import Workflow
from jiuwen_lg.output import WORKFLOW_FINAL, OutputSchema
from jiuwen_lg.output import WorkflowOutput as OurOutput


def _schema_of(card: WorkflowCard) -> WorkflowSchema:
    return WorkflowSchema(
        id=card.id, name=card.name, description=card.description, version=card.version, inputs=card.input_schema
    )


class WorkflowAgentConfig(OurConfig):
    """A workflow agent's configuration; `workflows` takes cards, too."""

    workflows: list[WorkflowSchema] = Field(default_factory=list)

    @field_validator("workflows", mode="before")
    @classmethod
    def _of_cards(cls, given: Any) -> Any:
        return [_schema_of(one) if isinstance(one, WorkflowCard) else one for one in given or ()]


class WorkflowFactory:
    """A workflow that is built when an agent first needs it.

    Args:
        workflow_id: Its id.
        workflow_version: Its version.
        factory: Builds it.
        workflow_name: Its name.
        workflow_description: By which a model chooses it.
        input_schema: The schema of its inputs.
    """

    def __init__(
        self,
        workflow_id: str,
        workflow_version: str,
        factory: Callable[[], Workflow],
        workflow_name: str = "",
        workflow_description: str = "",
        input_schema: Any = None,
    ) -> None:
        self._factory = factory
        self._card = WorkflowCard(
            id=workflow_id,
            version=workflow_version,
            name=workflow_name,
            description=workflow_description,
            input_params=input_schema,
        )

    def __call__(self) -> Workflow:
        """Build a new one."""
        return self._factory()

    @property
    def id(self) -> str:
        """Its id."""
        return self._card.id

    @property
    def version(self) -> str:
        """Its version."""
        return self._card.version

    def card(self) -> WorkflowCard:
        """Its card."""
        return self._card

    def ours(self) -> OurFactory:
        """The same factory in `jiuwen_lg`, for the workflow of ours."""
        schema = _schema_of(self._card)
        return OurFactory(
            lambda: self._factory().engine, schema.id, schema.version, schema.name, schema.description, schema.inputs
        )


def workflow_provider(
    workflow_id: str,
    workflow_version: str,
    workflow_name: str = "",
    workflow_description: str = "",
    inputs: Any = None,
) -> Callable[[Callable[[], Workflow]], WorkflowFactory]:
    """Make a function that builds a workflow something that an agent can be given (a decorator)."""

    def provide(factory: Callable[[], Workflow]) -> WorkflowFactory:
        return WorkflowFactory(workflow_id, workflow_version, factory, workflow_name, workflow_description, inputs)

    return provide


class WorkflowAgent:
    """A conversation over workflows: each message starts one of them, answers it or resumes it.

    Args:
        agent_config: The agent.

    Attributes:
        engine: The `jiuwen_lg.WorkflowAgent` behind it.
    """

    def __init__(self, agent_config: OurConfig) -> None:
        self.agent_config = agent_config
        self.engine: OurAgent = OurAgent(agent_config)

    def config(self) -> OurConfig:
        """The configuration as given."""
        return self.agent_config

    def add_workflows(self, workflows: Sequence[Any]) -> None:
        """Bind workflows, or what `workflow_provider` makes of a function that builds one."""
        with translating():
            for workflow in workflows:
                self._bind(workflow)

    bind_workflows = add_workflows

    def _bind(self, workflow: Any) -> None:
        if isinstance(workflow, WorkflowFactory):
            self.engine.add_workflows([workflow.ours()])
            return
        if not isinstance(workflow, Workflow):
            self.engine.add_workflows([workflow])
            return
        # The schema, inputs included, is the card's; ours is bound under it.
        card = workflow.card
        known = _schema_of(card)
        self.engine.add_workflows(
            [OurFactory(lambda: workflow.engine, known.id, known.version, known.name, known.description, known.inputs)]
        )

    def remove_workflows(self, workflows: Sequence[tuple[str, str]]) -> None:
        """Take workflows out, by id and version."""
        self.engine.remove_workflows(workflows)

    async def clear_session(self, session_id: str = "default_session") -> None:
        """Drop a conversation of this agent."""
        with translating():
            await self.engine.clear_session(session_id)

    async def invoke(self, inputs: dict[str, Any], session: Any = None) -> Any:
        """Take a message: `query`, a text or an `InteractiveInput`, and `conversation_id`.

        Returns:
            `{"output": WorkflowOutput(...), "result_type": "answer"}`, or the list of open questions' frames.
        """
        with translating():
            return _answer(await self.engine.invoke(_message(inputs, session)))

    async def stream(self, inputs: dict[str, Any], session: Any = None) -> AsyncGenerator[Any, None]:
        """Take a message, and yield frames while they are made."""
        frames = self.engine.stream(_message(inputs, session))
        try:
            async for frame in frames:
                yield _final(frame)
        except Exception as error:  # noqa: BLE001 - every failure leaves with its code
            raised = translated(error)
            raise raised from raised.__cause__
        finally:
            await frames.aclose()


def _message(inputs: Any, session: Any) -> Any:
    if session is None or not isinstance(inputs, dict) or "conversation_id" in inputs:
        return inputs
    return {**inputs, "conversation_id": session.get_session_id()}


def _final(frame: Any) -> Any:
    """A frame of today's: the last one carries the End's result itself."""
    payload = getattr(frame, "payload", None)
    if getattr(frame, "type", "") != WORKFLOW_FINAL or not isinstance(payload, dict):
        return frame
    output = payload.get("output")
    if payload.get("result_type") != "answer" or not isinstance(output, OurOutput):
        return frame
    return OutputSchema(type=WORKFLOW_FINAL, index=0, payload=output.result)


def _answer(answer: Any) -> Any:
    return (
        {**answer, "output": of_today(answer["output"])} if isinstance(answer, dict) and "output" in answer else answer
    )
