"""The state of a run as its caller sees it: `runtime.state()`, before and after the run.

Facts: openJiuwen 0.1.1, `agents.md` 7.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from jiuwen_lg.schema.path import MISSING
from jiuwen_lg.schema.reference import look_up
from jiuwen_lg.schema.values import deep_copy, patch_global, patch_private

if TYPE_CHECKING:
    from jiuwen_lg.runtime import TaskRuntime


class ReadableStateLike(ABC):
    """What can be read by `a.b`, `${a.b}`, or a dict or list of references."""

    @abstractmethod
    def get(self, key: Any) -> Any:
        """Return the value at a key, None if there is none."""

    def get_by_prefix(self, key: Any, nested_prefix: str) -> Any:
        """Return the value at a key below a path."""
        found = self.get(nested_prefix)
        return look_up(key, lambda name: found.get(name, MISSING)) if isinstance(found, Mapping) else None


Transformer: TypeAlias = Callable[[ReadableStateLike], Any]
"""What makes a component's inputs of the state."""


class RuntimeState(ReadableStateLike):
    """The global state of a run, and a state of the caller's own.

    What is set before the run is there for its components; after the run, its global state and its inputs
    can be read.

    Args:
        task: The conversation whose global state it is, if the run belongs to one.
    """

    def __init__(self, task: TaskRuntime | None) -> None:
        self._task = task
        self._given: dict[str, Any] = {}
        self._world: dict[str, Any] = {}
        self._inputs: Mapping[str, Any] = {}
        self._own: dict[str, Any] = {}
        self._queued_global: list[dict[str, Any]] = []
        self._queued_own: list[dict[str, Any]] = []

    def get_global(self, key: Any) -> Any:
        """Return the global state at a key, failing that an input of the run."""
        if key is None:
            return None
        world = self._task.world() if self._task is not None else self._world
        return deep_copy(look_up(key, lambda name: world.get(name, self._inputs.get(name, MISSING))))

    def update_global(self, data: dict[str, Any]) -> None:
        """Queue a change of the global state, for `commit` or the next run."""
        self._queued_global.append(deep_copy(data))

    def get(self, key: Any = None) -> Any:
        """Return the caller's own state at a key; None without a key."""
        return None if key is None else look_up(key, lambda name: self._own.get(name, MISSING))

    def update(self, data: dict[str, Any]) -> None:
        """Queue a change of the caller's own state."""
        self._queued_own.append(deep_copy(data))

    def commit(self) -> None:
        """Make the queued changes."""
        for patch in self._taken(self._queued_global):
            self._given = patch_global(self._given, patch)
            self.note(patch)
        for patch in self._taken(self._queued_own):
            self._own = patch_private(self._own, patch)

    def get_state(self) -> dict[str, Any]:
        """Return the parts by openJiuwen's names; components keep their outputs and states to themselves."""
        world = self._task.world() if self._task is not None else self._world
        parts = {"io_state": dict(self._inputs), "global_state": world, "comp_state": self._own, "workflow_state": {}}
        return dict(deep_copy(parts))

    # --- for the engine ---

    def begin(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Take a fresh run's inputs, and return the global state that it begins with."""
        self.commit()
        self._inputs = inputs
        if self._task is not None:
            self._task.update_global_state(inputs)
            return self._task.world()
        self._world, self._given = self._given, {}
        return self._world

    def resume(self, inputs: dict[str, Any], world: dict[str, Any]) -> list[dict[str, Any]]:
        """Take over the global state of a run that goes on, and return what is to be changed of it."""
        self._inputs = inputs
        if self._task is not None:
            self.commit()
            return self._task.changes_since(world)
        changes = [*([self._given] if self._given else []), *self._taken(self._queued_global)]
        self._world, self._given = world, {}
        for patch in changes:
            self.note(patch)
        return changes

    def note(self, patch: dict[str, Any]) -> None:
        """Take over what a component that has finished changed of the global state."""
        if self._task is not None:
            self._task.update_global_state(patch)
        else:
            self._world = patch_global(self._world, patch)

    @staticmethod
    def _taken(queued: list[dict[str, Any]]) -> list[dict[str, Any]]:
        taken, queued[:] = list(queued), []
        return taken
