"""The state of a run: LangGraph channels and their reducers.

`DeltaChannel` keeps what a step wrote instead of the whole state after it, so a
checkpoint file grows with the outputs, not with steps times outputs. It is beta in
LangGraph 1.2, hence made in one place (`_delta`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeAlias

from langgraph.channels.delta import DeltaChannel
from langgraph.types import Overwrite
from pydantic import WithJsonSchema
from typing_extensions import TypedDict  # typing's own cannot make JSON schemas before Python 3.12

from jiuwen_lg.engine.pregel.triggers import RESET
from jiuwen_lg.schema.path import Path
from jiuwen_lg.schema.values import assign, patch_global, patch_private
from jiuwen_lg.tools.tool_info import Parameters

_logger = logging.getLogger(__name__)

_SNAPSHOT_EVERY = 200
"""Updates between full copies: bounds what a resume reads, and how much is written twice."""


def _latest(_: dict[str, Any], writes: Sequence[dict[str, Any] | None]) -> dict[str, Any]:
    return writes[-1] or {}


def _keep_outputs(outputs: dict[str, Any], writes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The outputs after a step: what a component gives replaces what it gave before, whole."""
    kept = dict(outputs)
    for write in writes:
        for component, output in write.items():
            _keep_output(kept, component, output)
    return kept


def _keep_output(kept: dict[str, Any], component: str, output: Any) -> None:
    if component == SET:
        kept[SET] = with_values(kept.get(SET, {}), output)
        return
    if component in kept.get(SET, ()):  # what a component gives counts again once it has run again
        kept[SET] = {name: value for name, value in kept[SET].items() if name != component}
    kept[component] = output


def with_values(values: dict[str, Any], patches: Sequence[Any]) -> dict[str, Any]:
    """Values by name after assignments `[name, path, value, base]`; the base counts where nothing was set yet."""
    for name, path, value, base in patches:
        values = {**values, name: _replaced(values.get(name, base), tuple(path), value) if path else value}
    return values


SET = "__set__"
"""Among the outputs: values by name that were set instead of given by the component of that name."""

RAN = "__ran__"
"""In the outputs of a loop's body: the components that have finished in this round."""

ROUND = "__round__"
"""As a component's output: a new round begins. Also the node that decides on rounds."""


