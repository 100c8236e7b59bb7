"""Loops: a body that runs round after round.

Source: seed 003, `engine.md` 8 and the settled points of the specification.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Self

from pydantic import BaseModel, Field

from jiuwen_lg.builder import BaseWorkFlow
from jiuwen_lg.component import ComponentExecutable, WorkflowComponent
from jiuwen_lg.components.condition import (
    AlwaysTrue,
    ArrayConditionInRuntime,
    Condition,
    NumberConditionInRuntime,
    PlainCondition,
    condition_of,
    length_of,
    whole_number,
)
from jiuwen_lg.components.loop_break import BreakComponent
from jiuwen_lg.components.loop_callback import LoopCallback, OutputCallback
from jiuwen_lg.engine.execution.loop_decision import allowed
from jiuwen_lg.engine.execution.loop_iteration import IterationRuntime
from jiuwen_lg.engine.execution.subgraph import loop_limit
from jiuwen_lg.engine.graph.definition import Definition, SubgraphSpec
from jiuwen_lg.engine.graph.loop_protocol import SetsVariables
from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.schema.expression import parse_expression, pure_reference
from jiuwen_lg.schema.reference import Fields, Literal, Schema, parse_schema, require_no_subscript
from jiuwen_lg.schema.values import normalize


class LoopType(StrEnum):
    """The kinds of loops, by what ends them."""

    Array = "array"
    Number = "number"
    AlwaysTrue = "always_true"
    Expression = "expression"


class LoopInput(BaseModel):
    """The inputs of a `LoopComponent`, as its `inputs_schema` names them."""

    loop_type: str | None = ""
    loop_number: int | None = 0
    loop_array: dict[str, Any] | None = Field(default_factory=dict)
    bool_expression: str | bool | None = ""
    intermediate_var: dict[str, Any] = Field(default_factory=dict)


class LoopGroup(BaseWorkFlow):
    """The body of a loop, built as a workflow is; `start_nodes` and `end_nodes` say where a round begins and ends."""

    def start_nodes(self, nodes: list[str]) -> Self:
        """The components with which every round begins."""
        for node in nodes:
            self.definition.start_at(node)
        return self

    def start_comp(self, id: str) -> Self:
        """Let every iteration begin with this component (too)."""
        return self.start_nodes([id])

    def end_comp(self, id: str) -> Self:
        """Let an iteration end with this component (too)."""
        return self.end_nodes([id])

    def end_nodes(self, nodes: list[str]) -> Self:
        """The components with which a round ends; a round ends in any case when nothing is left to run."""
        for node in nodes:
            self.definition.end_at(node)
        return self

    def add_workflow_comp(self, comp_id: str, workflow_comp: Any, **options: Any) -> Self:
        """Add a component; arguments as in `Workflow.add_workflow_comp`.

        Raises:
            JiuWenBaseException: 101150, it is a LoopComponent; see also
                `Workflow.add_workflow_comp`.
        """
        if isinstance(workflow_comp, LoopComponent):
            reason = f"[{comp_id}] cannot be in another loop's body; put it into a sub-workflow"
            raise StatusCode.LOOP_COMPONENT_NESTED_LOOP_ERROR.error(error_msg=reason)
        return super().add_workflow_comp(comp_id, workflow_comp, **options)

    @property
    def is_empty(self) -> bool:
        """Whether it has no components."""
        return not self.definition.components

    @property
    def break_components(self) -> list[BreakComponent]:
        """Its BreakComponents."""
        executables = [spec.executable for spec in self.definition.components.values()]
        return [executable for executable in executables if isinstance(executable, BreakComponent)]


class _Loop(SubgraphSpec, ComponentExecutable, WorkflowComponent):
    """The base of both kinds of loops."""

    def __init__(self, body: LoopGroup) -> None:
        self.definition: Definition = body.definition
        self.rounds: _Loop = self

    def require_place(self, id: str) -> None:
        if id in self.definition.components:
            reason = f"a component of its body has the loop's own id, so that ${{{id}.index}} would mean either"
            raise StatusCode.GRAPH_ADD_NODE_FAILED.error(node_id=id, reason=reason)
        for spec in self.definition.components.values():
            if isinstance(spec.executable, SetsVariables):
                spec.executable.names_in(id)  # refuses what cannot be set in this loop

    def begin(self, inputs: Any, envs: Mapping[str, Any]) -> dict[str, Any]:
        definition = self.definition
        if not definition.starts:
            raise StatusCode.LOOP_COMPONENT_MISSING_START_NODES_ERROR.error(
                error_msg="it needs start_nodes, the components with which a round begins"
            )
        if not definition.ends:
            raise StatusCode.LOOP_COMPONENT_MISSING_END_NODES_ERROR.error(
                error_msg="it needs end_nodes, the components with which a round ends"
            )
        return {}

    def condition(self, inputs: Mapping[str, Any]) -> Condition:
        """Return the condition that decides on the next iteration."""
        raise NotImplementedError

    def callbacks(self, inputs: Mapping[str, Any]) -> Sequence[LoopCallback]:
        """Return the callbacks that are notified of the iterations."""
        raise NotImplementedError


class LoopComponent(_Loop):
    """A loop over arrays, over a number, while an expression holds, or until a BreakComponent.

    Its `inputs_schema` has `loop_type` (`"array"`, `"number"`, `"expression"`,
    `"always_true"`), `loop_array` (`{"item": "${s.list}"}`), `loop_number`,
    `bool_expression`, and `intermediate_var`, variables with their first values. The body
    reads `${loop.index}` (from 0), `${loop.item}` and `${loop.variable}`.

    A loop has at most 1000 rounds, unless `_loop_max_limit` (`LOOP_MAX_LIMIT`) says otherwise.

    Args:
        loop_group: The body.
        output_schema: What is collected: a reference into the loop (`"${loop.total}"`) gives
            the last value, anything else a list with one entry a round.

    Raises:
        JiuWenBaseException: 101152, the body is empty. When it is added, 140000 or 140001 for
            an expression, 101151 for a subscript outside the braces. When it runs (inside
            100005): 101151 for too many rounds, 101153 to 101157 and 140002, 140003 for
            inputs that do not fit.

    Examples:
        >>> from jiuwen_lg import End, LoopGroup, Start, Workflow
        >>> body = LoopGroup()
        >>> body = body.add_workflow_comp("square", lambda x: x["n"] ** 2, inputs_schema={"n": "${loop.item}"})
        >>> body = body.start_nodes(["square"]).end_nodes(["square"])
        >>> flow = Workflow().set_start_comp("start", Start(), inputs_schema={"numbers": "${numbers}"})
        >>> numbers = {"loop_type": "array", "loop_array": {"item": "${start.numbers}"}}
        >>> loop = LoopComponent(body, {"squares": "${square}"})
        >>> flow = flow.add_workflow_comp("loop", loop, inputs_schema=numbers)
        >>> flow = flow.set_end_comp("end", End(), inputs_schema={"squares": "${loop.squares}"})
        >>> flow = flow.add_connection("start", "loop").add_connection("loop", "end")
        >>> flow.sync.invoke({"numbers": [1, 2, 3]}).result
        {'output': {'squares': [1, 4, 9]}}
    """

    def __init__(self, loop_group: LoopGroup, output_schema: dict[str, Any] | None = None) -> None:
        if not isinstance(loop_group, LoopGroup) or loop_group.is_empty:
            reason = f"it needs a LoopGroup with components, not {loop_group!r}"
            raise StatusCode.LOOP_COMPONENT_EMPTY_GROUP_ERROR.error(error_msg=reason)
        super().__init__(loop_group)
        self._output = OutputCallback(output_schema or {})

    def parse_inputs(self, schema: Any) -> Schema | None:
        """The parsed schema; the expression in it stays as it is, for every round."""
        if schema is None:
            return None
        for key in ("loop_array", "loop_number", "intermediate_var"):
            require_no_subscript(schema.get(key), key)
        return Fields(tuple((key, _parsed(key, value)) for key, value in schema.items()))

    def begin(self, inputs: Any, envs: Mapping[str, Any]) -> dict[str, Any]:
        """The loop's inputs, checked.

        Raises:
            JiuWenBaseException: See the class.
        """
        super().begin(inputs, envs)
        if not isinstance(inputs, dict):
            raise _bad_input(f"it needs inputs with a loop_type, not {inputs!r}")
        kept = {key: _kept(value) for key, value in inputs.items()}
        loop_type = str(kept.get("loop_type", ""))
        count = _COUNTS.get(loop_type)
        if count is None:
            types = [kind.value for kind in LoopType]
            raise StatusCode.LOOP_COMPONENT_INVALID_LOOP_TYPE_ERROR.error(
                error_msg=f"there is no loop_type {loop_type!r}, only {types}"
            )
        if not isinstance(kept.get("intermediate_var") or {}, dict):
            raise _bad_input(f"intermediate_var must be a dict, not {kept['intermediate_var']!r}")
        for key in ("loop_array", "intermediate_var"):
            if "index" in (kept.get(key) or {}):
                raise _bad_input(f"{key} cannot have 'index': the loop counts its rounds itself")
        limit, rounds = loop_limit(envs), count(kept)
        if limit is not None and rounds is not None and rounds > limit:
            reason = f"it would have {rounds} rounds, {allowed(limit)}"
            raise StatusCode.LOOP_COMPONENT_EXECUTION_ERROR.error(error_msg=reason)
        return {**kept, "loop_type": loop_type}

    def condition(self, inputs: Mapping[str, Any]) -> Condition:
        """Return the condition that decides on the next iteration, by the loop's type."""
        match inputs["loop_type"]:
            case "array":
                return ArrayConditionInRuntime(inputs["loop_array"])
            case "number":
                return NumberConditionInRuntime(whole_number(inputs.get("loop_number", 0)))
            case "expression":
                return _ExpressionOfInput(inputs["bool_expression"])
        return AlwaysTrue()

    def shape(self) -> Any:
        """The shape of what it collects."""
        return self._output.shape()

    def callbacks(self, inputs: Mapping[str, Any]) -> Sequence[LoopCallback]:
        """Return the callbacks that set the variables and collect results."""
        return (_FirstValues(inputs.get("intermediate_var") or {}), self._output)


