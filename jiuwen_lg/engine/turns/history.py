"""The steps of a run, and going on from one of them in another session with other outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from langgraph.constants import START
from langgraph.types import StateSnapshot

from jiuwen_lg.engine.compiled_workflow import CompiledWorkflow
from jiuwen_lg.engine.pregel.pending_writes import NO_TASK, overwrite
from jiuwen_lg.engine.sessions.row import Record, reading
from jiuwen_lg.engine.store import Store
from jiuwen_lg.errors import StatusCode
from jiuwen_lg.output import HistoryStep
from jiuwen_lg.schema.values import normalize


async def read_history(compiled: CompiledWorkflow, store: Store, record: Record) -> list[HistoryStep]:
    """The steps of a run, newest first."""
    config: Any = {"configurable": {"thread_id": record.row.thread_id}}
    with reading("the history", record.row.session_id):
        states = [state async for state in compiled.graph(store.saver).aget_state_history(config)]
        ran_before = {_id(state.config): list(state.next) for state in states}
        return [_step(state, ran_before) for state in states]


def _step(state: StateSnapshot, ran_before: Mapping[str, list[str]]) -> HistoryStep:
    metadata = state.metadata or {}
    is_of_components = metadata.get("source") == "loop"
    return HistoryStep(
        step=int(metadata.get("step", 0)),
        checkpoint_id=_id(state.config),
        created_at=str(state.created_at),
        ran=[id for id in ran_before.get(_id(state.parent_config), []) if is_of_components and id != START],
        next_nodes=list(state.next),
        state=dict(state.values),
    )


def _id(config: Any) -> str:
    return str((config or {}).get("configurable", {}).get("checkpoint_id", ""))


def edit(store: Store, thread_id: str, step: HistoryStep, outputs: Mapping[str, Any]) -> None:
    """Change outputs of a run that has not gone on from a step, as LangGraph keeps what belongs to no task."""
    writes = overwrite("io", {**step.state["io"], **outputs})
    where: Any = {"configurable": {"thread_id": thread_id, "checkpoint_ns": "", "checkpoint_id": step.checkpoint_id}}
    store.saver.put_writes(where, writes, NO_TASK)


def fork_of(
    store: Store, record: Record, step: HistoryStep, session_id: str, outputs: Mapping[str, Any] | None
) -> None:
    """Copy a run as it was after a step into another session, with other outputs.

    Raises:
        JiuWenBaseException: See `Workflow.fork`.
    """
    try:
        changed = {id: normalize(output) for id, output in (outputs or {}).items()}
    except ValueError as error:
        raise StatusCode.INTERACTIVE_INVALID_INPUT_ERROR.error(reason=f"outputs cannot be kept: {error}") from error
    with store.database.transaction():
        thread_id = store.runs.fork(record, step.checkpoint_id, session_id, NO_TASK)
        if changed:
            edit(store, thread_id, step, changed)


def step_named(history: Iterable[HistoryStep], step: HistoryStep | str | int) -> HistoryStep | None:
    """A step by itself, its checkpoint's id or its number; of several of one number, the newest."""
    wanted = step.checkpoint_id if isinstance(step, HistoryStep) else step
    return next((one for one in history if wanted in (one.checkpoint_id, one.step)), None)
