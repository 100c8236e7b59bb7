"""SetVariable: sets variables of the loop around it, or values of the workflow.

Source: seed 003, `engine.md` 8.3, `agents.md` 12.5 and the settled points of the specification.
"""

from __future__ import annotations

from typing import Any

from jiuwen_lg.component import SimpleComponent
from jiuwen_lg.engine.graph.loop_protocol import SetsVariables
from jiuwen_lg.errors import JiuWenBaseException, StatusCode
from jiuwen_lg.schema.path import Path, is_exact, parse_key
from jiuwen_lg.schema.reference import Literal, Schema, parse_reference, require_no_subscript


class SetVariableComponent(SetsVariables, SimpleComponent):
    """Sets variables of the loop around it, or values that `${…}` finds in the workflow.

    Components that run later see them. A value that has the name of a component stands for its output
    until the component runs again.

    Args:
        variable_mapping: `{"${loop.total}": "${add.result}"}`: on the left what is set, `"${loop.total}"`,
            `"loop.total"` or a plain name; on the right a reference or a plain value.

    Raises:
        JiuWenBaseException: 101120, the mapping is empty or a left side is malformed; when the workflow is
            built, one in the body of a loop that names neither a variable of that loop nor a plain name.
            101151, a subscript stands outside the braces.
    """

    def __init__(self, variable_mapping: dict[str, Any]) -> None:
        if not isinstance(variable_mapping, dict) or not variable_mapping:
            raise _bad(f"it needs a mapping of variables, not {variable_mapping!r}")
        self._assignments = [(_variable(left), _value(right)) for left, right in variable_mapping.items()]

    def names_in(self, loop_id: str | None) -> list[str]:
        """Return the names that it sets besides the variables of the loop around.

        Raises:
            JiuWenBaseException: 101120, a left side names something that cannot be set there.
        """
        names = []
        for path, _ in self._assignments:
            name = ".".join(map(str, path))
            if loop_id is None or len(path) == 1:
                names.append(str(path[0]))
            elif path[0] != loop_id:
                raise _bad(f"{name!r} cannot be set: only variables of the loop can, such as '{loop_id}.{path[-1]}'")
            elif path[1] == "index":
                raise _bad(f"{name!r} cannot be set: the loop counts its rounds itself")
        return names

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> None:
        """Set them."""
        for path, value in self._assignments:
            runtime.set_variable(path, value.resolve(runtime.view.read))


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
    is_named = path and isinstance(path[0], str) and all(part != "" for part in path)
    if not is_named or left.endswith(".") or "$" in left.lstrip("$"):
        raise _bad(f"{left!r} is no variable: write '${{loop.name}}', '${{name.key}}' or 'name'")
    return path


def _value(right: Any) -> Schema:
    require_no_subscript(right, "SetVariableComponent")
    return (parse_reference(right) if isinstance(right, str) else None) or Literal(right)


def _bad(reason: str) -> JiuWenBaseException:
    return StatusCode.SET_VAR_COMPONENT_VAR_MAPPING_ERROR.error(error_msg=reason)
