"""A message between users, agents and their tasks.

Facts: openJiuwen 0.1.1, `agents.md` 9.1.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Self
from uuid import uuid4

from jiuwen_lg.interaction import InteractiveInput
from jiuwen_lg.schema.values import as_text


class MessageType(Enum):
    """What a message is about."""

    USER_INPUT = "user_input"
    AGENT_RESPONSE = "agent_response"
    AGENT_HANDOFF = "agent_handoff"
    TASK_COMPLETED = "task_completed"
    TASK_INTERRUPTED = "task_interrupted"
    ERROR = "error"
    INFO = "info"


class MessagePriority(Enum):
    """How urgent a message is."""

    LOW = 1
    NORMAL = 2
    HIGH = 3
    URGENT = 4


class SourceType(Enum):
    """What sends a message."""

    USER = "user"
    AGENT = "agent"
    TASK = "task"
    WORKFLOW = "workflow"
    SYSTEM = "system"


@dataclass
class MessageSource:
    """Where a message comes from."""

    conversation_id: str
    source_type: SourceType
    user_id: str | None = None


@dataclass
class MessageContent:
    """What a message says."""

    query: str | None = None
    interactive_input: InteractiveInput | None = None
    stream_data: list[Any] = field(default_factory=list)
    task_result: Any = None
    extensions: dict[str, Any] = field(default_factory=dict)

    def get_query(self) -> str:
        """The text, or the first answer as one; empty if there is neither."""
        if self.query is not None:
            return self.query
        given = self.interactive_input
        if given is None:
            return ""
        values = [*given.user_inputs.values()] if given.raw_inputs is None else [given.raw_inputs]
        return as_text(values[0]) if values else ""


@dataclass
class MessageContext:
    """What a message belongs to."""

    correlation_id: str | None = None
    conversation_id: str | None = None
    task_id: str | None = None
    workflow_id: str | None = None


def _unknown() -> MessageSource:
    return MessageSource("unknown", SourceType.SYSTEM)


@dataclass
class Message:
    """A message.

    Attributes:
        msg_id: Its id.
        msg_type: What it is about.
        priority: How urgent it is.
        source: Where it comes from.
        content: What it says.
        context: What it belongs to.
        created_at: When it was made.
        metadata: Whatever else.
        receiver_id: The agent of a group that it is for.
        message_type: What the agents of a group subscribe to.
    """

    msg_id: str = field(default_factory=lambda: str(uuid4()))
    msg_type: MessageType = MessageType.USER_INPUT
    priority: MessagePriority = MessagePriority.NORMAL
    source: MessageSource = field(default_factory=_unknown)
    content: MessageContent = field(default_factory=MessageContent)
    context: MessageContext = field(default_factory=MessageContext)
    created_at: datetime = field(default_factory=datetime.now)
    metadata: dict[str, Any] = field(default_factory=dict)
    receiver_id: str | None = None
    message_type: str | None = None

    # --- making one ---

    @classmethod
    def create_user_message(
        cls,
        content: str | InteractiveInput,
        conversation_id: str = "default",
        user_id: str | None = None,
        extensions: dict[str, Any] | None = None,
    ) -> Self:
        """Make a message of the user: a text, or answers."""
        is_answer = isinstance(content, InteractiveInput)
        said = MessageContent(
            query=None if is_answer else content,  # type: ignore[arg-type]
            interactive_input=content if is_answer else None,  # type: ignore[arg-type]
            extensions=extensions or {},
        )
        made = cls._made(MessageType.USER_INPUT, SourceType.USER, conversation_id, said)
        made.source.user_id, made.context.correlation_id = user_id, str(uuid4())
        return made

    @classmethod
    def create_agent_response(cls, content: str, conversation_id: str, reply_to_msg_id: str | None = None) -> Self:
        """Make an agent's answer."""
        made = cls._made(MessageType.AGENT_RESPONSE, SourceType.AGENT, conversation_id, MessageContent(query=content))
        made.context.correlation_id = reply_to_msg_id
        return made

    @classmethod
    def create_agent_handoff(cls, conversation_id: str, to_agent_id: str, handoff_reason: str) -> Self:
        """Make a message that hands a conversation to another agent."""
        said = MessageContent(query=handoff_reason, extensions={"to_agent_id": to_agent_id})
        return cls._made(MessageType.AGENT_HANDOFF, SourceType.AGENT, conversation_id, said)

    @classmethod
    def create_task_completed(
        cls,
        conversation_id: str,
        task_id: str,
        task_result: Any,
        workflow_id: str | None = None,
        stream_data: list[Any] | None = None,
    ) -> Self:
        """Make a message of a task that has ended."""
        said = MessageContent(task_result=task_result, stream_data=stream_data or [])
        made = cls._made(MessageType.TASK_COMPLETED, SourceType.TASK, conversation_id, said)
        made.context.task_id, made.context.workflow_id = task_id, workflow_id
        return made

    @classmethod
    def create_task_interrupted(
        cls,
        conversation_id: str,
        task_id: str,
        reason: str,
        task_result: Any,
        workflow_id: str | None = None,
        stream_data: list[Any] | None = None,
    ) -> Self:
        """Make a message of a task that waits for the user."""
        said = MessageContent(query=reason, task_result=task_result, stream_data=stream_data or [])
        made = cls._made(MessageType.TASK_INTERRUPTED, SourceType.TASK, conversation_id, said)
        made.context.task_id, made.context.workflow_id = task_id, workflow_id
        made.priority = MessagePriority.HIGH
        return made

    @classmethod
    def create_error_message(
        cls, conversation_id: str, error_msg: str, source_type: SourceType = SourceType.SYSTEM
    ) -> Self:
        """Make a message of an error."""
        made = cls._made(MessageType.ERROR, source_type, conversation_id, MessageContent(query=error_msg))
        made.context.conversation_id, made.priority = None, MessagePriority.HIGH
        return made

    @classmethod
    def create_info_message(
        cls, conversation_id: str, info_msg: str, source_type: SourceType = SourceType.SYSTEM
    ) -> Self:
        """Make a message that only tells something."""
        made = cls._made(MessageType.INFO, source_type, conversation_id, MessageContent(query=info_msg))
        made.context.conversation_id = None
        return made

    @classmethod
    def _made(cls, kind: MessageType, source: SourceType, conversation_id: str, content: MessageContent) -> Self:
        return cls(
            msg_type=kind,
            source=MessageSource(conversation_id, source),
            content=content,
            context=MessageContext(conversation_id=conversation_id),
        )

    # --- using one ---

    def set_correlation(self, correlation_id: str) -> None:
        """Say which message it answers."""
        self.context.correlation_id = correlation_id

    def set_conversation(self, conversation_id: str) -> None:
        """Say which conversation it belongs to."""
        self.context.conversation_id = conversation_id

    def is_from_user(self) -> bool:
        """Whether a user sent it."""
        return self.source.source_type is SourceType.USER

    def is_from_agent(self) -> bool:
        """Whether an agent sent it."""
        return self.source.source_type is SourceType.AGENT

    def is_task_related(self) -> bool:
        """Whether it belongs to a task."""
        return self.context.task_id is not None

    def is_workflow_related(self) -> bool:
        """Whether it belongs to a workflow."""
        return self.context.workflow_id is not None

    def get_display_content(self) -> str:
        """What it says, as a text."""
        return self.content.get_query()

    def to_dict(self) -> dict[str, Any]:
        """Its fields as plain data."""
        return asdict(self)
