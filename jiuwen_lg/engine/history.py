"""The steps of a run, and going on from one of them in another session with other outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from langgraph.types import Command, Overwrite, StateSnapshot

from jiuwen_lg.engine.program import Program
from jiuwen_lg.engine.progress import Progress
from jiuwen_lg.engine.sessions import Record
from jiuwen_lg.engine.store import Store
from jiuwen_lg.output import HistoryStep
from jiuwen_lg.schema.values import storable

EDITS = "@edits"
"""Among the kept answers of a fork: the outputs that were changed, until the run goes on."""


async def read_history(program: Program, store: Store, record: Record) -> list[HistoryStep]:
    """The steps of a run, newest first."""
    config: Any = {"configurable": {"thread_id": record.row.thread_id}}
    states = [state async for state in program.graph(store).aget_state_history(config)]
    ran_before = {_id(state.config): list(state.next) for state in states}
    return [_step(state, ran_before) for state in states]


def _step(state: StateSnapshot, ran_before: Mapping[str, list[str]]) -> HistoryStep:
    metadata = state.metadata or {}
    is_of_components = metadata.get("source") == "loop"
    return HistoryStep(
        step=int(metadata.get("step", 0)),
        checkpoint_id=_id(state.config),
        created_at=str(state.created_at),
        ran=[id for id in ran_before.get(_id(state.parent_config), []) if is_of_components and id != "__start__"],
        next_nodes=list(state.next),
        state=dict(state.values),
    )


def _id(config: Any) -> str:
    return str((config or {}).get("configurable", {}).get("checkpoint_id", ""))


def edits_on_file(checkpoint_id: str, outputs: Mapping[str, Any] | None) -> dict[str, Any]:
    """Changed outputs as a fork keeps them."""
    changed = {id: storable(output) for id, output in (outputs or {}).items()}
    return {EDITS: {"at": checkpoint_id, "outputs": changed}} if changed else {}


def edited(progress: Progress) -> dict[str, Any] | None:
    """The outputs of an unfinished run with its changes; None if there are none, or they are in the state already."""
    edits = progress.kept.get(EDITS)
    if edits is None or edits["at"] != progress.checkpoint_ids[0]:
        return None
    return {**progress.state["io"], **edits["outputs"]}


def with_edits(graph_input: Any, progress: Progress) -> Any:
    """The graph's input for a run that goes on, with the changes of its outputs."""
    outputs = edited(progress)
    progress.kept.pop(EDITS, None)
    if outputs is None:
        return graph_input
    given = graph_input if isinstance(graph_input, Command) else Command()
    return Command(update={**_updates(given.update), "io": Overwrite(outputs)}, resume=given.resume, goto=given.goto)


def _updates(update: Any) -> dict[str, Any]:
    return dict(update) if isinstance(update, Mapping) else dict(update or ())


def step_named(history: Iterable[HistoryStep], step: HistoryStep | str | int) -> HistoryStep | None:
    """A step by itself, its checkpoint's id or its number; of several of one number, the newest."""
    wanted = step.checkpoint_id if isinstance(step, HistoryStep) else step
    return next((one for one in history if wanted in (one.checkpoint_id, one.step)), None)
