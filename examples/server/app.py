"""A workflow behind HTTP: frames are streamed, answers are taken, sessions outlive the server.

pip install fastapi uvicorn
uvicorn app:app

curl -N localhost:8000/sessions/1/start -H 'Content-Type: application/json' -d '{"text": "hello"}'
curl -N localhost:8000/sessions/1/answer -H 'Content-Type: application/json' -d '{"answers": {"review": "yes"}}'
curl localhost:8000/pending
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import Body, FastAPI
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel

from jiuwen_lg import (
    BaseStreamMode,
    End,
    InteractionOutput,
    InteractiveInput,
    JiuWenBaseException,
    Start,
    Workflow,
    WorkflowChunk,
    WorkflowConfig,
    WorkflowMetadata,
    WorkflowRuntime,
)


async def review(inputs: Any, runtime: Any) -> dict[str, str]:
    """Show the text to the reader of the stream, and ask."""
    await runtime.write_stream({"type": "draft", "index": 0, "payload": inputs["text"]})
    return {"verdict": await runtime.interact(f"Publish {inputs['text']!r}?", schema=Literal["yes", "no"])}


flow = Workflow(WorkflowConfig(metadata=WorkflowMetadata(id="publish", name="publish")))
flow.set_start_comp("start", Start({"inputs": [{"id": "text", "required": "true"}]}), inputs_schema={"text": "${text}"})
flow.add_workflow_comp("review", review, inputs_schema={"text": "${start.text}"})
flow.set_end_comp("end", End(), inputs_schema={"text": "${start.text}", "verdict": "${review.verdict}"})
flow.add_connection("start", "review").add_connection("review", "end")

app = FastAPI(title="publish")


class Answers(BaseModel):
    """Answers by component id."""

    answers: dict[str, Any]


@app.post("/sessions/{session_id}/start")
async def start(session_id: str, inputs: Annotated[dict[str, Any], Body()]) -> StreamingResponse:
    """Start a run, and stream what it shows, asks and gives."""
    return _streamed(session_id, inputs)


@app.post("/sessions/{session_id}/answer")
async def answer(session_id: str, given: Answers) -> StreamingResponse:
    """Answer questions, and stream what follows; no answers go on with a failed run."""
    answers = InteractiveInput()
    for id, value in given.answers.items():
        answers.update(id, value)
    return _streamed(session_id, answers)


@app.get("/pending")
async def pending() -> list[dict[str, Any]]:
    """What waits for somebody, in all sessions."""
    return [
        {"session": one.session_id, "since": one.since, "id": one.output.id, "value": one.output.value}
        for one in await flow.pending()
    ]


@app.exception_handler(JiuWenBaseException)
async def refused(_: Any, error: JiuWenBaseException) -> JSONResponse:
    """What is refused before anything is streamed."""
    return JSONResponse({"code": error.error_code, "message": error.message}, status_code=409)


def _streamed(session_id: str, given: Any) -> StreamingResponse:
    return StreamingResponse(_events(session_id, given), media_type="text/event-stream")


async def _events(session_id: str, given: Any) -> AsyncIterator[str]:
    """Server-sent events: one a frame; an error is the last one."""
    runtime = WorkflowRuntime(session_id=session_id)
    try:
        async for frame in flow.stream(given, runtime, stream_modes=[BaseStreamMode.OUTPUT]):
            yield f"data: {_as_json(frame)}\n\n"
    except JiuWenBaseException as error:
        yield f"event: error\ndata: {JSONResponse({'codes': error.codes, 'message': error.message}).body.decode()}\n\n"


def _as_json(frame: WorkflowChunk) -> str:
    payload = getattr(frame, "payload", None)
    schema = {"schema": payload.answer_schema} if isinstance(payload, InteractionOutput) else {}
    return JSONResponse({**frame.model_dump(mode="json"), **schema}).body.decode()
