"""A session's life under a lease: from the start or resume of a turn to its last write."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any
from uuid import uuid4

from jiuwen_lg.engine.graph.fingerprint import Identity
from jiuwen_lg.engine.journal.table import prune_entries
from jiuwen_lg.engine.runtime.interrupts import Question
from jiuwen_lg.engine.serializer import dump
from jiuwen_lg.engine.sessions.heartbeat import Heartbeat, held_here, lease_seconds
from jiuwen_lg.engine.sessions.host_locks import host_locks
from jiuwen_lg.engine.sessions.process_identity import ProcessIdentity
from jiuwen_lg.engine.sessions.row import Record, Row, Status
from jiuwen_lg.engine.sessions.runs import Runs
from jiuwen_lg.engine.sessions.table import NO_HOLDER, SessionTable, busy, lock_written
from jiuwen_lg.engine.storage.database import Cursor
from jiuwen_lg.engine.storage.fence import Lease
from jiuwen_lg.environment import seconds_from_env
from jiuwen_lg.errors import JiuWenBaseException, StatusCode

RECEIPT_SECONDS = 24 * 3600.0
"""How long a finished run's result is kept, unless the session runs again (`JIUWEN_LG_RECEIPT_SECONDS`)."""

MOST_RECEIPTS = 10_000
"""How many of them are kept at most, the newest."""
_PURGE_EVERY = 256

EXACT = "@exact"
"""Among a session's early answers: the tokens of the questions whose answers are for them alone."""

SHOWN = "@shown"
"""Among the kept answers: how many frames Ends gave that had not finished."""

_RENEWED_AT_ONCE = 400
_MOST_RETIRED = 1000


