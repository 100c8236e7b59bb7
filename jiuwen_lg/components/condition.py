"""Conditions of branches and loops.

Source: `components.md` 6, `engine.md` 1.7 and 8.8.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jiuwen_lg.engine.runtime.router_runtime import RouterRuntime
from jiuwen_lg.errors import StatusCode
from jiuwen_lg.schema.expression import parse_expression
from jiuwen_lg.schema.reference import Schema, parse_schema
from jiuwen_lg.schema.values import maybe_await


class Condition:
    """A condition that holds or does not. Derive from it and override `invoke`.

    Args:
        input_schema: What `invoke` receives: `{"n": "${start.query}"}`.
    """

    _inputs: Schema | None = None

    def __init__(self, input_schema: Any = None) -> None:
        self._inputs = None if input_schema is None else parse_schema(input_schema)

    def invoke(self, inputs: Any, runtime: Any) -> Any:
        """Whether it holds; may be async, and may give `(holds, outputs)`.

        Args:
            inputs: The resolved `input_schema`, `{}` without one.
            runtime: Reads the state: `runtime.get_global_state("start.query")`.

        Returns:
            Something true or false. Outputs given with it go to the branch component, or
            become variables of the loop.
        """
        raise NotImplementedError(f"{type(self).__name__} does not override invoke")

    def trace_info(self, runtime: Any = None) -> str:
        """The text that traces and drawings show of it."""
        return ""

    @property
    def expressions(self) -> list[str]:
        """The expressions that it evaluates."""
        return []

    async def evaluate(self, runtime: RouterRuntime) -> tuple[Any, Mapping[str, Any]]:
        """Whether it holds, and the outputs that it gives."""
        inputs = {} if self._inputs is None else runtime.resolve(self._inputs)
        found = await maybe_await(self.invoke(inputs, runtime))
        return found if self._gives_outputs(found) else (found, {})

    def _gives_outputs(self, found: Any) -> bool:
        """Whether `invoke` gave outputs with its answer."""
        return isinstance(found, tuple) and len(found) == 2 and isinstance(found[1], dict)


class PlainCondition(Condition):
    """A condition whose value is its answer, whatever it is."""

    def _gives_outputs(self, found: Any) -> bool:
        return False


class FuncCondition(PlainCondition):
    """A function without arguments; it may be async."""

    def __init__(self, func: Callable[[], Any]) -> None:
        super().__init__()
        self._func = func

    def invoke(self, inputs: Any, runtime: Any) -> Any:
        """Return what the function returns."""
        return self._func()

    def trace_info(self, runtime: Any = None) -> str:
        """The function's name."""
        return getattr(self._func, "__name__", type(self._func).__name__)


class AlwaysTrue(Condition):
    """Holds always."""

    def invoke(self, inputs: Any, runtime: Any) -> bool:
        """True."""
        return True

    def trace_info(self, runtime: Any = None) -> str:
        """The word."""
        return "True"


class ExpressionCondition(PlainCondition):
    """An expression such as `"${start.query} > 0"`.

    Args:
        expression: At most 5000 characters; an empty one holds always.

    Raises:
        JiuWenBaseException: 140000, it cannot be parsed; 140001, it is too long or too deep,
            or uses what the language does not have. When it is evaluated, 140001.
    """

    def __init__(self, expression: str) -> None:
        super().__init__()
        self._expression = parse_expression(expression)

    def invoke(self, inputs: Any, runtime: RouterRuntime) -> Any:
        """The expression's value."""
        return self._expression.evaluate(runtime.find)

    def trace_info(self, runtime: Any = None) -> str:
        """The expression."""
        return self._expression.text

    @property
    def expressions(self) -> list[str]:
        """The expression, for a check of its references."""
        return [self._expression.text]


