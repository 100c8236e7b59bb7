"""A ReAct agent with three kinds of tools: a LangChain tool, a workflow that asks, and a tool of an MCP server.

    pip install 'jiuwen-lg[mcp]'
    python react.py "Transfer 20 + 22 euros"           # it asks, and the process ends
    python react.py "Ann"                              # another process answers

It runs offline, with a model that plays itself. For a real one:

    export OPENAI_API_KEY=... MODEL=gpt-4o-mini        # and OPENAI_BASE_URL for another service
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.tools import tool

from jiuwen_lg import (
    End,
    ReActAgent,
    Runner,
    Start,
    ToolServerConfig,
    Workflow,
    WorkflowConfig,
    WorkflowInputsSchema,
    WorkflowMetadata,
    create_react_agent_config,
    resource_mgr,
)

PROMPT = "You work at a bank. Use the tools; tell the user what a transfer costs in dollars."


@tool
def plus(left: float, right: float) -> float:
    """Adds two numbers."""
    return left + right


def transfer() -> Workflow:
    """A workflow that asks who gets the money."""

    async def ask(inputs: dict[str, Any], runtime: Any) -> dict[str, Any]:
        return {"name": await runtime.interact(f"Who gets {inputs['amount']} euros?")}

    amount = {"type": "number", "description": "how many euros"}
    schema = WorkflowInputsSchema(type="object", properties={"amount": amount}, required=["amount"])
    metadata = WorkflowMetadata(id="transfer", name="transfer", version="1", description="Transfers money.")
    flow = Workflow(WorkflowConfig(metadata=metadata, workflow_inputs_schema=schema))
    flow.set_start_comp("start", Start(), inputs_schema={"amount": "${amount}"})
    flow.add_workflow_comp("receiver", ask, inputs_schema={"amount": "${start.amount}"})
    flow.set_end_comp("end", End(), inputs_schema={"amount": "${start.amount}", "receiver": "${receiver.name}"})
    return flow.add_connection("start", "receiver").add_connection("receiver", "end")


def model() -> Any:
    """The model that the environment names, or one that plays itself."""
    if "OPENAI_API_KEY" in os.environ:
        from langchain_openai import ChatOpenAI

        return ChatOpenAI(model=os.environ.get("MODEL", "gpt-4o-mini"))
    from jiuwen_lg.testing import ScriptedChatModel

    return ScriptedChatModel(*[played] * 20)


def played(messages: list[Any]) -> AIMessage:
    """What a model might say: it adds, looks up the rate, transfers, and tells what it has done."""
    answers = [message for message in messages if message.type == "tool"]
    said = next(message for message in messages if message.type == "human").text
    if not answers:
        left, right = re.findall(r"\d+", said)[:2] or (20, 22)
        return calling("plus", left=float(left), right=float(right))
    if answers[-1].name == "plus" or len(answers) == 1:
        return calling("rate", currency="USD")
    if len(answers) == 2:
        return calling("transfer", amount=float(answers[0].text))
    return AIMessage(f"Done: {answers[-1].text}, at a rate of {answers[1].text}.")


def calling(name: str, **arguments: Any) -> AIMessage:
    """A reply that calls a tool."""
    return AIMessage("", tool_calls=[{"id": name, "name": name, "args": arguments}])


async def main(text: str) -> None:
    """One turn of the conversation."""
    bank = {"command": sys.executable, "args": [str(Path(__file__).with_name("bank.py"))]}
    server = ToolServerConfig(server_name="bank", server_path="-", client_type="stdio", params=bank)
    await resource_mgr.tool().add_tool_servers(server)
    prompt = [{"role": "system", "content": PROMPT}]
    agent = ReActAgent(create_react_agent_config("desk", "1", "a desk of a bank", model(), prompt))
    agent.add_tools([plus, resource_mgr.tool().get_tool("rate")])
    agent.add_workflows([transfer()])
    said = await agent.invoke({"query": text, "conversation_id": "me"})
    print(said[0].payload.value if isinstance(said, list) else said["output"])
    await Runner.stop()


if __name__ == "__main__":
    asyncio.run(main(" ".join(sys.argv[1:]) or "Transfer 20 + 22 euros"))
