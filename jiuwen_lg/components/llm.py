"""LLM: asks a language model, and gives its answer as text or as the fields of a JSON object.

Source: seed 003's chapter on it, `components.md` 2.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from jiuwen_lg.component import ComponentConfig, ComponentExecutable, WorkflowComponent
from jiuwen_lg.environment import is_switched_off
from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.models.fields import AnswerFields
from jiuwen_lg.models.messages import as_dicts, history_of
from jiuwen_lg.models.model import Messages, Model
from jiuwen_lg.models.prompt import Prompt
from jiuwen_lg.models.reply import read_json
from jiuwen_lg.models.thoughts import Separated

_logger = logging.getLogger(__name__)

_ROLES = ("system", "developer", "user", "human", "assistant", "ai", "tool")

TEXT, MARKDOWN, JSON = "text", "markdown", "json"
REASONING = "reasoning"

_INSTRUCTIONS = {
    MARKDOWN: "${query}\n\nWrite the whole answer in Markdown.",
    JSON: (
        "${query}\n\nAnswer with one JSON object that fits this JSON schema, and with nothing else, "
        "no explanation and no code fence:\n${json_schema}"
    ),
}
_OVERRIDES = {MARKDOWN: "markdownInstruction", JSON: "jsonInstruction"}
_REPAIR = (
    "That answer cannot be used: {reason}. Give the same answer once more, corrected, as one JSON object "
    "that fits the schema, and nothing else."
)


@dataclass
class LLMCompConfig(ComponentConfig):
    """The configuration of an LLM component: its prompt, and the format of its output.

    Args:
        metadata: Kept for openJiuwen's signature.
        model: A `ModelConfig`, or any chat model of LangChain's.
        template_content: The messages, dicts with `role` and `content`; `{{name}}` in them stands for an input.
        response_format: `{"type": "text"}`, `"markdown"` or `"json"`; `jsonInstruction` or
            `markdownInstruction` replaces what the last user message is wrapped in (`${query}`, `${json_schema}`).
            `"reasoning": True` adds the model's thoughts as a further output `reasoning`, for text and Markdown.
        output_config: The outputs by name: one for text and Markdown; for JSON one or more, each with `type`,
            `description`, `required`, `items` and `properties`.
        enable_history: Whether the messages of the conversation go between the system's and the rest.
    """

    model: Any = None
    template_content: list[Any] = field(default_factory=list)
    response_format: dict[str, Any] = field(default_factory=dict)
    output_config: dict[str, Any] = field(default_factory=dict)
    enable_history: bool = False


class LLMComponent(WorkflowComponent):
    """Asks a language model.

    Its inputs fill the template; its output has the keys of `output_config`. Added for streaming, text and
    Markdown come in frames, one for each part of the answer; JSON comes in one.

    Args:
        component_config: What to ask. It is checked when the component is added to a workflow.
    """

    def __init__(self, component_config: LLMCompConfig | None = None) -> None:
        self._config = component_config

    def to_executable(self) -> LLMExecutable:
        """Return the executable.

        Raises:
            JiuWenBaseException: 101000 the template, 101001 the format, or 101002 the outputs make no sense.
        """
        return LLMExecutable(self._config)

    @property
    def executable(self) -> LLMExecutable:
        """What runs, as `to_executable`."""
        return self.to_executable()


class LLMExecutable(ComponentExecutable):
    """The executable of an `LLMComponent`."""

    drawn_as = "model"

    def __init__(self, component_config: LLMCompConfig | None) -> None:
        self._config = config = component_config or LLMCompConfig()
        self._system, self._rest = _prompts(config.template_content)
        self._format = _checked_format(config)
        self._fields = AnswerFields(config.output_config)
        self._model: Model | None = None

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> dict[str, Any]:
        """Ask, and give the answer.

        Raises:
            JiuWenBaseException: 101003, the call failed. 101004, the answer is not the JSON that was asked for,
                neither at first nor when the model was told what is wrong. 101005, there is no model to call.
                180000, a slot of the template is empty.
        """
        messages = await self._messages(inputs, context)
        if self._format != JSON:
            return self._outputs(await self._asked((await self._ready_model()).answer(messages)))
        return await self._fields_of_answer(messages)

    async def stream(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[dict[str, Any]]:
        """Ask, and give the answer in parts.

        Raises:
            JiuWenBaseException: As `invoke`; 101003 for a JSON answer that cannot be used, too, caused by 101004.
        """
        messages = await self._messages(inputs, context)
        if self._format == JSON:
            yield await self._asked(self._fields_of_answer(messages))
            return
        parts = (await self._asked(self._ready_model())).stream(messages)
        while (part := await self._asked(anext(parts, None))) is not None:
            if outputs := {key: text for key, text in self._outputs(part).items() if text}:
                yield outputs

    def _outputs(self, said: Separated) -> dict[str, Any]:
        """The answer by its key, and the thoughts if they are wanted."""
        thoughts = {REASONING: said.thoughts} if self._config.response_format.get(REASONING) is True else {}
        return {**thoughts, self._only_key: said.answer}

    @property
    def _only_key(self) -> str:
        return next(iter(self._config.output_config))

    async def _ready_model(self) -> Model:
        if self._model is None:
            try:
                self._model = Model.of(self._config.model)
            except JiuWenBaseException as error:
                raise StatusCode.LLM_COMPONENT_INIT_LLM_ERROR.error(error_msg=str(error)) from error
        return self._model

    async def _asked(self, answer: Any) -> Any:
        try:
            return await answer
        except JiuWenBaseException as error:
            if error.error_code == StatusCode.LLM_COMPONENT_INVOKE_LLM_ERROR.code:
                raise
            raise StatusCode.LLM_COMPONENT_INVOKE_LLM_ERROR.error(error_msg=str(error)) from error

    # --- what is asked ---

    async def _messages(self, inputs: Any, context: Any) -> Messages:
        if inputs is not None and not isinstance(inputs, Mapping):
            reason = f"its inputs are {inputs!r}; the template takes them by name, from a dict"
            raise StatusCode.LLM_COMPONENT_ASSEMBLE_TEMPLATE_ERROR.error(error_msg=reason)
        values = dict(inputs or {})
        history = await history_of(context) if self._config.enable_history else []
        rest = self._rest.fill(values)
        if self._format != TEXT:
            asked = max(i for i, message in enumerate(rest) if message["role"] == "user")
            rest[asked] = {**rest[asked], "content": self._instructed(rest[asked]["content"])}
        return [*self._system.fill(values), *history, *rest]

    def _build_system_prompt(self, inputs: Mapping[str, Any]) -> Messages:
        """Return the filled system messages; openJiuwen's programs call this method and the next one by these names."""
        return self._system.fill(inputs)

    def _build_user_prompt_content(self, inputs: Mapping[str, Any]) -> Messages:
        """Return the filled messages after the system's, without what the format asks for."""
        return self._rest.fill(inputs)

    def _instructed(self, content: Any) -> Any:
        """The last user message with what the format asks for."""
        instruction = self._config.response_format.get(_OVERRIDES[self._format]) or _INSTRUCTIONS[self._format]
        instruction = instruction.replace("${json_schema}", json.dumps(self._fields.schema(), ensure_ascii=False))
        if isinstance(content, str):
            return instruction.replace("${query}", content)
        return [*content, {"type": "text", "text": instruction.replace("${query}", "").strip()}]

    # --- what is answered ---

    async def _fields_of_answer(self, messages: Messages) -> dict[str, Any]:
        self._require_types()
        model, schema = await self._ready_model(), self._fields.schema()
        reply = await self._asked(model.ask_for(messages, schema))
        try:
            return await self._read(reply)
        except JiuWenBaseException as error:
            repair = _REPAIR.format(reason=error.details["error_msg"])
        messages = [*messages, {"role": "assistant", "content": reply}, {"role": "user", "content": repair}]
        return await self._read(await self._asked(model.ask_for(messages, schema)))

    def _require_types(self) -> None:
        try:
            self._fields.require()
        except JiuWenBaseException as error:
            reason = error.details["error_msg"]
            raise StatusCode.LLM_COMPONENT_JSON_SCHEMA_OUTPUT_ERROR.error(error_msg=reason) from error

    async def _read(self, reply: str) -> dict[str, Any]:
        try:
            return self._fields.read(await read_json(reply))
        except (ValueError, JiuWenBaseException) as error:
            reason = error.details["error_msg"] if isinstance(error, JiuWenBaseException) else str(error)
            if is_switched_off("IS_SENSITIVE"):
                reason = f"{reason}; it was {reply!r}"
            raise StatusCode.LLM_COMPONENT_JSON_SCHEMA_OUTPUT_ERROR.error(error_msg=reason) from error


