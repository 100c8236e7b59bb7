"""What a notebook shows of a paused run."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from jiuwen_lg.schema.values import as_text

_CELL = 'style="text-align: left; padding: 2px 12px 2px 0"'


def questions_html(session_id: str, questions: Sequence[tuple[str, Any]]) -> str:
    """A table of open questions, and how they are answered.

    Args:
        session_id: The session that asks.
        questions: Who asks, and what.
    """
    rows = "".join(
        f"<tr><td {_CELL}><code>{_text(id)}</code></td><td {_CELL}>{_text(v)}</td></tr>" for id, v in questions
    )
    answers = "".join(f".update({id!r}, ...)" for id, _ in questions)
    given = 'InteractiveInput("...")' if len(questions) == 1 else f"InteractiveInput(){answers}"
    count = "A question waits" if len(questions) == 1 else f"{len(questions)} questions wait"
    return f"<p><b>{count}</b> for an answer:</p><table>{rows}</table>{_go_on(session_id, given)}"


def stopped_html(session_id: str, next_nodes: Sequence[str]) -> str:
    """Where a run was told to stop, and how it goes on."""
    names = ", ".join(f"<code>{_text(id)}</code>" for id in next_nodes)
    return f"<p><b>Stopped</b> before {names or 'the end'}.</p>{_go_on(session_id, 'InteractiveInput()')}"


def _go_on(session_id: str, given: str) -> str:
    call = f"await flow.invoke({given}, WorkflowRuntime(session_id={session_id!r}))"
    return f"<p>It goes on with <code>{escape(call)}</code>, in any process.</p>"


def shortened(text: str, most: int = 2_000) -> str:
    """A text that a notebook can keep; what is cut is told of."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text) - most} more characters)"


def _text(value: Any) -> str:
    return escape(shortened(as_text(value)))
