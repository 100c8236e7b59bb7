"""The builder of workflows and loop bodies: components, connections, routers.

Signatures as in openJiuwen 0.1.1 (`engine.md` 1.2).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any, Self

from jiuwen_lg.component import WorkflowComponent
from jiuwen_lg.config import CompIOConfig, ComponentAbility, NodeSpec, WorkflowConfig
from jiuwen_lg.engine.graph.abilities import TAKES_FRAMES
from jiuwen_lg.engine.graph.checks import require_sense, warnings_of
from jiuwen_lg.engine.graph.definition import ComponentSpec, Connection, Definition
from jiuwen_lg.engine.graph.policies import NO_POLICIES, Cache, Policies, Retry, Timeout
from jiuwen_lg.engine.graph.router import BringsRouter
from jiuwen_lg.errors import StatusCode
from jiuwen_lg.graph import Graph
from jiuwen_lg.interop.components import adapted
from jiuwen_lg.interop.hooks import with_hooks
from jiuwen_lg.schema.path import MISSING

_COMPONENT_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


class BaseWorkFlow:
    """A graph of components under construction: a workflow, or the body of a loop.

    Args:
        workflow_config: Metadata and input schema.
    """

    def __init__(self, workflow_config: WorkflowConfig | None = None) -> None:
        config = workflow_config or WorkflowConfig()
        self._config = config.model_copy(update={"spec": config.spec.model_copy(deep=True)})
        self._definition = Definition()

    @property
    def definition(self) -> Definition:
        """The definition as it has been built so far (for the engine)."""
        return self._definition

    def config(self) -> WorkflowConfig:
        """The configuration given at construction; `spec` tells what was built."""
        return self._config

    def add_workflow_comp(
        self,
        comp_id: str,
        workflow_comp: Any,
        *,
        wait_for_all: bool | None = None,
        inputs_schema: dict[str, Any] | None = None,
        outputs_schema: dict[str, Any] | None = None,
        inputs_transformer: Callable[..., Any] | None = None,
        outputs_transformer: Callable[..., Any] | None = None,
        stream_inputs_schema: dict[str, Any] | None = None,
        stream_outputs_schema: dict[str, Any] | None = None,
        stream_outputs_transformer: Callable[..., Any] | None = None,
        comp_ability: list[ComponentAbility] | None = None,
        retry: Retry = None,
        timeout: Timeout = None,
        cache: Cache = None,
        fallback: Any = MISSING,
        label: str | None = None,
        description: str | None = None,
    ) -> Self:
        """Add a component.

        Args:
            comp_id: 1 to 100 ASCII letters, digits, `_` or `-`; unique.
            workflow_comp: A `WorkflowComponent`, any object with an async `invoke`, a runnable of
                LangChain's (a tool, a chain, a compiled graph), or a function of the inputs.
            wait_for_all: Run only when all predecessors have run (default: after any).
            inputs_schema: Where the inputs come from: `{"x": "${start.query}"}`.
            outputs_schema: What of the output is kept, under which names.
            inputs_transformer: Makes the inputs instead of `inputs_schema`.
            outputs_transformer: Makes the output instead of `outputs_schema`.
            stream_inputs_schema: Where what it takes frame by frame comes from: each reference to
                a component that streams becomes an async generator.
            stream_outputs_schema: What of each frame that it gives is kept.
            stream_outputs_transformer: Makes each frame instead of `stream_outputs_schema`.
            comp_ability: What the component runs (default: what its connections ask for).
            retry: How many attempts it has, where another one may help (timeouts, lost connections, 429,
                failures of a service), or LangGraph's `RetryPolicy`.
            timeout: For one attempt, in seconds, or a `timedelta`.
            cache: Keep its outputs, and give them again for equal inputs: True, for so many seconds, or
                LangGraph's `CachePolicy`. Only the output is kept, and only of `invoke`.
            fallback: What counts instead when it has failed for good: an output, a function of the error that
                gives one, or `Command(goto="other")`, which goes on there instead of along its connections.
            label: How drawings, traces and questions name it, in any language (default: its id). Labels are
                not part of a workflow's shape: changing one leaves paused sessions as they are.
            description: A sentence about it for those who look at it.

        Raises:
            JiuWenBaseException: -1 for a malformed id or policy, 110003 for a used one, 100002 for an
                object that cannot run.
        """
        io = _io(inputs_schema, outputs_schema, inputs_transformer, outputs_transformer)
        stream_io = _io(stream_inputs_schema, stream_outputs_schema, None, stream_outputs_transformer)
        node = NodeSpec(io_config=io, stream_io_configs=stream_io, abilities=comp_ability or [])
        takes_frames = not TAKES_FRAMES.isdisjoint(node.abilities)
        if wait_for_all is False and takes_frames:
            raise StatusCode.ERROR.error(
                reason=f"[{comp_id}] takes frames, so it waits for all: drop wait_for_all=False"
            )
        waits = bool(wait_for_all) or takes_frames
        policies = Policies.of(retry, timeout, cache, fallback)
        names = _names(comp_id, label, description)
        return self._add(comp_id, workflow_comp, node, names, wait_for_all=waits, is_exit=False, policies=policies)

    def set_start_comp(
        self,
        start_comp_id: str,
        component: Any,
        inputs_schema: dict[str, Any] | None = None,
        outputs_schema: dict[str, Any] | None = None,
        inputs_transformer: Callable[..., Any] | None = None,
        outputs_transformer: Callable[..., Any] | None = None,
        *,
        label: str | None = None,
        description: str | None = None,
    ) -> Self:
        """Add the component where runs begin; arguments as in `add_workflow_comp`."""
        node = NodeSpec(io_config=_io(inputs_schema, outputs_schema, inputs_transformer, outputs_transformer))
        names = _names(start_comp_id, label, description)
        self._add(start_comp_id, component, node, names, wait_for_all=False, is_exit=False)
        return self.start_comp(start_comp_id)

    def set_end_comp(
        self,
        end_comp_id: str,
        component: Any,
        inputs_schema: dict[str, Any] | None = None,
        outputs_schema: dict[str, Any] | None = None,
        inputs_transformer: Callable[..., Any] | None = None,
        outputs_transformer: Callable[..., Any] | None = None,
        stream_inputs_schema: dict[str, Any] | None = None,
        stream_outputs_schema: dict[str, Any] | None = None,
        stream_outputs_transformer: Callable[..., Any] | None = None,
        response_mode: str | None = None,
        *,
        label: str | None = None,
        description: str | None = None,
    ) -> Self:
        """Add the component whose output is the result; of several, the one set last counts.

        With `response_mode="streaming"` the result comes as frames of type `end node stream`;
        with a `stream_inputs_schema` it is made of frames.
        """
        io = _io(inputs_schema, outputs_schema, inputs_transformer, outputs_transformer)
        stream_io = _io(stream_inputs_schema, stream_outputs_schema, None, stream_outputs_transformer)
        abilities = _end_abilities(response_mode, inputs_schema or inputs_transformer, stream_inputs_schema)
        node = NodeSpec(io_config=io, stream_io_configs=stream_io, abilities=abilities)
        waits = stream_inputs_schema is not None
        names = _names(end_comp_id, label, description)
        self._add(end_comp_id, component, node, names, wait_for_all=waits, is_exit=True)
        self._definition.end_at(end_comp_id)
        return self

    def _add(
        self,
        comp_id: str,
        component: Any,
        node: NodeSpec,
        names: tuple[str, str],
        *,
        wait_for_all: bool,
        is_exit: bool,
        policies: Policies = NO_POLICIES,
    ) -> Self:
        self._check_id(comp_id)
        add_own = partial(self._add_executable, comp_id, node, names, is_exit=is_exit, policies=policies)
        if _adds_itself(component):
            component.add_component(Graph(self, comp_id, add_own), comp_id, wait_for_all)
            if comp_id not in self._definition.components:
                reason = "its add_component did not call graph.add_node(node_id, ...)"
                raise StatusCode.GRAPH_ADD_NODE_FAILED.error(node_id=comp_id, reason=reason)
        else:
            add_own(component, wait_for_all=wait_for_all)
        if isinstance(component, BringsRouter):
            self._definition.route(comp_id, component.router())
        return self

    def _add_executable(
        self,
        comp_id: str,
        node: NodeSpec,
        names: tuple[str, str],
        executable: Any,
        *,
        wait_for_all: bool,
        is_exit: bool,
        policies: Policies,
    ) -> None:
        executable = _executable_of(executable)
        try:
            spec = ComponentSpec.parse(
                comp_id,
                executable,
                node,
                wait_for_all=wait_for_all,
                is_exit=is_exit,
                policies=policies,
                label=names[0],
                description=names[1],
            )
        except ValueError as error:
            raise StatusCode.GRAPH_ADD_NODE_FAILED.error(node_id=comp_id, reason=str(error)) from error
        self._definition.add(spec)
        self._config.spec.comp_configs[comp_id] = node

    def _check_id(self, comp_id: str) -> None:
        if not isinstance(comp_id, str) or not _COMPONENT_ID.fullmatch(comp_id):
            raise StatusCode.ERROR.error(
                reason=f"a component id has 1 to 100 ASCII letters, digits, '_' or '-', which {comp_id!r} has not"
            )
        if comp_id.startswith("__") and comp_id.endswith("__"):
            raise StatusCode.ERROR.error(reason=f"ids like {comp_id!r} are LangGraph's own: drop the underscores")
        if comp_id in self._definition.components:
            raise StatusCode.GRAPH_ADD_NODE_FAILED.error(node_id=comp_id, reason="the id is used already")

    def check(self) -> list[str]:
        """Look for what means nothing: references that lead nowhere, components that nothing leads to.

        Returns:
            What is legal and hardly meant, each with component, field and remedy; the first run logs the same.

        Raises:
            JiuWenBaseException: 110006, something can never be right. (A run logs it, and reads None, as
                openJiuwen does.)
        """
        self._definition.joins()
        inputs = self._config.workflow_inputs_schema.properties
        require_sense(self._definition, inputs)
        ends = [f"component [{end}]: nothing leads to it from a start" for end in self._definition.unreachable_ends()]
        return [*ends, *warnings_of(self._definition, inputs)]

    def start_comp(self, id: str) -> Self:
        """Let runs begin at a component that has been added (low level).

        Raises:
            JiuWenBaseException: 110001, there is no such component.
        """
        if id not in self._definition.components:
            raise StatusCode.GRAPH_SET_START_NODE_FAILED.error(reason=f"{id!r} was not added")
        self._definition.start_at(id)
        return self

    def end_comp(self, id: str) -> Self:
        """Mark a component that has been added as an exit (low level); only `set_end_comp` gives a result.

        Raises:
            JiuWenBaseException: 110002, there is no such component.
        """
        if id not in self._definition.components:
            raise StatusCode.GRAPH_SET_END_NODE_FAILED.error(reason=f"{id!r} was not added")
        return self

    def add_connection(self, src_comp_id: str | list[str], target_comp_id: str) -> Self:
        """Let the target run after the source; after all of them, if a list is given.

        The components may be added later; ids that are missing when the workflow runs are 110006.

        Raises:
            JiuWenBaseException: 110004, an id is missing here.
        """
        sources = tuple(src_comp_id) if isinstance(src_comp_id, (list, tuple)) else (src_comp_id,)
        ids = (*sources, target_comp_id)
        if not sources or not all(isinstance(i, str) and i for i in ids):
            raise StatusCode.GRAPH_ADD_EDGE_FAILED.error(
                source=src_comp_id, target=target_comp_id, reason="both ends need a component id"
            )
        self._definition.connect(Connection(tuple(dict.fromkeys(sources)), target_comp_id))
        for source in sources:
            self._config.spec.edges.setdefault(source, []).append(target_comp_id)
        return self

    def add_conditional_connection(self, src_comp_id: str, router: Callable[..., Any]) -> Self:
        """Let a function choose, after the source has run, which components run next.

        Several routers on one source add up, as do plain connections. A router that raises
        makes its source fail; a retry runs both again.

        Args:
            src_comp_id: The source.
            router: Called as `router()`, or as `router(runtime=...)` if it has a parameter of
                that name; it gives an id, several (all run at once), or none. It may be async.

        Raises:
            JiuWenBaseException: 110005, the source or the router is missing. When it runs,
                100100 for a router that fails or names a component that is not there.
        """
        if not src_comp_id or not isinstance(src_comp_id, str):
            raise StatusCode.GRAPH_ADD_CONDITION_EDGE_FAILED.error(source=src_comp_id, reason="it needs a component id")
        if not callable(router):
            raise StatusCode.GRAPH_ADD_CONDITION_EDGE_FAILED.error(
                source=src_comp_id, reason=f"a router is a function, {router!r} is not"
            )
        self._definition.route(src_comp_id, router)
        return self

    def add_stream_connection(self, src_comp_id: str, target_comp_id: str) -> Self:
        """Let frames flow from one component to another.

        The target starts with the first frame and takes part in the run when the source has ended.

        Raises:
            JiuWenBaseException: 110004, an id is missing here.
        """
        if not all(isinstance(id, str) and id for id in (src_comp_id, target_comp_id)):
            raise StatusCode.GRAPH_ADD_EDGE_FAILED.error(
                source=src_comp_id, target=target_comp_id, reason="both ends need a component id"
            )
        self._definition.connect(Connection((src_comp_id,), target_comp_id, is_stream=True))
        self._config.spec.stream_edges.setdefault(src_comp_id, []).append(target_comp_id)
        return self


def _adds_itself(component: Any) -> bool:
    """Return whether a component has an `add_component` of its own."""
    own = getattr(type(component), "add_component", None)
    return own is not None and own is not WorkflowComponent.add_component


def _names(id: str, label: str | None, description: str | None) -> tuple[str, str]:
    """A component's label and description; empty without one.

    Raises:
        JiuWenBaseException: -1, one of them is no text.
    """
    for name, value in (("label", label), ("description", description)):
        if value is not None and not isinstance(value, str):
            raise StatusCode.ERROR.error(reason=f"the {name} of [{id}] is a text, not {value!r}")
    return " ".join((label or "").split()), (description or "").strip()


def _executable_of(component: Any) -> Any:
    """Return the executable of a component, or the object itself if it has an async `invoke`."""
    if isinstance(component, type):
        raise StatusCode.COMPONENT_NOT_EXECUTABLE_ERROR.error(component=f"{component.__qualname__}, a class,")
    if isinstance(component, WorkflowComponent) or hasattr(component, "to_executable"):
        return with_hooks(component.to_executable())
    if (executable := adapted(component)) is not None:
        return executable
    if callable(getattr(component, "invoke", None)) or callable(getattr(component, "on_invoke", None)):
        return with_hooks(component)
    raise StatusCode.COMPONENT_NOT_EXECUTABLE_ERROR.error(component=repr(component))


def _io(inputs_schema: Any, outputs_schema: Any, inputs_transformer: Any, outputs_transformer: Any) -> CompIOConfig:
    """Schemas and transformers of a component; pydantic refuses schemas that are no dicts and the like."""
    return CompIOConfig(
        inputs_schema=inputs_schema,
        outputs_schema=outputs_schema,
        inputs_transformer=inputs_transformer,
        outputs_transformer=outputs_transformer,
    )


def _end_abilities(response_mode: str | None, batch: Any, frames: Any) -> list[ComponentAbility]:
    """Return the abilities of an End (`engine.md` 1.8); none where they follow from its connections."""
    if response_mode == "streaming":
        if frames is None:
            return [ComponentAbility.STREAM]
        return [*([ComponentAbility.STREAM] if batch is not None else []), ComponentAbility.TRANSFORM]
    return [] if frames is None else [ComponentAbility.INVOKE, ComponentAbility.COLLECT]
