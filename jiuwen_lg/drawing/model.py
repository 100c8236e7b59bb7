"""The model of a drawing: boxes and arrows, of which every renderer makes its picture.

Edges as in openJiuwen 0.1.1 (`engine.md` 1.9), whether or not `WORKFLOW_DRAWABLE` is set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, get_args

from jiuwen_lg.engine.graph.definition import ComponentSpec, Definition
from jiuwen_lg.engine.graph.router import Router
from jiuwen_lg.errors import StatusCode

ALL_LEVELS = 100
_LONGEST_NOTE = 32

Mark: TypeAlias = Literal["done", "waiting", "failed", "next"]
"""Where a session stands, at one component: it has finished, asks, failed, or runs next."""
NO_MARKS: Mapping[str, Mark] = MappingProxyType({})
NO_NOTES: Mapping[str, str] = MappingProxyType({})
FILLS: Mapping[Mark, str] = {"done": "#dcfce7", "waiting": "#fef3c7", "failed": "#fee2e2", "next": "#dbeafe"}
STROKES: Mapping[Mark, str] = {"done": "#16a34a", "waiting": "#d97706", "failed": "#dc2626", "next": "#2563eb"}
_SEVERITY: tuple[Mark, ...] = ("done", "next", "waiting", "failed")


Kind: TypeAlias = Literal["component", "start", "end", "model", "question", "tool", "branch", "loop", "workflow"]
"""What a component is, as far as its drawing shows it."""


@dataclass(frozen=True, slots=True)
class Box:
    """A component.

    Attributes:
        id: Its executable id.
        label: Its label, else its own id.
        is_rounded: Whether runs begin or end with it.
        contents: What is in it, if it is drawn opened.
        kind: What it is.
        note: A few words beside the label: how a loop iterates, or how often it has.
        description: A sentence about it, which pages show at the mouse.
    """

    id: str
    label: str
    is_rounded: bool
    contents: Drawing | None = None
    kind: Kind = "component"
    note: str = ""
    description: str = ""

    @property
    def has_label(self) -> bool:
        """Whether it is shown by another name than its id."""
        return self.label != self.id.rpartition(".")[2]

    @property
    def has_icon(self) -> bool:
        """Whether an icon before the label shows its kind; a shape shows that of the others."""
        return self.kind not in {"component", "branch", "start", "end"}


@dataclass(frozen=True, slots=True)
class Arrow:
    """A way from one component to another.

    Attributes:
        source: An executable id.
        target: An executable id.
        is_conditional: Whether a router or a branch chooses it.
        is_stream: Whether frames flow along it.
        label: The branch or the condition; empty if none is known.
    """

    source: str
    target: str
    is_conditional: bool = False
    is_stream: bool = False
    label: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A graph as it is drawn: every renderer begins with this."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]

    def all_boxes(self) -> Iterator[Box]:
        """Every box, those inside another after it."""
        for box in self.boxes:
            yield box
            if box.contents is not None:
                yield from box.contents.all_boxes()


def drawing_of(
    definition: Definition, levels: int = ALL_LEVELS, prefix: str = "", around: tuple[Definition, ...] = ()
) -> Drawing:
    """Return the drawing of a definition.

    Args:
        definition: What was built.
        levels: How many levels of loops and sub-workflows are opened.
        prefix: What stands before the ids, inside another component.
        around: The definitions that it is inside of; one that contains itself is not opened again.

    Raises:
        JiuWenBaseException: 110006, a connection names a component that was never added.
    """
    rounded = {*definition.starts, *definition.ends}
    boxes = tuple(
        Box(
            id=f"{prefix}{id}",
            label=spec.label or id,
            is_rounded=id in rounded,
            contents=_inside(spec, levels, prefix, (*around, definition)),
            kind=kind_of(spec),
            note=_iteration_of(spec),
            description=spec.description,
        )
        for id, spec in definition.components.items()
    )
    definition.joins()  # refuses connections that lead nowhere
    drawn = dict.fromkeys((source, c.target, c.is_stream) for c in definition.connections for source in c.sources)
    arrows = [Arrow(f"{prefix}{source}", f"{prefix}{target}", is_stream=stream) for source, target, stream in drawn]
    for source, functions in definition.routers.items():
        for function in functions:
            known = Router(function).known_targets().items()
            arrows += [
                Arrow(f"{prefix}{source}", f"{prefix}{target}", is_conditional=True, label=label)
                for target, label in known
                if target in definition.components
            ]
    for source, targets in definition.fallback_targets.items():
        ends = [(f"{prefix}{source}", f"{prefix}{target}") for target in targets]
        arrows += [Arrow(*end, is_conditional=True, label="on failure") for end in ends]
    return Drawing(boxes, tuple(arrows))


def kind_of(spec: ComponentSpec) -> Kind:
    """What a component is: a loop, a sub-workflow, or what its executable says with `drawn_as`."""
    if spec.nested is not None:
        return "workflow" if spec.nested.rounds is None else "loop"
    said = getattr(spec.executable, "drawn_as", "component")
    kinds: tuple[Kind, ...] = get_args(Kind)
    return next((kind for kind in kinds if kind == said), "component")


def _iteration_of(spec: ComponentSpec) -> str:
    """How a loop iterates, in a few words."""
    schema = spec.io.inputs_schema
    if spec.nested is None or spec.nested.rounds is None or not isinstance(schema, dict):
        return ""
    kind = str(schema.get("loop_type", ""))
    notes: dict[str, Any] = {
        "array": ", ".join(schema["loop_array"]) if isinstance(schema.get("loop_array"), dict) else "",
        "number": f"{schema.get('loop_number')} ×",
        "expression": f"while {schema.get('bool_expression')}",
        "always_true": "until broken",
    }
    note = str(notes.get(kind, ""))
    return note if len(note) <= _LONGEST_NOTE else f"{note[: _LONGEST_NOTE - 1]}…"


def _inside(spec: ComponentSpec, levels: int, prefix: str, around: tuple[Definition, ...]) -> Drawing | None:
    nested = spec.nested
    if nested is None or levels <= 0 or any(nested.definition is definition for definition in around):
        return None
    return drawing_of(nested.definition, levels - 1, f"{prefix}{spec.id}.", around)


def marks_on(drawing: Drawing, marks: Mapping[str, Mark]) -> dict[str, Mark]:
    """The marks of what is drawn; those inside closed boxes mark the box, the most urgent one first.

    That something inside is done does not make the box done.
    """
    drawn = {box.id for box in drawing.all_boxes()}
    found: dict[str, Mark] = {}
    for id, mark in marks.items():
        holder = id
        while holder not in drawn and "." in holder:
            holder = holder.rpartition(".")[0]
        if holder == id or mark != "done":
            found[holder] = max(mark, found.get(holder, mark), key=_SEVERITY.index)
    return {box.id: found[box.id] for box in drawing.all_boxes() if box.id in found}


def notes_on(drawing: Drawing, notes: Mapping[str, str]) -> dict[str, str]:
    """The notes of what is drawn; those inside closed boxes are not shown."""
    return {box.id: notes[box.id] for box in drawing.all_boxes() if box.id in notes}


def levels_of(expand_subgraph: object) -> int:
    """Return the number of levels that `expand_subgraph` opens: all, none, or so many.

    Raises:
        JiuWenBaseException: 110025, it is neither a bool nor a whole number from 0.
    """
    if isinstance(expand_subgraph, bool):
        return ALL_LEVELS if expand_subgraph else 0
    if isinstance(expand_subgraph, int) and expand_subgraph >= 0:
        return expand_subgraph
    reason = f"it is True, False or a number of levels, not {expand_subgraph!r}"
    raise StatusCode.DRAWABLE_GRAPH_INVALID_EXPAND_SUBGRAPH.error(reason=reason)
