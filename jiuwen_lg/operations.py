"""Operations on a store: list all sessions, delete old ones, check a deployment.

On the command line it is `jiuwen-lg sessions` (`command`).
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from jiuwen_lg.engine.sessions.row import Record
from jiuwen_lg.engine.sessions.workflow_key import AgentWorkflowKey
from jiuwen_lg.engine.store import Store, open_store
from jiuwen_lg.engine.turns.lease_scope import status_at_rest
from jiuwen_lg.errors import JiuWenBaseException
from jiuwen_lg.output import InteractionOutput
from jiuwen_lg.workflow import Workflow

STATUSES = ("waiting", "failed", "running", "done")


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A run of a workflow in a session, as its row tells.

    Attributes:
        session_id: The session.
        workflow_id: The workflow; empty if it was given no id.
        agent_id: The agent whose workflow it is; empty if it is none's.
        status: `waiting`, `failed` (or killed), `running` (now), `done`.
        created_at: When it began, seconds since 1970.
        updated_at: When it was last touched.
        bytes: What it takes in the store, its checkpoints included.
        questions: What it asks.
        error: What it failed with, or what of its row is damaged.
    """

    session_id: str
    workflow_id: str
    agent_id: str
    status: str
    created_at: float
    updated_at: float
    bytes: int
    questions: list[InteractionOutput]
    error: str | None
    owner: str = field(default="", repr=False)
    """The row's workflow id as it is stored."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A session that would not go on after a deployment.

    Attributes:
        session: The session.
        reason: What has changed, or that its workflow is not among those given.
    """

    session: SessionInfo
    reason: str


def sessions(session_id: str | None = None, statuses: Collection[str] = STATUSES) -> list[SessionInfo]:
    """The stored runs, the longest untouched first; a damaged one is listed with what is damaged.

    Args:
        session_id: Of this session only.
        statuses: Of these only.

    Raises:
        JiuWenBaseException: 100908, the store cannot be used.
    """
    return [info for info, _ in _listed(open_store(), session_id) if info.status in statuses]


def prune(
    older: float, statuses: Collection[str] = ("waiting", "failed"), *, is_dry: bool = False
) -> list[SessionInfo]:
    """Delete runs that nobody has touched for a while; those that go on meanwhile stay.

    Args:
        older: For so many seconds.
        statuses: Which.
        is_dry: Only tell which they are.

    Returns:
        Those that are gone, or would be.
    """
    store, oldest = open_store(), time.time() - older
    found = [
        (info, record)
        for info, record in _listed(store, None)
        if info.status in statuses and info.status != "running" and info.updated_at < oldest
    ]
    return [info for info, record in found if is_dry or store.runs.remove(record)]


def trust() -> bool:
    """Trust values that are stored unencrypted: from before there was a key, or written by a process without it.

    Returns:
        Whether there is a key; without one, everything is believed anyway.

    Raises:
        JiuWenBaseException: 100908, the store cannot be used.
    """
    store = open_store()
    store.saver.vault.mark(store.database, afresh=True)
    return store.saver.vault.is_sealing


def check(flows: Iterable[Workflow]) -> list[Mismatch]:
    """List the unfinished sessions that these workflows could not resume: run it before a deployment.

    Args:
        flows: The workflows as they are going to be.
    """
    store = open_store()
    identities = [flow.identity() for flow in flows]
    shapes = {identity.workflow_id: identity for identity in identities}
    fingerprints = {(identity.workflow_id, identity.fingerprint) for identity in identities}
    found = []
    for info, record in _listed(store, None):
        if info.status == "done" or (info.workflow_id, record.row.fingerprint) in fingerprints:
            continue
        if not info.workflow_id:
            reason = "its workflow has no id, and none of its shape is given"
        elif identity := shapes.get(info.workflow_id):
            reason = store.runs.change_of(record, identity)
        else:
            reason = f"no workflow with the id {info.workflow_id!r} is given"
        found.append(Mismatch(info, reason))
    return found


def _listed(store: Store, session_id: str | None) -> list[tuple[SessionInfo, Record]]:
    sizes = store.saver.sizes(session_id)
    records = store.runs.of_agent("", session_id, with_done=True)
    return [(_info(store, record, sizes.get(record.row.thread_id, 0)), record) for record in records]


def _info(store: Store, record: Record, size: int) -> SessionInfo:
    row, owner = record.row, AgentWorkflowKey.of(record.row.workflow_id)
    questions: list[InteractionOutput] = []
    error: str | None = None
    status = "running" if store.runs.is_running(record) else status_at_rest(record)
    try:
        error = record.error
        questions = [question.to_chunk().payload for question in record.questions]
    except JiuWenBaseException as damage:
        error = damage.message
    blobs: list[Any] = [row.inputs, row.questions, row.answers, row.kept, row.result]
    return SessionInfo(
        session_id=row.session_id,
        workflow_id=owner.workflow_id,
        agent_id=owner.agent_id,
        status=status,
        created_at=row.created_at,
        updated_at=row.updated_at,
        bytes=size + sum(len(blob) for blob in blobs if isinstance(blob, bytes)),
        questions=questions if status != "running" else [],
        error=error,
        owner=row.workflow_id,
    )
