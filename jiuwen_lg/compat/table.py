"""openJiuwen's module paths and the public names that programs import from them.

An entry is `Name`, which is the one of that spelling in `jiuwen_lg`, or `Name:module` for a name of that
module below `jiuwen_lg`, or `Name:module:Other` where it is spelled otherwise there. Names that a module of
openJiuwen's only imports from another one need no entry: `names.py` knows them.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from jiuwen_lg import constants
from jiuwen_lg.compat.names import known_modules

SUPPORTED_VERSION = "0.1.1"

_C = "openjiuwen.core"

LATER: dict[str, tuple[str, ...]] = {
    f"{_C}.context_engine.context": ("AgentContext", "WorkflowContext"),
    f"{_C}.graph.base": ("ExecutableGraph",),
    f"{_C}.graph.executable": ("GeneralExecutor",),
    f"{_C}.runtime.runtime": ("BaseRuntime", "ProxyRuntime"),
    f"{_C}.runtime.state": ("StateLike",),
    f"{_C}.runtime.workflow": ("SubWorkflowRuntime",),
    f"{_C}.tracer.tracer": ("Tracer",),
    f"{_C}.utils.tool.types": ("Type",),
}
"""Names that programs only annotate with: they raise when they are used."""

MODULES: dict[str, tuple[str, ...]] = {
    "openjiuwen.agent.common.enum": ("ControllerType", "TaskType", "TaskStatus", "ReActControllerStatus"),
    "openjiuwen.agent.common.schema": ("WorkflowSchema", "PluginSchema", "McpSchema"),
    "openjiuwen.agent.config.workflow_config": ("WorkflowAgentConfig", "DefaultResponse"),
    "openjiuwen.agent.workflow_agent.workflow_agent": ("WorkflowAgent",),
    "openjiuwen.agent_builder.prompt_builder.builder.badcase_prompt_builder": (
        "BadCasePromptBuilder:prompts.builders",
    ),
    "openjiuwen.agent_builder.prompt_builder.builder.feedback_prompt_builder": (
        "FeedbackPromptBuilder:prompts.builders",
    ),
    "openjiuwen.agent_builder.prompt_builder.builder.meta_template_builder": ("MetaTemplateBuilder:prompts.builders",),
    "openjiuwen.agent_builder.tune.base": ("Case:prompts.cases", "EvaluatedCase:prompts.cases"),
    f"{_C}.agent.agent": ("BaseAgent", "ControllerAgent", "WorkflowFactory", "workflow_provider", "AgentRuntime"),
    f"{_C}.common.constants.constant": (
        "INTERACTION:compat.constant",
        "INTERACTIVE_INPUT:compat.constant",
        "END_NODE_STREAM:compat.constant",
        "END_FRAME:compat.constant",
        "INPUTS_KEY:compat.constant",
        "CONFIG_KEY:compat.constant",
        "INDEX:compat.constant",
        "FINISH_INDEX:compat.constant",
        "LOOP_ID:compat.constant",
        "NESTED_LOOP_DEPTH:compat.constant",
        "QUERY:compat.constant",
        "USER_FIELDS:compat.constant",
        "SYSTEM_FIELDS:compat.constant",
        "MAX_AST_DEPTH:compat.constant",
        "MAX_COLLECTION_SIZE:compat.constant",
        "MAX_EXPRESSION_LENGTH:compat.constant",
        "TIMEZONE_NAME:compat.constant",
    ),
    f"{_C}.common.exception.exception": ("JiuWenBaseException", "InterruptException"),
    f"{_C}.common.exception.status_code": ("StatusCode",),
    f"{_C}.common.logging": ("LazyLogger:compat.loggers", "logger:compat.loggers"),
    f"{_C}.common.logging.manager": ("LogManager:compat.loggers",),
    f"{_C}.common.logging.protocol": ("LoggerProtocol:compat.loggers",),
    f"{_C}.common.logging.utils": (
        "get_log_max_bytes:compat.loggers",
        "get_thread_session:compat.loggers",
        "set_thread_session:compat.loggers",
    ),
    f"{_C}.common.security.json_utils": ("JsonUtils:compat.security",),
    f"{_C}.common.security.ssl_utils": ("SslUtils:compat.security",),
    f"{_C}.common.security.url_utils": ("UrlUtils:compat.security",),
    f"{_C}.common.security.user_config": ("UserConfig:compat.security",),
    f"{_C}.common.utlis.dict_utils": (
        "create_nested_dict:compat.dict_utils",
        "extract_leaf_nodes:compat.dict_utils",
        "format_path:compat.dict_utils",
        "rebuild_dict:compat.dict_utils",
        "rebuild_dict_from_paths:compat.dict_utils",
    ),
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
    f"{_C}.component.llm_comp": (
        "LLMCompConfig",
        "LLMComponent",
        "LLMExecutable",
        "MessageRole:compat.enums",
        "WorkflowLLMResponseType:compat.enums",
    ),
    f"{_C}.component.questioner_comp": (
        "FieldInfo",
        "QuestionerConfig",
        "QuestionerComponent",
        "QuestionerExecutable",
        "QuestionerState",
        "QuestionerDirectReplyHandler",
        "ExecutionStatus:compat.enums",
        "ResponseType:compat.enums",
    ),
    f"{_C}.context_engine.base": ("Context", "ContextOwner"),
    f"{_C}.context_engine.config": ("ContextEngineConfig",),
    f"{_C}.context_engine.engine": ("ContextEngine",),
    f"{_C}.graph.base": ("Graph", "Router:graph", "INPUTS_KEY:compat.constant", "CONFIG_KEY:compat.constant"),
    f"{_C}.graph.executable": ("Executable", "Input", "Output"),
    f"{_C}.runner.runner": ("Runner", "resource_mgr"),
    f"{_C}.runtime": ("workflow_runtime_vars",),
    f"{_C}.runtime.config": ("workflow_runtime_vars", *(name for name in vars(constants) if name.isupper()), "Config"),
    f"{_C}.runtime.base": ("ComponentExecutable", "Input", "Output"),
    f"{_C}.runtime.constants": tuple(name for name in vars(constants) if name.isupper()),
    f"{_C}.runtime.interaction.interaction": (
        "InteractionOutput",
        "INTERACTION:compat.constant",
        "INTERACTIVE_INPUT:compat.constant",
    ),
    f"{_C}.runtime.interaction.interactive_input": ("InteractiveInput",),
    f"{_C}.runtime.runtime": ("Runtime",),
    f"{_C}.runtime.state": (
        "ReadableStateLike:runtime_state",
        "State:runtime_state:RuntimeState",
        "Transformer:runtime_state",
    ),
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
    f"{_C}.utils.tool.constant": (
        "Input",
        "Output",
        "ERR_CODE:compat.constant",
        "ERR_MESSAGE:compat.constant",
        "RESTFUL_DATA:compat.constant",
        "REQUEST_TIMEOUT:compat.constant",
        "MAX_RESULT_SIZE:compat.constant",
    ),
    f"{_C}.utils.tool.function.function": ("LocalFunction",),
    f"{_C}.utils.tool.param": ("Param",),
    f"{_C}.utils.tool.schema": ("ToolInfo", "Parameters", "ToolCall"),
    f"{_C}.utils.tool.service_api.restful_api": ("RestfulApi",),
    f"{_C}.utils.tool.tool": ("tool",),
    f"{_C}.utils.tool.types": ("ValueTypeEnum",),
    f"{_C}.tracer.data": ("InvokeType:compat.enums", "NodeStatus:compat.enums"),
    f"{_C}.utils.llm.model_library.openai": ("OpenAILLM:models.library",),
    f"{_C}.utils.llm.model_library.siliconflow": ("Siliconflow:models.library",),
    f"{_C}.utils.llm.model_utils.default_model": ("OpenAIChatModel", "RequestChatModel"),
    f"{_C}.utils.llm.output_parser.base": ("BaseOutputParser",),
    f"{_C}.utils.llm.output_parser.json_output_parser": ("JsonOutputParser",),
    f"{_C}.utils.llm.output_parser.markdown_output_parser": (
        "MarkdownContent",
        "MarkdownElement",
        "MarkdownElementType",
        "MarkdownOutputParser",
    ),
    f"{_C}.utils.prompt.assemble.assembler": ("Assembler",),
    f"{_C}.utils.prompt.assemble.variables.textable": ("TextableVariable",),
    f"{_C}.utils.prompt.assemble.variables.variable": ("Variable",),
    f"{_C}.utils.prompt.template.template": ("Template",),
    f"{_C}.operator.llm_call.base": ("LLMCall", "DEFAULT_USER_PROMPT:prompts.llm_call"),
    f"{_C}.stream.base": ("BaseStreamMode", "StreamMode", "OutputSchema", "TraceSchema", "CustomSchema"),
    f"{_C}.workflow.base": (
        "Workflow",
        "WorkflowOutput",
        "WorkflowExecutionState",
        "WorkflowChunk",
        "BaseWorkFlow",
        "Transformer:runtime_state",
        "Router:graph",
        "WORKFLOW_EXECUTE_TIMEOUT",
        "WORKFLOW_STREAM_FRAME_TIMEOUT",
        "WORKFLOW_STREAM_FIRST_FRAME_TIMEOUT",
        "INTERACTION:compat.constant",
        "INPUTS_KEY:compat.constant",
        "CONFIG_KEY:compat.constant",
        "WORKFLOW_DRAWABLE:compat.constant",
    ),
    f"{_C}.workflow.workflow_config": (
        "WorkflowConfig",
        "WorkflowMetadata",
        "WorkflowInputsSchema",
        "ComponentAbility",
        "CompIOConfig",
        "NodeSpec",
        "WorkflowSpec",
        "Transformer:runtime_state",
    ),
    "openjiuwen.extensions.common.configs.config_manager": ("config:compat.log_config",),
    "openjiuwen.extensions.common.configs.log_config": (
        "LogConfig:compat.log_config",
        "configure_log:compat.loggers",
        "log_config:compat.log_config",
    ),
    "openjiuwen.extensions.common.log.default_impl": ("DefaultLogger:compat.loggers",),
    "openjiuwen.agent.chat_agent": ("ChatAgent", "create_chat_agent", "create_chat_agent_config"),
    "openjiuwen.agent.config.base": ("AgentConfig", "LLMCallConfig"),
    "openjiuwen.agent.config.chat_config": ("ChatAgentConfig",),
    "openjiuwen.agent.config.react_config": ("ReActAgentConfig", "IntentDetectionConfig", "ConstrainConfig"),
    "openjiuwen.agent.llm_agent.llm_agent": ("LLMAgent", "create_llm_agent", "create_llm_agent_config"),
    "openjiuwen.agent.react_agent.react_agent": ("ReActAgent", "create_react_agent_config"),
    "openjiuwen.agent.workflow_agent.workflow_controller": ("WorkflowController", "resource_mgr"),
    "openjiuwen.agent_group.hierarchical_group.agents.main_controller": ("HierarchicalMainController",),
    "openjiuwen.agent_group.hierarchical_group.config": ("HierarchicalGroupConfig",),
    "openjiuwen.agent_group.hierarchical_group.hierarchical_group": ("HierarchicalGroup",),
    "openjiuwen.agent_group.hierarchical_group.hierarchical_group_controller": ("HierarchicalGroupController",),
    f"{_C}.agent.controller.controller": ("BaseController",),
    f"{_C}.agent.controller.group_controller": ("BaseGroupController", "DefaultGroupController"),
    f"{_C}.agent.message.message": (
        "Message",
        "MessageType",
        "MessagePriority",
        "MessageSource",
        "MessageContent",
        "MessageContext",
        "SourceType",
    ),
    f"{_C}.agent_group.agent_group": ("BaseGroup", "ControllerGroup", "AgentGroupRuntime"),
    f"{_C}.agent_group.config": ("AgentGroupConfig",),
    f"{_C}.memory.config.config": ("MemoryConfig",),
    f"{_C}.runtime.agent": ("AgentRuntime",),
    f"{_C}.runtime.resources_manager.model_manager": ("ModelMgr",),
    f"{_C}.runtime.resources_manager.prompt_manager": ("PromptMgr",),
    f"{_C}.runtime.resources_manager.resource_manager": ("ResourceMgr",),
    f"{_C}.runtime.resources_manager.tool_manager": ("ToolMgr",),
    f"{_C}.runtime.resources_manager.workflow_manager": ("WorkflowMgr", "generate_workflow_key"),
    f"{_C}.utils.tool.mcp.base": (
        "MCPTool",
        "SseClient",
        "StdioClient",
        "McpToolClient",
        "McpToolInfo",
        "PlaywrightClient",
        "ToolServerConfig",
    ),
}
"""Module path → entries."""


class Place(NamedTuple):
    """Where a name of openJiuwen's is found here.

    Attributes:
        module: Below `jiuwen_lg`; empty for the public names and the names of settings.
        name: Its name there.
    """

    module: str
    name: str


def place_of(path: str, name: str) -> Place | None:
    """Return where a name of a module is found; None if it is not provided.

    A name that openJiuwen's module imports from another one is that of the other one.
    """
    if (place := _places(path).get(name)) is not None:
        return place
    known = known_modules().get(path)
    home = known.imported.get(name) if known is not None else None
    return _places(home).get(name) if home is not None else None


@cache
def _places(path: str) -> dict[str, Place]:
    places = {}
    for entry in MODULES.get(path, ()):
        name, module, ours = (*entry.split(":"), "", "")[:3]
        places[name] = Place(module, ours or name)
    return places


def names_of(path: str) -> tuple[str, ...] | None:
    """Return the names that a module provides, None if there are none."""
    known = known_modules().get(path)
    imported = [name for name in (known.imported if known else ()) if place_of(path, name) is not None]
    return tuple(dict.fromkeys((*_places(path), *LATER.get(path, ()), *imported))) or None


@cache
def all_modules() -> tuple[str, ...]:
    """Return the path of every module that provides something."""
    paths = dict.fromkeys((*MODULES, *LATER, *known_modules()))
    return tuple(path for path in paths if names_of(path) is not None)


@cache
def is_package(path: str) -> bool:
    """Return whether modules of the table lie below this path."""
    return any(module.startswith(f"{path}.") for module in all_modules())
