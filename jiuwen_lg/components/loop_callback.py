"""Callbacks of a loop: what happens around its rounds.

Source: `engine.md` 8.4 and 8.8.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jiuwen_lg.engine.execution.loop_iteration import IterationRuntime
from jiuwen_lg.schema.path import parse_key
from jiuwen_lg.schema.reference import Fields, Reference, Schema, parse_schema, references
from jiuwen_lg.schema.values import assign, merge


class LoopCallback:
    """Hears of the rounds of an `AdvancedLoopComponent`; override what you need, async or not.

    A dict that is given back becomes variables of the loop, which the body reads as
    `${loop.name}`; from `out_loop` it becomes the loop's output.
    """

    def first_in_loop(self, runtime: IterationRuntime) -> Any:
        """Before the condition is looked at for the first time."""

    def start_round(self, runtime: IterationRuntime) -> Any:
        """A round begins."""

    def end_round(self, runtime: IterationRuntime, loop_times: int) -> Any:
        """A round has ended, the `loop_times`-th."""

    def out_loop(self, runtime: IterationRuntime) -> Any:
        """The loop has ended."""

    def shape(self) -> Any:
        """Return the part that a paused session depends on, as plain data."""
        return type(self).__qualname__


class IntermediateLoopVarCallback(LoopCallback):
    """Sets variables before the first round.

    Args:
        intermediate_loop_var: Values and `${references}` by name.
        intermediate_loop_var_root: A path to put in front of the names.
    """

    def __init__(self, intermediate_loop_var: dict[str, Any], intermediate_loop_var_root: str = "") -> None:
        self._variables = parse_schema(intermediate_loop_var)
        self._root = intermediate_loop_var_root

    def first_in_loop(self, runtime: IterationRuntime) -> Any:
        """The variables with their first values."""
        return _below(self._root, runtime.resolve(self._variables))


class OutputCallback(LoopCallback):
    """Collects what the rounds give.

    At the end, a reference into the loop itself (`"${loop.total}"`) gives its last value;
    everything else a list with one entry a round, None where a component was skipped.

    Args:
        outputs_format: References and values by name, nested as they shall be.
        round_result_root: Accepted for openJiuwen's sake; what is collected is kept apart.
        result_root: A path to put the result under.
    """

    def __init__(
        self, outputs_format: dict[str, Any], round_result_root: str | None = None, result_root: str | None = None
    ) -> None:
        schema = parse_schema(outputs_format)
        self._written = outputs_format
        self._format = schema if isinstance(schema, Fields) else None
        self._leaves: dict[str, Schema] = {} if self._format is None else _leaves(self._format)
        self._root = result_root or ""

    def shape(self) -> Any:
        """The shape of what it collects."""
        return self._written if self._format is not None else None

    def end_round(self, runtime: IterationRuntime, loop_times: int) -> None:
        """Keep this round's values."""
        entry = {place: runtime.resolve_round(leaf) for place, leaf in self._leaves.items() if _changes(leaf, runtime)}
        if entry:
            runtime.collect(entry)

    def out_loop(self, runtime: IterationRuntime) -> Any:
        """The lists, and the last values."""
        if self._format is None:
            return None
        collected = runtime.collected()

        def value_of(place: str, leaf: Schema) -> Any:
            if _is_of_loop(leaf, runtime):
                return runtime.resolve(leaf)
            if _changes(leaf, runtime):
                return [entry.get(place) for entry in collected]
            return [runtime.resolve(leaf) for _ in range(runtime.index)]

        return _below(self._root, _shaped(self._format, value_of))


def _leaves(schema: Fields, place: str = "") -> dict[str, Schema]:
    """Return the leaves of nested dicts, by their place among the keys: `/a/b`."""
    leaves: dict[str, Schema] = {}
    for key, item in schema.items:
        below = f"{place}/{key}"
        leaves |= _leaves(item, below) if isinstance(item, Fields) else {below: item}
    return leaves


def _shaped(schema: Fields, value_of: Callable[[str, Schema], Any], place: str = "") -> dict[Any, Any]:
    shaped: dict[Any, Any] = {}
    for key, item in schema.items:
        below = f"{place}/{key}"
        shaped[key] = _shaped(item, value_of, below) if isinstance(item, Fields) else value_of(below, item)
    return shaped


def _is_of_loop(leaf: Schema, runtime: IterationRuntime) -> bool:
    return isinstance(leaf, Reference) and leaf.name == runtime.parent.local_id


def _changes(leaf: Schema, runtime: IterationRuntime) -> bool:
    """Whether a leaf has to be looked at in every round: it refers to the body, or has the loop inside."""
    host = runtime.parent
    names = {reference.name for reference in references(leaf)}
    return not _is_of_loop(leaf, runtime) and not names.isdisjoint({host.local_id, *host.ids, *host.sets})


def _below(root: str, values: Mapping[str, Any]) -> dict[str, Any]:
    below: dict[str, Any] = assign({}, parse_key(root), dict(values), merge) if root else dict(values)
    return below