def _prompts(template: Any) -> tuple[Prompt, Prompt]:
    """The leading system messages, and the rest.

    Raises:
        JiuWenBaseException: 101000, the template makes no sense.
    """
    try:
        messages = as_dicts(template or ())
    except (TypeError, ValueError) as error:
        raise _bad_template(f"a message is a dict with role and content: {error}") from error
    for message in messages:
        if message.get("role") not in _ROLES:
            _logger.warning("a message of the template has the role %r and is left out", message.get("role"))
    messages = [message for message in messages if message.get("role") in _ROLES]
    roles = [message.get("role") for message in messages]
    if "user" not in roles:
        raise _bad_template("it has no message of the role 'user'")
    first = roles.index("user")
    if "system" in roles[first:]:
        raise _bad_template("a message of the role 'system' comes after one of the role 'user'")
    for message in messages:
        if not isinstance(message.get("content"), (str, list)):
            raise _bad_template(f"the content of {message!r} is neither a text nor a list of parts")
    leading = next(i for i, role in enumerate(roles) if role != "system")
    return Prompt(messages[:leading]), Prompt(messages[leading:])


def _bad_template(reason: str) -> JiuWenBaseException:
    return StatusCode.LLM_COMPONENT_TEMPLATE_CONFIG_ERROR.error(error_msg=reason)


