"""Breakpoints of a run, and the components from which it resumes (seed 004's static interrupts)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from langgraph.constants import END

from jiuwen_lg.engine.compiled_workflow import CompiledWorkflow
from jiuwen_lg.engine.pregel.pending_writes import NO_TASK, goto
from jiuwen_lg.engine.turns.run_state import RunState
from jiuwen_lg.errors import StatusCode

Ids: TypeAlias = Sequence[str] | Literal["*"] | None
"""Components of a workflow; `"*"` for all of them."""

JUMP = "@from"
"""Among the kept answers: where a run was told to go on, until it has."""


@dataclass(frozen=True, slots=True)
class Breakpoints:
    """The components before and after which a run stops.

    Args:
        before: Before these.
        after: After these.
    """

    before: Ids = None
    after: Ids = None

    def require(self, compiled: CompiledWorkflow) -> None:
        """Check that they are there.

        Raises:
            JiuWenBaseException: 110006, naming those that are not.
        """
        compiled.require(() if self.before == "*" else self.before or (), "interrupt_before names them")
        compiled.require(() if self.after == "*" else self.after or (), "interrupt_after names them")

    @property
    def options(self) -> dict[str, Any]:
        """The options for LangGraph."""
        given = {"interrupt_before": self.before, "interrupt_after": self.after}
        return {name: ids if ids == "*" else list(ids) for name, ids in given.items() if ids}


@dataclass(frozen=True, slots=True)
class ResumeTarget:
    """A run's going on from other components than those that are next.

    Attributes:
        ids: The components.
        at: The checkpoint at which it was told so.
    """

    ids: tuple[str, ...]
    at: str

    @property
    def early_answers(self) -> dict[str, Any]:
        """Return it stored, so that a process that is killed meanwhile changes nothing."""
        return {JUMP: {"ids": list(self.ids), "at": self.at}}

    async def make(self, graph: Any, config: Any, run_state: RunState) -> None:
        """Let these components be next, and nothing else.

        LangGraph takes a `goto` for a write that belongs to no step yet, and runs at once; here it is
        stored, and clearing what is next, of which there is nothing, makes it a step.
        """
        if run_state.next_ids:
            await graph.aupdate_state(config, None, as_node=END)
        latest = (await graph.aget_state(config)).config["configurable"]
        where = {"configurable": {**config["configurable"], **latest}}
        await graph.checkpointer.aput_writes(where, goto(self.ids), NO_TASK)
        await graph.aupdate_state(config, None, as_node=END)


def jump_of(ids: tuple[str, ...], run_state: RunState) -> ResumeTarget | None:
    """Return the components from which a run resumes instead of the next ones, as asked now or before a kill.

    Raises:
        JiuWenBaseException: 100900, it has not begun.
    """
    latest, before = run_state.checkpoint_ids
    found = run_state.early_answers.pop(JUMP, None)
    if ids and not run_state.has_begun:
        reason = "its run was stopped before it began; InteractiveInput() without resume_from begins it"
        raise StatusCode.INTERACTION_NOT_PENDING.error(session_id=run_state.run_status.session_id, reason=reason)
    if ids or found is None:
        return ResumeTarget(ids, latest) if ids and set(ids) != set(run_state.next_ids) else None
    is_due = found["at"] == latest or (found["at"] == before and not run_state.next_ids)
    return ResumeTarget(tuple(found["ids"]), found["at"]) if is_due else None
