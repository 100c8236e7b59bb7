"""SubWorkflow: a workflow as a component of another.

Source: seed 003, `engine.md` 9.
"""

from __future__ import annotations

from typing import Any

from jiuwen_lg.component import ComponentExecutable, WorkflowComponent
from jiuwen_lg.engine.graph.definition import Definition, SubgraphSpec
from jiuwen_lg.errors import StatusCode
from jiuwen_lg.workflow import Workflow


class SubWorkflowComponent(SubgraphSpec, ComponentExecutable, WorkflowComponent):
    """Runs a workflow inside another: its inputs are the component's inputs, its End's output the output.

    What is inside sees nothing of the workflow around it but the global state. The ids of
    what is inside are `sub.k`; questions and failures there are resumed there. One workflow
    may stand in several places, and run in them at the same time.

    Args:
        sub_workflow: The workflow.

    Raises:
        JiuWenBaseException: 101140, it is no workflow. When it runs, 101141 if it lies
            deeper than the `workflow_max_nesting_depth` of the outermost workflow allows.
    """

    def __init__(self, sub_workflow: Workflow) -> None:
        if not isinstance(sub_workflow, Workflow):
            reason = f"it needs a Workflow, not {sub_workflow!r}"
            raise StatusCode.SUB_WORKFLOW_COMPONENT_INIT_ERROR.error(error_msg=reason)
        self.definition: Definition = sub_workflow.definition
        self.workflow_config: Any = sub_workflow.config()
