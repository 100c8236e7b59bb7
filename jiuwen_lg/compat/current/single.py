"""One component by itself, in a session."""

from __future__ import annotations

from typing import Any

from jiuwen_lg.compat.current.card import WorkflowCard
from jiuwen_lg.compat.current.output import WorkflowExecutionState
from jiuwen_lg.compat.current.workflow import Workflow


async def execute_single_component(
    component_id: str,
    session: Any,
    executor: Any,
    inputs: Any,
    *,
    inputs_schema: Any = None,
    outputs_schema: Any = None,
    context: Any = None,
) -> Any:
    """Run one component as if it stood in a workflow.

    Args:
        component_id: Its id.
        session: The session, from `create_workflow_session`.
        executor: The component.
        inputs: A dict, whose keys `inputs_schema` refers to; an `InteractiveInput` answers its question.
        inputs_schema: Where its inputs come from; without one it gets None.
        outputs_schema: What of its output is kept.
        context: Its third argument.

    Returns:
        The output; the frame of its question, if it asks.
    """
    flow = Workflow(card=WorkflowCard(id=f"single_component.{component_id}", name=component_id))
    flow.set_end_comp(component_id, executor, inputs_schema=inputs_schema, outputs_schema=outputs_schema)
    flow.engine.start_comp(component_id)
    output = await flow.invoke(inputs, session, context)
    if output.state is WorkflowExecutionState.INPUT_REQUIRED:
        questions = [frame for frame in output.result if frame.type == "__interaction__"]
        return questions[0] if len(questions) == 1 else questions
    return output.result
