import asyncio

from shared import *
from openjiuwen.core.session import InteractiveInput
from openjiuwen.core.workflow import WorkflowCard, WorkflowComponent, create_workflow_session

KEYS = ("invokeId", "parentInvokeId", "status", "outputs", "interactiveInputs", "componentType", "workflowName")


class Ask(WorkflowComponent):
    async def invoke(self, inputs, session, context):
        return {"said": await session.interact("well?")}


async def main():
    flow = flow_of(("ask", Ask()), end={"said": "${ask.said}"}, card=WorkflowCard(id="asks", name="Asks"))
    for given in ({"x": 1}, InteractiveInput("fine")):
        async for frame in flow.stream(given, create_workflow_session(session_id="ti")):
            if frame.type == "tracer_workflow":
                show({key: frame.payload[key] for key in KEYS if key in frame.payload})
            else:
                show(frame)


asyncio.run(main())
