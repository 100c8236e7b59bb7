import asyncio

from shared import *
from openjiuwen.core.session import InteractiveInput
from openjiuwen.core.workflow import End, Start, Workflow, WorkflowComponent, create_workflow_session


class Ask(WorkflowComponent):
    def __init__(self, question):
        super().__init__()
        self.question = question

    async def invoke(self, inputs, session, context):
        return {"said": await session.interact(self.question)}


async def main():
    flow = Workflow()
    flow.set_start_comp("in", Start(), inputs_schema={"x": "${x}"})
    flow.add_workflow_comp("one", Ask("first?"))
    flow.add_workflow_comp("two", Ask("second?"))
    flow.set_end_comp("out", End(), inputs_schema={"one": "${one.said}", "two": "${two.said}"})
    flow.add_connection("in", "one").add_connection("in", "two").add_connection(["one", "two"], "out")
    out = await flow.invoke({"x": 1}, create_workflow_session(session_id="both"))
    show(sorted((frame.index, frame.payload.id, frame.payload.value) for frame in out.result), out.state)
    answer = InteractiveInput()
    answer.update("two", 2)
    out = await flow.invoke(answer, create_workflow_session(session_id="both"))
    show(out)
    show(await flow.invoke(InteractiveInput([1]), create_workflow_session(session_id="both")))


asyncio.run(main())
