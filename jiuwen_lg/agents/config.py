"""The configuration of agents.

Facts: openJiuwen 0.1.1, `components.md` 8.1 and `agents.md` 1; `prompt_template` from seed 002.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from jiuwen_lg.agents.enums import ControllerType


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
        """The key that distinguishes it from the agent's others."""
        return self.id, self.version

    @property
    def label(self) -> str:
        """The description that a model receives."""
        return self.description or self.name or self.id

    def chosen(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Of the conversation's inputs, its own."""
        names = self.inputs.get("properties", self.inputs)
        is_known = isinstance(names, dict) and all(isinstance(part, dict) for part in names.values())
        return {name: value for name, value in inputs.items() if name in names} if names and is_known else inputs


class PluginSchema(BaseModel):
    """A tool as an agent's configuration lists it.

    Args:
        inputs: The JSON schema of its arguments.
        plugin_id: Kept for openJiuwen's signature.
    """

    id: str = ""
    version: str = ""
    name: str = ""
    description: str = ""
    inputs: dict[str, Any] = Field(default_factory=dict)
    plugin_id: str = ""


class McpSchema(BaseModel):
    """A tool of an MCP server as a configuration lists it."""

    id: str = ""
    name: str = ""
    description: str = ""
    inputs: dict[str, Any] = Field(default_factory=dict)


class DefaultResponse(BaseModel):
    """The reply of an agent if no workflow fits.

    Args:
        type: `"text"`.
        text: What it says; None for nothing, and the first workflow runs.
    """

    type: Literal["text", "workflow"] = "text"
    text: str | None = None


class ConstrainConfig(BaseModel):
    """Limits of a conversation.

    Args:
        reserved_max_chat_rounds: How many of its rounds a model is shown: twice as many messages.
        max_iteration: How often a model is asked in one turn.
    """

    reserved_max_chat_rounds: int = Field(default=10, ge=0)
    max_iteration: int = Field(default=5, gt=0)


class AgentConfig(BaseModel):
    """The configuration that all agents share.

    Args:
        id: The agent's; its conversations are its own.
        version: Its version.
        description: What it does; by this a group's leader chooses it.
        controller_type: Who decides what it does next.
        workflows: Its workflows.
        model: A `ModelConfig`, or any chat model of LangChain's.
        tools: The names of its tools.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(arbitrary_types_allowed=True)

    id: str = ""
    version: str = ""
    description: str = ""
    controller_type: ControllerType = ControllerType.Undefined
    workflows: list[WorkflowSchema] = Field(default_factory=list)
    model: Any = None
    tools: list[Any] = Field(default_factory=list)


class WorkflowAgentConfig(AgentConfig):
    """A workflow agent's configuration.

    Args:
        controller_type: `ControllerType.WorkflowController`.
        model: Who chooses among several workflows.
        prompt_template: Messages put before the question which workflow fits.
        start_workflow: Kept for openJiuwen's signature, as are the next three.
        constrain: Limits of a conversation.
        default_response: What it says if no workflow fits.
        on_question: What a text does while a question is open. `"route"`: it is for the workflow that the model
            chooses (of one, for that), and answers what this asks. `"answer"`: it answers the latest question.
            `"ask_again"`: the question is shown again, and only an `InteractiveInput` answers it. `"restart"`: what
            the conversation has not finished is dropped, of all workflows, and the text starts anew.
        on_finished: What an `InteractiveInput` without a token does in a conversation that waits for nothing: it is
            refused (100900), or starts a new run, whose first question it answers (`"start"`; in `invoke`).
        on_change: `"continue"` goes on with what a workflow of another shape has begun, as in `WorkflowRuntime`.
    """

    controller_type: ControllerType = ControllerType.WorkflowController
    prompt_template: list[Any] = Field(default_factory=list)
    start_workflow: Any = None
    end_workflow: Any = None
    global_variables: list[Any] = Field(default_factory=list)
    global_params: dict[str, Any] = Field(default_factory=dict)
    constrain: ConstrainConfig = Field(default_factory=ConstrainConfig)
    default_response: DefaultResponse = Field(default_factory=DefaultResponse)
    on_question: Literal["route", "answer", "ask_again", "restart"] = "route"
    on_finished: Literal["refuse", "start"] = "refuse"
    on_change: Literal["refuse", "continue"] = "refuse"


class MemoryConfig(BaseModel):
    """Kept for openJiuwen's signature."""

    mem_variables: dict[str, Any] = Field(default_factory=dict)
    enable_long_term_mem: bool = True


class ReActAgentConfig(AgentConfig):
    """The configuration of an agent whose model calls tools.

    Args:
        prompt_template_name: Kept for openJiuwen's signature.
        prompt_template: Messages put before the conversation, as they are.
        constrain: Limits of a conversation.
        plugins: Its tools, as far as their schemas are known; what the agent can call is what `add_tools` gave it.
        memory_config: Kept for openJiuwen's signature.
    """

    controller_type: ControllerType = ControllerType.ReActController
    prompt_template_name: str = "react_system_prompt"
    prompt_template: list[Any] = Field(default_factory=list)
    constrain: ConstrainConfig = Field(default_factory=ConstrainConfig)
    plugins: list[PluginSchema] = Field(default_factory=list)
    memory_config: MemoryConfig = Field(default_factory=MemoryConfig)


class LLMCallConfig(BaseModel):
    """A model and its prompts.

    Args:
        model: A `ModelConfig`, or any chat model of LangChain's.
        system_prompt: Messages with `{{placeholders}}`.
        user_prompt: The same for what the user says; the text of `query` if empty.
        freeze_system_prompt: Whether `update_system_prompt` is ignored.
        freeze_user_prompt: Whether `update_user_prompt` is ignored.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(arbitrary_types_allowed=True)

    model: Any = None
    system_prompt: list[Any] = Field(default_factory=list)
    user_prompt: list[Any] = Field(default_factory=list)
    freeze_system_prompt: bool = False
    freeze_user_prompt: bool = True


class ChatAgentConfig(AgentConfig):
    """The configuration of an agent that asks its model once.

    Args:
        model: The model and its prompts.
    """

    model: LLMCallConfig = Field(default_factory=LLMCallConfig)


class IntentDetectionConfig(BaseModel):
    """How intents are told apart; kept for openJiuwen's signature."""

    intent_detection_template: list[Any] = Field(default_factory=list)
    default_class: str = "分类1"
    enable_input: bool = True
    enable_history: bool = False
    chat_history_max_turn: int = 5
    category_list: list[str] = Field(default_factory=list)
    user_prompt: str = ""
    example_content: list[str] = Field(default_factory=list)


def create_react_agent_config(
    agent_id: str, agent_version: str, description: str, model: Any, prompt_template: Sequence[Any]
) -> ReActAgentConfig:
    """Make the configuration of a `ReActAgent`."""
    return ReActAgentConfig(
        id=agent_id,
        version=agent_version,
        description=description,
        model=model,
        prompt_template=list(prompt_template or ()),
    )


def create_llm_agent_config(
    agent_id: str,
    agent_version: str,
    description: str,
    workflows: Sequence[WorkflowSchema] | None,
    plugins: Sequence[PluginSchema] | None,
    model: Any,
    prompt_template: Sequence[Any],
    tools: Sequence[str] | None = None,
) -> ReActAgentConfig:
    """Make the configuration of an `LLMAgent`."""
    return ReActAgentConfig(
        id=agent_id,
        version=agent_version,
        description=description,
        workflows=list(workflows or ()),
        plugins=list(plugins or ()),
        model=model,
        prompt_template=list(prompt_template or ()),
        tools=list(tools or ()),
    )


def create_chat_agent_config(
    agent_id: str, agent_version: str, description: str, model: LLMCallConfig
) -> ChatAgentConfig:
    """Make the configuration of a `ChatAgent`."""
    return ChatAgentConfig(id=agent_id, version=agent_version, description=description, model=model)
