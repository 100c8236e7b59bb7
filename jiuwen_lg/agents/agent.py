"""What all agents have in common, and workflows that are built when they are needed.

Facts: openJiuwen 0.1.1, `components.md` 0.1 and 8.2, `agents.md` 2.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from typing import Any
from uuid import uuid4

from jiuwen_lg.agents.config import AgentConfig, PluginSchema
from jiuwen_lg.agents.runs import AgentRuns
from jiuwen_lg.agents.session_state import StateNote
from jiuwen_lg.agents.workflows import BoundWorkflows, Provider
from jiuwen_lg.config import WorkflowInputsSchema
from jiuwen_lg.context.context import ContextEngineConfig
from jiuwen_lg.context.context_engine import ContextEngine
from jiuwen_lg.engine.store import open_store
from jiuwen_lg.errors import StatusCode
from jiuwen_lg.interaction import InteractiveInput
from jiuwen_lg.output import PendingQuestion
from jiuwen_lg.resources import ResourceAccess, Resources
from jiuwen_lg.runtime import Config, TaskRuntime
from jiuwen_lg.tools.base import Tool
from jiuwen_lg.tools.langchain import as_tool
from jiuwen_lg.workflow import Workflow

DEFAULT_CONVERSATION = "default_session"
"""The conversation of an input that names none."""


def conversation_in(inputs: dict[str, Any]) -> str:
    """The conversation that an input names; one that names none has its own.

    Raises:
        JiuWenBaseException: 100900, it is answers and names no conversation.
    """
    id = inputs.get("conversation_id")
    if id is not None and id != "":
        return str(id)
    if isinstance(inputs.get("query"), InteractiveInput):
        reason = "a message without conversation_id begins a conversation of its own, in which nothing is asked"
        raise StatusCode.INTERACTION_NOT_PENDING.error(session_id="", reason=reason)
    return uuid4().hex


class AgentRuntime(ResourceAccess):
    """What an agent has outside of its turns: its settings and its registry; `pre_run` begins a turn.

    Args:
        config: The settings, the agent's configuration among them.
        resource_mgr: Accepted for openJiuwen's sake.
    """

    def __init__(self, config: Config | None = None, resource_mgr: Any = None) -> None:
        self._config = config or Config()
        self._resources = Resources()
        self._resources.agent_config = self._config.get_agent_config()

    def config(self) -> Config:
        """The settings."""
        return self._config

    def get_agent_config(self) -> Any:
        """The agent's configuration, or None."""
        return self._config.get_agent_config()

    def resources(self) -> Resources:
        """The registry."""
        return self._resources

    def resource_mgr(self) -> Any:
        """The registry of the process, `jiuwen_lg.resource_mgr`."""
        from jiuwen_lg import resource_mgr

        return resource_mgr

    def session_id(self) -> None:
        """None: this belongs to no session, as do the next four."""

    def executable_id(self) -> None:
        """None."""

    def get_state(self, key: Any = None) -> None:
        """None."""

    def update_state(self, data: Any) -> None:
        """Does nothing."""

    def get_env(self, key: str) -> Any:
        """A setting, None if unknown."""
        return self._config.get_env(key)

    async def pre_run(self, session_id: str | None = None, inputs: Any = None, **kwargs: Any) -> TaskRuntime:
        """Begin a turn: a runtime with the state that the session's last `post_run` stored."""
        runtime = TaskRuntime(session_id, config=self._config, resources=self._resources)
        note = self._note(runtime.session_id())
        runtime.restore(await note.read() or {})

        async def store(ended: TaskRuntime) -> None:
            await note.write(ended.states())

        runtime.stores_by(store)
        return runtime

    async def release(self, session_id: str) -> None:
        """Drop what `post_run` stored."""
        await self._note(session_id).write(None)

    def _note(self, session_id: str) -> StateNote:
        return StateNote(getattr(self.get_agent_config(), "id", ""), "state", session_id)


