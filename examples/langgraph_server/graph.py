"""What `langgraph.json` names: a workflow as a graph of a LangGraph server.

    pip install "langgraph-cli[inmem]"
    langgraph dev

The server brings its own checkpointer, so none is given here. A thread of the server is a session: it
pauses at the question, which is answered with `{"command": {"resume": {<the question's id>: "yes"}}}`.
What else such a server guarantees, and what not, is in docs/langgraph-server.md.
"""

from __future__ import annotations

from typing import Any, Literal

from jiuwen_lg import End, Start, Workflow, WorkflowConfig, WorkflowInputsSchema, WorkflowMetadata


async def review(inputs: Any, runtime: Any) -> dict[str, str]:
    """Ask somebody."""
    return {"verdict": await runtime.interact(f"Publish {inputs['text']!r}?", schema=Literal["yes", "no"])}


flow = Workflow(
    WorkflowConfig(
        metadata=WorkflowMetadata(id="publish", name="publish", description="Publishes a text if somebody agrees."),
        workflow_inputs_schema=WorkflowInputsSchema(
            type="object", properties={"text": {"type": "string"}}, required=["text"]
        ),
    )
)
flow.set_start_comp("start", Start(), inputs_schema={"text": "${text}"})
flow.add_workflow_comp("review", review, inputs_schema={"text": "${start.text}"})
flow.set_end_comp("end", End(), inputs_schema={"text": "${start.text}", "verdict": "${review.verdict}"})
flow.add_connection("start", "review").add_connection("review", "end")

graph = flow.compile(name="publish")
