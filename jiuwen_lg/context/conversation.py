"""The messages that a run appends to the conversation that was passed to it: inputs and results.

Facts: openJiuwen 0.1.1, `engine.md` 11 (its Q-45 left out).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from jiuwen_lg.engine.execution.stream_output import END_FRAME
from jiuwen_lg.engine.turns.outcome import Outcome
from jiuwen_lg.interaction import InteractiveInput
from jiuwen_lg.output import OutputSchema
from jiuwen_lg.schema.values import as_text, maybe_await

_logger = logging.getLogger(__name__)


async def record_turn(context: Any, inputs: Any, outcome: Outcome) -> None:
    """Append what the user said in a turn, and what the workflow answered.

    If a conversation cannot take them, a warning is logged: the turn has succeeded.

    Args:
        context: What was passed as `context=`; anything without `batch_add_messages` (or `abatch_add_messages`,
            which is awaited) is left alone.
        inputs: The turn's input.
        outcome: How it ended.
    """

    def tell() -> tuple[str, str | None]:
        asked = [question.value for question in outcome.questions]
        return said_in(inputs), questions_in(asked) if asked else answer_in(outcome.result)

    await append(context, tell)


async def append(context: Any, tell: Callable[[], tuple[str, str | None]]) -> None:
    """Append what was said and answered; a failure to do so is logged as a warning.

    Args:
        context: As in `remember`.
        tell: Says what was said and answered; it is not asked where nobody keeps it.
    """
    add = getattr(context, "abatch_add_messages", getattr(context, "batch_add_messages", None))
    if not callable(add):
        return
    with log_failure():
        said, answered = tell()
        messages = [{"role": "user", "content": said}]
        if answered is not None:
            messages.append({"role": "assistant", "content": answered})
        await maybe_await(add(messages))


@contextmanager
def log_failure() -> Iterator[None]:
    """Log failures to store a conversation as warnings: the turn itself has succeeded."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - values and conversations of the user's own
        _logger.warning("the conversation did not take the messages of a turn: %s", error)


def said_in(inputs: Any) -> str:
    """The query of a start; the answers of an `InteractiveInput`, one a line."""
    if not isinstance(inputs, InteractiveInput):
        return as_text((inputs or {}).get("query", ""))
    given = inputs.user_inputs.values() if inputs.raw_inputs is None else [inputs.raw_inputs]
    return "\n".join(map(as_text, given))


def answer_in(result: Any) -> str | None:
    """The text of an End that gives frames, else the result as JSON; None if there is nothing."""
    if not isinstance(result, list) or not all(isinstance(frame, OutputSchema) for frame in result):
        return None if result is None else json.dumps(result, ensure_ascii=False, default=str)
    payloads = [frame.payload for frame in result if frame.type == END_FRAME]
    answers = [payload["answer"] for payload in payloads if isinstance(payload, dict) and "answer" in payload]
    return "".join(map(as_text, answers)) if answers else None


def questions_in(values: Iterable[Any]) -> str:
    """Return the questions, one a line."""
    return "\n".join(as_text(_asked(value)) for value in values)


def _asked(value: Any) -> Any:
    return value["value"] if isinstance(value, dict) and "value" in value else value
