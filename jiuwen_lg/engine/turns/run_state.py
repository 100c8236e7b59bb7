"""How far an unfinished run has come, read from its latest checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

from langgraph.types import Command, Interrupt, StateSnapshot

from jiuwen_lg.engine.compiled_workflow import CompiledWorkflow
from jiuwen_lg.engine.graph.state import ROUND
from jiuwen_lg.engine.pregel.keys import namespace_below
from jiuwen_lg.engine.runtime.interrupts import Question, is_finished, is_ours, paused_tasks
from jiuwen_lg.engine.sessions.row import Record, reading
from jiuwen_lg.engine.store import Store
from jiuwen_lg.engine.turns.resume_plan import RunStatus
from jiuwen_lg.schema.values import patch_global


@dataclass(frozen=True, slots=True)
class OpenInterrupt:
    """A question that no LangGraph resume has answered, even if an answer is on file."""

    task_id: str
    question: Question
    interrupt: Interrupt


@dataclass(frozen=True, slots=True)
class RunState:
    """Where a run stands.

    Attributes:
        has_begun: Whether there is a checkpoint at all.
        unanswered: The questions that no resume has answered yet.
        kept: The answers on file for components that have not finished.
        next_ids: The components that run next.
        checkpoint_ids: The latest checkpoint and the one before it.
        state: The state's channels.
    """

    run_status: RunStatus
    has_begun: bool
    unanswered: list[OpenInterrupt]
    early_answers: dict[str, Any]
    next_ids: list[str]
    state: dict[str, Any]
    checkpoint_ids: tuple[str, str]

    def command(self, answers: Mapping[str, Any], world: Sequence[dict[str, Any]] = ()) -> Command[Any] | None:
        """How to go on: resume each task's first question that has an answer; None if there is nothing to say.

        LangGraph takes one value a task of ours; answers to further questions of the same task are
        found on file. Graphs of others inside a task have their questions resumed one by one.

        Args:
            answers: The answers on file, by token.
            world: Changes of the global state to make before.
        """
        asked = [*self._firsts(), *(a for a in self.unanswered if not is_ours(a.interrupt))]
        resume = {a.interrupt.id: answers[a.question.token] for a in asked if a.question.token in answers}
        if not resume and not world:
            return None
        return Command(resume=resume or None, update={"world": list(world)} if world else None)

    def _firsts(self) -> list[OpenInterrupt]:
        return list({asked.task_id: asked for asked in reversed(self.unanswered)}.values())


async def read_run_state(compiled: CompiledWorkflow, store: Store, record: Record) -> RunState:
    """Read where a run stands.

    Raises:
        JiuWenBaseException: 100908, what is on file of it is damaged.
    """
    with reading("the checkpoint", record.row.session_id):
        return await _read_progress(compiled, store, record)


async def _read_progress(compiled: CompiledWorkflow, store: Store, record: Record) -> RunState:
    config: Any = {"configurable": {"thread_id": record.row.thread_id}}
    snapshot = await compiled.graph(store.saver).aget_state(config, subgraphs=compiled.has_subgraphs)
    level = await _read_level(compiled, store, snapshot)
    on_file = record.answers
    waiting = [asked for asked in level.unanswered if asked.question.token not in on_file]
    again = compiled.after(level.reopened) if level.reopened else frozenset()
    completed = {id for id in compiled.ids if level.has_completed(id) and id.partition(".")[0] not in again}
    run_status = RunStatus(
        session_id=record.row.session_id,
        questions=sorted((asked.question for asked in waiting), key=lambda q: compiled.order_of(q.id)),
        is_broken=not level.open or bool(level.open.keys() - {asked.task_id for asked in waiting}),
        component_ids=compiled.component_ids,
        completed_ids=completed,
        answered_tokens=set(on_file),
        is_stopped=record.row.status == "waiting" and not waiting,
    )
    return RunState(
        run_status=run_status,
        has_begun=snapshot.created_at is not None,
        unanswered=level.unanswered,
        early_answers={id: value for id, value in record.early_answers.items() if id not in completed},
        next_ids=list(level.open.values()),
        state=_with_told(snapshot.values, level.global_patches),
        checkpoint_ids=(_checkpoint_id(snapshot.config), _checkpoint_id(snapshot.parent_config)),
    )


def _checkpoint_id(config: Any) -> str:
    return str((config or {}).get("configurable", {}).get("checkpoint_id", ""))


def _with_told(state: Mapping[str, Any], global_patches: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The state, with what open loops and sub-workflows have told of the global state."""
    return {**state, "world": reduce(patch_global, global_patches, state["world"])} if global_patches else dict(state)


@dataclass(slots=True)
class _GraphState:
    """What a graph and the graphs inside its components have still to do.

    Attributes:
        open: The executable id of each task that has not finished, by task id; of a
            component that is a graph, those inside it.
        unanswered: What they ask.
        completed: The executable ids of components that have finished for good.
        told: What the graphs inside have changed of the global state.
        reopened: The components that had finished and run again.
    """

    open: dict[str, str] = field(default_factory=dict)
    unanswered: list[OpenInterrupt] = field(default_factory=list)
    completed: set[str] = field(default_factory=set)
    global_patches: list[dict[str, Any]] = field(default_factory=list)
    reopened: set[str] = field(default_factory=set)

    def has_completed(self, id: str) -> bool:
        """Whether a component has finished, or one that it is inside of."""
        parts = id.split(".")
        return any(".".join(parts[:length]) in self.completed for length in range(1, len(parts) + 1))

    def add(self, other: _GraphState) -> None:
        """Add what a graph inside has to do."""
        self.open |= other.open
        self.unanswered += other.unanswered
        self.completed |= other.completed
        self.global_patches += other.global_patches
        self.reopened |= other.reopened


async def _read_level(
    compiled: CompiledWorkflow,
    store: Store,
    snapshot: StateSnapshot,
    namespace: str = "",
    parent: str = "",
    *,
    runs_again: bool = False,
) -> _GraphState:
    """Read a graph's tasks, and those of the graphs inside them.

    Args:
        snapshot: The graph's state.
        namespace: Its checkpoint namespace.
        host: The executable id of the component that it is inside of; empty at the top.
        runs_again: Whether it is inside a loop that has not ended: then nothing in it has finished for good.
    """
    where = {"thread_id": snapshot.config["configurable"]["thread_id"], "checkpoint_ns": namespace}
    saved = await store.saver.aget_tuple({"configurable": where})
    writes = (saved.pending_writes if saved else None) or []
    paused = paused_tasks(writes)
    prefix = f"{parent}." if parent else ""
    level = _GraphState(global_patches=list(snapshot.values.get("told", ())))
    runs_again = runs_again or compiled.is_loop(parent)
    if not runs_again:
        level.completed.update(f"{prefix}{id}" for id in snapshot.values.get("io", ()))
    for task in snapshot.tasks:
        id = parent if task.name == ROUND else f"{prefix}{task.name}"
        if is_finished(task.id, writes):
            if not runs_again:
                level.completed.add(id)
            continue
        if id in level.completed:
            level.completed.discard(id)
            level.reopened.add(id)
        inside = task.state
        if isinstance(inside, StateSnapshot):
            below = namespace_below(namespace, task.name, task.id)
            level.add(await _read_level(compiled, store, inside, below, id, runs_again=runs_again))
            if inside.next:
                continue
        level.open[task.id] = id
        if not isinstance(inside, StateSnapshot) and task.id in paused:
            asked = paused[task.id].unanswered()
            level.unanswered += [
                OpenInterrupt(task.id, Question.of(question, task.id, id), question) for question in asked
            ]
    return level
