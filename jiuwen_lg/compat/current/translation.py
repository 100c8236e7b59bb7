"""Our errors as openJiuwen 0.1.19's: translated at the edge, where a call leaves the library."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jiuwen_lg.compat.current.codes import StatusCode
from jiuwen_lg.compat.current.errors import BaseError, build_error
from jiuwen_lg.errors import JiuWenBaseException
from jiuwen_lg.errors import StatusCode as Ours

_CODES: dict[int, StatusCode] = {
    100000: StatusCode.INTERACTION_INPUT_INVALID,
    100001: StatusCode.INTERACTION_INPUT_INVALID,
    100002: StatusCode.WORKFLOW_COMPONENT_EXECUTION_ERROR,
    100004: StatusCode.COMP_SESSION_INTERACT_ERROR,
    100006: StatusCode.CHECKPOINTER_PRE_WORKFLOW_EXECUTION_ERROR,
    100101: StatusCode.WORKFLOW_EXECUTION_TIMEOUT,
    100102: StatusCode.WORKFLOW_EXECUTION_TIMEOUT,
    101100: StatusCode.COMPONENT_BRANCH_PARAM_INVALID,
    101101: StatusCode.COMPONENT_BRANCH_PARAM_INVALID,
    101102: StatusCode.COMPONENT_BRANCH_EXECUTION_ERROR,
    101120: StatusCode.COMPONENT_LOOP_SET_VAR_PARAM_INVALID,
    101140: StatusCode.COMPONENT_SUB_WORKFLOW_PARAM_INVALID,
    101141: StatusCode.WORKFLOW_COMPILE_ERROR,
    101150: StatusCode.COMPONENT_LOOP_GROUP_PARAM_INVALID,
    101151: StatusCode.COMPONENT_LOOP_EXECUTION_ERROR,
    101152: StatusCode.COMPONENT_LOOP_GROUP_PARAM_INVALID,
    101153: StatusCode.COMPONENT_LOOP_EXECUTION_ERROR,
    101154: StatusCode.COMPONENT_LOOP_EXECUTION_ERROR,
    101155: StatusCode.COMPONENT_LOOP_EXECUTION_ERROR,
    101156: StatusCode.COMPONENT_LOOP_GROUP_PARAM_INVALID,
    101157: StatusCode.COMPONENT_LOOP_GROUP_PARAM_INVALID,
    101180: StatusCode.COMPONENT_LOOP_BREAK_EXECUTION_ERROR,
    102000: StatusCode.COMPONENT_TOOL_INIT_FAILED,
    102001: StatusCode.COMPONENT_TOOL_INPUT_PARAM_ERROR,
    102002: StatusCode.COMPONENT_TOOL_INPUT_PARAM_ERROR,
    102100: StatusCode.WORKFLOW_EXECUTE_INPUT_INVALID,
    102101: StatusCode.WORKFLOW_COMPONENT_SCHEMA_INVALID,
    102120: StatusCode.COMPONENT_END_PARAM_INVALID,
    110001: StatusCode.WORKFLOW_COMPILE_ERROR,
    110002: StatusCode.WORKFLOW_COMPILE_ERROR,
    110003: StatusCode.PREGEL_GRAPH_NODE_ID_INVALID,
    110004: StatusCode.WORKFLOW_EDGE_INVALID,
    110005: StatusCode.WORKFLOW_CONDITION_EDGE_INVALID,
    110006: StatusCode.WORKFLOW_COMPILE_ERROR,
    110024: StatusCode.DRAWABLE_GRAPH_TO_MERMAID_INVALID,
    110025: StatusCode.DRAWABLE_GRAPH_TO_MERMAID_INVALID,
    110026: StatusCode.DRAWABLE_GRAPH_TO_MERMAID_INVALID,
    140000: StatusCode.EXPRESSION_SYNTAX_ERROR,
    140001: StatusCode.EXPRESSION_EVAL_ERROR,
    140002: StatusCode.COMPONENT_LOOP_EXECUTION_ERROR,
    140003: StatusCode.COMPONENT_LOOP_EXECUTION_ERROR,
    153000: StatusCode.CONTEXT_MESSAGE_PROCESS_ERROR,
    182000: StatusCode.TOOL_EXECUTION_ERROR,
    182001: StatusCode.TOOL_RESTFUL_API_EXECUTION_TIMEOUT,
    182002: StatusCode.TOOL_RESTFUL_API_EXECUTION_ERROR,
    182003: StatusCode.TOOL_RESTFUL_API_RESPONSE_SIZE_EXCEED_LIMIT,
    182004: StatusCode.TOOL_RESTFUL_API_RESPONSE_ERROR,
    182005: StatusCode.TOOL_CARD_INVALID,
    188004: StatusCode.TOOL_RESTFUL_API_EXECUTION_ERROR,
    188005: StatusCode.TOOL_RESTFUL_API_EXECUTION_ERROR,
    193001: StatusCode.STREAM_WRITER_WRITE_STREAM_VALIDATION_ERROR,
    193002: StatusCode.STREAM_WRITER_WRITE_STREAM_VALIDATION_ERROR,
    193003: StatusCode.STREAM_OUTPUT_CHUNK_INTERVAL_TIMEOUT,
    193004: StatusCode.STREAM_OUTPUT_FIRST_CHUNK_INTERVAL_TIMEOUT,
    193005: StatusCode.GRAPH_STREAM_ACTOR_EXECUTION_ERROR,
}
"""Our code → today's. A number that both have, and that means the same, needs no line."""

