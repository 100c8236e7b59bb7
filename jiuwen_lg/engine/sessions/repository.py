"""The sessions' rows, in the same file as the checkpoints.

A row is one run of a workflow in a session: which shape started it, where its
checkpoints are (`thread_id`), how far it is (`status`), what it asks, which answers it
has accepted, who runs it, and at the end its result (the receipt). Every method is one
transaction.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import uuid4

from jiuwen_lg.engine.graph.fingerprint import Identity, difference
from jiuwen_lg.engine.journal.table import delete_entries, prune_entries
from jiuwen_lg.engine.runtime.interrupts import Question
from jiuwen_lg.engine.sessions.heartbeat import Heartbeat, lease_seconds
from jiuwen_lg.engine.sessions.process_identity import ProcessIdentity
from jiuwen_lg.engine.sessions.row import Record, Row, Status, reading
from jiuwen_lg.engine.storage.database import Cursor, Database
from jiuwen_lg.engine.storage.encryption import dump, seal
from jiuwen_lg.engine.storage.fence import Lease
from jiuwen_lg.engine.storage.saver import FencedSaver
from jiuwen_lg.environment import seconds_from_env
from jiuwen_lg.errors import JiuWenBaseException, StatusCode

RECEIPT_SECONDS = 24 * 3600.0
"""How long a finished run's result is kept, unless the session runs again (`JIUWEN_LG_RECEIPT_SECONDS`)."""

MOST_RECEIPTS = 10_000
"""How many of them are kept at most, the newest."""
_PURGE_EVERY = 256

SESSION_TABLES = """
CREATE TABLE IF NOT EXISTS jiuwen_shapes (fingerprint TEXT PRIMARY KEY, shape TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS jiuwen_sessions (
    thread_id TEXT PRIMARY KEY, session_id TEXT NOT NULL, workflow_id TEXT NOT NULL, fingerprint TEXT NOT NULL,
    status TEXT NOT NULL, turn_id TEXT, inputs BLOB, questions BLOB, answers BLOB, kept BLOB, result BLOB, error BLOB,
    keep INTEGER NOT NULL, owner TEXT, fence INTEGER NOT NULL, lease_until REAL NOT NULL,
    created_at REAL NOT NULL, updated_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS jiuwen_sessions_by_id ON jiuwen_sessions (session_id, workflow_id);
CREATE INDEX IF NOT EXISTS jiuwen_sessions_by_age ON jiuwen_sessions (status, updated_at);
"""

SHOWN = "@shown"
"""Among the kept answers: how many frames Ends gave that had not finished."""

_COLUMNS = ", ".join(Row.__slots__)
_NOBODYS: dict[str, Any] = {"owner": None, "lease_until": 0.0}


