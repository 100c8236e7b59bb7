"""Small programs about agents; see `corpus`. The model is played on this machine (`models.PRELUDE`)."""

from __future__ import annotations

from parity import models

PRELUDE = (
    models.PRELUDE
    + """
from openjiuwen.agent.common.schema import WorkflowSchema
from openjiuwen.agent.config.workflow_config import DefaultResponse, WorkflowAgentConfig
from openjiuwen.agent.workflow_agent.workflow_agent import WorkflowAgent

def workflow(id, *parts, description="", end=None):
    loop()
    flow = Workflow(WorkflowConfig(metadata=WorkflowMetadata(id=id, name=id, version="1", description=description)))
    flow.set_start_comp("s", Start(), inputs_schema={"query": "${query}", "x": "${x}"})
    before = "s"
    for name, part in parts:
        flow.add_workflow_comp(name, part, inputs_schema={"query": "${s.query}"}); flow.add_connection(before, name)
        before = name
    flow.set_end_comp("e", end or End(), inputs_schema={"q": "${s.query}", "x": "${s.x}", **{n: "${%s}" % n for n, _ in parts}})
    flow.add_connection(before, "e")
    return flow

def asks(text):
    async def ask(inputs, runtime): return await runtime.interact(text)
    return C(ask)

def agent(*flows, **options):
    schemas = [WorkflowSchema(id=f.config().metadata.id, name=f.config().metadata.name, version="1",
               description=options.pop("about", {}).get(f.config().metadata.id, f.config().metadata.id),
               inputs=options.get("takes", {})) for f in flows]
    options.pop("takes", None)
    made = WorkflowAgent(WorkflowAgentConfig(id=uuid.uuid4().hex, workflows=schemas, **options))
    made.add_workflows([*flows])
    return made

def talk(agent, *queries, conversation=None):
    conversation = conversation or uuid.uuid4().hex
    async def main():
        for query in queries:
            given = query if isinstance(query, dict) else {"query": query}
            try: said = await agent.invoke({"conversation_id": conversation, **given})
            except JiuWenBaseException as error: print("error", error.error_code); continue
            if isinstance(said, list): print([(f.payload.id, f.payload.value) for f in said])
            else: print(said["result_type"], said.get("status"), getattr(said["output"], "result", said["output"]))
    asyncio.run(main())
"""
)

_PROGRAMS = {
    "agent_answers": "talk(agent(workflow('w')), 'hello', {'query': 'again', 'x': 5}, {}, 7)",
    "agent_asks": """
answer = InteractiveInput(); answer.update("a", {"k": 1})
talk(agent(workflow("w", ("a", asks("name?")))), "hello", "ann", "more", answer)
talk(agent(workflow("w", ("a", asks("one?")), ("b", asks("two?")))), "hello", "1", "2")
""",
    "agent_inputs": """
for takes in ({"query": {"type": "string"}}, {"type": "object", "properties": {"x": {"type": "integer"}}}, {}):
    talk(agent(workflow("w"), takes=takes), {"query": "q", "x": 1, "user_id": "u"})
""",
    "agent_shapes": """
flow = workflow("w", end=End({"responseTemplate": "{{q}}!"}))
print(str(asyncio.run(agent(flow).invoke({"conversation_id": uuid.uuid4().hex, "query": "hi"}))))
""",
    "agent_stream": """
made = agent(workflow("w", ("a", asks("name?"))))
async def main():
    for query in ("hello", "ann"):
        async for f in made.stream({"conversation_id": "c" + SESSION, "query": query}):
            if f.type == "__interaction__": print(f.index, f.payload)
asyncio.run(main())
""",
    "agent_routes": """
SERVER.replies = ['{"result": 2}', '{"result": 1}', '```json\\n{"result": "2"}\\n```']
talk(agent(workflow("v"), workflow("w", ("a", asks("name?"))), model=model()), "hello", "other", "ann")
""",
    "agent_default": """
SERVER.replies = ['{"result": 0}']
talk(agent(workflow("v"), workflow("w"), model=model(), default_response=DefaultResponse(text="what?")), "hello")
SERVER.replies = ['{"result": 9}']
talk(agent(workflow("v"), workflow("w"), model=model()), "hello")
""",
    "agent_without": """
loop()
try: asyncio.run(WorkflowAgent(WorkflowAgentConfig(id="none")).invoke({"query": "q"})); print("ran")
except JiuWenBaseException as error: print(error.error_code)
""",
    "agent_clears": """
made = agent(workflow("w", ("a", asks("name?"))))
talk(made, "hello", conversation="c" + SESSION)
asyncio.run(made.clear_session("c" + SESSION)); asyncio.run(made.clear_session("nobody"))
talk(made, "again", conversation="c" + SESSION)
""",
    "agent_config": """
config = WorkflowAgentConfig(id="a")
print(config.id, config.version, config.description, config.workflows, config.model, config.tools, config.default_response,
      config.controller_type.name, config.constrain.reserved_max_chat_rounds, config.constrain.max_iteration)
print(repr(WorkflowSchema(id="w")), repr(DefaultResponse()))
""",
    "differs_agent_parallel": """
flow = workflow("w", ("a", asks("a?")))
flow.add_workflow_comp("b", asks("b?"), inputs_schema={}); flow.add_connection("s", "b"); flow.add_connection("b", "e")
made = agent(flow)
print(len(asyncio.run(made.invoke({"conversation_id": uuid.uuid4().hex, "query": "q"}))))
""",
    "differs_agent_failure": """
ran = []
def fails_once(inputs, runtime):
    ran.append(1)
    if len(ran) == 1: raise ValueError("no")
    return "fine"
talk(agent(workflow("w", ("a", C(fails_once)))), "hello", "hello")
""",
}

PROGRAMS = {name: PRELUDE + body for name, body in _PROGRAMS.items()}

INTENDED = {
    "differs_agent_parallel": "an agent returns the first of several questions",
    "differs_agent_failure": "after a failure a conversation of an agent is stuck",
}
