"""LLM and intent detection: ours, with today's configurations."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from jiuwen_lg.compat.current.context import ModelContext
from jiuwen_lg.compat.current.message import AssistantMessage, UserMessage, as_dicts
from jiuwen_lg.compat.current.model import ModelClientConfig, ModelRequestConfig, model_of
from jiuwen_lg.compat.current.translation import translating
from jiuwen_lg.component import ComponentConfig
from jiuwen_lg.components import intent as our_intent
from jiuwen_lg.components import llm as our_llm


@dataclass
class LLMCompConfig(ComponentConfig):
    """The question that an LLM component asks, and the outputs that it gives.

    Args:
        metadata: Kept for openJiuwen's signature.
        model_id: A model of the resource manager, in place of the next two.
        model_client_config: The service of the model.
        model_config: The model.
        template_content: The messages; `{{name}}` in them stands for an input.
        system_prompt_template: The system message, in place of `template_content`.
        user_prompt_template: The user's message, in place of `template_content`.
        response_format: `{"type": "text"}`, `"markdown"` or `"json"`.
        output_config: The outputs by name.
        enable_history: Whether the conversation's messages go along, and question and answer into it.
        cache_stream: Whether a component that gives both frames and a batch output asks the model once.
    """

    model_id: str | None = None
    model_client_config: ModelClientConfig | None = None
    model_config: ModelRequestConfig | None = None
    template_content: list[Any] = field(default_factory=list)
    system_prompt_template: Any = None
    user_prompt_template: Any = None
    response_format: dict[str, Any] = field(default_factory=dict)
    output_config: dict[str, Any] = field(default_factory=dict)
    enable_history: bool = False
    cache_stream: bool = False

    def ours(self) -> our_llm.LLMCompConfig:
        """The same configuration in `jiuwen_lg`."""
        parts = [one for one in (self.system_prompt_template, self.user_prompt_template) if one is not None]
        return our_llm.LLMCompConfig(
            metadata=self.metadata,
            model=model_of(self),
            template_content=as_dicts(self.template_content or parts),
            response_format=self.response_format or {"type": "text"},
            output_config=self.output_config,
            enable_history=self.enable_history,
        )


class LLMExecutable(our_llm.LLMExecutable):
    """Asks a model; with a history it adds question and answer to the conversation."""

    def __init__(self, component_config: LLMCompConfig | None) -> None:
        self._today = component_config or LLMCompConfig()
        self._parts: WeakKeyDictionary[Any, list[dict[str, Any]]] = WeakKeyDictionary()
        super().__init__(self._today.ours())

    async def invoke(self, inputs: Any, session: Any, context: Any) -> dict[str, Any]:
        """Ask, and give the answer."""
        if self._today.cache_stream:
            parts = await self._asked_once(inputs, session, context)
            return _joined(parts)
        answer = await super().invoke(inputs, session, context)
        await self._remember(inputs, answer, context)
        return answer

    async def stream(self, inputs: Any, session: Any, context: Any) -> AsyncIterator[dict[str, Any]]:
        """Ask, and give the answer in parts."""
        if self._today.cache_stream and _runtime_of(session) in self._parts:
            for part in self._parts[_runtime_of(session)]:
                yield part
            return
        parts: list[dict[str, Any]] = []
        async for part in super().stream(inputs, session, context):
            parts.append(part)
            yield part
        self._parts[_runtime_of(session)] = parts
        await self._remember(inputs, _joined(parts), context)

    async def _asked_once(self, inputs: Any, session: Any, context: Any) -> list[dict[str, Any]]:
        """The parts of this execution's answer, asked for if they are not there yet."""
        if _runtime_of(session) not in self._parts:
            async for _ in self.stream(inputs, session, context):
                """The parts are kept."""
        return self._parts[_runtime_of(session)]

    async def _remember(self, inputs: Any, answer: dict[str, Any], context: Any) -> None:
        if not self._config.enable_history or not isinstance(context, ModelContext):
            return
        asked = [one["content"] for one in self._rest.fill(dict(inputs or {})) if one["role"] == "user"]
        said = next(iter(answer.values())) if self._format != our_llm.JSON else _as_json(answer)
        await context.add_messages([UserMessage(content=asked[-1]), AssistantMessage(content=str(said))])


def _runtime_of(session: Any) -> Any:
    return getattr(session, "_runtime", session)


def _as_json(answer: Any) -> str:
    import json

    return json.dumps(answer, ensure_ascii=False)


def _joined(parts: list[dict[str, Any]]) -> dict[str, Any]:
    joined: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            both = isinstance(joined.get(key), str) and isinstance(value, str)
            joined[key] = joined[key] + value if both else value
    return joined


class LLMComponent(our_llm.LLMComponent):
    """Asks a language model.

    Args:
        component_config: The question, the model and the outputs.
    """

    def __init__(self, component_config: LLMCompConfig | None = None) -> None:
        super().__init__()
        self._today = component_config

    def to_executable(self) -> LLMExecutable:
        """The executable for this component."""
        with translating():
            return LLMExecutable(self._today)


@dataclass
class IntentDetectionCompConfig(ComponentConfig):
    """The categories that an intent detection chooses among, and its model.

    Args:
        metadata: Kept for openJiuwen's signature.
        model_id: A model of the resource manager, in place of the next two.
        model_client_config: The service of the model.
        model_config: The model.
        category_name_list: The categories; their ids begin at 1.
        user_prompt: Further instructions for the model.
        example_content: Examples for it.
        enable_history: Whether it sees the conversation so far.
        chat_history_max_turn: How many questions of it, with their answers.
        accept_language: Kept for openJiuwen's signature.
    """

    model_id: str | None = None
    model_client_config: ModelClientConfig | None = None
    model_config: ModelRequestConfig | None = None
    category_name_list: list[str] = field(default_factory=list)
    user_prompt: str = ""
    example_content: list[str] = field(default_factory=list)
    enable_history: bool = False
    chat_history_max_turn: int = 3
    accept_language: str = "zh"

    def ours(self) -> our_intent.IntentDetectionCompConfig:
        """The same configuration in `jiuwen_lg`."""
        return our_intent.IntentDetectionCompConfig(
            metadata=self.metadata,
            category_name_list=self.category_name_list,
            model=model_of(self),
            user_prompt=self.user_prompt,
            example_content=self.example_content,
            enable_history=self.enable_history,
            chat_history_max_turn=self.chat_history_max_turn,
        )


class IntentDetectionExecutable(our_intent.IntentDetectionExecutable):
    """Asks a model for a category."""


class IntentDetectionComponent(our_intent.IntentDetectionComponent):
    """Lets a language model choose a category for its input `query`; branches lead on from there.

    Args:
        component_config: The categories and the model.
    """

    def __init__(self, component_config: IntentDetectionCompConfig | None = None) -> None:
        super().__init__((component_config or IntentDetectionCompConfig()).ours())

    def add_branch(self, condition: Any, target: str | list[str], branch_id: str | None = None) -> None:
        """Add a branch; the first one whose condition holds counts."""
        with translating():
            super().add_branch(condition, target, branch_id)

    def to_executable(self) -> IntentDetectionExecutable:
        """The executable for this component."""
        return IntentDetectionExecutable(self._config)
