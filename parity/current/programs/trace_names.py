import asyncio

from shared import *
from openjiuwen.core.session.stream import BaseStreamMode
from openjiuwen.core.workflow import WorkflowCard, WorkflowComponent, create_workflow_session

TIMES = ("startTime", "endTime")


class Tells(WorkflowComponent):
    async def invoke(self, inputs, session, context):
        await session.trace({"half": "done"})
        return {"v": inputs["x"]}


class Shaky(WorkflowComponent):
    calls = 0

    async def invoke(self, inputs, session, context):
        self.calls += 1
        if self.calls == 1:
            raise ValueError("once")
        return {"v": self.calls}


async def main():
    card = WorkflowCard(id="traced", name="Traced", version="7")
    flow = flow_of(
        ("tells", Tells(), {"x": "${in.x}"}, {"name": "Teller"}),
        ("shaky", Shaky(), None, {"max_retries": 1}),
        end={"v": "${tells.v}"},
        card=card,
    )
    session = create_workflow_session(session_id="s", trace_id="T")
    async for frame in flow.stream({"x": 1}, session, stream_modes=[BaseStreamMode.TRACE]):
        if frame.type != "tracer_workflow":
            show(frame)
            continue
        told = {key: value for key, value in frame.payload.items() if key not in TIMES and key != "onInvokeData"}
        show(told, len(frame.payload["onInvokeData"]), [key for key in TIMES if key in frame.payload])


asyncio.run(main())
