"""Reachability: which components can follow which in a definition, routers included."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping

from jiuwen_lg.engine.graph.definition import Definition
from jiuwen_lg.engine.graph.router import Router


def steps_of(definition: Definition) -> dict[str, set[str]]:
    """The components that may run right after each component; a function router may lead anywhere."""
    steps: dict[str, set[str]] = {id: set() for id in definition.components}
    for connection in definition.connections:
        for source in connection.sources:
            steps.setdefault(source, set()).add(connection.target)
    for source, functions in definition.routers.items():
        for function in functions:
            steps.setdefault(source, set()).update(Router(function).known_targets() or definition.components)
    for source, targets in definition.fallback_targets.items():
        steps[source].update(targets)
    return steps


def followers(definition: Definition) -> dict[str, set[str]]:
    """The components that may run some time after each component."""
    steps = steps_of(definition)
    return {id: _reached(steps, id) for id in definition.components}


def after(definition: Definition, ids: Iterable[str]) -> frozenset[str]:
    """Components, and those that may run some time after them."""
    steps = steps_of(definition)
    wanted = [id for id in ids if id in steps]
    return frozenset(wanted).union(*(_reached(steps, id) for id in wanted))


def _reached(steps: dict[str, set[str]], start: str) -> set[str]:
    reached: set[str] = set()
    ahead = [*steps[start]]
    while ahead:
        if (id := ahead.pop()) not in reached:
            reached.add(id)
            ahead += steps.get(id, ())
    return reached


def repeating(definition: Definition) -> frozenset[str]:
    """The components that may run again after themselves."""
    return frozenset(id for id, reached in followers(definition).items() if id in reached)


def deferred(definition: Definition) -> dict[str, tuple[str, ...]]:
    """The components that run when nothing before them is left to run, with those that lead to each."""
    return {
        id: tuple(definition.predecessors_of(id)) for id in definition.components if definition.waits_until_the_end(id)
    }


def deferred_before(definition: Definition, id: str) -> dict[str, tuple[str, ...]]:
    """Of those, the ones that a late component has to let go first: it may run after them."""
    after, components = followers(definition), [*definition.components]

    def goes_first(other: str) -> bool:
        either_way = other in after[id]
        return id in after[other] and not (either_way and components.index(other) > components.index(id))

    return {other: sources for other, sources in deferred(definition).items() if other != id and goes_first(other)}


def deferred_pending(deferred_ids: Mapping[str, tuple[str, ...]], ran: Container[str]) -> bool:
    """Whether one of them is about to run: something that leads to it has run, and it has not."""
    return any(id not in ran and any(source in ran for source in sources) for id, sources in deferred_ids.items())
