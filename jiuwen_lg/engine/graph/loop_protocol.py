"""The protocol of a loop: a condition that decides on its iterations, and callbacks that are notified of them.

The engine calls them with a `IterationRuntime`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class LoopCondition(Protocol):
    """Decides, before each round, whether it takes place."""

    async def evaluate(self, runtime: Any) -> tuple[Any, Mapping[str, Any]]:
        """Whether it does, and values that become variables of the loop."""


class RoundCallback(Protocol):
    """Hears of a loop's rounds; what it gives becomes variables of the loop, and at the end its output."""

    def first_in_loop(self, runtime: Any) -> Any:
        """Before the first condition is looked at."""

    def start_round(self, runtime: Any) -> Any:
        """A round begins."""

    def end_round(self, runtime: Any, loop_times: int) -> Any:
        """A round has ended, the `loop_times`-th."""

    def out_loop(self, runtime: Any) -> Any:
        """The loop has ended."""


class LoopProtocol(Protocol):
    """The protocol of a loop: when its next iteration begins, and which callbacks are notified."""

    def condition(self, inputs: Mapping[str, Any]) -> LoopCondition:
        """Return the condition of the next iteration, given the loop's inputs."""

    def callbacks(self, inputs: Mapping[str, Any]) -> Sequence[RoundCallback]:
        """Return the callbacks of the iterations, given the loop's inputs."""


class SetsVariables:
    """A component that sets variables of the loop around it, or values of its workflow."""

    def names_in(self, loop_id: str | None) -> list[str]:
        """Return the names that it sets besides the variables of the loop of this id; None outside any loop.

        Raises:
            JiuWenBaseException: It sets something that cannot be set there.
        """
        raise NotImplementedError
