"""Branches, conditions and parts of loops: ours, with today's names and errors."""

from __future__ import annotations

from typing import Any

from jiuwen_lg.compat.current.translation import translated_call
from jiuwen_lg.components import branch, condition, loop_break, set_variable


def _of_today(cls: type, *methods: str, name: str = "") -> Any:
    """A class of ours, under today's name, whose errors are today's."""
    names = ("__init__", *methods)
    body: dict[str, Any] = {method: translated_call(getattr(cls, method)) for method in names}
    body |= {"__doc__": cls.__doc__, "__module__": __name__, "__qualname__": name or cls.__name__}
    return type(name or cls.__name__, (cls,), body)


Branch = _of_today(branch.Branch)
BranchRouter = _of_today(branch.BranchRouter, "add_branch")
BranchComponent = _of_today(branch.BranchComponent, "add_branch")

Condition = condition.Condition
FuncCondition = condition.FuncCondition
AlwaysTrue = condition.AlwaysTrue
ExpressionCondition = _of_today(condition.ExpressionCondition)
ArrayCondition = _of_today(condition.ArrayCondition)
ArrayConditionInSession = _of_today(condition.ArrayConditionInRuntime, name="ArrayConditionInSession")
NumberCondition = _of_today(condition.NumberCondition)
NumberConditionInSession = _of_today(condition.NumberConditionInRuntime, name="NumberConditionInSession")

LoopBreakComponent = _of_today(loop_break.BreakComponent, name="LoopBreakComponent")
LoopSetVariableComponent = _of_today(set_variable.SetVariableComponent, name="LoopSetVariableComponent")

