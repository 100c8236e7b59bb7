"""The key of an agent's workflow in the rows of sessions."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

_AGENT = "agent"


@dataclass(frozen=True, slots=True)
class AgentWorkflowKey:
    """A workflow of an agent; `str()` of it is the row's `workflow_id`.

    Attributes:
        agent_id: The agent.
        workflow_id: The workflow, as the agent knows it.
        version: Its version.
    """

    agent_id: str
    workflow_id: str
    version: str

    def __str__(self) -> str:
        return f"{_AGENT}{json.dumps([self.agent_id, self.workflow_id, self.version])}"

    @classmethod
    def of(cls, text: str) -> Self:
        """Parse a row's `workflow_id`; of a workflow that belongs to no agent, the id alone."""
        if text.startswith(f"{_AGENT}["):
            with suppress(ValueError, TypeError):
                return cls(*json.loads(text.removeprefix(_AGENT)))
        return cls("", text, "")


def prefix_of(agent_id: str) -> str:
    """Return the prefix of the keys of an agent, and of no other."""
    return f"{_AGENT}{json.dumps([agent_id])[:-1]}, "
