"""`ChatOpenAI` for services that are compatible with OpenAI's, and know more.

LangChain's own speaks OpenAI's protocol to the letter; services add keys to messages (`prefix`,
`cache_control`) and tell what the model thought (`reasoning_content`). The three methods are those that
LangChain's own packages for such services override.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_openai import ChatOpenAI

REASONING = "reasoning_content"
_KNOWN = frozenset(("role", "content", "name", "tool_calls", "tool_call_id", "id", "function_call", "refusal", "audio"))


class CompatibleChat(ChatOpenAI):
    """Sends the further keys of messages, and keeps what the model thought."""

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
        result = super()._create_chat_result(response, generation_info)
        for choice, generation in zip(getattr(response, "choices", ()), result.generations, strict=False):
            if thought := getattr(choice.message, REASONING, None):
                generation.message.additional_kwargs[REASONING] = thought
        return result

    def _convert_chunk_to_generation_chunk(self, chunk: Any, *args: Any) -> ChatGenerationChunk | None:
        generation = super()._convert_chunk_to_generation_chunk(chunk, *args)
        choices = chunk.get("choices") or [{}]
        if generation is not None and (thought := (choices[0].get("delta") or {}).get(REASONING)):
            generation.message.additional_kwargs[REASONING] = thought
        return generation
