"""Writes that belong to no task: how LangGraph stores a `Command` that the caller of a graph gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langgraph.pregel._io import map_command
from langgraph.types import Command, Overwrite

NO_TASK: str = next(iter(map_command(Command(update={"io": None}))))[0]
"""LangGraph's id for writes that belong to no task."""


def overwrite(channel: str, value: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The writes that replace a channel's value."""
    return [write[1:] for write in map_command(Command(update={channel: Overwrite(dict(value))}))]


def goto(ids: Sequence[str]) -> list[tuple[str, Any]]:
    """The writes that make nodes the next ones."""
    return [write[1:] for write in map_command(Command(goto=list(ids)))]
