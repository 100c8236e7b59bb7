"""Pending questions, read from the rows of sessions alone, in any process."""

from __future__ import annotations

import warnings
from collections.abc import Callable

from jiuwen_lg.engine.runtime.interrupts import Question
from jiuwen_lg.engine.sessions.row import Record
from jiuwen_lg.engine.sessions.runs import Runs
from jiuwen_lg.engine.sessions.workflow_key import AgentWorkflowKey
from jiuwen_lg.engine.store import Store
from jiuwen_lg.errors import JiuWenBaseException
from jiuwen_lg.output import PendingQuestion


async def pending_in(store: Store, select: Callable[[Runs], list[Record]]) -> list[PendingQuestion]:
    """The open questions of rows, in their order; a damaged row is left out with a warning.

    Args:
        store: Where the rows are.
        select: Which of them.
    """
    records = await store.database.call(lambda: select(store.runs))
    found: list[PendingQuestion] = []
    for record in records:
        if store.runs.is_running(record):
            continue
        try:
            found += [pending_of(record, question) for question in record.questions]
        except JiuWenBaseException as error:
            warnings.warn(str(error), RuntimeWarning, stacklevel=3)
    return found


def pending_of(record: Record, question: Question) -> PendingQuestion:
    """A question of a row, and who asks it."""
    row, owner = record.row, AgentWorkflowKey.of(record.row.workflow_id)
    return PendingQuestion(
        session_id=row.session_id,
        since=row.updated_at,
        output=question.to_chunk().payload,
        workflow_id=owner.workflow_id,
        agent_id=owner.agent_id,
    )
