"""Controllers: what decides, for each message, what an agent does.

Facts: openJiuwen 0.1.1, `agents.md` 6 (its R-10 left out).
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from jiuwen_lg.agents.message import Message
from jiuwen_lg.agents.workflows import agent_failed
from jiuwen_lg.interaction import InteractiveInput

if TYPE_CHECKING:
    from jiuwen_lg.runtime import TaskRuntime

current_group: ContextVar[Any] = ContextVar("current_group", default=None)
"""The group whose message is handled; an agent may belong to several."""

_OWN = ("query", "conversation_id", "user_id")


class BaseController:
    """Decides what an agent does: subclasses override `handle_message`.

    `await runtime.interact(...)` in it asks the user: the turn ends with the question, and when the answer comes,
    `handle_message` runs again from its top, and earlier questions return their answers at once.

    Args:
        config: Kept for openJiuwen's signature, as are the next two.
        context_engine: The conversations of its agent.
        runtime: The runtime of its agent.
    """

    def __init__(self, config: Any = None, context_engine: Any = None, runtime: Any = None) -> None:
        self.agent_config: Any = config
        self.context_engine: Any = context_engine
        self.runtime: Any = runtime
        self.group: Any = None

    async def handle_message(self, message: Message, runtime: TaskRuntime) -> Any:
        """Do what a message asks for, and return the result."""
        raise NotImplementedError(f"{type(self).__name__} overrides no handle_message(message, runtime)")

    async def invoke(self, inputs: dict[str, Any], runtime: TaskRuntime) -> Any:
        """Make a message of the inputs, and handle it."""
        return await self.handle_message(self.create_message(inputs), runtime)

    def create_message(self, inputs: dict[str, Any]) -> Message:
        """The message in an agent's inputs."""
        given = inputs.get("query")
        query = given if isinstance(given, InteractiveInput) else "" if given is None else str(given)
        conversation = inputs.get("conversation_id")
        return Message.create_user_message(
            query,
            "default_session" if conversation in (None, "") else str(conversation),
            inputs.get("user_id"),
            {name: value for name, value in inputs.items() if name not in _OWN},
        )

    def setup_from_agent(self, agent: Any) -> None:
        """Take over the configuration, the conversations and the runtime of an agent."""
        self.agent_config = agent.agent_config
        self.context_engine = agent.context_engine
        self.runtime = agent._runtime  # noqa: SLF001

    def set_group(self, group: Any) -> None:
        """Take over the group that its agent has joined."""
        self.group = group

    async def send_to_agent(self, agent_id: str, message: Message, runtime: Any) -> Any:
        """Hand a message to an agent of the group, and return its result.

        Raises:
            JiuWenBaseException: 123003, its agent is in no group.
        """
        return await self._controller_of_group().send_to_agent(message, agent_id, runtime)

    async def publish(self, message: Message, runtime: Any) -> Any:
        """Hand a message to all agents of the group that subscribe to its `message_type`.

        Raises:
            JiuWenBaseException: 123003, its agent is in no group.
        """
        return await self._controller_of_group().publish(message, runtime)

    def _controller_of_group(self) -> Any:
        group = current_group.get() or self.group
        if group is None:
            raise agent_failed("its agent is in no group: group.add_agent(id, agent)")
        return group.group_controller

    async def cleanup_conversation(self, conversation_id: str) -> None:
        """Drop what it holds of a conversation; called by `clear_session`."""

    async def stop(self) -> None:
        """Nothing has to be stopped."""
