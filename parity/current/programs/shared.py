"""What the programs share: marked lines, and a small service that plays a model and an API."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MARK = "= "


def show(*parts):
    for line in " ".join(str(part) for part in parts).split("\n"):
        print(MARK + line, flush=True)


class _Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def _answer(self):
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if not self.path.endswith("/chat/completions"):
            status = int(self.path[2:5]) if self.path.startswith("/-") else 200
            return self._send(
                {"method": self.command, "path": self.path, "body": text, "key": self.headers.get("X-Key")}, status
            )
        body = json.loads(text)
        self.server.seen.append(body)
        reply = self.server.reply(body["messages"])
        head = {"id": "1", "created": 1, "model": body["model"]}
        if not body.get("stream"):
            message = {"role": "assistant", "content": reply}
            choice = {"index": 0, "finish_reason": "stop", "message": message}
            usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
            return self._send({**head, "object": "chat.completion", "choices": [choice], "usage": usage})
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for word in reply.split(" "):
            delta = {"index": 0, "delta": {"role": "assistant", "content": word + "_"}, "finish_reason": None}
            chunk = {**head, "object": "chat.completion.chunk", "choices": [delta]}
            self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    do_GET = do_POST = do_PUT = _answer

    def _send(self, body, status=200):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def service(reply=lambda messages: ""):
    """Start it; its address, and what the model was asked."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Service)
    server.reply, server.seen = reply, []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}", server.seen


def model_at(url):
    from openjiuwen.core.foundation.llm import ModelClientConfig, ModelRequestConfig

    client = ModelClientConfig(
        client_provider="OpenAI", api_key="k", api_base=url + "/v1", timeout=20, verify_ssl=False
    )
    return {"model_client_config": client, "model_config": ModelRequestConfig(model="played", temperature=0.5)}


def flow_of(*parts, end=None, card=None, start=None):
    """A straight workflow: start, the parts as (id, component, inputs schema, options), end."""
    from openjiuwen.core.workflow import End, Start, Workflow

    flow = Workflow(card=card) if card is not None else Workflow()
    flow.set_start_comp("in", Start(), inputs_schema=start or {"x": "${x}"})
    previous = "in"
    for part in parts:
        name, component, inputs, options = (*part, None, None)[:4]
        flow.add_workflow_comp(name, component, inputs_schema=inputs, **(options or {}))
        flow.add_connection(previous, name)
        previous = name
    conf, schema = end if isinstance(end, tuple) else (None, end or {"x": "${in.x}"})
    flow.set_end_comp("out", End(conf), inputs_schema=schema)
    return flow.add_connection(previous, "out")
