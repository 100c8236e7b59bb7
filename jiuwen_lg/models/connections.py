"""HTTP connections to models: one set for each event loop, closed with it.

Connections that were opened in one event loop fail in the next one, which `asyncio.run` makes each time.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

from jiuwen_lg.tls import is_customized, tls_context

Kind: TypeAlias = tuple[bool, str | None, str | None]
"""What tells one set of connections from another: redirects, and how certificates are checked."""

_open: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Kind, asyncio.Task[Connections]]] = WeakKeyDictionary()


class Connections:
    """The connections of one event loop.

    Attributes:
        http: The client that has them.
    """

    def __init__(self, *, follows_redirects: bool) -> None:
        import langchain_openai  # noqa: F401 - takes a second, so not in the event loop
        from openai import DefaultAsyncHttpxClient

        self.http = DefaultAsyncHttpxClient(**http_options(follows_redirects=follows_redirects))
        self._kept: AsyncIterator[None] | None = None

    async def keep(self, kind: Kind) -> None:
        """Stay open while the event loop runs: a loop that ends closes the generators begun in it."""
        loop = asyncio.get_running_loop()

        async def open_while_loop_runs() -> AsyncIterator[None]:
            try:
                yield
            finally:
                _open.get(loop, {}).pop(kind, None)
                await self.http.aclose()

        self._kept = open_while_loop_runs()
        await anext(self._kept)


async def connections(*, follows_redirects: bool = True) -> Connections:
    """The connections of the running event loop.

    Raises:
        JiuWenBaseException: 188005, the certificate that `LLM_SSL_CERT` names cannot be used.
    """
    kind = (follows_redirects, os.environ.get("LLM_SSL_VERIFY"), os.environ.get("LLM_SSL_CERT"))
    loop = asyncio.get_running_loop()
    tasks = _open.setdefault(loop, {})
    if kind not in tasks or _has_failed(tasks[kind]):
        tasks[kind] = loop.create_task(_connect(kind))
    return await asyncio.shield(tasks[kind])


def _has_failed(task: asyncio.Task[Connections]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


async def _connect(kind: Kind) -> Connections:
    opened = await asyncio.to_thread(Connections, follows_redirects=kind[0])
    await opened.keep(kind)
    return opened


def http_options(*, follows_redirects: bool) -> dict[str, Any]:
    """What an HTTP client of OpenAI's is made with; the environment says how certificates are checked."""
    verify = {"verify": tls_context("LLM")} if is_customized("LLM") else {}
    return {"follow_redirects": follows_redirects, **verify}