_SAME: dict[int, StatusCode] = {status.code: status for status in reversed(StatusCode)}

_OF_VALUES = frozenset((*range(101151, 101156), 140002, 140003))
"""Codes of inputs of loops, which openJiuwen raises from a ValueError."""

_TEXTS = {101102: "branch meeting the condition was not found"}


def translated(error: BaseException) -> BaseException:
    """An error of ours as today's, with the same cause; any other error stays as it is.

    An error that a component raised itself (a `BaseError`) is given as it is, without what wraps it.
    """
    if not isinstance(error, JiuWenBaseException):
        return error
    inner = _inner(error)
    if isinstance(inner, BaseError):
        return inner
    if not isinstance(inner, JiuWenBaseException):  # a component's own error, named by its component
        return inner
    cause, code = inner.__cause__, inner.error_code
    if code == Ours.COMPONENT_EXECUTE_ERROR.code:
        return _of_component(inner)
    if code == Ours.WORKFLOW_EXECUTE_INNER_ERROR.code:
        failed = StatusCode.PREGEL_GRAPH_SUPER_STEP_EXECUTION_ERROR if cause else StatusCode.WORKFLOW_EXECUTION_ERROR
        return build_error(failed, cause=cause, reason=inner.message)
    if cause is None and code in _OF_VALUES:
        cause = ValueError(inner.message)
    status = _CODES.get(code) or _SAME.get(code) or StatusCode.WORKFLOW_EXECUTION_ERROR
    return build_error(status, cause=cause, reason=_TEXTS.get(code, inner.message))


def _inner(error: JiuWenBaseException) -> BaseException:
    """The error that counts: a component's own coded error instead of the one that wraps it."""
    wrapping = (Ours.COMPONENT_EXECUTE_ERROR.code, Ours.WORKFLOW_EXECUTE_INNER_ERROR.code)
    while error.error_code in wrapping:
        cause = error.__cause__
        if isinstance(cause, BaseError):
            return cause
        if not isinstance(cause, JiuWenBaseException):
            break
        error = cause
    return error


def _of_component(error: JiuWenBaseException) -> BaseError:
    """A component's failure; one of its time limit has the code of timeouts, and names the component."""
    node, ability = error.details.get("node_id", ""), error.details.get("ability", "")
    cause = error.__cause__
    if isinstance(cause, TimeoutError):
        return build_error(
            StatusCode.WORKFLOW_EXECUTION_TIMEOUT,
            cause=cause,
            reason=f"component '{node}': {cause}",
            comp=node,
        )
    return build_error(
        StatusCode.WORKFLOW_COMPONENT_EXECUTION_ERROR,
        cause=cause,
        comp=node,
        ability=ability,
        reason=error.details.get("error", error.message),
        workflow="",
    )


@contextmanager
def translating() -> Iterator[None]:
    """Let errors of ours leave as today's."""
    try:
        yield
    except JiuWenBaseException as error:
        raised = translated(error)
        raise raised from raised.__cause__


def translated_call(function: Any) -> Any:
    """A plain function whose errors leave as today's."""
    from functools import wraps

    @wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        with translating():
            return function(*arguments, **named)

    return call
