"""openJiuwen's module paths and the public names that programs import from them.

Source: `engine.md` 0.1. Each name is the one of that spelling in `jiuwen_lg`.
"""

from __future__ import annotations

from jiuwen_lg import constants
from jiuwen_lg.compat.agent_names import AGENT_MODULES

SUPPORTED_VERSION = "0.1.1"

_C = "openjiuwen.core"

LATER: dict[str, tuple[str, ...]] = {
    f"{_C}.graph.executable": ("GeneralExecutor",),
    f"{_C}.runtime.runtime": ("BaseRuntime",),
    f"{_C}.runtime.workflow": ("SubWorkflowRuntime",),
    f"{_C}.utils.tool.types": ("Type",),
}
"""Names that programs import and jiuwen_lg does not have yet: they raise when they are used."""

MODULES: dict[str, tuple[str, ...]] = {
    "openjiuwen.agent.common.enum": ("ControllerType",),
    "openjiuwen.agent.common.schema": ("WorkflowSchema",),
    "openjiuwen.agent.config.workflow_config": ("WorkflowAgentConfig", "DefaultResponse"),
    "openjiuwen.agent.workflow_agent.workflow_agent": ("WorkflowAgent",),
    f"{_C}.agent.agent": ("BaseAgent", "ControllerAgent", "WorkflowFactory", "workflow_provider"),
    f"{_C}.common.exception.exception": ("JiuWenBaseException", "InterruptException"),
    f"{_C}.common.exception.status_code": ("StatusCode",),
    f"{_C}.component.base": (
        "WorkflowComponent",
        "SimpleComponent",
        "ComponentConfig",
        "WorkflowComponentMetadata",
        "ComponentState",
    ),
    f"{_C}.component.branch_comp": ("BranchComponent",),
    f"{_C}.component.branch_router": ("BranchRouter", "Branch"),
    f"{_C}.component.break_comp": ("BreakComponent",),
    f"{_C}.component.condition.array": ("ArrayCondition", "ArrayConditionInRuntime"),
    f"{_C}.component.condition.condition": ("Condition", "FuncCondition", "AlwaysTrue"),
    f"{_C}.component.condition.expression": ("ExpressionCondition",),
    f"{_C}.component.condition.number": ("NumberCondition", "NumberConditionInRuntime"),
    f"{_C}.component.loop_callback.intermediate_loop_var": ("IntermediateLoopVarCallback",),
    f"{_C}.component.loop_callback.loop_callback": ("LoopCallback",),
    f"{_C}.component.loop_callback.output": ("OutputCallback",),
    f"{_C}.component.loop_comp": ("LoopGroup", "LoopComponent", "AdvancedLoopComponent", "LoopType", "LoopInput"),
    f"{_C}.component.set_variable_comp": ("SetVariableComponent",),
    f"{_C}.component.workflow_comp": ("SubWorkflowComponent",),
    f"{_C}.component.end_comp": ("End", "EndConfig"),
    f"{_C}.component.start_comp": ("Start",),
    f"{_C}.component.common.configs.model_config": ("ModelConfig",),
    f"{_C}.component.intent_detection_comp": (
        "IntentDetectionCompConfig",
        "IntentDetectionComponent",
        "IntentDetectionExecutable",
    ),
    f"{_C}.component.llm_comp": ("LLMCompConfig", "LLMComponent", "LLMExecutable"),
    f"{_C}.component.questioner_comp": (
        "FieldInfo",
        "QuestionerConfig",
        "QuestionerComponent",
        "QuestionerExecutable",
        "QuestionerState",
        "QuestionerDirectReplyHandler",
    ),
    f"{_C}.context_engine.base": ("Context", "ContextOwner"),
    f"{_C}.context_engine.config": ("ContextEngineConfig",),
    f"{_C}.context_engine.engine": ("ContextEngine",),
    f"{_C}.graph.executable": ("Executable", "Input", "Output"),
    f"{_C}.runner.runner": ("Runner",),
    f"{_C}.runtime": ("workflow_runtime_vars",),
    f"{_C}.runtime.config": ("workflow_runtime_vars",),
    f"{_C}.runtime.base": ("ComponentExecutable", "Input", "Output"),
    f"{_C}.runtime.constants": tuple(name for name in vars(constants) if name.isupper()),
    f"{_C}.runtime.interaction.interaction": ("InteractionOutput",),
    f"{_C}.runtime.interaction.interactive_input": ("InteractiveInput",),
    f"{_C}.runtime.runtime": ("Runtime",),
    f"{_C}.runtime.workflow": ("WorkflowRuntime", "NodeRuntime"),
    f"{_C}.runtime.interaction.checkpointer": ("default_inmemory_checkpointer",),
    f"{_C}.runtime.wrapper": ("TaskRuntime", "RouterRuntime", "WrappedNodeRuntime"),
    f"{_C}.component.tool_comp": ("ToolComponent", "ToolComponentConfig", "ToolExecutable"),
    f"{_C}.utils.llm.base": ("BaseModelInfo", "BaseModelClient"),
    f"{_C}.utils.llm.messages": (
        "BaseMessage",
        "HumanMessage",
        "AIMessage",
        "SystemMessage",
        "ToolMessage",
        "UsageMetadata",
    ),
    f"{_C}.utils.llm.messages_chunk": ("BaseMessageChunk", "AIMessageChunk", "ToolMessageChunk"),
    f"{_C}.utils.llm.model_utils.model_factory": ("ModelFactory",),
    f"{_C}.utils.tool.base": ("Tool",),
    f"{_C}.utils.tool.function.function": ("LocalFunction",),
    f"{_C}.utils.tool.param": ("Param",),
    f"{_C}.utils.tool.schema": ("ToolInfo", "Parameters", "ToolCall"),
    f"{_C}.utils.tool.service_api.restful_api": ("RestfulApi",),
    f"{_C}.utils.tool.tool": ("tool",),
    f"{_C}.utils.tool.types": ("ValueTypeEnum",),
    f"{_C}.stream.base": ("BaseStreamMode", "StreamMode", "OutputSchema", "TraceSchema", "CustomSchema"),
    f"{_C}.workflow.base": ("Workflow", "WorkflowOutput", "WorkflowExecutionState", "WorkflowChunk", "BaseWorkFlow"),
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
"""Module path → names that are ours."""

for _path, _names in AGENT_MODULES.items():
    MODULES[_path] = (*dict.fromkeys((*MODULES.get(_path, ()), *_names)),)


def names_of(path: str) -> tuple[str, ...] | None:
    """The names of a module, None if there is no such module."""
    if path not in MODULES and path not in LATER:
        return None
    return (*MODULES.get(path, ()), *LATER.get(path, ()))


def all_modules() -> list[str]:
    """Every module path."""
    return [*dict.fromkeys((*MODULES, *LATER))]


def is_package(path: str) -> bool:
    """Whether modules of the table lie below this path."""
    return any(module.startswith(f"{path}.") for module in all_modules())
