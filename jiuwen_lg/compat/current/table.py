"""The module paths of openJiuwen 0.1.4 to 0.1.19, and the names that programs import from them.

Facts: `current.md` 1 and 18.1. It imports nothing: the alias reads it before a name is needed.
"""

from __future__ import annotations

VERSION = "0.1.19"

_C = "openjiuwen.core"
_HERE = "compat.current"

HOMES: dict[str, tuple[str, ...]] = {
    f"{_HERE}.agent": ("WorkflowAgent", "WorkflowAgentConfig", "WorkflowFactory", "workflow_provider"),
    f"{_HERE}.callbacks": ("CallbackFramework", "WorkflowEvents"),
    f"{_HERE}.card": (
        "CompIOConfig",
        "ComponentAbility",
        "ExceptionConfig",
        "NodeSpec",
        "WorkflowCard",
        "WorkflowConfig",
        "WorkflowSpec",
        "generate_workflow_key",
    ),
    f"{_HERE}.checkpointer": (
        "Checkpointer",
        "CheckpointerConfig",
        "CheckpointerFactory",
        "CheckpointerProvider",
        "InMemoryCheckpointer",
        "PersistenceCheckpointer",
        "build_key",
        "build_key_with_namespace",
        "default_inmemory_checkpointer",
    ),
    f"{_HERE}.codes": ("StatusCode",),
    f"{_HERE}.component": ("ComponentComposable", "ComponentExecutable", "Executable", "WorkflowComponent"),
    f"{_HERE}.context": ("ContextEngine", "ContextEngineConfig", "ContextStats", "ContextWindow", "ModelContext"),
    f"{_HERE}.edges": (
        "AlwaysTrue",
        "ArrayCondition",
        "ArrayConditionInSession",
        "Branch",
        "BranchComponent",
        "BranchRouter",
        "Condition",
        "ExpressionCondition",
        "FuncCondition",
        "LoopBreakComponent",
        "LoopSetVariableComponent",
        "NumberCondition",
        "NumberConditionInSession",
    ),
    f"{_HERE}.end": ("End", "EndConfig", "Start"),
    f"{_HERE}.errors": (
        "AgentError",
        "ApplicationError",
        "BaseError",
        "ComponentError",
        "ConfigurationError",
        "ContextError",
        "CryptError",
        "ExecutionError",
        "ExternalDataError",
        "ExternalServiceError",
        "FrameworkError",
        "GraphError",
        "GuardrailError",
        "ModelError",
        "RunnerError",
        "RunnerTermination",
        "SessionError",
        "StoreError",
        "SysOperationError",
        "Termination",
        "ToolError",
        "ToolchainError",
        "ValidationError",
        "WorkflowError",
        "build_error",
        "raise_error",
    ),
    f"{_HERE}.http_config": (
        "HttpAdvancedOptionsConfig",
        "HttpAuthConfig",
        "HttpAuthType",
        "HttpComponentConfig",
        "HttpContentType",
        "HttpRateLimitConfig",
        "HttpRequestBodyConfig",
        "HttpRequestParamConfig",
        "HttpResponseFormat",
        "HttpResponseHandlingConfig",
        "HttpRetryConfig",
    ),
    f"{_HERE}.http": ("HTTPRequestComponent",),
    f"{_HERE}.interaction": ("InteractiveInput",),
    f"{_HERE}.loop": (
        "AdvancedLoopComponent",
        "LoopComponent",
        "LoopGroup",
        "LoopInput",
        "LoopType",
        "SUB_WORKFLOW_COMPONENT",
        "SubWorkflowComponent",
    ),
    f"{_HERE}.message": (
        "AssistantMessage",
        "AssistantMessageChunk",
        "BaseMessage",
        "SystemMessage",
        "ToolCall",
        "ToolMessage",
        "UsageMetadata",
        "UserMessage",
    ),
    f"{_HERE}.model": ("Model", "ModelClientConfig", "ModelRequestConfig", "init_model"),
    f"{_HERE}.model_components": (
        "IntentDetectionCompConfig",
        "IntentDetectionComponent",
        "IntentDetectionExecutable",
        "LLMCompConfig",
        "LLMComponent",
        "LLMExecutable",
    ),
    f"{_HERE}.output": ("WorkflowExecutionState", "WorkflowOutput"),
    f"{_HERE}.parsers": ("JsonOutputParser",),
    f"{_HERE}.prompt": ("PromptTemplate",),
    f"{_HERE}.questioner": (
        "FieldInfo",
        "QuestionerComponent",
        "QuestionerConfig",
        "QuestionerDirectReplyHandler",
        "QuestionerExecutable",
        "QuestionerState",
    ),
    f"{_HERE}.runner": ("Runner", "RunnerConfig"),
    f"{_HERE}.session": (
        "AgentSession",
        "RouterSession",
        "WorkflowSession",
        "create_agent_session",
        "create_workflow_session",
        "get_current_session",
    ),
    f"{_HERE}.single": ("execute_single_component",),
    f"{_HERE}.tool": ("LocalFunction", "RestfulApi", "RestfulApiCard", "Tool", "ToolCard", "ToolInfo", "tool"),
    f"{_HERE}.tool_component": ("ToolComponent", "ToolComponentConfig", "ToolExecutable"),
    f"{_HERE}.workflow": ("Workflow",),
    "agents.config": ("ConstrainConfig", "ControllerType", "DefaultResponse", "WorkflowSchema"),
    "component": ("ComponentConfig", "ComponentState", "Input", "Output", "WorkflowComponentMetadata"),
    "components.loop_callback": ("IntermediateLoopVarCallback", "LoopCallback", "OutputCallback"),
    "constants": (
        "COMP_STREAM_CALL_TIMEOUT_KEY",
        "END_COMP_TEMPLATE_BATCH_READER_TIMEOUT_KEY",
        "END_COMP_TEMPLATE_RENDER_POSITION_TIMEOUT_KEY",
        "FORCE_DEL_WORKFLOW_STATE_ENV_KEY",
        "FORCE_DEL_WORKFLOW_STATE_KEY",
        "LOOP_NUMBER_MAX_LIMIT_DEFAULT",
        "LOOP_NUMBER_MAX_LIMIT_ENV_KEY",
        "LOOP_NUMBER_MAX_LIMIT_KEY",
        "STREAM_INPUT_GEN_TIMEOUT_KEY",
        "WORKFLOW_EXECUTE_TIMEOUT",
        "WORKFLOW_EXECUTE_TIMEOUT_ENV_KEY",
        "WORKFLOW_STREAM_FIRST_FRAME_TIMEOUT",
        "WORKFLOW_STREAM_FIRST_FRAME_TIMEOUT_ENV_KEY",
        "WORKFLOW_STREAM_FRAME_TIMEOUT",
        "WORKFLOW_STREAM_FRAME_TIMEOUT_ENV_KEY",
    ),
    "models.config": ("BaseModelInfo", "ModelConfig"),
    "output": (
        "BaseStreamMode",
        "CustomSchema",
        "INTERACTION",
        "InteractionOutput",
        "OutputSchema",
        "StreamMode",
        "TraceSchema",
        "WorkflowChunk",
    ),
}
"""Module of `jiuwen_lg` → the names that it has for this layout."""

