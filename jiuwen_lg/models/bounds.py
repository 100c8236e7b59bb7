"""Bounds on what a model's service may answer: how long in bytes, how long in seconds, and that a stream has an end.

They are set as hooks of an HTTP client, so that they hold below the SDK and LangChain, for every kind of answer:
a reply, a stream, the body of an error.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
import zlib
from collections.abc import AsyncIterator, Iterator
from functools import cache
from typing import Any

from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.unpacking import TooLongError, Unpacker

MAX_RESPONSE_BYTES = 10 * 1024 * 1024
"""Unless `max_response_bytes` says otherwise."""

PACKINGS = {"Accept-Encoding": "gzip, deflate"}
"""What is asked for: these are counted while they are unpacked."""

_DEADLINE = "jiuwen_lg_deadline"
_SMALL = 2048
"""In bytes: a packed part that is longer is unpacked in a thread."""

_END = re.compile(
    rb'(?<!\\)"finish_reason"\s{0,9}:\s{0,9}"|^data:\s{0,9}\[DONE\]'
    rb'|(?<!\\)"type"\s{0,9}:\s{0,9}"response\.(?:completed|incomplete|failed)"',
    re.MULTILINE,
)
_TAIL = 100
"""In bytes: what `_END` finds is shorter."""


def stamp(request: Any) -> None:
    """Note when the answer to a request must have come; redirects do not begin anew."""
    seconds = (request.extensions.get("timeout") or {}).get("read")
    if seconds is not None:
        request.extensions.setdefault(_DEADLINE, time.monotonic() + seconds)


def bound(response: Any, limit: int) -> None:
    """Put the bounds around the body of an answer, before anything of it is read.

    Raises:
        JiuWenBaseException: 181001, it is packed in a way that cannot be counted.
    """
    try:
        unpacker = Unpacker(response.headers.pop("Content-Encoding", ""), limit)
    except ValueError as error:
        raise _failed(f"its answer cannot be unpacked: {error}") from error
    is_stream = response.headers.get("Content-Type", "").lower().startswith("text/event-stream")
    kind = _body_class(_library_of(response), is_async=hasattr(response.stream, "__aiter__"))
    response.stream = kind(response, unpacker, expects_end=is_stream and response.is_success)


def _library_of(response: Any) -> Any:
    """The HTTP library that an answer is of: the SDK chooses it (httpx, or a successor of the same shape)."""
    return sys.modules[type(response).__module__.partition(".")[0]]


@cache
def _body_class(library: Any, *, is_async: bool) -> Any:
    """The body class as one of the library's own streams, which it insists on."""
    ours, theirs = (_AsyncBody, library.AsyncByteStream) if is_async else (_SyncBody, library.SyncByteStream)
    return type(ours.__name__, (ours, theirs), {"late": library.ReadTimeout})


class _Body:
    """The body of an answer within its bounds."""

    late: Any = TimeoutError
    """The library's error for an answer that takes too long."""

    def __init__(self, response: Any, unpacker: Unpacker, *, expects_end: bool) -> None:
        self._inner: Any = response.stream
        self._request = response.request
        self._deadline: float | None = response.request.extensions.get(_DEADLINE)
        self._unpacker = unpacker
        self._expects_end = expects_end
        self._tail = b""

    def _fed(self, part: bytes) -> bytes:
        try:
            found = self._unpacker.feed(part)
        except TooLongError as error:
            raise _failed(f"its answer: {error}; max_response_bytes bounds it") from error
        except zlib.error as error:
            raise _failed(f"its answer cannot be unpacked: {error}") from error
        if self._expects_end:
            seen = self._tail + found
            self._expects_end = _END.search(seen) is None
            self._tail = seen[-_TAIL:]
        return found

    def _end(self) -> None:
        """Check that the body is whole."""
        try:
            self._unpacker.end()
        except ValueError as error:
            raise _failed(f"its answer: {error}") from error
        if self._expects_end:
            raise _failed("its stream ended without saying so (no finish_reason, no [DONE]), so the answer is a part")

    def _late(self) -> Any:
        return self.late("the whole answer did not come in time", request=self._request)


class _AsyncBody(_Body):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        parts = aiter(self._inner)
        while (part := await self._next(parts)) is not None:
            is_long = self._unpacker.is_packed and len(part) > _SMALL
            yield await asyncio.to_thread(self._fed, part) if is_long else self._fed(part)
        self._end()

    async def _next(self, parts: AsyncIterator[bytes]) -> bytes | None:
        rest = None if self._deadline is None else max(0.0, self._deadline - time.monotonic())
        try:
            async with asyncio.timeout(rest):
                return await anext(parts, None)
        except TimeoutError as error:
            raise self._late() from error

    async def aclose(self) -> None:
        await self._inner.aclose()


class _SyncBody(_Body):
    def __iter__(self) -> Iterator[bytes]:
        for part in self._inner:
            if self._deadline is not None and time.monotonic() > self._deadline:
                raise self._late()
            yield self._fed(part)
        self._end()

    def close(self) -> None:
        self._inner.close()


def _failed(reason: str) -> JiuWenBaseException:
    error = StatusCode.MODEL_CALL_FAILED.error(error_msg=f"the service answers, but {reason}")
    error.details["status"] = None
    return error
