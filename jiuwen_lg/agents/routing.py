"""Routing: a model chooses which of an agent's workflows a text is for.

Facts: openJiuwen 0.1.1, `components.md` 8.6 (its Q43 left out).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from jiuwen_lg.agents.config import WorkflowSchema
from jiuwen_lg.errors import JiuWenBaseException
from jiuwen_lg.models.messages import as_dicts, history_of
from jiuwen_lg.models.model import Model
from jiuwen_lg.models.prompt import Prompt
from jiuwen_lg.models.reply import read_json
from jiuwen_lg.models.structured import ENOUGH_TOKENS

_logger = logging.getLogger(__name__)

_PROMPT = Prompt(
    [
        {
            "role": "user",
            "content": (
                "These workflows can be run:\n{{workflows}}\n\n# Open questions\n{{questions}}\n\n"
                "# Conversation so far\n{{history}}\n\n# What the user says now\n{{query}}\n\n"
                "Which workflow is it for? What answers an open question is for the workflow that asks it. Answer "
                'with one JSON object: {"result": <its number, or 0 if none fits>}'
            ),
        }
    ]
)


class Routing:
    """Chooses a workflow for a text.

    Args:
        model: Who chooses.
        prompt_template: Messages put before the question.
    """

    def __init__(self, model: Any, prompt_template: Sequence[Any]) -> None:
        self._config = model
        self._before = as_dicts(prompt_template)
        self._model: Model | None = None

    async def choose(
        self,
        query: str,
        schemas: Sequence[WorkflowSchema],
        questions: Sequence[tuple[tuple[str, str], Any]],
        context: Any,
    ) -> WorkflowSchema | None:
        """The workflow; None if the model knows none, or says nothing usable.

        Args:
            query: The text.
            schemas: The workflows to choose among.
            questions: What they ask at the moment: (key, question).
            context: The conversation.
        """
        numbers = {schema.key: number for number, schema in enumerate(schemas, 1)}
        history = await history_of(context)
        messages = _PROMPT.fill(
            {
                "workflows": "\n".join(f"{numbers[schema.key]}: {schema.label}" for schema in schemas),
                "questions": "\n".join(f"{numbers[key]} asks: {value}" for key, value in questions) or "none",
                "history": "\n".join(f"{one['role']}: {one['content']}" for one in history) or "none",
                "query": query,
            }
        )
        try:
            if self._model is None:
                self._model = Model.of(self._config)
            asked = [*self._before, *messages]
            reply = await self._model.ask_for(asked, _schema(len(schemas)), cap=ENOUGH_TOKENS)
            number = _number_in(await read_json(reply))
        except (JiuWenBaseException, ValueError, OverflowError) as error:
            _logger.warning("no workflow was chosen: %s", error)
            return None
        return schemas[number - 1] if 1 <= number <= len(schemas) else None


def _schema(count: int) -> dict[str, Any]:
    """The answer's JSON schema: with it no reply is unreadable."""
    properties = {"result": {"type": "integer", "enum": [*range(count + 1)]}}
    return {"type": "object", "properties": properties, "required": ["result"], "additionalProperties": False}


def _number_in(reply: Any) -> int:
    found = reply.get("result") if isinstance(reply, dict) else None
    if isinstance(found, bool) or not isinstance(found, (int, float, str)):
        raise ValueError(f"its result is {found!r}, no number of a workflow")
    return int(float(found))
