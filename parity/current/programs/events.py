import asyncio

from shared import *
from openjiuwen.core.runner import Runner
from openjiuwen.core.runner.callback.events import WorkflowEvents
from openjiuwen.core.workflow import WorkflowCard, WorkflowComponent, create_workflow_session

on = Runner.callback_framework.on


@on(WorkflowEvents.WORKFLOW_STARTED)
async def started(workflow_id, workflow_name, inputs, **rest):
    show("started", workflow_id, workflow_name, inputs, sorted(rest))


@on(WorkflowEvents.WORKFLOW_FINISHED)
async def finished(workflow_id, outputs, **rest):
    show("finished", workflow_id, outputs, sorted(rest))


@on(WorkflowEvents.WORKFLOW_ERROR)
async def failed(workflow_id, error, **rest):
    show("failed", workflow_id, type(error).__name__, error.code, sorted(rest))


@on(WorkflowEvents.NODE_EXECUTED, priority=1)
async def executed(node_id, ability, graph_id, **rest):
    show("node", node_id, ability, graph_id, sorted(rest))


@on(WorkflowEvents.NODE_EXECUTED, priority=9, once=True)
async def first(node_id, **rest):
    show("first", node_id)


@on(WorkflowEvents.NODE_ERROR)
async def broken(node_id, error, **rest):
    show("node failed", node_id, type(error).__name__, sorted(rest))


class Halves(WorkflowComponent):
    async def invoke(self, inputs, session, context):
        return {"v": 10 / inputs["x"]}


async def main():
    flow = flow_of(
        ("halves", Halves(), {"x": "${in.x}"}), end={"v": "${halves.v}"}, card=WorkflowCard(id="w", name="W")
    )
    show(await flow.invoke({"x": 5}, create_workflow_session()))
    try:
        await flow.invoke({"x": 0}, create_workflow_session())
    except Exception as error:
        show(error.code)


asyncio.run(main())
