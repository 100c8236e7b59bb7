"""A LangGraph app with a workflow inside: the app sorts letters, the workflow answers complaints, and asks a person.

python app.py "The tea was cold."
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any, TypedDict

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command

from jiuwen_lg import End, Start, Workflow, WorkflowConfig, WorkflowMetadata


async def offer(inputs: dict[str, Any], runtime: Any) -> dict[str, int]:
    """Ask a person what the complaint is worth."""
    return {"refund": await runtime.interact(f"{inputs['letter']!r}: refund how much?", schema=int)}


def complaint() -> Workflow:
    """The workflow: start → offer → end, which writes the answer."""
    flow = Workflow(WorkflowConfig(metadata=WorkflowMetadata(id="complaint", name="complaint")))
    flow.set_start_comp("start", Start(), inputs_schema={"letter": "${letter}"})
    flow.add_workflow_comp("offer", offer, inputs_schema={"letter": "${start.letter}"})
    template = {"responseTemplate": "We are sorry, and pay back {{refund}}."}
    flow.set_end_comp("end", End(template), inputs_schema={"refund": "${offer.refund}"})
    return flow.add_connection("start", "offer").add_connection("offer", "end")


class Post(TypedDict, total=False):
    """The app's state."""

    letter: str
    reply: str


def sort(state: Post) -> Command[Any]:
    """The app's own node: where a letter goes."""
    is_complaint = any(word in state["letter"].lower() for word in ("cold", "late", "broken"))
    return Command(goto="complaint" if is_complaint else "thank")


def thank(_: Post) -> Post:
    """Another node of the app's."""
    return {"reply": "Thank you!"}


def build(saver: BaseCheckpointSaver[Any]) -> CompiledStateGraph[Any]:
    """The app: its questions, the workflow's among them, are saved by its own checkpointer."""
    app: Any = StateGraph(Post)
    app.add_node("sort", sort, destinations=("complaint", "thank"))
    app.add_node("complaint", complaint().as_node(inputs=["letter"], result={"reply": "responseContent"}))
    app.add_node("thank", thank)
    app.add_edge(START, "sort")
    app.add_edge("complaint", END)
    app.add_edge("thank", END)
    return app.compile(saver)


async def main(letter: str) -> None:
    """Post a letter; the second process of a complaint brings the answer on its standard input."""
    async with AsyncSqliteSaver.from_conn_string("post.db") as saver:
        app = build(saver)
        config: Any = {"configurable": {"thread_id": letter}}
        waits = (await app.aget_state(config)).interrupts
        if waits:
            state = await app.ainvoke(Command(resume=int(sys.stdin.readline())), config)
        else:
            state = await app.ainvoke({"letter": letter}, config)
        for question in state.get("__interrupt__", ()):
            print(question.value["value"])
        if "__interrupt__" not in state:
            print(state["reply"])


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
