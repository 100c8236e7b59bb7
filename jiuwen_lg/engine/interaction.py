"""Questions: from `interact` to a LangGraph interrupt and back to the open questions of a session.

The value of an interrupt is `{"id": …, "index": …, "value": …}`. LangGraph drops what a
component wrote before it asked, so private state written before the question rides on
the interrupt (`state`), as does the number of answers that did not come by a resume (`kept`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from langgraph.errors import GraphInterrupt
from langgraph.types import Interrupt

from jiuwen_lg.output import INTERACTION, InteractionOutput, OutputSchema

_RESUMING = "__pregel_resuming"
_CHECKPOINTER = "__pregel_checkpointer"
"""LangGraph's keys in a node's `configurable`; it has no public door to either."""


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
        self.is_handled = False

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
        token: The LangGraph interrupt id, which no other question ever has.
    """

    id: str
    index: int
    value: Any
    token: str

    @classmethod
    def of(cls, interrupt: Interrupt, asker: str = "") -> Question:
        """The question in an interrupt; `asker` names who raised one that is not ours."""
        value = interrupt.value
        if isinstance(value, dict) and {"id", "index", "value"} <= value.keys():
            return cls(value["id"], value["index"], value["value"], interrupt.id)
        return cls(asker, 0, value, interrupt.id)

    def to_chunk(self) -> OutputSchema:
        """The frame that shows the question to the user."""
        payload = InteractionOutput.asked(self.id, self.value, self.token)
        return OutputSchema(type=INTERACTION, index=self.index, payload=payload)


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
    """What a checkpoint records of a task that asked.

    Attributes:
        interrupt: Its last question.
        resumes: How many answers it got by resumes.
    """

    interrupt: Interrupt
    resumes: int

    @property
    def is_answered(self) -> bool:
        """Whether the last question got its answer (and the task failed or was killed afterwards)."""
        value = self.interrupt.value
        if not isinstance(value, dict) or "index" not in value:
            return False
        return bool(self.resumes > value["index"] - value.get("kept", 0))


def paused_tasks(pending_writes: Iterable[tuple[str, str, Any]] | None) -> dict[str, list[PausedTask]]:
    """The tasks with a recorded question, by task id, from a checkpoint's pending writes."""
    interrupts: dict[str, list[Interrupt]] = {}
    resumes: dict[str, int] = {}
    for task_id, channel, value in pending_writes or ():
        if channel == "__interrupt__":
            interrupts[task_id] = list(value) if isinstance(value, (list, tuple)) else [value]
        elif channel == "__resume__":
            resumes[task_id] = len(value) if isinstance(value, list) else 1
    return {
        task_id: [PausedTask(interrupt, resumes.get(task_id, 0)) for interrupt in asked]
        for task_id, asked in interrupts.items()
    }


_CONTROL = frozenset(("__interrupt__", "__resume__", "__error__", "__error_source_node__"))


def is_finished(task_id: str, pending_writes: Iterable[tuple[str, str, Any]]) -> bool:
    """Whether a task of an open superstep has finished: it wrote something that is not about itself."""
    return any(id == task_id and channel not in _CONTROL for id, channel, _ in pending_writes)


async def carried_state(config: Mapping[str, Any]) -> list[Any]:
    """The private-state patches that the interrupted execution of this node's task had made.

    Read from the checkpoint that the task belongs to, and only by a task that is entered
    again; empty for any other.
    """
    configurable = config["configurable"]
    checkpointer = configurable.get(_CHECKPOINTER)
    if not configurable.get(_RESUMING) or checkpointer is None:
        return []
    outer, _, own = configurable["checkpoint_ns"].rpartition("|")
    saved = await _load(checkpointer, configurable, outer)
    asked = paused_tasks(saved.pending_writes if saved else None).get(own.rpartition(":")[2], [])
    values = [task.interrupt.value for task in asked]
    return next((v["state"] for v in values if isinstance(v, dict) and v.get("state")), [])


async def _load(checkpointer: Any, configurable: Mapping[str, Any], namespace: str) -> Any:
    import asyncio

    where = {
        "thread_id": configurable["thread_id"],
        "checkpoint_ns": namespace,
        "checkpoint_id": configurable["checkpoint_map"][namespace],
    }
    try:
        return await checkpointer.aget_tuple({"configurable": where})
    except NotImplementedError:  # a saver with synchronous methods only
        return await asyncio.to_thread(checkpointer.get_tuple, {"configurable": where})
