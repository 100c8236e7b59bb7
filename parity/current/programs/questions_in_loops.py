import asyncio

from shared import *
from openjiuwen.core.session import InteractiveInput
from openjiuwen.core.workflow import LoopComponent, LoopGroup, WorkflowComponent, create_workflow_session


class Ask(WorkflowComponent):
    async def invoke(self, inputs, session, context):
        return {"said": await session.interact({"item": inputs["item"], "index": inputs["index"]})}


async def main():
    body = LoopGroup()
    body.add_workflow_comp("ask", Ask(), inputs_schema={"item": "${loop.item}", "index": "${loop.index}"})
    body.start_nodes(["ask"])
    body.end_nodes(["ask"])
    loop = LoopComponent(body, {"all": "${ask.said}"})
    flow = flow_of(
        ("loop", loop, {"loop_type": "array", "loop_array": {"item": "${in.x}"}}), end={"all": "${loop.all}"}
    )
    given = {"x": ["p", "q"]}
    for number in range(3):
        out = await flow.invoke(given, create_workflow_session(session_id="loops"))
        show(out)
        given = InteractiveInput()
        if number < 2:
            given.update(out.result[0].payload.id, f"answer {number}")


asyncio.run(main())