class Sessions:
    """The leases that this process takes on the sessions of one store; every method is one transaction.

    Args:
        table: The store's rows.
        replaced: Those of a file that was here before; its runs may still go on in this process.
    """

    def __init__(self, table: SessionTable, replaced: Sessions | None = None) -> None:
        self._table = table
        self._database = table.database
        self._runs = Runs(table)
        self._completed = 0
        self._heartbeat = Heartbeat(self._renew)
        self._replaced = replaced if replaced is not None and any(replaced.leases()) else None

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
        self._refuse_replaced(session_id, identity)
        with self._database.transaction(session_id) as cursor:
            records = self._table.of_shape(cursor, session_id, identity)
            for record in records:
                if turn_id is not None and record.row.turn_id == turn_id:
                    self._table.refuse_running(record)
                    return record, None
            for record in records:
                self._table.refuse_running(record)
                if not record.is_done and not force:
                    return record, None
            for record in records:
                if not (record.is_done and record.row.keep):
                    self._table.delete(cursor, record)
            lease = self._hold(Lease(session_id, uuid4().hex, 1, identity.workflow_id))
            with self._let_go_on_error(lease):
                row = _fresh_row(lease, identity, inputs, turn_id, _retired(records), keep=keep)
                row = replace(row, **self._table.sealed(row, {"inputs": row.inputs, "answers": row.answers}))
                self._table.insert(cursor, row, lease_seconds())
                self._file_shape(cursor, identity)
            return Record(row, self._table.saver.vault), lease

    def resume(
        self, session_id: str, identity: Identity, *, insist: bool
    ) -> tuple[Record, Lease] | tuple[Record | None, None]:
        """Take the session's unfinished run of this workflow; failing that, show its receipt.

        Args:
            insist: Take a run that was started by another shape, too.

        Raises:
            JiuWenBaseException: 100904 while a run is in progress, 100906 if only a run of
                another shape is stored.
        """
        self._refuse_replaced(session_id, identity)
        with self._database.transaction(session_id) as cursor:
            records = self._table.select(cursor, "session_id = ? AND workflow_id = ?", session_id, identity.workflow_id)
            equal = [r for r in records if r.row.fingerprint == identity.fingerprint]
            for record in equal:
                if not record.is_done:
                    return self._take(cursor, record)
            others = [r for r in records if not r.is_done]
            if equal or len(others) != 1:
                return (max(equal, key=lambda r: r.row.updated_at) if equal else None), None
            if insist:
                return self._take(cursor, others[0])
            self._table.refuse_running(others[0])
            reason = self._runs.change_of(others[0], identity)
            raise StatusCode.WORKFLOW_CHANGED.error(session_id=session_id, reason=reason)

    def _take(self, cursor: Cursor, record: Record) -> tuple[Record, Lease]:
        self._table.refuse_running(record)
        row = record.row
        lease = self._hold(Lease(row.session_id, row.thread_id, row.fence + 1, row.workflow_id))
        held = (
            f"status = 'running', owner = ?, fence = ?, host_lock = ?, lease_until = {self._database.lease_clock} + ?"
        )
        values = (str(ProcessIdentity.current()), lease.fence, lock_written(lease), lease_seconds(), row.thread_id)
        with self._let_go_on_error(lease):
            cursor.execute(f"UPDATE jiuwen_sessions SET {held} WHERE thread_id = ?", values)
        return record, lease

    def _hold(self, lease: Lease) -> Lease:
        """Hold a lease before it is committed, so that nobody here finds its row without a holder."""
        lease.host_lock = host_locks.hold()
        self._heartbeat.add(lease)
        return lease

    @contextmanager
    def _let_go_on_error(self, lease: Lease) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.let_go(lease)
            raise

    def is_stored(self, lease: Lease) -> bool:
        """Find out whether a lease was committed, where the server's answer was lost."""
        query = "SELECT owner, fence FROM jiuwen_sessions WHERE thread_id = ? AND status = 'running'"
        with self._database.transaction(lease.session_id) as cursor:
            found = cursor.execute(query, (lease.thread_id,)).fetchone()
        return found is not None and tuple(found) == (str(ProcessIdentity.current()), lease.fence)

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
        """Store accepted answers before the run consumes them; the run has this shape from now on.

        Args:
            questions: Those that are still open.
        """
        taken = {"answers": dump(answers), "kept": dump(early_answers), "questions": _dumped(questions)}
        with self._database.transaction(lease.session_id) as cursor:
            self._update(cursor, lease, fingerprint=identity.fingerprint, **taken)
            self._file_shape(cursor, identity)

    def held_here(self, thread_id: str) -> Lease | None:
        """The lease that this process holds on a thread."""
        return held_here(thread_id)

    # --- ending a turn ---

    def release(self, lease: Lease, record: Record, status: Status) -> None:
        """End a turn that has changed nothing."""
        with self._database.transaction(lease.session_id) as cursor:
            self._set(cursor, lease, {"status": status, **NO_HOLDER})

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
        asked, told = _dumped(questions), None if error is None else error.encode(errors="backslashreplace")
        on_file = dump(early_answers) if early_answers else None
        with self._database.transaction(lease.session_id) as cursor:
            self._update(cursor, lease, status=status, questions=asked, kept=on_file, error=told, **NO_HOLDER)

    def complete(self, lease: Lease, record: Record, result: Any, *, tokens: Sequence[str]) -> None:
        """End a run: its checkpoints are replaced by a receipt.

        Args:
            tokens: The questions that were answered; an answer delivered again gets the result.
        """
        receipt: dict[str, Any] = {"status": "done", "result": dump(result), "answers": dump(dict.fromkeys(tokens))}
        emptied = dict.fromkeys(("inputs", "questions", "kept", "error"))
        with self._database.transaction(lease.session_id) as cursor:
            self._update(cursor, lease, **receipt, **emptied, **NO_HOLDER)
            if not record.row.keep:
                self._table.saver.delete_thread(record.row.thread_id)
            self._purge(cursor)

    def let_go(self, lease: Lease) -> None:
        """Stop renewing a lease; the last thing that its turn does."""
        self._heartbeat.remove(lease)

    def _update(self, cursor: Cursor, lease: Lease, **values: Any) -> None:
        """Change the row of a run that goes on, and note when."""
        self._set(cursor, lease, values, f", updated_at = {self._database.clock}")

    def _set(self, cursor: Cursor, lease: Lease, values: Mapping[str, Any], more: str = "") -> None:
        lease.require(cursor)
        values = self._table.sealed(lease, values)
        names = [f"{name} = ?" for name in values]
        query = f"UPDATE jiuwen_sessions SET {', '.join(names)}{more} WHERE thread_id = ? AND status = 'running'"
        cursor.execute(query, (*values.values(), lease.thread_id))

    def _purge(self, cursor: Cursor) -> None:
        age = seconds_from_env("JIUWEN_LG_RECEIPT_SECONDS", RECEIPT_SECONDS)
        receipts = "status = 'done' AND keep = 0"
        is_old = f"{receipts} AND updated_at < {self._database.clock} - ?"
        cursor.execute(f"DELETE FROM jiuwen_sessions WHERE {is_old}", (age,))
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

    def _renew(self) -> None:
        """Extend every lease that is still ours; note those that are not."""
        leases = [*self._heartbeat.held().values()]
        for first in range(0, len(leases), _RENEWED_AT_ONCE):
            self._renew_some(leases[first : first + _RENEWED_AT_ONCE])

    def _renew_some(self, leases: Sequence[Lease]) -> None:
        pairs = [value for lease in leases for value in (lease.thread_id, lease.fence)]
        ours = ", ".join(["(CAST(? AS TEXT), CAST(? AS BIGINT))"] * len(leases))
        # A row that somebody is writing is left for the next beat, so that one session holds up no other.
        free = f"SELECT thread_id FROM jiuwen_sessions WHERE (thread_id, fence) IN (VALUES {ours})"
        extend = f"UPDATE jiuwen_sessions SET lease_until = {self._database.lease_clock} + ?"
        with self._database.transaction() as cursor:
            query = f"{extend} WHERE thread_id IN ({free} {self._database.skip_locked})"
            cursor.execute(query, (lease_seconds(), *pairs))
            marks = ", ".join("?" * len(leases))
            found = cursor.execute(
                f"SELECT thread_id, fence FROM jiuwen_sessions WHERE thread_id IN ({marks})",
                [lease.thread_id for lease in leases],
            )
            fences = dict(found.fetchall())
        held = self._heartbeat.held()
        for lease in leases:
            is_ours = fences.get(lease.thread_id) == lease.fence
            if lease.is_stored and not is_ours and held.get(lease.thread_id) is lease:
                lease.lose()

    def leases(self) -> Iterator[Lease]:
        """The leases that this process holds here, and in the files that were here before."""
        yield from self._heartbeat.held().values()
        if self._replaced is not None:
            yield from self._replaced.leases()

    def _refuse_replaced(self, session_id: str, identity: Identity) -> None:
        """Refuse a session that this process still runs in a file that was deleted or replaced meanwhile."""
        for lease in () if self._replaced is None else self._replaced.leases():
            if (lease.session_id, lease.workflow_id) == (session_id, identity.workflow_id):
                holder = f"{ProcessIdentity.current().describe()}, in a file that is not there any more"
                raise busy(session_id, lease.thread_id, holder)


def _fresh_row(
    lease: Lease, identity: Identity, inputs: Any, turn_id: str | None, retired: Iterable[str], *, keep: bool
) -> Row:
    tokens = [*retired]
    return Row(
        thread_id=lease.thread_id,
        session_id=lease.session_id,
        workflow_id=identity.workflow_id,
        fingerprint=identity.fingerprint,
        status="running",
        turn_id=turn_id,
        inputs=dump(inputs),
        questions=None,
        answers=dump(dict.fromkeys(tokens)) if tokens else None,
        kept=None,
        result=None,
        error=None,
        keep=int(keep),
        owner=str(ProcessIdentity.current()),
        fence=lease.fence,
        lease_until=0.0,
        created_at=0.0,
        updated_at=0.0,
        host_lock=lock_written(lease),
    )


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
