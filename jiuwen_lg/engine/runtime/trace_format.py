"""Trace frames in the form of openJiuwen 0.1.1's own: the setting `_trace_format` is `"0.1.1"`.

The frames are the same, but what is absent has no key, and what openJiuwen tells of a workflow as a whole
always ends with `finish`. Facts: openJiuwen 0.1.1, `agents.md` 10.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jiuwen_lg.interaction import InteractiveInput

ORIGINAL = "0.1.1"
"""The format of openJiuwen's own frames."""

_ORDER = (
    *("traceId", "startTime", "endTime", "inputs", "outputs", "error", "invokeId", "parentInvokeId", "executionId"),
    *("workflowId", "workflowVersion", "workflowName", "componentId", "componentName", "componentType"),
    *("loopNodeId", "loopIndex", "status", "parentNodeId", "streamInputs", "streamOutputs", "onInvokeData"),
)
_NOT_IN_LOOPS = frozenset(("startTime", "onInvokeData", "streamOutputs"))


def original_component_frame(payload: Mapping[str, Any], workflow_id: str) -> dict[str, Any]:
    """Return a component's frame.

    Args:
        payload: The frame with all its details.
        workflow_id: The id of the workflow at the top, which triggers the first components.
    """
    told = dict(payload)
    if told["parentInvokeId"] is None and not told["parentNodeId"]:
        told["parentInvokeId"] = workflow_id
    left_out = set(_NOT_IN_LOOPS) if told["loopIndex"] is not None else set[str]()
    if told["status"] == "start":
        left_out.add("streamOutputs")
    if not told["streamInputs"]:
        left_out.add("streamInputs")
    return _shown(told, left_out)


def original_workflow_frame(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the frame of a workflow as a whole."""
    told = {**payload, "streamOutputs": [], "onInvokeData": []}
    if isinstance(inputs := told["inputs"], InteractiveInput):
        told["inputs"] = {key: value for key, value in inputs.model_dump().items() if value is not None}
    if told["status"] != "start":
        has_result = told["status"] == "finish" and not isinstance(told["outputs"], list)  # not only frames of an End
        told |= {"outputs": told["outputs"] if has_result else None, "error": None, "status": "finish"}
    return _shown(told, set())


def _shown(payload: Mapping[str, Any], left_out: set[str]) -> dict[str, Any]:
    return {key: payload[key] for key in _ORDER if key not in left_out and payload.get(key) is not None}
