import asyncio

from shared import *
from openjiuwen.core.session.stream import BaseStreamMode
from openjiuwen.core.workflow import End, Start, Workflow, WorkflowComponent, create_workflow_session


class Drops(WorkflowComponent):
    async def stream(self, inputs, session, context):
        for number in (1, 2):
            yield {"d": f"{inputs['x']}{number}"}


class Once(WorkflowComponent):
    async def invoke(self, inputs, session, context):
        return {"o": "once"}


async def main():
    for conf in (None, {"response_template": "{{o}}: {{d}}"}, {"responseTemplate": "{{d}} / {{o}}"}):
        flow = Workflow()
        flow.set_start_comp("in", Start(), inputs_schema={"x": "${x}"})
        flow.add_workflow_comp("drops", Drops(), inputs_schema={"x": "${in.x}"})
        flow.add_workflow_comp("once", Once())
        flow.set_end_comp(
            "out",
            End(conf),
            inputs_schema={"o": "${once.o}", "no": "${once.no}"},
            stream_inputs_schema={"d": "${drops.d}"},
        )
        flow.add_connection("in", "drops").add_connection("in", "once").add_connection("once", "out")
        flow.add_stream_connection("drops", "out")
        show((await flow.invoke({"x": "a"}, create_workflow_session())).result)
        async for frame in flow.stream({"x": "a"}, create_workflow_session(), stream_modes=[BaseStreamMode.OUTPUT]):
            show(frame)


asyncio.run(main())
