import asyncio

from shared import *
from typing import List, Optional

from openjiuwen.core.foundation.tool import LocalFunction, ToolCard, tool
from openjiuwen.core.runner import Runner
from openjiuwen.core.workflow import ToolComponent, ToolComponentConfig, create_workflow_session


@tool
def join(words: List[str], glue: str = "-", limit: Optional[int] = None) -> str:
    """Joins words.

    Args:
        words: the words
        glue: what goes between them
    """
    return glue.join(words[:limit])


@tool(
    name="twice",
    description="doubles",
    input_params={"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]},
)
async def double(x):
    return 2 * x


fails = LocalFunction(
    card=ToolCard(
        id="fails",
        name="fails",
        description="fails",
        input_params={"type": "object", "properties": {"x": {"type": "integer"}}},
    ),
    func=lambda x: x / 0,
)


async def main():
    for one in (join, double):
        show(one.card.name, one.card.description, one.card.input_params)
        show(one.card.tool_info())
    show(
        await join.invoke({"words": ["a", "b", "c"]}),
        await join.invoke({"words": ["a", "b"], "limit": "1", "glue": "+"}),
    )
    for given in ({}, {"x": "no"}):
        try:
            await double.invoke(given)
        except Exception as error:
            show(type(error).__name__, error.code)
    flow = flow_of(("t", ToolComponent(ToolComponentConfig()).bind_tool(double), {"x": "${in.x}"}), end={"all": "${t}"})
    show((await flow.invoke({"x": 4}, create_workflow_session())).result)
    flow = flow_of(
        ("t", ToolComponent(ToolComponentConfig()).bind_tool(fails), {"x": "${in.x}"}),
        end={"code": "${t.error_code}", "data": "${t.data}"},
    )
    show((await flow.invoke({"x": 4}, create_workflow_session())).result)
    show(Runner.resource_mgr.add_tool(double).is_ok())
    flow = flow_of(
        ("t", ToolComponent(ToolComponentConfig(tool_id=double.card.id)), {"x": "${in.x}"}), end={"d": "${t.data}"}
    )
    show((await flow.invoke({"x": 8}, create_workflow_session())).result)


asyncio.run(main())
