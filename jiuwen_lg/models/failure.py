"""The error of a call of a model: in the provider's words, without the key."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.models.config import HIDDEN

_SHORTEST = 4
"""A shorter key would take parts out of ordinary words."""

_MEANINGS = {401: "the key was refused", 403: "the key was refused", 429: "the service has too many requests"}


class NoAnswerError(ValueError):
    """A service replied, and its reply is no answer; the text says what it is instead."""


def require_no_refusal(refusal: str | None) -> None:
    """Check that a model has not refused.

    Raises:
        NoAnswerError: It has, in these words.
    """
    if refusal:
        raise NoAnswerError(f"the model refused to answer: {refusal}")


def no_json(body: str) -> str:
    """What a body is that should have been JSON."""
    start = body.lstrip("\ufeff \t\r\n")[:80]
    if not start:
        return "the service's reply is empty"
    if start.startswith("<"):
        return f"the service replied with an HTML page, not JSON: is api_base right? It begins {start!r}"
    return f"the service's reply is no JSON; it begins {start!r}"


@contextmanager
def failing(provider: str, secrets: Collection[str]) -> Iterator[None]:
    """Whatever a call inside fails with leaves as 181001, without the keys.

    What has a code already passes, and so does LangGraph's own control flow.
    """
    from langgraph.errors import GraphBubbleUp

    try:
        yield
    except (JiuWenBaseException, GraphBubbleUp):
        raise
    except Exception as error:
        ours = next((one for one in _chain(error) if isinstance(one, JiuWenBaseException)), None)
        if ours is not None:  # of a hook of ours, deep inside the client
            raise ours from None
        raise failure_of(error, provider, secrets) from error


def failure_of(error: Exception, provider: str, secrets: Collection[str]) -> JiuWenBaseException:
    """The error of a call as 181001; the keys are taken out of it and of what caused it.

    Its `details` hold the service's `status`, None if it gave none.
    """
    forms = {form for secret in secrets for form in (secret, secret.strip(), repr(secret)[1:-1])}
    hidden = sorted((form for form in forms if len(form) >= _SHORTEST), key=len, reverse=True)
    for one in _chain(error):
        _hide(one, hidden)
    status = getattr(error, "status_code", None)
    code = f" (HTTP {status})" if status else ""
    failure = StatusCode.MODEL_CALL_FAILED.error(error_msg=f"{provider}: {_meaning(error)}{code}: {_words(error)}")
    failure.details["status"] = status
    return failure


def _meaning(error: Exception) -> str:
    status = getattr(error, "status_code", None)
    if status is not None:
        return _MEANINGS.get(status, "the service failed" if status >= 500 else "the request was refused")
    kinds = {cls.__name__ for one in _chain(error) for cls in type(one).__mro__}
    if kinds & {"APITimeoutError", "TimeoutException", "TimeoutError"}:
        return "no answer in time"
    if kinds & {"APIConnectionError", "ConnectError", "ReadError", "ConnectionError"}:
        return "the service cannot be reached"
    return "the answer cannot be used"


def _words(error: Exception) -> str:
    """The service's text; of an error on the way to it, its innermost cause's too."""
    broken = next((one for one in _chain(error) if isinstance(one, json.JSONDecodeError)), None)
    if broken is not None:
        return no_json(broken.doc)
    texts = [str(one) or type(one).__name__ for one in _chain(error)]
    has_told = getattr(error, "status_code", None) is not None or texts[-1] in texts[0]
    return texts[0] if has_told else f"{texts[0]} ({texts[-1]})"


def _chain(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain:
        chain.append(current)
        current = current.__cause__ or current.__context__
    return chain


def _hide(error: BaseException, secrets: Collection[str]) -> None:
    error.args = _without(error.args, secrets)
    for name in ("message", "body"):
        if isinstance(value := getattr(error, name, None), (str, dict, list)):
            setattr(error, name, _without(value, secrets))


def _without(value: Any, secrets: Collection[str]) -> Any:
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, HIDDEN)
        return value
    if isinstance(value, dict):
        return {key: _without(part, secrets) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_without(part, secrets) for part in value)
    return value
