"""The text of an exception that a component raised, as messages quote it."""

from __future__ import annotations

from jiuwen_lg.errors import JiuWenBaseException


def described(error: BaseException) -> str:
    """What an error that a component raised says, with its class where the text alone would not tell.

    Sentences of Python's own exceptions stay as they are; `'x'` becomes `KeyError: 'x'`.
    """
    if isinstance(error, JiuWenBaseException):
        return error.message
    name = type(error).__name__
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - whatever a class does in its own text
        return f"{name}, whose text cannot be made"
    if not text:
        return name
    is_clear = type(error) is Exception or (type(error).__module__ == "builtins" and len(text.split()) > 1)
    return text if is_clear and not isinstance(error, KeyError) else f"{name}: {text}"
