"""Branch: chooses where a run goes on, by the first condition that holds.

Source: seed 003, `engine.md` 1.7, `components.md` 6.1.
"""

from __future__ import annotations

from typing import Any

from jiuwen_lg.component import SimpleComponent
from jiuwen_lg.components.condition import AlwaysTrue, Condition, condition_of
from jiuwen_lg.engine.graph.router import BringsRouter
from jiuwen_lg.engine.runtime.router_runtime import RouterRuntime
from jiuwen_lg.errors import JiuWenBaseException, StatusCode


class Branch:
    """One way on: a condition and where it leads.

    Args:
        condition: An expression (an empty one always holds), a `Condition`, or a function without arguments.
        target: The components to go on with, all at once.
        branch_id: A name for traces and drawings.

    Raises:
        JiuWenBaseException: 101100, something is missing; 101101, the condition is of
            another kind; 140000 or 140001, the expression cannot be used.
    """

    def __init__(self, condition: Any, target: str | list[str], branch_id: str | None = None) -> None:
        if condition is None or target is None:
            raise _missing(f"a condition and a target are needed, not {condition!r} and {target!r}")
        self.condition: Condition = AlwaysTrue() if condition == "" else condition_of(condition)
        self.target: list[str] = [target] if isinstance(target, str) else list(target)
        self.branch_id = branch_id

    @property
    def label(self) -> str:
        """The text beside the arrow in a drawing: the branch's name, else its condition."""
        return self.branch_id or self.condition.trace_info()


def _missing(reason: str) -> JiuWenBaseException:
    return StatusCode.BRANCH_COMPONENT_ADD_BRANCH_ERROR.error(error_msg=reason)


class BranchRouter:
    """A router made of branches: the first one whose condition holds counts.

    Args:
        report_trace: Accepted for openJiuwen's sake.
    """

    def __init__(self, report_trace: bool = False) -> None:
        self._report_trace = report_trace
        self.branches: list[Branch] = []

    def add_branch(self, condition: Any, target: str | list[str], branch_id: str | None = None) -> None:
        """Add a branch; see `Branch`."""
        self.branches.append(Branch(condition, target, branch_id))

    def set_runtime(self, runtime: Any) -> None:
        """Accepted for openJiuwen's sake: the engine hands every execution its own runtime."""

    @property
    def targets(self) -> dict[str, str]:
        """The components that it may lead to, with the text beside each arrow."""
        known: dict[str, str] = {}
        for branch in self.branches:
            for target in branch.target:
                known[target] = f"{known[target]} | {branch.label}" if known.get(target) else branch.label
        return known

    @property
    def expressions(self) -> list[str]:
        """The expressions of its conditions."""
        return [text for branch in self.branches for text in branch.condition.expressions]

    async def __call__(self, runtime: RouterRuntime) -> list[str]:
        """Return the components that run next.

        Raises:
            JiuWenBaseException: 101102, no condition holds; 140001, an expression failed.
        """
        for branch in self.branches:
            holds, outputs = await branch.condition.evaluate(runtime)
            runtime.give(dict(outputs))
            if holds:
                return branch.target
        raise StatusCode.BRANCH_COMPONENT_BRANCH_NOT_FOUND_ERROR.error()


class BranchComponent(BringsRouter, SimpleComponent):
    """A component that does nothing but choose; it needs no connections to its targets.

    Examples:
        >>> size = BranchComponent()
        >>> size.add_branch("${start.n} > 5 && ${start.n} < 100", "large")
        >>> size.add_branch("true", ["small", "report"], "anything else")
    """

    drawn_as = "branch"

    def __init__(self) -> None:
        self._router = BranchRouter()

    def add_branch(self, condition: Any, target: str | list[str], branch_id: str | None = None) -> None:
        """Add a branch; the first one whose condition holds counts.

        Args:
            condition: An expression such as `"${start.query} > 0"`, a `Condition`, or a
                function without arguments (async too).
            target: The component to go on with, or several, which run at once.
            branch_id: A name for traces and drawings.

        Raises:
            JiuWenBaseException: 101100, something is missing; 101101, the condition is of
                another kind; 140000 or 140001, the expression cannot be used.
        """
        if not condition:
            raise _missing(f"a condition is needed, not {condition!r}")
        if not target or not all(target):
            raise _missing(f"component ids to go on with are needed, not {target!r}")
        self._router.add_branch(condition, target, branch_id)

    def router(self) -> BranchRouter:
        """Return the routing function."""
        return self._router

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> dict[str, Any]:
        """Nothing; the choice follows."""
        return {}
