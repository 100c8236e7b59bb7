"""Error codes and the exception that carries them.

Numbers and member names are openJiuwen 0.1.1's (`StatusCode`); the 1009xx block and
101151 are ours, for situations which 0.1.1 does not know. A message says what went
wrong, where, and what would be right.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Self


class JiuWenBaseException(Exception):
    """Every error that jiuwen_lg raises on purpose.

    Attributes:
        error_code: The number from `StatusCode`.
        message: The text without the code; `str(e)` is `[<code>] <message>`.
        details: The values the message was made from, by placeholder name.

    Examples:
        >>> error = JiuWenBaseException(100904, "the session is being run")
        >>> str(error), error.codes
        ('[100904] the session is being run', (100904,))
    """

    def __init__(self, error_code: int, message: str) -> None:
        super().__init__(error_code, message)
        self.details: dict[str, Any] = {}

    @property
    def error_code(self) -> int:
        """The number from `StatusCode`."""
        code: int = self.args[0]
        return code

    @property
    def message(self) -> str:
        """The text without the code."""
        text: str = self.args[1]
        return text

    @property
    def codes(self) -> tuple[int, ...]:
        """The codes of this error and of those that caused it, outermost first."""
        return tuple(e.error_code for e in _chain(self) if isinstance(e, JiuWenBaseException))

    @property
    def root(self) -> BaseException:
        """The innermost error of the chain (this one if nothing caused it)."""
        return _chain(self)[-1]

    def __str__(self) -> str:
        return f"[{self.error_code}] {self.message}"

    def _render_traceback_(self) -> list[str]:
        """How IPython shows it: the error and its causes, without the engine's frames."""
        from jiuwen_lg.error_report import report_of

        return report_of(self)


class InterruptException(JiuWenBaseException):
    """openJiuwen's name for a controller that was interrupted (100003)."""


