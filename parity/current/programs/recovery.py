import asyncio

from shared import *
from openjiuwen.core.runner import Runner
from openjiuwen.core.workflow import ExceptionConfig, WorkflowComponent, create_workflow_session


class Fails(WorkflowComponent):
    calls = 0

    async def invoke(self, inputs, session, context):
        self.calls += 1
        raise OSError(f"call {self.calls}")


@Runner.callback_framework.on("component_error_recovery", priority=1)
async def low(error, node_id, exception_config, **rest):
    show("low", node_id, exception_config)
    return {"v": "low"} if exception_config is None else None


@Runner.callback_framework.on("component_error_recovery", priority=5)
async def high(error, session, node_id, ability, exception_config):
    show("high", node_id, ability, type(error).__name__, error.code, session is not None)
    if exception_config is not None and exception_config.handle_type == "spare":
        return {"v": exception_config.spare}
    return None


async def main():
    for config in (ExceptionConfig(handle_type="spare", spare=[1, 2]), None, ExceptionConfig()):
        fails = Fails()
        flow = flow_of(("a", fails, None, {"max_retries": 1, "exception_config": config}), end={"v": "${a.v}"})
        try:
            show(fails.calls, (await flow.invoke({"x": 1}, create_workflow_session())).result)
        except Exception as error:
            show(fails.calls, type(error.__cause__).__name__, error.__cause__)


asyncio.run(main())
