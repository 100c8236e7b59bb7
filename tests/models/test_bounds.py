"""Bounds on what a model's service answers: bytes, seconds, and a stream's end, below the SDK and LangChain."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
import time
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from langchain_openai import ChatOpenAI
from pydantic import ValidationError

from jiuwen_lg import BaseModelInfo, JiuWenBaseException, ModelFactory
from jiuwen_lg.models.model import Model

ASK = [{"role": "user", "content": "q"}]


class Raw(ThreadingHTTPServer):
    """Sends the parts of a body as they are, and goes on for ever if it is told to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.headers = {"Content-Type": "application/json"}
        self.parts: Any = []
        self.asked = 0
        self.hung_up = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None: ...


class _Handler(BaseHTTPRequestHandler):
    server: Raw

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked += 1
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            for part in self.server.parts:
                self.wfile.write(part)
                self.wfile.flush()
        except OSError:
            self.server.hung_up.set()

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def raw() -> Iterator[Raw]:
    server = Raw()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def completion(content: str, **choice: Any) -> bytes:
    message = {"role": "assistant", "content": content}
    choices = [{"index": 0, "message": message, "finish_reason": "stop", **choice}]
    return json.dumps({"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": choices}).encode()


def event(content: str = "", finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": finish_reason}
    chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def client(raw: Raw, **more: Any) -> Any:
    return ModelFactory().get_model("openai", "a-key", raw.url, **{"timeout": 20, **more})


async def streamed(raw: Raw, **more: Any) -> str:
    return "".join([chunk.content async for chunk in client(raw, **more).astream("m", ASK)])


def stream(raw: Raw, *parts: bytes) -> None:
    raw.headers, raw.parts = {"Content-Type": "text/event-stream"}, parts


class TestBytes:
    @pytest.mark.parametrize("packing", ["", "gzip", "deflate"])
    async def test_a_reply_is_bounded_unpacked(self, packing: str, raw: Raw) -> None:
        pack = {"": bytes, "gzip": gzip.compress, "deflate": zlib.compress}[packing]
        raw.headers |= {"Content-Encoding": packing} if packing else {}
        raw.parts = [pack(completion("a" * 5000))]
        assert len((await client(raw, max_response_bytes=10_000).ainvoke("m", ASK)).content) == 5000
        with pytest.raises(JiuWenBaseException, match=r"longer than 1000 bytes; max_response_bytes") as error:
            await client(raw, max_response_bytes=1000, max_retries=0).ainvoke("m", ASK)
        assert error.value.error_code == 181001

    async def test_a_stream_is_bounded(self, raw: Raw) -> None:
        stream(raw, *[event("a" * 100)] * 100, event("", "stop"))
        with pytest.raises(JiuWenBaseException, match="longer than 5000 bytes"):
            await streamed(raw, max_response_bytes=5000)

    async def test_the_body_of_an_error_is_bounded(self, raw: Raw) -> None:
        raw.status, raw.parts = 400, [b"x" * 100_000]
        with pytest.raises(JiuWenBaseException, match="longer than 5000 bytes"):
            await client(raw, max_response_bytes=5000).ainvoke("m", ASK)

    async def test_ten_megabytes_unless_it_is_said(self, raw: Raw) -> None:
        raw.headers |= {"Content-Encoding": "gzip"}
        raw.parts = [gzip.compress(completion("a" * (11 << 20)))]
        with pytest.raises(JiuWenBaseException, match="longer than 10485760 bytes"):
            await client(raw).ainvoke("m", ASK)

    async def test_other_packings_are_not_asked_for_and_refused(self, raw: Raw) -> None:
        raw.headers |= {"Content-Encoding": "br"}
        raw.parts = [completion("a")]
        with pytest.raises(JiuWenBaseException, match="packed as 'br'"):
            await client(raw).ainvoke("m", ASK)

    def test_for_synchronous_callers_too(self, raw: Raw) -> None:
        raw.parts = [completion("a" * 5000)]
        with pytest.raises(JiuWenBaseException, match="max_response_bytes"):
            client(raw, max_response_bytes=1000).invoke("m", ASK)

    async def test_a_users_own_chat_model_is_bounded_as_well(self, raw: Raw) -> None:
        raw.headers |= {"Content-Encoding": "gzip"}
        raw.parts = [gzip.compress(completion("a" * (11 << 20)))]
        chat = ChatOpenAI(model="m", api_key="k", base_url=raw.url, max_retries=0)  # type: ignore[arg-type]
        with pytest.raises(JiuWenBaseException, match="10485760"):
            await Model.of(chat).ask(ASK)

    @pytest.mark.parametrize("wrong", [{"max_response_bytes": 0}, {"structured_output": "yaml"}])
    def test_what_makes_no_sense_is_refused_where_it_is_written(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(ValidationError, match=next(iter(wrong))):
            BaseModelInfo(model="m", api_key="k", api_base="http://x", **wrong)


class TestSeconds:
    def endless(self, raw: Raw) -> None:
        def parts() -> Iterator[bytes]:
            while True:
                yield event("a")
                time.sleep(0.005)  # a service that drips

        stream(raw)
        raw.parts = parts()

    async def test_the_timeout_bounds_a_whole_stream(self, raw: Raw) -> None:
        self.endless(raw)
        with pytest.raises(JiuWenBaseException, match="no answer in time"):
            await streamed(raw, timeout=0.3)
        assert await asyncio.to_thread(raw.hung_up.wait, 10)

    async def test_and_a_reply_that_drips(self, raw: Raw) -> None:
        self.endless(raw)
        raw.headers = {"Content-Type": "application/json"}
        with pytest.raises(JiuWenBaseException, match="no answer in time"):
            await client(raw, timeout=0.3).ainvoke("m", ASK)

    def test_and_a_synchronous_stream(self, raw: Raw) -> None:
        self.endless(raw)
        with pytest.raises(JiuWenBaseException, match="no answer in time"):
            list(client(raw, timeout=0.3).stream("m", ASK))

    async def test_a_cancelled_stream_hangs_up(self, raw: Raw) -> None:
        self.endless(raw)
        seen = asyncio.Event()

        async def read() -> None:
            async for _ in client(raw).astream("m", ASK):
                seen.set()

        task = asyncio.create_task(read())
        await seen.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(raw.hung_up.wait, 10)


class TestEnds:
    @pytest.mark.parametrize(
        "end", [event("", "stop"), event("", "length"), b"data: [DONE]\n\n", event("", "stop") + b"data:[DONE]\n\n"]
    )
    async def test_a_stream_that_says_so_is_whole(self, end: bytes, raw: Raw) -> None:
        stream(raw, event("he"), event("llo"), end)
        assert await streamed(raw) == "hello"

    @pytest.mark.parametrize("said", ["", '"finish_reason": "stop"', "data: [DONE]", 'x\n"finish_reason":"stop"'])
    async def test_one_that_just_ends_is_an_error_whatever_its_text_says(self, said: str, raw: Raw) -> None:
        stream(raw, event("he"), event(said))
        with pytest.raises(JiuWenBaseException, match=r"no finish_reason, no \[DONE\]"):
            await streamed(raw)

    @pytest.mark.parametrize("step", [1, 3, 50])
    async def test_in_parts_of_any_length(self, step: int, raw: Raw) -> None:
        whole = event("你好") + event("", "stop")
        stream(raw, *(whole[at : at + step] for at in range(0, len(whole), step)))
        assert await streamed(raw) == "你好"

    async def test_a_refusal_in_a_stream_is_an_error(self, raw: Raw) -> None:
        parts = [event("x").replace(b'"content": "x"', b'"refusal": "I can"'), event("", "stop")]
        parts.insert(1, event("x").replace(b'"content": "x"', b'"refusal": "not"'))
        stream(raw, *parts)
        with pytest.raises(JiuWenBaseException, match="the model refused to answer: I cannot"):
            await streamed(raw)
