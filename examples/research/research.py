"""Research in rounds: a model chooses what to look for, a tool looks, and at the end the model writes a report.

    export OPENAI_API_KEY=... MODEL=gpt-4o-mini        # and OPENAI_BASE_URL for another service
    python research.py "How is tea made?"

The tool searches the files in `notes/`. Run it again after a failure, and it goes on in the round that failed.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path
from typing import Any

from langchain_openai import ChatOpenAI

from jiuwen_lg import (
    BranchComponent,
    BreakComponent,
    End,
    InteractiveInput,
    LLMCompConfig,
    LLMComponent,
    LoopComponent,
    LoopGroup,
    SetVariableComponent,
    Start,
    ToolComponent,
    Workflow,
    WorkflowConfig,
    WorkflowMetadata,
    WorkflowRuntime,
    tool,
)

NOTES = Path(__file__).parent / "notes"
ROUNDS = 5

CHOOSE = """You research a question in rounds. Give the words to look for next, or say that you know enough.
Question: {{question}}
Found so far: {{findings}}"""
WRITE = """Answer the question in a few sentences, from these findings only, and name their files.
Question: {{question}}
Findings: {{findings}}"""


@tool
def search(query: str) -> list[dict[str, str]]:
    """Finds paragraphs of the notes that have one of the words."""
    words = {word.lower() for word in re.findall(r"\w{3,}", query)}
    return [
        {"file": path.name, "text": paragraph}
        for path in sorted(NOTES.glob("*.md"))
        for paragraph in path.read_text(encoding="utf-8").strip().split("\n\n")
        if words & set(re.findall(r"\w+", paragraph.lower()))
    ]


def asking(model: Any, prompt: str, kind: str, fields: dict[str, Any]) -> LLMComponent:
    """A component that asks the model for fields."""
    template = [{"role": "user", "content": prompt}]
    return LLMComponent(
        LLMCompConfig(model=model, template_content=template, response_format={"type": kind}, output_config=fields)
    )


def add(inputs: dict[str, Any]) -> list[Any]:
    """What was known and what is new, each once."""
    known, new = inputs["known"], inputs["new"]
    return [*known, *(one for one in new if one not in known)]


def rounds(model: Any) -> LoopGroup:
    """A round: choose → enough? stop : search → add → keep."""
    fields = {"query": {"type": "string", "required": False}, "enough": {"type": "boolean"}}
    body = LoopGroup()
    choice = {"question": "${start.question}", "findings": "${research.findings}"}
    body.add_workflow_comp("choose", asking(model, CHOOSE, "json", fields), inputs_schema=choice)
    enough = BranchComponent()
    enough.add_branch("${choose.enough}", "stop")
    enough.add_branch("true", "search")
    body.add_workflow_comp("enough", enough)
    body.add_workflow_comp("stop", BreakComponent())
    body.add_workflow_comp("search", ToolComponent().bind_tool(search), inputs_schema={"query": "${choose.query}"})
    body.add_workflow_comp("add", add, inputs_schema={"known": "${research.findings}", "new": "${search.data}"})
    body.add_workflow_comp("keep", SetVariableComponent({"${research.findings}": "${add}"}))
    body.add_connection("choose", "enough").add_connection("search", "add").add_connection("add", "keep")
    return body.start_nodes(["choose"]).end_nodes(["keep"])


def build(model: Any) -> Workflow:
    """start → rounds → report → end."""
    flow = Workflow(WorkflowConfig(metadata=WorkflowMetadata(id="research", name="research")))
    flow.set_start_comp("start", Start(), inputs_schema={"question": "${question}"})
    loop = LoopComponent(rounds(model), {"findings": "${research.findings}", "rounds": "${research.index}"})
    schema = {"loop_type": "number", "loop_number": ROUNDS, "intermediate_var": {"findings": []}}
    flow.add_workflow_comp("research", loop, inputs_schema=schema)
    found = {"question": "${start.question}", "findings": "${research.findings}"}
    report = asking(model, WRITE, "text", {"text": {"type": "string"}})
    flow.add_workflow_comp("report", report, inputs_schema=found)
    end = {"report": "${report.text}", "rounds": "${research.rounds}"}
    flow.set_end_comp("end", End(), inputs_schema=end)
    return flow.add_connection("start", "research").add_connection("research", "report").add_connection("report", "end")


async def research(question: str) -> dict[str, Any]:
    """The report, begun now or by a run that did not end."""
    flow = build(ChatOpenAI(model=os.environ.get("MODEL", "gpt-4o-mini"), max_retries=0))
    session = WorkflowRuntime(session_id=question)
    before = await flow.snapshot(question)
    unfinished = before is not None and before.status == "failed"
    output = await flow.invoke(InteractiveInput() if unfinished else {"question": question}, session)
    return dict(output.result["output"])


if __name__ == "__main__":
    found = asyncio.run(research(sys.argv[1]))
    print(f"{found['report']}\n({found['rounds']} rounds)")
