"""Calls of language models, recorded once and replayed from then on: a server between the workflow and the model.

The file is JSON and holds no keys: no headers are stored, and a key that an answer repeats is cut out of it.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal, TypeAlias

import httpx

from jiuwen_lg.models.config import ModelConfig

Mode: TypeAlias = Literal["auto", "replay", "record"]
"""`auto` replays a file that is there, and records one that is not."""

_REMOVED = "(key removed)"
_LEAST_SECRET = 8
"""Characters of a key; shorter ones are too likely to be a word of a text."""


class CassetteError(AssertionError):
    """A call that was not recorded, or one that was recorded and not made."""


class Cassette:
    """The calls of one file.

    Args:
        path: The file.
        upstream: The model that is asked while calls are recorded.
        is_recording: Whether calls go to it.

    Attributes:
        calls: The recorded calls: path, request body, status and response.
    """

    def __init__(self, path: str | os.PathLike[str], upstream: ModelConfig, *, is_recording: bool) -> None:
        self.path: Path = Path(path)
        self.is_recording = is_recording
        self.calls: list[dict[str, Any]] = [] if is_recording else _read(self.path)
        self.errors: list[Exception] = []
        self._upstream = upstream.model_info
        self._played: set[int] = set()
        self._lock = threading.Lock()
        self._server = _Server(self)

    @property
    def url(self) -> str:
        """Its base URL, for clients of any kind."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    @property
    def config(self) -> ModelConfig:
        """The model's configuration, led here."""
        info = self._upstream.model_copy(update={"api_base": self.url, "api_key": "cassette"})
        return ModelConfig(model_provider="openai", model_info=info)

    def require_played(self) -> None:
        """Check that every recorded call was made again.

        Raises:
            CassetteError: One was not, or one was made that is not recorded.
        """
        if self.errors:
            raise self.errors[0]
        left = [call["request"] for n, call in enumerate(self.calls) if n not in self._played]
        if left and not self.is_recording:
            raise CassetteError(f"{self.path} holds {len(left)} calls that were not made: {_short(left[0])}")

    def answer(self, path: str, body: Any) -> tuple[int, str, str]:
        """The status, content type and text that answer a request."""
        if self.is_recording:
            return self._recorded(path, body)
        with self._lock:
            for number, call in enumerate(self.calls):
                if number not in self._played and (call["path"], call["request"]) == (path, body):
                    self._played.add(number)
                    return call["status"], call["type"], call["response"]
        known = [_short(call["request"]) for n, call in enumerate(self.calls) if n not in self._played]
        raise CassetteError(f"{self.path} does not hold this call: {_short(body)}; left in it are {known}")

    def _recorded(self, path: str, body: Any) -> tuple[int, str, str]:
        key, base = str(self._upstream.api_key), str(self._upstream.api_base).rstrip("/")
        headers = {"Authorization": f"Bearer {key}"}
        found = httpx.post(f"{base}{path}", json=body, headers=headers, timeout=self._upstream.timeout or 60)
        text = found.text.replace(key, _REMOVED) if len(key) >= _LEAST_SECRET else found.text
        kind = found.headers.get("content-type", "application/json")
        call = {"path": path, "request": body, "status": found.status_code, "type": kind, "response": text}
        with self._lock:
            self.calls.append(call)
            self._played.add(len(self.calls) - 1)
        return found.status_code, kind, text

    def save(self) -> None:
        """Write the file."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        key = str(self._upstream.api_key)
        text = json.dumps(self.calls, ensure_ascii=False, indent=1)
        self.path.write_text(text.replace(key, _REMOVED) if len(key) >= _LEAST_SECRET else text, encoding="utf-8")

    @contextmanager
    def running(self) -> Iterator[Cassette]:
        """Answer until the end; what was recorded is written if nothing failed."""
        with self._server:
            thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
            thread.start()
            try:
                yield self
            finally:
                self._server.shutdown()
                thread.join()
        self.require_played()
        if self.is_recording:
            self.save()


@contextmanager
def cassette(path: str | os.PathLike[str], model: ModelConfig, mode: Mode = "auto") -> Iterator[Cassette]:
    """Replay the calls of a file, or record them.

    Args:
        path: The file; JSON, without keys.
        model: The model, asked only while calls are recorded.
        mode: See `Mode`.

    Yields:
        The cassette: use its `config` (or `url`) instead of the model's.

    Raises:
        CassetteError: A call was made that is not recorded, or a recorded one was not made.
        FileNotFoundError: There is nothing to replay.
        ValueError: The file is damaged, or the mode is unknown.
    """
    if mode not in ("auto", "replay", "record"):
        raise ValueError(f"a cassette's mode is 'auto', 'replay' or 'record', not {mode!r}")
    is_recording = mode == "record" or (mode == "auto" and not Path(path).exists())
    with Cassette(path, model, is_recording=is_recording).running() as running:
        yield running


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        calls: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        fits = isinstance(calls, list) and all(call.keys() >= _KEYS for call in calls)
    except (ValueError, AttributeError) as error:
        raise ValueError(f"{path} is no cassette: {error}") from error
    if not fits:
        raise ValueError(f"{path} is no cassette: it is a list of calls with {sorted(_KEYS)}")
    return calls


_KEYS = frozenset(("path", "request", "status", "type", "response"))


def _short(body: Any) -> str:
    text = json.dumps(body, ensure_ascii=False)
    return text if len(text) <= 300 else f"{text[:299]}…"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, tape: Cassette) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.tape = tape


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            status, kind, text = self.server.tape.answer(self.path.removeprefix("/v1"), body)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test is to hear of it
            self.server.tape.errors.append(error)
            status, kind = 400, "application/json"
            text = json.dumps({"error": {"message": f"{type(error).__name__}: {error}", "code": status}})
        sent = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_: Any) -> None: ...
