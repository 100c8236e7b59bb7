"""The graph's state as a component sees it: names resolve to outputs, inputs, global state and loop variables."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from jiuwen_lg.engine.graph.state import RAN, SET
from jiuwen_lg.engine.runtime.parent import ParentComponent
from jiuwen_lg.schema.path import MISSING, walk
from jiuwen_lg.schema.reference import Reader, Reference, look_up, reference_to
from jiuwen_lg.schema.values import deep_copy


class StateView:
    """The state as it was when an execution began.

    Args:
        state: The graph's state, by channel.
        local_id: The id by which the component's own graph knows it.
        parent: The component around the graph; None at the top.
    """

    def __init__(self, state: Mapping[str, Any], local_id: str, parent: ParentComponent | None) -> None:
        self.channels = state
        self._local_id = local_id
        self._parent = parent
        self._loop: ParentComponent | None = parent if parent is not None and parent.is_loop else None

    def read(self, name: str) -> Any:
        """Return what the first name of a `${…}` stands for: a component's output, else a workflow input."""
        outputs = self.channels["io"]
        if name in (values := outputs.get(SET, {})):
            return values[name]
        if name in outputs:
            return outputs[name]
        if self._loop is not None:
            return self._loop.read(name, self.channels["loop"])
        return self.channels["inputs"].get(name, MISSING)

    def read_input(self, name: str) -> Any:
        """Return an input of the component's workflow, else of those around it."""
        inputs = {} if self._loop is not None else self.channels["inputs"]  # in a body, the inputs are the loop's
        return inputs[name] if name in inputs else self.read_outer_input(name)

    def read_outer_input(self, name: str) -> Any:
        """Return an input of the workflows around the component's own."""
        return MISSING if self._parent is None else self._parent.inputs_around(name)

    @property
    def ran(self) -> AbstractSet[str] | None:
        """The components that have finished in this iteration of a loop; None elsewhere."""
        return self.channels["io"].get(RAN, {}).keys() if self._loop is not None else None

    @property
    def finished(self) -> Any:
        """The components that have finished: in this iteration of a loop, elsewhere in this run."""
        ran = self.ran
        return self.channels["io"] if ran is None else ran

    @property
    def frames(self) -> Mapping[str, Any]:
        """The recorded frames; empty where the graph has none."""
        found: Mapping[str, Any] = self.channels.get("frames", {})
        return found

    def get_global(self, key: Any, read: Reader | None = None) -> Any:
        """Return a copy of what lies at a key, or a schema resolved, for `get_global_state`."""
        read = read or self.read
        if key is None:
            return None
        if isinstance(key, str):
            return deep_copy(self.find(reference_to(key), read))
        return look_up(key, lambda name: self._read_global(name, read, self.read_outer_input))

    def find(self, reference: Reference, read: Reader) -> Any:
        """Global state first, then the outputs and inputs, the component's own output, the inputs of workflows around.

        The value is the state's own and must not be changed; None if there is nothing.
        """
        readers = (self._read_global, read, self._read_own_output, self.read_outer_input)
        found = (reference.find(reader) for reader in readers)
        return next((value for value in found if value is not None and value is not MISSING), None)

    def _read_global(self, name: str, *otherwise: Reader) -> Any:
        world = self.channels["world"]
        if name in world:
            return world[name]
        return next((value for read in otherwise if (value := read(name)) is not MISSING), MISSING)

    def _read_own_output(self, name: str) -> Any:
        return walk(self.channels["io"], (self._local_id, name))
