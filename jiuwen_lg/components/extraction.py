"""Extraction: a language model takes fields out of what a user says.

Source: seed 003's chapter on questioners, `components.md` 4.4 (its Q17 to Q19 and Q21 left out).
"""

from __future__ import annotations

from typing import Any

from jiuwen_lg.components.questioner_config import FieldInfo, QuestionerConfig, QuestionerState
from jiuwen_lg.environment import is_switched_off
from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.models.messages import history_of
from jiuwen_lg.models.model import Messages, Model
from jiuwen_lg.models.prompt import Prompt
from jiuwen_lg.models.reply import read_json
from jiuwen_lg.models.structured import ENOUGH_TOKENS
from jiuwen_lg.schema.values import as_text, maybe_await

OUTPUT_KEYS = ("question", "user_response")
"""What a questioner gives besides the fields."""

EXTRACTION = [
    {
        "role": "system",
        "content": (
            "You fill in a form from what a user says. You want {{required_name}}. These are the fields, each with "
            "its name and meaning:\n {{required_params_list}}\n\n"
            "Rules: take only what the user said, in the type that suits it; a field that was not mentioned is null; "
            "ask nothing and explain nothing.\n{{extra_info}}\n\n# Examples\n{{example}}"
        ),
    },
    {
        "role": "user",
        "content": (
            "# Conversation\n{{dialogue_history}}\n\n"
            "Answer with one JSON object that has the names of the fields as its keys, and nothing else."
        ),
    },
]


class QuestionerDirectReplyHandler:
    """Takes fields out of what a user says.

    Args:
        config: Which fields.
        model: Who does it; not needed if nothing is to be taken.
        prompt: The prompt that asks for it.
    """

    def __init__(self, config: QuestionerConfig, model: Model | None, prompt: Prompt) -> None:
        self._config = config
        self._model = model
        self._prompt = prompt
        self._fields = [FieldInfo.model_validate(one) for one in config.field_names or ()]
        self._extracts = config.extract_fields_from_response

    async def extract(self, state: QuestionerState, said: Any, context: Any) -> None:
        """Add to the state what was said, and the defaults of what was not; what is new stands first."""
        inputs = self._build_llm_inputs(chat_history=await self._history(as_text(said), context))
        found = await maybe_await(self._invoke_llm_for_extraction(inputs))
        new = {name: value for name, value in found.items() if name not in OUTPUT_KEYS and _is_value(value)}
        known = state.extracted_key_fields
        defaults = {one.field_name: one.default_value for one in self._fields if one.has_default}
        new |= {name: value for name, value in defaults.items() if name not in new and name not in known}
        state.extracted_key_fields = new | {name: value for name, value in known.items() if name not in new}

    def missing(self, state: QuestionerState) -> list[FieldInfo]:
        """The required fields that are not known."""
        known = state.extracted_key_fields
        return [one for one in self._fields if self._extracts and one.required and one.field_name not in known]

    @property
    def _schema(self) -> dict[str, Any]:
        """The answer's JSON schema; a field may be of any type, and null if it was not mentioned."""
        properties = {one.field_name: {"description": one.description} for one in self._fields}
        return {
            "type": "object",
            "properties": properties,
            "required": [*properties],
            "additionalProperties": False,
        }

    async def _history(self, said: str, context: Any) -> Messages:
        """Return the part of the conversation that the model sees; the newest message is its end."""
        now = {"role": "user", "content": said}
        if not self._config.with_chat_history:
            return [now]
        newest = 2 * self._config.chat_history_max_rounds + 1
        before = await history_of(context, newest)
        return [*before, *([] if before[-1:] == [now] else [now])][-newest:]

    def _build_llm_inputs(self, chat_history: Messages) -> Messages:
        required = [one.label for one in self._fields if one.required]
        return self._prompt.fill(
            {
                "required_name": f"{'、'.join(required)}{len(required)}个必要信息",
                "required_params_list": "\n ".join(f"{one.field_name}：{one.description}" for one in self._fields),
                "extra_info": self._config.extra_prompt_for_fields_extraction or "",
                "example": self._config.example_content or "",
                "dialogue_history": "\n".join(f"{one['role']}：{as_text(one['content'])}" for one in chat_history),
            }
        )

    async def _invoke_llm_for_extraction(self, llm_inputs: Messages) -> dict[str, Any]:
        assert self._model is not None
        try:
            reply = await self._model.ask_for(llm_inputs, self._schema, cap=ENOUGH_TOKENS, prefers_sync=True)
        except JiuWenBaseException as error:
            raise StatusCode.QUESTIONER_COMPONENT_INVOKE_LLM_ERROR.error(error_msg=str(error)) from error
        try:
            value = await read_json(reply)
        except ValueError:
            return {}  # the user is asked
        if not isinstance(value, dict):
            reason = f"it is JSON, but a {type(value).__name__} and no object"
            reason += f": {reply!r}" if is_switched_off("IS_SENSITIVE") else ""
            raise StatusCode.QUESTIONER_COMPONENT_PARSE_LLM_RESPONSE_ERROR.error(error_msg=reason)
        return value


def _is_value(value: Any) -> bool:
    """Whether a model found something; 0 and False are something."""
    if isinstance(value, str):
        return value != "" and value.strip().lower() not in ("null", "none")
    return value is not None and value not in ({}, [])
