"""Structured output, negotiated: the strictest form that a service takes is used, what it refused is remembered.

Whether a model keeps to a schema is known of few models by name, while most servers of open models can be asked. So
each form is tried, from the strictest on; a refusal costs one request per endpoint and model and process.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar, get_args

from jiuwen_lg.errors import JiuWenBaseException

Form = Literal["json_schema", "json_object_schema", "json_object", "tool_call", "prompt"]
FORMS: tuple[Form, ...] = get_args(Form)
"""From the strictest to none; `json_object_schema` is `json_object` with the schema beside it."""

AUTO = "auto"
ENOUGH_TOKENS = 2048
"""The length of a choice or of extracted fields, thoughts included: a model that does not end must not eat a turn."""

_REFUSALS = frozenset((400, 404, 405, 415, 422, 501))
"""Statuses of services that do not know a field of the request."""

_FIELDS = ("response_format", "json_schema", "json_object", "tool_choice")
"""Fields that a service names which fails (500) where it should refuse: llama-cpp-python's does."""

_CAP = "max_tokens"
_NAME = "answer"

_Reply = TypeVar("_Reply")
_refused: dict[tuple[str, str], set[str]] = {}
_MOST = 1000
"""Endpoints and models that are remembered."""


async def negotiated(
    key: tuple[str, str], wanted: str, cap: int | None, ask: Callable[[dict[str, Any], Form], Awaitable[_Reply]]
) -> _Reply:
    """Ask in the strictest form that is not refused.

    Args:
        key: Where it is asked and which model.
        wanted: A form, which is then the only one, or `"auto"`.
        cap: The most tokens of an answer; left out where it is refused.
        ask: Asks, given further fields of the request and the form.

    Raises:
        JiuWenBaseException: 181001, the call failed for another reason, or in every form.
    """
    waiting: list[Any] = [form for form in FORMS if form not in _refused.get(key, ())] if wanted == AUTO else [wanted]
    refused: set[str] = set()
    said = ""
    while True:
        form = waiting.pop(0)
        try:
            reply = await _capped(key, cap, form, ask)
        except JiuWenBaseException as error:
            if not waiting or not _is_refusal(error):
                raise
            refused.add(form)
            if error.message == said:  # the same of two forms, so it is about something else in the request
                refused |= {*waiting[:-1]}
                waiting = waiting[-1:]
            said = error.message
        else:
            _remember(key, refused)
            return reply


async def _capped(
    key: tuple[str, str], cap: int | None, form: Form, ask: Callable[[dict[str, Any], Form], Awaitable[_Reply]]
) -> _Reply:
    if cap is None or _CAP in _refused.get(key, ()):
        return await ask({}, form)
    try:
        return await ask({_CAP: cap}, form)
    except JiuWenBaseException as error:
        if not _is_refusal(error) or _CAP not in error.message:
            raise
    reply = await ask({}, form)
    _remember(key, {_CAP})
    return reply


def _is_refusal(error: JiuWenBaseException) -> bool:
    status = error.details.get("status")
    return status in _REFUSALS or (status == _FAILED and any(field in error.message for field in (*_FIELDS, _CAP)))


_FAILED = 500


def _remember(key: tuple[str, str], refused: set[str]) -> None:
    if not refused:
        return
    if len(_refused) >= _MOST and key not in _refused:
        _refused.clear()
    _refused.setdefault(key, set()).update(refused)


def fields_of(form: Form, schema: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a request that ask for a form."""
    if form == "json_schema":
        return {"response_format": {"type": form, "json_schema": {"name": _NAME, "schema": schema}}}
    if form == "json_object_schema":
        return {"response_format": {"type": "json_object", "schema": schema}}
    if form == "json_object":
        return {"response_format": {"type": form}}
    if form == "tool_call":
        function = {"name": _NAME, "description": "Gives the answer.", "parameters": schema}
        tool = {"type": "function", "function": function}
        return {"tools": [tool], "tool_choice": {"type": "function", "function": {"name": _NAME}}}
    return {}
