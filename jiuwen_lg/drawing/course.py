"""What a run did, as its drawing shows it: the arrows that it took, how often components ran, what failed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from jiuwen_lg.drawing.model import Arrow, Drawing, Mark
from jiuwen_lg.timeline import JournalEntry, Timeline

_LONG = 0.1
"""Seconds from which on it is of interest how long something took."""


@dataclass(frozen=True, slots=True)
class Course:
    """The course of a run.

    Attributes:
        marks: How each component ended the last time, by executable id.
        notes: How often and how long it ran, in a few words.
        taken: The ends of the arrows that it took.
    """

    marks: Mapping[str, Mark]
    notes: Mapping[str, str]
    taken: frozenset[tuple[str, str]]


def course_of(timeline: Timeline, drawing: Drawing) -> Course:
    """The course that a timeline tells, on a drawing of its workflow."""
    executions: dict[str, list[JournalEntry]] = defaultdict(list)
    for entry in timeline:
        executions[entry.id].append(entry)
    marks = {id: _mark(entries[-1]) for id, entries in executions.items()}
    notes = {id: note for id, entries in executions.items() if (note := _note(id, entries, timeline))}
    taken = {(arrow.source, arrow.target) for arrow in _arrows(drawing) if _is_taken(arrow, executions)}
    return Course({id: mark for id, mark in marks.items() if mark is not None}, notes, frozenset(taken))


def _mark(entry: JournalEntry) -> Mark | None:
    if entry.is_fallback or entry.status == "failed":
        return "failed"
    return {"finished": "done", "asked": "waiting"}.get(entry.status)  # type: ignore[return-value]


def _note(id: str, entries: list[JournalEntry], timeline: Timeline) -> str:
    finished = [entry for entry in entries if entry.status == "finished"]
    parts = []
    if id in timeline.loops:
        rounds = {entry.iteration[len(entries[-1].iteration)] for entry in _within(id, entries[-1], timeline)}
        parts.append(f"{len(rounds)} iteration{'' if len(rounds) == 1 else 's'}")
    elif len(finished) > 1:
        parts.append(f"{len(finished)} ×")
    if (attempts := max(entry.attempt for entry in entries)) > 1:
        parts.append(f"{attempts} attempts")
    if entries[-1].is_fallback:
        parts.append("fallback")
    if (seconds := sum(entry.seconds for entry in entries)) >= _LONG:
        parts.append(f"{seconds:.1f} s")
    return ", ".join(parts)


def _within(id: str, last: JournalEntry, timeline: Timeline) -> list[JournalEntry]:
    """What ran inside the last execution of a loop, asking and failing executions of the same iteration included."""
    outer = last.iteration
    depth = len(outer)
    inside = [entry for entry in timeline if entry.id.startswith(f"{id}.") and entry.iteration[:depth] == outer]
    return [entry for entry in inside if len(entry.iteration) > depth]


def _arrows(drawing: Drawing) -> Iterator[Arrow]:
    yield from drawing.arrows
    for box in drawing.boxes:
        if box.contents is not None:
            yield from _arrows(box.contents)


def _is_taken(arrow: Arrow, executions: Mapping[str, list[JournalEntry]]) -> bool:
    """Whether a run went along an arrow: a choice says so itself, a connection if both of its ends ran."""
    finished = [entry for entry in executions.get(arrow.source, ()) if entry.status == "finished"]
    if arrow.is_conditional:
        return any(arrow.target in entry.targets for entry in finished)
    begun = max((entry.began for entry in executions.get(arrow.target, ())), default=None)
    went_on = [entry for entry in finished if not (entry.is_fallback and entry.targets)]
    return begun is not None and any(entry.began <= begun for entry in went_on)