class AdvancedLoopComponent(_Loop):
    """A loop with any condition and callbacks of one's own.

    Args:
        body: The body.
        condition: What decides before each round: an expression, a function, a `Condition`
            (`NumberCondition`, `ArrayCondition`, …); without one it goes on until a break.
        break_nodes: Accepted for openJiuwen's sake: every BreakComponent of the body counts.
        callbacks: Who hears of the rounds; an `OutputCallback` gives the loop an output.
        new_graph: Accepted for openJiuwen's sake.

    Raises:
        JiuWenBaseException: 101152, the body is no LoopGroup; 140000 or 140001, the
            expression cannot be used.
    """

    def __init__(
        self,
        body: LoopGroup,
        condition: Any = None,
        break_nodes: list[BreakComponent] | None = None,
        callbacks: list[LoopCallback] | None = None,
        new_graph: Any = None,
    ) -> None:
        if not isinstance(body, LoopGroup):
            raise StatusCode.LOOP_COMPONENT_EMPTY_GROUP_ERROR.error(error_msg=f"it needs a LoopGroup, not {body!r}")
        super().__init__(body)
        self._condition = AlwaysTrue() if condition is None else condition_of(condition)
        self._callbacks = list(callbacks or ())

    def register_callback(self, callback: LoopCallback) -> None:
        """Let one more hear of the rounds."""
        self._callbacks.append(callback)

    def begin(self, inputs: Any, envs: Mapping[str, Any]) -> dict[str, Any]:
        """The loop's inputs; it needs none."""
        super().begin(inputs, envs)
        return {key: _kept(value) for key, value in inputs.items()} if isinstance(inputs, dict) else {}

    def condition(self, inputs: Mapping[str, Any]) -> Condition:
        """Return what was given."""
        return self._condition

    def shape(self) -> Any:
        """Its callbacks: what they collect is kept by their number."""
        return [callback.shape() for callback in self._callbacks]

    def callbacks(self, inputs: Mapping[str, Any]) -> Sequence[LoopCallback]:
        """Return what was given."""
        return self._callbacks


