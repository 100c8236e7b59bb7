"""Start and End."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, ClassVar

from pydantic import AliasChoices, BaseModel, ConfigDict, Field
from pydantic import ValidationError as Unfit

from jiuwen_lg.compat.current.codes import StatusCode
from jiuwen_lg.compat.current.errors import build_error
from jiuwen_lg.compat.current.translation import translating
from jiuwen_lg.components.end import End as OurEnd
from jiuwen_lg.components.end import _batch_of, _items
from jiuwen_lg.components.start import Start as OurStart
from jiuwen_lg.schema.template import text_of


class Start(OurStart):
    """The entry of a workflow; the checks of a conf, which old documents show, work as well."""

    def __init__(self, conf: dict[str, Any] | None = None) -> None:
        with translating():
            super().__init__(conf)


class EndConfig(BaseModel):
    """The configuration of an End."""

    model_config: ClassVar[ConfigDict] = ConfigDict(populate_by_name=True)

    response_template: str = Field(
        min_length=1,
        validation_alias=AliasChoices("responseTemplate", "response_template"),
        serialization_alias="responseTemplate",
    )


class End(OurEnd):
    """The exit of a workflow: gives its inputs, or a text made from a template.

    Args:
        conf: `{"responseTemplate": "Hello {{name}}"}` or an `EndConfig`; nothing for the plain inputs.

    Raises:
        ValidationError: 100010, the template is empty or no text.
    """

    def __init__(self, conf: EndConfig | dict[str, Any] | None = None) -> None:
        with translating():
            super().__init__(_our_conf(conf))  # type: ignore[arg-type]

    @property
    def joins_halves(self) -> bool:
        """Whether frames and batch inputs become one result: of `invoke` they do, with and without a template."""
        return self._template is not None or not self.gives_frames

    gives_frames: bool = False
    """Whether it was added with `response_mode="streaming"`."""

    async def invoke(self, inputs: Any, session: Any, context: Any) -> dict[str, Any]:
        """`{"output": inputs}` without the keys that are None, or `{"response": text}`."""
        given = await super().invoke(inputs, session, context)
        return {"response": given["responseContent"]} if "responseContent" in given else given

    async def stream(self, inputs: Any, session: Any, context: Any) -> AsyncIterator[dict[str, Any]]:
        """`{"output": {key: value}}` for each input, or `{"response": part}` for each part of the template."""
        async for given in super().stream(inputs, session, context):
            yield _response(given)

    async def transform(self, inputs: Any, session: Any, context: Any) -> AsyncIterator[dict[str, Any]]:
        """`{"output": {path: item}}` for each item that comes, or `{"response": part}`."""
        async for given in super().transform(inputs, session, context):
            yield _response(given)

    async def collect(self, inputs: Any, session: Any, context: Any) -> dict[str, Any] | None:
        """`{"output": [{path: item}, ...]}` with the batch inputs first, or `{"response": text}`."""
        if self._template is not None:
            parts = [text_of(part) async for part in self._rendered(inputs, session)]
            return {"response": "".join(parts)}
        frames = [{path: item} async for path, item in _items(inputs)]
        batch = [{key: value} for key, value in (await _batch_of(session)).items() if value is not None]
        return {"output": [*batch, *frames]} if batch or frames else None


def _response(given: dict[str, Any]) -> dict[str, Any]:
    return {"response": given["answer"]} if "answer" in given else given


def _our_conf(conf: Any) -> dict[str, Any] | None:
    if conf is None or conf == {}:
        return None
    if not isinstance(conf, EndConfig):
        if not isinstance(conf, dict):
            raise build_error(StatusCode.COMPONENT_END_PARAM_INVALID, reason=f"it needs a dict, not {conf!r}")
        if conf.get("responseTemplate", conf.get("response_template")) is None:
            return None
        try:
            conf = EndConfig.model_validate(conf)
        except Unfit as error:
            raise build_error(StatusCode.COMPONENT_END_PARAM_INVALID, cause=error, reason=str(error)) from error
    return {"responseTemplate": conf.response_template}
