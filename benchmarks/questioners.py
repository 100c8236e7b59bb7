"""Fifty conversations with a questioner at once, beside one of them.

    PYTHONPATH=. python benchmarks/questioners.py [--conversations 50] [--repeats 7]

Each asks once and is answered once, on one workflow object, with every session on file. The model
answers after 100 ms, over HTTP, from a process of its own; it is checked that each conversation
called it exactly twice and got its own answer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import tempfile
from itertools import count
from typing import Any

from pairs import compare, seconds

from jiuwen_lg import (
    BaseModelInfo,
    End,
    FieldInfo,
    InteractiveInput,
    ModelConfig,
    QuestionerComponent,
    QuestionerConfig,
    Start,
    Workflow,
    WorkflowRuntime,
)
from jiuwen_lg.testing.server import KEY, ModelServer


def play(url: Any, calls: Any) -> None:
    """The model: nothing is known of the query, an answer is the place."""

    def answer(body: dict[str, Any]) -> str:
        with calls.get_lock():
            calls.value += 1
        said = body["messages"][-1]["content"].split("user：")[1].split("\n")[0]
        return "{}" if said == "query" else json.dumps({"place": said})

    server = ModelServer()
    server.seconds = 0.1
    server.answer = answer
    url.put(server.url)
    server.serve_forever()


def build(url: str) -> Workflow:
    """Start → questioner → End."""
    model = ModelConfig("openai", BaseModelInfo(model="m", api_key=KEY, api_base=url))
    asks = QuestionerConfig(
        model=model, field_names=[FieldInfo(field_name="place", description="place", required=True)]
    )
    flow = Workflow()
    flow.set_start_comp("start", Start(), inputs_schema={"query": "${query}"})
    flow.add_workflow_comp("asks", QuestionerComponent(asks), inputs_schema={"query": "${start.query}"})
    flow.set_end_comp("end", End(), inputs_schema={"place": "${asks.place}"})
    return flow.add_connection("start", "asks").add_connection("asks", "end")


async def converse(flow: Workflow, number: int) -> bool:
    """Whether one conversation ended with its own answer."""
    session = f"session {number}"
    await flow.invoke({"query": "query"}, WorkflowRuntime(session_id=session))
    result = await flow.invoke(InteractiveInput(session), WorkflowRuntime(session_id=session))
    return bool(result.result == {"output": {"place": session}})


async def main() -> None:
    """The comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conversations", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    url, calls = context.Queue(), context.Value("i", 0)
    context.Process(target=play, args=(url, calls), daemon=True).start()
    flow, numbers = build(await asyncio.to_thread(url.get)), count()

    async def at_once(many: int) -> int:
        before = calls.value
        done = await asyncio.gather(*(converse(flow, next(numbers)) for _ in range(many)))
        assert calls.value - before == 2 * many
        return sum(done)

    many = options.conversations
    with tempfile.TemporaryDirectory() as folder:
        os.environ["JIUWEN_LG_DB"] = f"{folder}/sessions.db"
        await compare(
            f"{many} conversations at once",
            lambda: seconds(at_once(many), many),
            lambda: seconds(at_once(1), 1),
            options.repeats,
            "one of them",
        )


if __name__ == "__main__":
    asyncio.run(main())
