"""Questioner configuration and state: the fields to find out, and how far a questioner is.

Source: seed 003's chapter on questioners, `components.md` 4.1 and 4.3.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import BaseModel

from jiuwen_lg.component import ComponentConfig
from jiuwen_lg.errors import StatusCode

REPLY_DIRECTLY = "reply_directly"
STATE_KEY = "questioner_state"


class FieldInfo(BaseModel):
    """A field that a questioner extracts.

    Args:
        field_name: Its key in the output.
        description: Describes the field to the model; the user is asked for it by this name.
        cn_field_name: What the user is asked for instead.
        required: Whether the user is asked for it.
        default_value: What it is if nobody says; then nobody is asked. Empty for none.
    """

    field_name: str
    description: str
    cn_field_name: str = ""
    required: bool = False
    default_value: Any = ""

    @property
    def label(self) -> str:
        """The name that is shown to the user."""
        return self.cn_field_name or self.description

    @property
    def has_default(self) -> bool:
        """Whether it has a default; 0 and False are some."""
        return self.default_value is not None and self.default_value != ""


@dataclass
class QuestionerConfig(ComponentConfig):
    """The configuration of a questioner.

    Args:
        metadata: Kept for openJiuwen's signature.
        model: A `ModelConfig`, or any chat model of LangChain's; needed to extract fields.
        response_type: `"reply_directly"`.
        question_content: What is asked first, without asking the model; `{{name}}` stands for an input. Empty: the
            query is looked through first.
        extract_fields_from_response: Whether fields are taken out of what the user says.
        field_names: The fields.
        max_response: How many answers the user may give until the required fields are known.
        with_chat_history: Whether the model sees the conversation so far.
        chat_history_max_rounds: How much of it.
        extra_prompt_for_fields_extraction: A further instruction for the model.
        example_content: Examples for it.
    """

    model: Any = None
    response_type: str = REPLY_DIRECTLY
    question_content: str = ""
    extract_fields_from_response: bool = True
    field_names: list[FieldInfo] = field(default_factory=list)
    max_response: int = 3
    with_chat_history: bool = False
    chat_history_max_rounds: int = 5
    extra_prompt_for_fields_extraction: str = ""
    example_content: str = ""


@dataclass
class QuestionerState:
    """The progress of a questioner: its private state while it waits.

    Attributes:
        response_num: How many answers it has read.
        user_response: The last one.
        question: The last question.
        extracted_key_fields: What is known.
        status: `"start"`, `"user_interact"` or `"end"`.
    """

    response_num: int = 0
    user_response: Any = ""
    question: str = ""
    extracted_key_fields: dict[str, Any] = field(default_factory=dict)
    status: str = "start"

    @classmethod
    def stored(cls, runtime: Any) -> QuestionerState:
        """The one that a component left when it asked; a new one if it waits for nothing."""
        stored = runtime.get_state(STATE_KEY) or {}
        if stored.get("status") != "user_interact":
            return cls()
        try:
            return cls(**{**stored, "extracted_key_fields": dict(stored["extracted_key_fields"])})
        except (TypeError, ValueError, KeyError) as error:
            raise StatusCode.QUESTIONER_COMPONENT_INIT_STATE_ERROR.error() from error

    def store(self, runtime: Any) -> None:
        """Leave it, in place of the last one."""
        runtime.update_state(None)
        pairs = [[name, value] for name, value in self.extracted_key_fields.items()]  # a name may have dots
        runtime.update_state({STATE_KEY: {**asdict(self), "extracted_key_fields": pairs}})

    def ask(self, question: str) -> None:
        """Whether a question is due."""
        self.question = question
        self.status = "user_interact"

    @property
    def output(self) -> dict[str, Any]:
        """Return the component's output."""
        return {"question": self.question, "user_response": self.user_response, **self.extracted_key_fields}