def _checked_format(config: LLMCompConfig) -> str:
    """The kind of answer.

    Raises:
        JiuWenBaseException: 101001 or 101002.
    """
    kind = config.response_format.get("type") if isinstance(config.response_format, Mapping) else None
    if kind not in (TEXT, MARKDOWN, JSON):
        reason = f"its type is {kind!r}; it is one of 'text', 'markdown', 'json'"
        raise StatusCode.LLM_COMPONENT_RESPONSE_FORMAT_CONFIG_ERROR.error(error_msg=reason)
    outputs = config.output_config
    if not isinstance(outputs, Mapping):
        raise _bad_outputs(f"it is {outputs!r}, not a dict by name of the output")
    if kind != JSON and len(outputs) != 1:
        reason = f"{kind} has one output, and output_config has {len(outputs)}: {[*outputs]}"
        raise StatusCode.LLM_COMPONENT_RESPONSE_FORMAT_CONFIG_ERROR.error(error_msg=reason)
    if kind == JSON:
        _check_outputs(outputs)
    return str(kind)


def _check_outputs(outputs: Mapping[str, Any]) -> None:
    if not isinstance(outputs, Mapping) or not outputs:
        raise _bad_outputs(f"{outputs!r} names no output; json has at least one")
    for name, output in outputs.items():
        if not name or not isinstance(output, Mapping):
            raise _bad_outputs(f"[{name}] is {output!r}; an output has a name and is a dict")
        if not isinstance(output.get("type", "string"), str):
            raise _bad_outputs(f"the type of [{name}] is {output['type']!r}, not a text")
        required = output.get("required", True)
        if not isinstance(required, (bool, int)) and str(required).strip().lower() not in ("true", "false"):
            raise _bad_outputs(f"required of [{name}] is {required!r}, neither true nor false")
        if output.get("properties"):
            _check_outputs(output["properties"])
        if output.get("items"):
            _check_outputs({f"{name}[]": output["items"]})


def _bad_outputs(reason: str) -> JiuWenBaseException:
    return StatusCode.LLM_COMPONENT_OUTPUT_CONFIG_ERROR.error(error_msg=reason)