class NumberCondition(Condition):
    """Holds for the first so many rounds of a loop.

    Args:
        limit: A whole number, or a `${reference}` to one.
    """

    def __init__(self, limit: str | int) -> None:
        super().__init__({"limit": limit})

    def invoke(self, inputs: Any, runtime: RouterRuntime) -> bool:
        """Whether fewer rounds have ended.

        Raises:
            JiuWenBaseException: 140003, the limit is no whole number.
        """
        return _index(runtime) < whole_number(inputs["limit"])


class NumberConditionInRuntime(NumberCondition):
    """The same with a number that is known."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)


class ArrayCondition(Condition):
    """Holds while there are items left in every array; each round's items become variables of the loop.

    Args:
        arrays: Each a list, or a `${reference}` to one, by the name of the variable.
    """

    def __init__(self, arrays: dict[str, Any]) -> None:
        super().__init__(arrays)
        self._arrays = {name: parse_schema(array) for name, array in arrays.items()}

    async def evaluate(self, runtime: RouterRuntime) -> tuple[bool, Mapping[str, Any]]:
        """Whether there are items left, and this round's."""
        return items_of({name: runtime.look(array) for name, array in self._arrays.items()}, _index(runtime))

    def invoke(self, inputs: Any, runtime: RouterRuntime) -> tuple[bool, Mapping[str, Any]]:
        """The same, of resolved arrays."""
        return items_of(inputs, _index(runtime))


class ArrayConditionInRuntime(Condition):
    """The same with arrays that are known."""

    def __init__(self, arrays: dict[str, Sequence[Any]]) -> None:
        super().__init__()
        self._arrays = arrays

    def invoke(self, inputs: Any, runtime: RouterRuntime) -> tuple[bool, Mapping[str, Any]]:
        """Whether there are items left, and this round's."""
        return items_of(self._arrays, _index(runtime))


def items_of(arrays: Mapping[str, Any], index: int) -> tuple[bool, Mapping[str, Any]]:
    """Whether every array has an item at a position, and those items.

    Raises:
        JiuWenBaseException: 140002, one is no list.
    """
    if index >= length_of(arrays):
        return False, {}
    return True, {name: array[index] for name, array in arrays.items()}


def length_of(arrays: Mapping[str, Any]) -> int:
    """The length of the shortest of several arrays.

    Raises:
        JiuWenBaseException: 140002, one is no list.
    """
    for name, array in arrays.items():
        if not isinstance(array, (list, tuple)):
            reason = f"array {name!r} must be a list, it is {array!r}"
            raise StatusCode.ARRAY_CONDITION_ERROR.error(error_msg=reason)
    return min(map(len, arrays.values()), default=0)


def whole_number(value: Any) -> int:
    """A number of rounds: `3`, `"3"`, `3.0`.

    Raises:
        JiuWenBaseException: 140003 for None, 101153 for what is no whole number.
    """
    if value is None:
        raise StatusCode.NUMBER_CONDITION_ERROR.error(error_msg="the number of rounds is None")
    try:
        if isinstance(value, (int, float, str)) and float(value) == int(float(value)):
            return int(float(value)) if not isinstance(value, int) else int(value)
    except (ValueError, OverflowError):
        pass  # said below
    raise StatusCode.LOOP_COMPONENT_INPUT_TYPE_ERROR.error(error_msg=f"{value!r} is no whole number of rounds")


def _index(runtime: RouterRuntime) -> int:
    if runtime.index is None:
        raise ValueError("this condition is for loops: there are no rounds to count here")
    return runtime.index


def condition_of(condition: Any) -> Condition:
    """The condition that a user gave: an expression, a Condition, a function.

    Raises:
        JiuWenBaseException: 101101, it is none of them; 140000 or 140001, the expression
            cannot be used.
    """
    if isinstance(condition, str):
        return ExpressionCondition(condition)
    if isinstance(condition, Condition):
        return condition
    if callable(condition):
        return FuncCondition(condition)
    raise StatusCode.BRANCH_COMPONENT_BRANCH_CONDITION_TYPE_ERROR.error()