class Sessions:
    """The rows of one store."""

    def __init__(self, database: Database, saver: FencedSaver) -> None:
        self._database = database
        self._saver = saver
        self._completed = 0
        self._heartbeat = Heartbeat(self._renew)

    # --- beginning a turn ---

    def start(
        self, session_id: str, identity: Identity, inputs: Any, *, turn_id: str | None, force: bool, keep: bool
    ) -> tuple[Record, Lease | None]:
        """Begin a new run; without a lease, the unfinished run (or the turn's own) that is in the way.

        Args:
            force: Drop an unfinished run instead.

        Raises:
            JiuWenBaseException: 100904 while a run is in progress.
        """
        with self._database.transaction(session_id) as cursor:
            records = self._of_shape(cursor, session_id, identity)
            for record in records:
                if turn_id is not None and record.row.turn_id == turn_id:
                    self._refuse_running(record)
                    return record, None
            for record in records:
                self._refuse_running(record)
                if not record.is_done and not force:
                    return record, None
            for record in records:
                if not (record.is_done and record.row.keep):
                    self._delete(cursor, record)
            return self._insert(cursor, session_id, identity, inputs, turn_id, _retired(records), keep=keep)

    def _of_shape(self, cursor: Cursor, session_id: str, identity: Identity) -> list[Record]:
        """The runs that a start would collide with: those of the id, or of an unnamed one's shape."""
        records = self._select(cursor, "session_id = ? AND workflow_id = ?", session_id, identity.workflow_id)
        return [r for r in records if identity.workflow_id or r.row.fingerprint == identity.fingerprint]

    def _insert(
        self,
        cursor: Cursor,
        session_id: str,
        identity: Identity,
        inputs: Any,
        turn_id: str | None,
        retired: Sequence[str],
        *,
        keep: bool,
    ) -> tuple[Record, Lease]:
        now = time.time()
        row = Row(
            thread_id=uuid4().hex,
            session_id=session_id,
            workflow_id=identity.workflow_id,
            fingerprint=identity.fingerprint,
            status="running",
            turn_id=turn_id,
            inputs=dump(inputs),
            questions=None,
            answers=dump(dict.fromkeys(retired)) if retired else None,
            kept=None,
            result=None,
            error=None,
            keep=int(keep),
            owner=str(ProcessIdentity.current()),
            fence=1,
            lease_until=now + lease_seconds(),
            created_at=now,
            updated_at=now,
        )
        marks = ", ".join("?" * len(Row.__slots__))
        values = tuple(getattr(row, column) for column in Row.__slots__)
        cursor.execute(f"INSERT INTO jiuwen_sessions ({_COLUMNS}) VALUES ({marks})", values)
        self._file_shape(cursor, identity)
        return Record(row), self._hold(row, fence=1)

    def resume(
        self, session_id: str, identity: Identity, *, insist: bool
    ) -> tuple[Record, Lease] | tuple[Record | None, None]:
        """Take the session's unfinished run of this workflow; failing that, show its receipt.

        Args:
            insist: Take a run that was started by another shape, too.

        Raises:
            JiuWenBaseException: 100904 while a run is in progress, 100906 if only a run of
                another shape is on file.
        """
        with self._database.transaction(session_id) as cursor:
            records = self._select(cursor, "session_id = ? AND workflow_id = ?", session_id, identity.workflow_id)
            equal = [r for r in records if r.row.fingerprint == identity.fingerprint]
            for record in equal:
                if not record.is_done:
                    return self._take(cursor, record)
            others = [r for r in records if not r.is_done]
            if equal or len(others) != 1:
                return (max(equal, key=lambda r: r.row.updated_at) if equal else None), None
            if insist:
                return self._take(cursor, others[0])
            self._refuse_running(others[0])
            raise self._changed(others[0], identity)

    def _take(self, cursor: Cursor, record: Record) -> tuple[Record, Lease]:
        self._refuse_running(record)
        fence = record.row.fence + 1
        cursor.execute(
            "UPDATE jiuwen_sessions SET status = 'running', owner = ?, fence = ?, lease_until = ? WHERE thread_id = ?",
            (str(ProcessIdentity.current()), fence, time.time() + lease_seconds(), record.row.thread_id),
        )
        return record, self._hold(record.row, fence)

    def _changed(self, record: Record, identity: Identity) -> JiuWenBaseException:
        reason = self.change_of(record, identity)
        return StatusCode.WORKFLOW_CHANGED.error(session_id=record.row.session_id, reason=reason)

    def _file_shape(self, cursor: Cursor, identity: Identity) -> None:
        known = cursor.execute("SELECT 1 FROM jiuwen_shapes WHERE fingerprint = ?", (identity.fingerprint,))
        if known.fetchone() is None:
            shape = (identity.fingerprint, json.dumps(identity.shape))
            cursor.execute("INSERT INTO jiuwen_shapes VALUES (?, ?) ON CONFLICT DO NOTHING", shape)

    # --- during a turn ---

    def accept(
        self,
        lease: Lease,
        identity: Identity,
        *,
        answers: Mapping[str, Any],
        early_answers: Mapping[str, Any],
        questions: Sequence[Question],
    ) -> None:
        """Put accepted answers on file before the run consumes them; the run is this shape's now.

        Args:
            questions: Those that are still open.
        """
        taken = {"answers": dump(answers), "kept": dump(early_answers), "questions": _dumped(questions)}
        with self._database.transaction(lease.session_id) as cursor:
            self._update(cursor, lease, fingerprint=identity.fingerprint, **taken)
            self._file_shape(cursor, identity)

    # --- ending a turn ---

    def release(self, lease: Lease, record: Record, status: Status) -> None:
        """End a turn that has changed nothing."""
        with self._database.transaction(lease.session_id) as cursor:
            self._update(cursor, lease, status=status, updated_at=record.row.updated_at, **_NOBODYS)

    def settle(
        self,
        lease: Lease,
        status: Status,
        *,
        early_answers: Mapping[str, Any],
        questions: Sequence[Question] = (),
        error: str | None = None,
    ) -> None:
        """End a turn whose run has not finished."""
        asked, told = _dumped(questions), None if error is None else seal(error.encode())
        on_file = dump(early_answers) if early_answers else None
        with self._database.transaction(lease.session_id) as cursor:
            self._update(cursor, lease, status=status, questions=asked, kept=on_file, error=told, **_NOBODYS)

    def complete(self, lease: Lease, record: Record, result: Any, *, tokens: Sequence[str]) -> None:
        """End a run: its checkpoints are replaced by a receipt.

        Args:
            tokens: The questions that were answered; an answer delivered again gets the result.
        """
        receipt = {"status": "done", "result": dump(result), "answers": dump(dict.fromkeys(tokens))}
        emptied = dict.fromkeys(("inputs", "questions", "kept", "error"))
        with self._database.transaction(lease.session_id) as cursor:
            self._update(cursor, lease, **receipt, **emptied, **_NOBODYS)
            if not record.row.keep:
                self._saver.delete_thread(record.row.thread_id)
            self._purge(cursor)

    def let_go(self, lease: Lease) -> None:
        """Stop renewing a lease; the last thing that its turn does."""
        self._heartbeat.remove(lease)

    # --- reading and clearing ---

    def find(self, session_id: str, identity: Identity) -> Record | None:
        """The session's newest run of this workflow."""
        with self._database.transaction(write=False) as cursor:
            records = self._of_shape(cursor, session_id, identity)
        return max(records, key=lambda r: r.row.created_at) if records else None

    def unfinished(self, identity: Identity, session_id: str | None) -> list[Record]:
        """The runs of this workflow that wait, failed or were killed, oldest first."""
        with self._database.transaction(write=False) as cursor:
            if session_id is not None:
                records = self._of_shape(cursor, session_id, identity)
            elif identity.workflow_id:
                records = self._select(cursor, "workflow_id = ?", identity.workflow_id)
            else:
                records = self._select(cursor, "workflow_id = '' AND fingerprint = ?", identity.fingerprint)
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
            records = self._select(cursor, where, *arguments)
        return sorted(records, key=lambda r: r.row.updated_at)

    def discard_owned(self, prefix: str, session_id: str, *, with_done: bool = True) -> None:
        """Delete a session's runs of workflows that belong to something.

        Raises:
            JiuWenBaseException: 100904, one of them is in progress.
        """
        where, arguments = _of_owner(prefix, session_id, with_done=with_done)
        with self._database.transaction(session_id) as cursor:
            records = self._select(cursor, where, *arguments)
            for record in records:
                self._refuse_running(record)
            for record in records:
                self._delete(cursor, record)

    def discard(self, session_id: str, identity: Identity | None = None) -> int:
        """Delete a session's runs (of one workflow, or all); returns how many there were.

        Raises:
            JiuWenBaseException: 100904, one of them is in progress.
        """
        with self._database.transaction(session_id) as cursor:
            if identity is None:
                records = self._select(cursor, "session_id = ?", session_id)
            else:
                records = self._of_shape(cursor, session_id, identity)
            for record in records:
                self._refuse_running(record)
            for record in records:
                self._delete(cursor, record)
        return len(records)

    def remove(self, record: Record) -> bool:
        """Delete a run; False if it goes on now, or has gone on since it was read."""
        with self._database.transaction(record.row.session_id) as cursor:
            for now in self._select(cursor, "thread_id = ?", record.row.thread_id):
                if now.row.fence == record.row.fence and not self.is_running(now):
                    self._delete(cursor, now)
                    return True
        return False

    def change_of(self, record: Record, identity: Identity) -> str:
        """What changed from the shape that started a run to this one, in words."""
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
        row, now = record.row, time.time()
        fresh = {"turn_id": None, "questions": None, "answers": None, "result": None, "error": None, **_NOBODYS}
        values = {name: getattr(row, name) for name in Row.__slots__} | fresh
        values |= {"thread_id": uuid4().hex, "session_id": session_id, "status": "waiting", "fence": 0}
        values |= {"kept": None, "created_at": now, "updated_at": now}
        with self._database.transaction(record.row.session_id, session_id) as cursor:
            others = self._of_shape(cursor, session_id, Identity(row.workflow_id, row.fingerprint, {}))
            if any(not r.is_done for r in others):
                raise StatusCode.WORKFLOW_STATE_EXISTS_ERROR.error(
                    session_id=session_id, reason="a fork needs a free one"
                )
            marks = ", ".join("?" * len(values))
            cursor.execute(f"INSERT INTO jiuwen_sessions ({', '.join(values)}) VALUES ({marks})", (*values.values(),))
            if not self._saver.fork_thread(row.thread_id, checkpoint_id, values["thread_id"], no_task):
                raise StatusCode.INTERACTION_NOT_PENDING.error(session_id=row.session_id, reason="its run has finished")
        return str(values["thread_id"])

    # --- rows ---

    def _select(self, cursor: Cursor, where: str, *values: Any) -> list[Record]:
        cursor.execute(f"SELECT {_COLUMNS} FROM jiuwen_sessions WHERE {where} ORDER BY created_at", values)
        return [Record(Row.read(row)) for row in cursor.fetchall()]

    def _update(self, cursor: Cursor, lease: Lease, **values: Any) -> None:
        lease.require(cursor)
        values = {"updated_at": time.time(), **values}
        names = ", ".join(f"{name} = ?" for name in values)
        query = f"UPDATE jiuwen_sessions SET {names} WHERE thread_id = ? AND status = 'running'"
        cursor.execute(query, (*values.values(), lease.thread_id))

    def _delete(self, cursor: Cursor, record: Record) -> None:
        cursor.execute("DELETE FROM jiuwen_sessions WHERE thread_id = ?", (record.row.thread_id,))
        self._saver.delete_thread(record.row.thread_id)
        delete_entries(cursor, record.row.thread_id)

    def _purge(self, cursor: Cursor) -> None:
        oldest = time.time() - seconds_from_env("JIUWEN_LG_RECEIPT_SECONDS", RECEIPT_SECONDS)
        receipts = "status = 'done' AND keep = 0"
        cursor.execute(f"DELETE FROM jiuwen_sessions WHERE {receipts} AND updated_at < ?", (oldest,))
        gone = cursor.rowcount
        self._completed += 1
        if self._completed % _PURGE_EVERY == 1:
            prune_entries(cursor)
        if self._completed % _PURGE_EVERY == 0:
            newest = (
                f"SELECT updated_at FROM jiuwen_sessions WHERE {receipts} ORDER BY updated_at DESC LIMIT 1 OFFSET ?"
            )
            cursor.execute(
                f"DELETE FROM jiuwen_sessions WHERE {receipts} AND updated_at <= ({newest})", (MOST_RECEIPTS,)
            )
            gone += cursor.rowcount
        if gone:
            used = "SELECT fingerprint FROM jiuwen_sessions"
            cursor.execute(f"DELETE FROM jiuwen_shapes WHERE fingerprint NOT IN ({used})")

    # --- leases ---

    def _hold(self, row: Row, fence: int) -> Lease:
        lease = Lease(row.session_id, row.thread_id, fence)
        self._heartbeat.add(lease)
        return lease

    def _refuse_running(self, record: Record) -> None:
        if self.is_running(record):
            owner = record.owner
            assert owner is not None
            raise StatusCode.SESSION_BUSY.error(session_id=record.row.session_id, owner=owner.describe())

    def is_running(self, record: Record) -> bool:
        """Whether somebody alive runs this session now."""
        row = record.row
        if row.status != "running" or row.owner is None:
            return False
        if row.owner == str(ProcessIdentity.current()):  # whatever the clock says
            return row.thread_id in self._heartbeat.held()
        if row.lease_until < time.time():
            return False
        owner = record.owner
        return owner is not None and not owner.is_known_dead()

    def _renew(self) -> None:
        """Extend every lease that is still ours; note those that are not."""
        leases = self._heartbeat.held().values()
        until = time.time() + lease_seconds()
        with self._database.transaction() as cursor:
            for lease in leases:
                cursor.execute(
                    "UPDATE jiuwen_sessions SET lease_until = ? WHERE thread_id = ? AND fence = ?",
                    (until, lease.thread_id, lease.fence),
                )
                if not cursor.rowcount and lease.thread_id in self._heartbeat.held():
                    lease.lose()


def _of_owner(prefix: str, session_id: str | None, *, with_done: bool) -> tuple[str, list[Any]]:
    """The condition that selects the rows of an owner, and its values."""
    where, arguments = "substr(workflow_id, 1, ?) = ?", [len(prefix), prefix]
    if session_id is not None:
        where, arguments = f"session_id = ? AND {where}", [session_id, *arguments]
    return where if with_done else f"{where} AND status != 'done'", arguments


_MOST_RETIRED = 1000


def _retired(records: Sequence[Record]) -> list[str]:
    """The tokens answered in a session's earlier runs: answers to them that come late are known as such."""
    tokens: list[str] = []
    for record in records:
        with suppress(JiuWenBaseException):
            tokens += record.answers
    return tokens[-_MOST_RETIRED:]


def _dumped(questions: Sequence[Question]) -> bytes:
    return dump([_plain(question) for question in questions])


def _plain(question: Question) -> dict[str, Any]:
    shown = {"id": question.id, "index": question.index, "value": question.value, "token": question.token}
    more = {"schema": question.schema, "error": question.error, "label": question.label or None}
    return {**shown, **{name: value for name, value in more.items() if value is not None}}
