"""Loops and their bodies, and sub-workflows."""

from __future__ import annotations

from typing import Any, Self

from jiuwen_lg.compat.current.building import Building, RecoveringBuilder
from jiuwen_lg.compat.current.card import Schema
from jiuwen_lg.compat.current.codes import StatusCode
from jiuwen_lg.compat.current.errors import build_error
from jiuwen_lg.compat.current.translation import translating
from jiuwen_lg.compat.current.workflow import Workflow
from jiuwen_lg.components.loop import AdvancedLoopComponent as OurAdvancedLoop
from jiuwen_lg.components.loop import LoopComponent as OurLoop
from jiuwen_lg.components.loop import LoopGroup as OurGroup
from jiuwen_lg.components.loop import LoopInput as LoopInput  # noqa: PLC0414 - given on
from jiuwen_lg.components.loop import LoopType as LoopType  # noqa: PLC0414 - given on
from jiuwen_lg.components.subworkflow import SubWorkflowComponent as OurSubWorkflow
from jiuwen_lg.schema.values import merge

SUB_WORKFLOW_COMPONENT = "sub_workflow"


class _Body(OurGroup, RecoveringBuilder):
    """A body of ours whose components ask the handlers of failures."""


class LoopGroup(Building):
    """The body of a loop, built as a workflow is; `start_nodes` and `end_nodes` say where an iteration begins."""

    engine: OurGroup

    def __init__(self) -> None:
        super().__init__()
        self.engine = _Body()

    def add_workflow_comp(
        self,
        comp_id: str,
        workflow_comp: Any,
        *,
        wait_for_all: bool | None = None,
        inputs_schema: Schema = None,
        outputs_schema: Schema = None,
        stream_inputs_schema: Schema = None,
        stream_outputs_schema: Schema = None,
        comp_ability: list[Any] | None = None,
        name: str | None = None,
    ) -> Self:
        """Add a component; arguments as of `Workflow.add_workflow_comp`."""
        schemas = {
            "inputs_schema": inputs_schema,
            "outputs_schema": outputs_schema,
            "stream_inputs_schema": stream_inputs_schema,
            "stream_outputs_schema": stream_outputs_schema,
        }
        self._add_component(comp_id, workflow_comp, schemas, comp_ability, wait_for_all=wait_for_all, name=name)
        return self

    def start_nodes(self, nodes: list[str]) -> Self:
        """Set the components with which every iteration begins."""
        self.engine.start_nodes([nodes] if isinstance(nodes, str) else nodes)
        return self

    def end_nodes(self, nodes: list[str] | str) -> Self:
        """Set the components with which an iteration ends."""
        self.engine.end_nodes([nodes] if isinstance(nodes, str) else nodes)
        return self

    def start_comp(self, start_comp_id: str) -> Self:
        """Let every iteration begin with one component."""
        return self.start_nodes([start_comp_id])

    def end_comp(self, end_comp_id: str) -> Self:
        """Let every iteration end with one component."""
        return self.end_nodes([end_comp_id])

    def check_validate(self) -> None:
        """Check that it has components, a beginning and an end.

        Raises:
            ValidationError: 101030, one is missing.
        """
        missing = "components" if self.engine.is_empty else ""
        missing = missing or ("start_nodes" if not self.engine.definition.starts else "")
        missing = missing or ("end_nodes" if not self.engine.definition.ends else "")
        if missing:
            raise build_error(StatusCode.COMPONENT_LOOP_GROUP_PARAM_INVALID, reason=f"the LoopGroup has no {missing}")


class LoopComponent(OurLoop):
    """A loop over arrays, over a number, while an expression holds, or until a break.

    Args:
        loop_group: The body.
        output_schema: What is collected.
    """

    def __init__(self, loop_group: LoopGroup, output_schema: dict[str, Any] | None = None) -> None:
        body = _require_group(loop_group)
        body.check_validate()
        with translating():
            super().__init__(body.engine, output_schema)
        self.inside: LoopGroup = body


class AdvancedLoopComponent(OurAdvancedLoop):
    """A loop with any condition and callbacks of one's own; arguments as of `jiuwen_lg`'s."""

    def __init__(
        self,
        body: LoopGroup,
        condition: Any = None,
        break_nodes: Any = None,
        callbacks: list[Any] | None = None,
        new_graph: Any = None,
    ) -> None:
        group = _require_group(body)
        with translating():
            super().__init__(group.engine, condition, break_nodes, callbacks, new_graph)
        self.inside: LoopGroup = group


def _require_group(group: Any) -> LoopGroup:
    if not isinstance(group, LoopGroup):
        reason = f"it needs a LoopGroup with components, not {group!r}"
        raise build_error(StatusCode.COMPONENT_LOOP_GROUP_PARAM_INVALID, reason=reason)
    return group


class SubWorkflowComponent(OurSubWorkflow):
    """Runs a workflow inside another: its End's output is the output.

    Args:
        sub_workflow: The workflow.
        cache_stream: Whether a streaming End's frames, merged, are its batch output as well.
    """

    def __init__(self, sub_workflow: Workflow, *, cache_stream: bool = False) -> None:
        if not isinstance(sub_workflow, Workflow):
            reason = f"it needs a Workflow, not {sub_workflow!r}"
            raise build_error(StatusCode.COMPONENT_SUB_WORKFLOW_PARAM_INVALID, reason=reason)
        with translating():
            super().__init__(sub_workflow.engine)
        self.inside: Workflow = sub_workflow
        self.cache_stream: bool = cache_stream

    def merged_output(self, output: Any) -> Any:
        """The output of a streaming End as one value: its frames, merged."""
        frames = output.get("stream") if isinstance(output, dict) else None
        if not isinstance(frames, list):
            return output
        joined = joined_frames(frames)
        if isinstance(joined, dict) and "output" not in joined:
            return {**joined, "output": dict(joined)}
        return joined

    @property
    def sub_workflow(self) -> Workflow:
        """The workflow."""
        return self.inside


def joined_frames(frames: list[Any]) -> Any:
    """Frames merged into one value: dicts by key, texts and numbers with `+`."""
    joined: Any = None
    for frame in frames:
        joined = frame if joined is None else _plus(joined, frame)
    return joined


def _plus(one: Any, other: Any) -> Any:
    if isinstance(one, dict) and isinstance(other, dict):
        both = {key: _plus(one[key], other[key]) for key in one if key in other}
        return {**merge(one, other), **both}
    try:
        return one + other
    except TypeError:
        return other
