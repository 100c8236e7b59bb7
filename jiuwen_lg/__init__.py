"""openJiuwen workflows on LangGraph.

All public names are here, flat; each is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_NAMES = {
    "agents.agent": (
        "BaseAgent",
        "ControllerAgent",
        "WorkflowFactory",
        "workflow_provider",
    ),
    "agents.config": (
        "ConstrainConfig",
        "ControllerType",
        "DefaultResponse",
        "WorkflowAgentConfig",
        "WorkflowSchema",
    ),
    "agents.workflow_agent": ("WorkflowAgent",),
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
    "components.extraction": (
        "FieldInfo",
        "QuestionerDirectReplyHandler",
    ),
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
        "QuestionerConfig",
        "QuestionerExecutable",
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
    "testing.detached_runtime": (
        "NodeRuntime",
        "WrappedNodeRuntime",
    ),
    "engine.runtime.interrupts": ("InteractionRequired",),
    "engine.runtime.router_runtime": ("RouterRuntime",),
    "engine.serializer": ("register_state_type",),
    "environment": ("workflow_runtime_vars",),
    "errors": (
        "InterruptException",
        "JiuWenBaseException",
        "StatusCode",
    ),
    "interaction": ("InteractiveInput",),
    "models.client": ("BaseModelClient",),
    "models.config": (
        "BaseModelInfo",
        "ModelConfig",
    ),
    "models.factory": ("ModelFactory",),
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
    "resources": ("Resources",),
    "runner": (
        "Runner",
        "default_inmemory_checkpointer",
    ),
    "runtime": (
        "Runtime",
        "TaskRuntime",
        "WorkflowRuntime",
    ),
    "timeline": (
        "Journal",
        "JournalEntry",
        "Timeline",
    ),
    "tools.tool_info": (
        "Parameters",
        "ToolInfo",
    ),
    "tools.base": ("Tool",),
    "tools.function": (
        "LocalFunction",
        "tool",
    ),
    "tools.param": ("Param",),
    "tools.restful": ("RestfulApi",),
    "tools.types": ("ValueTypeEnum",),
    "workflow": ("Workflow",),
}
"""Module → the public names that it defines."""

_HOME = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [*sorted(_HOME)]  # noqa: PLE0604

if TYPE_CHECKING:
    from jiuwen_lg.agents.agent import BaseAgent as BaseAgent
    from jiuwen_lg.agents.agent import ControllerAgent as ControllerAgent
    from jiuwen_lg.agents.agent import WorkflowFactory as WorkflowFactory
    from jiuwen_lg.agents.agent import workflow_provider as workflow_provider
    from jiuwen_lg.agents.config import ConstrainConfig as ConstrainConfig
    from jiuwen_lg.agents.config import ControllerType as ControllerType
    from jiuwen_lg.agents.config import DefaultResponse as DefaultResponse
    from jiuwen_lg.agents.config import WorkflowAgentConfig as WorkflowAgentConfig
    from jiuwen_lg.agents.config import WorkflowSchema as WorkflowSchema
    from jiuwen_lg.agents.workflow_agent import WorkflowAgent as WorkflowAgent
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
    from jiuwen_lg.components.extraction import FieldInfo as FieldInfo
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
    from jiuwen_lg.components.questioner import QuestionerConfig as QuestionerConfig
    from jiuwen_lg.components.questioner import QuestionerExecutable as QuestionerExecutable
    from jiuwen_lg.components.questioner import QuestionerState as QuestionerState
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
    from jiuwen_lg.interaction import InteractiveInput as InteractiveInput
    from jiuwen_lg.models.client import BaseModelClient as BaseModelClient
    from jiuwen_lg.models.config import BaseModelInfo as BaseModelInfo
    from jiuwen_lg.models.config import ModelConfig as ModelConfig
    from jiuwen_lg.models.factory import ModelFactory as ModelFactory
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
    from jiuwen_lg.resources import Resources as Resources
    from jiuwen_lg.runner import Runner as Runner
    from jiuwen_lg.runner import default_inmemory_checkpointer as default_inmemory_checkpointer
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
