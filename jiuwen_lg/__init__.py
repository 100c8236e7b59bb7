"""openJiuwen workflows on LangGraph.

All public names are here, flat; each is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_NAMES = {
    "agents.agent": (
        "AgentRuntime",
        "BaseAgent",
        "WorkflowFactory",
        "workflow_provider",
    ),
    "agents.chat_agent": (
        "ChatAgent",
        "create_chat_agent",
    ),
    "agents.config": (
        "AgentConfig",
        "ChatAgentConfig",
        "ConstrainConfig",
        "DefaultResponse",
        "IntentDetectionConfig",
        "LLMCallConfig",
        "McpSchema",
        "MemoryConfig",
        "PluginSchema",
        "ReActAgentConfig",
        "WorkflowAgentConfig",
        "WorkflowSchema",
        "create_chat_agent_config",
        "create_llm_agent_config",
        "create_react_agent_config",
    ),
    "agents.controller": ("BaseController",),
    "agents.controller_agent": ("ControllerAgent",),
    "agents.enums": (
        "ControllerType",
        "ReActControllerStatus",
        "TaskStatus",
        "TaskType",
    ),
    "agents.group": (
        "AgentGroupConfig",
        "AgentGroupRuntime",
        "BaseGroup",
        "ControllerGroup",
        "HierarchicalGroup",
        "HierarchicalGroupConfig",
    ),
    "agents.group_controller": (
        "BaseGroupController",
        "DefaultGroupController",
        "HierarchicalGroupController",
        "HierarchicalMainController",
    ),
    "agents.llm_agent": (
        "LLMAgent",
        "create_llm_agent",
    ),
    "agents.message": (
        "Message",
        "MessageContent",
        "MessageContext",
        "MessagePriority",
        "MessageSource",
        "MessageType",
        "SourceType",
    ),
    "agents.react_agent": ("ReActAgent",),
    "agents.workflow_agent": (
        "WorkflowAgent",
        "WorkflowController",
    ),
    "builder": ("BaseWorkFlow",),
    "component": (
        "ComponentConfig",
        "ComponentExecutable",
        "ComponentState",
        "Executable",
        "Input",
        "Output",
        "SimpleComponent",
        "WorkflowComponent",
        "WorkflowComponentMetadata",
    ),
    "components.branch": (
        "Branch",
        "BranchComponent",
        "BranchRouter",
    ),
    "components.condition": (
        "AlwaysTrue",
        "ArrayCondition",
        "ArrayConditionInRuntime",
        "Condition",
        "ExpressionCondition",
        "FuncCondition",
        "NumberCondition",
        "NumberConditionInRuntime",
    ),
    "components.end": (
        "End",
        "EndConfig",
    ),
    "components.extraction": ("QuestionerDirectReplyHandler",),
    "components.intent": (
        "IntentDetectionCompConfig",
        "IntentDetectionComponent",
        "IntentDetectionExecutable",
    ),
    "components.llm": (
        "LLMCompConfig",
        "LLMComponent",
        "LLMExecutable",
    ),
    "components.loop": (
        "AdvancedLoopComponent",
        "LoopComponent",
        "LoopGroup",
        "LoopInput",
        "LoopType",
    ),
    "components.loop_break": ("BreakComponent",),
    "components.loop_callback": (
        "IntermediateLoopVarCallback",
        "LoopCallback",
        "OutputCallback",
    ),
    "components.questioner": (
        "QuestionerComponent",
        "QuestionerExecutable",
    ),
    "components.questioner_config": (
        "FieldInfo",
        "QuestionerConfig",
        "QuestionerState",
    ),
    "components.set_variable": ("SetVariableComponent",),
    "components.start": ("Start",),
    "components.subworkflow": ("SubWorkflowComponent",),
    "components.tool": (
        "ToolComponent",
        "ToolComponentConfig",
        "ToolExecutable",
    ),
    "config": (
        "CompIOConfig",
        "ComponentAbility",
        "NodeSpec",
        "WorkflowConfig",
        "WorkflowInputsSchema",
        "WorkflowMetadata",
        "WorkflowSpec",
    ),
    "context.context": (
        "Context",
        "ContextEngineConfig",
        "ContextOwner",
    ),
    "context.context_engine": ("ContextEngine",),
    "engine.runtime.interrupts": ("InteractionRequired",),
    "engine.runtime.router_runtime": ("RouterRuntime",),
    "engine.serializer": ("register_state_type",),
    "environment": ("workflow_runtime_vars",),
    "errors": (
        "InterruptException",
        "JiuWenBaseException",
        "StatusCode",
    ),
    "graph": ("Graph",),
    "interaction": ("InteractiveInput",),
    "models.client": ("BaseModelClient",),
    "models.config": (
        "BaseModelInfo",
        "ModelConfig",
    ),
    "models.factory": ("ModelFactory",),
    "models.library": (
        "OpenAIChatModel",
        "RequestChatModel",
    ),
    "models.messages": (
        "AIMessage",
        "AIMessageChunk",
        "BaseMessage",
        "BaseMessageChunk",
        "HumanMessage",
        "SystemMessage",
        "ToolCall",
        "ToolMessage",
        "ToolMessageChunk",
        "UsageMetadata",
    ),
    "output": (
        "BaseStreamMode",
        "CustomSchema",
        "HistoryStep",
        "InteractionOutput",
        "OutputSchema",
        "PendingQuestion",
        "SessionSnapshot",
        "StreamMode",
        "TraceSchema",
        "WorkflowChunk",
        "WorkflowExecutionState",
        "WorkflowOutput",
    ),
    "prompts.template": ("Template",),
    "prompts.assembler": (
        "Assembler",
        "TextableVariable",
        "Variable",
    ),
    "prompts.llm_call": ("LLMCall",),
    "prompts.json_parser": (
        "BaseOutputParser",
        "JsonOutputParser",
    ),
    "prompts.markdown_parser": (
        "MarkdownContent",
        "MarkdownElement",
        "MarkdownElementType",
        "MarkdownOutputParser",
    ),
    "resource_managers": (
        "ModelMgr",
        "PromptMgr",
        "ResourceMgr",
        "ToolMgr",
        "WorkflowMgr",
        "resource_mgr",
    ),
    "resources": (
        "Resources",
        "generate_workflow_key",
    ),
    "runner": (
        "Runner",
        "default_inmemory_checkpointer",
    ),
    "runtime": (
        "Config",
        "Runtime",
        "TaskRuntime",
        "WorkflowRuntime",
    ),
    "timeline": (
        "Journal",
        "JournalEntry",
        "Timeline",
    ),
    "testing.detached_runtime": (
        "NodeRuntime",
        "WrappedNodeRuntime",
    ),
    "tools.base": ("Tool",),
    "tools.function": (
        "LocalFunction",
        "tool",
    ),
    "tools.mcp": (
        "MCPTool",
        "McpToolClient",
        "McpToolInfo",
        "PlaywrightClient",
        "SseClient",
        "StdioClient",
        "StreamableHttpClient",
        "ToolServerConfig",
    ),
    "tools.param": ("Param",),
    "tools.restful": ("RestfulApi",),
    "tools.tool_info": (
        "Parameters",
        "ToolInfo",
    ),
    "tools.types": ("ValueTypeEnum",),
    "workflow": ("Workflow",),
}
"""Module → the public names that it defines."""

_HOME = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [*sorted(_HOME)]  # noqa: PLE0604

if TYPE_CHECKING:
    from jiuwen_lg.agents.agent import AgentRuntime as AgentRuntime
    from jiuwen_lg.agents.agent import BaseAgent as BaseAgent
    from jiuwen_lg.agents.agent import WorkflowFactory as WorkflowFactory
    from jiuwen_lg.agents.agent import workflow_provider as workflow_provider
    from jiuwen_lg.agents.chat_agent import ChatAgent as ChatAgent
    from jiuwen_lg.agents.chat_agent import create_chat_agent as create_chat_agent
    from jiuwen_lg.agents.config import AgentConfig as AgentConfig
    from jiuwen_lg.agents.config import ChatAgentConfig as ChatAgentConfig
    from jiuwen_lg.agents.config import ConstrainConfig as ConstrainConfig
    from jiuwen_lg.agents.config import DefaultResponse as DefaultResponse
    from jiuwen_lg.agents.config import IntentDetectionConfig as IntentDetectionConfig
    from jiuwen_lg.agents.config import LLMCallConfig as LLMCallConfig
    from jiuwen_lg.agents.config import McpSchema as McpSchema
    from jiuwen_lg.agents.config import MemoryConfig as MemoryConfig
    from jiuwen_lg.agents.config import PluginSchema as PluginSchema
    from jiuwen_lg.agents.config import ReActAgentConfig as ReActAgentConfig
    from jiuwen_lg.agents.config import WorkflowAgentConfig as WorkflowAgentConfig
    from jiuwen_lg.agents.config import WorkflowSchema as WorkflowSchema
    from jiuwen_lg.agents.config import create_chat_agent_config as create_chat_agent_config
    from jiuwen_lg.agents.config import create_llm_agent_config as create_llm_agent_config
    from jiuwen_lg.agents.config import create_react_agent_config as create_react_agent_config
    from jiuwen_lg.agents.controller import BaseController as BaseController
    from jiuwen_lg.agents.controller_agent import ControllerAgent as ControllerAgent
    from jiuwen_lg.agents.enums import ControllerType as ControllerType
    from jiuwen_lg.agents.enums import ReActControllerStatus as ReActControllerStatus
    from jiuwen_lg.agents.enums import TaskStatus as TaskStatus
    from jiuwen_lg.agents.enums import TaskType as TaskType
    from jiuwen_lg.agents.group import AgentGroupConfig as AgentGroupConfig
    from jiuwen_lg.agents.group import AgentGroupRuntime as AgentGroupRuntime
    from jiuwen_lg.agents.group import BaseGroup as BaseGroup
    from jiuwen_lg.agents.group import ControllerGroup as ControllerGroup
    from jiuwen_lg.agents.group import HierarchicalGroup as HierarchicalGroup
    from jiuwen_lg.agents.group import HierarchicalGroupConfig as HierarchicalGroupConfig
    from jiuwen_lg.agents.group_controller import BaseGroupController as BaseGroupController
    from jiuwen_lg.agents.group_controller import DefaultGroupController as DefaultGroupController
    from jiuwen_lg.agents.group_controller import HierarchicalGroupController as HierarchicalGroupController
    from jiuwen_lg.agents.group_controller import HierarchicalMainController as HierarchicalMainController
    from jiuwen_lg.agents.llm_agent import LLMAgent as LLMAgent
    from jiuwen_lg.agents.llm_agent import create_llm_agent as create_llm_agent
    from jiuwen_lg.agents.message import Message as Message
    from jiuwen_lg.agents.message import MessageContent as MessageContent
    from jiuwen_lg.agents.message import MessageContext as MessageContext
    from jiuwen_lg.agents.message import MessagePriority as MessagePriority
    from jiuwen_lg.agents.message import MessageSource as MessageSource
    from jiuwen_lg.agents.message import MessageType as MessageType
    from jiuwen_lg.agents.message import SourceType as SourceType
    from jiuwen_lg.agents.react_agent import ReActAgent as ReActAgent
    from jiuwen_lg.agents.workflow_agent import WorkflowAgent as WorkflowAgent
    from jiuwen_lg.agents.workflow_agent import WorkflowController as WorkflowController
    from jiuwen_lg.builder import BaseWorkFlow as BaseWorkFlow
    from jiuwen_lg.component import ComponentConfig as ComponentConfig
    from jiuwen_lg.component import ComponentExecutable as ComponentExecutable
    from jiuwen_lg.component import ComponentState as ComponentState
    from jiuwen_lg.component import Executable as Executable
    from jiuwen_lg.component import Input as Input
    from jiuwen_lg.component import Output as Output
    from jiuwen_lg.component import SimpleComponent as SimpleComponent
    from jiuwen_lg.component import WorkflowComponent as WorkflowComponent
    from jiuwen_lg.component import WorkflowComponentMetadata as WorkflowComponentMetadata
    from jiuwen_lg.components.branch import Branch as Branch
    from jiuwen_lg.components.branch import BranchComponent as BranchComponent
    from jiuwen_lg.components.branch import BranchRouter as BranchRouter
    from jiuwen_lg.components.condition import AlwaysTrue as AlwaysTrue
    from jiuwen_lg.components.condition import ArrayCondition as ArrayCondition
    from jiuwen_lg.components.condition import ArrayConditionInRuntime as ArrayConditionInRuntime
    from jiuwen_lg.components.condition import Condition as Condition
    from jiuwen_lg.components.condition import ExpressionCondition as ExpressionCondition
    from jiuwen_lg.components.condition import FuncCondition as FuncCondition
    from jiuwen_lg.components.condition import NumberCondition as NumberCondition
    from jiuwen_lg.components.condition import NumberConditionInRuntime as NumberConditionInRuntime
    from jiuwen_lg.components.end import End as End
    from jiuwen_lg.components.end import EndConfig as EndConfig
    from jiuwen_lg.components.extraction import QuestionerDirectReplyHandler as QuestionerDirectReplyHandler
    from jiuwen_lg.components.intent import IntentDetectionCompConfig as IntentDetectionCompConfig
    from jiuwen_lg.components.intent import IntentDetectionComponent as IntentDetectionComponent
    from jiuwen_lg.components.intent import IntentDetectionExecutable as IntentDetectionExecutable
    from jiuwen_lg.components.llm import LLMCompConfig as LLMCompConfig
    from jiuwen_lg.components.llm import LLMComponent as LLMComponent
    from jiuwen_lg.components.llm import LLMExecutable as LLMExecutable
    from jiuwen_lg.components.loop import AdvancedLoopComponent as AdvancedLoopComponent
    from jiuwen_lg.components.loop import LoopComponent as LoopComponent
    from jiuwen_lg.components.loop import LoopGroup as LoopGroup
    from jiuwen_lg.components.loop import LoopInput as LoopInput
    from jiuwen_lg.components.loop import LoopType as LoopType
    from jiuwen_lg.components.loop_break import BreakComponent as BreakComponent
    from jiuwen_lg.components.loop_callback import IntermediateLoopVarCallback as IntermediateLoopVarCallback
    from jiuwen_lg.components.loop_callback import LoopCallback as LoopCallback
    from jiuwen_lg.components.loop_callback import OutputCallback as OutputCallback
    from jiuwen_lg.components.questioner import QuestionerComponent as QuestionerComponent
    from jiuwen_lg.components.questioner import QuestionerExecutable as QuestionerExecutable
    from jiuwen_lg.components.questioner_config import FieldInfo as FieldInfo
    from jiuwen_lg.components.questioner_config import QuestionerConfig as QuestionerConfig
    from jiuwen_lg.components.questioner_config import QuestionerState as QuestionerState
    from jiuwen_lg.components.set_variable import SetVariableComponent as SetVariableComponent
    from jiuwen_lg.components.start import Start as Start
    from jiuwen_lg.components.subworkflow import SubWorkflowComponent as SubWorkflowComponent
    from jiuwen_lg.components.tool import ToolComponent as ToolComponent
    from jiuwen_lg.components.tool import ToolComponentConfig as ToolComponentConfig
    from jiuwen_lg.components.tool import ToolExecutable as ToolExecutable
    from jiuwen_lg.config import CompIOConfig as CompIOConfig
    from jiuwen_lg.config import ComponentAbility as ComponentAbility
    from jiuwen_lg.config import NodeSpec as NodeSpec
    from jiuwen_lg.config import WorkflowConfig as WorkflowConfig
    from jiuwen_lg.config import WorkflowInputsSchema as WorkflowInputsSchema
    from jiuwen_lg.config import WorkflowMetadata as WorkflowMetadata
    from jiuwen_lg.config import WorkflowSpec as WorkflowSpec
    from jiuwen_lg.context.context import Context as Context
    from jiuwen_lg.context.context import ContextEngineConfig as ContextEngineConfig
    from jiuwen_lg.context.context import ContextOwner as ContextOwner
    from jiuwen_lg.context.context_engine import ContextEngine as ContextEngine
    from jiuwen_lg.engine.runtime.interrupts import InteractionRequired as InteractionRequired
    from jiuwen_lg.engine.runtime.router_runtime import RouterRuntime as RouterRuntime
    from jiuwen_lg.engine.serializer import register_state_type as register_state_type
    from jiuwen_lg.environment import workflow_runtime_vars as workflow_runtime_vars
    from jiuwen_lg.errors import InterruptException as InterruptException
    from jiuwen_lg.errors import JiuWenBaseException as JiuWenBaseException
    from jiuwen_lg.errors import StatusCode as StatusCode
    from jiuwen_lg.graph import Graph as Graph
    from jiuwen_lg.interaction import InteractiveInput as InteractiveInput
    from jiuwen_lg.models.client import BaseModelClient as BaseModelClient
    from jiuwen_lg.models.config import BaseModelInfo as BaseModelInfo
    from jiuwen_lg.models.config import ModelConfig as ModelConfig
    from jiuwen_lg.models.factory import ModelFactory as ModelFactory
    from jiuwen_lg.models.library import OpenAIChatModel as OpenAIChatModel
    from jiuwen_lg.models.library import RequestChatModel as RequestChatModel
    from jiuwen_lg.models.messages import AIMessage as AIMessage
    from jiuwen_lg.models.messages import AIMessageChunk as AIMessageChunk
    from jiuwen_lg.models.messages import BaseMessage as BaseMessage
    from jiuwen_lg.models.messages import BaseMessageChunk as BaseMessageChunk
    from jiuwen_lg.models.messages import HumanMessage as HumanMessage
    from jiuwen_lg.models.messages import SystemMessage as SystemMessage
    from jiuwen_lg.models.messages import ToolCall as ToolCall
    from jiuwen_lg.models.messages import ToolMessage as ToolMessage
    from jiuwen_lg.models.messages import ToolMessageChunk as ToolMessageChunk
    from jiuwen_lg.models.messages import UsageMetadata as UsageMetadata
    from jiuwen_lg.output import BaseStreamMode as BaseStreamMode
    from jiuwen_lg.output import CustomSchema as CustomSchema
    from jiuwen_lg.output import HistoryStep as HistoryStep
    from jiuwen_lg.output import InteractionOutput as InteractionOutput
    from jiuwen_lg.output import OutputSchema as OutputSchema
    from jiuwen_lg.output import PendingQuestion as PendingQuestion
    from jiuwen_lg.output import SessionSnapshot as SessionSnapshot
    from jiuwen_lg.output import StreamMode as StreamMode
    from jiuwen_lg.output import TraceSchema as TraceSchema
    from jiuwen_lg.output import WorkflowChunk as WorkflowChunk
    from jiuwen_lg.output import WorkflowExecutionState as WorkflowExecutionState
    from jiuwen_lg.output import WorkflowOutput as WorkflowOutput
    from jiuwen_lg.prompts.assembler import Assembler as Assembler
    from jiuwen_lg.prompts.assembler import TextableVariable as TextableVariable
    from jiuwen_lg.prompts.assembler import Variable as Variable
    from jiuwen_lg.prompts.json_parser import BaseOutputParser as BaseOutputParser
    from jiuwen_lg.prompts.json_parser import JsonOutputParser as JsonOutputParser
    from jiuwen_lg.prompts.llm_call import LLMCall as LLMCall
    from jiuwen_lg.prompts.markdown_parser import MarkdownContent as MarkdownContent
    from jiuwen_lg.prompts.markdown_parser import MarkdownElement as MarkdownElement
    from jiuwen_lg.prompts.markdown_parser import MarkdownElementType as MarkdownElementType
    from jiuwen_lg.prompts.markdown_parser import MarkdownOutputParser as MarkdownOutputParser
    from jiuwen_lg.prompts.template import Template as Template
    from jiuwen_lg.resource_managers import ModelMgr as ModelMgr
    from jiuwen_lg.resource_managers import PromptMgr as PromptMgr
    from jiuwen_lg.resource_managers import ResourceMgr as ResourceMgr
    from jiuwen_lg.resource_managers import ToolMgr as ToolMgr
    from jiuwen_lg.resource_managers import WorkflowMgr as WorkflowMgr
    from jiuwen_lg.resource_managers import resource_mgr as resource_mgr
    from jiuwen_lg.resources import Resources as Resources
    from jiuwen_lg.resources import generate_workflow_key as generate_workflow_key
    from jiuwen_lg.runner import Runner as Runner
    from jiuwen_lg.runner import default_inmemory_checkpointer as default_inmemory_checkpointer
    from jiuwen_lg.runtime import Config as Config
    from jiuwen_lg.runtime import Runtime as Runtime
    from jiuwen_lg.runtime import TaskRuntime as TaskRuntime
    from jiuwen_lg.runtime import WorkflowRuntime as WorkflowRuntime
    from jiuwen_lg.testing.detached_runtime import NodeRuntime as NodeRuntime
    from jiuwen_lg.testing.detached_runtime import WrappedNodeRuntime as WrappedNodeRuntime
    from jiuwen_lg.timeline import Journal as Journal
    from jiuwen_lg.timeline import JournalEntry as JournalEntry
    from jiuwen_lg.timeline import Timeline as Timeline
    from jiuwen_lg.tools.base import Tool as Tool
    from jiuwen_lg.tools.function import LocalFunction as LocalFunction
    from jiuwen_lg.tools.function import tool as tool
    from jiuwen_lg.tools.mcp import MCPTool as MCPTool
    from jiuwen_lg.tools.mcp import McpToolClient as McpToolClient
    from jiuwen_lg.tools.mcp import McpToolInfo as McpToolInfo
    from jiuwen_lg.tools.mcp import PlaywrightClient as PlaywrightClient
    from jiuwen_lg.tools.mcp import SseClient as SseClient
    from jiuwen_lg.tools.mcp import StdioClient as StdioClient
    from jiuwen_lg.tools.mcp import StreamableHttpClient as StreamableHttpClient
    from jiuwen_lg.tools.mcp import ToolServerConfig as ToolServerConfig
    from jiuwen_lg.tools.param import Param as Param
    from jiuwen_lg.tools.restful import RestfulApi as RestfulApi
    from jiuwen_lg.tools.tool_info import Parameters as Parameters
    from jiuwen_lg.tools.tool_info import ToolInfo as ToolInfo
    from jiuwen_lg.tools.types import ValueTypeEnum as ValueTypeEnum
    from jiuwen_lg.workflow import Workflow as Workflow


def __getattr__(name: str) -> Any:
    module = _HOME.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
