import asyncio

from shared import *
from openjiuwen.core.workflow import WorkflowCard, WorkflowComponent, create_workflow_session


class First(WorkflowComponent):
    async def invoke(self, inputs, session, context):
        session.update_state({"a": {"b": 1}})
        session.update_global_state({"g": {"x": [1, 2]}})
        show(session.get_state("a"), session.get_global_state("g"), inputs)
        return {"o": {"k": [1, {"z": 2}]}}


class Second(WorkflowComponent):
    async def invoke(self, inputs, session, context):
        show([session.get_global_state(key) for key in ("g", "g.x", "first.o.k[1].z", "${first.o}", "in.x", "none")])
        show(session.get_global_state(), session.get_state(), inputs, context)
        show(
            session.get_component_id(),
            session.get_executable_id(),
            session.get_component_type(),
            session.get_workflow_id(),
            session.get_session_id(),
            session.get_env("own"),
            session.get_env("none"),
        )
        return {}


async def main():
    flow = flow_of(
        ("first", First(), {"g": "${g}"}),
        ("second", Second(), {"g": "${g.x}", "x": "${x}"}),
        card=WorkflowCard(id="wf"),
    )
    session = create_workflow_session(session_id="state", envs={"own": [1]})
    show(await flow.invoke({"x": 1}, session, context="third"))
    show(
        session.get_session_id(),
        session.get_trace_id(),
        session.get_parent(),
        session.get_envs()["own"],
        session.get_workflow_card().id,
        len(create_workflow_session().get_session_id()),
    )
    show(await flow.invoke({"x": 2}, session))


asyncio.run(main())
