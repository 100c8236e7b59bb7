"""HTTP connections to models: one set for each event loop, closed with it.

Connections that were opened in one event loop fail in the next one, which `asyncio.run` makes each time.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from jiuwen_lg.address import address_now, address_of
from jiuwen_lg.models.bounds import MAX_RESPONSE_BYTES, PACKINGS, bound, stamp
from jiuwen_lg.request_log import unlogged
from jiuwen_lg.tls import is_customized, tls_context


@dataclass(frozen=True, slots=True)
class Kind:
    """The key of a set of connections.

    Attributes:
        is_public: Whether they lead to public addresses only, and follow no redirect.
        tls: What the environment says of certificates; empty for plain HTTP.
        max_bytes: How long an answer may be.
        has_deadline: Whether the timeout of a request bounds its whole answer, not only each pause in it.
    """

    is_public: bool
    tls: tuple[str | None, ...]
    max_bytes: int = MAX_RESPONSE_BYTES
    has_deadline: bool = False

    @classmethod
    def of(cls, base: str, *, is_public: bool, max_bytes: int = MAX_RESPONSE_BYTES) -> Kind:
        """The kind for a service at an address."""
        names = ("LLM_SSL_VERIFY", "LLM_SSL_CERT", "SAFE_CERT_DIR") if base.startswith("https:") else ()
        return cls(is_public, tuple(os.environ.get(name) for name in names), max_bytes, has_deadline=True)

    @property
    def options(self) -> dict[str, Any]:
        """The options of an HTTP client.

        Raises:
            JiuWenBaseException: 188000 or 188005, the certificate that `LLM_SSL_CERT` names cannot be used.
        """
        verify = {"verify": tls_context("LLM")} if self.tls and is_customized("LLM") else {}
        return {"follow_redirects": not self.is_public, "headers": PACKINGS, **verify}


_open: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Kind, asyncio.Task[Connections]]] = WeakKeyDictionary()


class Connections:
    """The connections of one event loop.

    Attributes:
        http: The client that has them.
        sync_http: One for synchronous calls, which `ChatOpenAI` wants to have as well.
    """

    def __init__(self, kind: Kind) -> None:
        import langchain_openai  # noqa: F401 - takes a second, so not in the event loop
        from openai import DefaultAsyncHttpxClient

        class Unlogged(DefaultAsyncHttpxClient):
            async def send(self, *arguments: Any, **options: Any) -> Any:
                with unlogged():
                    return await super().send(*arguments, **options)

        self.http: DefaultAsyncHttpxClient = Unlogged(**kind.options, event_hooks=_hooks(kind))
        self.sync_http: Any = sync_http(kind)
        self._kept: AsyncIterator[None] | None = None

    async def keep(self, kind: Kind) -> None:
        """Stay open while the event loop runs: a loop that ends closes the generators begun in it."""
        loop = asyncio.get_running_loop()

        async def open_while_loop_runs() -> AsyncIterator[None]:
            try:
                yield
            finally:
                _open.get(loop, {}).pop(kind, None)
                self.sync_http.close()
                await self.http.aclose()

        self._kept = open_while_loop_runs()
        await anext(self._kept)


async def connections(kind: Kind) -> Connections:
    """The connections of the running event loop.

    Raises:
        JiuWenBaseException: 188000 or 188005, the certificate that `LLM_SSL_CERT` names cannot be used.
    """
    for ended in [loop for loop in _open if loop.is_closed()]:  # closed without winding up its generators
        del _open[ended]
    loop = asyncio.get_running_loop()
    tasks = _open.setdefault(loop, {})
    if kind not in tasks or _has_failed(tasks[kind]):
        tasks[kind] = loop.create_task(_connect(kind))
    return await asyncio.shield(tasks[kind])


def _has_failed(task: asyncio.Task[Connections]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


async def _connect(kind: Kind) -> Connections:
    opened = await asyncio.to_thread(Connections, kind)
    await opened.keep(kind)
    return opened


def sync_http(kind: Kind) -> Any:
    """A client for callers without an event loop."""
    from openai import DefaultHttpxClient

    class Unlogged(DefaultHttpxClient):
        def send(self, *arguments: Any, **options: Any) -> Any:
            with unlogged():
                return super().send(*arguments, **options)

    return Unlogged(**kind.options, event_hooks=_hooks_now(kind))


def _hooks(kind: Kind) -> dict[str, list[Any]]:
    """What is done before a request is sent and before its answer is read."""

    async def before(request: Any) -> None:
        if kind.is_public:
            await _to_checked_address(request)
        if kind.has_deadline:
            stamp(request)

    async def after(response: Any) -> None:
        bound(response, kind.max_bytes)

    return {"request": [before], "response": [after]}


def _hooks_now(kind: Kind) -> dict[str, list[Any]]:
    """The same for synchronous callers."""

    def before(request: Any) -> None:
        if kind.is_public:
            _to_checked_address_now(request)
        if kind.has_deadline:
            stamp(request)

    return {"request": [before], "response": [lambda response: bound(response, kind.max_bytes)]}


async def _to_checked_address(request: Any) -> None:
    _lead(request, await address_of(request.url.host, _port(request.url)))


def _to_checked_address_now(request: Any) -> None:
    _lead(request, address_now(request.url.host, _port(request.url)))


def _port(url: Any) -> int:
    return url.port or {"http": 80, "https": 443}[url.scheme]


def _lead(request: Any, address: str | None) -> None:
    """Send a request to the address that its host was found to have; TLS and `Host` keep the name."""
    if address is not None:
        request.extensions["sni_hostname"] = request.url.host
        request.url = request.url.copy_with(host=address)
