"""Start: takes the workflow's inputs, checks what is required and fills in defaults."""

from __future__ import annotations

from typing import Any

from jiuwen_lg.component import SimpleComponent
from jiuwen_lg.errors import StatusCode


class Start(SimpleComponent):
    """The entry of a workflow.

    Args:
        conf: `{"inputs": [{"id": "query", "required": True, "default_value": ...}, ...]}`,
            or nothing for no checks.

    Raises:
        JiuWenBaseException: 102101, `conf` is of another shape.

    Source: seed 003, `components.md` 7.1 and the settled points of the specification.
    """

    drawn_as = "start"

    def __init__(self, conf: dict[str, Any] | None = None) -> None:
        self._declared = _declared_inputs(conf) if conf else []

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> Any:
        """The inputs in the order of conf (then the rest), defaults filled in.

        Raises:
            JiuWenBaseException: 102100, a required input is absent.
        """
        if not self._declared:
            return inputs
        given = inputs or {}
        self._validate_inputs(given)
        return self._fill_default_values(given)

    def _fill_default_values(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Return the inputs in the order of conf, then the rest, with defaults for those that are absent.

        openJiuwen's programs call this method and the next one by these names.
        """
        result = {}
        for item in self._declared:
            name = item["id"]
            value = inputs.get(name)
            if value is None and "default_value" in item:
                value = item["default_value"]
            if name in inputs or value is not None:
                result[name] = value
        return {**result, **{name: value for name, value in inputs.items() if name not in result}}

    def known_keys(self, inputs_schema: dict[str, Any] | None) -> frozenset[str] | None:
        """The keys of its output: its inputs and those of conf; None if a subclass may give others."""
        if type(self) is not Start or inputs_schema is None:
            return None
        return frozenset(map(str, inputs_schema)) | frozenset(str(item["id"]) for item in self._declared)

    def _validate_inputs(self, inputs: dict[str, Any]) -> None:
        """Check that the required inputs are there.

        Raises:
            JiuWenBaseException: 102100, one is absent.
        """
        missing = [
            item["id"] for item in self._declared if _is_true(item.get("required")) and inputs.get(item["id"]) is None
        ]
        if missing:
            raise StatusCode.WORKFLOW_START_MISSING_GLOBAL_VARIABLE_VALUE.error(variable_name=missing)


def _is_true(required: Any) -> bool:
    """`"true"` and `"false"` are read as booleans, anything else by its truth."""
    return required.strip().lower() not in ("", "false") if isinstance(required, str) else bool(required)


def _declared_inputs(conf: Any) -> list[dict[str, Any]]:
    declared = conf.get("inputs") if isinstance(conf, dict) else None
    if not isinstance(declared, list):
        raise _bad_conf(f"it needs a list under 'inputs', {conf!r} has none")
    for item in declared:
        if not isinstance(item, dict) or not item.get("id"):
            raise _bad_conf(f"each input needs an 'id', {item!r} has none")
    return declared


def _bad_conf(reason: str) -> Exception:
    return StatusCode.WORKFLOW_START_CREATE_VALUE.error(reason=reason)
