"""`ChatOpenAI` for services that are compatible with OpenAI's, and know more.

LangChain's own speaks OpenAI's protocol to the letter; services add keys to messages (`prefix`,
`cache_control`) and tell what the model thought (`reasoning_content`). The three methods are those that
LangChain's own packages for such services override.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_openai import ChatOpenAI

from jiuwen_lg.models.failure import NoAnswerError, no_json, require_no_refusal

REASONING = "reasoning_content"
_KNOWN = frozenset(("role", "content", "name", "tool_calls", "tool_call_id", "id", "function_call", "refusal", "audio"))


class CompatibleChat(ChatOpenAI):
    """Sends the further keys of messages, and keeps what the model thought."""

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Not by LangChain's `load`, which knows its own classes only."""
        return False

    def _get_request_payload(self, input_: Any, *, stop: list[str] | None = None, **kwargs: Any) -> dict[str, Any]:
        payload: dict[str, Any] = super()._get_request_payload(input_, stop=stop, **kwargs)
        given = input_ if isinstance(input_, list) else self._convert_input(input_).to_messages()
        for sent, message in zip(payload.get("messages", ()), given, strict=False):
            more = message if isinstance(message, Mapping) else message.additional_kwargs
            sent.update({key: value for key, value in more.items() if key not in _KNOWN and key not in sent})
            if "content" in sent and sent["content"] is None:  # LangChain's for an empty text beside tool calls
                sent["content"] = ""
        return payload

    def _create_chat_result(self, response: Any, generation_info: dict[str, Any] | None = None) -> ChatResult:
        require_answer(response)
        result = super()._create_chat_result(response, generation_info)
        for choice, generation in zip(getattr(response, "choices", ()), result.generations, strict=False):
            if thought := _thought_in(getattr(choice.message, "model_extra", None) or {}):
                generation.message.additional_kwargs[REASONING] = thought
        return result

    def _convert_chunk_to_generation_chunk(self, chunk: Any, *args: Any) -> ChatGenerationChunk | None:
        generation = super()._convert_chunk_to_generation_chunk(chunk, *args)
        delta = (chunk.get("choices") or [{}])[0].get("delta") or {}
        if generation is not None:
            if thought := _thought_in(delta):
                generation.message.additional_kwargs[REASONING] = thought
            if refusal := delta.get("refusal"):
                generation.message.additional_kwargs["refusal"] = refusal
        return generation


def _thought_in(message: Mapping[str, Any]) -> str:
    """What the model thought, by whichever name the service tells it."""
    found = message.get(REASONING) or message.get("reasoning")
    return found if isinstance(found, str) else ""


def require_answer(response: Any) -> None:
    """Check that a reply has an answer in it.

    Raises:
        NoAnswerError: It is a page, has no choices, or refuses.
    """
    if isinstance(response, str):
        raise NoAnswerError(no_json(response))
    choices = getattr(response, "choices", None)
    if not choices:
        raise NoAnswerError(f"the service gave no choices{_said_by(response)}")
    message = choices[0].message
    if message is None:
        raise NoAnswerError("the service gave a choice without a message")
    if not message.content:
        require_no_refusal(getattr(message, "refusal", None))
    if not message.content and not message.tool_calls and choices[0].finish_reason == "content_filter":
        raise NoAnswerError("the service's content filter stopped the answer")


def _said_by(response: Any) -> str:
    """What a service said instead of an answer."""
    more = {**(getattr(response, "model_extra", None) or {})}
    told = {key: more[key] for key in ("error", "error_code", "error_msg", "code", "msg", "message") if more.get(key)}
    return f"; it said {json.dumps(told, ensure_ascii=False, default=str):.500}" if told else ""
