"""One component as a LangGraph node: resolve, run, store."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.errors import GraphBubbleUp, GraphInterrupt, GraphRecursionError, NodeCancelledError
from langgraph.runtime import get_runtime
from langgraph.types import Command, Interrupt

from jiuwen_lg.engine.concurrency.sync_bridge import run_in_loop_thread
from jiuwen_lg.engine.execution.loop_iteration import IterationEnd, step_of
from jiuwen_lg.engine.execution.stream_input import streams_of
from jiuwen_lg.engine.execution.streaming_node import NodeResult, StreamingNode
from jiuwen_lg.engine.execution.subgraph import RECURSION_LIMIT, Subgraph
from jiuwen_lg.engine.graph.definition import ComponentSpec
from jiuwen_lg.engine.graph.output_cache import OutputCache
from jiuwen_lg.engine.graph.reachability import deferred_pending
from jiuwen_lg.engine.graph.router import Router
from jiuwen_lg.engine.graph.state import SET
from jiuwen_lg.engine.pregel.keys import task_id_of
from jiuwen_lg.engine.runtime.component_runtime import ComponentRuntime
from jiuwen_lg.engine.runtime.interrupts import (
    Question,
    carried_by,
    failures_in,
    interrupts_in,
    with_prefix,
)
from jiuwen_lg.engine.runtime.parent import parent_component_of
from jiuwen_lg.engine.runtime.router_runtime import RouterRuntime, route
from jiuwen_lg.engine.runtime.run_context import run_context_of
from jiuwen_lg.engine.runtime.tracing import Span
from jiuwen_lg.error_text import described
from jiuwen_lg.errors import JiuWenBaseException, StatusCode, is_engine_error
from jiuwen_lg.runtime_state import ReadableStateLike
from jiuwen_lg.schema.path import MISSING
from jiuwen_lg.schema.reference import Fields, Reader, look_up, of_mapping
from jiuwen_lg.schema.values import maybe_await, merge, normalize

_OF_FRAMES = frozenset((StatusCode.STREAM_FRAME_TIMEOUT_FAILED.code, StatusCode.STREAM_NO_INPUT_FAILED.code))
"""Errors of the ways between components, which reach the caller as they are."""


class FallbackCommand(Command[Any]):
    """The output of a node whose component failed, and whose fallback leads elsewhere than its connections."""


class ComponentNode(Runnable[Any, Any]):
    """Runs a component for one superstep.

    The same object serves asynchronous callers and, through one event loop of its own,
    synchronous ones.

    Args:
        spec: The component.
        gives_result: Whether its output is the graph's result.
        routers: What chooses where the run goes on after it.
        ids: The components of its graph.
        subgraph: What it runs, if it is a graph itself.
        round_end: For the last component of a loop's body: what comes after.
        performer: For a component that exchanges frames with others: what it does.
        predecessors: The components that lead to it.
        first: For one that runs when nothing before it is left to run: others of that kind that it
            lets go first.
        cache: Its outputs of earlier runs.
    """

    def __init__(
        self,
        spec: ComponentSpec,
        *,
        gives_result: bool,
        routers: Sequence[Router],
        ids: Collection[str],
        subgraph: Subgraph | None = None,
        round_end: IterationEnd | None = None,
        streaming: StreamingNode | None = None,
        predecessors: Sequence[str] = (),
        first: Mapping[str, tuple[str, ...]] | None = None,
        cache: OutputCache | None = None,
    ) -> None:
        self.name: str = spec.id
        self._cache = cache
        self._spec = spec
        self._gives_result = gives_result
        self._routers = routers
        self._ids = ids
        self._subgraph = subgraph
        self._round_end = round_end
        self._streaming = streaming
        self._predecessors = predecessors
        self._first = first or {}

    @property
    def is_plain(self) -> bool:
        """Whether it only gives an update of the state, unless it fails or asks."""
        has_more = self._subgraph or self._routers or self._round_end or self._streaming or self._first
        return not has_more and not self._gives_result and not self._spec.policies.targets

    @property
    def subgraph(self) -> Any:
        """The compiled graph that it runs, if it runs one."""
        return None if self._subgraph is None else self._subgraph.graph

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """For synchronous callers of the graph."""
        return run_in_loop_thread(self._execute(input, config or {}, is_sync=True))

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Run the component once and return what it adds to the state."""
        return await self._execute(input, config or {})

    async def _execute(self, input: Any, config: RunnableConfig, *, is_sync: bool = False) -> Any:
        run_context = run_context_of(config)
        task_id = task_id_of(config)
        parent = parent_component_of(config)
        runtime = ComponentRuntime(self._spec.id, task_id, run_context, input, await carried_by(config), parent, config)
        runtime.is_sync, runtime.attempt, runtime.label = is_sync, _attempt(), self._spec.label
        if self._first and deferred_pending(self._first, runtime.view.finished):
            return Command(goto=[self._spec.id])  # LangGraph lets all of that kind go at once
        runtime.span = self._span(runtime, config) if run_context.tracer is not None else None
        if run_context.journal is None:
            return await self._perform(input, runtime, config, task_id)
        with run_context.journal.recording(self._spec.id, runtime) as recording:
            recording.update = await self._perform(input, runtime, config, task_id)
            recording.is_fallback = runtime.fell_back
            recording.is_choice = bool(self._routers) or isinstance(recording.update, FallbackCommand)
        return recording.update

    async def _perform(self, input: Any, runtime: ComponentRuntime, config: RunnableConfig, task_id: str) -> Any:
        is_sync = runtime.is_sync
        try:
            _refuse_endless(input, config)
            done = await self._run_in_time(runtime, config, is_sync=is_sync)
            output = await self._outputs(done.output) if done.has_output else None
            if done.is_idle:  # it has nothing more to take: what it gave before still counts
                output = runtime.view.channels["io"].get(self._spec.id)
        except Exception as error:
            done = await self._fallen_back(error, runtime, task_id)
            output = done.output
        self._refuse_swallowed(runtime)
        stored = self._stored(output)
        update: Any = self._update(stored, runtime)
        if self._streaming is not None:
            update |= self._streaming.update(done, runtime)
        if runtime.fell_back and self._spec.policies.targets:
            update = FallbackCommand(update=update, goto=list(self._spec.policies.targets))
        elif self._routers:
            update = await self._routed(update, runtime, stored)
        if self._round_end is not None:
            update = await self._round_end.close(update, runtime, stored, config)
        runtime.finish()
        if runtime.span is not None:
            await self._traced(runtime, stored, update, config)
        return update

    def _falls_back(self, failure: BaseException, runtime: ComponentRuntime) -> bool:
        """Whether a failure is the component's last, and something else counts instead."""
        policies = self._spec.policies
        if policies.fallback is MISSING or isinstance(failure, GraphBubbleUp) or is_engine_error(failure):
            return False
        return isinstance(failure, Exception) and policies.is_final(failure, runtime.attempt)

    async def _fallen_back(self, error: Exception, runtime: ComponentRuntime, task_id: str) -> NodeResult:
        """What counts instead of what failed: an output, and a frame of it for those who take frames.

        Raises:
            BaseException: There is no fallback, this was not the last attempt, or it asked.
        """
        raised = await self._as_raised(error, runtime, task_id)
        if raised is not error:
            raised.__cause__ = None if isinstance(raised, GraphBubbleUp) else error
        if not self._falls_back(raised, runtime):
            raise raised
        runtime.discard_updates()
        runtime.fell_back = True
        output = await self._spec.policies.output_instead(raised)
        if self._streaming is None or self._spec.policies.targets:
            return NodeResult(output)
        return await self._streaming.fall_back(runtime, output)

    async def _run_in_time(self, runtime: ComponentRuntime, config: RunnableConfig, *, is_sync: bool) -> NodeResult:
        limit = self._spec.policies.timeout
        if limit is None:
            return await self._run(runtime, config, is_sync=is_sync)
        try:
            async with asyncio.timeout(limit) as clock:
                return await self._run(runtime, config, is_sync=is_sync)
        except TimeoutError as error:
            if not clock.expired():
                raise
            raise TimeoutError(f"it took longer than its timeout of {limit:g} s") from error

    async def _as_raised(self, error: Exception, runtime: ComponentRuntime, task_id: str) -> BaseException:
        """Return the exception that leaves the node when its component raised: its questions, or its failure."""
        if self._subgraph is not None and isinstance(error, GraphBubbleUp):
            return error  # asked, and announced, by a component inside
        if isinstance(error, NodeCancelledError) and error.__cause__ is not None:
            return error.__cause__  # a component inside raised CancelledError: it escapes as it is
        if interrupts := self._interrupts(error, runtime):
            await self._announce(interrupts, task_id, runtime)
            if runtime.span is not None:
                await runtime.span.interrupted()
            return GraphInterrupt(tuple(interrupts))
        failure = self._failure(error, runtime.ability)
        if runtime.span is not None:
            await runtime.span.end_with(failure)
        return failure

    def _span(self, runtime: ComponentRuntime, config: RunnableConfig) -> Span:
        tracer, parent = runtime.run_context.tracer, runtime.parent
        assert tracer is not None
        around = parent.id if parent is not None else ""
        predecessors = [parent.executable_id(id) if parent is not None else id for id in self._predecessors]
        id = runtime.executable_id()
        index = runtime.view.channels["loop"].get("index") if parent is not None and parent.is_loop else None
        trigger = tracer.trigger_of(id, around, predecessors, step_of(config), index)
        config_of = runtime.get_current_workflow_config()
        workflow_id = config_of.metadata.id if config_of is not None else ""
        return Span(
            tracer,
            id,
            self._spec.id,
            around,
            trigger,
            index,
            class_name=type(self._spec.executable).__name__,
            workflow_id=workflow_id,
            label=self._spec.label,
        )

    async def _traced(self, runtime: ComponentRuntime, output: Any, update: Any, config: RunnableConfig) -> None:
        """Tell of the end, and remember what the component leads to."""
        tracer, parent = runtime.run_context.tracer, runtime.parent
        assert tracer is not None
        assert runtime.span is not None
        await runtime.span.finish(output)
        goto = update.goto if isinstance(update, Command) else []
        targets = [str(target) for target in (goto if isinstance(goto, list) else [goto])]
        chosen = [parent.executable_id(id) if parent is not None else id for id in targets]
        tracer.finished(runtime.executable_id(), parent.id if parent is not None else "", chosen, step_of(config))

    async def _routed(self, update: dict[str, Any], runtime: ComponentRuntime, output: Any) -> Command[Any]:
        view = RouterRuntime(runtime, output)
        targets = await route(self._spec.id, self._routers, view, self._ids)
        if view.outputs:
            update["io"] |= {self._spec.id: merge(output, self._stored(view.outputs))}
        return Command(update=update, goto=targets)

    async def _run(self, runtime: ComponentRuntime, config: RunnableConfig, *, is_sync: bool) -> NodeResult:
        async def invoke(inputs: Any) -> Any:
            if self._subgraph is not None:
                return await self._subgraph.run(inputs, runtime, config, is_sync=is_sync)
            return await self._spec.executable.invoke(inputs, runtime, runtime.run_context.context)

        if self._streaming is None:
            inputs = await self._inputs(runtime)
            return NodeResult(await (invoke(inputs) if self._cache is None else self._known(inputs, runtime, invoke)))
        return await self._streaming.perform(runtime, streams_of(config), lambda: self._inputs(runtime), invoke)

    async def _known(self, inputs: Any, runtime: ComponentRuntime, invoke: Any) -> Any:
        """The output for inputs that have come before, or a new one; one that was asked for is not kept."""
        assert self._cache is not None
        key = self._cache.key(runtime.executable_id(), inputs)  # before a component can change them
        output = MISSING if key is None else await self._cache.find(key)
        if output is MISSING:
            output = self._stored(await invoke(inputs))
            if key is not None and not runtime.replay.has_asked and runtime.unawaited() is None:
                await self._cache.keep(key, output)
        return output

    async def _inputs(self, runtime: ComponentRuntime) -> Any:
        if transformer := self._spec.io.inputs_transformer:
            inputs = await maybe_await(transformer(_StateView(runtime.view.read)))
        else:
            inputs = None if self._spec.inputs is None else self._spec.inputs.resolve(runtime.view.read)
        runtime.inputs = inputs
        if runtime.span is not None:
            await runtime.span.start(inputs)
        return inputs

    async def _outputs(self, output: Any) -> Any:
        if transformer := self._spec.io.outputs_transformer:
            return await maybe_await(transformer(output))
        schema = self._spec.outputs
        if schema is None or output is None:
            return output
        resolved = schema.resolve(of_mapping(normalize(output)))
        if self._spec.is_exit or not isinstance(schema, Fields):
            return resolved
        return {key: value for key, value in dict(resolved).items() if value is not None}

    def _stored(self, output: Any) -> Any:
        try:
            return normalize(output)
        except ValueError as error:
            raise StatusCode.WORKFLOW_EXECUTE_INNER_ERROR.error(
                error=f"the output of component [{self._spec.id}] cannot be stored: {error}"
            ) from error

    def _update(self, output: Any, runtime: ComponentRuntime) -> dict[str, Any]:
        update: dict[str, Any] = {"io": {self._spec.id: output}}
        own = {id: [None, state] for id, state in runtime.inner_states.items()}
        if runtime.private_patches:
            own[runtime.executable_id()] = runtime.private_patches
        if own:
            update["own"] = own
        if patches := [*runtime.inner_patches, *runtime.global_patches]:
            update["world"] = patches
            if runtime.parent is not None:
                update["told"] = patches
        if runtime.value_patches:
            update["io"][SET] = runtime.value_patches
        if runtime.loop_patches:
            update["loop"] = runtime.loop_patches
        if self._gives_result:
            update["result"] = output
        return update

    def _interrupts(self, error: Exception, runtime: ComponentRuntime) -> list[Interrupt]:
        """Return the interrupts to pause with, when the component ended by asking and nothing else."""
        raised = interrupts_in(error)
        if raised is None:
            return []
        if runtime.replay.has_asked and not runtime.replay.open_questions():
            return []  # LangGraph's own interrupt() after interact(): see ComponentRuntime
        return runtime.pause() or [with_prefix(i, runtime.executable_id()) for part in raised for i in part.args[0]]

    async def _announce(self, interrupts: list[Interrupt], task_id: str, runtime: ComponentRuntime) -> None:
        """Tell the run's reader what is asked."""
        run_context = runtime.run_context
        for interrupt in interrupts:
            question = Question.of(interrupt, task_id, runtime.executable_id())
            if any(asked.token == question.token for asked in run_context.questions):
                continue  # an earlier attempt of a component around has announced it
            run_context.questions.append(question)
            await run_context.sink.emit(question.to_chunk())

    def _failure(self, error: Exception, ability: str) -> BaseException:
        """The error as the caller sees it: a component's own is wrapped once, by its component."""
        if isinstance(error, GraphInterrupt):
            error = ValueError("it uses LangGraph's interrupt() and interact(): ask in one way only")
        if isinstance(error, GraphBubbleUp) or is_engine_error(error):
            return error
        if isinstance(error, JiuWenBaseException) and error.error_code in _OF_FRAMES and self._subgraph is None:
            return error
        if isinstance(error, JiuWenBaseException) and error.error_code == StatusCode.COMPONENT_EXECUTE_ERROR.code:
            return error
        cause = next(failures_in(error), error)
        text = described(cause)
        if isinstance(cause, GraphRecursionError):
            text = f"it has run {RECURSION_LIMIT} supersteps without an end: do its connections run in a circle?"
        return StatusCode.COMPONENT_EXECUTE_ERROR.error(node_id=self._spec.id, ability=ability, error=text)

    def _refuse_swallowed(self, runtime: ComponentRuntime) -> None:
        if (asking := runtime.unawaited()) is not None:
            raise StatusCode.COMPONENT_EXECUTE_ERROR.error(
                node_id=self._spec.id, ability=runtime.ability, error=asking.reason
            )
        for required in runtime.replay.open_questions():
            raise StatusCode.INTERACTION_SWALLOWED.error(node_id=self._spec.id, question=required.value)


def _refuse_endless(state: Any, config: RunnableConfig) -> None:
    """LangGraph counts the supersteps of a whole loop; those of one round are counted here."""
    if "loop" in state and step_of(config) - state["loop"].get("since", 0) > RECURSION_LIMIT:
        raise RecursionError(
            f"one round has more than {RECURSION_LIMIT} supersteps: do its connections run in a circle?"
        )


def _attempt() -> int:
    """The number of this attempt of the node, from 1."""
    info = get_runtime().execution_info
    return info.node_attempt if info else 1


class _StateView(ReadableStateLike):
    """The state that an `inputs_transformer` reads from."""

    def __init__(self, read: Reader) -> None:
        self._read = read

    def get(self, key: Any) -> Any:
        """The value at a path, `${path}`, dict or list of references."""
        return look_up(key, self._read)
