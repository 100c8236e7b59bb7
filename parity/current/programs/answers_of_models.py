import asyncio

from shared import *
from openjiuwen.core.foundation.llm import Model, SystemMessage, UserMessage
from openjiuwen.core.session.stream import BaseStreamMode
from openjiuwen.core.workflow import End, LLMCompConfig, LLMComponent, Start, Workflow, create_workflow_session


async def main():
    url, seen = service(lambda messages: '{"n": 3, "tags": ["a"]}' if "json" in str(messages) else "one two")
    output = {
        "n": {"type": "integer", "description": "n", "required": True},
        "tags": {"type": "array", "description": "t", "items": {"type": "string"}, "required": False},
    }
    config = LLMCompConfig(
        **model_at(url),
        system_prompt_template=SystemMessage(content="as json"),
        user_prompt_template=UserMessage(content="about {{x}}"),
        response_format={"type": "json"},
        output_config=output,
    )
    flow = flow_of(("llm", LLMComponent(config), {"x": "${in.x}"}), end={"n": "${llm.n}", "tags": "${llm.tags}"})
    show((await flow.invoke({"x": "tea"}, create_workflow_session())).result)
    show([message["role"] for message in seen[0]["messages"]], "tea" in seen[0]["messages"][-1]["content"])
    text = {"t": {"type": "string", "description": "t", "required": True}}
    config = LLMCompConfig(
        **model_at(url),
        template_content=[{"role": "user", "content": "{{x}}"}],
        response_format={"type": "text"},
        output_config=text,
    )
    flow = Workflow()
    flow.set_start_comp("in", Start(), inputs_schema={"x": "${x}"})
    flow.add_workflow_comp("llm", LLMComponent(config), inputs_schema={"x": "${in.x}"})
    flow.set_end_comp(
        "out", End({"responseTemplate": "[{{t}}]"}), stream_inputs_schema={"t": "${llm.t}"}, response_mode="streaming"
    )
    flow.add_connection("in", "llm").add_stream_connection("llm", "out")
    async for frame in flow.stream({"x": "hi"}, create_workflow_session(), stream_modes=[BaseStreamMode.OUTPUT]):
        show(frame)
    answer = await Model(**model_at(url)).invoke("hi")
    show(type(answer).__name__, answer.role, answer.content)


asyncio.run(main())
