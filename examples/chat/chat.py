"""A chat in the terminal: the answer appears word by word, and the conversation outlives the process.

    export OPENAI_API_KEY=... MODEL=gpt-4o-mini        # and OPENAI_BASE_URL for another service
    python chat.py ann

Type a message a line; an empty one ends the chat. Start it again, and the model knows what was said.
"""

from __future__ import annotations

import asyncio
import os
import sys

from langchain_openai import ChatOpenAI

from jiuwen_lg import (
    BaseStreamMode,
    ComponentAbility,
    ContextEngine,
    End,
    LLMCompConfig,
    LLMComponent,
    OutputSchema,
    Start,
    Workflow,
    WorkflowConfig,
    WorkflowMetadata,
    WorkflowRuntime,
)


def build() -> Workflow:
    """start → answer, streamed → end."""
    config = LLMCompConfig(
        model=ChatOpenAI(model=os.environ.get("MODEL", "gpt-4o-mini")),
        template_content=[
            {"role": "system", "content": "You are brief and friendly."},
            {"role": "user", "content": "{{query}}"},
        ],
        response_format={"type": "text"},
        output_config={"text": {"type": "string"}},
        enable_history=True,
    )
    flow = Workflow(WorkflowConfig(metadata=WorkflowMetadata(id="chat", name="chat")))
    flow.set_start_comp("start", Start(), inputs_schema={"query": "${query}"})
    flow.add_workflow_comp(
        "answer",
        LLMComponent(config),
        inputs_schema={"query": "${start.query}"},
        comp_ability=[ComponentAbility.STREAM],
    )
    template = End({"responseTemplate": "{{text}}"})
    flow.set_end_comp("end", template, stream_inputs_schema={"text": "${answer.text}"}, response_mode="streaming")
    return flow.add_connection("start", "answer").add_stream_connection("answer", "end")


async def chat(who: str) -> None:
    """Read a line, show the answer while it comes, and again."""
    flow = build()
    conversation = ContextEngine("chat").get_workflow_context("chat", who)
    while query := (await asyncio.to_thread(sys.stdin.readline)).strip():
        modes = [BaseStreamMode.OUTPUT]
        async for frame in flow.stream({"query": query}, WorkflowRuntime(), conversation, modes):
            assert isinstance(frame, OutputSchema)
            print(frame.payload["answer"], end="", flush=True)
        print(flush=True)


if __name__ == "__main__":
    asyncio.run(chat(sys.argv[1]))
