"""The resource manager: workflows, agents, tools, models and prompts of the process, by id."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from jiuwen_lg.compat.current.codes import StatusCode
from jiuwen_lg.compat.current.errors import build_error
from jiuwen_lg.schema.values import maybe_await


@dataclass(frozen=True)
class Ok:
    """The result of something that went well."""

    value: Any

    def is_ok(self) -> bool:
        """True."""
        return True

    def is_err(self) -> bool:
        """False."""
        return False

    def msg(self) -> Any:
        """The value."""
        return self.value


@dataclass(frozen=True)
class Error:
    """The result of something that did not."""

    error: Exception

    def is_ok(self) -> bool:
        """False."""
        return False

    def is_err(self) -> bool:
        """True."""
        return True

    def msg(self) -> Exception:
        """The error."""
        return self.error


@dataclass(slots=True)
class _Entry:
    """A resource: its card, the thing itself or what makes it, and its tags."""

    card: Any
    provider: Any
    tags: set[str] = field(default_factory=set)
    made: Any = None


class ResourceMgr:
    """Named things of five kinds. Adding one gives `Ok` with its card, or `Error`."""

    def __init__(self) -> None:
        self._kinds: dict[str, dict[str, _Entry]] = {
            kind: {} for kind in ("workflow", "agent", "tool", "model", "prompt")
        }

    # --- workflows ---

    def add_workflow(self, card: Any, workflow: Any, *, tag: Any = None) -> Ok | Error:
        """Add a workflow under the id of a card, with what builds it."""
        return self._add("workflow", getattr(card, "id", None), card, workflow, tag)

    def add_workflows(self, workflows: Iterable[tuple[Any, Any]], *, tag: Any = None) -> list[Ok | Error]:
        """Add several, as (card, provider)."""
        return [self.add_workflow(card, provider, tag=tag) for card, provider in workflows]

    async def get_workflow(self, workflow_id: Any = None, *, tag: Any = None, **options: Any) -> Any:
        """The workflow of an id, built if need be; several for a list or a tag."""
        return await self._get("workflow", workflow_id, tag)

    def remove_workflow(self, workflow_id: Any = None, *, tag: Any = None, **options: Any) -> Any:
        """Remove a workflow, or several."""
        return self._remove("workflow", workflow_id, tag)

    # --- agents ---

    def add_agent(self, card: Any, agent: Any, *, tag: Any = None, interface_url: str | None = None) -> Ok | Error:
        """Add an agent under the id of a card, with what builds it."""
        return self._add("agent", getattr(card, "id", None), card, agent, tag)

    def add_agents(self, agents: Iterable[tuple[Any, Any]], *, tag: Any = None) -> list[Ok | Error]:
        """Add several, as (card, provider)."""
        return [self.add_agent(card, provider, tag=tag) for card, provider in agents]

    async def get_agent(self, agent_id: Any = None, *, tag: Any = None, **options: Any) -> Any:
        """The agent of an id, built if need be."""
        return await self._get("agent", agent_id, tag)

    def remove_agent(self, agent_id: Any = None, *, tag: Any = None, **options: Any) -> Any:
        """Remove an agent, or several."""
        return self._remove("agent", agent_id, tag)

    # --- tools ---

    def add_tool(
        self, tool: Any, *, tag: Any = None, refresh: bool = False, skip_if_exists: bool = False
    ) -> Ok | Error | list[Ok | Error]:
        """Add a tool, or several, under the ids of their cards."""
        if isinstance(tool, list):
            return [self._add_tool(one, tag) for one in tool]
        return self._add_tool(tool, tag)

    def _add_tool(self, tool: Any, tag: Any) -> Ok | Error:
        card = getattr(tool, "card", None)
        return self._add("tool", getattr(card, "id", None), card, tool, tag)

    def get_tool(self, tool_id: Any = None, *, tag: Any = None, **options: Any) -> Any:
        """The tool of an id; several for a list or a tag."""
        found = [entry.provider if entry is not None else None for entry in self._entries("tool", tool_id, tag)]
        return found if isinstance(tool_id, list) or tool_id is None else found[0]

    def remove_tool(self, tool_id: Any = None, *, tag: Any = None, **options: Any) -> Any:
        """Remove a tool, or several."""
        return self._remove("tool", tool_id, tag)

    async def get_tool_infos(self, tool_id: Any = None, *, tag: Any = None, **options: Any) -> Any:
        """Return the descriptions of tools and workflows for a model: of the named ones, or of all."""
        entries = self._entries("tool", tool_id, tag)
        if tool_id is None and tag is None:
            entries = [*entries, *self._kinds["workflow"].values()]
        infos = [entry.card.tool_info() for entry in entries if entry is not None]
        return infos if isinstance(tool_id, list) or tool_id is None else next(iter(infos), None)

    # --- models and prompts ---

    def add_model(self, model_id: str, model: Any, *, tag: Any = None) -> Ok | Error:
        """Add a model under an id, or what makes it."""
        return self._add("model", model_id, model_id, model, tag)

    def add_models(self, models: Iterable[tuple[str, Any]], *, tag: Any = None) -> list[Ok | Error]:
        """Add several, as (id, provider)."""
        return [self.add_model(id, provider, tag=tag) for id, provider in models]

    async def get_model(self, model_id: Any = None, *, tag: Any = None, **options: Any) -> Any:
        """The model of an id, made if need be."""
        return await self._get("model", model_id, tag)

    def remove_model(self, model_id: Any = None, *, tag: Any = None, **options: Any) -> Any:
        """Remove a model, or several."""
        return self._remove("model", model_id, tag)

    def add_prompt(self, prompt_id: str, template: Any, *, tag: Any = None) -> Ok | Error:
        """Add a prompt template under an id."""
        return self._add("prompt", prompt_id, prompt_id, template, tag)

    def add_prompts(self, prompts: Iterable[tuple[str, Any]], *, tag: Any = None) -> list[Ok | Error]:
        """Add several, as (id, template)."""
        return [self.add_prompt(id, template, tag=tag) for id, template in prompts]

    def get_prompt(self, prompt_id: Any = None, *, tag: Any = None, **options: Any) -> Any:
        """The prompt template of an id; several for a list or a tag."""
        found = [entry.provider if entry is not None else None for entry in self._entries("prompt", prompt_id, tag)]
        return found if isinstance(prompt_id, list) or prompt_id is None else found[0]

    def remove_prompt(self, prompt_id: Any = None, *, tag: Any = None, **options: Any) -> Any:
        """Remove a prompt template, or several."""
        return self._remove("prompt", prompt_id, tag)

    # --- tags ---

    def list_tags(self) -> list[str]:
        """All tags."""
        return sorted({tag for entries in self._kinds.values() for entry in entries.values() for tag in entry.tags})

    def has_tag(self, tag: str) -> bool:
        """Whether a resource has a tag."""
        return tag in self.list_tags()

    def get_resource_tag(self, resource_id: str) -> list[str] | None:
        """The tags of a resource; None if there is no such resource."""
        found = [entries[resource_id] for entries in self._kinds.values() if resource_id in entries]
        return sorted(found[0].tags) if found else None

    def resource_has_tag(self, resource_id: str, tag: str) -> bool:
        """Whether a resource has a tag."""
        return tag in (self.get_resource_tag(resource_id) or ())

    # --- all kinds ---

    def _add(self, kind: str, id: Any, card: Any, thing: Any, tag: Any) -> Ok | Error:
        if not isinstance(id, str) or not id:
            reason = f"a {kind} needs a card with an id, not {card!r}"
            return Error(build_error(StatusCode.RESOURCE_ID_VALUE_INVALID, reason=reason))
        if thing is None:
            reason = f"{kind} {id!r} is None; it needs something that can be used, or a function that makes it"
            return Error(build_error(StatusCode.RESOURCE_PROVIDER_INVALID, reason=reason))
        tags = {tag} if isinstance(tag, str) else set(tag or ())
        self._kinds[kind][id] = _Entry(card, thing, tags)
        return Ok(card)

    def _entries(self, kind: str, id: Any, tag: Any) -> list[_Entry | None]:
        entries = self._kinds[kind]
        if id is not None:
            return [entries.get(one) for one in (id if isinstance(id, list) else [id])]
        wanted = {tag} if isinstance(tag, str) else set(tag or ())
        return [entry for entry in entries.values() if wanted <= entry.tags]

    async def _get(self, kind: str, id: Any, tag: Any) -> Any:
        found = [await _thing(entry) for entry in self._entries(kind, id, tag)]
        return found if isinstance(id, list) or id is None else found[0]

    def _remove(self, kind: str, id: Any, tag: Any) -> Any:
        known, removed = self._kinds[kind], []
        for entry in self._entries(kind, id, tag):
            names = [name for name, one in known.items() if one is entry]
            removed += [Ok(known.pop(name).card) for name in names]
        if isinstance(id, list) or id is None:
            return removed
        return removed[0] if removed else Ok(None)


async def _thing(entry: _Entry | None) -> Any:
    """The thing of an entry, made by its provider the first time."""
    if entry is None:
        return None
    if entry.made is None:
        provider: Callable[..., Any] = entry.provider
        is_provider = callable(provider) and not hasattr(provider, "invoke")
        entry.made = await maybe_await(_called(provider, entry.card)) if is_provider else provider
    return entry.made


def _called(provider: Callable[..., Any], card: Any) -> Any:
    """Call a provider, with the card if it takes an argument."""
    import inspect

    try:
        takes_card = bool(inspect.signature(provider).parameters)
    except (ValueError, TypeError):
        takes_card = False
    return provider(card) if takes_card else provider()
