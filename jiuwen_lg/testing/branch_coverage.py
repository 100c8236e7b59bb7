"""Which ways on a suite has taken: targets of branches and routers, and fallbacks.

With pytest: `--jiuwen-coverage`. Counted is every run of every workflow in the process, whatever started it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from jiuwen_lg.engine.graph.definition import Definition
from jiuwen_lg.engine.graph.router import Router
from jiuwen_lg.engine.journal.observers import Observed, everywhere
from jiuwen_lg.schema.path import MISSING

FALLBACK = "its fallback"
"""What stands for a fallback that leads nowhere else."""

_SEPARATOR = "\t"


@dataclass(slots=True)
class BranchCoverage:
    """What was taken of what could be.

    Attributes:
        counts: How often each way was taken, by workflow, component and target.
    """

    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    _seen: set[tuple[int, int]] = field(default_factory=set)

    def begin(self) -> None:
        """Count from now on."""
        everywhere.append(self.take)

    def end(self) -> None:
        """Count no more."""
        everywhere.remove(self.take)

    def take(self, observed: Observed) -> None:
        """An execution has ended."""
        workflow, entry = observed.workflow_id or _name_of(observed.definition), observed.entry
        state = (id(observed.definition), observed.definition.version())
        if state not in self._seen:
            self._seen.add(state)
            for component, target in _ways_of(observed.definition):
                self.counts[workflow, component, target] += 0
        if entry.status != "finished":
            return
        for target in entry.targets:
            self.counts[workflow, entry.id, target] += 1
        if entry.is_fallback and not entry.targets:
            self.counts[workflow, entry.id, FALLBACK] += 1

    def as_data(self) -> dict[str, int]:
        """The counts as plain data, to be added to another process's."""
        return {_SEPARATOR.join(way): count for way, count in self.counts.items()}

    def add(self, data: Mapping[str, int]) -> None:
        """Add what another process has counted."""
        for way, count in data.items():
            workflow, component, target = way.split(_SEPARATOR)
            self.counts[workflow, component, target] += count

    @property
    def missed(self) -> list[tuple[str, str, str]]:
        """The ways that were never taken: workflow, component, target."""
        return sorted(way for way, count in self.counts.items() if not count)

    def report(self) -> list[str]:
        """The result in lines: what was never taken, and a summary."""
        taken = len(self.counts) - len(self.missed)
        lines = [f"{workflow}: {component} -> {target} was never taken" for workflow, component, target in self.missed]
        return [*lines, f"{taken} of {len(self.counts)} branch targets and fallbacks were taken"]


def _ways_of(
    definition: Definition, prefix: str = "", around: tuple[Definition, ...] = ()
) -> Iterator[tuple[str, str]]:
    """The ways that are known before anything runs: component and target, by executable id."""
    for id, functions in definition.routers.items():
        for target in {target for function in functions for target in Router(function).known_targets()}:
            if target in definition.components:
                yield f"{prefix}{id}", f"{prefix}{target}"
    for id, spec in definition.components.items():
        for target in spec.policies.targets:
            yield f"{prefix}{id}", f"{prefix}{target}"
        if spec.policies.fallback is not MISSING and not spec.policies.targets:
            yield f"{prefix}{id}", FALLBACK
        nested: Any = spec.nested
        if nested is not None and not any(nested.definition is one for one in (*around, definition)):
            yield from _ways_of(nested.definition, f"{prefix}{id}.", (*around, definition))


def _name_of(definition: Definition) -> str:
    """A workflow without an id, by its first components."""
    ids = [*definition.components]
    return f"({', '.join(ids[:4])}{', …' if len(ids) > 4 else ''})"
