"""Building: the methods that workflows and bodies of loops share."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Self

from langgraph.constants import END
from pydantic import ValidationError as Unfit

from jiuwen_lg.builder import BaseWorkFlow
from jiuwen_lg.compat.current.card import ComponentAbility, Schema
from jiuwen_lg.compat.current.codes import StatusCode
from jiuwen_lg.compat.current.component import adapted
from jiuwen_lg.compat.current.errors import BaseError, build_error
from jiuwen_lg.compat.current.recovery import Recovery
from jiuwen_lg.compat.current.session import RouterSession
from jiuwen_lg.compat.current.translation import translating
from jiuwen_lg.components.branch import BranchRouter
from jiuwen_lg.components.condition import ExpressionCondition
from jiuwen_lg.config import ComponentAbility as OurAbility
from jiuwen_lg.engine.graph.abilities import TAKES_FRAMES
from jiuwen_lg.engine.graph.policies import NO_POLICIES, Policies
from jiuwen_lg.engine.graph.router import BringsRouter, Router
from jiuwen_lg.errors import JiuWenBaseException
from jiuwen_lg.schema.path import MISSING
from jiuwen_lg.schema.reference import of_mapping, parse_schema
from jiuwen_lg.schema.values import maybe_await

_COMPONENT_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


class RecoveringBuilder(BaseWorkFlow):
    """A builder of ours whose components ask the handlers of failures when they fail for good."""

    def _add(
        self,
        comp_id: str,
        component: Any,
        node: Any,
        names: tuple[str, str],
        *,
        policies: Policies = NO_POLICIES,
        **options: Any,
    ) -> Self:
        if policies.fallback is MISSING:
            policies = replace(policies, fallback=Recovery(comp_id, policies.timeout, None))
        return super()._add(comp_id, component, node, names, policies=policies, **options)


class Building:
    """A thing built of components, over a builder of ours.

    Attributes:
        engine: The builder of ours.
    """

    engine: BaseWorkFlow

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._places: dict[str, dict[str, str]] = {}
        self._inside: dict[str, Building] = {}
        self.links: list[Link] = []

    @property
    def inside(self) -> dict[str, Building]:
        """The bodies of loops and the sub-workflows, by component."""
        return self._inside

    def names(self, prefix: str = "") -> dict[str, str]:
        """The names of components that have one, by executable id."""
        found = {f"{prefix}{id}": name for id, name in self._names.items()}
        for id, inside in self._inside.items():
            if inside is not self:
                found |= inside.names(f"{prefix}{id}.")
        return found

    def places(self, prefix: str = "") -> dict[str, dict[str, str]]:
        """Where frames go in a component's inputs: by executable id, the reference and its key."""
        found = {f"{prefix}{id}": places for id, places in self._places.items()}
        for id, inside in self._inside.items():
            if inside is not self:
                found |= inside.places(f"{prefix}{id}.")
        return found

    def add_connection(self, src_comp_id: str | list[str], target_comp_id: str) -> Self:
        """Let the target run after the source; after all of them, if a list is given."""
        with translating():
            self.engine.add_connection(src_comp_id, target_comp_id)
        sources = [src_comp_id] if isinstance(src_comp_id, str) else src_comp_id
        self.links += [Link(source, target_comp_id) for source in sources]
        return self

    def add_stream_connection(self, src_comp_id: str, target_comp_id: str) -> Self:
        """Let frames flow from one component to another."""
        try:
            self.engine.add_stream_connection(src_comp_id, target_comp_id)
        except JiuWenBaseException as error:
            raise build_error(StatusCode.WORKFLOW_STREAM_EDGE_INVALID, reason=error.message) from None
        self.links.append(Link(src_comp_id, target_comp_id, is_stream=True))
        return self

    def add_conditional_connection(self, src_comp_id: str, router: Callable[..., Any]) -> Self:
        """Let a function choose, after the source has run, which components run next.

        Args:
            src_comp_id: The source.
            router: Called with `session=`, if it has a parameter of that name; it gives an id, or several.
        """
        with translating():
            routing = self._routing(src_comp_id, router) if callable(router) else router
            self.engine.add_conditional_connection(src_comp_id, routing)
        self.links += links_of(src_comp_id, router)
        return self

    def _routing(self, source: str, router: Callable[..., Any]) -> Callable[..., Any]:
        """A router as our engine calls it; it fails as a step of the graph does."""
        components = self.engine.definition.components
        takes_session = "session" in _parameters(router)
        if not takes_session and isinstance(router, BranchRouter):
            return router

        async def route(runtime: Any) -> list[str]:
            try:
                call = router(session=RouterSession(runtime)) if takes_session else router()
                chosen = await maybe_await(call)
                targets = [chosen] if isinstance(chosen, str) else list(chosen)
                if unknown := [target for target in targets if target not in components and target != END]:
                    raise ValueError(f"there is no component {unknown[0]!r}; there are {sorted(components)}")
            except JiuWenBaseException:
                raise
            except Exception as error:
                reason = f"the router of component '{source}' failed: {error}"
                status = StatusCode.PREGEL_GRAPH_SUPER_STEP_EXECUTION_ERROR
                raise build_error(status, cause=error, reason=reason) from error
            return targets

        if targets := Router(router).known_targets():
            route.targets = targets  # type: ignore[attr-defined]
        return route

    def _register(self, comp_id: str, component: Any, name: str | None, schemas: dict[str, Schema]) -> None:
        if name is not None:
            self._names[comp_id] = name
        if places := dict(_references(schemas.get("stream_inputs_schema"))):
            self._places[comp_id] = places
        if isinstance(component, BringsRouter):
            self.links += links_of(comp_id, component.router())
        if isinstance(inside := getattr(component, "inside", None), Building):
            self._inside[comp_id] = inside
            if not hasattr(inside, "card"):  # a loop leads back to itself
                self.links.append(Link(comp_id, comp_id, is_conditional=True))

    def _add_component(
        self,
        comp_id: str,
        component: Any,
        schemas: dict[str, Schema],
        comp_ability: list[Any] | None,
        *,
        wait_for_all: bool | None,
        name: str | None,
        max_retries: int = 0,
        **policies: Any,
    ) -> None:
        require_id(comp_id)
        require_component(comp_id, component)
        abilities = our_abilities(comp_id, comp_ability, wait_for_all)
        require_disjoint(comp_id, schemas)
        with building_errors(comp_id):
            self.engine.add_workflow_comp(
                comp_id,
                adapted(component, max_retries),
                wait_for_all=wait_for_all,
                comp_ability=abilities,
                **with_merged_output(component, our_schemas(schemas)),
                **policies,
            )
        self._register(comp_id, component, name, schemas)


