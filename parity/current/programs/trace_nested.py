import asyncio

from shared import *
from openjiuwen.core.session.stream import BaseStreamMode
from openjiuwen.core.workflow import (
    LoopComponent,
    LoopGroup,
    SubWorkflowComponent,
    WorkflowCard,
    WorkflowComponent,
    create_workflow_session,
)

KEYS = ("invokeId", "status", "parentNodeId", "loopNodeId", "loopIndex", "componentId", "componentType", "inputs")


class Square(WorkflowComponent):
    async def invoke(self, inputs, session, context):
        return {"v": inputs["i"] ** 2}


async def main():
    body = LoopGroup()
    body.add_workflow_comp("square", Square(), inputs_schema={"i": "${loop.item}"})
    body.start_nodes(["square"])
    body.end_nodes("square")
    inner = flow_of(("square", Square(), {"i": "${in.x}"}), end={"v": "${square.v}"}, card=WorkflowCard(id="inner"))
    flow = flow_of(
        ("sub", SubWorkflowComponent(inner), {"x": "${in.x}"}),
        ("loop", LoopComponent(body, {"all": "${square.v}"}), {"loop_type": "array", "loop_array": {"item": [3, 4]}}),
        end={"all": "${loop.all}", "v": "${sub.output.v}"},
        card=WorkflowCard(id="outer"),
    )
    async for frame in flow.stream({"x": 2}, create_workflow_session(), stream_modes=[BaseStreamMode.TRACE]):
        if frame.type == "tracer_workflow":
            show({key: frame.payload[key] for key in KEYS if key in frame.payload})


asyncio.run(main())
