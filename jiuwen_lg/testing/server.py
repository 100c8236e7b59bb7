"""A language model on this machine: plays scripted replies over OpenAI's protocol."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from jiuwen_lg.models.config import BaseModelInfo, ModelConfig

KEY = "sk-test-4f1c9a7e2b"
"""The key that its clients send; nothing else may tell it."""


class ModelServer(ThreadingHTTPServer):
    """Answers with its replies in turn, then with the last one; or with what a function makes of the request.

    A reply is a text; a list of texts, the parts of a streamed one; a dict, the message (with `tool_calls`, say);
    a number, the status of an error; bytes, the whole body; or a pair of bytes and a status.

    Attributes:
        replies: What it says.
        answer: A function of the request's body that gives a reply; counts instead of `replies`.
        requests: The bodies that it got.
        headers: The headers that came with them.
        seconds: How long each answer takes.
        gate: While it is cleared, nobody gets an answer.
        errors: What went wrong in here, in `answer` for instance; whoever asked got status 500.
    """

    daemon_threads = True
    request_queue_size = 512

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.replies: list[Any] = ["hi"]
        self.answer: Callable[[dict[str, Any]], Any] | None = None
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.seconds: float = 0.0
        self.gate: threading.Event = threading.Event()
        self.gate.set()
        self.errors: list[Exception] = []
        self._arrived = threading.Condition()

    @property
    def url(self) -> str:
        """The base URL for clients."""
        return f"http://127.0.0.1:{self.server_port}/v1"

    def config(self, model: str = "gpt-test", **more: Any) -> ModelConfig:
        """A `ModelConfig` that leads here.

        Args:
            model: The model's name.
            more: Further fields of `BaseModelInfo`.
        """
        info = BaseModelInfo(**{"model": model, "api_base": self.url, "api_key": KEY, "timeout": 30, **more})
        return ModelConfig(model_provider="openai", model_info=info)

    def asked(self, number: int = -1) -> list[dict[str, Any]]:
        """The messages of a request."""
        messages: list[dict[str, Any]] = self.requests[number]["messages"]
        return messages

    def wait_for(self, number: int, seconds: float = 30.0) -> None:
        """Wait until so many requests have come.

        Raises:
            TimeoutError: They have not.
        """
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self.requests) >= number, seconds):
                raise TimeoutError(f"{len(self.requests)} requests came within {seconds:g} s, not {number}")

    def reply_to(self, body: dict[str, Any], headers: dict[str, str]) -> Any:
        """The reply to a request, which is recorded."""
        with self._arrived:
            self.requests.append(body)
            self.headers.append({name.title(): value for name, value in headers.items()})
            reply = self.replies[min(len(self.requests), len(self.replies)) - 1] if self.replies else None
            self._arrived.notify_all()
        self.gate.wait(10)
        time.sleep(self.seconds)
        reply = reply if self.answer is None else self.answer(body)
        if reply is None:
            raise ValueError("the server has nothing to reply: give it replies")
        return reply

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that has gone is nothing to tell of; anything else is kept in `errors`."""
        error = sys.exception()
        if isinstance(error, Exception) and not isinstance(error, ConnectionError):
            self.errors.append(error)


class _Handler(BaseHTTPRequestHandler):
    server: ModelServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            reply = self.server.reply_to(body, dict(self.headers))
        except Exception as error:  # noqa: BLE001 - the test's own function
            self.server.errors.append(error)
            text = f"the test's model server failed: {type(error).__name__}: {error}"
            self._send(500, {"error": {"message": text, "code": 500}})
            return
        if isinstance(reply, int):
            self._send(reply, {"error": {"message": f"refused {self.headers['Authorization']}", "code": reply}})
        elif isinstance(reply, bytes):
            self._send(200, reply)
        elif isinstance(reply, tuple):
            self._send(reply[1], reply[0])
        elif body.get("stream"):
            self._stream(reply)
        else:
            self._send(200, _completion(reply, body))

    def _send(self, status: int, body: Any) -> None:
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)
        self.wfile.flush()

    def _stream(self, reply: Any) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for delta, finish_reason in [*((delta, None) for delta in _deltas(reply)), ({}, "stop")]:
            choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
            chunk = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
            self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
            self.wfile.flush()
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def log_message(self, *_: Any) -> None: ...


def _completion(reply: Any, body: dict[str, Any]) -> dict[str, Any]:
    message = reply if isinstance(reply, dict) else {"content": "".join(reply) if isinstance(reply, list) else reply}
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    common = {"id": "x", "object": "chat.completion", "created": 1, "model": body.get("model", "m")}
    return {**common, "choices": [choice], "usage": usage}


def _deltas(reply: Any) -> list[dict[str, Any]]:
    parts = reply if isinstance(reply, list) else [reply]
    return [part if isinstance(part, dict) else {"role": "assistant", "content": part} for part in parts]
