"""The module paths of openJiuwen's agents, Runner and resources, and the names that programs import from them.

Facts: openJiuwen 0.1.1, `agents.md` 0.
"""

from __future__ import annotations

_A, _C = "openjiuwen.agent", "openjiuwen.core"
_REACT = ("ReActAgent", "create_react_agent_config")
_LLM = ("LLMAgent", "create_llm_agent", "create_llm_agent_config")
_SHARED = ("AgentConfig", "ConstrainConfig")

_CHAT = ("ChatAgent", "create_chat_agent", "create_chat_agent_config")
_GROUP = ("AgentGroupConfig", "BaseGroup", "ControllerGroup", "AgentGroupRuntime")
_HIERARCHICAL = ("HierarchicalGroup", "HierarchicalGroupConfig", "HierarchicalGroupController")

AGENT_MODULES: dict[str, tuple[str, ...]] = {
    f"{_A}.common.enum": ("ControllerType", "TaskType", "TaskStatus", "ReActControllerStatus"),
    f"{_A}.common.schema": ("WorkflowSchema", "PluginSchema", "McpSchema"),
    f"{_A}.config.base": ("AgentConfig", "LLMCallConfig"),
    f"{_A}.config.chat_config": ("ChatAgentConfig",),
    f"{_A}.config.react_config": ("ReActAgentConfig", "IntentDetectionConfig", "MemoryConfig", *_SHARED),
    f"{_A}.config.workflow_config": ("WorkflowAgentConfig", "DefaultResponse", "WorkflowSchema", *_SHARED),
    f"{_A}.llm_agent": _LLM,
    f"{_A}.llm_agent.llm_agent": _LLM,
    f"{_A}.react_agent": _REACT,
    f"{_A}.workflow_agent": ("WorkflowAgent",),
    f"{_A}.workflow_agent.workflow_controller": ("WorkflowController",),
    f"{_A}.react_agent.react_agent": _REACT,
    f"{_C}.agent.agent": ("AgentRuntime",),
    f"{_A}.chat_agent": _CHAT,
    f"{_A}.chat_agent.chat_agent": _CHAT,
    f"{_A}_group": _HIERARCHICAL,
    f"{_A}_group.hierarchical_group": (*_HIERARCHICAL, "HierarchicalMainController"),
    f"{_A}_group.hierarchical_group.agents.main_controller": ("HierarchicalMainController",),
    f"{_C}.agent.controller": ("BaseController", "BaseGroupController", "DefaultGroupController"),
    f"{_C}.agent_group": _GROUP,
    f"{_C}.agent_group.agent_group": _GROUP,
    f"{_C}.agent_group.config": ("AgentGroupConfig",),
    f"{_C}.agent.message.message": (
        *("Message", "MessageType", "MessagePriority", "MessageSource"),
        *("MessageContent", "MessageContext", "SourceType"),
    ),
    f"{_C}.runtime.agent": ("AgentRuntime",),
    f"{_C}.runtime.config": ("Config", "AgentConfig", "WorkflowConfig"),
    f"{_C}.runner.runner": ("Runner", "resource_mgr"),
    f"{_C}.runtime.resources_manager.model_manager": ("ModelMgr",),
    f"{_C}.runtime.resources_manager.prompt_manager": ("PromptMgr",),
    f"{_C}.runtime.resources_manager.resource_manager": ("ResourceMgr",),
    f"{_C}.runtime.resources_manager.tool_manager": (
        "ToolMgr",
        "Tool",
        "ToolInfo",
        "MCPTool",
        "SseClient",
        "StdioClient",
    ),
    f"{_C}.runtime.resources_manager.workflow_manager": ("WorkflowMgr", "generate_workflow_key", "ToolInfo"),
    f"{_C}.utils.tool.mcp.base": (
        *("MCPTool", "McpToolClient", "McpToolInfo", "SseClient"),
        *("StdioClient", "PlaywrightClient", "ToolServerConfig"),
    ),
}
"""Module path → names that are ours; joined to `compat.table`."""
