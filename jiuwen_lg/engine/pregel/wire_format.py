"""The format in which LangGraph's serializer writes values: its MessagePack extension codes and its delta snapshot."""

from __future__ import annotations

from typing import Any, TypeGuard

from langgraph.checkpoint.serde.types import _DeltaSnapshot

DeltaSnapshot = _DeltaSnapshot
"""A full copy of a `DeltaChannel`'s value among its deltas."""


def is_delta_snapshot(value: Any) -> TypeGuard[_DeltaSnapshot]:
    """Whether a value is such a copy."""
    return isinstance(value, _DeltaSnapshot)


ONE_ARGUMENT, ARGUMENTS, FIELDS, METHOD, MODEL_V1, MODEL, ARRAY, SNAPSHOT = range(8)
"""How a value is made of what an extension holds (`langgraph.checkpoint.serde.jsonplus`)."""