def _chain(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain:
        chain.append(current)
        current = current.__cause__
    return chain


class StatusCode(Enum):
    """Every code with the template of its message.

    `StatusCode.X.code` is the number, `StatusCode.X.errmsg` the template, and
    `StatusCode.X.error(...)` the exception with the template filled in. Where our messages say
    more than openJiuwen's, the fuller template is the third of a member's parts.
    """

    _detailed: str

    ERROR = (-1, "something went wrong", "{reason}")
    SUCCESS = (0, "success")

    INTERACTIVE_INVALID_INPUT_ERROR = (
        100000,
        "not an answer",
        "not an answer: {reason}",
    )
    INTERACTIVE_UPDATE_FAILED = (
        100001,
        "update() cannot follow a raw answer: give either InteractiveInput(value) or answers by node id",
    )
    COMPONENT_NOT_EXECUTABLE_ERROR = (
        100002,
        "the component cannot be executed",
        "component {component} cannot be executed: derive it from ComponentExecutable or override to_executable()",
    )
    CONTROLLER_INTERRUPTED_ERROR = (
        100003,
        "the controller was interrupted",
        "the controller was interrupted: {reason}",
    )
    INTERACTIVE_NOT_SUPPORT_STREAM_ERROR = (
        100004,
        "interact() cannot be used while frames stream in (transform, collect): ask in invoke or stream",
    )
    # The text up to the detail is printed by seed 000 and therefore fixed.
    COMPONENT_EXECUTE_ERROR = (
        100005,
        "component [{node_id}] encountered an exception while executing ability [{ability}], error detail: {error}",
    )
    WORKFLOW_STATE_EXISTS_ERROR = (
        100006,
        "the session of this workflow has not finished, so new inputs are refused",
        "session [{session_id}] of this workflow has not finished ({reason}), so new inputs are refused; "
        "go on with InteractiveInput, drop it with `await flow.discard({session_id!r})` or "
        "`await Runner.release({session_id!r})`, or set _force_del_workflow_state. Two unnamed workflows of "
        "one shape share a session: give each a WorkflowMetadata(id=...)",
    )
    WORKFLOW_EXECUTE_INNER_ERROR = (100100, "workflow execute inner error: {error}")
    WORKFLOW_INVOKE_TIMEOUT = (
        100101,
        "the workflow did not finish within {timeout} s (_execute_timeout); finished components are kept, "
        "InteractiveInput() goes on",
    )
    WORKFLOW_STREAM_TIMEOUT = (
        100102,
        "the stream did not finish within {timeout} s (_execute_timeout); finished components are kept, "
        "InteractiveInput() goes on",
    )
    INTERACTION_NOT_PENDING = (
        100900,
        "nothing waits for an answer in session [{session_id}]: {reason}",
    )
    INTERACTION_UNKNOWN_ID = (
        100901,
        "no question of [{node_id}] is open in session [{session_id}]; {reason}",
    )
    INTERACTION_AMBIGUOUS = (
        100902,
        "several questions are open in session [{session_id}], so a raw answer has no addressee: "
        "use InteractiveInput().update(node_id, value) with {node_ids}",
    )
    INTERACTION_SWALLOWED = (
        100903,
        "component [{node_id}] asked {question!r} and then returned: an `except Exception` caught the "
        "InteractionRequired that interact() raised. Re-raise it, or call its handled() when no answer is wanted",
    )
    SESSION_BUSY = (
        100904,
        "session [{session_id}] is being run by {owner}; try again when that run has stopped",
    )
    SESSION_LOST = (
        100905,
        "session [{session_id}] was taken over by another run while this one did not answer; "
        "this run stops without writing",
    )
    WORKFLOW_CHANGED = (
        100906,
        "session [{session_id}] was started by a workflow of another shape: {reason}. Resume it with that "
        "workflow, or insist with WorkflowRuntime(session_id=..., on_change='continue')",
    )
    STATE_NOT_SAVED = (
        100907,
        "the value of {path} could not be stored or read back: it is a {type_name}. {reason}",
    )
    STORE_UNAVAILABLE = (100908, "the session store {store} cannot be used: {reason}")
    STORE_OFF = (
        100909,
        "JIUWEN_LG_DB is off, so sessions cannot pause or resume: {reason}. Unset JIUWEN_LG_DB, or give it a file",
    )
    TURN_ABANDONED = (
        100920,
        "turn [{turn_id}] was begun {deliveries} times, and each time the worker that ran it died, so it is not "
        "delivered any more: `jiuwen-lg turns retry {turn_id}` delivers it afresh",
    )
    WORKFLOW_NOT_SERVED = (
        100921,
        "turn [{turn_id}] waits, but no worker that serves workflow [{workflow_id}] has been seen for {seconds} s. "
        "It runs when one is started (jiuwen-lg worker MODULE); until then wait for it again, or check the id",
    )

    LLM_COMPONENT_TEMPLATE_CONFIG_ERROR = (101000, "LLMComponent cannot use this template_content: {error_msg}")
    LLM_COMPONENT_RESPONSE_FORMAT_CONFIG_ERROR = (101001, "LLMComponent cannot use this response_format: {error_msg}")
    LLM_COMPONENT_OUTPUT_CONFIG_ERROR = (101002, "LLMComponent cannot use this output_config: {error_msg}")
    LLM_COMPONENT_INVOKE_LLM_ERROR = (101003, "LLMComponent got no answer from its model: {error_msg}")
    LLM_COMPONENT_JSON_SCHEMA_OUTPUT_ERROR = (101004, "LLMComponent cannot use what its model answered: {error_msg}")
    LLM_COMPONENT_INIT_LLM_ERROR = (101005, "LLMComponent has no model: {error_msg}")
    LLM_COMPONENT_ASSEMBLE_TEMPLATE_ERROR = (101006, "LLMComponent cannot fill its template: {error_msg}")
    PROMPT_JSON_SCHEMA_ERROR = (101007, "the answer does not fit: {error_msg}")
    INTENT_DETECTION_COMPONENT_USER_INPUT_ERROR = (101050, "IntentDetectionComponent: {error_msg}")
    INTENT_DETECTION_COMPONENT_INIT_LLM_ERROR = (101051, "IntentDetectionComponent has no model: {error_msg}")
    INTENT_DETECTION_COMPONENT_INVOKE_LLM_ERROR = (
        101052,
        "IntentDetectionComponent got no answer from its model: {error_msg}",
    )
    QUESTIONER_COMPONENT_USER_INPUT_ERROR = (101070, "QuestionerComponent: {error_msg}")
    QUESTIONER_COMPONENT_CONFIG_ERROR = (101071, "QuestionerComponent cannot use this config: {error_msg}")
    QUESTIONER_COMPONENT_EMPTY_QUESTION_IN_DIRECT_REPLY = (
        101072,
        "QuestionerComponent has nothing to ask: set question_content, or extract_fields_from_response and field_names",
    )
    QUESTIONER_COMPONENT_INIT_STATE_ERROR = (101073, "QuestionerComponent cannot read its state")
    # Printed by seed 003.
    QUESTIONER_COMPONENT_EXCEED_MAX_RESPONSE = (101074, "Questioner component exceed max response.")
    QUESTIONER_COMPONENT_INVOKE_LLM_ERROR = (101075, "QuestionerComponent got no answer from its model: {error_msg}")
    QUESTIONER_COMPONENT_PARSE_LLM_RESPONSE_ERROR = (
        101076,
        "QuestionerComponent cannot use what its model answered: {error_msg}",
    )
    BRANCH_COMPONENT_ADD_BRANCH_ERROR = (101100, "add_branch failed: {error_msg}")
    BRANCH_COMPONENT_BRANCH_CONDITION_TYPE_ERROR = (
        101101,
        "a branch condition must be a string, a Condition or a callable",
    )
    BRANCH_COMPONENT_BRANCH_NOT_FOUND_ERROR = (101102, "Branch meeting the condition was not found.")
    SET_VAR_COMPONENT_VAR_MAPPING_ERROR = (101120, "SetVariableComponent: {error_msg}")
    SUB_WORKFLOW_COMPONENT_INIT_ERROR = (101140, "SubWorkflowComponent: {error_msg}")
    SUB_WORKFLOW_COMPONENT_RUNNING_ERROR = (
        101141,
        "SubWorkflowComponent: {detail}",
        "SubWorkflowComponent: {error_msg}",
    )
    LOOP_COMPONENT_NESTED_LOOP_ERROR = (
        101150,
        "LoopComponent: a loop cannot be part of another loop's body",
        "LoopComponent: {error_msg}",
    )
    LOOP_COMPONENT_EXECUTION_ERROR = (101151, "LoopComponent error: {error_msg}")
    LOOP_COMPONENT_EMPTY_GROUP_ERROR = (101152, "LoopComponent: its LoopGroup is empty", "LoopComponent: {error_msg}")
    LOOP_COMPONENT_INPUT_TYPE_ERROR = (
        101153,
        "LoopComponent error: its inputs are a dict, not a {type}",
        "LoopComponent error: {error_msg}",
    )
    LOOP_COMPONENT_MISSING_INPUT_KEY_ERROR = (
        101154,
        "LoopComponent error: the input {key} is missing",
        "LoopComponent error: {error_msg}",
    )
    LOOP_COMPONENT_INVALID_LOOP_TYPE_ERROR = (
        101155,
        "LoopComponent error: there is no loop_type {loop_type}",
        "LoopComponent error: {error_msg}",
    )
    LOOP_COMPONENT_MISSING_START_NODES_ERROR = (101156, "LoopGroup: it has no start nodes", "LoopGroup: {error_msg}")
    LOOP_COMPONENT_MISSING_END_NODES_ERROR = (101157, "LoopGroup: it has no end nodes", "LoopGroup: {error_msg}")
    BREAK_COMPONENT_INIT_ERROR = (101180, "BreakComponent: it is not in a loop", "BreakComponent: {error_msg}")

    TOOL_COMPONENT_BIND_TOOL_FAILED = (102000, "ToolComponent: no tool is bound", "ToolComponent: {reason}")
    TOOL_COMPONENT_INPUTS_ERROR = (102001, "ToolComponent: {error_msg}", "ToolComponent: {reason}")
    TOOL_COMPONENT_CHECK_PARAM_ERROR = (102002, "ToolComponent: {error_msg}", "ToolComponent: {reason}")
    WORKFLOW_START_MISSING_GLOBAL_VARIABLE_VALUE = (
        102100,
        "required inputs are missing: {variable_name}; pass them in the inputs, or mark them required=False",
    )
    WORKFLOW_START_CREATE_VALUE = (102101, "Start cannot use this conf: {reason}")
    WORKFLOW_END_CREATE_VALUE = (102120, "End cannot use this conf: {reason}")

    GRAPH_SET_START_NODE_FAILED = (110001, "no start component: {detail}", "no start component: {reason}")
    GRAPH_SET_END_NODE_FAILED = (110002, "no end component: {detail}", "no end component: {reason}")
    GRAPH_ADD_NODE_FAILED = (
        110003,
        "the component cannot be added: {detail}",
        "component [{node_id}] cannot be added: {reason}",
    )
    GRAPH_ADD_EDGE_FAILED = (
        110004,
        "the connection cannot be added: {detail}",
        "connection {source} -> {target} cannot be added: {reason}",
    )
    GRAPH_ADD_CONDITION_EDGE_FAILED = (
        110005,
        "the router cannot be added: {detail}",
        "router of {source} cannot be added: {reason}",
    )
    WORKFLOW_COMPONENT_CONFIG_ERROR = (
        110006,
        "the workflow is not complete: {error_msg}",
        "{missing} cannot be found: {reason}; the components are {node_ids}",
    )
    DRAWABLE_GRAPH_SET_START_NODE_FAILED = (110021, "the drawing cannot begin at {node_id}")
    DRAWABLE_GRAPH_SET_END_NODE_FAILED = (110022, "the drawing cannot end at {node_id}")
    DRAWABLE_GRAPH_SET_BREAK_NODE_FAILED = (110023, "the drawing cannot break at {node_id}")

    DRAWABLE_GRAPH_INVALID_TITLE = (
        110024,
        "the drawing cannot have this title",
        "the drawing cannot have this title: {reason}",
    )
    DRAWABLE_GRAPH_INVALID_EXPAND_SUBGRAPH = (
        110025,
        "expand_subgraph cannot be used",
        "expand_subgraph cannot be used: {reason}",
    )
    DRAWABLE_GRAPH_INVALID_ENABLE_ANIMATION = (
        110026,
        "enable_animation cannot be used",
        "enable_animation cannot be used: {reason}",
    )
    TOOL_NOT_FOUND_ERROR = (
        120000,
        "the model called a tool that is not there",
        "the agent has no tool {name!r}; it has {names}",
    )
    TOOL_EXECUTION_ERROR = (120001, "Tool execution error: {msg}")
    TASK_NOT_SUPPORT_ERROR = (120002, "this kind of task is not supported: {msg}")
    WORKFLOW_EXECUTION_ERROR = (120003, "the workflow failed: {msg}", "{msg}")
    PROMPT_PARAMS_CHECK_ERROR = (120004, "the parameters of a prompt do not fit: {msg}")
    CONTROLLER_INVOKE_LLM_FAILED = (123000, "the agent got no answer from its model: {error_msg}")
    AGENT_SUB_TASK_TYPE_ERROR = (123001, "a task of the agent is of an unknown kind: {msg}")
    CONTROLLER_HANDLE_USER_INPUT_ERROR = (123002, "the agent cannot handle the input: {error_msg}")
    CONTROLLER_RUNTIME_ERROR = (123003, "the agent failed: {error_msg}")
    CONTROLLER_SEND_STREAM_FAILED = (123004, "the agent cannot write a frame: {error_msg}")
    CONTROLLER_PARSE_TOOL_CALL_ERROR = (123005, "the model's call of a tool cannot be read: {error_msg}")
    AGENT_GROUP_ADD_FAILED = (132000, "the agent cannot join the group: {reason}")
    AGENT_GROUP_CREATE_FAILED = (132001, "the group is not complete: {reason}")
    AGENT_GROUP_EXECUTION_ERROR = (132002, "the group cannot answer: {reason}")
    AGENT_NOT_FOUND = (134002, "Agent {} is not found", "Agent {agent_id} is not found")
    WORKFLOW_NOT_BOUND_TO_AGENT = (
        134003,
        "the workflow is not bound to the agent",
        "workflow {id!r} is not bound to agent {agent_id!r}: add_workflows([...])",
    )
    TOOL_NOT_BOUND_TO_AGENT = (
        134004,
        "the tool is not bound to the agent",
        "tool {id!r} is not bound to agent {agent_id!r}: add_tools([...])",
    )
    TOOL_NOT_FOUND = (
        134005,
        "the tool is not found",
        "there is no tool {id!r}: resource_mgr.tool().add_tool(id, tool)",
    )

    EXPRESSION_CONDITION_SYNTAX_ERROR = (
        140000,
        "the expression {expression} cannot be parsed: {error_msg}",
        "the expression cannot be parsed: {error}",
    )
    EXPRESSION_CONDITION_EVAL_ERROR = (
        140001,
        "the expression cannot be evaluated: {error_msg}",
        "the expression cannot be evaluated: {error}",
    )
    ARRAY_CONDITION_ERROR = (
        140002,
        "LoopComponent error: a loop over an array needs a list",
        "LoopComponent error: {error_msg}",
    )
    NUMBER_CONDITION_ERROR = (
        140003,
        "LoopComponent error: a loop over a number needs a whole number",
        "LoopComponent error: {error_msg}",
    )

    CONTEXT_ENGINE_MESSAGE_PROCESS_ERROR = (153000, "the conversation cannot be used: {error_msg}")
    AGENT_BUILDER_AGENT_PARAMS_ERROR = (170000, "the parameters do not fit: {error_msg}")
    AGENT_BUILDER_AGENT_OPTIMIZER_BACKWORD_ERROR = (170010, "the optimizer's backward step failed: {error_msg}")
    AGENT_BUILDER_AGENT_OPTIMIZER_UPDATE_ERROR = (170011, "the optimizer's update failed: {error_msg}")
    AGENT_BUILDER_AGENT_OPTIMIZER_PARAMS_ERROR = (170012, "the optimizer's parameters do not fit: {error_msg}")
    AGENT_BUILDER_AGENT_EVALUATOR_EVALUATE_ERROR = (170030, "the evaluation failed: {error_msg}")
    AGENT_BUILDER_AGENT_TRAINER_TRAIN_ERROR = (170040, "the training failed: {error_msg}")
    AGENT_BUILDER_META_TEMPLATE_REGISTER_ERROR = (173000, "the meta template cannot be registered: {error_msg}")
    AGENT_BUILDER_META_TEMPLATE_ERROR = (173001, "no prompt can be built: {error_msg}")
    AGENT_BUILDER_FEEDBACK_TEMPLATE_ERROR = (173002, "the prompt cannot be changed by this feedback: {error_msg}")
    AGENT_BUILDER_BAD_CASE_TEMPLATE_ERROR = (173003, "the prompt cannot be changed by these cases: {error_msg}")
    PROMPT_ASSEMBLER_VARIABLE_INIT_ERROR = (180000, "a prompt cannot be filled", "a prompt cannot be filled: {reason}")
    PROMPT_ASSEMBLER_TEMPLATE_FORMAT_ERROR = (180001, "this is no prompt", "{reason} is no prompt")
    PROMPT_TEMPLATE_DUPLICATED_ERROR = (180002, "there is a prompt template of this name already")
    PROMPT_TEMPLATE_NOT_FOUND_ERROR = (180003, "there is no prompt template of this name")
    PROMPT_TEMPLATE_INCORRECT_ERROR = (180004, "this is no prompt template")
    MODEL_PROVIDER_INVALID_ERROR = (181000, "no model can be called: {error_msg}")
    MODEL_CALL_FAILED = (181001, "the call of a model failed: {error_msg}")

    PLUGIN_UNEXPECTED_ERROR = (182000, "the tool failed unexpectedly", "{reason}")
    PLUGIN_REQUEST_TIMEOUT_ERROR = (
        182001,
        "the service did not answer in time",
        "the service did not answer within {timeout} s",
    )
    PLUGIN_PROXY_CONNECT_ERROR = (182002, "the service cannot be reached", "the service cannot be reached: {reason}")
    PLUGIN_RESPONSE_TOO_BIG_ERROR = (
        182003,
        "the service's answer is too long",
        "the service's answer is longer than {limit} bytes",
    )
    PLUGIN_RESPONSE_HTTP_CODE_ERROR = (
        182004,
        "the service answered with an HTTP status that tells of an error",
        "the service answered with HTTP status {status}",
    )
    PLUGIN_PARAMS_CHECK_FAILED = (182005, "the parameters of a tool do not fit", "{reason}")
    SSL_UTILS_CREATE_SSL_CONTEXT_ERROR = (
        188000,
        "certificates cannot be checked: {error_msg}",
        "certificates cannot be checked: {reason}",
    )
    USER_CONFIG_LOAD_ERROR = (188001, "the settings of the user cannot be read: {error_msg}")
    JSON_LOADS_ERROR = (188002, "the text is no JSON: {error_msg}")
    JSON_DUMPS_ERROR = (188003, "the value cannot be written as JSON: {error_msg}")
    URL_INVALID_ERROR = (188004, "the address cannot be called: {error_msg}", "the address cannot be called: {reason}")
    INVALID_SSL_CERT_ERROR = (
        188005,
        "certificates cannot be checked: {error_msg}",
        "certificates cannot be checked: {reason}",
    )
    RUNTIME_WORKFLOW_GET_FAILED = (190001, "failed to get workflow, reason: {reason}")
    RUNTIME_WORKFLOW_ADD_FAILED = (190002, "failed to add workflow, reason: {reason}")
    RUNTIME_WORKFLOW_REMOVE_FAILED = (190003, "failed to remove workflow, reason: {reason}")
    RUNTIME_WORKFLOW_CONFIG_ADD_FAILED = (190011, "failed to add workflow configuration, reason: {reason}")
    RUNTIME_WORKFLOW_CONFIG_GET_FAILED = (190012, "failed to get workflow configuration, reason: {reason}")
    RUNTIME_WORKFLOW_TOOL_INFO_GET_FAILED = (190013, "failed to get the tool info of a workflow, reason: {reason}")
    RUNTIME_AGENT_GROUP_ADD_FAILED = (190040, "failed to add agent group, reason: {reason}")
    RUNTIME_AGENT_GROUP_GET_FAILED = (190041, "failed to get agent group, reason: {reason}")
    RUNTIME_AGENT_GROUP_REMOVE_FAILED = (190042, "failed to remove agent group, reason: {reason}")
    RUNTIME_AGENT_ADD_FAILED = (190050, "failed to add agent, reason: {reason}")
    RUNTIME_AGENT_GET_FAILED = (190051, "failed to get agent, reason: {reason}")
    RUNTIME_AGENT_REMOVE_FAILED = (190052, "failed to remove agent, reason: {reason}")
    RUNTIME_TOOL_GET_FAILED = (190101, "failed to get tool, reason: {reason}")
    RUNTIME_TOOL_ADD_FAILED = (190102, "failed to add tool, reason: {reason}")
    RUNTIME_TOOL_TOOL_INFO_GET_FAILED = (190103, "failed to get tool info, reason: {reason}")
    RUNTIME_PROMPT_GET_FAILED = (190201, "failed to get prompt template, reason: {reason}")
    RUNTIME_PROMPT_ADD_FAILED = (190202, "failed to add prompt template, reason: {reason}")
    RUNTIME_MODEL_GET_FAILED = (190301, "failed to get model, reason: {reason}")
    RUNTIME_MODEL_ADD_FAILED = (190302, "failed to add model, reason: {reason}")
    RUNTIME_TRACE_ERROR_FAILED = (
        191001,
        "the error cannot be traced: {reason}",
        "trace_error needs an exception, not None",
    )
    RUNTIME_TRACE_AGENT_UNDEFINED_FAILED = (191002, "a step of the agent failed")
    RUNTIME_STATE_RUNTIME_NONE = (192000, "there is no runtime to take the state of")
    RUNTIME_STATE_INVALID_RUNTIME_TYPE = (192001, "a {runtime_type} has no state")
    RUNTIME_STATE_INVALID_STATE_TYPE = (192002, "a {state_type} is no state")
    STREAM_WRITER_WRITE_SCHEMA_FAILED = (
        193001,
        "a frame must have type, index and payload (OutputSchema): {detail}",
        "a frame must have type, index and payload (OutputSchema): {reason}",
    )
    STREAM_WRITER_WRITE_FAILED = (193002, "the frame cannot be written: {reason}", "None is not a frame")
    STREAM_FRAME_TIMEOUT_FAILED = (193003, "no further frame within {timeout} s")
    STREAM_FIRST_FRAME_TIMEOUT_FAILED = (193004, "no first frame within {timeout} s")
    STREAM_NO_INPUT_FAILED = (193005, "no frames came for {abilities}", "component [{node_id}] got no frames")
    WORKFLOW_MESSAGE_QUEUE_MANAGER_ERROR = (196000, "the frames between components failed: {error_msg}")
    RUNTIME_COMPONENT_INVALID_RUNTIME_TYPE = (196100, "this is no runtime of a component")
    RUNTIME_COMPONENT_ABILITY_NOT_IMPLEMENTED = (
        196101,
        "ability [{ability}] needs the method {method}, which {class_name} does not implement",
        "component [{node_id}] does not implement ability [{ability}]",
    )
    RUNTIME_COMPONENT_ABILITY_NOT_SUPPORTED = (
        196102,
        "ability [{ability}] is not supported",
        "component [{node_id}] cannot run ability [{ability}]: {reason}",
    )

    def __new__(cls, code: int, errmsg: str, detailed: str = "") -> Self:
        member = object.__new__(cls)
        member._value_ = (code, errmsg)
        member._detailed = detailed or errmsg
        return member

    @property
    def code(self) -> int:
        """The number."""
        number: int = self.value[0]
        return number

    @property
    def errmsg(self) -> str:
        """The message's template, with the placeholders that openJiuwen's has."""
        template: str = self.value[1]
        return template

    def error(self, **details: Any) -> JiuWenBaseException:
        """The exception with this code; its text says more than `errmsg` where `details` do."""
        error = JiuWenBaseException(self.code, self._detailed.format(**details))
        error.details = details
        return error


def is_engine_error(error: BaseException) -> bool:
    """Whether an error speaks of the session rather than of the component it passed through.

    The block 1009xx is raised by the engine itself, so it reaches the caller as it is
    instead of as a component failure (100005).
    """
    return isinstance(error, JiuWenBaseException) and 100900 <= error.error_code <= 100999
