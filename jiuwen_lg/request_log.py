"""Requests of ours in the logs of HTTP libraries: where they went, without what they carried.

httpx logs each request at INFO with its whole URL, in which stand values of inputs and keys.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_LIBRARIES = ("httpx", *(f"httpcore.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")))

_is_ours: ContextVar[bool] = ContextVar("is_ours", default=False)


@contextmanager
def unlogged() -> Iterator[None]:
    """Keep the requests that are made in the block out of the logs, but for their method, host and status."""
    for name in _LIBRARIES:
        logging.getLogger(name).addFilter(_without_values)  # the same filter is added once
    token = _is_ours.set(True)
    try:
        yield
    finally:
        _is_ours.reset(token)


def _without_values(record: logging.LogRecord) -> bool:
    """A logging filter: shorten URLs, and drop what shows headers (DEBUG)."""
    if not _is_ours.get():
        return True
    if isinstance(record.args, tuple):
        record.args = tuple(map(_shortened, record.args))
    return record.levelno > logging.DEBUG


def _shortened(argument: Any) -> Any:
    scheme, host = getattr(argument, "scheme", None), getattr(argument, "netloc", None)
    if not scheme or not host:
        return argument
    return f"{scheme}://{host.decode(errors='replace') if isinstance(host, bytes) else host}/…"
