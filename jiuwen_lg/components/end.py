"""End: gives the workflow's result, as it is or rendered into a template."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from typing_extensions import TypedDict

from jiuwen_lg.component import SimpleComponent
from jiuwen_lg.errors import StatusCode
from jiuwen_lg.schema.path import MISSING
from jiuwen_lg.schema.template import Slot, Template, parse_template, text_of


class EndConfig(TypedDict, total=False):
    """The configuration of an End."""

    responseTemplate: str


class End(SimpleComponent):
    """The exit of a workflow.

    What it gives depends on how it was added (`Workflow.set_end_comp`): its inputs at once,
    or with `response_mode="streaming"` as frames; made of batch inputs, or with a
    `stream_inputs_schema` of frames, or of both. With a template it gives text instead.

    Args:
        conf: `{"responseTemplate": "Hello {{name}}"}`, or nothing for the plain inputs.

    Raises:
        JiuWenBaseException: 102120, the template is not a string.

    Source: seed 003, `engine.md` 2.6, 7.5 and 7.6, `components.md` 7.2.
    """

    drawn_as = "end"

    runs_without_frames = True

    def __init__(self, conf: EndConfig | None = None) -> None:
        self._template = _template(conf)

    @property
    def joins_halves(self) -> bool:
        """Whether frames and batch inputs go into one text."""
        return self._template is not None

    async def invoke(self, inputs: Any, runtime: Any, context: Any) -> dict[str, Any]:
        """`{"output": inputs}` without the keys that are None, or `{"responseContent": text}`."""
        if self._template is not None:
            return {"responseContent": self._template.render(inputs if isinstance(inputs, dict) else {})}
        if isinstance(inputs, dict):
            return {"output": {key: value for key, value in inputs.items() if value is not None}}
        return {"output": inputs}

    async def stream(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[dict[str, Any]]:
        """`{"output": {key: value}}` for each input, or `{"answer": part}` for each part of the template."""
        if self._template is not None:
            async for part in self._rendered(inputs if isinstance(inputs, dict) else {}, None):
                yield {"answer": text_of(part)}
        elif isinstance(inputs, dict):
            for key, value in inputs.items():
                yield {"output": {key: value}}
        else:
            yield {"output": inputs}

    async def transform(self, inputs: Any, runtime: Any, context: Any) -> AsyncIterator[dict[str, Any]]:
        """`{"output": {path: item}}` for each item that comes, or `{"answer": part}` in the template's order."""
        if self._template is not None:
            async for part in self._rendered(inputs, runtime):
                yield {"answer": text_of(part)}
            return
        async for path, item in _items(inputs):
            yield {"output": {path: item}}

    async def collect(self, inputs: Any, runtime: Any, context: Any) -> dict[str, Any] | None:
        """`{"collect_output": [{path: item}, ...]}`, or `{"responseContent": text}`; nothing if nothing came."""
        if self._template is not None:
            parts = [part async for part in self._rendered(inputs, runtime)]
            return {"responseContent": "".join(parts)}
        collected = [{path: item} async for path, item in _items(inputs)]
        return {"collect_output": collected} if collected else None

    async def _rendered(self, inputs: dict[str, Any], runtime: Any) -> AsyncIterator[str]:
        """The template's texts and what its slots stand for, as texts, in order; a slot may give many parts or none.

        A slot that no frames fill stands for a batch input, which is known in the End's own turn.
        """
        assert self._template is not None
        for part in self._template.parts:
            if isinstance(part, str):
                yield part
                continue
            found = _filled(part, inputs)
            if isinstance(found, AsyncIterator):
                async for item in found:
                    yield text_of(item)
                continue
            if found is None and runtime is not None:
                found = part.value(await _batch_of(runtime))
            if found is not None:
                yield text_of(found)


def _filled(slot: Slot, inputs: dict[str, Any]) -> Any:
    """Return the value of a slot: a stream of frames, or a value; None if there is none."""
    found = slot.find(inputs)
    if isinstance(found, AsyncIterator):
        return found
    if _has_frames(found) or (found is MISSING and slot.expression is not None and _has_frames(inputs)):
        raise ValueError("a slot stands for one stream of frames: write {{name}}, without an expression")
    if found is not MISSING:
        return found
    return None if _has_frames(inputs) else slot.value(inputs)


def _has_frames(value: Any) -> bool:
    """Whether a value has generators of frames in it."""
    if isinstance(value, (dict, list)):
        return any(map(_has_frames, value.values() if isinstance(value, dict) else value))
    return isinstance(value, AsyncIterator)


async def _batch_of(runtime: Any) -> dict[str, Any]:
    """The batch inputs of an End that takes frames too."""
    found = None if runtime.batch_inputs is None else await asyncio.shield(runtime.batch_inputs)
    return found if isinstance(found, dict) else {}


async def _items(inputs: Any, path: str = "") -> AsyncIterator[tuple[str, Any]]:
    """Everything that comes, one input after the other, with its place among the inputs: `a`, `n.x`, `l[0]`."""
    if isinstance(inputs, AsyncIterator):
        async for item in inputs:
            yield path, item
    elif isinstance(inputs, dict):
        for key, value in inputs.items():
            async for found in _items(value, f"{path}.{key}" if path else str(key)):
                yield found
    elif isinstance(inputs, list):
        for number, value in enumerate(inputs):
            async for found in _items(value, f"{path}[{number}]"):
                yield found
    else:
        yield path, inputs


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
