"""An MCP server with one tool: the rate of a currency."""

from __future__ import annotations

from mcp.server.fastmcp import FastMCP

RATES = {"USD": 1.1, "CNY": 7.9}
server = FastMCP("bank", log_level="WARNING")


@server.tool()
def rate(currency: str) -> str:
    """What one euro costs in a currency: USD or CNY."""
    if currency not in RATES:
        raise ValueError(f"there is no rate of {currency!r}, only of {', '.join(RATES)}")
    return f"{RATES[currency]}"


if __name__ == "__main__":
    server.run()
