"""Enumerations of openJiuwen 0.1.1 that programs take values from."""

from __future__ import annotations

from enum import StrEnum


class ResponseType(StrEnum):
    """How a questioner takes answers."""

    ReplyDirectly = "reply_directly"


class ExecutionStatus(StrEnum):
    """How far a questioner is."""

    START = "start"
    USER_INTERACT = "user_interact"
    END = "end"


class WorkflowLLMResponseType(StrEnum):
    """In what form a model answers."""

    JSON = "json"
    MARKDOWN = "markdown"
    TEXT = "text"


class MessageRole(StrEnum):
    """Who says something."""

    USER = "user"
    ASSISTANT = "assistant"
    FUNCTION = "function"


class NodeStatus(StrEnum):
    """The status of a trace frame."""

    START = "start"
    FINISH = "finish"
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    ERROR = "error"


class InvokeType(StrEnum):
    """What a trace frame of an agent is of."""

    PROMPT = "prompt"
    LLM = "llm"
    PLUGIN = "plugin"
    WORKFLOW = "workflow"
    CHAIN = "chain"
    RETRIEVER = "retriever"
    EVALUATOR = "evalutor"
