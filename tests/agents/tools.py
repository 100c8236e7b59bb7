"""What tests of tool-calling agents share: replies that call tools, and workflows that a model can call."""

from __future__ import annotations

import json
from typing import Any

from jiuwen_lg import (
    End,
    LLMAgent,
    LocalFunction,
    Param,
    ReActAgent,
    Start,
    Workflow,
    WorkflowConfig,
    WorkflowInputsSchema,
    WorkflowMetadata,
    create_llm_agent_config,
    create_react_agent_config,
)
from tests.flows import Call


def calls(*wanted: tuple[str, dict[str, Any]], content: str = "", first: int = 0) -> dict[str, Any]:
    """A reply of the model that calls tools; their ids are `c0`, `c1` and so on."""
    return {
        "content": content,
        "tool_calls": [
            {
                "id": f"c{number}",
                "type": "function",
                "index": number - first,
                "function": {"name": name, "arguments": json.dumps(arguments)},
            }
            for number, (name, arguments) in enumerate(wanted, first)
        ],
    }


def plus() -> LocalFunction:
    """A tool that adds."""
    params = [Param("left", "first number", "integer"), Param("right", "second number", "integer")]
    return LocalFunction("plus", "adds two numbers", params, lambda left, right: left + right)


def order(ask: str = "Which size?", id: str = "order", node: str = "size") -> Workflow:
    """A workflow that asks, and gives what it was told."""

    async def asking(inputs: Any, runtime: Any) -> Any:
        return {"answer": f"{inputs['query']}/{await runtime.interact(ask)}"}

    return one_step(id, node, Call(asking))


def one_step(id: str, node: str, component: Any) -> Workflow:
    """start → a component → end, with one declared input."""
    schema = WorkflowInputsSchema(
        type="object", properties={"query": {"type": "string", "description": "what"}}, required=["query"]
    )
    metadata = WorkflowMetadata(id=id, name=id, version="1", description=f"does {id}")
    flow = Workflow(WorkflowConfig(metadata=metadata, workflow_inputs_schema=schema))
    flow.set_start_comp("s", Start(), inputs_schema={"query": "${query}"})
    flow.add_workflow_comp(node, component, inputs_schema={"query": "${s.query}"})
    flow.set_end_comp("e", End(), inputs_schema={"said": f"${{{node}.answer}}"})
    return flow.add_connection("s", node).add_connection(node, "e")


def react(model: Any, *tools: Any, id: str = "desk", prompt: str = "Be brief.", **options: Any) -> ReActAgent:
    """A `ReActAgent` with tools and workflows."""
    config = create_react_agent_config(id, "1", "", model, [{"role": "system", "content": prompt}])
    return _with(ReActAgent(config, **options), tools)


def talking(model: Any, *tools: Any, id: str = "shop", **options: Any) -> LLMAgent:
    """An `LLMAgent` with tools and workflows."""
    config = create_llm_agent_config(id, "1", "", [], [], model, [{"role": "system", "content": "Sell."}])
    return _with(LLMAgent(config, **options), tools)


def _with(agent: Any, tools: tuple[Any, ...]) -> Any:
    agent.add_tools([one for one in tools if not isinstance(one, Workflow)])
    agent.add_workflows([one for one in tools if isinstance(one, Workflow)])
    return agent


async def say(agent: Any, query: Any, conversation: str = "c", **more: Any) -> Any:
    """One turn."""
    return await agent.invoke({"query": query, "conversation_id": conversation, **more})


def told(messages: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """The messages of a request, short."""
    short = []
    for one in messages:
        called = [call["function"]["name"] for call in one.get("tool_calls") or ()]
        short.append((one["role"], one["content"], *([called] if called else []), *_id(one)))
    return short


def _id(message: dict[str, Any]) -> list[str]:
    return [message["tool_call_id"]] if "tool_call_id" in message else []
