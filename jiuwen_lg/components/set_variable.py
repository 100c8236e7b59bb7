"""SetVariable: sets variables of the loop around it.

Source: seed 003, `engine.md` 8.3 and the settled points of the specification.
"""

from __future__ import annotations

from typing import Any

from jiuwen_lg.component import SimpleComponent
from jiuwen_lg.engine.graph.loop_protocol import BelongsInLoop
from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.schema.path import Path, is_exact, parse_key
from jiuwen_lg.schema.reference import Literal, Schema, parse_reference, require_no_subscript


class SetVariableComponent(BelongsInLoop, SimpleComponent):
    """Sets variables of the loop around it; components that run later in the round see them.

    Args:
        variable_mapping: `{"${loop.total}": "${add.result}"}`: on the left a variable of the
            loop (`"loop.total"` will do), on the right a reference or a plain value.

    Raises:
        JiuWenBaseException: 101120, the mapping is empty or a left side is no variable; when
            the workflow is built, one that belongs to no loop around. 101151, a subscript
            stands outside the braces.
    """

    def __init__(self, variable_mapping: dict[str, Any]) -> None:
        if not isinstance(variable_mapping, dict) or not variable_mapping:
            raise _bad(f"it needs a mapping of variables, not {variable_mapping!r}")
        self._assignments = [(_variable(left), _value(right)) for left, right in variable_mapping.items()]

    def require_loop(self, loop_id: str | None) -> None:
        """Check that every left side is a variable of the loop around.

        Raises:
            JiuWenBaseException: 101120, one is not.
        """
        for path, _ in self._assignments:
            name = ".".join(map(str, path))
            if loop_id is None:
                raise _bad(f"{name!r} cannot be set: there is no loop around")
            if path[0] != loop_id:
                raise _bad(f"{name!r} cannot be set: only variables of the loop can, such as '{loop_id}.{path[-1]}'")
            if path[1] == "index":
                raise _bad(f"{name!r} cannot be set: the loop counts its rounds itself")

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> None:
        """Set them."""
        for path, value in self._assignments:
            runtime.set_variable(path[1:], value.resolve(runtime.view.read))


def _variable(left: Any) -> Path:
    if not isinstance(left, str):
        raise _bad(f"a left side names a variable, {left!r} does not")
    if left.startswith("${") or left.endswith("}"):
        reference = parse_reference(left)
        if reference is None or left.count("${") != 1 or not is_exact(reference.text):
            raise _bad(f"{left!r} is no variable: write '${{loop.name}}'")
        path = reference.path
    else:
        path = parse_key(left)
    if len(path) < 2 or not all(part != "" for part in path) or "$" in left.lstrip("$"):
        raise _bad(f"{left!r} is no variable of a loop: write '${{loop.name}}'")
    return path


def _value(right: Any) -> Schema:
    require_no_subscript(right, "SetVariableComponent")
    return (parse_reference(right) if isinstance(right, str) else None) or Literal(right)


def _bad(reason: str) -> JiuWenBaseException:
    return StatusCode.SET_VAR_COMPONENT_VAR_MAPPING_ERROR.error(error_msg=reason)
