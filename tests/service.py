"""An HTTP service on this machine, for the tools that call one."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class Service(ThreadingHTTPServer):
    """Answers as it is told, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[dict[str, Any]] = []
        self.status, self.body, self.kind = 200, b"{}", "application/json"
        self.headers: dict[str, str] = {}
        self.gate = threading.Event()
        self.gate.set()
        self.scheme = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that has gone is nothing to tell of."""


class _Handler(BaseHTTPRequestHandler):
    server: Service

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        url = urlsplit(self.path)
        query = {"query": parse_qs(url.query, keep_blank_values=True), "raw_query": url.query}
        asked = {"method": self.command, "path": url.path, **query}
        self.server.requests.append({**asked, "headers": dict(self.headers), "body": self.rfile.read(length)})
        self.server.gate.wait(10)
        self.send_response(self.server.status)
        for name, value in {"Content-Type": self.server.kind, **self.server.headers}.items():
            self.send_header(name, value)
        if self.server.status != 204:
            self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    do_POST = do_PUT = do_DELETE = do_PATCH = do_GET  # noqa: N815 - the base class names them so

    def log_message(self, *_: Any) -> None: ...
