"""Checkpointers: openJiuwen's doors to where sessions are kept, over our store."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, Field

from jiuwen_lg.compat.current.codes import StatusCode
from jiuwen_lg.compat.current.errors import build_error
from jiuwen_lg.compat.current.translation import translating
from jiuwen_lg.engine.storage.place import MEMORY
from jiuwen_lg.engine.store import current_store
from jiuwen_lg.runner import Runner as OurRunner

SESSION_NAMESPACE_AGENT = "agent"
SESSION_NAMESPACE_AGENT_TEAM = "agent-team"
SESSION_NAMESPACE_WORKFLOW = "workflow"
WORKFLOW_NAMESPACE_GRAPH = "workflow-graph"

_SETTING = "JIUWEN_LG_DB"


def build_key(*parts: str) -> str:
    """Parts of a key in one text."""
    return ":".join(parts)


def build_key_with_namespace(session_id: str, namespace: str, entity_id: str, *suffixes: str) -> str:
    """A key in a namespace of a session."""
    return build_key(session_id, namespace, entity_id, *suffixes)


class CheckpointerConfig(BaseModel):
    """Where sessions are kept.

    Args:
        type: `"in_memory"` or `"persistence"`.
        conf: For persistence `db_type="sqlite"` and `db_path`.
    """

    type: str = "in_memory"
    conf: dict[str, Any] = Field(default_factory=dict)


class Checkpointer:
    """Where sessions are kept.

    Args:
        place: A file, or `:memory:`; None for the place that `JIUWEN_LG_DB` names.
    """

    def __init__(self, place: str | None = None) -> None:
        self.place = place

    def use(self) -> None:
        """Let all runs of this process that begin from now on keep their sessions here."""
        if self.place is not None:
            os.environ[_SETTING] = self.place

    async def session_exists(self, session_id: str) -> bool:
        """Whether a run of a session is unfinished."""
        with translating():
            store = await current_store()
            if store is None:
                return False
            return bool(await store.database.call(lambda: store.runs.of_agent("", session_id)))

    async def release(self, session_id: str, agent_id: str | None = None) -> None:
        """Drop the runs of a session, of all workflows and agents."""
        with translating():
            await OurRunner.release(session_id)


class InMemoryCheckpointer(Checkpointer):
    """Sessions in this process's memory: they end with it."""

    def __init__(self) -> None:
        super().__init__(MEMORY)


class PersistenceCheckpointer(Checkpointer):
    """Sessions in a file."""


class CheckpointerProvider:
    """Makes checkpointers of a type of one's own: override `create`."""

    async def create(self, conf: dict[str, Any]) -> Checkpointer:
        """Make one."""
        raise NotImplementedError


class _InMemory(CheckpointerProvider):
    async def create(self, conf: dict[str, Any]) -> Checkpointer:
        return InMemoryCheckpointer()


class _Persistence(CheckpointerProvider):
    async def create(self, conf: dict[str, Any]) -> Checkpointer:
        kind = conf.get("db_type", "sqlite")
        if kind != "sqlite" or conf.get("db_client") is not None:
            given = "db_client" if kind == "sqlite" else f"db_type {kind!r}"
            raise _refused(
                f"jiuwen_lg keeps sessions in SQLite files or Postgres, not by {given}: use db_type='sqlite'"
            )
        path = str(conf.get("db_path", "checkpointer"))
        return PersistenceCheckpointer(path if path.endswith(".db") else f"{path}.db")


class CheckpointerFactory:
    """Makes checkpointers, and says which one is used."""

    _providers: dict[str, CheckpointerProvider] = {"in_memory": _InMemory(), "persistence": _Persistence()}  # noqa: RUF012
    _of_type: dict[str, Checkpointer] = {}  # noqa: RUF012
    _default: Checkpointer = PersistenceCheckpointer()

    @classmethod
    def register(cls, name: str) -> Callable[[type[CheckpointerProvider]], type[CheckpointerProvider]]:
        """Register a provider's class under a type (a decorator)."""

        def add(provider: type[CheckpointerProvider]) -> type[CheckpointerProvider]:
            cls._providers[name] = provider()
            return provider

        return add

    @classmethod
    async def create(cls, checkpointer_conf: CheckpointerConfig) -> Checkpointer:
        """Make a checkpointer.

        Raises:
            ValidationError: 111124, its type is not provided.
        """
        provider = cls._providers.get(checkpointer_conf.type)
        if provider is None:
            known = ", ".join(repr(name) for name in cls._providers)
            reason = f"jiuwen_lg has no type {checkpointer_conf.type!r}; there are {known}"
            if checkpointer_conf.type == "redis":
                reason += ". Sessions that several machines share lie in Postgres: JIUWEN_LG_DB=postgresql://…"
            raise _refused(reason)
        return await provider.create(checkpointer_conf.conf)

    @classmethod
    def set_default_checkpointer(cls, checkpointer: Checkpointer) -> None:
        """Let runs that begin from now on use this one."""
        if not isinstance(checkpointer, Checkpointer):
            raise _refused(f"it needs a checkpointer of CheckpointerFactory.create, not {checkpointer!r}")
        cls._default = checkpointer
        checkpointer.use()

    @classmethod
    def set_checkpointer(cls, store_type: str, checkpointer: Checkpointer) -> None:
        """Keep a checkpointer under a type; only the default one is used by runs."""
        cls._of_type[store_type] = checkpointer

    @classmethod
    def get_checkpointer(cls, store_type: str | None = None) -> Checkpointer:
        """The default checkpointer, or the one of a type."""
        return cls._default if store_type is None else cls._of_type.get(store_type, cls._default)


def _refused(reason: str) -> Exception:
    return build_error(StatusCode.CHECKPOINTER_CONFIG_ERROR, reason=reason)


default_inmemory_checkpointer: Checkpointer = PersistenceCheckpointer()
"""openJiuwen's process-global checkpointer, for programs that release sessions through it."""
