"""How far an unfinished run has come, read from its latest checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langgraph.types import Command, Interrupt

from jiuwen_lg.engine.answers import Situation
from jiuwen_lg.engine.interaction import Question, is_finished, paused_tasks
from jiuwen_lg.engine.program import Program
from jiuwen_lg.engine.sessions import Record
from jiuwen_lg.engine.store import Store


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that no LangGraph resume has answered, even if an answer is on file."""

    task_id: str
    question: Question
    interrupt: Interrupt


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands.

    Attributes:
        has_begun: Whether there is a checkpoint at all.
        unanswered: The questions that no resume has answered yet.
        kept: The answers on file for components that have not finished.
        next_ids: The components that run next.
        state: The state's channels.
    """

    situation: Situation
    has_begun: bool
    unanswered: list[Asked]
    kept: dict[str, Any]
    next_ids: list[str]
    state: dict[str, Any]

    def command(self, answers: Mapping[str, Any], world: Sequence[dict[str, Any]] = ()) -> Command[Any] | None:
        """How to go on: resume each task's first question that has an answer; None if there is nothing to say.

        LangGraph takes one value a task; answers to further questions of the same task are
        found on file.

        Args:
            answers: The answers on file, by token.
            world: Changes of the global state to make before.
        """
        resume = {a.interrupt.id: answers[a.question.token] for a in self._firsts() if a.question.token in answers}
        if not resume and not world:
            return None
        return Command(resume=resume or None, update={"world": list(world)} if world else None)

    def _firsts(self) -> list[Asked]:
        return list({asked.task_id: asked for asked in reversed(self.unanswered)}.values())


async def read_progress(program: Program, store: Store, record: Record) -> Progress:
    """Read where a run stands."""
    config: Any = {"configurable": {"thread_id": record.row.thread_id}}
    saved = await store.saver.aget_tuple(config)
    snapshot = await program.graph(store).aget_state(config)
    writes = (saved.pending_writes if saved else None) or []
    names = {task.id: task.name for task in snapshot.tasks if not is_finished(task.id, writes)}
    unanswered = [
        Asked(id, Question.of(interrupt, id, names[id]), interrupt)
        for id, paused in paused_tasks(writes).items()
        if id in names
        for interrupt in paused.unanswered()
    ]
    on_file = record.answers
    waiting = [asked for asked in unanswered if asked.question.token not in on_file]
    completed = {*snapshot.values.get("io", ()), *(task.name for task in snapshot.tasks if task.id not in names)}
    situation = Situation(
        session_id=record.row.session_id,
        questions=sorted((asked.question for asked in waiting), key=lambda q: program.order_of(q.id)),
        is_broken=not names or bool(names.keys() - {asked.task_id for asked in waiting}),
        component_ids=program.component_ids,
        completed_ids=completed,
        answered_tokens=set(on_file),
    )
    return Progress(
        situation=situation,
        has_begun=saved is not None,
        unanswered=unanswered,
        kept={id: value for id, value in record.kept.items() if id not in completed},
        next_ids=list(names.values()),
        state=dict(snapshot.values),
    )
