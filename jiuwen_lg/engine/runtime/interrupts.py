"""Questions: from `interact` to a LangGraph interrupt and back to the open questions of a session.

The value of an interrupt is `{"id": …, "index": …, "value": …}`, and where needed:
`slot`, its number among the questions of the task (if that is not `index`); `key`, what it is
recognized by, and `known`, the task's questions; `resumed`, the slots to which LangGraph's answers
belong (older releases: `skip`, those to which none do); and `state`, the component's private
state, since LangGraph drops what a task wrote before it asked. They are not shown to users.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from langgraph.errors import GraphInterrupt
from langgraph.types import Interrupt, StateSnapshot

from jiuwen_lg.engine.pregel.keys import (
    CHECKPOINT_MAP,
    CHECKPOINTER,
    CONTROL,
    INTERRUPT,
    RESUME,
    RESUMING,
    namespace_around,
    task_id_of,
)
from jiuwen_lg.engine.runtime.asked_questions import KEY, KNOWN, RESUMED, AskedQuestion, asked_in
from jiuwen_lg.output import INTERACTION, InteractionOutput, OutputSchema
from jiuwen_lg.schema.answer_schema import json_schema_of

_HAS_SCHEMA = hasattr(Interrupt("", id=""), "response_schema")
_HIDDEN = frozenset(("skip", "state", KEY, KNOWN, RESUMED))


class InteractionRequired(GraphInterrupt):
    """Raised by `interact` while there is no answer; it pauses the run.

    Let it pass. A component that catches it on purpose says so with `handled()` and may
    then return; returning without that is INTERACTION_SWALLOWED (100903). Source: seed 004.

    Attributes:
        id: The executable id of the component that asks.
        value: What it asks.
    """

    def __init__(self, interrupt: Interrupt) -> None:
        super().__init__((interrupt,))
        self.interrupt = interrupt
        self.id: str = interrupt.value["id"]
        self.value: Any = interrupt.value["value"]
        self.is_handled: bool = False

    def handled(self) -> None:
        """Withdraw the question: nobody will be asked."""
        self.is_handled = True


@dataclass(frozen=True, slots=True)
class Question:
    """An open question of a session.

    Attributes:
        id: The executable id of the component that asks; an answer is addressed to it.
        index: How many answers the component had got before, in this execution.
        value: What it asks.
        token: Task and slot: no other question ever has it, and it stays while it is open.
        schema: The JSON schema that its answer must fit.
        error: Why the last answer did not, if the question is asked again.
        label: The label of the component that asks; empty without one.
    """

    id: str
    index: int
    value: Any
    token: str
    schema: dict[str, Any] | None = None
    error: str | None = None
    label: str = ""

    @classmethod
    def of(cls, interrupt: Interrupt, task_id: str, asker: str) -> Question:
        """The question in an interrupt; `asker` names who raised one that is not ours."""
        if not is_ours(interrupt):
            schema = json_schema_of(getattr(interrupt, "response_schema", None))
            return cls(asker, 0, interrupt.value, f"{task_id}:{interrupt.id}", schema)
        value = interrupt.value
        token = token_of(task_id, slot_of(interrupt))
        more = (value.get("schema"), value.get("error"), value.get("label", ""))
        return cls(value["id"], value["index"], value["value"], token, *more)

    def to_chunk(self) -> OutputSchema:
        """The frame that shows the question to the user."""
        payload = InteractionOutput.asked(self.id, self.value, self.token, self.schema, self.error, self.label)
        return OutputSchema(type=INTERACTION, index=self.index, payload=payload)


def token_of(task_id: str, slot: int) -> str:
    """The token of one `interact` call of one task."""
    return f"{task_id}:{slot}"


def is_ours(interrupt: Interrupt) -> bool:
    """Whether an interrupt was raised by `interact` rather than by LangGraph's `interrupt`."""
    return isinstance(interrupt.value, dict) and {"id", "index", "value"} <= interrupt.value.keys()


def slot_of(interrupt: Interrupt) -> int:
    """Return its number among the questions of its task, from 0."""
    slot: int = interrupt.value.get("slot", interrupt.value["index"])
    return slot


def with_prefix(interrupt: Interrupt, id: str) -> Interrupt:
    """A question of a workflow that runs as a graph inside a component, as that component's."""
    if not is_ours(interrupt):
        return interrupt
    return Interrupt({**interrupt.value, "id": f"{id}.{interrupt.value['id']}"}, interrupt.id)


def redacted(interrupt: Interrupt) -> Interrupt:
    """An interrupt as users see it: without what is the engine's, its schema where LangGraph's own have it."""
    if not is_ours(interrupt):
        return interrupt
    schema = interrupt.value.get("schema")
    if interrupt.value.keys().isdisjoint(_HIDDEN) and schema is None:
        return interrupt
    value = {k: v for k, v in interrupt.value.items() if k not in _HIDDEN}
    return Interrupt(value=value, id=interrupt.id, **_with_schema(schema))


def _with_schema(schema: Any) -> dict[str, Any]:
    """The argument that LangGraph 1.2.22 and later have for it."""
    return {"response_schema": schema} if schema is not None and _HAS_SCHEMA else {}


def interrupts_in(error: BaseException) -> list[GraphInterrupt] | None:
    """The interrupts that an exception or a group of them consists of; None if of anything else."""
    if isinstance(error, GraphInterrupt):
        return [error]
    if isinstance(error, BaseExceptionGroup):
        inner = [interrupts_in(part) for part in error.exceptions]
        return None if None in inner else [i for part in inner for i in part or ()]
    return None


