"""The values of a store, encrypted if `LANGGRAPH_AES_KEY` is set (AES in EAX mode), each for its own place.

A sealed value can be read only where it was written: in another row or column it is refused. With a key, a value that
is not sealed for its place is refused as well, unless its row was there before this store was first opened with the
key (by this release); a marker in the store, sealed itself, says which rows those are. Names are not encrypted: ids of
sessions, workflows and components, times, and the shapes of workflows.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import local
from typing import Any

from langgraph.checkpoint.serde.base import SerializerProtocol

from jiuwen_lg.engine import serializer
from jiuwen_lg.engine.serializer import StrictSerializer
from jiuwen_lg.engine.storage.database import Cursor, Database
from jiuwen_lg.errors import JiuWenBaseException, StatusCode

KEY = "LANGGRAPH_AES_KEY"
"""The environment's name of the key: 16, 24 or 32 bytes. LangGraph's own."""

_BOUND = b"\xc1jlg2"
"""What a value begins with that is sealed for its place."""
_UNBOUND = b"\xc1"
"""What one begins with that release 0.1.0 sealed, for any place; no MessagePack and no UTF-8 text does."""
_BOUND_TYPE, _UNBOUND_TYPE = "+aes-bound", "+aes"
"""The same, at the end of a type in LangGraph's tables."""
_NONCE = _TAG = 16
_PLAIN = StrictSerializer()
_MARKER = ("marker",)

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value is.

    Attributes:
        table: `sessions` (their checkpoints are part of them), `messages` or `turns`.
        row: The row's key.
        parts: What the value is bound to beside its table.
    """

    table: str
    row: str | int
    parts: tuple[str, ...]

    @property
    def header(self) -> bytes:
        """What the cipher binds a value to."""
        return json.dumps([self.table, *self.parts]).encode()


@dataclass(slots=True)
class _Earlier:
    """The rows that were there before the key, whose values may be unsealed, or sealed for no place."""

    sessions: set[str] = field(default_factory=set)
    turns: set[str] = field(default_factory=set)
    messages: int = 0

    def has(self, place: Place) -> bool:
        if place.table == "messages":
            return isinstance(place.row, int) and place.row <= self.messages
        return place.row in (self.turns if place.table == "turns" else self.sessions)


class Vault:
    """Seals and reads the values of one store."""

    def __init__(self) -> None:
        self._earlier: dict[str, _Earlier] = {}

    @property
    def is_sealing(self) -> bool:
        """Whether there is a key."""
        return bool(os.environ.get(KEY))

    @property
    def needs_mark(self) -> bool:
        """Whether there is a key with which the store has not been opened yet in this process."""
        return self.is_sealing and os.environ[KEY] not in self._earlier

    def seal(self, data: bytes, place: Place) -> bytes:
        """The bytes sealed for their place, if there is a key."""
        key = _key()
        return data if key is None else _BOUND + _encrypted(key, data, place.header)

    def unseal(self, data: bytes, place: Place) -> bytes:
        """Return sealed data in clear; data that was never sealed is returned as it is.

        Raises:
            JiuWenBaseException: 100908, it is damaged, sealed for another place or with another key, or not sealed
                though it should be.
        """
        if data.startswith(_BOUND):
            return _decrypted(_needed(), data[len(_BOUND) :], place.header)
        self._require_earlier(place)
        return _decrypted(_needed(), data[len(_UNBOUND) :]) if data.startswith(_UNBOUND) else data

    def dump(self, value: Any, place: Place) -> bytes:
        """A value as a blob of its own."""
        return self.seal(serializer.dump(value), place)

    def load(self, blob: bytes, place: Place) -> Any:
        """Read what `dump` wrote.

        Raises:
            JiuWenBaseException: 100908, as `unseal`.
        """
        return serializer.load(self.unseal(blob, place))

    def dump_typed(self, value: Any, place: Place) -> tuple[str, bytes]:
        """A value as it is in LangGraph's tables."""
        kind, data = _PLAIN.dumps_typed(value)
        key = _key()
        return (kind, data) if key is None else (kind + _BOUND_TYPE, _encrypted(key, data, place.header))

    def load_typed(self, kind: str, data: bytes, place: Place) -> Any:
        """What `dump_typed` wrote.

        Raises:
            JiuWenBaseException: 100908, as `unseal`.
        """
        if kind.endswith(_BOUND_TYPE):
            plain = _decrypted(_needed(), data, place.header)
            return _PLAIN.loads_typed((kind.removesuffix(_BOUND_TYPE), plain))
        self._require_earlier(place)
        if kind.endswith(_UNBOUND_TYPE):
            return _PLAIN.loads_typed((kind.removesuffix(_UNBOUND_TYPE), _decrypted(_needed(), data)))
        return _PLAIN.loads_typed((kind, data))

    def _require_earlier(self, place: Place) -> None:
        """Refuse a value that is not sealed for its place, in a row that was written after the key was set."""
        earlier = self._earlier.get(os.environ.get(KEY) or "")
        if earlier is not None and not earlier.has(place):
            raise _refused(
                f"a value of {place.table} [{place.row}] is not sealed for its place: a process without {KEY} or of an "
                "older release wrote it, or somebody put it there; `jiuwen-lg sessions trust` believes what is on file"
            )

    # --- the marker ---

    def mark(self, database: Database, *, afresh: bool = False) -> None:
        """Find out, or settle, which rows were there before the key.

        Args:
            database: The store's.
            afresh: Write the marker again: all rows that are stored now are trusted.
        """
        key = _key()
        if key is None:
            return
        with database.transaction("jiuwen_sealing") as cursor:
            cursor.execute("CREATE TABLE IF NOT EXISTS jiuwen_sealing (marker TEXT NOT NULL)")
            if afresh:
                cursor.execute("DELETE FROM jiuwen_sealing")
            found = cursor.execute("SELECT marker FROM jiuwen_sealing").fetchone()
            if found is not None:
                earlier = _read_marker(key, found[0])
            elif not afresh and _holds_sealed(cursor, database):
                _logger.warning("%s: its marker of sealing is gone, so only sealed values are believed", database.path)
                earlier = _Earlier()
            else:
                earlier = _settle(cursor, database, key)
        self._earlier[os.environ[KEY]] = earlier


