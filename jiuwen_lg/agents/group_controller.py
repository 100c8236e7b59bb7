"""Controllers of groups: which agents get a message.

Facts: openJiuwen 0.1.1, `agents.md` 9 (its R-14, R-15 and R-28 left out).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from jiuwen_lg.agents.agent_trace import AgentTrace
from jiuwen_lg.agents.config import WorkflowSchema
from jiuwen_lg.agents.controller import BaseController, current_group
from jiuwen_lg.agents.message import Message
from jiuwen_lg.agents.routing import Routing
from jiuwen_lg.agents.workflows import agent_failed
from jiuwen_lg.errors import StatusCode
from jiuwen_lg.models.model import Model
from jiuwen_lg.output import OutputSchema

if TYPE_CHECKING:
    from jiuwen_lg.agents.group import BaseGroup
    from jiuwen_lg.runtime import TaskRuntime


class BaseGroupController(ABC):
    """Decides which agents of a group get a message: subclasses override `handle_message`.

    Args:
        agent_group: The group.
    """

    def __init__(self, agent_group: BaseGroup | None = None) -> None:
        self.agent_group: Any = agent_group
        self._subscribers: dict[str, list[str]] = {}

    @abstractmethod
    async def handle_message(self, message: Message, runtime: TaskRuntime) -> Any:
        """Do what a message asks for, and return the result."""

    async def invoke(self, message: Message, runtime: TaskRuntime) -> Any:
        """As `handle_message`."""
        return await self.handle_message(message, runtime)

    def setup_from_group(self, group: BaseGroup) -> None:
        """Take over the group."""
        self.agent_group = group

    # --- who listens ---

    def subscribe(self, message_type: str, agent_ids: Iterable[str]) -> None:
        """Let agents get messages of a type."""
        self._subscribers[message_type] = [*dict.fromkeys((*self.get_subscribers(message_type), *agent_ids))]

    def unsubscribe(self, message_type: str, agent_ids: Iterable[str]) -> None:
        """Let them get no more of these."""
        gone = set(agent_ids)
        self._subscribers[message_type] = [id for id in self.get_subscribers(message_type) if id not in gone]

    def get_subscribers(self, message_type: str) -> list[str]:
        """Who gets messages of a type, in the order subscribed."""
        return [*self._subscribers.get(message_type, ())]

    # --- handing on ---

    async def send_to_agent(self, message: Message, agent_id: str, runtime: TaskRuntime) -> Any:
        """Hand a message to an agent; what it writes goes to the runtime.

        Returns:
            The last thing that its stream yields: a result, or the frames of what it asks.

        Raises:
            JiuWenBaseException: 132002, there is no such agent.
        """
        agent = self._agents().get(agent_id)
        if agent is None:
            reason = f"there is no agent {agent_id!r}; there are {[*self._agents()]}"
            raise StatusCode.AGENT_GROUP_EXECUTION_ERROR.error(reason=reason)
        content = message.content
        given = {
            "query": content.query if content.interactive_input is None else content.interactive_input,
            "conversation_id": runtime.session_id(),
            "user_id": message.source.user_id,
        }
        token = current_group.set(self.agent_group)
        last: Any = {"output": "processed"}
        try:
            async with aclosing(agent.stream(given, runtime)) as yielded:
                async for last in yielded:  # noqa: B007 - the last one counts
                    pass
        finally:
            current_group.reset(token)
        return last.payload if isinstance(last, OutputSchema) else last

    async def publish(self, message: Message, runtime: TaskRuntime) -> list[Any]:
        """Hand a message to all that subscribe to its `message_type`, one after the other; their results."""
        ids = self.get_subscribers(message.message_type or "")
        return [await self.send_to_agent(message, id, runtime) for id in ids]

    async def stop(self) -> None:  # noqa: B027 (subclasses may override it)
        """Nothing has to be stopped."""

    async def _addressed(self, message: Message, runtime: TaskRuntime) -> tuple[bool, Any]:
        """Whether a message names its receiver or has subscribers, and then their result."""
        if message.receiver_id:
            return True, await self.send_to_agent(message, message.receiver_id, runtime)
        results = await self.publish(message, runtime)
        return bool(results), results[0] if len(results) == 1 else results

    def _agents(self) -> dict[str, Any]:
        agents: dict[str, Any] = self.agent_group.agents
        return agents


class DefaultGroupController(BaseGroupController):
    """Hands a message to its receiver, else to its subscribers."""

    async def handle_message(self, message: Message, runtime: TaskRuntime) -> Any:
        """The result of the receiver; a list if several subscribe.

        Raises:
            JiuWenBaseException: 132002, nobody is responsible.
        """
        is_addressed, result = await self._addressed(message, runtime)
        if not is_addressed:
            reason = "the message has no receiver_id, and nobody subscribes to its message_type"
            raise StatusCode.AGENT_GROUP_EXECUTION_ERROR.error(reason=reason)
        return result


class HierarchicalGroupController(BaseGroupController):
    """Hands a message to its receiver, else to its subscribers, else to who asked something, else to the leader.

    Args:
        leader_agent_id: The leader.
        agent_group: The group.
    """

    def __init__(self, leader_agent_id: str, agent_group: BaseGroup | None = None) -> None:
        super().__init__(agent_group)
        self._leader_id = leader_agent_id

    async def handle_message(self, message: Message, runtime: TaskRuntime) -> Any:
        """The result of whoever gets it.

        Raises:
            JiuWenBaseException: 132001, the leader is not there; 132002, there is no such receiver, or no worker.
        """
        is_addressed, result = await self._addressed(message, runtime)
        if is_addressed:
            return result
        asking = await self._asking(runtime.session_id())
        if asking is not None:
            return await self.send_to_agent(message, asking, runtime)
        if self._leader_id not in self._agents():
            reason = f"its leader {self._leader_id!r} is not among its agents {[*self._agents()]}"
            raise StatusCode.AGENT_GROUP_CREATE_FAILED.error(reason=reason)
        return await self.send_to_agent(message, self._leader_id, runtime)

    async def _asking(self, conversation: str) -> str | None:
        """The worker that asked last in the conversation, and has got no answer."""
        latest: tuple[float, str] | None = None
        for id, agent in self._agents().items():
            if id == self._leader_id or not hasattr(agent, "pending"):
                continue
            for question in await agent.pending(conversation):
                latest = max(latest or (0.0, id), (question.since, id))
        return None if latest is None else latest[1]


class HierarchicalMainController(BaseController):
    """The controller of a group's leader: its model chooses the worker that a message is for."""

    async def handle_message(self, message: Message, runtime: TaskRuntime) -> Any:
        """The result of the worker that the model chose; of the first one if it chose none.

        Raises:
            JiuWenBaseException: 123003, its agent is in no group; 132002, the group has no workers.
        """
        group = self._controller_of_group().agent_group
        workers = group.get_worker_agents() if hasattr(group, "get_worker_agents") else {}
        if not workers:
            raise StatusCode.AGENT_GROUP_EXECUTION_ERROR.error(reason="it has a leader and no workers")
        chosen = await self._chosen(message, workers, runtime)
        return await self.send_to_agent(chosen or next(iter(workers)), message, runtime)

    async def _chosen(self, message: Message, workers: dict[str, Any], runtime: TaskRuntime) -> str | None:
        if self.agent_config is None:
            raise agent_failed("its controller belongs to no agent")

        async def emit(frame: Any) -> None:
            runtime.send(frame)

        query, model = message.content.get_query(), self.agent_config.model
        schemas = [WorkflowSchema(id=id, description=_label(id, agent)) for id, agent in workers.items()]
        span = AgentTrace(emit).span("llm", "none" if model is None else Model.of(model).class_name)
        await span.start([{"role": "user", "content": query}])
        found = None if model is None else await Routing(model, ()).choose(query, schemas, (), None)
        await span.end(None if found is None else {"agent": found.id})
        return None if found is None else found.id


def _label(id: str, agent: Any) -> str:
    config = getattr(agent, "agent_config", None)
    return getattr(config, "description", "") or id