RENAMED: dict[str, tuple[str, str]] = {
    "ComponentSession": (f"{_HERE}.session", "Session"),
    "workflow_session_vars": ("environment", "workflow_runtime_vars"),
}
"""Names whose home calls them otherwise."""

_WORKFLOW = (
    *HOMES[f"{_HERE}.card"],
    *HOMES[f"{_HERE}.http_config"],
    "AlwaysTrue",
    "ArrayCondition",
    "Branch",
    "BranchComponent",
    "BranchRouter",
    "ComponentComposable",
    "ComponentConfig",
    "ComponentExecutable",
    "ComponentState",
    "Condition",
    "End",
    "EndConfig",
    "ExpressionCondition",
    "FieldInfo",
    "FuncCondition",
    "HTTPRequestComponent",
    "Input",
    "IntentDetectionCompConfig",
    "IntentDetectionComponent",
    "LLMCompConfig",
    "LLMComponent",
    "LoopBreakComponent",
    "LoopComponent",
    "LoopGroup",
    "LoopSetVariableComponent",
    "NumberCondition",
    "Output",
    "QuestionerComponent",
    "QuestionerConfig",
    "Start",
    "SubWorkflowComponent",
    "ToolComponent",
    "ToolComponentConfig",
    "Workflow",
    "WorkflowChunk",
    "WorkflowComponent",
    "WorkflowComponentMetadata",
    "WorkflowExecutionState",
    "WorkflowOutput",
    "create_workflow_session",
    "execute_single_component",
)

