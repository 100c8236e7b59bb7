"""One kind of call of a model: its prompts, and the values that fill them.

Facts: openJiuwen 0.1.1, `agents.md` 15.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any

from jiuwen_lg.models.client import BaseModelClient
from jiuwen_lg.models.messages import AIMessage, AIMessageChunk, BaseMessage, SystemMessage
from jiuwen_lg.prompts.template import Template

DEFAULT_USER_PROMPT = "{{query}}"


class LLMCall:
    """A call with a system prompt and a user prompt, whose slots are filled each time.

    Args:
        model_name: The model.
        llm: The client that calls it.
        system_prompt: A text, dicts or message objects, all sent as system messages; empty for none.
        user_prompt: The same; `{{query}}` if empty.
        freeze_system_prompt: Whether `update_system_prompt` has no effect.
        freeze_user_prompt: The same of the user prompt.
        llm_call_id: A name for it.

    Raises:
        pydantic.ValidationError: A prompt is of another kind.
    """

    def __init__(
        self,
        model_name: str,
        llm: BaseModelClient,
        system_prompt: Any,
        user_prompt: Any,
        freeze_system_prompt: bool = False,
        freeze_user_prompt: bool = True,
        llm_call_id: str = "llm_call",
    ) -> None:
        self._model_name = model_name
        self._llm = llm
        self._system = Template(content=system_prompt)
        self._user = Template(content=user_prompt or DEFAULT_USER_PROMPT)
        self._system_is_frozen = freeze_system_prompt
        self._user_is_frozen = freeze_user_prompt
        self._optimizer_callback: Callable[..., Any] | None = None
        self.llm_call_id = llm_call_id

    async def invoke(
        self,
        inputs: Mapping[str, Any],
        runtime: Any = None,
        history: Iterable[BaseMessage] | None = None,
        tools: Any = None,
    ) -> AIMessage:
        """Call the model.

        Args:
            inputs: The values of the slots; a slot without one stays as it is written.
            runtime: Accepted for openJiuwen's sake.
            history: Messages between the system prompt and the user prompt.
            tools: What the model may call.
        """
        messages = self._messages(inputs, history)
        return await self._llm.ainvoke(self._model_name, messages, tools=tools)

    async def stream(
        self,
        inputs: Mapping[str, Any],
        runtime: Any = None,
        history: Iterable[BaseMessage] | None = None,
        tools: Any = None,
    ) -> AsyncIterator[AIMessageChunk]:
        """Call the model, and yield its answer in parts; see `invoke`."""
        messages = self._messages(inputs, history)
        async for chunk in self._llm.astream(self._model_name, messages, tools=tools):
            yield chunk

    def _messages(self, inputs: Mapping[str, Any], history: Iterable[BaseMessage] | None) -> list[Any]:
        system = [SystemMessage(content=message.content) for message in _filled(self._system, inputs)]
        return [*system, *(history or ()), *_filled(self._user, inputs)]

    def get_system_prompt(self) -> Template:
        """Return the system prompt."""
        return self._system

    def get_user_prompt(self) -> Template:
        """Return the user prompt."""
        return self._user

    def update_system_prompt(self, system_prompt: Any) -> None:
        """Replace the system prompt, unless it is frozen."""
        if not self._system_is_frozen:
            self._system = Template(content=system_prompt)

    def update_user_prompt(self, user_prompt: Any) -> None:
        """Replace the user prompt, unless it is frozen."""
        if not self._user_is_frozen:
            self._user = Template(content=user_prompt)

    def set_freeze_system_prompt(self, switch: bool) -> None:
        """Let `update_system_prompt` have no effect, or have one again."""
        self._system_is_frozen = switch

    def get_freeze_system_prompt(self) -> bool:
        """Return whether the system prompt is frozen."""
        return self._system_is_frozen

    def set_freeze_user_prompt(self, switch: bool) -> None:
        """Let `update_user_prompt` have no effect, or have one again."""
        self._user_is_frozen = switch

    def get_freeze_user_prompt(self) -> bool:
        """Return whether the user prompt is frozen."""
        return self._user_is_frozen

    def set_optimizer_callback(self, callback: Callable[..., Any]) -> None:
        """Accepted for openJiuwen's sake: nothing here optimizes prompts."""
        self._optimizer_callback = callback


def _filled(template: Template, inputs: Mapping[str, Any]) -> list[BaseMessage]:
    return template.format(inputs).to_messages()