class _FirstValues(LoopCallback):
    """Variables whose first values are resolved already."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def first_in_loop(self, runtime: IterationRuntime) -> Any:
        return self._values


class _ExpressionOfInput(PlainCondition):
    """A `bool_expression`: an expression, true or false, or a reference to either."""

    def __init__(self, given: Any) -> None:
        self._given = given

    def invoke(self, inputs: Any, runtime: Any) -> Any:
        given = self._given
        if isinstance(given, str) and (reference := pure_reference(given)) is not None:
            given = runtime.find(reference)
            if given is None and reference.name not in (runtime.parent.local_id, *runtime.parent.ids):
                raise _bad_input(f"bool_expression {self._given!r} is None")
        return parse_expression(given).evaluate(runtime.find) if isinstance(given, str) else given


def _parsed(key: str, value: Any) -> Schema:
    if key != "bool_expression" or not isinstance(value, str):
        return parse_schema(value)
    if pure_reference(value) is None:
        parse_expression(value)
    return Literal(value)


def _kept(value: Any) -> Any:
    """A value as it is kept; names of variables stay as they are."""
    return {key: normalize(item) for key, item in value.items()} if isinstance(value, dict) else normalize(value)


def _array_rounds(inputs: Mapping[str, Any]) -> int:
    arrays = inputs.get("loop_array")
    if not arrays:
        raise _missing("loop_array", '{"item": "${s.list}"}')
    if not isinstance(arrays, dict):
        raise _bad_input(f"loop_array must be a dict of lists, not {arrays!r}")
    return length_of(arrays)


def _number_rounds(inputs: Mapping[str, Any]) -> int:
    return whole_number(inputs.get("loop_number", 0))


def _expression_rounds(inputs: Mapping[str, Any]) -> None:
    given = inputs.get("bool_expression")
    if given is None or given == "":
        raise _missing("bool_expression", '"(${loop.index} < 3)"')


_COUNTS: dict[str, Any] = {
    "array": _array_rounds,
    "number": _number_rounds,
    "always_true": lambda _: None,
    "expression": _expression_rounds,
}
"""By loop type: how many rounds there will be, None if that is not known; raises for inputs that do not fit."""


def _bad_input(reason: str) -> JiuWenBaseException:
    return StatusCode.LOOP_COMPONENT_INPUT_TYPE_ERROR.error(error_msg=reason)


def _missing(key: str, example: str) -> JiuWenBaseException:
    reason = f"its inputs_schema needs {key}, such as {example}"
    return StatusCode.LOOP_COMPONENT_MISSING_INPUT_KEY_ERROR.error(error_msg=reason)
