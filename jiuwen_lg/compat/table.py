"""openJiuwen's module paths and the public names that programs import from them.

Source: `engine.md` 0.1. Each name is the one of that spelling in `jiuwen_lg`.
"""

from __future__ import annotations

SUPPORTED_VERSION = "0.1.1"

_C = "openjiuwen.core"

MODULES: dict[str, tuple[str, ...]] = {
    f"{_C}.common.exception.exception": ("JiuWenBaseException", "InterruptException"),
    f"{_C}.common.exception.status_code": ("StatusCode",),
    f"{_C}.component.base": (
        "WorkflowComponent",
        "SimpleComponent",
        "ComponentConfig",
        "WorkflowComponentMetadata",
        "ComponentState",
    ),
    f"{_C}.component.end_comp": ("End", "EndConfig"),
    f"{_C}.component.start_comp": ("Start",),
    f"{_C}.context_engine.base": ("Context",),
    f"{_C}.graph.executable": ("Executable", "Input", "Output"),
    f"{_C}.runner.runner": ("Runner",),
    f"{_C}.runtime.base": ("ComponentExecutable", "Input", "Output"),
    f"{_C}.runtime.interaction.interaction": ("InteractionOutput",),
    f"{_C}.runtime.interaction.interactive_input": ("InteractiveInput",),
    f"{_C}.runtime.runtime": ("Runtime",),
    f"{_C}.runtime.workflow": ("WorkflowRuntime", "workflow_runtime_vars"),
    f"{_C}.runtime.wrapper": ("TaskRuntime",),
    f"{_C}.stream.base": ("BaseStreamMode", "StreamMode", "OutputSchema", "TraceSchema", "CustomSchema"),
    f"{_C}.workflow.base": ("Workflow", "WorkflowOutput", "WorkflowExecutionState", "WorkflowChunk"),
    f"{_C}.workflow.workflow_config": (
        "WorkflowConfig",
        "WorkflowMetadata",
        "WorkflowInputsSchema",
        "ComponentAbility",
        "CompIOConfig",
        "NodeSpec",
        "WorkflowSpec",
    ),
}
"""Module path → names."""


def is_package(path: str) -> bool:
    """Whether modules of the table lie below this path."""
    return any(module.startswith(f"{path}.") for module in MODULES)
