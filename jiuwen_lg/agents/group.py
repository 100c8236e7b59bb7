"""Groups of agents: a message goes to one of them, or to several.

Facts: openJiuwen 0.1.1, `agents.md` 9 (its R-14, R-15 and R-28 left out).
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from jiuwen_lg.agents.agent import DEFAULT_CONVERSATION, AgentRuntime
from jiuwen_lg.agents.group_controller import BaseGroupController, DefaultGroupController, HierarchicalGroupController
from jiuwen_lg.agents.message import Message
from jiuwen_lg.errors import StatusCode
from jiuwen_lg.runtime import TaskRuntime


@dataclass
class AgentGroupConfig:
    """A group.

    Attributes:
        group_id: Its id.
        max_agents: How many agents it may have.
        max_concurrent_messages: Kept for openJiuwen's signature, as is the next.
        message_timeout: In seconds.
    """

    group_id: str
    max_agents: int = 10
    max_concurrent_messages: int = 100
    message_timeout: float = 30.0


@dataclass
class HierarchicalGroupConfig(AgentGroupConfig):
    """A group with a leader.

    Attributes:
        leader_agent_id: The id of the leader.

    Raises:
        JiuWenBaseException: 132001, there is none.
    """

    leader_agent_id: str = ""

    def __post_init__(self) -> None:
        if not self.leader_agent_id:
            raise StatusCode.AGENT_GROUP_CREATE_FAILED.error(reason="leader_agent_id is missing")


class AgentGroupRuntime(AgentRuntime):
    """What a group has outside of its messages; `pre_run` begins one."""


class BaseGroup(ABC):
    """Agents that belong together: subclasses override `invoke` and `stream`.

    Args:
        config: The group.
    """

    def __init__(self, config: AgentGroupConfig) -> None:
        self.config = config
        self.group_id: str = config.group_id
        self.agents: dict[str, Any] = {}

    def add_agent(self, agent_id: str, agent: Any) -> None:
        """Add an agent.

        Raises:
            JiuWenBaseException: 132000, there is one of this id, or there are too many.
        """
        if agent_id in self.agents:
            raise StatusCode.AGENT_GROUP_ADD_FAILED.error(reason=f"it has an agent {agent_id!r} already")
        if len(self.agents) >= self.config.max_agents:
            raise StatusCode.AGENT_GROUP_ADD_FAILED.error(reason=f"max_agents is {self.config.max_agents}")
        self.agents[agent_id] = agent
        controller: Any = getattr(agent, "controller", None)
        if hasattr(controller, "set_group"):
            controller.set_group(self)

    def get_agent_count(self) -> int:
        """How many agents it has."""
        return len(self.agents)

    @abstractmethod
    async def invoke(self, message: Any, runtime: Any = None) -> Any:
        """Take a message."""

    @abstractmethod
    def stream(self, message: Any, runtime: Any = None) -> AsyncGenerator[Any, None]:
        """Take a message, and yield frames while they are made."""


class ControllerGroup(BaseGroup):
    """A group whose controller decides who gets a message.

    What an agent asks waits in the message's conversation; a message of that conversation to that agent answers it.

    Args:
        config: The group.
        group_controller: Who decides; by `receiver_id` and subscription if absent.
    """

    def __init__(self, config: AgentGroupConfig, group_controller: BaseGroupController | None = None) -> None:
        super().__init__(config)
        self.group_controller: BaseGroupController = group_controller or DefaultGroupController()
        self.group_controller.setup_from_group(self)
        self._runtime = AgentGroupRuntime()

    async def invoke(self, message: Any, runtime: Any = None) -> Any:
        """Take a message.

        Args:
            message: A `Message`, or a dict with `query` and `conversation_id`.
            runtime: Whose session is used instead of the message's conversation, and which gets the frames.

        Returns:
            The result of the agent that got it; the frames of the questions, a list, if it asks.

        Raises:
            JiuWenBaseException: 132002, nobody is responsible; what the agent raises.
        """
        given = as_group_message(message)
        return await self.group_controller.handle_message(given, runtime or await self._begun(given))

    async def stream(self, message: Any, runtime: Any = None) -> AsyncGenerator[Any, None]:
        """Take a message, and yield what its agents write while they work.

        Args:
            message: As in `invoke`.
            runtime: As in `invoke`.

        Raises:
            JiuWenBaseException: As `invoke`.
        """
        given = as_group_message(message)
        own: TaskRuntime = runtime or await self._begun(given)

        async def handle() -> None:
            try:
                await self.group_controller.handle_message(given, own)
            finally:
                await own.post_run()

        work = asyncio.ensure_future(handle())
        try:
            async for frame in own.stream_iterator():
                yield frame
            await work
        finally:
            work.cancel()
            with suppress(BaseException):
                await work

    async def _begun(self, message: Message) -> TaskRuntime:
        conversation = message.context.conversation_id
        return await self._runtime.pre_run(session_id=conversation or DEFAULT_CONVERSATION)


class HierarchicalGroup(ControllerGroup):
    """A group whose leader hands each message to one of the other agents.

    Args:
        config: The group.
    """

    def __init__(self, config: HierarchicalGroupConfig) -> None:
        super().__init__(config, HierarchicalGroupController(config.leader_agent_id))
        self.leader_agent_id: str = config.leader_agent_id

    def get_agents(self, exclude_leader: bool = False) -> dict[str, Any]:
        """Its agents by id."""
        return self.get_worker_agents() if exclude_leader else dict(self.agents)

    def get_worker_agents(self) -> dict[str, Any]:
        """Those that are not the leader."""
        return {id: agent for id, agent in self.agents.items() if id != self.leader_agent_id}

    def get_leader_agent(self) -> Any:
        """The leader, or None."""
        return self.agents.get(self.leader_agent_id)


def as_group_message(message: Any) -> Message:
    """A message, or a dict with `query` and `conversation_id`, as a message.

    Raises:
        JiuWenBaseException: 132002, it is neither.
    """
    if isinstance(message, Message):
        return message
    if isinstance(message, dict):
        conversation = message.get("conversation_id")
        query = message.get("query")
        return Message.create_user_message(
            "" if query is None else query, str(conversation or DEFAULT_CONVERSATION), message.get("user_id")
        )
    raise StatusCode.AGENT_GROUP_EXECUTION_ERROR.error(reason=f"it takes a Message or a dict, not {message!r:.200}")
