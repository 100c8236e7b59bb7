import asyncio

from shared import *
from openjiuwen.core.workflow import (
    BranchComponent,
    LoopBreakComponent,
    LoopComponent,
    LoopGroup,
    LoopSetVariableComponent,
    WorkflowComponent,
    create_workflow_session,
)


class Add(WorkflowComponent):
    async def invoke(self, inputs, session, context):
        return {"v": inputs["sum"] + inputs["item"]}


async def main():
    body = LoopGroup()
    body.add_workflow_comp("add", Add(), inputs_schema={"sum": "${loop.sum}", "item": "${loop.item}"})
    body.add_workflow_comp("keep", LoopSetVariableComponent({"${loop.sum}": "${add.v}"}))
    branch = BranchComponent()
    branch.add_branch("${add.v} > 10", ["stop"])
    branch.add_branch("${add.v} <= 10", ["go"])
    body.add_workflow_comp("branch", branch)
    body.add_workflow_comp("stop", LoopBreakComponent())
    body.add_workflow_comp("go", LoopSetVariableComponent({"${loop.last}": "${loop.index}"}))
    body.add_connection("add", "keep").add_connection("keep", "branch")
    body.start_nodes(["add"])
    body.end_nodes(["stop", "go"])
    loop = LoopComponent(body, {"each": "${add.v}", "sum": "${loop.sum}"})
    inputs = {"loop_type": "array", "loop_array": {"item": "${in.x}"}, "intermediate_var": {"sum": 0, "last": -1}}
    flow = flow_of(("loop", loop, inputs), end={"each": "${loop.each}", "sum": "${loop.sum}"})
    for numbers in ([1, 2], [5, 6, 7, 8]):
        show((await flow.invoke({"x": numbers}, create_workflow_session())).result)


asyncio.run(main())
