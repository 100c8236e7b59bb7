"""The sessions' rows, in the same file as the checkpoints.

A row is one run of a workflow in a session: which shape started it, where its
checkpoints are (`thread_id`), how far it is (`status`), what it asks, which answers it
has accepted, who runs it, and at the end its result (the receipt). Every method is one
transaction.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias
from uuid import uuid4

from jiuwen_lg.engine.database import Database
from jiuwen_lg.engine.fingerprint import difference
from jiuwen_lg.engine.interaction import Question
from jiuwen_lg.engine.lease import Heartbeat, Lease, Owner, lease_seconds
from jiuwen_lg.engine.serializer import StrictSerializer
from jiuwen_lg.environment import seconds_from_env
from jiuwen_lg.errors import JiuWenBaseException, StatusCode

Status: TypeAlias = Literal["running", "waiting", "failed", "done"]

FORMAT = 1
"""Of the tables below; a file with a higher number was written by a later release."""

RECEIPT_SECONDS = 24 * 3600.0
"""How long a finished run's result is kept, unless the session runs again (`JIUWEN_LG_RECEIPT_SECONDS`)."""

SESSION_TABLES = f"""
CREATE TABLE IF NOT EXISTS jiuwen_store (format INTEGER NOT NULL);
INSERT INTO jiuwen_store SELECT {FORMAT} WHERE NOT EXISTS (SELECT 1 FROM jiuwen_store);
CREATE TABLE IF NOT EXISTS jiuwen_shapes (fingerprint TEXT PRIMARY KEY, shape TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS jiuwen_sessions (
    thread_id TEXT PRIMARY KEY, session_id TEXT NOT NULL, workflow_id TEXT NOT NULL, fingerprint TEXT NOT NULL,
    status TEXT NOT NULL, turn_id TEXT, inputs BLOB, questions BLOB, answers BLOB, result BLOB, error TEXT,
    keep INTEGER NOT NULL, owner TEXT, fence INTEGER NOT NULL, lease_until REAL NOT NULL,
    created_at REAL NOT NULL, updated_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS jiuwen_sessions_by_id ON jiuwen_sessions (session_id, workflow_id);
CREATE INDEX IF NOT EXISTS jiuwen_sessions_by_age ON jiuwen_sessions (status, updated_at);
"""


@dataclass(frozen=True, slots=True)
class Identity:
    """Which workflow a turn belongs to.

    Attributes:
        workflow_id: The id that the user gave the workflow; empty if none.
        fingerprint: The digest of its shape.
    """

    workflow_id: str
    fingerprint: str
    shape: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Record:
    """A row, with its values read."""

    thread_id: str
    session_id: str
    workflow_id: str
    fingerprint: str
    status: Status
    turn_id: str | None
    inputs: Any
    questions: list[Question]
    answers: dict[str, Any]
    result: Any
    error: str | None
    keep: bool
    owner: Owner | None
    fence: int
    lease_until: float
    created_at: float
    updated_at: float

    @property
    def is_done(self) -> bool:
        """Whether the run has finished and only its receipt is left."""
        return self.status == "done"


_COLUMNS = ", ".join(Record.__slots__)


