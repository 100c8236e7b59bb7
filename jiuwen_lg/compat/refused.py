"""Parts of openJiuwen 0.1.1 that jiuwen_lg does not provide, and why."""

from __future__ import annotations

REASONS: dict[str, str] = {
    "openjiuwen.agent_builder.tune": "tuning prompts and agents is left to tools made for it",
    "openjiuwen.core.memory": "long-term memory is left to LangGraph's stores and to vector stores of LangChain",
    "openjiuwen.core.agent.controller.reasoner": "an internal part of openJiuwen's controllers",
    "openjiuwen.core.agent.controller.config": "an internal part of openJiuwen's controllers",
    "openjiuwen.core.context_engine": "an internal part of openJiuwen; conversations are kept by ContextEngine",
    "openjiuwen.core.graph": "an internal part of openJiuwen's engine, whose place LangGraph takes",
    "openjiuwen.core.runner": "an internal part of openJiuwen; programs use Runner",
    "openjiuwen.core.runtime": "an internal part of openJiuwen's engine, whose place LangGraph takes",
    "openjiuwen.core.stream": "an internal part of openJiuwen's engine, whose place LangGraph takes",
    "openjiuwen.core.stream_actor": "an internal part of openJiuwen's engine, whose place LangGraph takes",
    "openjiuwen.core.tracer": "an internal part of openJiuwen's engine; trace frames are TraceSchema objects",
    "openjiuwen.core.workflow": "an internal part of openJiuwen's engine, whose place LangGraph takes",
    "openjiuwen.graph": "an internal part of openJiuwen's engine, whose place LangGraph takes",
    "openjiuwen": "an internal part of openJiuwen that its documentation does not show",
}
"""Path → why what lies below it and is not in the table is refused; the longest path counts."""


def reason_for(path: str) -> str:
    """Return why a module or a name is refused."""
    while path not in REASONS:
        path = path.rpartition(".")[0]
    return REASONS[path]