class BaseAgent(ABC):
    """An agent: takes the messages of conversations.

    Subclasses override `invoke` and `stream`.

    Args:
        agent_config: The agent.
    """

    def __init__(self, agent_config: AgentConfig) -> None:
        self.agent_config: Any = agent_config
        self._config = Config()
        self._config.set_agent_config(agent_config)
        self._runtime = AgentRuntime(self._config)
        self._tools: list[Tool] = []
        self._workflows = BoundWorkflows(agent_config.workflows)
        self._runs = AgentRuns(agent_config.id)
        constrain = getattr(agent_config, "constrain", None)
        kept = 100 if constrain is None else 2 * constrain.reserved_max_chat_rounds
        self._context_engine = ContextEngine(
            agent_config.id, ContextEngineConfig(conversation_history_length=max(kept, self._shortest_history))
        )

    _shortest_history = 0
    """How many messages of a conversation are stored at least."""

    @abstractmethod
    async def invoke(self, inputs: dict[str, Any], runtime: Any = None) -> Any:
        """Take a message: `{"conversation_id": ..., "query": ...}`."""

    @abstractmethod
    def stream(self, inputs: dict[str, Any], runtime: Any = None) -> AsyncGenerator[Any, None]:
        """Take a message, and yield frames while they are made."""

    async def run_turn(self, inputs: dict[str, Any], turn_id: str) -> Any:
        """`invoke`, for a caller that may deliver a turn twice, as workers do.

        Args:
            inputs: As in `invoke`.
            turn_id: The turn's name; agents that know it give the second time what they gave the first.
        """
        return await self.invoke(inputs)

    def config(self) -> Config:
        """The settings; `get_agent_config()` is the configuration as given."""
        return self._config

    @property
    def context_engine(self) -> ContextEngine:
        """What was said in its conversations."""
        return self._context_engine

    # --- what it can use ---

    @property
    def tools(self) -> list[Tool]:
        """Its tools."""
        return [*self._tools]

    @property
    def workflows(self) -> list[Workflow]:
        """Its workflows, those of providers built."""
        return [workflow for _, workflow in self._workflows]

    def add_tools(self, tools: Iterable[Any]) -> None:
        """Add tools; one of the same name replaces the last one.

        Args:
            tools: A `LocalFunction`, `RestfulApi`, `MCPTool`, a `Tool` of one's own, or tools of LangChain's.

        Raises:
            JiuWenBaseException: 102000, something is no tool.
        """
        for added in [as_tool(given) for given in tools]:
            self._tools = [known for known in self._tools if known.name != added.name] + [added]
            if added.name not in self.agent_config.tools:
                self.agent_config.tools.append(added.name)
            self._list_plugin(added)
            self._runtime.add_tool(added.name, added)

    def _list_plugin(self, added: Tool) -> None:
        listed = getattr(self.agent_config, "plugins", None)
        if listed is None or any(plugin.name == added.name for plugin in listed):
            return
        info = added.get_tool_info()
        listed.append(
            PluginSchema(id=added.name, name=added.name, description=info.description, inputs=schema_of(info))
        )

    def add_workflows(self, workflows: Sequence[Workflow | Provider]) -> None:
        """Bind workflows; one of the same id and version replaces the last one.

        Args:
            workflows: Workflows, or what `workflow_provider` makes of a function that builds one. One that was
                given no id is known by its name, and without that by its place among those.

        Raises:
            ValueError: Something is neither.
        """
        for workflow in workflows:
            self._workflows.add(workflow)

    def bind_workflows(self, workflows: Sequence[Workflow | Provider]) -> None:
        """As `add_workflows`."""
        self.add_workflows(workflows)

    def remove_workflows(self, workflows: Sequence[tuple[str, str]]) -> None:
        """Take workflows out, by id and version; what they have not finished stays stored."""
        for id, version in workflows:
            self._workflows.remove(id, version)

    def add_prompt(self, prompt_template: Iterable[Any]) -> None:
        """Append messages to the configuration's `prompt_template`, if it has one."""
        if hasattr(self.agent_config, "prompt_template"):
            self.agent_config.prompt_template.extend(prompt_template)

    def add_plugins(self, plugins: Iterable[PluginSchema]) -> None:
        """Append schemas to the configuration's `plugins`, if it has them."""
        if hasattr(self.agent_config, "plugins"):
            self.agent_config.plugins.extend(plugins)

    def resources_of_run(self) -> Resources:
        """What components of one run may look up: the agent's configuration and tools, and what they add."""
        return self._runtime.resources().copy()

    # --- its conversations ---

    async def clear_session(self, session_id: str = DEFAULT_CONVERSATION) -> None:
        """Drop a conversation of this agent: what has not finished, and what was said.

        Raises:
            JiuWenBaseException: 100904, a run is in progress.
        """
        await self._runs.discard(session_id, with_done=True)
        await open_store().database.call(lambda: self.context_engine.clear_context(session_id))

    async def pending(self, conversation_id: str | None = None) -> list[PendingQuestion]:
        """The questions that wait for an answer, in one conversation or all of this agent's, oldest first.

        `Runner.pending()` lists those of all agents and workflows. A damaged row is left out with a warning.
        """
        return await self._runs.pending(conversation_id)


def schema_of(info: Any) -> dict[str, Any]:
    """The JSON schema of a tool's arguments."""
    parameters = getattr(info, "input_schema", None) or info.parameters
    return dict(parameters) if isinstance(parameters, dict) else dict(parameters.model_dump())


class WorkflowFactory:
    """A workflow that is built when an agent first needs it.

    Args:
        build: Builds it.
        id: Its id.
        version: Its version.
        name: Its name.
        description: By which a model chooses it.
        inputs: Which of the conversation's inputs it gets, a dict; all if absent. A `WorkflowInputsSchema`
            only tells a model of them.
    """

    def __init__(
        self,
        build: Callable[[], Workflow],
        id: str,
        version: str = "",
        name: str = "",
        description: str = "",
        inputs: dict[str, Any] | WorkflowInputsSchema | None = None,
    ) -> None:
        self._build = build
        self.id = id
        self.version = version
        self.name = name
        self.description = description
        self.inputs: Any = inputs or {}
        self.workflow_description = description
        self.input_schema: Any = self.inputs

    def __call__(self) -> Workflow:
        """A new one."""
        return self._build()


def workflow_provider(
    workflow_id: str,
    workflow_version: str = "",
    workflow_name: str = "",
    workflow_description: str = "",
    inputs: dict[str, Any] | WorkflowInputsSchema | None = None,
) -> Callable[[Callable[[], Workflow]], WorkflowFactory]:
    """Make a function that builds a workflow something that an agent can be given (a decorator)."""

    def provide(build: Callable[[], Workflow]) -> WorkflowFactory:
        return WorkflowFactory(build, workflow_id, workflow_version, workflow_name, workflow_description, inputs)

    return provide
