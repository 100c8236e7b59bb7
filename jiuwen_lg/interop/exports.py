"""A compiled workflow as others want it: a runnable of plain dicts, a node of their graph, a tool.

Each is a LangChain sequence around the same LangGraph graph, so that LangGraph finds the graph in it:
questions pause the graph around, states and drawings open it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from functools import reduce
from typing import Annotated, Any, TypeAlias

from langchain_core.runnables import Runnable, RunnableConfig, RunnableSequence
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.types import Command
from pydantic import BaseModel, RootModel, ValidationError, WithJsonSchema
from pydantic_core import InitErrorDetails, PydanticCustomError

from jiuwen_lg.engine.pregel.keys import INTERRUPT
from jiuwen_lg.engine.workflow_graph import WorkflowGraph
from jiuwen_lg.errors import StatusCode
from jiuwen_lg.schema.input_schema import faults_in
from jiuwen_lg.schema.path import MISSING, find_in
from jiuwen_lg.tools.tool_info import ToolInfo

Inputs: TypeAlias = Mapping[str, str] | Sequence[str] | Callable[[Any], Any] | None
"""Where a workflow's inputs come from in a state; see `Workflow.as_node`."""
Result: TypeAlias = str | Mapping[str, str] | Callable[[Any], Any] | None
"""Where its result goes."""


class InputAdapter(Runnable[Any, Any]):
    """The beginning of a sequence: makes the graph's input of what is given; a `Command` passes."""

    def __init__(self, inputs: Callable[[Any], Any], schema: dict[str, Any]) -> None:
        self._inputs = inputs
        self._schema = schema

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """The graph's input."""
        return input if input is None or isinstance(input, Command) else {"inputs": self._inputs(input)}

    def get_input_schema(self, config: RunnableConfig | None = None) -> type[BaseModel]:
        """A dict with the JSON schema of the workflow's inputs."""
        return RootModel[Annotated[dict[str, Any], WithJsonSchema(self._schema)]]


class OutputAdapter(Runnable[Any, Any]):
    """The end of a sequence: makes what is wanted of the graph's result; questions pass as LangGraph gives them."""

    def __init__(self, result: Callable[[Any], Any]) -> None:
        self._result = result

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Return the part that is wanted."""
        return {INTERRUPT: input[INTERRUPT]} if INTERRUPT in input else self._result(input.get("result"))

    def transform(self, input: Iterator[Any], config: RunnableConfig | None = None, **kwargs: Any) -> Iterator[Any]:
        """The same of what the graph streams."""
        nothing: dict[str, Any] = {}
        yield self.invoke(reduce(_latest, input, nothing), config)

    async def atransform(
        self, input: AsyncIterator[Any], config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[Any]:
        """The same of what the graph streams."""
        latest: dict[str, Any] = {}
        async for chunk in input:
            latest = _latest(latest, chunk)
        yield self.invoke(latest, config)


def _latest(before: dict[str, Any], chunk: Any) -> dict[str, Any]:
    """Return the result of a graph after a chunk of its stream: values, or the updates of its nodes."""
    if INTERRUPT in chunk:
        return {INTERRUPT: [*before.get(INTERRUPT, ()), *chunk[INTERRUPT]]}
    is_update = all(isinstance(update, Mapping) and "io" in update for update in chunk.values())
    given = [update for update in (chunk.values() if is_update else [chunk]) if "result" in update]
    return {**before, "result": given[-1]["result"]} if given else before


def runnable_of(graph: WorkflowGraph, info: ToolInfo) -> Runnable[Any, Any]:
    """A runnable from the workflow's inputs to its result."""
    schema = {"title": info.name or "inputs", **info.parameters.model_dump()}
    return RunnableSequence(InputAdapter(_itself, schema), graph, OutputAdapter(_itself), name=info.name or "workflow")


def node_of(graph: WorkflowGraph, inputs: Inputs, result: Result) -> Runnable[Any, Any]:
    """A runnable from a state to an update of it."""
    return InputAdapter(_reader(inputs), {}) | graph | OutputAdapter(_writer(result))


def tool_of(graph: WorkflowGraph, info: ToolInfo) -> BaseTool:
    """A tool whose arguments are the workflow's inputs and whose answer is its result.

    Raises:
        JiuWenBaseException: -1, no model may call a tool by this name, or an argument cannot have its name.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", info.name):
        reason = f"a tool's name has 1 to 64 ASCII letters, digits, '_' or '-', which {info.name!r} has not"
        raise StatusCode.ERROR.error(reason=f"{reason}: as_tool(name=...)")
    if taken := [name for name in info.parameters.properties if name in ("config", "run_manager")]:
        raise StatusCode.ERROR.error(reason=f"LangChain's tools have no argument {taken}: give the input another name")
    inner = runnable_of(graph, info)

    schema = info.parameters.json_schema

    def run(config: RunnableConfig, **arguments: Any) -> Any:
        _require_arguments(info.name, arguments, schema)
        return inner.invoke(arguments, config)

    async def arun(config: RunnableConfig, **arguments: Any) -> Any:
        _require_arguments(info.name, arguments, schema)
        return await inner.ainvoke(arguments, config)

    return StructuredTool(
        name=info.name,
        description=info.description or f"Runs the workflow {info.name}.",
        args_schema=info.parameters.model_dump(),
        func=run,
        coroutine=arun,
    )


def _require_arguments(name: str, arguments: Mapping[str, Any], schema: Mapping[str, Any] | None) -> None:
    """Refuse arguments as LangChain's tools do, whose callers hand a ValidationError back to the model."""
    faults = faults_in(arguments, schema)
    if not faults:
        return
    errors: list[InitErrorDetails] = [
        {
            "type": PydanticCustomError("json_schema", "{why}", {"why": why}),
            "loc": path or ("arguments",),  # LangGraph passes over errors without a place
            "input": arguments,
        }
        for path, why in faults
    ]
    raise ValidationError.from_exception_data(name, errors)


def _itself(value: Any) -> Any:
    return value


def _reader(inputs: Inputs) -> Callable[[Any], Any]:
    if inputs is None or callable(inputs):
        return inputs or _as_dict
    names = {inputs: inputs} if isinstance(inputs, str) else inputs
    wanted = dict(names) if isinstance(names, Mapping) else {name: name for name in names}
    return lambda state: {name: found for name, key in wanted.items() if (found := _at(state, key)) is not None}


def _as_dict(state: Any) -> dict[str, Any]:
    return dict(state) if isinstance(state, Mapping) else dict(vars(state))


def _at(state: Any, key: str) -> Any:
    """Return what a path of a state leads to, a dict or an object with attributes; None if nothing."""
    found = find_in(_as_dict(state), key)
    return None if found is MISSING else found


def _writer(result: Result) -> Callable[[Any], Any]:
    if callable(result):
        return result
    if isinstance(result, str):
        return lambda given: {result: given}
    if result is None:
        return _update
    wanted = dict(result)
    return lambda given: {key: _at(given or {}, path) for key, path in wanted.items()}


def _update(given: Any) -> Any:
    """The result as an update of the state: what End gives of its inputs."""
    if isinstance(given, Mapping) and isinstance(given.get("output"), Mapping):
        return dict(given["output"])
    return given
