"""A tool: something with a name, parameters and a call.

Facts: openJiuwen 0.1.1, `components.md` 5.2.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from jiuwen_lg.errors import StatusCode
from jiuwen_lg.tools.param import Param, object_schema
from jiuwen_lg.tools.tool_info import Parameters, ToolInfo


class Tool:
    """A tool of one's own: override `ainvoke`, or `invoke` if it only works synchronously.

    It answers with a dict of `errCode` (0 if all went well), `errMessage` and `data`.

    Attributes:
        name: What a language model calls it by; what follows `#*` is not told.
        description: Its description for a language model.
        params: What it takes.
        is_service: Whether it answers in that form; else what it gives is the data.
    """

    name: str = ""
    description: str = ""
    params: Sequence[Param] = ()
    is_service = True

    def invoke(self, inputs: dict[str, Any], **kwargs: Any) -> Any:
        """Call it, and wait.

        Raises:
            JiuWenBaseException: 182000, it can only be awaited.
        """
        raise StatusCode.PLUGIN_UNEXPECTED_ERROR.error(
            reason=f"tool [{self.name}] is called by `await tool.ainvoke(…)`"
        )

    async def ainvoke(self, inputs: dict[str, Any], **kwargs: Any) -> Any:
        """Call it; `invoke` runs in a thread of its own."""
        return await asyncio.to_thread(self.invoke, inputs, **kwargs)

    async def ainvoke_checked(self, arguments: dict[str, Any]) -> Any:
        """Call it with arguments that were checked already; what a component does."""
        return await self.ainvoke(arguments)

    def get_tool_info(self) -> ToolInfo:
        """Return the description for a language model."""
        schema = object_schema(self.params or ())
        name = self.name.partition("#*")[0]
        return ToolInfo(name=name, description=self.description or "", parameters=Parameters(**schema))