def _read_marker(key: bytes, marker: str) -> _Earlier:
    try:
        sessions, turns, messages = serializer.load(_decrypted(key, bytes.fromhex(marker), _header_of_marker()))
    except (JiuWenBaseException, ValueError):
        _logger.warning("the marker of sealing cannot be read with this key, so only sealed values are believed")
        return _Earlier()
    return _Earlier(set(sessions), set(turns), messages)


def _settle(cursor: Cursor, database: Database, key: bytes) -> _Earlier:
    def ids(column: str, table: str) -> set[str]:
        return {row[0] for row in cursor.execute(f"SELECT {column} FROM {table}").fetchall()}

    newest = cursor.execute("SELECT max(number) FROM jiuwen_messages").fetchone()[0]
    turns = ids("turn_id", "jiuwen_turns") if _has_turns(cursor, database) else set()
    earlier = _Earlier(ids("thread_id", "jiuwen_sessions"), turns, newest or 0)
    said = serializer.dump([sorted(earlier.sessions), sorted(earlier.turns), earlier.messages])
    marker = _encrypted(key, said, _header_of_marker()).hex()
    cursor.execute("INSERT INTO jiuwen_sealing (marker) VALUES (?)", (marker,))
    return earlier


def _holds_sealed(cursor: Cursor, database: Database) -> bool:
    """Return whether a stored value is sealed for its place, so that there was a marker."""
    columns = [("inputs", "jiuwen_sessions"), ("result", "jiuwen_sessions"), ("message", "jiuwen_messages")]
    columns += [("given", "jiuwen_turns")] if _has_turns(cursor, database) else []
    size = len(_BOUND)
    queries = [f"SELECT 1 FROM {table} WHERE substr({name}, 1, {size}) = ? LIMIT 1" for name, table in columns]
    return any(cursor.execute(query, (_BOUND,)).fetchone() for query in queries)


def _has_turns(cursor: Cursor, database: Database) -> bool:
    return not database.is_local and cursor.execute("SELECT to_regclass('jiuwen_turns')").fetchone()[0] is not None


def _header_of_marker() -> bytes:
    return Place("marker", 0, _MARKER).header


class PrivateSerializer(SerializerProtocol):
    """What LangGraph's savers write with: their calls do not say of which thread a value is, so `of` does.

    Args:
        vault: The store's.
    """

    def __init__(self, vault: Vault) -> None:
        self.vault = vault
        self._now = local()

    @contextmanager
    def of(self, thread_id: str) -> Iterator[None]:
        """Read and write values of a thread while the block runs."""
        before = getattr(self._now, "thread_id", "")
        self._now.thread_id = thread_id
        try:
            yield
        finally:
            self._now.thread_id = before

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """Serialize a value; never fails, unless the key is no key."""
        return self.vault.dump_typed(obj, self._place())

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Read a value back.

        Raises:
            JiuWenBaseException: 100908, as `Vault.unseal`.
        """
        return self.vault.load_typed(data[0], data[1], self._place())

    def _place(self) -> Place:
        return of_checkpoints(getattr(self._now, "thread_id", ""))


def of_checkpoints(thread_id: str) -> Place:
    """The place of a thread's values in LangGraph's tables."""
    return Place("sessions", thread_id, ("checkpoints", thread_id))


# --- the cipher ---


def _key() -> bytes | None:
    key = (os.environ.get(KEY) or "").encode()
    if not key:
        return None
    if len(key) not in (16, 24, 32):
        raise _refused(f"{KEY} has {len(key)} bytes; a key has 16, 24 or 32")
    return key


def _needed() -> bytes:
    key = _key()
    if key is None:
        raise _refused(f"its values are encrypted: set {KEY}")
    return key


def _cipher(key: bytes, header: bytes | None, **options: Any) -> Any:
    try:
        from Crypto.Cipher import AES
    except ImportError as error:
        raise _refused(f"{KEY} is set, and encryption is not installed: pip install 'jiuwen-lg[encryption]'") from error
    cipher = AES.new(key, AES.MODE_EAX, **options)
    if header is not None:
        cipher.update(header)
    return cipher


def _encrypted(key: bytes, data: bytes, header: bytes) -> bytes:
    cipher = _cipher(key, header)
    sealed, tag = cipher.encrypt_and_digest(data)
    whole: bytes = cipher.nonce + tag + sealed
    return whole


def _decrypted(key: bytes, data: bytes, header: bytes | None = None) -> bytes:
    nonce, tag, sealed = data[:_NONCE], data[_NONCE : _NONCE + _TAG], data[_NONCE + _TAG :]
    try:
        plain: bytes = _cipher(key, header, nonce=nonce).decrypt_and_verify(sealed, tag)
    except ValueError as error:
        reason = (
            f"a value cannot be decrypted ({error}): is {KEY} the key that it was written with, and its row the one?"
        )
        raise _refused(reason) from error
    return plain


def _refused(reason: str) -> JiuWenBaseException:
    return StatusCode.STORE_UNAVAILABLE.error(store="file", reason=reason)
