"""Workflow: built and run with today's signatures, over ours."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from typing import Any, Self

from jiuwen_lg.compat.current.building import (
    Building,
    RecoveringBuilder,
    building_errors,
    our_schemas,
    require_component,
    require_disjoint,
    require_id,
)
from jiuwen_lg.compat.current.card import ExceptionConfig, Schema, WorkflowCard, WorkflowConfig
from jiuwen_lg.compat.current.codes import StatusCode
from jiuwen_lg.compat.current.component import adapted
from jiuwen_lg.compat.current.end import End
from jiuwen_lg.compat.current.errors import build_error
from jiuwen_lg.compat.current.inputs import fitted_inputs
from jiuwen_lg.compat.current.observer import Observer
from jiuwen_lg.compat.current.output import WorkflowOutput, of_today
from jiuwen_lg.compat.current.recovery import Recovery, retry_policy, time_limit
from jiuwen_lg.compat.current.session import AgentSession, WorkflowSession
from jiuwen_lg.compat.current.translation import translated, translating
from jiuwen_lg.config import WorkflowConfig as OurConfig
from jiuwen_lg.config import WorkflowInputsSchema, WorkflowMetadata
from jiuwen_lg.output import WORKFLOW_FINAL, BaseStreamMode, OutputSchema, WorkflowChunk, WorkflowExecutionState
from jiuwen_lg.runtime import WorkflowRuntime
from jiuwen_lg.workflow import Workflow as OurWorkflow


class _Engine(RecoveringBuilder, OurWorkflow):
    """A workflow of ours whose turns are observed."""

    def _turn(self, runtime: Any, context: Any, modes: Any, emit: Any, timeout_code: Any, clock: Any = None) -> Any:
        observer = getattr(runtime, "observer", None)
        if observer is not None:
            emit = observer.sink(emit)
            if observer.needs_traces:
                modes = modes | {BaseStreamMode.TRACE}
        return super()._turn(runtime, context, modes, emit, timeout_code, clock)


class Workflow(Building):
    """A workflow: build it, then run it for any number of sessions, at the same time too.

    Args:
        card: Its id, name, version and the schema of its inputs.
        workflow_config: A configuration with a card, as some documents show it.
        workflow_max_nesting_depth: How deep sub-workflows may lie in it, 0 to 10.

    Attributes:
        engine: The `jiuwen_lg.Workflow` behind it, for pending questions, history, forks, workers.
    """

    engine: OurWorkflow

    def __init__(
        self,
        card: WorkflowCard | None = None,
        *,
        workflow_config: WorkflowConfig | None = None,
        workflow_max_nesting_depth: int = 5,
    ) -> None:
        super().__init__()
        given = card or (workflow_config.card if workflow_config is not None else None)
        self._card = given if given is not None else WorkflowCard()
        self._is_drawable = os.environ.get("WORKFLOW_DRAWABLE", "").strip().lower() == "true"
        if workflow_config is not None:
            workflow_max_nesting_depth = workflow_config.workflow_max_nesting_depth
        WorkflowConfig(workflow_max_nesting_depth=workflow_max_nesting_depth)
        self.engine = _Engine(_our_config(self._card, workflow_max_nesting_depth))

    @property
    def card(self) -> WorkflowCard:
        """The card."""
        return self._card

    # --- building ---

    def add_workflow_comp(
        self,
        comp_id: str,
        workflow_comp: Any,
        *,
        wait_for_all: bool | None = None,
        inputs_schema: Schema = None,
        outputs_schema: Schema = None,
        stream_inputs_schema: Schema = None,
        stream_outputs_schema: Schema = None,
        comp_ability: list[Any] | None = None,
        max_retries: int = 0,
        timeout: float = -1.0,
        exception_config: ExceptionConfig | None = None,
        name: str | None = None,
    ) -> Self:
        """Add a component.

        Args:
            comp_id: 1 to 100 letters, digits, `_` or `-`; unique.
            workflow_comp: The component.
            wait_for_all: Run only when all predecessors have run (default: after any).
            inputs_schema: Where the inputs come from: references, or a function of the state.
            outputs_schema: What of the output is kept: references, or a function of the output.
            stream_inputs_schema: Where the frames that it takes come from.
            stream_outputs_schema: What of each frame that it gives is kept.
            comp_ability: What it runs (default: what its connections ask for).
            max_retries: How many attempts may follow one that failed, at once.
            timeout: The limit of one attempt in seconds; 0 and less mean none.
            exception_config: Settings for the handlers of `component_error_recovery`.
            name: Its name in traces (default: the id).
        """
        retry, limit = retry_policy(max_retries), time_limit(timeout)
        schemas = {
            "inputs_schema": inputs_schema,
            "outputs_schema": outputs_schema,
            "stream_inputs_schema": stream_inputs_schema,
            "stream_outputs_schema": stream_outputs_schema,
        }
        self._add_component(
            comp_id,
            workflow_comp,
            schemas,
            comp_ability,
            wait_for_all=wait_for_all,
            name=name,
            max_retries=max_retries,
            retry=retry,
            timeout=limit,
            fallback=Recovery(comp_id, limit, exception_config),
        )
        return self

    def set_start_comp(
        self,
        start_comp_id: str,
        component: Any,
        inputs_schema: Schema = None,
        outputs_schema: Schema = None,
        *,
        name: str | None = None,
    ) -> Self:
        """Add the component where runs begin; arguments as in `add_workflow_comp`."""
        require_id(start_comp_id)
        require_component(start_comp_id, component)
        schemas = {"inputs_schema": inputs_schema, "outputs_schema": outputs_schema}
        require_disjoint(start_comp_id, schemas)
        with building_errors(start_comp_id):
            self.engine.set_start_comp(start_comp_id, adapted(component), **our_schemas(schemas))
        self._register(start_comp_id, component, name, schemas)
        return self

    def set_end_comp(
        self,
        end_comp_id: str,
        component: Any,
        inputs_schema: Schema = None,
        outputs_schema: Schema = None,
        stream_inputs_schema: Schema = None,
        stream_outputs_schema: Schema = None,
        response_mode: str | None = None,
        *,
        name: str | None = None,
    ) -> Self:
        """Add the component whose output is the result; with `response_mode="streaming"` it comes as frames."""
        require_id(end_comp_id)
        require_component(end_comp_id, component)
        schemas = {
            "inputs_schema": inputs_schema,
            "outputs_schema": outputs_schema,
            "stream_inputs_schema": stream_inputs_schema,
            "stream_outputs_schema": stream_outputs_schema,
        }
        require_disjoint(end_comp_id, schemas)
        if isinstance(component, End):
            component.gives_frames = response_mode == "streaming"
        with building_errors(end_comp_id):
            self.engine.set_end_comp(
                end_comp_id, adapted(component), response_mode=response_mode, **our_schemas(schemas)
            )
        self._register(end_comp_id, component, name, schemas)
        return self

    # --- running ---

    async def invoke(self, inputs: Any, session: Any, context: Any = None, **kwargs: Any) -> WorkflowOutput:
        """Run to the end or to the next questions.

        Args:
            inputs: A dict starts a run; an `InteractiveInput` resumes the session's paused or failed one.
            session: The session, from `create_workflow_session`.
            context: The third argument of components.
            kwargs: `skip_inputs_validate=True` leaves the inputs unchecked.
        """
        session, given = self._prepared(inputs, session, kwargs)
        observer = Observer(session, self._card, self.names(), self.places(), wants_traces=False)
        await observer.started(inputs)
        try:
            with translating():
                output = await self.engine.invoke(given, session.runtime(observer), context)
        except Exception as error:
            await observer.stopped(error)
            raise
        except asyncio.CancelledError:
            await observer.cancelled()
            raise
        is_done = output.state is WorkflowExecutionState.COMPLETED
        await observer.finished(output.result if is_done else None)
        today: WorkflowOutput = of_today(output)
        return today

    async def stream(
        self,
        inputs: Any,
        session: Any,
        context: Any = None,
        stream_modes: list[BaseStreamMode] | None = None,
        **kwargs: Any,
    ) -> AsyncGenerator[WorkflowChunk, None]:
        """Run as `invoke` does and yield frames while they are made; all kinds, unless `stream_modes` says which."""
        session, given = self._prepared(inputs, session, kwargs)
        wants_traces = stream_modes is None or BaseStreamMode.TRACE in stream_modes
        observer = Observer(session, self._card, self.names(), self.places(), wants_traces=wants_traces)
        await observer.started(inputs)
        frames = self.engine.stream(given, session.runtime(observer), context, stream_modes)
        held: OutputSchema | None = None  # the last frame may be the result, which comes after the last event
        try:
            async for frame in frames:
                if held is not None:
                    yield held
                held = frame if isinstance(frame, OutputSchema) and frame.type == WORKFLOW_FINAL else None
                if held is None:
                    yield frame
        except Exception as error:  # noqa: BLE001 - every failure leaves with its code
            raised = translated(error)
            await observer.stopped(raised)
            raise raised from raised.__cause__
        finally:
            await frames.aclose()
        await observer.finished(held.payload if held is not None else None)
        if held is not None:
            yield held

    def _prepared(self, inputs: Any, session: Any, options: dict[str, Any]) -> tuple[WorkflowSession, Any]:
        """The session and the inputs of a turn, both checked."""
        if unknown := [name for name in options if name not in ("skip_inputs_validate", "is_sub")]:
            raise TypeError(f"a workflow takes inputs, session, context, stream_modes; not {unknown}")
        checked = _session_of(session)
        checked.set_workflow_card(self._card)
        given = inputs if options.get("skip_inputs_validate") else fitted_inputs(self._card.input_params, inputs)
        return checked, given

    # --- drawing ---

    def draw(
        self,
        title: str = "",
        output_format: str = "mermaid",
        expand_subgraph: int | bool = False,
        enable_animation: bool = False,
        **kwargs: Any,
    ) -> str | bytes:
        """The workflow as Mermaid text, or as a picture; empty unless WORKFLOW_DRAWABLE was `true` when it was made.

        Args:
            title: A line above it.
            output_format: `"mermaid"`, `"svg"` or `"png"`.
            expand_subgraph: Whether loops and sub-workflows are opened; a number opens so many levels.
            enable_animation: Whether the links of streams move.
            kwargs: Nothing else is used.
        """
        from jiuwen_lg.compat.current.drawing import drawn

        if not self._is_drawable:
            return ""
        with translating():
            return drawn(self, title, output_format, expand_subgraph, enable_animation=enable_animation)


def _our_config(card: WorkflowCard, depth: int) -> OurConfig:
    named = {"name", "version", "description", *(("id",) if card.is_named else ())}
    metadata = WorkflowMetadata.model_construct(
        _fields_set=named, id=card.id, name=card.name, version=card.version, description=card.description
    )
    schema = card.input_schema
    declared = WorkflowInputsSchema(
        type=schema.get("type", ""), properties=schema.get("properties", {}), required=schema.get("required", [])
    )
    config = OurConfig(workflow_inputs_schema=declared, workflow_max_nesting_depth=depth)
    config.metadata = metadata
    return config


def _session_of(session: Any) -> WorkflowSession:
    if isinstance(session, WorkflowSession):
        return session
    if isinstance(session, AgentSession):
        return session.create_workflow_session()
    if isinstance(session, WorkflowRuntime):  # a caller of jiuwen_lg's own
        return WorkflowSession(session_id=session.session_id(), envs=session.config().envs())
    reason = f"it is {session!r}; make one with create_workflow_session(session_id=...)"
    raise build_error(StatusCode.WORKFLOW_EXECUTE_SESSION_INVALID, reason=reason)