def _keep_body_outputs(outputs: dict[str, Any], writes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    kept, ran = dict(outputs), dict(outputs.get(RAN, {}))
    for write in writes:
        for component, output in write.items():
            if component == ROUND:
                ran = {}
                continue
            if component != SET:
                ran[component] = True
            _keep_output(kept, component, output)
    kept[RAN] = ran
    return kept


def _keep_private(states: dict[str, Any], writes: Sequence[dict[str, list[Any]]]) -> dict[str, Any]:
    kept = dict(states)
    for write in writes:
        for component, patches in write.items():
            kept[component] = _patched(kept.get(component, {}), patches, patch_private)
    return kept


def _keep_global(state: dict[str, Any], writes: Sequence[list[dict[str, Any]]]) -> dict[str, Any]:
    for patches in writes:
        state = _patched(state, patches, patch_global)
    return state


def _append(patches: list[Any], writes: Sequence[list[Any]]) -> list[Any]:
    return [*patches, *(patch for write in writes for patch in write)]


def _keep_loop(loop: dict[str, Any], writes: Sequence[list[dict[str, Any]]]) -> dict[str, Any]:
    for patches in writes:
        loop = patched_loop(loop, patches)
    return loop


def patched_loop(loop: dict[str, Any], patches: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A loop's state after changes of it.

    The state is `{"index": finished rounds, "since": superstep of the round's beginning,
    "waits": whether the loop's own node ends it, "broken": bool, "vars": {...}}`.
    A patch is a part of it; its `vars` is a list of `[path, value]`, each of which replaces
    what is at that path.
    """
    for patch in patches:
        values = loop.get("vars", {})
        for path, value in patch.get("vars", ()):
            values = _replaced(values, tuple(path), value)
        loop = {**loop, **patch, "vars": values}
    return loop


def _replaced(values: Any, path: Path, value: Any) -> Any:
    try:
        return assign(values, path, value, lambda _, new: new)
    except ValueError as error:
        _logger.warning("a variable was not set: %s", error)
        return values


def _collect(collected: dict[str, list[Any]], writes: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    kept = dict(collected)
    for write in writes:
        for key, entry in write.items():
            kept[key] = [*kept.get(key, ()), entry]
    return kept


def _keep_frames(frames: dict[str, Any], writes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    kept = dict(frames)
    for write in writes:
        for key, value in write.items():
            if key.startswith(TAKEN):
                kept[key] = {**kept.get(key, {}), **value}
            else:
                kept[key] = {"number": kept.get(key, {}).get("number", 0) + 1, "items": value}
    return kept


TAKEN = "@"
"""Before a component's id among the frames: which executions of its producers it has dealt with."""


def _patched(state: dict[str, Any], patches: list[Any], apply: Callable[[Any, Any], dict[str, Any]]) -> dict[str, Any]:
    """Apply patches that fitted the state which their component saw.

    A sibling may have shortened a list since; a position that is gone is left out, since a
    reducer that raised would make the whole thread unreadable.
    """
    for patch in patches:
        try:
            state = apply(state, patch)
        except ValueError as error:
            _logger.warning("a state update was left out: %s", error)
    return state


def _keep_result(result: Any, writes: Sequence[Any]) -> Any:
    return writes[-1] if writes else result


_SHIELD = "__jlg_shield__"


def shielded(write: Any) -> Any:
    """Return a write that LangGraph leaves as it is; the reducers take the shield off.

    LangGraph gives an id to whatever dict looks like a message, and makes a message of one in a list. Both change
    users' data, for example the inputs `{"role": "user"}`. It does not look deeper than one level.
    """
    looks_so = any(map(_looks_like_a_message, write)) if isinstance(write, list) else _looks_like_a_message(write)
    return {_SHIELD: write} if looks_so else write


def _looks_like_a_message(value: Any) -> bool:
    return isinstance(value, dict) and ("role" in value or "type" in value)


def _unshielded(write: Any) -> Any:
    return write[_SHIELD] if isinstance(write, dict) and write.keys() == {_SHIELD} else write


def _delta(reducer: Any) -> Any:
    def reduce(state: Any, writes: Sequence[Any]) -> Any:
        return reducer(state, [_unshielded(write) for write in writes])

    return DeltaChannel(reduce, snapshot_frequency=_SNAPSHOT_EVERY)


class State(TypedDict):
    """Everything a run knows.

    `inputs` are the workflow's inputs, `io` the outputs by component id (an id is there
    once its component has finished), `own` the private states by executable id, `world`
    the global state, `result` the last End's output.
    """

    inputs: Annotated[dict[str, Any], _delta(_latest)]
    io: Annotated[dict[str, Any], _delta(_keep_outputs)]
    own: Annotated[dict[str, Any], _delta(_keep_private)]
    world: Annotated[dict[str, Any], _delta(_keep_global)]
    result: Annotated[None, _delta(_keep_result)]  # a DeltaChannel starts as `type()`, here None


class InnerState(State):
    """The state of a run inside a component: also its changes of the global state, for the run outside."""

    told: Annotated[list[Any], _delta(_append)]


class LoopState(InnerState):
    """The state of a loop's body: also the loop's own, and what its iterations gave."""

    io: Annotated[dict[str, Any], _delta(_keep_body_outputs)]
    loop: Annotated[dict[str, Any], _delta(_keep_loop)]
    collected: Annotated[dict[str, list[Any]], _delta(_collect)]


Frames: TypeAlias = Annotated[dict[str, Any], _delta(_keep_frames)]
"""The frames of each component's last execution: `{id: {"number": execution, "items": [...]}}`."""


def with_frames(state: Any, reads: Any) -> tuple[Any, Any]:
    """The types of a graph's state and of what its nodes read, for a graph in which frames flow."""
    return (
        type(f"Stream{state.__name__}", (state,), {"__annotations__": {"frames": Frames}}),
        type(f"Stream{reads.__name__}", (reads,), {"__annotations__": {"frames": dict[str, Any]}}),
    )


class NodeState(TypedDict):
    """The channels that a component's node reads."""

    inputs: dict[str, Any]
    io: dict[str, Any]
    own: dict[str, Any]
    world: dict[str, Any]


class BodyNodeState(NodeState):
    """The channels that the node of a component in a loop's body reads."""

    loop: dict[str, Any]


class RoundNodeState(BodyNodeState):
    """The channels that a node reads that decides on the next iteration."""

    collected: dict[str, list[Any]]


class GraphInput(TypedDict):
    """The input of a compiled workflow: the workflow's own keys stay inside `inputs`."""

    inputs: dict[str, Any]


class GraphOutput(TypedDict):
    """The output of a compiled workflow: the End component's output, None without one."""

    result: Any


WORLD = "__jlg_world__"
"""Key of a graph's input under which a run is given a global state to begin with."""

NEW = "__jlg_new__"
"""Key of a graph's input that says that its thread is new, so that there is nothing to empty."""

OWN = "__jlg_own__"
"""Key of a graph's input under which a run inside another gets the private states to begin with."""


def fresh_start(given: dict[str, Any], joins: Sequence[str], *, has_frames: bool) -> list[tuple[str, Any]]:
    """The writes, by channel, that make a thread's next run start clean."""
    if given.get(NEW):
        return [("world", Overwrite(given[WORLD]))] if given.get(WORLD) else []
    return [
        ("io", Overwrite({})),
        ("own", Overwrite(given.get(OWN) or {})),
        ("world", Overwrite(given.get(WORLD) or {})),
        ("result", Overwrite(None)),
        *([("frames", Overwrite({}))] if has_frames else []),
        *((join, RESET) for join in joins),
    ]


def input_type(parameters: Parameters) -> Any:
    """The graph's input type, with the JSON schema of the workflow's own inputs."""
    schema = parameters.json_schema
    if schema is None:
        return GraphInput
    declared = Annotated[dict[str, Any], WithJsonSchema(schema)]
    return type("GraphInput", (GraphInput,), {"__annotations__": {"inputs": declared}})


def declared_inputs(input_schema: Any) -> dict[str, Any] | None:
    """Return the JSON schema of a workflow's inputs from its graph's input type; None if it declares none."""
    declared = getattr(input_schema, "__annotations__", {}).get("inputs")
    found = [part for part in getattr(declared, "__metadata__", ()) if isinstance(part, WithJsonSchema)]
    return found[0].json_schema if found else None
