"""Loop bodies and workflows around them that several tests use."""

from __future__ import annotations

import itertools
from typing import Any

from jiuwen_lg import End, LoopComponent, LoopGroup, OutputCallback, Start, Workflow
from tests.flows import workflow


def body(*components: tuple[str, Any], **schemas: dict[str, Any]) -> LoopGroup:
    """The components one after the other; each gets its schema, else `{"i": ${l.index}}`."""
    group = LoopGroup()
    for name, component in components:
        group.add_workflow_comp(name, component, inputs_schema=schemas.get(name, {"i": "${l.index}"}))
    for (source, _), (target, _) in itertools.pairwise(components):
        group.add_connection(source, target)
    return group.start_nodes([components[0][0]]).end_nodes([components[-1][0]])


def around(loop: Any, inputs: dict[str, Any] | None, *, id: str | None = None, name: str = "l") -> Workflow:
    """start → the loop → end, which shows what the loop collected."""
    flow = workflow(id)
    flow.set_start_comp("s", Start(), inputs_schema={"q": "${q}"})
    flow.add_workflow_comp(name, loop, inputs_schema=inputs)
    flow.set_end_comp("e", End(), inputs_schema={"l": {key: f"${{{name}.{key}}}" for key in collected_by(loop)}})
    return flow.add_connection("s", name).add_connection(name, "e")


def collected_by(loop: Any) -> list[str]:
    """The names under which a loop collects."""
    collecting = [callback for callback in loop.callbacks({}) if isinstance(callback, OutputCallback)]
    return [key for callback in collecting for key in callback.shape() or ()]


def number(rounds: Any, **more: Any) -> dict[str, Any]:
    """The inputs of a loop over a number."""
    return {"loop_type": "number", "loop_number": rounds, **more}


def counted(group: LoopGroup, output: dict[str, Any], rounds: Any, *, id: str | None = None, **more: Any) -> Workflow:
    """start → a loop of so many rounds → end."""
    return around(LoopComponent(group, output), number(rounds, **more), id=id)
