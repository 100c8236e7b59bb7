"""An MCP server: a process that speaks over its own input and output."""

from __future__ import annotations

import logging

from mcp.server.fastmcp import FastMCP

server = FastMCP("bank")
_calls: list[int] = []


@server.tool()
def rate(currency: str) -> str:
    """The rate of a currency."""
    if currency == "bad":
        raise ValueError("no such currency")
    return f"{currency}: 1.1"


@server.tool()
def count() -> str:
    """How often it was called."""
    _calls.append(1)
    return str(len(_calls))


if __name__ == "__main__":
    logging.disable()
    server.run("stdio")
