"""Tools of MCP servers, over `langchain-mcp-adapters` (`pip install 'jiuwen-lg[mcp]'`).

Facts: openJiuwen 0.1.1, `agents.md` 8.4.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from pydantic import BaseModel, Field

from jiuwen_lg.errors import StatusCode
from jiuwen_lg.tools.base import Tool
from jiuwen_lg.tools.tool_info import ToolInfo

NO_TIMEOUT = -1
"""A timeout that never comes."""

_logger = logging.getLogger(__name__)


class ToolServerConfig(BaseModel):
    """An MCP server.

    Args:
        server_name: What it is called.
        server_path: Its URL; of a `"stdio"` server anything.
        client_type: `"sse"`, `"streamable_http"`, `"stdio"` or `"playwright"` (a server of Playwright's, by its URL).
        params: Of a `"stdio"` server: `command`, `args`, `env`, `cwd`. Of the others: `headers`, for instance.
    """

    server_name: str
    server_path: str
    client_type: str = "sse"
    params: dict[str, Any] = Field(default_factory=dict)


class McpToolInfo(ToolInfo):
    """What a server tells of a tool.

    Args:
        input_schema: The JSON schema of its arguments.
        server_name: The server.
    """

    parameters: Any = None
    input_schema: dict[str, Any] = Field(default_factory=dict)
    server_name: str = ""


class McpToolClient:
    """A connection to an MCP server: `connect` first, in the event loop that uses it.

    Args:
        server_path: Its URL.
        name: What it is called.
        params: Further fields of the connection.
    """

    _transport = "sse"

    def __init__(self, server_path: str, name: str = "", params: dict[str, Any] | None = None) -> None:
        self.server_path = server_path
        self.name = name
        self.params: dict[str, Any] = dict(params or {})
        self._session: Any = None
        self._held: asyncio.Task[None] | None = None
        self._leave: asyncio.Event | None = None

    async def connect(self, *, timeout: float = NO_TIMEOUT) -> bool:  # noqa: ASYNC109
        """Connect; False if the server cannot be reached, and why not is logged.

        Args:
            timeout: Seconds; a number below 0 for none.

        Raises:
            JiuWenBaseException: 182000, `langchain-mcp-adapters` is not installed.
        """
        await self.disconnect()
        _require_adapters()
        ready: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._leave = asyncio.Event()
        # The session is entered and left in one task, as its task groups demand.
        self._held = asyncio.create_task(self._hold(ready, self._leave))
        try:
            self._session = await asyncio.wait_for(ready, _seconds(timeout))
        except (Exception, asyncio.CancelledError) as error:
            await self.disconnect()
            if isinstance(error, asyncio.CancelledError) and (task := asyncio.current_task()) and task.cancelling():
                raise
            _logger.warning("MCP server [%s] at %s cannot be reached: %r", self.name, self.server_path, error)
            return False
        return True

    async def _hold(self, ready: asyncio.Future[Any], leave: asyncio.Event) -> None:
        from langchain_mcp_adapters.sessions import create_session

        try:
            async with create_session(cast("Any", self._connection())) as session:
                await session.initialize()
                if not ready.done():
                    ready.set_result(session)
                await leave.wait()
        except BaseException as error:  # noqa: BLE001 - the caller that connects gets it
            if not ready.done():
                ready.set_exception(_first(error))
            elif not leave.is_set():
                _logger.warning("MCP server [%s] is gone: %r", self.name, _first(error))
        finally:
            self._session = None

    def _connection(self) -> dict[str, Any]:
        return {"transport": self._transport, "url": self.server_path, **self.params}

    async def disconnect(self, *, timeout: float = NO_TIMEOUT) -> bool:  # noqa: ASYNC109
        """Leave the server; True, also if there is no connection."""
        held, leave, self._held, self._session = self._held, self._leave, None, None
        if held is None or leave is None:
            return True
        if held.get_loop() is not asyncio.get_running_loop():
            return True  # that loop has ended, and the connection with it
        leave.set()
        with suppress(Exception, asyncio.CancelledError):
            await asyncio.wait_for(held, _seconds(timeout) or _LEAVING)
        return True

    async def list_tools(self, *, timeout: float = NO_TIMEOUT) -> list[McpToolInfo]:  # noqa: ASYNC109
        """What the server offers.

        Raises:
            RuntimeError: There is no connection.
        """
        session, found, cursor = self._connected(), [], None
        while True:
            page = await asyncio.wait_for(session.list_tools(cursor), _seconds(timeout))
            found += [self._info(tool) for tool in page.tools]
            cursor = page.nextCursor
            if not cursor:
                return found

    async def get_tool_info(self, tool_name: str, *, timeout: float = NO_TIMEOUT) -> McpToolInfo | None:  # noqa: ASYNC109
        """What the server tells of a tool, or None.

        Raises:
            RuntimeError: There is no connection.
        """
        return next((tool for tool in await self.list_tools(timeout=timeout) if tool.name == tool_name), None)

    async def call_tool(
        self,
        tool_name: str,
        arguments: dict[str, Any],
        *,
        timeout: float = NO_TIMEOUT,  # noqa: ASYNC109
    ) -> Any:
        """Call a tool: the text of its answer, or a list of its parts if some are no text.

        Raises:
            RuntimeError: There is no connection, or the tool says that it failed.
        """
        session = self._connected()
        answer = await asyncio.wait_for(session.call_tool(tool_name, arguments), _seconds(timeout))
        parts = [part.model_dump(mode="json", exclude_none=True) for part in answer.content]
        is_text = all(part["type"] == "text" for part in parts)
        given: Any = "\n".join(part["text"] for part in parts) if is_text else parts
        if answer.isError:
            raise RuntimeError(f"{given}")
        return given

    def _connected(self) -> Any:
        if self._session is None:
            raise RuntimeError(f"MCP server [{self.name}] is not connected: await client.connect()")
        return self._session

    def _info(self, tool: Any) -> McpToolInfo:
        return McpToolInfo(
            name=tool.name,
            description=tool.description or "",
            input_schema=dict(tool.inputSchema or {}),
            server_name=self.name,
        )


_LEAVING = 10.0
"""Seconds that a server may take to end."""


class SseClient(McpToolClient):
    """A connection to a server that speaks server-sent events."""


class PlaywrightClient(SseClient):
    """A connection to a server of Playwright's, by its URL."""


class StreamableHttpClient(McpToolClient):
    """A connection to a server that speaks streamable HTTP."""

    _transport = "streamable_http"


class StdioClient(McpToolClient):
    """A server as a process of its own: `params` has its `command` and `args`."""

    def _connection(self) -> dict[str, Any]:
        return {"transport": "stdio", "args": [], **self.params}


_CLIENTS: dict[str, type[McpToolClient]] = {
    "sse": SseClient,
    "stdio": StdioClient,
    "playwright": PlaywrightClient,
    "streamable_http": StreamableHttpClient,
    "streamable-http": StreamableHttpClient,
}


class MCPTool(Tool):
    """A tool of an MCP server; it connects again if its connection is gone.

    Args:
        mcp_client: The connection: anything with `call_tool(name, arguments)`.
        tool_info: What the server tells of it.
    """

    is_service = False

    def __init__(self, mcp_client: Any, tool_info: McpToolInfo) -> None:
        self.mcp_client = mcp_client
        self.tool_info = tool_info
        self.name: str = tool_info.name
        self.description: str = tool_info.description

    def get_tool_info(self) -> ToolInfo:
        """What the server tells of it."""
        return self.tool_info

    def named(self, delimiter: str) -> ToolInfo:
        """The same under the server's name and the tool's."""
        name = f"{self.tool_info.server_name}{delimiter}{self.tool_info.name}"
        return self.tool_info.model_copy(update={"name": name})

    async def ainvoke(self, inputs: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """Call it: `{"result": …}`, or `{"error": …}` if that failed."""
        try:
            if isinstance(self.mcp_client, McpToolClient) and self.mcp_client._session is None:  # noqa: SLF001
                await self.mcp_client.connect()
            return {"result": await self.mcp_client.call_tool(self.name, inputs)}
        except Exception as error:  # noqa: BLE001 - whatever a server fails with is the answer
            return {"error": f"Tool invocation failed: {error}"}


@dataclass(frozen=True, slots=True)
class McpServer:
    """A server that was reached.

    Attributes:
        client: The connection.
        tools: Its tools.
    """

    client: McpToolClient
    tools: list[MCPTool]

    async def disconnect(self) -> None:
        """Leave it."""
        await self.client.disconnect()


async def connect_server(config: ToolServerConfig) -> McpServer | None:
    """Connect to a server; None if it cannot be reached, and why not is logged."""
    cls = _CLIENTS.get(config.client_type.lower())
    if cls is None:
        known = ", ".join(sorted(_CLIENTS))
        _logger.warning(
            "MCP server [%s]: no client_type %r; there are %s", config.server_name, config.client_type, known
        )
        return None
    client = cls(config.server_path, config.server_name, config.params)
    if not await client.connect():
        return None
    return McpServer(client, [MCPTool(client, info) for info in await client.list_tools()])


def _require_adapters() -> None:
    try:
        import langchain_mcp_adapters  # noqa: F401
    except ImportError as error:
        reason = f"langchain-mcp-adapters is not installed ({error}): pip install 'jiuwen-lg[mcp]'"
        raise StatusCode.PLUGIN_UNEXPECTED_ERROR.error(reason=reason) from error


def _seconds(timeout: float | None) -> float | None:
    return None if timeout is None or timeout < 0 else timeout


def _first(error: BaseException) -> BaseException:
    """The first single exception of a group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
