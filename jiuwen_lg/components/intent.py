"""Intent detection: lets a language model choose among categories, and goes on by its choice.

Source: seed 003's chapter on it, `components.md` 3 (its Q14 to Q16 left out).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jiuwen_lg.component import ComponentConfig, ComponentExecutable, WorkflowComponent
from jiuwen_lg.components.branch import BranchRouter
from jiuwen_lg.components.category_names import CategoryNames
from jiuwen_lg.engine.graph.router import BringsRouter
from jiuwen_lg.environment import is_switched_off
from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.models.messages import history_of
from jiuwen_lg.models.model import Messages, Model
from jiuwen_lg.models.prompt import Prompt
from jiuwen_lg.models.reply import read_json, the_object_in
from jiuwen_lg.models.structured import ENOUGH_TOKENS
from jiuwen_lg.models.thoughts import separated
from jiuwen_lg.schema.template import parse_template

DEFAULT_CATEGORY = "默认意图"
"""What nothing else fits; its id is 0."""

_PROMPT = Prompt(
    [
        {"role": "system", "content": "You sort requests into categories. You answer in JSON."},
        {
            "role": "user",
            "content": (
                "{{user_prompt}}\n\n# Categories\n{{category_info}}\n\n# Examples\n{{example_content}}\n\n"
                "# Conversation so far\n{{chat_history}}\n\n# Request\n{{input}}\n\n"
                "Which one category does the request belong to? Take {{default_class}} if none fits. Answer with one "
                'JSON object: {"class": "<the label, such as 分类1>", "reason": "<why, in the request\'s language>"}'
            ),
        },
    ]
)


def _schema(count: int) -> dict[str, Any]:
    """The answer's JSON schema: with it no reply is unreadable."""
    labels = [f"分类{number}" for number in range(count)]
    properties = {"class": {"type": "string", "enum": labels}, "reason": {"type": "string"}}
    return {"type": "object", "properties": properties, "required": ["class", "reason"], "additionalProperties": False}


@dataclass
class IntentDetectionCompConfig(ComponentConfig):
    """Among what an intent detection chooses.

    Args:
        metadata: Kept for openJiuwen's signature.
        category_name_list: The categories; their ids begin at 1, in this order.
        model: A `ModelConfig`, or any chat model of LangChain's.
        user_prompt: A further instruction for the model.
        example_content: Examples for it.
        enable_history: Whether it sees the conversation so far.
        chat_history_max_turn: How much of it: so many questions with their answers.
    """

    category_name_list: list[str] = field(default_factory=list)
    model: Any = None
    user_prompt: str = ""
    example_content: list[str] = field(default_factory=list)
    enable_history: bool = False
    chat_history_max_turn: int = 3


class IntentDetectionComponent(BringsRouter, WorkflowComponent):
    """Lets a language model choose a category for its input `query`.

    Its output: `classification_id` (0 for the default category), `reason` (absent if there is none) and
    `category_name`. Where the run goes on is said by `add_branch`.

    Args:
        component_config: Among what it chooses.
    """

    def __init__(self, component_config: IntentDetectionCompConfig | None = None) -> None:
        self._config = component_config
        self._router = BranchRouter()

    def add_branch(self, condition: Any, target: str | list[str], branch_id: str | None = None) -> None:
        """Add a branch; the first one whose condition holds counts.

        Args:
            condition: Such as `"${intent.classification_id} == 1"`; an empty one always holds.
            target: The component to go on with, or several.
            branch_id: A name for traces and drawings.

        Raises:
            JiuWenBaseException: 101100, something is missing; 101101, the condition is of another kind;
                140000 or 140001, the expression cannot be used.
        """
        self._router.add_branch(condition, target, branch_id)

    def router(self) -> BranchRouter:
        """Return the routing function."""
        return self._router

    def to_executable(self) -> IntentDetectionExecutable:
        """Return the executable."""
        return IntentDetectionExecutable(self._config)


class IntentDetectionExecutable(ComponentExecutable):
    """The executable of an `IntentDetectionComponent`."""

    drawn_as = "model"

    def __init__(self, component_config: IntentDetectionCompConfig | None) -> None:
        self._config = config = component_config or IntentDetectionCompConfig()
        self._categories = [DEFAULT_CATEGORY, *(config.category_name_list or ())]
        examples = config.example_content or ()
        self._examples = [examples] if isinstance(examples, str) else [*examples]
        self._user_prompt = parse_template(config.user_prompt or "", innermost=True)
        self._names = CategoryNames(self._categories)
        self._schema = _schema(len(self._categories))
        self._model: Model | None = None

    def set_router(self, router: Any) -> IntentDetectionExecutable:
        """Kept for openJiuwen's sake: the component's own router counts."""
        return self

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> dict[str, Any]:
        """Ask the model, and give its choice; a reply that names no category is the default one, and says so.

        Raises:
            JiuWenBaseException: 101050, the query is no text. 101051, there is no model to call. 101052, the
                call failed.
        """
        query = inputs.get("query") if isinstance(inputs, Mapping) else None
        if not isinstance(query, str):
            raise StatusCode.INTENT_DETECTION_COMPONENT_USER_INPUT_ERROR.error(
                error_msg=f"its input query is {query!r}; it takes a text"
            )
        number, reason = await self._choice(await self._asked(await self._messages(query, context)))
        given = {"reason": reason} if reason else {}
        return {"classification_id": number, **given, "category_name": self._categories[number]}

    async def _asked(self, messages: Messages) -> str:
        try:
            if self._model is None:
                self._model = Model.of(self._config.model)
        except JiuWenBaseException as error:
            raise StatusCode.INTENT_DETECTION_COMPONENT_INIT_LLM_ERROR.error(error_msg=str(error)) from error
        try:
            return await self._model.ask_for(messages, self._schema, cap=ENOUGH_TOKENS, prefers_sync=True)
        except JiuWenBaseException as error:
            raise StatusCode.INTENT_DETECTION_COMPONENT_INVOKE_LLM_ERROR.error(error_msg=str(error)) from error

    async def _messages(self, query: str, context: Any) -> Messages:
        labels = [f"分类{number}" for number in range(len(self._categories))]
        slots = {
            "category_info": "\n".join(map("{}: {}".format, labels, self._categories)),
            "chat_history": await self._history(context),
            "input": query,
            "example_content": "\n\n".join(self._examples),
            "default_class": labels[0],
        }
        return _PROMPT.fill({**slots, "user_prompt": self._user_prompt.fill(slots)})

    async def _history(self, context: Any) -> str:
        turns = self._config.chat_history_max_turn
        if not self._config.enable_history or turns < 1:
            return ""
        return "\n".join(f"{one['role']}：{one['content']}" for one in await history_of(context, 2 * turns))

    async def _choice(self, reply: str) -> tuple[int, str]:
        """The category's number, and why."""
        try:
            value = the_object_in(await read_json(reply))
            fault = ""
        except ValueError as error:
            value, fault = None, str(error)
        if isinstance(value, dict):
            number, reason = self._names.in_label(value.get("class")), value.get("reason")
            known = f"分类0 … 分类{len(self._categories) - 1}"
            fault = f"the model chose {value.get('class')!r}, which is none of {known}"
        else:
            number, reason = self._names.in_text(separated(reply, anywhere=True).answer), None
            told = f"; it was {reply!r}" if is_switched_off("IS_SENSITIVE") else ""
            fault = f"the model's reply is no choice ({fault or 'it names none'}){told}"
        if number is None:
            return 0, f"{fault}, so the default category counts"
        return number, "" if reason is None else str(reason)
