"""The kinds of agents and tasks, by openJiuwen's names.

Facts: openJiuwen 0.1.1, `agents.md` 0.
"""

from __future__ import annotations

from enum import Enum


class ControllerType(Enum):
    """Who decides what an agent does next."""

    ReActController = "react"
    WorkflowController = "workflow"
    Undefined = "undefined"


class TaskType(Enum):
    """What an agent's task runs."""

    PLUGIN = "plugin"
    WORKFLOW = "workflow"
    MCP = "mcp"
    UNDEFINED = "undefined"


class TaskStatus(Enum):
    """How far a task is."""

    PENDING = 1
    RUNNING = 2
    SUCCESS = 3
    FAILED = 4
    CANCELLED = 5
    INTERRUPTED = 6


class ReActControllerStatus(Enum):
    """How a ReAct conversation stands."""

    NORMAL = "NORMAL"
    INTERRUPTED = "INTERRUPTED"
    COMPLETED = "COMPLETED"
    TIMEOUT = "TIMEOUT"
