"""How the tests name the model on this machine."""

from __future__ import annotations

from typing import Any

from jiuwen_lg import BaseModelInfo, ModelConfig
from jiuwen_lg.testing.server import KEY, ModelServer


def config(llm: ModelServer, model: str = "gpt-3.5-turbo", **more: Any) -> ModelConfig:
    """Seed 003's config, with its address and key replaced."""
    given = {"model": model, "api_base": llm.url, "api_key": KEY, "temperature": 0.7, "top_p": 0.9, "timeout": 30}
    return ModelConfig(model_provider="openai", model_info=BaseModelInfo(**{**given, **more}))
