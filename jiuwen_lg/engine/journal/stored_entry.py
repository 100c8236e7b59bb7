"""A journal's entry as it is stored: its parts in order, encrypted if the store is."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import ormsgpack

from jiuwen_lg.engine.storage.encryption import Place, Vault
from jiuwen_lg.timeline import Journal, JournalEntry, redacted

_OPTIONS = ormsgpack.OPT_NON_STR_KEYS | ormsgpack.OPT_SERIALIZE_NUMPY | ormsgpack.OPT_SERIALIZE_PYDANTIC
_encode: Callable[[Any], str] = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


def dumped(entry: JournalEntry, vault: Vault, thread_id: str) -> bytes:
    """The bytes of an entry."""
    try:
        packed = ormsgpack.packb(tuple(entry))
    except (TypeError, ValueError):  # a text that is no Unicode
        told = [str(part).encode(errors="backslashreplace").decode() for part in (entry.label, entry.error or "")]
        plain = entry._replace(label=told[0], error=told[1] or None, inputs=None, outputs=None)
        packed = ormsgpack.packb(tuple(plain))
    return vault.seal(packed, _place(thread_id))


def loaded(blob: bytes, vault: Vault, thread_id: str) -> JournalEntry:
    """The entry of a row; what a later release added to it is left out.

    Raises:
        ValueError: It is damaged.
        TypeError: It is damaged.
        JiuWenBaseException: 100908, it cannot be decrypted.
    """
    parts = ormsgpack.unpackb(vault.unseal(bytes(blob), _place(thread_id)))
    entry = JournalEntry(*parts[: len(JournalEntry._fields)])
    return entry._replace(
        iteration=tuple(entry.iteration), targets=tuple(entry.targets), tokens=(entry.tokens[0], entry.tokens[1])
    )


def _place(thread_id: str) -> Place:
    return Place("journal", thread_id, (thread_id,))


def size_of(value: Any) -> int | None:
    """About how many bytes a value takes; None if that cannot be told."""
    try:
        return len(ormsgpack.packb(value, default=str, option=_OPTIONS))
    except (TypeError, ValueError, RecursionError):
        return None


def kept(value: Any, journal: Journal) -> Any:
    """A value as a journal keeps it: JSON, redacted by key, and left out if it is large."""
    from pydantic_core import PydanticSerializationError, to_jsonable_python

    try:
        plain = redacted(to_jsonable_python(value, fallback=repr), journal.redact)
        size = len(_encode(plain))
    except (PydanticSerializationError, ValueError, TypeError, RecursionError) as error:
        return f"(not kept: {error})"
    return plain if size <= journal.most_bytes else f"(not kept: {size} bytes)"