_SESSION = (
    *HOMES["constants"],
    "Checkpointer",
    "InteractionOutput",
    "InteractiveInput",
    "RouterSession",
    "WorkflowSession",
    "get_current_session",
    "workflow_session_vars",
)
_STREAM = ("BaseStreamMode", "CustomSchema", "OutputSchema", "StreamMode", "TraceSchema")
_LLM = (*HOMES[f"{_HERE}.message"], *HOMES[f"{_HERE}.model"], *HOMES["models.config"], *HOMES[f"{_HERE}.parsers"])
_FLOW = f"{_C}.workflow.components.flow"
_CONDITION = f"{_C}.workflow.components.condition"
_HTTP = (*HOMES[f"{_HERE}.http_config"], "HTTPRequestComponent")
_LLM_PARTS = f"{_C}.workflow.components.llm"

MODULES: dict[str, tuple[str, ...]] = {
    f"{_C}.application.workflow_agent": ("WorkflowAgent", "WorkflowAgentConfig"),
    f"{_C}.application.workflow_agent.workflow_agent": ("WorkflowAgent",),
    f"{_C}.common.constants.constant": ("INTERACTION", "LOOP_NUMBER_MAX_LIMIT_KEY"),
    f"{_C}.common.constants.enums": ("ControllerType",),
    f"{_C}.common.exception.codes": ("StatusCode",),
    f"{_C}.common.exception.errors": HOMES[f"{_HERE}.errors"],
    f"{_C}.context_engine": HOMES[f"{_HERE}.context"],
    f"{_C}.context_engine.base": ("ContextStats", "ContextWindow", "ModelContext"),
    f"{_C}.context_engine.context_engine": ("ContextEngine",),
    f"{_C}.context_engine.schema.config": ("ContextEngineConfig",),
    f"{_C}.foundation.llm": _LLM,
    f"{_C}.foundation.llm.model": ("Model", "init_model"),
    f"{_C}.foundation.llm.schema.config": ("ModelClientConfig", "ModelRequestConfig"),
    f"{_C}.foundation.llm.schema.message": HOMES[f"{_HERE}.message"],
    f"{_C}.foundation.llm.schema.message_chunk": ("AssistantMessageChunk",),
    f"{_C}.foundation.llm.schema.mode_info": HOMES["models.config"],
    f"{_C}.foundation.llm.schema.tool_call": ("ToolCall",),
    f"{_C}.foundation.prompt": ("PromptTemplate",),
    f"{_C}.foundation.prompt.template": ("PromptTemplate",),
    f"{_C}.foundation.tool": (*HOMES[f"{_HERE}.tool"], "Input", "Output"),
    f"{_C}.foundation.tool.base": ("Tool", "ToolCard"),
    f"{_C}.foundation.tool.function.function": ("LocalFunction",),
    f"{_C}.foundation.tool.schema": ("ToolInfo",),
    f"{_C}.foundation.tool.service_api.restful_api": ("RestfulApi", "RestfulApiCard"),
    f"{_C}.foundation.tool.tool": ("tool",),
    f"{_C}.graph.executable": ("Executable", "Input", "Output"),
    f"{_C}.runner": ("Runner",),
    f"{_C}.runner.callback": HOMES[f"{_HERE}.callbacks"],
    f"{_C}.runner.callback.events": ("WorkflowEvents",),
    f"{_C}.runner.runner": ("Runner",),
    f"{_C}.runner.runner_config": ("RunnerConfig",),
    f"{_C}.session": (*_SESSION, "NodeSession=ComponentSession", "Session=ComponentSession"),
    f"{_C}.session.agent": ("Session=AgentSession", "create_agent_session"),
    f"{_C}.session.checkpointer": HOMES[f"{_HERE}.checkpointer"],
    f"{_C}.session.checkpointer.checkpointer": HOMES[f"{_HERE}.checkpointer"],
    f"{_C}.session.checkpointer.inmemory": ("InMemoryCheckpointer",),
    f"{_C}.session.checkpointer.persistence": ("PersistenceCheckpointer",),
    f"{_C}.session.config.base": ("workflow_session_vars",),
    f"{_C}.session.constants": HOMES["constants"],
    f"{_C}.session.interaction.interaction": ("InteractionOutput",),
    f"{_C}.session.interaction.interactive_input": ("InteractiveInput",),
    f"{_C}.session.node": ("Session=ComponentSession",),
    f"{_C}.session.stream": _STREAM,
    f"{_C}.session.stream.base": _STREAM,
    f"{_C}.session.workflow": ("Session=WorkflowSession", "create_workflow_session"),
    f"{_C}.single_agent.legacy": (
        "ConstrainConfig",
        "DefaultResponse",
        "WorkflowAgentConfig",
        "WorkflowFactory",
        "WorkflowSchema",
        "workflow_provider",
    ),
    f"{_C}.single_agent.legacy.config": ("ConstrainConfig", "WorkflowAgentConfig"),
    f"{_C}.single_agent.legacy.schema": ("WorkflowSchema",),
    f"{_C}.workflow": (*_WORKFLOW, "Session=WorkflowSession"),
    f"{_C}.workflow.base": (
        "WorkflowCard",
        "WorkflowChunk",
        "WorkflowExecutionState",
        "WorkflowOutput",
        "generate_workflow_key",
    ),
    f"{_C}.workflow.components": (*_WORKFLOW, "Session=ComponentSession"),
    f"{_C}.workflow.components.base": (
        "ComponentAbility",
        "ComponentConfig",
        "ComponentState",
        "WorkflowComponentMetadata",
    ),
    f"{_C}.workflow.components.component": (
        "ComponentComposable",
        "ComponentExecutable",
        "Input",
        "Output",
        "WorkflowComponent",
    ),
    f"{_CONDITION}.array": ("ArrayCondition", "ArrayConditionInSession"),
    f"{_CONDITION}.condition": ("AlwaysTrue", "Condition", "FuncCondition"),
    f"{_CONDITION}.expression": ("ExpressionCondition",),
    f"{_CONDITION}.number": ("NumberCondition", "NumberConditionInSession"),
    f"{_FLOW}.branch_comp": ("BranchComponent",),
    f"{_FLOW}.branch_router": ("Branch", "BranchRouter"),
    f"{_FLOW}.end_comp": ("End", "EndConfig"),
    f"{_FLOW}.loop.callback.intermediate_loop_var": ("IntermediateLoopVarCallback",),
    f"{_FLOW}.loop.callback.loop_callback": ("LoopCallback",),
    f"{_FLOW}.loop.callback.output": ("OutputCallback",),
    f"{_FLOW}.loop.loop_comp": (
        "AdvancedLoopComponent",
        "LoopBreakComponent",
        "LoopComponent",
        "LoopGroup",
        "LoopInput",
        "LoopSetVariableComponent",
        "LoopType",
    ),
    f"{_FLOW}.start_comp": ("Start",),
    f"{_FLOW}.workflow_comp": ("SUB_WORKFLOW_COMPONENT", "SubWorkflowComponent"),
    f"{_LLM_PARTS}.intent_detection_comp": (
        "IntentDetectionCompConfig",
        "IntentDetectionComponent",
        "IntentDetectionExecutable",
    ),
    f"{_LLM_PARTS}.llm_comp": ("LLMCompConfig", "LLMComponent", "LLMExecutable"),
    f"{_LLM_PARTS}.questioner_comp": HOMES[f"{_HERE}.questioner"],
    f"{_C}.workflow.components.tool.http": _HTTP,
    f"{_C}.workflow.components.tool.http.http_request_component": _HTTP,
    f"{_C}.workflow.components.tool.tool_comp": HOMES[f"{_HERE}.tool_component"],
    f"{_C}.workflow.workflow": ("Workflow",),
    f"{_C}.workflow.workflow_config": (
        "CompIOConfig",
        "ComponentAbility",
        "ExceptionConfig",
        "NodeSpec",
        "WorkflowConfig",
        "WorkflowSpec",
    ),
}
"""Module path → the names that programs import from it; `Session=WorkflowSession` is one that has several meanings."""

