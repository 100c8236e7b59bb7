"""Questioner: asks the user until everything that must be known is known.

Source: seed 003's chapter on it, seed 002's frames, `components.md` 4 (its Q17 to Q21 and Q47 left out).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from jiuwen_lg.component import ComponentConfig, ComponentExecutable, WorkflowComponent
from jiuwen_lg.components.extraction import EXTRACTION, FieldInfo, QuestionerDirectReplyHandler
from jiuwen_lg.errors import StatusCode
from jiuwen_lg.models.model import Model
from jiuwen_lg.models.prompt import Prompt
from jiuwen_lg.schema.template import parse_template

REPLY_DIRECTLY = "reply_directly"
STATE_KEY = "questioner_state"
TRACED = {"on_invoke_data": "extra trace data"}
"""What every execution tells its trace; seed 002 prints it."""


@dataclass
class QuestionerConfig(ComponentConfig):
    """What a questioner asks for.

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
        extra_prompt_for_fields_extraction: What the model is told besides.
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


class QuestionerComponent(WorkflowComponent):
    """Asks the user, and takes fields out of the answers with the help of a language model.

    Its input is `query`, and whatever the question's template names. Its output: `question` and `user_response`,
    the last ones, empty if nobody was asked; then the fields. A paused questioner calls no model when it goes on
    but for the new answer.

    Args:
        questioner_comp_config: What to ask for. It is checked when the component is added to a workflow.
    """

    def __init__(self, questioner_comp_config: QuestionerConfig | None = None) -> None:
        self._config = questioner_comp_config

    def to_executable(self) -> QuestionerExecutable:
        """What runs.

        Raises:
            JiuWenBaseException: 101071, the config makes no sense; 181000, there is no such model provider.
        """
        return QuestionerExecutable(self._config)


@dataclass
class QuestionerState:
    """How far a questioner is; its private state while it waits.

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
        """Something has to be asked."""
        self.question = question
        self.status = "user_interact"

    @property
    def output(self) -> dict[str, Any]:
        """What the component gives."""
        return {"question": self.question, "user_response": self.user_response, **self.extracted_key_fields}


class QuestionerExecutable(ComponentExecutable):
    """What a `QuestionerComponent` runs."""

    drawn_as = "question"

    def __init__(self, config: QuestionerConfig | None) -> None:
        self._config = config = config or QuestionerConfig()
        _check(config)
        self._question = parse_template(config.question_content, innermost=True) if config.question_content else None
        model = Model.of(config.model) if config.extract_fields_from_response else None
        self._handler = QuestionerDirectReplyHandler(config, model, self._init_prompt())

    def _init_prompt(self) -> Prompt:
        """What the model is told, under the name by which tests written for openJiuwen replace it."""
        return Prompt(EXTRACTION)

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> dict[str, Any]:
        """Ask until the required fields are known, and give what is known.

        Raises:
            JiuWenBaseException: 101070, the query is neither a text nor a dict. 101072, there is nothing to ask.
                101073, the stored state is not a questioner's. 101074, required fields are still missing after as
                many answers as allowed; one more, by id, is read when the session goes on. 101075, the call of the
                model failed. 101076, it answered with JSON that is no object.
        """
        await runtime.trace(TRACED)
        state = QuestionerState.stored(runtime)
        if state.status == "start":
            await self._begin(state, inputs, context)
        heard = 0
        while state.status == "user_interact":
            state.store(runtime)
            while heard <= state.response_num:  # earlier answers are given again first
                state.user_response = await runtime.interact(state.question)
                heard += 1
            state.response_num += 1
            await self._take(state, runtime, context)
        state.store(runtime)
        return state.output

    async def _begin(self, state: QuestionerState, inputs: Any, context: Any) -> None:
        query = _query_of(inputs)
        if self._question is not None:
            state.ask(self._question.render(inputs))
        elif self._config.extract_fields_from_response:
            await self._handler.extract(state, query, context)
            self._go_on(state)
        else:
            raise StatusCode.QUESTIONER_COMPONENT_EMPTY_QUESTION_IN_DIRECT_REPLY.error()

    async def _take(self, state: QuestionerState, runtime: Any, context: Any) -> None:
        """Read an answer."""
        if self._config.extract_fields_from_response:
            await self._handler.extract(state, state.user_response, context)
        self._go_on(state)
        is_over = state.response_num >= self._config.max_response and not runtime.has_answer
        if state.status == "user_interact" and is_over:
            raise StatusCode.QUESTIONER_COMPONENT_EXCEED_MAX_RESPONSE.error()

    def _go_on(self, state: QuestionerState) -> None:
        """Ask for the required fields that are not known; end if there are none."""
        if missing := self._handler.missing(state):
            state.ask(f"请您提供{', '.join(field.label for field in missing)}相关的信息")
        else:
            state.status = "end"


def _query_of(inputs: Any) -> Any:
    query = inputs.get("query") if isinstance(inputs, Mapping) else inputs
    if not isinstance(inputs, Mapping) or not (query is None or isinstance(query, (str, dict))):
        raise StatusCode.QUESTIONER_COMPONENT_USER_INPUT_ERROR.error(
            error_msg=f"its input query is {query!r}; it takes a text or a dict"
        )
    return "" if query is None else query


def _check(config: QuestionerConfig) -> None:
    """Refuse a config that makes no sense.

    Raises:
        JiuWenBaseException: 101071.
    """
    faults = {
        f"response_type is {config.response_type!r}; there is 'reply_directly'": config.response_type != REPLY_DIRECTLY,
        f"max_response is {config.max_response!r}; at least one answer is needed": config.max_response <= 0,
    }
    if config.extract_fields_from_response:
        names = [FieldInfo.model_validate(one).field_name for one in config.field_names or ()]
        faults |= {
            "field_names is empty; give the fields, or extract_fields_from_response=False": not names,
            "a field has no field_name": not all(names),
            "model is None; extracting fields takes one": config.model is None,
        }
    if found := [fault for fault, is_there in faults.items() if is_there]:
        raise StatusCode.QUESTIONER_COMPONENT_CONFIG_ERROR.error(error_msg="; ".join(found))
