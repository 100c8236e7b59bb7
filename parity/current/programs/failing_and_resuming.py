import asyncio

from shared import *
from openjiuwen.core.session import FORCE_DEL_WORKFLOW_STATE_KEY, InteractiveInput
from openjiuwen.core.session.checkpointer import CheckpointerFactory
from openjiuwen.core.workflow import WorkflowCard, WorkflowComponent, create_workflow_session


class Step(WorkflowComponent):
    def __init__(self, name, failures=0):
        super().__init__()
        self.name, self.failures = name, failures

    async def invoke(self, inputs, session, context):
        show("run", self.name, session.get_state(), session.get_global_state("seen"))
        session.update_state({"calls": (session.get_state("calls") or 0) + 1})
        session.update_global_state({"seen": self.name})
        if self.failures:
            self.failures -= 1
            raise ConnectionError("no line")
        return {"v": self.name}


async def attempt(flow, given, **named):
    try:
        show(await flow.invoke(given, create_workflow_session(session_id="again", **named)))
    except Exception as error:
        show(type(error).__name__, error.code, error.status.name, type(error.__cause__).__name__)


async def main():
    flow = flow_of(("a", Step("a")), ("b", Step("b", 2)), end={"a": "${a.v}", "b": "${b.v}"}, card=WorkflowCard(id="w"))
    await attempt(flow, {"x": 1})
    await attempt(flow, {"x": 1})
    show(await CheckpointerFactory.get_checkpointer().session_exists("again"))
    await attempt(flow, {"x": 2}, envs={FORCE_DEL_WORKFLOW_STATE_KEY: True})
    await attempt(flow, InteractiveInput())
    show(await CheckpointerFactory.get_checkpointer().session_exists("again"))
    await attempt(flow, {"x": 3})


asyncio.run(main())
