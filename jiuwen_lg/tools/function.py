"""Functions as tools.

Facts: openJiuwen 0.1.1, `components.md` 5.2.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_type_hints, overload

from pydantic import TypeAdapter
from pydantic.errors import PydanticUserError

from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.schema.values import maybe_await
from jiuwen_lg.tools.base import Tool
from jiuwen_lg.tools.param import Param, with_defaults


class LocalFunction(Tool):
    """A function as a tool.

    Args:
        name: What a language model calls it by.
        description: What it is told of it.
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
        return self.func(**with_defaults(self.params, inputs))

    async def ainvoke(self, inputs: dict[str, Any], **kwargs: Any) -> Any:
        """Call it with the inputs and the defaults of what is missing."""
        arguments = with_defaults(self.params, inputs)
        if inspect.iscoroutinefunction(self.func):
            return await self.func(**arguments)
        return await maybe_await(await asyncio.to_thread(self.func, **arguments))


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


def params_of(func: Callable[..., Any]) -> list[Param]:
    """A function's parameters by its annotations; those with a default need none.

    Raises:
        JiuWenBaseException: 182005, an annotation is missing or is none that a tool can have.
    """
    hints = get_type_hints(func, include_extras=True)
    found = []
    for name, parameter in inspect.signature(func).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        default = None if parameter.default is parameter.empty else parameter.default
        if name in hints:
            found.append(_annotated(name, hints[name], default, is_optional=parameter.default is not parameter.empty))
        elif parameter.default is parameter.empty:
            raise _unfit(name, "no annotation")
    return found


def _annotated(name: str, annotation: Any, default: Any, *, is_optional: bool) -> Param:
    try:
        schema = TypeAdapter(annotation).json_schema()
    except (PydanticUserError, NameError) as error:
        raise _unfit(name, f"annotation {annotation!r}") from error
    param = _of_schema(name, schema, schema.get("$defs", {}))
    param.required = param.required and not is_optional and "default" not in schema
    if default is not None:
        param.default_value = default
    return param


def _of_schema(name: str, schema: Mapping[str, Any], defs: Mapping[str, Any], depth: int = 0) -> Param:
    """A JSON schema as a parameter."""
    if depth > 20:
        raise _unfit(name, "a type that contains itself")
    described = str(schema.get("description", ""))
    resolved, is_optional = _resolved(name, schema, defs)
    items, _ = _resolved(name, resolved.get("items") or {}, defs)
    inner = items if resolved.get("type") == "array" else resolved
    required = inner.get("required", ())
    fields = [_of_schema(field, part, defs, depth + 1) for field, part in inner.get("properties", {}).items()]
    for field in fields:
        field.required = field.required and field.name in required
    kind = resolved.get("type")
    if kind not in ("string", "number", "integer", "boolean", "array", "object"):
        raise _unfit(name, f"a type that is {dict(schema)!r}")
    if kind == "array" and items.get("type") in ("string", "number", "integer", "boolean", "object"):
        kind = f"array<{items['type']}>" if fields or items["type"] != "object" else "array"
    param = Param(name, described, "string" if kind == "object" and not fields else kind, schema=fields)
    if kind == "object" and not fields:
        param.type = param.type.OBJECT  # a dict of anything
    param.required = not is_optional
    param.default_value = schema.get("default")
    return param


def _resolved(name: str, schema: Mapping[str, Any], defs: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
    """A schema without references, and whether it may be null."""
    if reference := schema.get("$ref"):
        return defs[reference.rpartition("/")[2]], False
    options = schema.get("anyOf")
    if not options:
        return schema, False
    real = [option for option in options if option.get("type") != "null"]
    if len(real) != 1:
        raise _unfit(name, f"one of several types, {dict(schema)!r}")
    return _resolved(name, real[0], defs)[0], len(real) < len(options)


def _unfit(name: str, what: str) -> JiuWenBaseException:
    return StatusCode.PLUGIN_PARAMS_CHECK_FAILED.error(
        reason=f"[{name}] has {what}; a tool's parameter is a str, int, float, bool, list, dict or pydantic model, "
        "or give its params"
    )
