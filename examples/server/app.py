"""A workflow behind HTTP: frames are streamed, answers are taken, sessions outlive the server.

pip install fastapi uvicorn
TOKEN=$(openssl rand -hex 16) uvicorn app:app

curl -N localhost:8000/sessions/1/start -H "Authorization: Bearer $TOKEN" --json '{"text": "hello"}'
curl -N localhost:8000/sessions/1/answer -H "Authorization: Bearer $TOKEN" --json '{"answers": {"review": "yes"}}'
curl localhost:8000/pending -H "Authorization: Bearer $TOKEN"

Without TOKEN it serves this machine only. MAX_BODY (bytes) and MAX_STREAMS bound what callers may take.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Annotated, Any, Literal

from fastapi import Body, FastAPI, Path
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel

from jiuwen_lg import (
    BaseStreamMode,
    End,
    InteractionOutput,
    InteractiveInput,
    JiuWenBaseException,
    Start,
    StatusCode,
    Workflow,
    WorkflowChunk,
    WorkflowConfig,
    WorkflowMetadata,
    WorkflowRuntime,
)

TOKEN = os.environ.get("TOKEN", "")
MAX_BODY = int(os.environ.get("MAX_BODY", "100_000"))
MAX_STREAMS = int(os.environ.get("MAX_STREAMS", "100"))
PATIENCE = 10.0
"""Seconds in which a refusal, or the first frame, is waited for before the status is sent."""

_logger = logging.getLogger("publish")


async def review(inputs: Any, runtime: Any) -> dict[str, str]:
    """Show the text to the reader of the stream, and ask."""
    await runtime.write_stream({"type": "draft", "index": 0, "payload": inputs["text"]})
    return {"verdict": await runtime.interact(f"Publish {inputs['text']!r}?", schema=Literal["yes", "no"])}


flow = Workflow(WorkflowConfig(metadata=WorkflowMetadata(id="publish", name="publish")))
flow.set_start_comp("start", Start({"inputs": [{"id": "text", "required": "true"}]}), inputs_schema={"text": "${text}"})
flow.add_workflow_comp("review", review, inputs_schema={"text": "${start.text}"})
flow.set_end_comp("end", End(), inputs_schema={"text": "${start.text}", "verdict": "${review.verdict}"})
flow.add_connection("start", "review").add_connection("review", "end")


# --- what callers may do ---


class Guard:
    """Lets requests with the token pass, and bodies up to a size (ASGI).

    Args:
        app: What is guarded.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        if not _is_allowed(scope, headers):
            refusal = _refusal(401, "unauthorized", "Send the token: Authorization: Bearer …")
            refusal.headers["WWW-Authenticate"] = "Bearer"
            await refusal(scope, receive, send)
            return
        body = await _body(headers, receive)
        if body is None:
            await _refusal(413, "too_large", f"The body may have {MAX_BODY} bytes.")(scope, receive, send)
            return
        await self._app(scope, _replayed(body, receive), send)


def _is_allowed(scope: Any, headers: dict[bytes, bytes]) -> bool:
    if TOKEN:
        return hmac.compare_digest(headers.get(b"authorization", b""), f"Bearer {TOKEN}".encode())
    client = scope.get("client") or ("",)
    is_passed_on = b"forwarded" in headers or b"x-forwarded-for" in headers  # a proxy on this machine
    try:
        return ipaddress.ip_address(client[0]).is_loopback and not is_passed_on
    except ValueError:
        return client[0] == "testclient"


async def _body(headers: dict[bytes, bytes], receive: Any) -> bytes | None:
    """The request's body; None if it is too long, whatever its headers say."""
    said = headers.get(b"content-length", b"0")
    if said.isdigit() and int(said) > MAX_BODY:
        return None
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _replayed(body: bytes, receive: Any) -> Callable[[], Any]:
    """The body once more, and then what comes: that the caller has hung up."""
    rest = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Any:
        return rest.pop() if rest else await receive()

    return again


_SAYS = {
    StatusCode.WORKFLOW_STATE_EXISTS_ERROR: (
        409,
        "This session is not finished. Answer its questions, or continue it.",
    ),
    StatusCode.SESSION_BUSY: (409, "This session is being run at the moment. Try again when it has stopped."),
    StatusCode.INTERACTION_NOT_PENDING: (409, "Nothing waits for an answer in this session."),
    StatusCode.INTERACTION_UNKNOWN_ID: (409, "That question is not open in this session."),
    StatusCode.INTERACTION_AMBIGUOUS: (409, "Several questions are open: say which one each answer is for."),
    StatusCode.WORKFLOW_CHANGED: (
        409,
        "This session was begun by an older version, which it cannot be continued with.",
    ),
    StatusCode.INTERACTIVE_INVALID_INPUT_ERROR: (409, "That is not an answer to the question."),
    StatusCode.STORE_UNAVAILABLE: (503, "Sessions cannot be reached at the moment. Try again later."),
}
"""What people in front of a browser are told: the messages of errors speak to Python programmers."""
_BY_CODE = {status.code: (status.name.lower(), *said) for status, said in _SAYS.items()}
_FAILED = ("failed", 500, "The run has failed. It can be continued: send no answers.")
_BAD_INPUT = (StatusCode.WORKFLOW_START_MISSING_GLOBAL_VARIABLE_VALUE.code,)


