import asyncio

from shared import *
from openjiuwen.core.workflow import WorkflowComponent, create_workflow_session


class Sum(WorkflowComponent):
    async def invoke(self, inputs, session, context):
        show("inputs", inputs)
        return {"parts": [1, 2, inputs["a"]], "rest": "dropped"}


async def main():
    options = {"outputs_schema": lambda output: {"total": sum(output["parts"])}}
    flow = flow_of(
        ("sum", Sum(), lambda state: {"a": state.get("in.x"), "b": state.get({"k": "${in.x}"})}, options),
        end={"t": "${sum.total}", "gone": "${sum.rest}"},
    )
    show(await flow.invoke({"x": 4}, create_workflow_session()))


asyncio.run(main())
