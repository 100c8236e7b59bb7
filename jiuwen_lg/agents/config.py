"""What an agent is made of.

Facts: openJiuwen 0.1.1, `components.md` 8.1; `prompt_template` from seed 002.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field


class ControllerType(Enum):
    """Who decides what an agent does next; workflow agents have one kind."""

    WorkflowController = "workflow"


class WorkflowSchema(BaseModel):
    """A workflow as an agent knows it.

    Args:
        id: The workflow's id.
        name: Its name.
        description: By which a model chooses it; the name if empty.
        version: The workflow's version.
        inputs: Which of the conversation's inputs it gets: a JSON schema, or `{"query": {"type": "string"}}`;
            all of them if empty.
    """

    id: str = ""
    name: str = ""
    description: str = ""
    version: str = ""
    inputs: dict[str, Any] = Field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from the agent's others."""
        return self.id, self.version

    @property
    def label(self) -> str:
        """What a model is told of it."""
        return self.description or self.name or self.id

    def chosen(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Of the conversation's inputs, its own."""
        names = self.inputs.get("properties", self.inputs)
        is_known = isinstance(names, dict) and all(isinstance(part, dict) for part in names.values())
        return {name: value for name, value in inputs.items() if name in names} if names and is_known else inputs


class DefaultResponse(BaseModel):
    """What an agent says if no workflow fits.

    Args:
        type: `"text"`.
        text: What it says; None for nothing, and the first workflow runs.
    """

    type: Literal["text", "workflow"] = "text"
    text: str | None = None


class ConstrainConfig(BaseModel):
    """Limits of a conversation.

    Args:
        reserved_max_chat_rounds: How many rounds of it are kept.
        max_iteration: Kept for openJiuwen's signature.
    """

    reserved_max_chat_rounds: int = Field(default=10, ge=0)
    max_iteration: int = 5


class WorkflowAgentConfig(BaseModel):
    """A workflow agent's configuration.

    Args:
        id: The agent's; its conversations are its own.
        version: Its version.
        description: What it does.
        controller_type: `ControllerType.WorkflowController`.
        workflows: Its workflows.
        model: Who chooses among several: a `ModelConfig`, or any chat model of LangChain's.
        prompt_template: Messages put before the question which workflow fits.
        tools: Kept for openJiuwen's signature, as are the next four.
        constrain: Limits of a conversation.
        default_response: What it says if no workflow fits.
        on_question: What a text does while a question is open. `"route"`: it is for the workflow that the model
            chooses (of one, for that), and answers what this asks. `"answer"`: it answers the latest question.
            `"ask_again"`: the question is shown again, and only an `InteractiveInput` answers it. `"restart"`: what
            the conversation has not finished is dropped, of all workflows, and the text starts anew.
        on_change: `"continue"` goes on with what a workflow of another shape has begun, as in `WorkflowRuntime`.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(arbitrary_types_allowed=True)

    id: str = ""
    version: str = ""
    description: str = ""
    controller_type: ControllerType = ControllerType.WorkflowController
    workflows: list[WorkflowSchema] = Field(default_factory=list)
    model: Any = None
    prompt_template: list[Any] = Field(default_factory=list)
    tools: list[Any] = Field(default_factory=list)
    start_workflow: Any = None
    end_workflow: Any = None
    global_variables: list[Any] = Field(default_factory=list)
    global_params: dict[str, Any] = Field(default_factory=dict)
    constrain: ConstrainConfig = Field(default_factory=ConstrainConfig)
    default_response: DefaultResponse = Field(default_factory=DefaultResponse)
    on_question: Literal["route", "answer", "ask_again", "restart"] = "route"
    on_change: Literal["refuse", "continue"] = "refuse"
