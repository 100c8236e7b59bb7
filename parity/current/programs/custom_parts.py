import asyncio

from shared import *
from openjiuwen.core.workflow import (
    ComponentAbility,
    ComponentComposable,
    ComponentExecutable,
    Condition,
    BranchComponent,
    End,
    Start,
    Workflow,
    WorkflowExecutionState,
    create_workflow_session,
    execute_single_component,
    generate_workflow_key,
)


class Runs(ComponentExecutable):
    async def invoke(self, inputs, session, context):
        show("runs", inputs, session.get_component_type(), context)
        return inputs["x"] if inputs else "nothing"


class Makes(ComponentComposable):
    def to_executable(self):
        return Runs()


class Even(Condition):
    def __init__(self):
        super().__init__({"n": "${in.x}"})

    def invoke(self, inputs, session):
        return inputs["n"] % 2 == 0


async def main():
    branch = BranchComponent()
    branch.add_branch(Even(), ["even"])
    branch.add_branch(lambda: True, ["odd"])
    for number in (6, 7):
        flow = Workflow()
        flow.set_start_comp("in", Start(), inputs_schema={"x": "${x}"})
        flow.add_workflow_comp("branch", branch).add_connection("in", "branch")
        flow.set_end_comp("out", End(), inputs_schema={"even": "${even}", "odd": "${odd}"})
        for name in ("even", "odd"):
            flow.add_workflow_comp(name, Makes(), inputs_schema={"x": "${in.x}"}).add_connection(name, "out")
        show((await flow.invoke({"x": number}, create_workflow_session())).result)
    flow = flow_of(("made", Makes(), {"x": "${in.x}"}), ("bare", Makes()), end={"made": "${made}", "bare": "${bare}"})
    show((await flow.invoke({"x": 7}, create_workflow_session(), context={"c": 1})).result)
    show(
        await execute_single_component("one", create_workflow_session(), Makes(), {"n": 3}, inputs_schema={"x": "${n}"})
    )
    show(
        generate_workflow_key("id", "2"),
        WorkflowExecutionState.COMPLETED == "COMPLETED",
        [ability.name for ability in ComponentAbility],
    )


asyncio.run(main())
