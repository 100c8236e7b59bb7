"""The shape of a workflow, to tell whether a paused session still fits it.

Ids, edges, schemas and class names count; module names, reprs, callables and
configuration do not, since they differ between a script and an import of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jiuwen_lg.engine.graph.definition import ComponentSpec, Definition
from jiuwen_lg.engine.graph.router import Router


@dataclass(frozen=True, slots=True)
class Identity:
    """The identity of a workflow: its id and its shape.

    Attributes:
        workflow_id: The id that the user gave the workflow; empty if none.
        fingerprint: The digest of its shape.
    """

    workflow_id: str
    fingerprint: str
    shape: Mapping[str, Any]


def shape_of(definition: Definition, around: tuple[Definition, ...] = ()) -> dict[str, Any]:
    """The shape as plain data: `{"components": {id: {...}}, "edges": [...], ...}`.

    Args:
        definition: What was built.
        around: The definitions that it is inside of; one that contains itself is not opened again.
    """
    around = (*around, definition)
    return {
        "components": {spec.id: _component(spec, around) for spec in definition.components.values()},
        "edges": sorted([sorted(c.sources), c.target] for c in definition.joins()),
        **({"streams": streams} if (streams := _streams(definition)) else {}),
        "starts": definition.starts,
        "ends": definition.ends,
        **({"routers": sorted(definition.routers)} if definition.routers else {}),
        **({"branches": branches} if (branches := _branches(definition)) else {}),
    }


def fingerprint(shape: dict[str, Any]) -> str:
    """A digest that is equal for equal shapes, in every process."""
    return hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()


def _streams(definition: Definition) -> list[list[str]]:
    return sorted([source, c.target] for c in definition.connections if c.is_stream for source in c.sources)


def _branches(definition: Definition) -> dict[str, list[str]]:
    """The components to which the branches of each source lead."""
    known = {
        source: sorted({target for function in functions for target in Router(function).known_targets()})
        for source, functions in definition.routers.items()
    }
    return {source: targets for source, targets in known.items() if targets}


def _component(spec: ComponentSpec, around: tuple[Definition, ...]) -> dict[str, Any]:
    nested = spec.nested
    is_new = nested is not None and not any(nested.definition is definition for definition in around)
    definition = {"inside": shape_of(nested.definition, around)} if nested is not None and is_new else {}
    if nested is not None and (more := nested.shape()) is not None:
        definition["shape"] = _plain(more)
    frames = {"inputs": _plain(spec.stream_io.inputs_schema), "outputs": _plain(spec.stream_io.outputs_schema)}
    if spec.stream_io.outputs_transformer is not None:
        frames["transformer"] = True
    return {
        **definition,
        **({"frames": frames} if any(frames.values()) else {}),
        **({"abilities": [ability.ability_name for ability in spec.abilities]} if spec.abilities else {}),
        "class": type(spec.executable).__qualname__,
        "inputs": _plain(spec.io.inputs_schema),
        "outputs": _plain(spec.io.outputs_schema),
        "transformers": [spec.io.inputs_transformer is not None, spec.io.outputs_transformer is not None],
        "wait_for_all": spec.wait_for_all,
    }


def _plain(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {str(key): _plain(value) for key, value in schema.items()}
    if isinstance(schema, (list, tuple)):
        return [_plain(item) for item in schema]
    return schema if isinstance(schema, (str, int, float, bool, type(None))) else type(schema).__qualname__


def difference(old: dict[str, Any], new: dict[str, Any]) -> str:
    """Describe the changes from one shape to another: added, removed, renamed, changed."""
    before, after = old["components"], new["components"]
    removed = [i for i in before if i not in after]
    added = [i for i in after if i not in before]
    renamed = [(r, a) for r in removed for a in added if before[r] == after[a]]
    changed = [_change(i, before[i], after[i]) for i in before if i in after and before[i] != after[i]]
    notes = [
        *(f"renamed {r} to {a}" for r, a in renamed),
        *(f"removed {i}" for i in removed if i not in {r for r, _ in renamed}),
        *(f"added {i}" for i in added if i not in {a for _, a in renamed}),
        *changed,
    ]
    if not notes and old != new:
        notes = ["changed its connections"]
    return ", ".join(notes)


def _change(id: str, old: dict[str, Any], new: dict[str, Any]) -> str:
    """Describe the change of one component, or inside it."""
    if "inside" in old and "inside" in new and old["inside"] != new["inside"]:
        return f"inside {id}: {difference(old['inside'], new['inside'])}"
    return f"changed {id}"
