from shared import *
import os
from typing import Literal

os.environ["WORKFLOW_DRAWABLE"] = "true"
from openjiuwen.core.workflow import (
    BranchComponent,
    End,
    LoopComponent,
    LoopGroup,
    Start,
    SubWorkflowComponent,
    Workflow,
    WorkflowComponent,
)


class Work(WorkflowComponent):
    async def invoke(self, inputs, session, context):
        return {}


def choose() -> Literal["a", "b"]:
    return "a"


body = LoopGroup()
body.add_workflow_comp("only", Work())
body.start_nodes(["only"])
body.end_nodes(["only"])
flow = Workflow()
flow.set_start_comp("in", Start())
flow.add_conditional_connection("in", choose)
flow.add_workflow_comp("a", Work())
flow.add_workflow_comp("b", LoopComponent(body, {}))
branch = BranchComponent()
branch.add_branch("${in.x} == 'q'", ["c", "out"], "named")
branch.add_branch(lambda: True, "out")
flow.add_workflow_comp("br", branch)
flow.add_workflow_comp("c", SubWorkflowComponent(flow_of(("inner", Work()))))
flow.set_end_comp("out", End())
flow.add_connection("a", "br").add_connection("b", "br").add_stream_connection("c", "out")
show(flow.draw())
show(flow.draw(title="A picture", expand_subgraph=True))
show(flow.draw(title="It moves", enable_animation=True))
for wrong in ({"title": 5}, {"expand_subgraph": -1}, {"enable_animation": "yes"}):
    try:
        flow.draw(**wrong)
    except Exception as error:
        show(type(error).__name__, error.code)
os.environ["WORKFLOW_DRAWABLE"] = ""
show(repr(Workflow().draw()))
