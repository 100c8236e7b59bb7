"""LangChain's own standard suite, on the chat model that the providers use."""

from __future__ import annotations

from typing import Any

from langchain_tests.unit_tests import ChatModelUnitTests

from jiuwen_lg.models.openai_chat import CompatibleChat


class TestCompatibleChat(ChatModelUnitTests):
    @property
    def chat_model_class(self) -> type[CompatibleChat]:
        return CompatibleChat

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": "m", "api_key": "a-key", "base_url": "http://127.0.0.1:9/v1"}
