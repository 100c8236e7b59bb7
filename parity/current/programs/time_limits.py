import asyncio

from shared import *
from openjiuwen.core.session import WORKFLOW_EXECUTE_TIMEOUT, WORKFLOW_STREAM_FRAME_TIMEOUT
from openjiuwen.core.session.stream import BaseStreamMode
from openjiuwen.core.workflow import WorkflowComponent, create_workflow_session


class Slow(WorkflowComponent):
    calls = 0

    async def invoke(self, inputs, session, context):
        self.calls += 1
        await asyncio.sleep(5 if self.calls < 3 else 0)
        return {"calls": self.calls}


class Writes(WorkflowComponent):
    async def invoke(self, inputs, session, context):
        await session.write_stream({"type": "note", "index": 0, "payload": "begun"})
        await asyncio.sleep(5)
        return {}


async def main():
    for options in ({"timeout": 0.2}, {"timeout": 0.2, "max_retries": 1}, {"timeout": 0.2, "max_retries": 2}):
        slow = Slow()
        flow = flow_of(("slow", slow, None, options), end={"calls": "${slow.calls}"})
        try:
            show((await flow.invoke({"x": 1}, create_workflow_session())).result)
        except Exception as error:
            show(slow.calls, type(error).__name__, error.code, type(error.__cause__).__name__)
    for envs in ({WORKFLOW_EXECUTE_TIMEOUT: 0.3}, {WORKFLOW_STREAM_FRAME_TIMEOUT: 0.3}):
        flow = flow_of(("writes", Writes()))
        try:
            async for frame in flow.stream(
                {"x": 1}, create_workflow_session(envs=envs), stream_modes=[BaseStreamMode.OUTPUT]
            ):
                show(frame)
        except Exception as error:
            show(type(error).__name__, error.code, error.status.name)


asyncio.run(main())
