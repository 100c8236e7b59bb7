"""Executables that are graphs of their own: sub-workflows and loops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from jiuwen_lg.errors import StatusCode
from jiuwen_lg.schema.reference import Schema, parse_schema
from jiuwen_lg.schema.values import storable

if TYPE_CHECKING:
    from jiuwen_lg.engine.definition import Definition
    from jiuwen_lg.engine.rounds import RoundRuntime


class LoopCondition(Protocol):
    """Decides, before each round, whether it takes place."""

    async def evaluate(self, runtime: RoundRuntime) -> tuple[Any, Mapping[str, Any]]:
        """Whether it does, and values that become variables of the loop."""


class RoundCallback(Protocol):
    """Hears of a loop's rounds; what it gives becomes variables of the loop, and at the end its output."""

    def first_in_loop(self, runtime: RoundRuntime) -> Any:
        """Before the first condition is looked at."""

    def start_round(self, runtime: RoundRuntime) -> Any:
        """A round begins."""

    def end_round(self, runtime: RoundRuntime, loop_times: int) -> Any:
        """A round has ended, the `loop_times`-th."""

    def out_loop(self, runtime: RoundRuntime) -> Any:
        """The loop has ended."""


class Rounds(Protocol):
    """What makes a graph a loop: when its next round begins, and who hears of it."""

    def condition(self, inputs: Mapping[str, Any]) -> LoopCondition:
        """What decides on the next round, given the loop's inputs."""

    def callbacks(self, inputs: Mapping[str, Any]) -> Sequence[RoundCallback]:
        """Who hears of the rounds, given the loop's inputs."""


class Nested:
    """An executable whose execution is a run of another definition.

    Attributes:
        inside: The definition.
        workflow_config: Its workflow's configuration; None if it belongs to the enclosing one.
        rounds: For a loop, what goes on between its rounds.
    """

    inside: Definition
    workflow_config: Any = None
    rounds: Rounds | None = None

    def parse_inputs(self, schema: Any) -> Schema | None:
        """The parsed inputs schema."""
        return None if schema is None else parse_schema(schema)

    def begin(self, inputs: Any, envs: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs of the run inside, checked.

        Raises:
            JiuWenBaseException: They cannot be used.
        """
        if inputs is not None and not isinstance(inputs, dict):
            raise StatusCode.WORKFLOW_EXECUTE_INNER_ERROR.error(error=f"a workflow takes a dict, not {inputs!r}")
        return {key: value for key, value in storable(inputs or {}).items() if value is not None}

    def require_place(self, id: str) -> None:
        """Check that what is inside may stand there, in the component of this id.

        Raises:
            JiuWenBaseException: It may not.
        """
