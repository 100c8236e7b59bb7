"""One component as a LangGraph node: resolve, run, store."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Sequence
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.errors import GraphBubbleUp, GraphInterrupt
from langgraph.types import Command, Interrupt

from jiuwen_lg.engine.definition import ComponentSpec
from jiuwen_lg.engine.interaction import Question, carried_by, failures_in, interrupts_in, task_id_of
from jiuwen_lg.engine.loop_thread import run_in_loop_thread
from jiuwen_lg.engine.node_runtime import NodeRuntime
from jiuwen_lg.engine.router import Router, route
from jiuwen_lg.engine.scope import Scope, scope_of
from jiuwen_lg.errors import JiuWenBaseException, StatusCode, is_engine_error
from jiuwen_lg.schema.reference import Fields, Reader, look_up, of_mapping
from jiuwen_lg.schema.values import storable

ABILITY = "invoke"


class ComponentNode(Runnable[Any, Any]):
    """Runs a component for one superstep.

    The same object serves asynchronous callers and, through one event loop of its own,
    synchronous ones.
    """

    def __init__(
        self, spec: ComponentSpec, *, gives_result: bool, routers: Sequence[Router], ids: Collection[str]
    ) -> None:
        self.name = spec.id
        self._spec = spec
        self._gives_result = gives_result
        self._routers = routers
        self._ids = ids

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """For synchronous callers of the graph."""
        return run_in_loop_thread(self.ainvoke(input, config))

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Run the component once and return what it adds to the state."""
        config = config or {}
        scope = scope_of(config)
        task_id = task_id_of(config)
        runtime = NodeRuntime(self._spec.id, task_id, scope, input, await carried_by(config))
        try:
            output = await self._run(runtime, scope)
        except Exception as error:
            if interrupts := self._interrupts(error, runtime):
                await self._announce(interrupts, task_id, scope)
                raise GraphInterrupt(tuple(interrupts)) from None
            raise self._failure(error) from error
        self._refuse_swallowed(runtime)
        stored = self._stored(output)
        update: Any = self._update(stored, runtime)
        if self._routers:
            update = Command(update=update, goto=await route(self._spec.id, self._routers, runtime, stored, self._ids))
        runtime.finish()
        return update

    async def _run(self, runtime: NodeRuntime, scope: Scope) -> Any:
        inputs = await self._inputs(runtime)
        output = await self._spec.executable.invoke(inputs, runtime, scope.context)
        return await self._outputs(output)

    async def _inputs(self, runtime: NodeRuntime) -> Any:
        if transformer := self._spec.io.inputs_transformer:
            return await _awaited(transformer(_StateView(runtime.read)))
        return None if self._spec.inputs is None else self._spec.inputs.resolve(runtime.read)

    async def _outputs(self, output: Any) -> Any:
        if transformer := self._spec.io.outputs_transformer:
            return await _awaited(transformer(output))
        schema = self._spec.outputs
        if schema is None or output is None:
            return output
        resolved = schema.resolve(of_mapping(storable(output)))
        if self._spec.is_exit or not isinstance(schema, Fields):
            return resolved
        return {key: value for key, value in dict(resolved).items() if value is not None}

    def _stored(self, output: Any) -> Any:
        try:
            return storable(output)
        except ValueError as error:
            raise StatusCode.WORKFLOW_EXECUTE_INNER_ERROR.error(
                error=f"the output of component [{self._spec.id}] cannot be stored: {error}"
            ) from error

    def _update(self, output: Any, runtime: NodeRuntime) -> dict[str, Any]:
        update: dict[str, Any] = {"io": {self._spec.id: output}}
        if runtime.private_patches:
            update["own"] = {self._spec.id: runtime.private_patches}
        if runtime.global_patches:
            update["world"] = runtime.global_patches
        if self._gives_result:
            update["result"] = output
        return update

    def _interrupts(self, error: Exception, runtime: NodeRuntime) -> list[Interrupt]:
        """What to pause with, when the component ended by asking and nothing else."""
        raised = interrupts_in(error)
        if raised is None:
            return []
        if runtime.has_asked and not runtime.open_questions():
            return []  # LangGraph's own interrupt() after interact(): see NodeRuntime
        return runtime.pause() or [interrupt for part in raised for interrupt in part.args[0]]

    async def _announce(self, interrupts: list[Interrupt], task_id: str, scope: Scope) -> None:
        """Tell the run's reader what is asked."""
        for interrupt in interrupts:
            question = Question.of(interrupt, task_id, self._spec.id)
            scope.questions.append(question)
            await scope.emit(question.to_chunk())

    def _failure(self, error: Exception) -> BaseException:
        """The error as the caller sees it: a component's own is wrapped once, by its component."""
        if isinstance(error, GraphInterrupt):
            error = ValueError("it uses LangGraph's interrupt() and interact(): ask in one way only")
        if isinstance(error, GraphBubbleUp) or is_engine_error(error):
            return error
        if isinstance(error, JiuWenBaseException) and error.error_code == StatusCode.COMPONENT_EXECUTE_ERROR.code:
            return error
        cause = next(failures_in(error), error)
        text = cause.message if isinstance(cause, JiuWenBaseException) else str(cause)
        return StatusCode.COMPONENT_EXECUTE_ERROR.error(node_id=self._spec.id, ability=ABILITY, error=text)

    def _refuse_swallowed(self, runtime: NodeRuntime) -> None:
        for required in runtime.open_questions():
            raise StatusCode.INTERACTION_SWALLOWED.error(node_id=self._spec.id, question=required.value)


async def _awaited(result: Any) -> Any:
    """A transformer's result; it may be written as an async function."""
    return await result if inspect.isawaitable(result) else result


class _StateView:
    """What an `inputs_transformer` reads from."""

    def __init__(self, read: Reader) -> None:
        self._read = read

    def get(self, key: Any) -> Any:
        """The value at a path, `${path}`, dict or list of references."""
        return look_up(key, self._read)