def failures_in(error: BaseException) -> Iterator[BaseException]:
    """The single exceptions that are not interrupts, in order."""
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from failures_in(part)
    elif not isinstance(error, GraphInterrupt):
        yield error


@dataclass(frozen=True, slots=True)
class PausedTask:
    """The record of a task that asked, in a checkpoint.

    Attributes:
        interrupts: Its last questions.
        resumes: How many answers it got by LangGraph's resumes.
    """

    interrupts: list[Interrupt]
    resumes: int = 0

    def unanswered(self) -> list[Interrupt]:
        """The questions that no resume has answered (an answered task may have failed since).

        A resume answers the first question of the task that has no answer.
        """
        ours = [interrupt for interrupt in self.interrupts if is_ours(interrupt)]
        if not ours or RESUMED not in ours[0].value:
            return [interrupt for interrupt in self.interrupts if not self._was_answered(interrupt)]
        answered = ours[: max(0, self.resumes - len(ours[0].value[RESUMED]))]
        return [interrupt for interrupt in self.interrupts if interrupt not in answered]

    def _was_answered(self, interrupt: Interrupt) -> bool:
        """The same for a question of an older release, in which slots were numbers of calls."""
        if not is_ours(interrupt):
            return False
        slot = slot_of(interrupt)
        skipped = sum(s < slot for s in interrupt.value.get("skip", ()))
        return bool(self.resumes > slot - skipped)


def paused_tasks(pending_writes: Iterable[tuple[str, str, Any]]) -> dict[str, PausedTask]:
    """The tasks with a recorded question, by task id, from a checkpoint's pending writes."""
    asked: dict[str, list[Interrupt]] = {}
    resumes: dict[str, int] = {}
    for task_id, channel, value in pending_writes:
        if channel == INTERRUPT:
            asked[task_id] = list(value) if isinstance(value, (list, tuple)) else [value]
        elif channel == RESUME:
            resumes[task_id] = len(value) if isinstance(value, list) else 1
    return {task_id: PausedTask(interrupts, resumes.get(task_id, 0)) for task_id, interrupts in asked.items()}


def is_finished(task_id: str, pending_writes: Iterable[tuple[str, str, Any]]) -> bool:
    """Whether a task of an open superstep has finished: it wrote something that is not about itself."""
    return any(id == task_id and channel not in CONTROL for id, channel, _ in pending_writes)


@dataclass(frozen=True, slots=True)
class Carried:
    """The data that an interrupted execution left for the next one of the same task.

    Attributes:
        state: The private state it had made, None if it had changed nothing.
        skip: The slots whose answers do not come from LangGraph's resumes.
        resumes: How many answers LangGraph holds for the task.
        asked: The questions that the task has asked.
        resumed: The slots of those answers, in their order; None if an older release stored the question.
    """

    state: dict[str, Any] | None = None
    skip: frozenset[int] = frozenset()
    resumes: int = 0
    asked: list[AskedQuestion] = field(default_factory=list)
    resumed: list[int] | None = None

    def slots_of_resumes(self) -> Iterator[int]:
        """Yield the slots to which LangGraph's answers belong, in their order."""
        if self.resumed is not None:
            yield from self.resumed
        yield from (slot for slot in count(0 if self.resumed is None else len(self.resumed)) if slot not in self.skip)


NOTHING_CARRIED = Carried()


async def carried_by(config: Mapping[str, Any]) -> Carried:
    """Read, from the checkpoint that a node's task belongs to, what its interrupted execution left."""
    configurable = config["configurable"]
    if not configurable.get(RESUMING) or configurable.get(CHECKPOINTER) is None:
        return NOTHING_CARRIED
    outer = namespace_around(configurable["checkpoint_ns"])
    saved = await _load(configurable, outer)
    paused = paused_tasks((saved and saved.pending_writes) or ()).get(task_id_of(config))
    if paused is None:
        return NOTHING_CARRIED
    ours = [interrupt for interrupt in paused.interrupts if is_ours(interrupt)]
    value: dict[str, Any] = ours[0].value if ours else {}
    asked = asked_in(ours, slot_of)
    resumed = [*value[RESUMED], *map(slot_of, ours)] if RESUMED in value else None
    return Carried(value.get("state"), frozenset(value.get("skip", ())), paused.resumes, asked, resumed)


async def is_resumed(config: Mapping[str, Any]) -> bool:
    """Whether the graph inside a node's task has begun before."""
    configurable = config["configurable"]
    if not configurable.get(RESUMING) or configurable.get(CHECKPOINTER) is None:
        return False
    where = {"thread_id": configurable["thread_id"], "checkpoint_ns": configurable["checkpoint_ns"]}
    return await _get(configurable[CHECKPOINTER], {"configurable": where}) is not None


async def inner_state(graph: Any, config: Mapping[str, Any]) -> StateSnapshot:
    """The state of the graph inside a node's task."""
    configurable = config["configurable"]
    where = {key: configurable[key] for key in (CHECKPOINTER, "thread_id", "checkpoint_ns")}
    state: StateSnapshot = await graph.aget_state({"configurable": where})
    return state


async def _load(configurable: Mapping[str, Any], namespace: str) -> Any:
    where: Any = {
        "configurable": {
            "thread_id": configurable["thread_id"],
            "checkpoint_ns": namespace,
            "checkpoint_id": configurable[CHECKPOINT_MAP][namespace],
        }
    }
    return await _get(configurable[CHECKPOINTER], where)


async def _get(checkpointer: Any, where: Any) -> Any:
    try:
        return await checkpointer.aget_tuple(where)
    except NotImplementedError:  # a saver with synchronous methods only
        return await asyncio.to_thread(checkpointer.get_tuple, where)