@dataclass(frozen=True, slots=True)
class Link:
    """A way from one component to another, as it was added; for drawings."""

    source: str
    target: str
    is_conditional: bool = False
    is_stream: bool = False
    label: str = ""


def links_of(source: str, router: Any) -> list[Link]:
    """The ways that a router is known to choose among; a branch shows its expression."""
    if isinstance(router, BranchRouter):
        return [
            Link(source, target, is_conditional=True, label=_label(one.condition))
            for one in router.branches
            for target in one.target
        ]
    return [Link(source, target, is_conditional=True) for target in Router(router).known_targets()]


def _label(condition: Any) -> str:
    return condition.trace_info() if isinstance(condition, ExpressionCondition) else ""


def _references(schema: Schema, prefix: str = "") -> Iterator[tuple[str, str]]:
    """The references of a schema with their keys."""
    for key, value in (schema if isinstance(schema, dict) else {}).items():
        if isinstance(value, dict):
            yield from _references(value, f"{prefix}{key}.")
        elif isinstance(value, str) and value.startswith("${") and value.endswith("}"):
            yield value[2:-1], f"{prefix}{key}"


def with_merged_output(component: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    """The schemas of a component; the batch output of one that says so is its frames, merged."""
    merged = getattr(component, "merged_output", None)
    if merged is None or not component.cache_stream:
        return schemas
    shape, made = schemas.pop("outputs_schema", None), schemas.pop("outputs_transformer", None)

    def output(given: Any) -> Any:
        found = merged(given)
        if made is not None:
            return made(found)
        return found if shape is None else parse_schema(shape).resolve(of_mapping(found))

    return {**schemas, "outputs_transformer": output}


def _parameters(function: Callable[..., Any]) -> Iterable[str]:
    try:
        return inspect.signature(function).parameters
    except (ValueError, TypeError):
        return ()


def require_id(comp_id: Any) -> None:
    """Check a component's id.

    Raises:
        ValidationError: 100010, it is no id.
    """
    if not isinstance(comp_id, str) or not _COMPONENT_ID.fullmatch(comp_id):
        reason = f"{comp_id!r}; an id has 1 to 100 letters, digits, '_' or '-'"
        raise build_error(StatusCode.WORKFLOW_COMPONENT_ID_INVALID, reason=reason, comp_id=comp_id)


def require_component(comp_id: str, component: Any) -> None:
    """Check that there is a component.

    Raises:
        ValidationError: 112101, it is None or a class.
    """
    if component is None or isinstance(component, type):
        reason = f"component '{comp_id}' is {component!r}; it needs an object that can run"
        raise build_error(StatusCode.PREGEL_GRAPH_NODE_INVALID, reason=reason, comp_id=comp_id)


def our_abilities(comp_id: str, given: list[Any] | None, wait_for_all: bool | None) -> list[OurAbility] | None:
    """The abilities that a component was told to run, as ours.

    Raises:
        ValidationError: 100011, one is unknown, or one takes frames and must not wait.
    """
    try:
        found = [one.ours if isinstance(one, ComponentAbility) else OurAbility(one) for one in given or ()]
    except ValueError as error:
        raise _bad_ability(f"component '{comp_id}': {error}") from error
    if wait_for_all is False and not TAKES_FRAMES.isdisjoint(found):
        raise _bad_ability(f"component '{comp_id}' takes frames, so it waits for all: drop wait_for_all=False")
    return found or None


def _bad_ability(reason: str) -> Exception:
    return build_error(StatusCode.WORKFLOW_COMPONENT_ABILITY_INVALID, reason=reason)


def require_disjoint(comp_id: str, schemas: dict[str, Schema]) -> None:
    """Check that the schemas of batch and of frames name different things.

    Raises:
        ValidationError: 100014, they share a key, or one is of another kind.
    """
    for name, schema in schemas.items():
        if schema is not None and not isinstance(schema, dict) and not callable(schema):
            raise _bad_schema(f"component '{comp_id}': {name} is {schema!r}; it is a dict or a function")
    if callable(schemas.get("stream_inputs_schema")):
        raise _bad_schema(f"component '{comp_id}': stream_inputs_schema as a function is not provided by jiuwen_lg")
    for batch, frames in (("inputs_schema", "stream_inputs_schema"), ("outputs_schema", "stream_outputs_schema")):
        if shared := sorted({*_keys(schemas.get(batch))} & {*_keys(schemas.get(frames))}):
            raise _bad_schema(f"component '{comp_id}': {batch} and {frames} both have {', '.join(shared)}")


def _bad_schema(reason: str) -> Exception:
    return build_error(StatusCode.WORKFLOW_COMPONENT_SCHEMA_INVALID, reason=reason)


def _keys(schema: Schema, prefix: str = "") -> Iterator[str]:
    for key, value in (schema if isinstance(schema, dict) else {}).items():
        path = f"{prefix}{key}"
        if isinstance(value, dict) and value:
            yield from _keys(value, f"{path}.")
        else:
            yield path


def our_schemas(schemas: dict[str, Schema]) -> dict[str, Any]:
    """Schemas as our builder takes them: functions become transformers."""
    ours: dict[str, Any] = {}
    for name, schema in schemas.items():
        if schema is None:
            continue
        ours[name if isinstance(schema, dict) else name.replace("_schema", "_transformer")] = schema
    return ours


@contextmanager
def building_errors(comp_id: str) -> Iterator[None]:
    """Let errors of adding a component leave as today's."""
    try:
        with translating():
            yield
    except Unfit as error:
        raise _bad_schema(f"component '{comp_id}': {error}") from error
    except BaseError as error:
        if error.status is StatusCode.WORKFLOW_EXECUTION_ERROR:  # of policies and the like
            raise _bad_schema(f"component '{comp_id}': {error.message}") from error.__cause__
        raise
