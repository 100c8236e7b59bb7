"""Questioner: ours, with today's configuration, order of outputs and typed fields."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from jiuwen_lg.compat.current.model import ModelClientConfig, ModelRequestConfig, model_of
from jiuwen_lg.compat.current.translation import translating
from jiuwen_lg.component import ComponentConfig
from jiuwen_lg.components import questioner
from jiuwen_lg.components import questioner_config as ours
from jiuwen_lg.components.extraction import QuestionerDirectReplyHandler as QuestionerDirectReplyHandler  # noqa: PLC0414 - given on
from jiuwen_lg.components.questioner_config import FieldInfo as OurField
from jiuwen_lg.components.questioner_config import QuestionerState as QuestionerState  # noqa: PLC0414 - given on

_TYPES: dict[str, Any] = {"string": str, "integer": int, "number": float, "boolean": bool}


class FieldInfo(OurField):
    """A field to find out; its type is enforced: a value that cannot be read so is asked for again."""

    type: Literal["string", "integer", "number", "boolean"] = "string"

    def typed(self, value: Any) -> Any:
        """The value in the field's type.

        Raises:
            ValueError: It cannot be read so.
        """
        if self.type == "string":
            return value if isinstance(value, str) else str(value)
        return TypeAdapter(_TYPES[self.type]).validate_python(value)


@dataclass
class QuestionerConfig(ComponentConfig):
    """The fields that a questioner asks for, and its model; see `jiuwen_lg.QuestionerConfig`.

    Args:
        accept_language: The language of its follow-up questions, `"zh"` or `"en"`.
    """

    model_id: str | None = None
    model_client_config: ModelClientConfig | None = None
    model_config: ModelRequestConfig | None = None
    response_type: str = ours.REPLY_DIRECTLY
    question_content: str = ""
    extract_fields_from_response: bool = True
    field_names: list[FieldInfo] = field(default_factory=list)
    max_response: int = 3
    with_chat_history: bool = False
    chat_history_max_rounds: int = 5
    extra_prompt_for_fields_extraction: str = ""
    example_content: str = ""
    accept_language: str = "zh"

    def ours(self) -> ours.QuestionerConfig:
        """The same configuration in `jiuwen_lg`."""
        return ours.QuestionerConfig(
            metadata=self.metadata,
            model=model_of(self),
            response_type=self.response_type,
            question_content=self.question_content,
            extract_fields_from_response=self.extract_fields_from_response,
            field_names=list(self.field_names),
            max_response=self.max_response,
            with_chat_history=self.with_chat_history,
            chat_history_max_rounds=self.chat_history_max_rounds,
            extra_prompt_for_fields_extraction=self.extra_prompt_for_fields_extraction,
            example_content=self.example_content,
        )


class _TypedHandler(QuestionerDirectReplyHandler):
    """Takes fields out of answers, in their types."""

    @classmethod
    def like(cls, handler: QuestionerDirectReplyHandler) -> _TypedHandler:
        """The same handler, with types."""
        typed = cls.__new__(cls)
        typed.__dict__.update(handler.__dict__)
        return typed

    async def extract(self, state: QuestionerState, said: Any, context: Any) -> None:
        await super().extract(state, said, context)
        kinds = {one.field_name: one for one in self._fields if isinstance(one, FieldInfo)}
        known: dict[str, Any] = {}
        for name in [*(name for name in kinds if name in state.extracted_key_fields), *state.extracted_key_fields]:
            value = state.extracted_key_fields[name]
            try:
                known[name] = kinds[name].typed(value) if name in kinds else value
            except (ValidationError, ValueError):
                continue  # it is asked for again
        state.extracted_key_fields = known


class QuestionerExecutable(questioner.QuestionerExecutable):
    """Asks the user until the required fields are known."""

    def __init__(self, config: QuestionerConfig | None) -> None:
        today = config or QuestionerConfig()
        self._handler: QuestionerDirectReplyHandler
        super().__init__(today.ours())
        self._handler = _TypedHandler.like(self._handler)
        self._language = today.accept_language

    async def invoke(self, inputs: Any, session: Any, context: Any) -> dict[str, Any]:
        """Ask until the required fields are known, and give the last answer, the last question and the fields."""
        given = await super().invoke(inputs, session, context)
        first = {"user_response": given["user_response"], "question": given["question"]}
        return {**first, **{k: v for k, v in given.items() if k not in first}}

    def _go_on(self, state: QuestionerState) -> None:
        super()._go_on(state)
        if state.status == "user_interact" and self._language == "en":
            missing = ", ".join(one.label for one in self._handler.missing(state))
            state.ask(f"Please provide information related to: {missing}")


class QuestionerComponent(questioner.QuestionerComponent):
    """Asks the user, and takes fields out of the answers with the help of a language model.

    Args:
        questioner_comp_config: The fields and the model.
    """

    def __init__(self, questioner_comp_config: QuestionerConfig | None = None) -> None:
        super().__init__()
        self._today = questioner_comp_config

    def to_executable(self) -> QuestionerExecutable:
        """The executable for this component."""
        with translating():
            return QuestionerExecutable(self._today)