class Sessions:
    """The rows of one store."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._serializer = StrictSerializer()
        self._heartbeat = Heartbeat(self._renew)

    # --- beginning a turn ---

    def start(
        self, session_id: str, identity: Identity, inputs: Any, *, turn_id: str | None, force: bool, keep: bool
    ) -> tuple[Record, Lease | None]:
        """Begin a new run; without a lease, the run that `turn_id` already names.

        Raises:
            JiuWenBaseException: 100904 while a run is in progress, 100006 while one is unfinished.
        """
        with self.database.transaction() as cursor:
            records = self._of_shape(cursor, session_id, identity)
            for record in records:
                if turn_id is not None and record.turn_id == turn_id:
                    self._refuse_running(record)
                    return record, None
            for record in records:
                self._make_way(cursor, record, force=force)
            return self._insert(cursor, session_id, identity, inputs, turn_id, keep)

    def _of_shape(self, cursor: sqlite3.Cursor, session_id: str, identity: Identity) -> list[Record]:
        """The runs that a start would collide with: those of the id, or of an unnamed one's shape."""
        records = self._select(cursor, "session_id = ? AND workflow_id = ?", session_id, identity.workflow_id)
        return [r for r in records if identity.workflow_id or r.fingerprint == identity.fingerprint]

    def _make_way(self, cursor: sqlite3.Cursor, record: Record, *, force: bool) -> None:
        if not record.is_done:
            self._refuse_running(record)
            if not force:
                raise StatusCode.WORKFLOW_STATE_EXISTS_ERROR.error(
                    session_id=record.session_id, reason=_what_waits(record)
                )
        if not record.is_done or not record.keep:
            self._delete(cursor, record.thread_id)

    def _insert(
        self,
        cursor: sqlite3.Cursor,
        session_id: str,
        identity: Identity,
        inputs: Any,
        turn_id: str | None,
        keep: bool,
    ) -> tuple[Record, Lease]:
        now = time.time()
        row = {
            "thread_id": uuid4().hex,
            "session_id": session_id,
            "workflow_id": identity.workflow_id,
            "fingerprint": identity.fingerprint,
            "status": "running",
            "turn_id": turn_id,
            "inputs": self._dump(inputs),
            "keep": int(keep),
            "owner": str(Owner.current()),
            "fence": 1,
            "lease_until": now + lease_seconds(),
            "created_at": now,
            "updated_at": now,
        }
        self._file_shape(cursor, identity)
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        cursor.execute(f"INSERT INTO jiuwen_sessions ({names}) VALUES ({marks})", tuple(row.values()))
        record = self._select(cursor, "thread_id = ?", row["thread_id"])[0]
        return record, self._hold(record, fence=1)

    def resume(
        self, session_id: str, identity: Identity, *, insist: bool
    ) -> tuple[Record, Lease] | tuple[Record | None, None]:
        """Take the session's unfinished run of this workflow; failing that, show its receipt.

        Args:
            insist: Take a run that was started by another shape, too.

        Raises:
            JiuWenBaseException: 100904 while a run is in progress, 100906 if only a run of
                another shape is unfinished.
        """
        with self.database.transaction() as cursor:
            records = self._select(cursor, "session_id = ? AND workflow_id = ?", session_id, identity.workflow_id)
            unfinished = [r for r in records if not r.is_done]
            record = next((r for r in unfinished if r.fingerprint == identity.fingerprint), None)
            if record is None and len(unfinished) == 1:
                record = unfinished[0]
                if not insist:
                    self._refuse_running(record)
                    raise self._changed(cursor, record, identity)
            if record is None:
                receipts = [r for r in records if r.is_done and r.fingerprint == identity.fingerprint]
                return (max(receipts, key=lambda r: r.updated_at) if receipts else None), None
            return self._take(cursor, record, identity)

    def _take(self, cursor: sqlite3.Cursor, record: Record, identity: Identity) -> tuple[Record, Lease]:
        self._refuse_running(record)
        lease = self._hold(record, fence=record.fence + 1)
        cursor.execute(
            "UPDATE jiuwen_sessions SET status = 'running', fingerprint = ?, owner = ?, fence = ?, lease_until = ? "
            "WHERE thread_id = ?",
            (
                identity.fingerprint,
                str(Owner.current()),
                lease.fence,
                time.time() + lease_seconds(),
                record.thread_id,
            ),
        )
        self._file_shape(cursor, identity)
        return record, lease

    def _file_shape(self, cursor: sqlite3.Cursor, identity: Identity) -> None:
        shape = (identity.fingerprint, json.dumps(identity.shape))
        cursor.execute("INSERT OR IGNORE INTO jiuwen_shapes VALUES (?, ?)", shape)

    def _changed(self, cursor: sqlite3.Cursor, record: Record, identity: Identity) -> JiuWenBaseException:
        query = "SELECT shape FROM jiuwen_shapes WHERE fingerprint = ?"
        row = cursor.execute(query, (record.fingerprint,)).fetchone()
        reason = difference(json.loads(row[0]), dict(identity.shape)) if row else "its shape is not on file"
        return StatusCode.WORKFLOW_CHANGED.error(session_id=record.session_id, reason=reason)

    # --- during a turn ---

    def accept(self, lease: Lease, answers: Mapping[str, Any]) -> None:
        """Put accepted answers on file, by token, before the run consumes them."""
        self._update(lease, answers=self._dump(dict(answers)))

    # --- ending a turn ---

    def settle(
        self, lease: Lease, status: Status, *, questions: list[Question] | None = None, error: str | None = None
    ) -> None:
        """End a turn whose run has not finished, and let the lease go."""
        shown = None if questions is None else self._dump([_plain(q) for q in questions])
        self._update(lease, status=status, questions=shown, error=error, owner=None, lease_until=0.0)
        self._heartbeat.remove(lease)

    def release(self, lease: Lease, record: Record) -> None:
        """Let go of a run to which nothing has happened (one that was killed counts as failed)."""
        status = "failed" if record.status == "running" else record.status
        self._update(lease, status=status, owner=None, lease_until=0.0, updated_at=record.updated_at)
        self._heartbeat.remove(lease)

    def complete(self, lease: Lease, record: Record, result: Any) -> None:
        """End a run: its checkpoints are replaced by a receipt."""
        with self.database.transaction() as cursor:
            lease.require(cursor)
            tokens = cursor.execute(
                "SELECT answers FROM jiuwen_sessions WHERE thread_id = ?", (lease.thread_id,)
            ).fetchone()
            answers = dict.fromkeys(self._load(tokens[0]) or {})
            self._update(
                lease,
                status="done",
                result=self._dump(result),
                answers=self._dump(answers),
                inputs=None,
                questions=None,
                error=None,
                owner=None,
                lease_until=0.0,
            )
            if not record.keep:
                self._delete_checkpoints(cursor, record.thread_id)
            self._purge(cursor)
        self._heartbeat.remove(lease)

    def abandon(self, lease: Lease) -> None:
        """Let a lease go that another run has taken already."""
        self._heartbeat.remove(lease)

    # --- reading and clearing ---

    def find(self, session_id: str, identity: Identity) -> Record | None:
        """The session's newest run of this workflow."""
        with self.database.transaction(write=False) as cursor:
            records = self._of_shape(cursor, session_id, identity)
        return max(records, key=lambda r: r.created_at) if records else None

    def waiting(self, identity: Identity, session_id: str | None) -> list[Record]:
        """The runs of this workflow that wait for an answer, oldest first."""
        with self.database.transaction(write=False) as cursor:
            if session_id is not None:
                records = self._of_shape(cursor, session_id, identity)
            else:
                key, value = ("workflow_id", identity.workflow_id)
                if not identity.workflow_id:
                    key, value = ("fingerprint", identity.fingerprint)
                records = self._select(cursor, f"{key} = ? AND workflow_id = ?", value, identity.workflow_id)
        return sorted((r for r in records if r.status == "waiting"), key=lambda r: r.updated_at)

    def discard(self, session_id: str, identity: Identity | None = None) -> int:
        """Delete a session's runs (of one workflow, or all); returns how many there were.

        Raises:
            JiuWenBaseException: 100904, one of them is in progress.
        """
        with self.database.transaction() as cursor:
            if identity is None:
                records = self._select(cursor, "session_id = ?", session_id)
            else:
                records = self._of_shape(cursor, session_id, identity)
            for record in records:
                self._refuse_running(record)
            for record in records:
                self._delete(cursor, record.thread_id)
        return len(records)

    # --- rows ---

    def _select(self, cursor: sqlite3.Cursor, where: str, *values: Any) -> list[Record]:
        cursor.execute(f"SELECT {_COLUMNS} FROM jiuwen_sessions WHERE {where} ORDER BY created_at", values)
        return [self._record(row) for row in cursor.fetchall()]

    def _record(self, row: tuple[Any, ...]) -> Record:
        try:
            return self._parsed(row)
        except (LookupError, TypeError, ValueError) as error:
            raise StatusCode.STORE_UNAVAILABLE.error(
                store=self.database.path, reason=f"the row of session {row[1]!r} is damaged ({error!r})"
            ) from error

    def _parsed(self, row: tuple[Any, ...]) -> Record:
        values = dict(zip(Record.__slots__, row, strict=True))
        for name in ("inputs", "result", "questions", "answers"):
            values[name] = self._load(values[name])
        values["questions"] = [Question(**q) for q in values["questions"] or ()]
        values["answers"] = values["answers"] or {}
        values["keep"] = bool(values["keep"])
        values["owner"] = Owner.parse(values["owner"]) if values["owner"] else None
        return Record(**values)

    def _update(self, lease: Lease, **values: Any) -> None:
        with self.database.transaction() as cursor:
            lease.require(cursor)
            values.setdefault("updated_at", time.time())
            names = ", ".join(f"{name} = ?" for name in values)
            cursor.execute(
                f"UPDATE jiuwen_sessions SET {names} WHERE thread_id = ?", (*values.values(), lease.thread_id)
            )

    def _delete(self, cursor: sqlite3.Cursor, thread_id: str) -> None:
        cursor.execute("DELETE FROM jiuwen_sessions WHERE thread_id = ?", (thread_id,))
        self._delete_checkpoints(cursor, thread_id)

    def _delete_checkpoints(self, cursor: sqlite3.Cursor, thread_id: str) -> None:
        cursor.execute("DELETE FROM checkpoints WHERE thread_id = ?", (thread_id,))
        cursor.execute("DELETE FROM writes WHERE thread_id = ?", (thread_id,))

    def _purge(self, cursor: sqlite3.Cursor) -> None:
        cursor.execute(
            "DELETE FROM jiuwen_sessions WHERE status = 'done' AND keep = 0 AND updated_at < ?",
            (time.time() - seconds_from_env("JIUWEN_LG_RECEIPT_SECONDS", RECEIPT_SECONDS),),
        )

    def _dump(self, value: Any) -> bytes:
        return self._serializer.dumps_typed([value])[1]

    def _load(self, blob: bytes | None) -> Any:
        return None if blob is None else self._serializer.loads_typed(("msgpack", blob))[0]

    # --- leases ---

    def _hold(self, record: Record, fence: int) -> Lease:
        lease = Lease(record.session_id, record.thread_id, fence)
        self._heartbeat.add(lease)
        return lease

    def _refuse_running(self, record: Record) -> None:
        if self.is_running(record):
            assert record.owner is not None
            raise StatusCode.SESSION_BUSY.error(session_id=record.session_id, owner=record.owner.describe())

    def is_running(self, record: Record) -> bool:
        """Whether somebody alive runs this session now."""
        if record.status != "running" or record.owner is None or record.lease_until < time.time():
            return False
        if record.owner == Owner.current():
            return record.thread_id in self._heartbeat.held()
        return not record.owner.is_known_dead()

    def _renew(self) -> None:
        for lease in self._heartbeat.held().values():
            try:
                with self.database.transaction() as cursor:
                    cursor.execute(
                        "UPDATE jiuwen_sessions SET lease_until = ? WHERE thread_id = ? AND fence = ?",
                        (time.time() + lease_seconds(), lease.thread_id, lease.fence),
                    )
                    renewed = cursor.rowcount == 1
            except sqlite3.Error:
                continue  # the file is out of reach: the next beat tries again, every write is fenced
            if not renewed and lease.thread_id in self._heartbeat.held():
                lease.lose()


def _plain(question: Question) -> dict[str, Any]:
    return {"id": question.id, "index": question.index, "value": question.value, "token": question.token}


def _what_waits(record: Record) -> str:
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.updated_at))
    if record.status == "waiting":
        asked = "; ".join(f"[{q.id}] asks {q.value!r}" for q in record.questions)
        return f"{asked}, since {since}"
    if record.status == "failed":
        return f"it failed at {since}: {record.error}"
    return f"its process stopped after {since}"
