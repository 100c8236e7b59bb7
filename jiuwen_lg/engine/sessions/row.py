"""A session's row: what is stored of one run."""

from __future__ import annotations

import reprlib
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from types import NoneType
from typing import Any, Literal, TypeAlias, get_args

from jiuwen_lg.engine.runtime.interrupts import Question
from jiuwen_lg.engine.sessions.process_identity import ProcessIdentity
from jiuwen_lg.engine.storage.encryption import Place, Vault
from jiuwen_lg.errors import StatusCode
from jiuwen_lg.schema.values import normalize

Status: TypeAlias = Literal["running", "waiting", "failed", "done"]


@dataclass(frozen=True, slots=True)
class Row:
    """The columns of a row, as they are in the file."""

    thread_id: str
    session_id: str
    workflow_id: str
    fingerprint: str
    status: Status
    turn_id: str | None
    inputs: bytes | None
    questions: bytes | None
    answers: bytes | None
    kept: bytes | None
    result: bytes | None
    error: bytes | str | None
    keep: int
    owner: str | None
    fence: int
    lease_until: float
    created_at: float
    updated_at: float
    host_lock: str | None = None

    @classmethod
    def read(cls, columns: Sequence[Any]) -> Row:
        """A row as it was read; what cannot be right in it reads as nothing, so that it can be listed and discarded."""
        row = dict(zip(cls.__slots__, columns, strict=True))
        for name in ("keep", "fence", "lease_until", "created_at", "updated_at"):
            is_number = isinstance(row[name], (int, float)) and abs(row[name]) < _FARTHEST
            row[name] = row[name] if is_number else 0
        for name in ("workflow_id", "fingerprint"):
            row[name] = row[name] if isinstance(row[name], str) else ""
        row["status"] = row["status"] if row["status"] in get_args(Status) else "failed"
        return cls(**row)


_FARTHEST = 2.0**37
"""Seconds since 1970 that are a date still: some four thousand years."""


@contextmanager
def reading(part: str, session_id: str) -> Iterator[None]:
    """Read what is stored of a session; report values of an unexpected form as damaged.

    Raises:
        JiuWenBaseException: 100908, it is damaged.
    """
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
        reason = f"{part} of session [{session_id}] is damaged ({error})"
        raise StatusCode.STORE_UNAVAILABLE.error(store="file", reason=reason) from error


class Record:
    """A row with its values, each read when it is asked for: a damaged one hides no other.

    Args:
        row: The row.
        vault: Unseals its values.
        now: When it was read, by the clock that leases are judged by.
    """

    def __init__(self, row: Row, vault: Vault, now: float = 0.0) -> None:
        self.row = row
        self._vault = vault
        self.now = now

    @property
    def is_done(self) -> bool:
        """Whether the run has finished and only its receipt is left."""
        return self.row.status == "done"

    @property
    def inputs(self) -> dict[str, Any]:
        """The run's inputs."""
        return self._value("inputs", dict) or {}

    @property
    def questions(self) -> list[Question]:
        """The questions that it waited for when it last stopped."""
        found = self._value("questions", list) or ()
        with self._reading("questions"):
            return [Question(**question) for question in found]

    @property
    def answers(self) -> dict[str, Any]:
        """The stored answers, by token."""
        return self._value("answers", dict) or {}

    @property
    def early_answers(self) -> dict[str, Any]:
        """The answers given before their component asked, by executable id; under `SHOWN` the frames shown."""
        return self._value("kept", dict) or {}

    @property
    def result(self) -> Any:
        """The result of a finished run."""
        return self._value("result", object)

    @property
    def error(self) -> str | None:
        """The error of a failed run."""
        told = self.row.error
        if not isinstance(told, bytes):
            return told and str(told)
        return self._vault.unseal(told, self.place("error")).decode(errors="replace")

    @property
    def owner(self) -> ProcessIdentity | None:
        """The process that runs it, or ran it when it was killed."""
        with self._reading("owner"):
            return ProcessIdentity.parse(self.row.owner) if self.row.owner else None

    def place(self, column: str) -> Place:
        """Where a value of the row is."""
        return place_of(self.row.thread_id, self.row.session_id, self.row.workflow_id, column)

    def _value(self, column: str, kind: type) -> Any:
        blob = getattr(self.row, column)
        with self._reading(column):
            value = None if blob is None else self._vault.load(blob, self.place(column))
            if not isinstance(value, (kind, NoneType)):
                raise TypeError(f"it is a {type(value).__name__}")
            return value

    def _reading(self, column: str) -> AbstractContextManager[None]:
        return reading(f"column {column}", self.row.session_id)


def place_of(thread_id: str, session_id: str, workflow_id: str, column: str) -> Place:
    """Where a value of a session's row is."""
    return Place("sessions", thread_id, (thread_id, session_id, workflow_id, column))


def checked_inputs(inputs: Any) -> dict[str, Any]:
    """The workflow's inputs as they are kept: normalised, without the keys that are None.

    Raises:
        JiuWenBaseException: 100100, they are no dict or have no place in the state.
    """
    if inputs is not None and not isinstance(inputs, dict):
        raise StatusCode.WORKFLOW_EXECUTE_INNER_ERROR.error(
            error=f"a workflow takes a dict, None or an InteractiveInput, not {reprlib.repr(inputs)}"
        )
    try:
        return {key: value for key, value in normalize(inputs or {}).items() if value is not None}
    except ValueError as error:
        raise StatusCode.WORKFLOW_EXECUTE_INNER_ERROR.error(error=f"the inputs cannot be kept: {error}") from error


def what_waits(record: Record, questions: Sequence[Question], next_ids: Sequence[str]) -> str:
    """An unfinished run in words: what it asks, where it was told to stop, or what it failed with."""
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.row.updated_at))
    if questions:
        return f"{'; '.join(f'[{q.id}] asks {q.value!r}' for q in questions)}, since {since}"
    if record.row.status == "waiting":
        return f"it was told to stop before {next_ids}, since {since}"
    return f"it failed at {since}: {record.error}" if record.row.error else f"its process stopped after {since}"
