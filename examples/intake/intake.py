"""A leave request, collected by asking: the model reads what people write, and only what is missing is asked for.

    export OPENAI_API_KEY=... MODEL=gpt-4o-mini        # and OPENAI_BASE_URL for another service
    python intake.py ann

Type an answer a line. Leave at any time; `python intake.py ann` goes on with the last question.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

from jiuwen_lg import (
    BaseModelInfo,
    End,
    FieldInfo,
    InteractiveInput,
    ModelConfig,
    OutputSchema,
    QuestionerComponent,
    QuestionerConfig,
    Start,
    Workflow,
    WorkflowConfig,
    WorkflowMetadata,
    WorkflowRuntime,
)

FIELDS = [
    FieldInfo(field_name="first_day", description="the first day, as YYYY-MM-DD", required=True),
    FieldInfo(field_name="last_day", description="the last day, as YYYY-MM-DD", required=True),
    FieldInfo(field_name="reason", description="why", required=True, default_value="holiday"),
]


def model() -> ModelConfig:
    """The model that the environment names."""
    info = BaseModelInfo(
        model=os.environ.get("MODEL", "gpt-4o-mini"),
        api_base=os.environ.get("OPENAI_BASE_URL", "https://api.openai.com/v1"),
        api_key=os.environ["OPENAI_API_KEY"],
    )
    return ModelConfig(model_provider="openai", model_info=info)


def build() -> Workflow:
    """start → ask until all is known → end."""
    flow = Workflow(WorkflowConfig(metadata=WorkflowMetadata(id="leave", name="leave")))
    flow.set_start_comp("start", Start(), inputs_schema={"query": "${query}"})
    config = QuestionerConfig(model=model(), field_names=FIELDS, max_response=10, with_chat_history=False)
    flow.add_workflow_comp("ask", QuestionerComponent(config), inputs_schema={"query": "${start.query}"})
    flow.set_end_comp(
        "end", End(), inputs_schema={field.field_name: f"${{ask.{field.field_name}}}" for field in FIELDS}
    )
    return flow.add_connection("start", "ask").add_connection("ask", "end")


async def talk(who: str) -> dict[str, Any]:
    """Ask on the terminal until the request is complete."""
    flow, session = build(), WorkflowRuntime(session_id=f"leave-{who}")
    waiting = await flow.pending(session_id=session.session_id())
    question = waiting[0].output if waiting else None
    while True:
        print(question.value if question else "What do you need?", flush=True)
        said = await asyncio.to_thread(sys.stdin.readline)
        if not said:
            raise SystemExit("Goodbye; nothing is lost.")
        given = InteractiveInput.reply_to(question, said.strip()) if question else {"query": said.strip()}
        output = await flow.invoke(given, session)
        if output.state.value == "COMPLETED":
            return dict(output.result["output"])
        asked: OutputSchema = output.result[0]
        question = asked.payload


if __name__ == "__main__":
    print(json.dumps(asyncio.run(talk(sys.argv[1])), ensure_ascii=False))