NOT_PROVIDED: dict[str, str] = {
    f"{_C}.agent_teams": "teams of agents",
    f"{_C}.controller": "controllers",
    f"{_C}.foundation.store": "stores of vectors and texts",
    f"{_C}.graph.pregel": "openJiuwen's own engine; this one is LangGraph",
    f"{_C}.harness": "the harness",
    f"{_C}.kv_cache": "caches of model servers",
    f"{_C}.memory": "memory",
    f"{_C}.multi_agent": "teams of agents",
    f"{_C}.retrieval": "knowledge bases",
    f"{_C}.session.internal": "openJiuwen's internals",
    f"{_C}.session.tracer": "handlers of traces; read the frames of the TRACE mode",
    f"{_C}.single_agent": "single agents other than WorkflowAgent",
    f"{_C}.sys_operation": "operations of the system",
    f"{_C}.workflow._internal": "openJiuwen's internals",
    f"{_C}.workflow._workflow": "openJiuwen's internals",
    f"{_C}.workflow.components.llm.react": "the ReAct component",
    f"{_C}.workflow.components.resource": "components for knowledge and memory",
    "openjiuwen.agent_evolving": "evolving agents",
    "openjiuwen.dev_tools": "development tools",
    "openjiuwen.extensions": "extensions (redis, OpenTelemetry, …)",
    "openjiuwen.harness": "the harness",
}
"""Modules of openJiuwen that are left out on purpose, with what they are."""

