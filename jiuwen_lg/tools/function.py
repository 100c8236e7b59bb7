"""Functions as tools.

Facts: openJiuwen 0.1.1, `components.md` 5.2.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, overload

from jiuwen_lg.errors import StatusCode
from jiuwen_lg.schema.values import maybe_await
from jiuwen_lg.tools.annotation import AnnotatedParam, absent, params_of
from jiuwen_lg.tools.base import Tool
from jiuwen_lg.tools.param import Param, fields_of, with_defaults


class LocalFunction(Tool):
    """A function as a tool.

    Args:
        name: What a language model calls it by.
        description: Its description for a language model.
        params: What it takes; read from its annotations if nothing is said.
        func: The function, async or not; one that is not runs in a thread of its own when it is awaited.
    """

    is_service = False

    def __init__(
        self,
        name: str,
        description: str | None = None,
        params: Sequence[Param] | None = None,
        func: Callable[..., Any] | None = None,
    ) -> None:
        if not callable(func):
            raise StatusCode.PLUGIN_PARAMS_CHECK_FAILED.error(reason=f"tool [{name}] needs a function, not {func!r}")
        self.name = name
        self.description: str = description if description is not None else inspect.getdoc(func) or ""
        self.params: list[Param] = list(params) if params is not None else params_of(func)
        self.func = func

    def invoke(self, inputs: dict[str, Any], **kwargs: Any) -> Any:
        """Call it with the inputs and the defaults of what is missing, and wait.

        Raises:
            JiuWenBaseException: 182000, it is async.
        """
        if inspect.iscoroutinefunction(self.func):
            return super().invoke(inputs)
        return self.func(**self._arguments(inputs))

    async def ainvoke(self, inputs: dict[str, Any], **kwargs: Any) -> Any:
        """Call it with the inputs and the defaults of what is missing.

        Raises:
            JiuWenBaseException: 182005, an argument is not what its annotation says.
        """
        return await self.ainvoke_checked(self._arguments(inputs))

    async def ainvoke_checked(self, arguments: dict[str, Any]) -> Any:
        arguments = {**absent(self.params, arguments), **arguments}
        if inspect.iscoroutinefunction(self.func):
            return await self.func(**arguments)
        return await maybe_await(await asyncio.to_thread(self.func, **arguments))

    def _arguments(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs and the defaults of what is missing, each as its annotation says if it has one."""
        given = with_defaults(self.params, inputs)
        annotated = [param for param in self.params if isinstance(param, AnnotatedParam)]
        converted = {**given, **fields_of(annotated, given, "")} if annotated else given
        return {**absent(self.params, converted), **converted}


@overload
def tool(func: Callable[..., Any], /) -> LocalFunction: ...


@overload
def tool(
    func: None = None, /, *, name: str = "", description: str | None = None, params: Sequence[Param] | None = None
) -> Callable[[Callable[..., Any]], LocalFunction]: ...


def tool(
    func: Callable[..., Any] | None = None,
    /,
    *,
    name: str = "",
    description: str | None = None,
    params: Sequence[Param] | None = None,
) -> Any:
    """Make a function a tool, bare or with arguments; what is not said is read from the function.

    Raises:
        JiuWenBaseException: 182005, the annotation of a parameter is none that a tool can have.

    Examples:
        >>> @tool
        ... def forecast(city: str, days: int = 1) -> str:
        ...     "Tells the weather of a city."
        ...     return f"{city}: rain for {days} days"
        >>> forecast.description, [(param.name, param.required) for param in forecast.params]
        ('Tells the weather of a city.', [('city', True), ('days', False)])
    """

    def make(function: Callable[..., Any]) -> LocalFunction:
        return LocalFunction(name or function.__name__, description, params, function)

    return make if func is None else make(func)
