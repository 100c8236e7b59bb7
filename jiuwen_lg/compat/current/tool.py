"""Tools: cards, functions and HTTP services."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import AsyncIterator, Callable
from typing import Any, Literal, get_type_hints
from uuid import uuid4

from pydantic import BaseModel, Field, TypeAdapter
from pydantic import ValidationError as Unfit

from jiuwen_lg.compat.current.codes import StatusCode
from jiuwen_lg.compat.current.errors import build_error
from jiuwen_lg.compat.current.inputs import model_of
from jiuwen_lg.schema.values import maybe_await

Parameters = dict[str, Any] | type[BaseModel]


class ToolInfo(BaseModel):
    """A tool's description for a language model."""

    type: str = "function"
    name: str = ""
    description: str = ""
    parameters: Parameters = Field(default_factory=dict)


class ToolCard(BaseModel):
    """A tool's name, description and parameters.

    Args:
        id: The id by which the resource manager knows it.
        name: The name by which a model calls it.
        description: The description that the model gets.
        input_params: A JSON schema of the parameters, or a pydantic class.
    """

    id: str = Field(default_factory=lambda: uuid4().hex)
    name: str = ""
    description: str = ""
    input_params: Parameters = Field(default_factory=dict)
    properties: dict[str, Any] = Field(default_factory=dict)
    parallel_safe: bool = True
    stateless: bool = False
    idempotent: bool = False

    def tool_info(self) -> ToolInfo:
        """Return the tool's description for a language model."""
        return ToolInfo(name=self.name, description=self.description, parameters=self.input_params)


class Tool:
    """A tool of one's own: override `invoke`.

    Args:
        card: Its card.
    """

    def __init__(self, card: ToolCard) -> None:
        if not isinstance(card, ToolCard):
            raise build_error(StatusCode.TOOL_CARD_INVALID, reason=f"it needs a ToolCard, not {card!r}")
        self._card = card

    @property
    def card(self) -> ToolCard:
        """The card."""
        return self._card

    async def invoke(self, inputs: Any, **kwargs: Any) -> Any:
        """Call it."""
        raise build_error(StatusCode.TOOL_INVOKE_NOT_SUPPORTED, reason=f"tool [{self._card.name}] has no invoke")

    async def stream(self, inputs: Any, **kwargs: Any) -> AsyncIterator[Any]:
        """Call it, and give the answer in parts."""
        raise build_error(StatusCode.TOOL_STREAM_NOT_SUPPORTED, reason=f"tool [{self._card.name}] has no stream")
        yield

    def fitted(self, inputs: Any) -> dict[str, Any]:
        """The arguments, converted to the types on the card, with the defaults of those that are absent.

        Raises:
            ValidationError: 189001, one is missing, unknown, or cannot be converted.
        """
        given = dict(inputs or {})
        params = self._card.input_params
        if not params:
            return given
        model = params if isinstance(params, type) else model_of(params, self._card.name or "DynamicModel")
        try:
            checked = model.model_validate(given)
        except Unfit as error:
            reason = f"the inputs of tool [{self._card.name}] do not fit: {error}"
            raise build_error(StatusCode.SCHEMA_VALIDATE_INVALID, cause=error, reason=reason) from error
        dumped = checked.model_dump()
        return {name: value for name, value in dumped.items() if name in given or _has_default(params, name)}


def _has_default(params: Parameters, name: str) -> bool:
    if isinstance(params, type):
        return True
    return "default" in params.get("properties", {}).get(name, {})


class LocalFunction(Tool):
    """A function as a tool; one that is not async runs in a thread of its own.

    Args:
        card: Its card.
        func: The function.
    """

    def __init__(self, card: ToolCard, func: Callable[..., Any] | None) -> None:
        super().__init__(card)
        if not callable(func):
            reason = f"tool [{card.name}] needs a function, not {func!r}"
            raise build_error(StatusCode.TOOL_LOCAL_FUNCTION_FUNC_NOT_SUPPORTED, reason=reason)
        self._func = func

    async def invoke(self, inputs: Any, **kwargs: Any) -> Any:
        """Call the function with the arguments, checked and converted."""
        arguments = self.fitted(inputs)
        if inspect.iscoroutinefunction(self._func):
            return await self._func(**arguments)
        return await maybe_await(await asyncio.to_thread(self._func, **arguments))


class RestfulApiCard(ToolCard):
    """The card of an HTTP service.

    Args:
        url: The address; `{id}` stands for a parameter or an entry of `paths`.
        method: The method.
        headers: Sent with every request.
        queries: Added to every query.
        paths: Values of parts of the address.
        timeout: For the whole request, in seconds.
        max_response_byte_size: The longest answer.
    """

    url: str
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"] = "POST"
    headers: dict[str, Any] = Field(default_factory=dict)
    queries: dict[str, Any] = Field(default_factory=dict)
    paths: dict[str, Any] = Field(default_factory=dict)
    timeout: float = Field(default=60.0, ge=1.0, le=300.0)
    max_response_byte_size: int = 10 * 1024 * 1024


