"""The abilities of a component: as configured, else those that its connections ask for.

Facts: openJiuwen 0.1.1, `engine.md` 1.8; a branch and a start count as connections here
(its Q-22).
"""

from __future__ import annotations

from jiuwen_lg.config import ComponentAbility
from jiuwen_lg.engine.graph.definition import ComponentSpec, Definition
from jiuwen_lg.engine.graph.router import Router

TAKES_FRAMES = frozenset((ComponentAbility.COLLECT, ComponentAbility.TRANSFORM))
GIVES_FRAMES = frozenset((ComponentAbility.STREAM, ComponentAbility.TRANSFORM))


def abilities_of(definition: Definition, spec: ComponentSpec) -> tuple[ComponentAbility, ...]:
    """The abilities that a component runs, in order; `INVOKE` if nothing else follows."""
    if spec.abilities or spec.is_exit:
        return spec.abilities or (ComponentAbility.INVOKE,)
    return _inferred(definition, spec.id) or (ComponentAbility.INVOKE,)


def _inferred(definition: Definition, id: str) -> tuple[ComponentAbility, ...]:
    frames_in = any(c.is_stream for c in definition.into(id))
    frames_out = any(c.is_stream for c in definition.out_of(id))
    batch_in = _is_entered(definition, id) or not frames_in
    batch_out = _is_left(definition, id)
    needed = (
        (ComponentAbility.STREAM, batch_in and frames_out),
        (ComponentAbility.TRANSFORM, frames_in and frames_out),
        (ComponentAbility.COLLECT, frames_in and batch_out),
        (ComponentAbility.INVOKE, batch_in and batch_out),
    )
    return tuple(ability for ability, is_needed in needed if is_needed)


def _is_entered(definition: Definition, id: str) -> bool:
    """Whether a run comes to a component otherwise than with frames."""
    plain = any(not c.is_stream for c in definition.into(id))
    return plain or id in definition.starts or id in _chosen(definition)


def _is_left(definition: Definition, id: str) -> bool:
    """Whether what a component puts out at once is waited for."""
    plain = any(not c.is_stream for c in definition.out_of(id))
    return plain or id in definition.routers or id in definition.ends


def _chosen(definition: Definition) -> set[str]:
    """The components to which routers are known to lead."""
    functions = (function for functions in definition.routers.values() for function in functions)
    known = {target for function in functions for target in Router(function).known_targets()}
    return known.union(*definition.fallback_targets.values())


def streaming_end(definition: Definition) -> str | None:
    """The component whose frames are the result; None if the result is no stream."""
    spec = definition.components.get(definition.ends[-1]) if definition.ends else None
    if spec is None or not spec.is_exit or GIVES_FRAMES.isdisjoint(abilities_of(definition, spec)):
        return None
    return spec.id
