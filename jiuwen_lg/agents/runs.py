"""The runs of one agent's workflows, by conversation."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from jiuwen_lg.agents.config import WorkflowSchema
from jiuwen_lg.engine.runtime.interrupts import Question
from jiuwen_lg.engine.sessions.row import Record
from jiuwen_lg.engine.sessions.workflow_key import AgentWorkflowKey, prefix_of
from jiuwen_lg.engine.store import open_store, opened_store
from jiuwen_lg.engine.turns.pending import pending_in
from jiuwen_lg.output import PendingQuestion

OWN = ("", "")
"""The key of an agent's own turns, which are no workflow of the user's."""


@dataclass(frozen=True, slots=True)
class Run:
    """A workflow's run in a conversation.

    Attributes:
        key: The workflow's key.
        record: Its row.
    """

    key: tuple[str, str]
    record: Record

    @property
    def questions(self) -> list[Question]:
        """The questions that it asks."""
        return self.record.questions

    @property
    def is_waiting(self) -> bool:
        """Whether it stopped to ask; one that failed may have asked, too."""
        return self.record.row.status == "waiting" and bool(self.record.questions)

    @property
    def tokens(self) -> set[str]:
        """Of all questions that it has asked."""
        return {*self.record.answers, *(question.token for question in self.record.questions)}

    @property
    def last_answer(self) -> object:
        """Return the newest stored answer; None if there is none."""
        given = [value for value in self.record.answers.values() if value is not None]
        return given[-1] if given else None


class AgentRuns:
    """The rows that are an agent's, of whatever process.

    Args:
        agent_id: The agent.
    """

    def __init__(self, agent_id: str) -> None:
        self._agent_id = agent_id
        self._prefix = prefix_of(agent_id)

    def owner(self, schema: WorkflowSchema) -> str:
        """Return the key under which a run of a workflow is stored."""
        return str(AgentWorkflowKey(self._agent_id, schema.id, schema.version))

    def slot(self, schema: WorkflowSchema) -> str:
        """A short name of that, which can be a key of the state."""
        return sha256(self.owner(schema).encode()).hexdigest()[:16]

    def own(self) -> str:
        """What the agent's own turns belong to."""
        return str(AgentWorkflowKey(self._agent_id, *OWN))

    async def of(self, conversation: str, *, with_done: bool = False) -> list[Run]:
        """A conversation's runs that have not finished, the longest untouched first.

        Args:
            conversation: The conversation.
            with_done: Whether runs with a stored receipt are listed, too.
        """
        store = await opened_store()
        records = await store.database.call(
            lambda: store.runs.of_agent(self._prefix, conversation, with_done=with_done)
        )
        owners = [(AgentWorkflowKey.of(record.row.workflow_id), record) for record in records]
        return [Run((owner.workflow_id, owner.version), record) for owner, record in owners]

    async def pending(self, conversation: str | None) -> list[PendingQuestion]:
        """List the open questions, in one conversation or all."""
        return await pending_in(await opened_store(), lambda runs: runs.of_agent(self._prefix, conversation))

    async def discard(self, conversation: str, *, with_done: bool) -> None:
        """Drop what a conversation has not finished.

        Args:
            conversation: The conversation.
            with_done: Whether receipts go, too.

        Raises:
            JiuWenBaseException: 100904, a run is in progress.
        """
        store = await opened_store()
        await store.database.call(lambda: store.runs.discard_owned(self._prefix, conversation, with_done=with_done))

    def is_running(self, run: Run) -> bool:
        """Whether somebody works on it now."""
        return open_store().runs.is_running(run.record)
