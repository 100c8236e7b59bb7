"""Looking for runs, and dropping them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from uuid import uuid4

from jiuwen_lg.engine.graph.fingerprint import Identity, difference
from jiuwen_lg.engine.sessions.row import Record, Row, reading
from jiuwen_lg.engine.sessions.table import NO_HOLDER, SessionTable
from jiuwen_lg.errors import StatusCode


class Runs:
    """The runs of one store, as those see them who do not run them; every method is one transaction."""

    def __init__(self, table: SessionTable) -> None:
        self._table = table
        self._database = table.database

    def find(self, session_id: str, identity: Identity) -> Record | None:
        """The session's newest run of this workflow."""
        with self._database.transaction(write=False) as cursor:
            records = self._table.of_shape(cursor, session_id, identity)
        return max(records, key=lambda r: r.row.created_at) if records else None

    def unfinished(self, identity: Identity, session_id: str | None) -> list[Record]:
        """The runs of this workflow that wait, failed or were killed, oldest first."""
        with self._database.transaction(write=False) as cursor:
            if session_id is not None:
                records = self._table.of_shape(cursor, session_id, identity)
            elif identity.workflow_id:
                records = self._table.select(cursor, "workflow_id = ?", identity.workflow_id)
            else:
                records = self._table.select(cursor, "workflow_id = '' AND fingerprint = ?", identity.fingerprint)
        return sorted((r for r in records if not r.is_done), key=lambda r: r.row.updated_at)

    def of_agent(self, prefix: str, session_id: str | None, *, with_done: bool = False) -> list[Record]:
        """The runs of workflows that belong to something, in one session or all, the longest untouched first.

        Args:
            prefix: What the ids of its workflows begin with; empty for all workflows there are.
            session_id: The session; None for all.
            with_done: Whether receipts are listed, too.
        """
        where, arguments = _of_owner(prefix, session_id, with_done=with_done)
        with self._database.transaction(write=False) as cursor:
            records = self._table.select(cursor, where, *arguments)
        return sorted(records, key=lambda r: r.row.updated_at)

    def is_running(self, record: Record) -> bool:
        """Whether a living holder runs this session now."""
        return self._table.is_running(record)

    def discard_owned(self, prefix: str, session_id: str, *, with_done: bool = True) -> None:
        """Delete a session's runs of workflows that belong to something.

        Raises:
            JiuWenBaseException: 100904, one of them is in progress.
        """
        where, arguments = _of_owner(prefix, session_id, with_done=with_done)
        with self._database.transaction(session_id) as cursor:
            records = self._table.select(cursor, where, *arguments)
            for record in records:
                self._table.refuse_running(record)
            for record in records:
                self._table.delete(cursor, record)

    def discard(self, session_id: str, identity: Identity | None = None) -> int:
        """Delete a session's runs (of one workflow, or all); returns how many there were.

        Raises:
            JiuWenBaseException: 100904, one of them is in progress.
        """
        with self._database.transaction(session_id) as cursor:
            if identity is None:
                records = self._table.select(cursor, "session_id = ?", session_id)
            else:
                records = self._table.of_shape(cursor, session_id, identity)
            for record in records:
                self._table.refuse_running(record)
            for record in records:
                self._table.delete(cursor, record)
        return len(records)

    def remove(self, record: Record) -> bool:
        """Delete a run; False if it goes on now, or has gone on since it was read."""
        with self._database.transaction(record.row.session_id) as cursor:
            for now in self._table.select(cursor, "thread_id = ?", record.row.thread_id):
                if now.row.fence == record.row.fence and not self.is_running(now):
                    self._table.delete(cursor, now)
                    return True
        return False

    def change_of(self, record: Record, identity: Identity) -> str:
        """Describe the changes from the shape that started a run to this one."""
        query = "SELECT shape FROM jiuwen_shapes WHERE fingerprint = ?"
        with self._database.transaction(write=False) as cursor:
            row = cursor.execute(query, (record.row.fingerprint,)).fetchone()
        with reading("the shape", record.row.session_id):
            return difference(json.loads(row[0]), dict(identity.shape)) if row else "its shape is not on file"

    def fork(self, record: Record, checkpoint_id: str, session_id: str, no_task: str) -> str:
        """Copy a run as it was at a checkpoint into another session, where it waits to go on.

        Args:
            no_task: What marks the writes to a checkpoint that no task made: they are part of it.

        Returns:
            The new run's thread.

        Raises:
            JiuWenBaseException: 100006, the session has an unfinished run of this workflow. 100900, the
                checkpoint is gone.
        """
        row, thread_id = record.row, uuid4().hex
        values: dict[str, Any] = {name: getattr(row, name) for name in Row.__slots__}
        values |= dict.fromkeys(("turn_id", "questions", "answers", "kept", "result", "error")) | NO_HOLDER
        values |= {"thread_id": thread_id, "session_id": session_id, "status": "waiting", "fence": 0}
        if isinstance(row.inputs, bytes):
            values["inputs"] = self._table.saver.vault.unseal(row.inputs, record.place("inputs"))
        copy = Row(**values)
        copy = replace(copy, **self._table.sealed(copy, {"inputs": copy.inputs}))
        with self._database.transaction(record.row.session_id, session_id) as cursor:
            others = self._table.of_shape(cursor, session_id, Identity(row.workflow_id, row.fingerprint, {}))
            if any(not r.is_done for r in others):
                raise StatusCode.WORKFLOW_STATE_EXISTS_ERROR.error(
                    session_id=session_id, reason="a fork needs a free one"
                )
            self._table.insert(cursor, copy)
            if not self._table.saver.fork_thread(row.thread_id, checkpoint_id, thread_id, no_task):
                raise StatusCode.INTERACTION_NOT_PENDING.error(session_id=row.session_id, reason="its run has finished")
        return thread_id


def _of_owner(prefix: str, session_id: str | None, *, with_done: bool) -> tuple[str, list[Any]]:
    """The condition that selects the rows of an owner, and its values."""
    where, arguments = "substr(workflow_id, 1, ?) = ?", [len(prefix), prefix]
    if session_id is not None:
        where, arguments = f"session_id = ? AND {where}", [session_id, *arguments]
    return where if with_done else f"{where} AND status != 'done'", arguments
