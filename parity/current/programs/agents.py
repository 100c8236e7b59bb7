import asyncio

from shared import *
from openjiuwen.core.application.workflow_agent import WorkflowAgent, WorkflowAgentConfig
from openjiuwen.core.runner import Runner
from openjiuwen.core.session import InteractiveInput
from openjiuwen.core.single_agent.legacy import workflow_provider
from openjiuwen.core.workflow import WorkflowCard, WorkflowComponent

QUERY = {"type": "object", "properties": {"query": {"type": "string", "description": "q"}}, "required": ["query"]}


class Ask(WorkflowComponent):
    async def invoke(self, inputs, session, context):
        return {"said": await session.interact("really?")}


def asking(name):
    card = WorkflowCard(id=name, name=name, version="1", description="asks", input_params=QUERY)
    return flow_of(("ask", Ask()), start={"q": "${query}"}, end={"q": "${in.q}", "said": "${ask.said}"}, card=card)


@workflow_provider("provided", "1", "Provided", "echoes")
def provided():
    card = WorkflowCard(id="provided", name="Provided", version="1", description="echoes", input_params=QUERY)
    return flow_of(start={"q": "${query}"}, end=({"responseTemplate": "you said {{q}}"}, {"q": "${in.q}"}), card=card)


async def main():
    agent = WorkflowAgent(WorkflowAgentConfig(id="echoing", version="1", description="d"))
    agent.add_workflows([provided])
    show(await agent.invoke({"conversation_id": "e1", "query": "tea"}))
    show(await Runner.run_agent(agent, {"conversation_id": "e2", "query": "milk"}))
    async for frame in Runner.run_agent_streaming(agent, {"conversation_id": "e3", "query": "cake"}):
        if not frame.type.startswith("tracer"):
            show(frame)
    agent = WorkflowAgent(WorkflowAgentConfig(id="asking", version="1", description="d"))
    agent.add_workflows([asking("asker")])
    for conversation, answer in (("a1", "yes"), ("a2", InteractiveInput())):
        if isinstance(answer, InteractiveInput):
            answer.update("ask", "no")
        show(await agent.invoke({"conversation_id": conversation, "query": "leave"}))
        show(await agent.invoke({"conversation_id": conversation, "query": answer}))
    try:
        await WorkflowAgent(WorkflowAgentConfig(id="empty")).invoke({"conversation_id": "x", "query": "q"})
    except Exception as error:
        show(type(error).__name__, error.code)


asyncio.run(main())
