"""The status codes of openJiuwen 0.1.19 that workflow programs meet, and the class of each error.

Numbers and names are openJiuwen's; the texts are ours.
"""

from __future__ import annotations

from enum import Enum
from typing import Any


class StatusCode(Enum):
    """A code, the name of its error class, and the template of its message."""

    def __init__(self, code: int, kind: str, template: str) -> None:
        self.code: int = code
        self.kind: str = kind
        self.errmsg: str = template

    WORKFLOW_COMPONENT_ID_INVALID = (100010, "ValidationError", "invalid component id: {reason}")
    COMPONENT_END_PARAM_INVALID = (100010, "ValidationError", "End cannot use this conf: {reason}")
    WORKFLOW_COMPONENT_ABILITY_INVALID = (100011, "ValidationError", "invalid abilities: {reason}")
    WORKFLOW_EDGE_INVALID = (100012, "ValidationError", "invalid connection: {reason}")
    WORKFLOW_CONDITION_EDGE_INVALID = (100013, "ValidationError", "invalid router: {reason}")
    WORKFLOW_COMPONENT_SCHEMA_INVALID = (100014, "ValidationError", "invalid schema: {reason}")
    WORKFLOW_STREAM_EDGE_INVALID = (100015, "ValidationError", "invalid stream connection: {reason}")
    WORKFLOW_EXECUTE_INPUT_INVALID = (100016, "ValidationError", "the inputs do not fit the card: {reason}")
    WORKFLOW_EXECUTE_SESSION_INVALID = (100017, "ValidationError", "invalid session: {reason}")
    WORKFLOW_INNER_ORCHESTRATION_ERROR = (100053, "WorkflowError", "the workflow failed inside: {reason}")
    WORKFLOW_COMPONENT_EXECUTION_ERROR = (
        100054,
        "ExecutionError",
        "component '{comp}' execute '{ability}' error, reason='{reason}', workflow='{workflow}'",
    )
    WORKFLOW_COMPILE_ERROR = (100100, "WorkflowError", "the workflow cannot be compiled: {reason}")
    WORKFLOW_EXECUTION_TIMEOUT = (100101, "ExecutionError", "timed out: {reason}")
    WORKFLOW_EXECUTION_ERROR = (100102, "ExecutionError", "the workflow failed: {reason}")

    INTERACTION_NOT_PENDING = (100900, "ExecutionError", "{reason}")
    INTERACTION_UNKNOWN_ID = (100901, "ExecutionError", "{reason}")
    INTERACTION_AMBIGUOUS = (100902, "ExecutionError", "{reason}")
    INTERACTION_SWALLOWED = (100903, "ExecutionError", "{reason}")
    SESSION_BUSY = (100904, "ExecutionError", "{reason}")
    SESSION_LOST = (100905, "ExecutionError", "{reason}")
    WORKFLOW_CHANGED = (100906, "ExecutionError", "{reason}")
    STATE_NOT_SAVED = (100907, "ExecutionError", "{reason}")
    STORE_UNAVAILABLE = (100908, "ExecutionError", "{reason}")
    STORE_OFF = (100909, "ExecutionError", "{reason}")

    COMPONENT_LLM_TEMPLATE_CONFIG_ERROR = (101000, "ValidationError", "{reason}")
    COMPONENT_LLM_RESPONSE_CONFIG_INVALID = (101001, "ValidationError", "{reason}")
    COMPONENT_LLM_CONFIG_ERROR = (101002, "ValidationError", "{reason}")
    COMPONENT_LLM_INVOKE_CALL_FAILED = (101003, "FrameworkError", "{reason}")
    COMPONENT_LLM_EXECUTION_PROCESS_ERROR = (101004, "ExecutionError", "{reason}")
    COMPONENT_LLM_INIT_FAILED = (101005, "FrameworkError", "{reason}")
    COMPONENT_LLM_TEMPLATE_PROCESS_ERROR = (101006, "ValidationError", "{reason}")
    COMPONENT_LLM_CONFIG_INVALID = (101007, "ValidationError", "{reason}")
    COMPONENT_BRANCH_PARAM_INVALID = (101020, "ValidationError", "invalid branch: {reason}")
    COMPONENT_BRANCH_EXECUTION_ERROR = (101021, "ExecutionError", "component branch execution error, error='{reason}'")
    EXPRESSION_SYNTAX_ERROR = (101024, "WorkflowError", "{reason}")
    EXPRESSION_EVAL_ERROR = (101025, "WorkflowError", "{reason}")
    ARRAY_CONDITION_ERROR = (101026, "WorkflowError", "{reason}")
    NUMBER_CONDITION_ERROR = (101027, "WorkflowError", "{reason}")
    COMPONENT_LOOP_GROUP_PARAM_INVALID = (101030, "ValidationError", "invalid loop: {reason}")
    COMPONENT_LOOP_SET_VAR_PARAM_INVALID = (101031, "ValidationError", "{reason}")
    COMPONENT_LOOP_EXECUTION_ERROR = (101040, "ExecutionError", "the loop failed: {reason}")
    COMPONENT_LOOP_CONDITION_EXECUTION_ERROR = (101041, "ExecutionError", "the loop's condition failed: {reason}")
    COMPONENT_LOOP_BREAK_EXECUTION_ERROR = (101042, "ExecutionError", "{reason}")
    COMPONENT_LOOP_SET_VAR_EXECUTION_ERROR = (101043, "ExecutionError", "{reason}")
    COMPONENT_INTENT_DETECTION_INPUT_PARAM_ERROR = (101050, "ValidationError", "{reason}")
    COMPONENT_INTENT_DETECTION_LLM_INIT_FAILED = (101051, "FrameworkError", "{reason}")
    COMPONENT_INTENT_DETECTION_INVOKE_CALL_FAILED = (101052, "FrameworkError", "{reason}")
    COMPONENT_QUESTIONER_INPUT_PARAM_ERROR = (101070, "ValidationError", "{reason}")
    COMPONENT_QUESTIONER_CONFIG_ERROR = (101071, "ValidationError", "{reason}")
    COMPONENT_QUESTIONER_INPUT_INVALID = (101072, "ValidationError", "{reason}")
    COMPONENT_QUESTIONER_STATE_INIT_FAILED = (101073, "FrameworkError", "{reason}")
    COMPONENT_QUESTIONER_RUNTIME_ERROR = (101074, "ExecutionError", "{reason}")
    COMPONENT_QUESTIONER_INVOKE_CALL_FAILED = (101075, "FrameworkError", "{reason}")
    COMPONENT_QUESTIONER_EXECUTION_PROCESS_ERROR = (101076, "ExecutionError", "{reason}")
    COMPONENT_SUB_WORKFLOW_PARAM_INVALID = (101150, "ValidationError", "invalid sub-workflow: {reason}")
    COMPONENT_TOOL_EXECUTION_ERROR = (102000, "ExecutionError", "the tool failed: {reason}")
    COMPONENT_TOOL_INPUT_PARAM_ERROR = (102001, "ValidationError", "{reason}")
    COMPONENT_TOOL_INIT_FAILED = (102002, "FrameworkError", "{reason}")

    RESOURCE_ID_VALUE_INVALID = (110400, "ValidationError", "invalid resource id: {reason}")
    RESOURCE_CARD_VALUE_INVALID = (110402, "ValidationError", "invalid card: {reason}")
    RESOURCE_PROVIDER_INVALID = (110403, "ValidationError", "invalid provider: {reason}")
    RESOURCE_VALUE_INVALID = (110404, "ValidationError", "invalid resource: {reason}")
    RESOURCE_ADD_ERROR = (110430, "WorkflowError", "the resource cannot be added: {reason}")
    RESOURCE_GET_ERROR = (110431, "WorkflowError", "the resource cannot be read: {reason}")
    RUNNER_RUN_AGENT_ERROR = (110022, "RunnerError", "the agent cannot be run: {reason}")
    COMP_SESSION_INTERACT_ERROR = (111005, "WorkflowError", "{reason}")
    INTERACTION_INPUT_INVALID = (111110, "ValidationError", "invalid interactive input: {reason}")
    CHECKPOINTER_POST_WORKFLOW_EXECUTION_ERROR = (111120, "ExecutionError", "{reason}")
    CHECKPOINTER_PRE_WORKFLOW_EXECUTION_ERROR = (111121, "ExecutionError", "{reason}")
    CHECKPOINTER_CONFIG_ERROR = (111124, "ValidationError", "this checkpointer cannot be used: {reason}")
    STREAM_WRITER_WRITE_STREAM_VALIDATION_ERROR = (111132, "ExecutionError", "{reason}")
    STREAM_WRITER_WRITE_STREAM_ERROR = (111133, "ExecutionError", "{reason}")
    STREAM_OUTPUT_FIRST_CHUNK_INTERVAL_TIMEOUT = (111134, "ExecutionError", "{reason}")
    STREAM_OUTPUT_CHUNK_INTERVAL_TIMEOUT = (111135, "ExecutionError", "{reason}")
    TRACER_WORKFLOW_TRACE_ERROR = (111140, "WorkflowError", "{reason}")
    GRAPH_STREAM_ACTOR_EXECUTION_ERROR = (112030, "ExecutionError", "{reason}")
    DRAWABLE_GRAPH_TO_MERMAID_INVALID = (112043, "ValidationError", "the workflow cannot be drawn: {reason}")
    GRAPH_VERTEX_EXECUTION_ERROR = (112050, "ExecutionError", "{reason}")
    GRAPH_VERTEX_STREAM_CALL_TIMEOUT = (112051, "FrameworkError", "{reason}")
    PREGEL_GRAPH_NODE_ID_INVALID = (112100, "ValidationError", "{reason}")
    PREGEL_GRAPH_NODE_INVALID = (112101, "ValidationError", "{reason}")
    PREGEL_GRAPH_EDGE_INVALID = (112102, "ValidationError", "{reason}")
    PREGEL_GRAPH_CONDITION_EDGE_INVALID = (112103, "ValidationError", "{reason}")
    PREGEL_GRAPH_SUPER_STEP_EXECUTION_ERROR = (112104, "GraphError", "graph super-step failed: {reason}")
    AGENT_CONTROLLER_INVOKE_CALL_FAILED = (123000, "ExecutionError", "{reason}")
    AGENT_CONTROLLER_RUNTIME_ERROR = (123003, "ExecutionError", "{reason}")
    CONTEXT_MESSAGE_PROCESS_ERROR = (153000, "ContextError", "{reason}")
    CONTEXT_EXECUTION_ERROR = (153001, "ContextError", "{reason}")
    CONTEXT_MESSAGE_INVALID = (153003, "ContextError", "{reason}")
    PROMPT_ASSEMBLER_VARIABLE_INIT_FAILED = (180000, "FrameworkError", "{reason}")
    PROMPT_ASSEMBLER_TEMPLATE_PARAM_ERROR = (180001, "ValidationError", "{reason}")
    PROMPT_TEMPLATE_INVALID = (180004, "ValidationError", "{reason}")
    MODEL_PROVIDER_INVALID = (181000, "ValidationError", "{reason}")
    MODEL_CALL_FAILED = (181001, "FrameworkError", "{reason}")
    MODEL_SERVICE_CONFIG_ERROR = (181002, "ValidationError", "{reason}")
    MODEL_CONFIG_ERROR = (181003, "ValidationError", "{reason}")
    SCHEMA_VALIDATE_INVALID = (189001, "ValidationError", "{reason}")
    TOOL_CARD_INVALID = (182000, "ValidationError", "invalid card of a tool: {reason}")
    TOOL_STREAM_NOT_SUPPORTED = (182010, "ValidationError", "{reason}")
    TOOL_INVOKE_NOT_SUPPORTED = (182011, "ValidationError", "{reason}")
    TOOL_EXECUTION_ERROR = (182012, "ToolError", "{reason}")
    TOOL_RESTFUL_API_CARD_CONFIG_INVALID = (182100, "ValidationError", "{reason}")
    TOOL_RESTFUL_API_EXECUTION_TIMEOUT = (182101, "ExecutionError", "{reason}")
    TOOL_RESTFUL_API_RESPONSE_SIZE_EXCEED_LIMIT = (182102, "ExecutionError", "{reason}")
    TOOL_RESTFUL_API_RESPONSE_ERROR = (182103, "ExecutionError", "{reason}")
    TOOL_RESTFUL_API_EXECUTION_ERROR = (182104, "ExecutionError", "{reason}")
    TOOL_RESTFUL_API_RESPONSE_PROCESS_ERROR = (182105, "ExecutionError", "{reason}")
    TOOL_LOCAL_FUNCTION_FUNC_NOT_SUPPORTED = (182200, "ValidationError", "{reason}")
    TOOL_LOCAL_FUNCTION_EXECUTION_ERROR = (182205, "ExecutionError", "{reason}")

    def message(self, params: dict[str, Any]) -> str:
        """The template filled in; a parameter that is not given stays empty."""
        return self.errmsg.format_map(_Absent(params))


class _Absent(dict[str, Any]):
    """Parameters of a message; those that are missing are empty."""

    def __missing__(self, key: str) -> str:
        return ""
