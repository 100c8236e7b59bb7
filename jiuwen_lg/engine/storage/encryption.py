"""The values of sessions, encrypted on file if `LANGGRAPH_AES_KEY` is set: by LangGraph's own serializer (AES, EAX).

What was written without a key stays readable with one. Names are not encrypted: ids of sessions, workflows and
components, times, and the shapes of workflows.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer

from jiuwen_lg.engine import serializer
from jiuwen_lg.engine.serializer import StrictSerializer
from jiuwen_lg.errors import JiuWenBaseException, StatusCode

KEY = "LANGGRAPH_AES_KEY"
"""The environment's name of the key: 16, 24 or 32 bytes. LangGraph's own."""

_SEALED = b"\xc1"
"""What an encrypted blob begins with; no MessagePack and no UTF-8 text does."""
_PLAIN = StrictSerializer()


class PrivateSerializer(SerializerProtocol):
    """Writes what `StrictSerializer` writes, encrypted if there is a key."""

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """Serialize a value; never fails, unless the key is no key."""
        return (_encrypting() or _PLAIN).dumps_typed(obj)

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Read a value back.

        Raises:
            JiuWenBaseException: 100908, it is damaged, or encrypted with another key.
        """
        if "+" not in data[0]:
            return _PLAIN.loads_typed(data)
        try:
            return _needed().loads_typed(data)
        except (ValueError, AssertionError) as error:
            raise _undeciphered(error) from error


def dump(value: Any) -> bytes:
    """A value as a blob of its own."""
    return seal(serializer.dump(value))


def load(blob: bytes) -> Any:
    """What `dump` wrote.

    Raises:
        JiuWenBaseException: 100908, as above.
    """
    return serializer.load(unseal(blob))


def seal(data: bytes) -> bytes:
    """The bytes encrypted, if there is a key."""
    encrypting = _encrypting()
    return data if encrypting is None else _SEALED + encrypting.cipher.encrypt(data)[1]


def unseal(data: bytes) -> bytes:
    """What was sealed, or never was.

    Raises:
        JiuWenBaseException: 100908, as above.
    """
    if not data.startswith(_SEALED):
        return data
    try:
        return _needed().cipher.decrypt("aes", data[len(_SEALED) :])
    except ValueError as error:
        raise _undeciphered(error) from error


def _encrypting() -> EncryptedSerializer | None:
    key = os.environ.get(KEY)
    return _with(key) if key else None


def _needed() -> EncryptedSerializer:
    encrypting = _encrypting()
    if encrypting is None:
        raise _refused(f"its values are encrypted: set {KEY}")
    return encrypting


@lru_cache(maxsize=8)
def _with(key: str) -> EncryptedSerializer:
    if len(key.encode()) not in (16, 24, 32):
        raise _refused(f"{KEY} has {len(key.encode())} bytes; a key has 16, 24 or 32")
    try:
        return EncryptedSerializer.from_pycryptodome_aes(_PLAIN, key=key.encode())
    except ImportError as error:
        raise _refused(f"{KEY} is set, and encryption is not installed: pip install 'jiuwen-lg[encryption]'") from error


def _undeciphered(error: Exception) -> JiuWenBaseException:
    return _refused(f"a value cannot be decrypted ({error}): is {KEY} the key that it was written with?")


def _refused(reason: str) -> JiuWenBaseException:
    return StatusCode.STORE_UNAVAILABLE.error(store="file", reason=reason)
