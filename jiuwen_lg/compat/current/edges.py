"""Branches, conditions and parts of loops: ours, with today's names and errors."""

from __future__ import annotations

from typing import Any

from jiuwen_lg.compat.current.translation import translated_call, translating
from jiuwen_lg.components import branch, condition, loop_break, set_variable
from jiuwen_lg.errors import JiuWenBaseException


def _of_today(cls: type, *methods: str, name: str = "") -> Any:
    """A class of ours, under today's name, whose errors are today's."""
    names = ("__init__", *methods)
    body: dict[str, Any] = {method: translated_call(getattr(cls, method)) for method in names}
    body |= {"__doc__": cls.__doc__, "__module__": __name__, "__qualname__": name or cls.__name__}
    return type(name or cls.__name__, (cls,), body)


class ExpressionCondition(condition.ExpressionCondition):
    """An expression such as `"${start.query} > 0"`; one that cannot be parsed fails when it is evaluated.

    Args:
        expression: The expression; an empty one always holds.
    """

    def __init__(self, expression: str) -> None:
        self._fault: JiuWenBaseException | None = None
        self._text = expression
        try:
            super().__init__(expression)
        except JiuWenBaseException as error:
            condition.PlainCondition.__init__(self)
            self._fault = error

    def invoke(self, inputs: Any, session: Any) -> Any:
        """The expression's value."""
        if self._fault is not None:
            raise self._fault
        return super().invoke(inputs, session)

    def trace_info(self, session: Any = None) -> str:
        """The expression."""
        return self._text


def _late(given: Any) -> Any:
    """A condition whose faults show when it is evaluated."""
    return ExpressionCondition(given) if isinstance(given, str) and given else given


class Branch(branch.Branch):
    """One way on: a condition and where it leads."""

    def __init__(self, condition: Any, target: str | list[str], branch_id: str | None = None) -> None:
        with translating():
            super().__init__(_late(condition), target, branch_id)


class BranchRouter(branch.BranchRouter):
    """A router made of branches: the first one whose condition holds counts."""

    def add_branch(self, condition: Any, target: str | list[str], branch_id: str | None = None) -> None:
        """Add a branch."""
        with translating():
            super().add_branch(_late(condition), target, branch_id)


class BranchComponent(branch.BranchComponent):
    """A component that does nothing but choose; it needs no connections to its targets."""

    def add_branch(self, condition: Any, target: str | list[str], branch_id: str | None = None) -> None:
        """Add a branch; the first one whose condition holds counts."""
        with translating():
            super().add_branch(_late(condition), target, branch_id)


Condition = condition.Condition
FuncCondition = condition.FuncCondition
AlwaysTrue = condition.AlwaysTrue
ArrayCondition: Any = _of_today(condition.ArrayCondition)
ArrayConditionInSession: Any = _of_today(condition.ArrayConditionInRuntime, name="ArrayConditionInSession")
NumberCondition: Any = _of_today(condition.NumberCondition)
NumberConditionInSession: Any = _of_today(condition.NumberConditionInRuntime, name="NumberConditionInSession")

LoopBreakComponent: Any = _of_today(loop_break.BreakComponent, name="LoopBreakComponent")
LoopSetVariableComponent: Any = _of_today(set_variable.SetVariableComponent, name="LoopSetVariableComponent")
