import asyncio

from shared import *
from openjiuwen.core.common.exception.codes import StatusCode
from openjiuwen.core.common.exception.errors import BaseError, ExecutionError, build_error
from openjiuwen.core.session import InteractiveInput
from openjiuwen.core.workflow import WorkflowCard, WorkflowComponent, create_workflow_session


class Fails(WorkflowComponent):
    async def invoke(self, inputs, session, context):
        if inputs["x"] == 1:
            raise build_error(StatusCode.COMPONENT_TOOL_EXECUTION_ERROR, error_msg="mine")
        raise KeyError("k")


async def main():
    flow = flow_of(("a", Fails(), {"x": "${in.x}"}), card=WorkflowCard(id="w"))
    for x in (1, 2):
        try:
            await flow.invoke({"x": x}, create_workflow_session())
        except BaseError as error:
            show(type(error).__name__, error.code, isinstance(error, ExecutionError), type(error.__cause__).__name__)
            show(sorted(error.to_dict()), error.to_dict()["code"], error.to_dict()["status"], str(error)[:8])
            if x == 2:
                show(error)
    for wrong in (
        lambda: InteractiveInput(None),
        lambda: InteractiveInput("r").update("a", 1),
        lambda: InteractiveInput().update("a", None),
    ):
        try:
            wrong()
        except BaseError as error:
            show(type(error).__name__, error.code, error.status.name)


asyncio.run(main())