class RestfulApi(Tool):
    """An HTTP service as a tool.

    A parameter goes where its `location` on the card says (`query`, `path`, `header`, `body`); without one into
    the path if the address has its name, else into the query of a GET and the JSON body of anything else.

    Args:
        card: Its card.
    """

    def __init__(self, card: RestfulApiCard) -> None:
        super().__init__(card)
        self._service: RestfulApiCard = card

    async def invoke(self, inputs: Any, **kwargs: Any) -> dict[str, Any]:
        """Call the service.

        Returns:
            `code` (the HTTP status), `data` (the parsed JSON, or the text), `url`, `headers`, `reason`, `message`.

        Raises:
            ExecutionError: 182101 to 182105, it failed.
        """
        from jiuwen_lg.compat.current.request import Request, sent

        card, given = self._service, self.fitted(inputs)
        places = self._placed(given)
        url = card.url
        for name, value in {**card.paths, **places["path"]}.items():
            url = url.replace(f"{{{name}}}", _segment(name, value))
        query = {**card.queries, **places["query"]}
        headers = {name: str(value) for name, value in {**card.headers, **places["header"]}.items()}
        request = Request(card.method, url, query=query, headers=headers, json=places["body"] or None)
        answer = await sent(request, within=card.timeout, longest=card.max_response_byte_size)
        return {
            "code": answer.status,
            "data": answer.data(),
            "url": answer.url,
            "headers": answer.headers,
            "reason": answer.reason,
            "message": "success",
        }

    def _placed(self, given: dict[str, Any]) -> dict[str, dict[str, Any]]:
        params = self._service.input_params
        schema = params.model_json_schema() if isinstance(params, type) else params
        places: dict[str, dict[str, Any]] = {place: {} for place in ("path", "query", "header", "body")}
        otherwise = "query" if self._service.method in ("GET", "HEAD", "OPTIONS") else "body"
        for name, value in given.items():
            if value is None:
                continue
            said = str(schema.get("properties", {}).get(name, {}).get("location", "")).lower().rstrip("s")
            is_path = f"{{{name}}}" in self._service.url
            place = {"querie": "query"}.get(said, said)
            places[place if place in places else "path" if is_path else otherwise][name] = value
        return places


def _segment(name: str, value: Any) -> str:
    from urllib.parse import quote

    text = str(value)
    if text in ("", ".", ".."):
        reason = f"[{name}] is {text!r}, which is no part of a path"
        raise build_error(StatusCode.TOOL_RESTFUL_API_CARD_CONFIG_INVALID, reason=reason)
    return quote(text, safe="")


def tool(
    func: Callable[..., Any] | None = None,
    *,
    name: str | None = None,
    description: str | None = None,
    input_params: Parameters | None = None,
    card: ToolCard | None = None,
    auto_extract: bool = True,
    stateless: bool = False,
) -> Any:
    """Make a function a tool, bare or with arguments; what is not said is read from the function.

    Args:
        func: The function.
        name: The name by which a model calls it.
        description: The description that the model gets.
        input_params: A JSON schema of the parameters, or a pydantic class.
        card: A card in place of all that.
        auto_extract: Whether the parameters are read from the function if they are not given.
        stateless: A note on the card.
    """

    def make(function: Callable[..., Any]) -> LocalFunction:
        if card is not None:
            return LocalFunction(card, function)
        params = input_params
        if params is None:
            params = schema_of(function, name) if auto_extract else {}
        told = description if description is not None else _summary(function)
        label = name or function.__name__
        made = ToolCard(name=label, description=told or label, input_params=params, stateless=stateless)
        return LocalFunction(made, function)

    return make if func is None else make(func)


def _summary(function: Callable[..., Any]) -> str:
    return (inspect.getdoc(function) or "").partition("\n\n")[0].replace("\n", " ").strip()


def _told_arguments(function: Callable[..., Any]) -> dict[str, str]:
    """The descriptions of parameters in a docstring of Google's style."""
    section = re.search(r"Args:\n((?:[ \t]+.*\n?)+)", inspect.getdoc(function) or "")
    lines = section[1] if section else ""
    return {
        match[1]: match[2].strip() for match in re.finditer(r"^\s+(\w+)(?: *\([^)]*\))?: *(.+)$", lines, re.MULTILINE)
    }


def schema_of(function: Callable[..., Any], name: str | None = None) -> dict[str, Any]:
    """The JSON schema of a function's parameters, by its annotations."""
    try:
        hints = get_type_hints(function)
    except NameError:
        hints = {}
    told, properties, required = _told_arguments(function), {}, []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) or parameter.name in ("self", "cls"):
            continue
        part = _part_of(hints.get(parameter.name, Any))
        part["description"] = told.get(parameter.name, parameter.name)
        if parameter.default is parameter.empty:
            required.append(parameter.name)
        else:
            part["default"] = parameter.default
        properties[parameter.name] = part
    schema = {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "title": name or function.__name__,
    }
    return {**schema, "required": required} if required else schema


def _part_of(annotation: Any) -> dict[str, Any]:
    """The schema of one parameter; what may be None is `nullable`."""
    if annotation is Any:
        return {"type": "string"}
    schema = dict(TypeAdapter(annotation).json_schema())
    definitions = schema.pop("$defs", {})
    options = schema.get("anyOf", ())
    real = [option for option in options if option.get("type") != "null"]
    if len(real) == 1 and len(options) > 1:
        schema = {**real[0], "nullable": True}
    if reference := schema.pop("$ref", None):
        schema = {**definitions[reference.rpartition("/")[2]], **schema}
    if "enum" in schema:
        schema = {"type": schema.get("type", "string"), **schema}
    schema.pop("additionalProperties", None)
    for name, inner in schema.get("properties", {}).items():
        inner.setdefault("description", name)
    return {"type": "array", **schema} if schema.get("type") == "array" else schema