LEFT_OUT: dict[str, str] = {
    "ComponentKBConfig": "components for knowledge",
    "KnowledgeRetrievalCompConfig": "components for knowledge",
    "KnowledgeRetrievalComponent": "components for knowledge",
    "MarkdownOutputParser": "a parser of Markdown",
    "MCPTool": "tools of MCP servers; bind LangChain's, of langchain-mcp-adapters",
    "McpServerConfig": "tools of MCP servers; bind LangChain's, of langchain-mcp-adapters",
    "McpToolCard": "tools of MCP servers; bind LangChain's, of langchain-mcp-adapters",
    "MemoryRetrievalComponent": "components for memory",
    "MemoryWriteComponent": "components for memory",
    "ReActAgentComponent": "the ReAct component",
    "LegacyReActAgent": "ReAct agents of this layout",
    "WorkflowController": "controllers",
}
"""Names of openJiuwen that are left out on purpose, with what they are."""

_PLACES: dict[str, tuple[str, str]] = {
    **{name: (home, name) for home, names in HOMES.items() for name in names},
    **RENAMED,
}


def names_of(path: str) -> tuple[str, ...] | None:
    """The names of a module, None if there is no such module."""
    names = MODULES.get(path)
    return None if names is None else tuple(name.partition("=")[0] for name in names)


def place_of(path: str, name: str) -> tuple[str, str] | None:
    """Where a name of a module is: a module of `jiuwen_lg` and its name there; None if it is not known."""
    for known in MODULES.get(path, ()):
        spelled, _, meaning = known.partition("=")
        if spelled == name:
            return _PLACES[meaning or spelled]
    return None


def left_out(path: str, name: str = "") -> str | None:
    """Say of a module or a name that it is left out on purpose; None if it is not known to be."""
    if name:
        return LEFT_OUT.get(name) or left_out(f"{path}.{name}")
    return next(
        (what for prefix, what in NOT_PROVIDED.items() if path == prefix or path.startswith(f"{prefix}.")), None
    )
