"""The state of an unfinished run, judged from its latest checkpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

from langgraph.types import Command, Interrupt

from jiuwen_lg.engine.compiled_workflow import CompiledWorkflow
from jiuwen_lg.engine.graph.state import ROUND, shielded
from jiuwen_lg.engine.runtime.interrupts import Question, is_ours
from jiuwen_lg.engine.sessions.row import Record, reading
from jiuwen_lg.engine.store import Store
from jiuwen_lg.engine.turns.graph_reading import ReadGraph, read_graph
from jiuwen_lg.engine.turns.resume_plan import RunStatus
from jiuwen_lg.schema.values import patch_global


@dataclass(frozen=True, slots=True)
class OpenInterrupt:
    """A question that no LangGraph resume has answered, even if an answer is stored."""

    task_id: str
    question: Question
    interrupt: Interrupt


@dataclass(frozen=True, slots=True)
class RunState:
    """The state of a run.

    Attributes:
        has_begun: Whether there is a checkpoint at all.
        unanswered: The questions that no resume has answered yet.
        early_answers: The early answers for components that have not finished.
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
        """Return the command that resumes each task's first question with an answer; None without anything to resume.

        LangGraph takes one value a task of ours; answers to further questions of the same task are
        found in the store. Graphs of others inside a task have their questions resumed one by one.

        Args:
            answers: The stored answers, by token.
            world: Changes of the global state to make before.
        """
        asked = [*self._firsts(), *(a for a in self.unanswered if not is_ours(a.interrupt))]
        resume = {a.interrupt.id: answers[a.question.token] for a in asked if a.question.token in answers}
        if not resume and not world:
            return None
        return Command(resume=resume or None, update={"world": shielded(list(world))} if world else None)

    def _firsts(self) -> list[OpenInterrupt]:
        return list({asked.task_id: asked for asked in reversed(self.unanswered)}.values())


async def read_run_state(compiled: CompiledWorkflow, store: Store, record: Record) -> RunState:
    """Read where a run stands.

    Raises:
        JiuWenBaseException: 100908, what is stored of it is damaged.
    """
    with reading("the checkpoint", record.row.session_id):
        graph = await read_graph(compiled, store.saver, record.row.thread_id)
        return judge(compiled, graph, record)


def judge(compiled: CompiledWorkflow, graph: ReadGraph, record: Record) -> RunState:
    """Say where a run stands, from its checkpoints and its row; reads nothing."""
    found = _judge_graph(compiled, graph)
    answers = record.answers
    waiting = [asked for asked in found.unanswered if asked.question.token not in answers]
    again = compiled.after(found.reopened) if found.reopened else frozenset()
    completed = {id for id in compiled.ids if found.has_completed(id) and id.partition(".")[0] not in again}
    run_status = RunStatus(
        session_id=record.row.session_id,
        questions=sorted((asked.question for asked in waiting), key=lambda q: compiled.order_of(q.id)),
        is_broken=not found.open or bool(found.open.keys() - {asked.task_id for asked in waiting}),
        component_ids=compiled.component_ids,
        completed_ids=completed,
        answered_tokens=set(answers),
        is_stopped=record.row.status == "waiting" and not waiting,
    )
    return RunState(
        run_status=run_status,
        has_begun=graph.has_begun,
        unanswered=found.unanswered,
        early_answers={id: value for id, value in record.early_answers.items() if id not in completed},
        next_ids=list(found.open.values()),
        state=_with_patches(graph.values, found.global_patches),
        checkpoint_ids=graph.checkpoint_ids,
    )


def _with_patches(state: Mapping[str, Any], global_patches: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The state, with what open loops and sub-workflows have changed of the global state."""
    return {**state, "world": reduce(patch_global, global_patches, state["world"])} if global_patches else dict(state)


@dataclass(slots=True)
class _GraphState:
    """The open tasks of a graph and of the graphs inside its components.

    Attributes:
        open: The executable id of each task that has not finished, by task id; of a
            component that is a graph, those inside it.
        unanswered: What they ask.
        completed: The executable ids of components that have finished for good.
        global_patches: What the graphs inside have changed of the global state.
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


def _judge_graph(
    compiled: CompiledWorkflow, graph: ReadGraph, parent: str = "", *, runs_again: bool = False
) -> _GraphState:
    """Judge a graph's tasks, and those of the graphs inside them.

    Args:
        graph: The graph.
        parent: The executable id of the component around it; empty at the top.
        runs_again: Whether it is inside a loop that has not ended: then nothing in it has finished for good.
    """
    prefix = f"{parent}." if parent else ""
    found = _GraphState(global_patches=list(graph.values.get("told", ())))
    runs_again = runs_again or compiled.is_loop(parent)
    if not runs_again:
        found.completed.update(f"{prefix}{id}" for id in graph.values.get("io", ()))
    for task in graph.tasks:
        id = parent if task.name == ROUND else f"{prefix}{task.name}"
        if task.is_finished:
            if not runs_again:
                found.completed.add(id)
            continue
        if id in found.completed:
            found.completed.discard(id)
            found.reopened.add(id)
        if task.inside is not None:
            found.add(_judge_graph(compiled, task.inside, id, runs_again=runs_again))
            if task.inside.has_next:
                continue
        found.open[task.id] = id
        if task.inside is None and task.paused is not None:
            asked = task.paused.unanswered()
            found.unanswered += [OpenInterrupt(task.id, Question.of(one, task.id, id), one) for one in asked]
    return found
