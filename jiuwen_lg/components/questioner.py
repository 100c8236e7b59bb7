"""Questioner: asks the user until everything that must be known is known.

Source: seed 003's chapter on it, seed 002's frames, `components.md` 4 (its Q17 to Q21 and Q47 left out).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jiuwen_lg.component import ComponentExecutable, WorkflowComponent
from jiuwen_lg.components.extraction import EXTRACTION, QuestionerDirectReplyHandler
from jiuwen_lg.components.questioner_config import REPLY_DIRECTLY, FieldInfo, QuestionerConfig, QuestionerState
from jiuwen_lg.errors import StatusCode
from jiuwen_lg.models.model import Model
from jiuwen_lg.models.prompt import Prompt
from jiuwen_lg.schema.template import parse_template

TRACED = {"on_invoke_data": "extra trace data"}
"""What every execution tells its trace; seed 002 prints it."""


class QuestionerComponent(WorkflowComponent):
    """Asks the user, and takes fields out of the answers with the help of a language model.

    Its input is `query`, and whatever the question's template names. Its output: `question` and `user_response`,
    the last ones, empty if nobody was asked; then the fields. A paused questioner calls no model when it goes on
    but for the new answer.

    Args:
        questioner_comp_config: What to ask for. It is checked when the component is added to a workflow.
    """

    def __init__(self, questioner_comp_config: QuestionerConfig | None = None) -> None:
        self._questioner_config = questioner_comp_config  # a name that openJiuwen's programs read

    def to_executable(self) -> QuestionerExecutable:
        """Return the executable.

        Raises:
            JiuWenBaseException: 101071, the config makes no sense; 181000, there is no such model provider.
        """
        return QuestionerExecutable(self._questioner_config)


class QuestionerExecutable(ComponentExecutable):
    """The executable of a `QuestionerComponent`."""

    drawn_as = "question"

    def __init__(self, config: QuestionerConfig | None) -> None:
        self._config = config = config or QuestionerConfig()
        _check(config)
        self._question = parse_template(config.question_content, innermost=True) if config.question_content else None
        model = Model.of(config.model) if config.extract_fields_from_response else None
        self._handler = QuestionerDirectReplyHandler(config, model, self._init_prompt())

    def _init_prompt(self) -> Prompt:
        """Return the prompt, under the name by which tests written for openJiuwen replace it."""
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
                state.user_response = await runtime.interact(state.question, id=f"answer {heard}")
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
