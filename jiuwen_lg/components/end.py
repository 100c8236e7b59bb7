"""End: gives the workflow's result, as it is or rendered into a template."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from jiuwen_lg.component import SimpleComponent
from jiuwen_lg.errors import StatusCode
from jiuwen_lg.schema.template import Template, parse_template


class EndConfig(TypedDict, total=False):
    """The configuration of an End."""

    responseTemplate: str


class End(SimpleComponent):
    """The exit of a workflow.

    Args:
        conf: `{"responseTemplate": "Hello {{name}}"}`, or nothing for the plain inputs.

    Raises:
        JiuWenBaseException: 102120, the template is not a string.

    Source: seed 003, `engine.md` 2.6 and 7.6, `components.md` 7.2.
    """

    def __init__(self, conf: EndConfig | None = None) -> None:
        self._template = _template(conf)

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> dict[str, Any]:
        """`{"output": inputs}` without the keys that are None, or `{"responseContent": text}`."""
        if self._template is not None:
            return {"responseContent": self._template.render(inputs if isinstance(inputs, dict) else {})}
        if isinstance(inputs, dict):
            return {"output": {key: value for key, value in inputs.items() if value is not None}}
        return {"output": inputs}


def _template(conf: Any) -> Template | None:
    if conf is None:
        return None
    if not isinstance(conf, dict):
        raise StatusCode.WORKFLOW_END_CREATE_VALUE.error(reason=f"it needs a dict, {conf!r} is not one")
    text = conf.get("responseTemplate")
    if text is None or text == "":
        return None
    if not isinstance(text, str):
        raise StatusCode.WORKFLOW_END_CREATE_VALUE.error(reason=f"responseTemplate must be a string, not {text!r}")
    return parse_template(text)