def _said(error: JiuWenBaseException) -> tuple[str, int, str]:
    """An error's name, status and text for a caller."""
    if any(code in _BAD_INPUT for code in error.codes):
        return "bad_input", 422, "An input is missing."
    _logger.warning("%s", error)
    return _BY_CODE.get(error.error_code, _FAILED)


def _refusal(status: int, name: str, text: str, codes: tuple[int, ...] = ()) -> JSONResponse:
    return JSONResponse({"error": name, "message": text, "codes": codes}, status_code=status)


# --- turns ---


class Stream:
    """A turn whose frames go to one reader; who hangs up ends it, and the session can be continued.

    The turn has a task of its own: servers cancel what belongs to a request again and again.

    Args:
        session_id: The session.
        given: Inputs, or answers.
    """

    open = 0

    def __init__(self, session_id: str, given: Any) -> None:
        self._frames: asyncio.Queue[WorkflowChunk | JiuWenBaseException | None] = asyncio.Queue(maxsize=1)
        self._begun: list[WorkflowChunk | JiuWenBaseException | None] = []
        self._task = asyncio.create_task(self._run(session_id, given))
        Stream.open += 1
        self._task.add_done_callback(lambda _: setattr(Stream, "open", Stream.open - 1))

    async def _run(self, session_id: str, given: Any) -> None:
        end: JiuWenBaseException | None = None
        try:
            frames = flow.stream(given, WorkflowRuntime(session_id=session_id), stream_modes=[BaseStreamMode.OUTPUT])
            async with aclosing(frames):
                async for frame in frames:
                    await self._frames.put(frame)
        except JiuWenBaseException as error:
            end = error
        except Exception as error:
            _logger.exception("session [%s]", session_id)
            end = StatusCode.WORKFLOW_EXECUTE_INNER_ERROR.error(error=type(error).__name__)
        await self._frames.put(end)

    async def refusal(self) -> JiuWenBaseException | None:
        """What refuses the turn before it has shown anything."""
        with suppress(TimeoutError):
            self._begun = [await asyncio.wait_for(self._frames.get(), PATIENCE)]
        return self._begun[0] if self._begun and isinstance(self._begun[0], JiuWenBaseException) else None

    async def events(self) -> AsyncIterator[str]:
        """Server-sent events: one a frame; an error is the last one."""
        while (frame := self._begun.pop() if self._begun else await self._frames.get()) is not None:
            if isinstance(frame, JiuWenBaseException):
                name, _, text = _said(frame)
                said = JSONResponse({"error": name, "message": text, "codes": frame.codes}).body.decode()
                yield f"event: error\ndata: {said}\n\n"
                return
            yield f"data: {_as_json(frame)}\n\n"

    def end(self) -> None:
        """End the turn, if nobody reads it any more."""
        self._task.cancel()


class EventStream(StreamingResponse):
    """Sends the frames of a turn; however that ends, the turn does not outlive it."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream.events(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})
        self._stream = stream

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._stream.end()


async def _streamed(session_id: str, given: Any) -> Any:
    if Stream.open >= MAX_STREAMS:
        refusal = _refusal(503, "busy", "Too many sessions are running. Try again in a moment.")
        refusal.headers["Retry-After"] = "1"
        return refusal
    stream = Stream(session_id, given)
    try:
        error = await stream.refusal()
    except BaseException:
        stream.end()
        raise
    if error is not None:
        name, status, text = _said(error)
        return _refusal(status, name, text, error.codes)
    return EventStream(stream)


def _as_json(frame: WorkflowChunk) -> str:
    payload = getattr(frame, "payload", None)
    schema = {"schema": payload.answer_schema} if isinstance(payload, InteractionOutput) else {}
    return JSONResponse({**frame.model_dump(mode="json"), **schema}).body.decode()


# --- the app ---


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Say who may use it."""
    if not TOKEN:
        _logger.warning("TOKEN is not set: only callers on this machine are served")
    yield


app = FastAPI(title="publish", lifespan=lifespan)
app.add_middleware(Guard)

SessionId = Annotated[str, Path(min_length=1, max_length=100, pattern=r"^[\w.-]+$")]


class Answers(BaseModel):
    """Answers by component id."""

    answers: dict[str, Any]


@app.post("/sessions/{session_id}/start")
async def start(session_id: SessionId, inputs: Annotated[dict[str, Any], Body()]) -> Any:
    """Start a run, and stream what it shows, asks and gives."""
    return await _streamed(session_id, inputs)


@app.post("/sessions/{session_id}/answer")
async def answer(session_id: SessionId, given: Answers) -> Any:
    """Answer questions, and stream what follows; no answers continue a failed run."""
    answers = InteractiveInput()
    for id, value in given.answers.items():
        answers.update(id, value)
    return await _streamed(session_id, answers)


@app.get("/pending")
async def pending() -> list[dict[str, Any]]:
    """What waits for somebody, in all sessions."""
    return [
        {"session": one.session_id, "since": one.since, "id": one.output.id, "value": one.output.value}
        for one in await flow.pending()
    ]


@app.exception_handler(JiuWenBaseException)
async def refused(_: Any, error: JiuWenBaseException) -> JSONResponse:
    """What is refused where nothing is streamed."""
    name, status, text = _said(error)
    return _refusal(status, name, text, error.codes)
